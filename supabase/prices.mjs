// `node supabase/prices.mjs [--from 2026-12-01T00:00:00Z] | psql "$DATABASE_URL"`: the prices of LiteLLM's price map as
// SQL. Without --from they hold from the moment that the database reads them. Run again after an update of the map,
// it adds what has changed and nothing else; the same map gives the same text.
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAP = new URL('../crate/core/data/price-map.txt', import.meta.url);
const FORMAT = 'godoty-price-map/1';
/** @type {Readonly<Record<string, string>>} */
const FIELDS = { i: 'input', o: 'output', r: 'cache_read', w: 'cache_write', h: 'reasoning' };

/**
 * The rows of `set_model_prices`. The map's format is described in crate/core/src/catalog/map.rs.
 *
 * @param {string} map the text of price-map.txt
 * @returns {Record<string, string | number>[]}
 */
export function priceRows(map) {
  const [head, ...lines] = map.split('\n');
  if (head?.split(' ')[0] !== FORMAT) throw new Error(`${MAP.pathname} is no ${FORMAT}`);
  return lines
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [model = '', provider = '', , , , prices = ''] = line.split('\t');
      const of = { model, provider };
      /** @type {Map<string, Record<string, string | number>>} */
      const rows = new Map([['', { ...of }]]);
      for (const item of prices.split(' ').filter((text) => text !== '')) {
        const [, letter = '', condition = '', above, up_to, price = ''] =
          /^([a-z])((?:>|@)(\d+)(?:-(\d+))?)?=(.+)$/.exec(item) ?? [];
        const field = FIELDS[letter];
        if (field === undefined) throw new Error(`${model}: nobody knows the price ${item}`);
        const bounds = { ...(above && { above: Number(above) }), ...(up_to && { up_to: Number(up_to) }) };
        const row = rows.get(condition) ?? { ...of, ...bounds };
        row[field] = price;
        rows.set(condition, row);
      }
      return [...rows.values()];
    });
}

/**
 * @param {string} map
 * @param {string} [from]
 */
export function pricesSql(map, from) {
  const rows = priceRows(map).map((row) => JSON.stringify(row));
  const json = `[\n${rows.join(',\n')}\n]`;
  if (json.includes('$prices$')) throw new Error('a name in the map would end the quotes of the SQL');
  const since = from === undefined ? '' : `, '${new Date(from).toISOString()}'`;
  return `select public.set_model_prices($prices$${json}$prices$${since});\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { from: { type: 'string' } } });
  process.stdout.write(pricesSql(await readFile(MAP, 'utf8'), values.from));
}
