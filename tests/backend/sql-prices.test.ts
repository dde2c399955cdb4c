import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { beforeEach, describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { priceRows, pricesSql } from '../../supabase/prices.mjs';
import { engines, useDatabase } from './databases.ts';
import { codeOf, newUser, value } from './sql.ts';
import { usageRecord } from './support.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const MAP = await read('crate/core/data/price-map.txt');

describe.each(engines)('costs on $name', (engine) => {
  let db: Database;
  let user: string;

  useDatabase(engine, (opened) => (db = opened));
  beforeEach(async () => {
    user = await newUser(db);
  });

  const record = (...records: Record<string, unknown>[]): Promise<unknown> =>
    value(db, 'authenticated', { sub: user }, 'public.record_usage(($1::text)::jsonb)', [JSON.stringify(records)]);
  const setPrices = (from: string, ...prices: object[]): Promise<{ changed: number }> =>
    value(db, 'service_role', {}, 'public.set_model_prices(($1::text)::jsonb, $2)', [JSON.stringify(prices), from]);
  const computed = async (overrides: object): Promise<unknown> => {
    const sent = usageRecord({ cached_tokens: 0, reasoning_tokens: 0, ...overrides });
    await record(sent);
    const rows = await db.query<{ cost: string | null }>(
      'select trim_scale(cost_computed)::text as cost from public.usage_records where user_id = $1 and call_id = $2',
      [user, sent['call_id']],
    );
    return rows[0]?.cost;
  };

  it('are the core’s to the last digit, for 1,500 usages of the whole price map', async () => {
    await db.exec(pricesSql(MAP, '2024-01-01T00:00:00Z'));
    const [, ...lines] = (await read('tests/fixtures/cost/estimates.tsv')).trimEnd().split('\n');
    expect(lines).toHaveLength(1_500);
    const cases = lines.map((line) => {
      const [model, prompt, completion, total, cached, cacheWrite, reasoning, pico = ''] = line.split('\t');
      const id = crypto.randomUUID();
      const sent = usageRecord({
        call_id: id,
        model,
        prompt_tokens: Number(prompt),
        completion_tokens: Number(completion),
        total_tokens: Number(total),
        cached_tokens: Number(cached),
        cache_write_tokens: Number(cacheWrite),
        reasoning_tokens: Number(reasoning),
      });
      return { id, sent, line, pico: pico === 'unknown' ? null : pico };
    });
    for (let start = 0; start < cases.length; start += 100) {
      await record(...cases.slice(start, start + 100).map(({ sent }) => sent));
    }
    const rows = await db.query<{ call_id: string; pico: string | null }>(
      `select call_id, trim_scale(cost_computed * 1000000000000)::text as pico from public.usage_records where user_id = $1`,
      [user],
    );
    const costs = new Map(rows.map(({ call_id, pico }) => [call_id, pico]));
    const wrong = cases.filter(({ id, pico }) => costs.get(id) !== pico);
    expect(wrong.map(({ line, id }) => `${line}: ${costs.get(id)}`)).toEqual([]);
    expect(cases.filter(({ pico }) => pico !== null && pico !== '0').length).toBeGreaterThan(1_000);
  });

  it('come from the prices that were in force at the time of the call', async () => {
    const price = (input: string): object => ({ model: 'dated', provider: 'x', input, output: '0' });
    await setPrices('2025-03-01T00:00:00Z', price('2e-6'));
    await setPrices('2025-01-01T00:00:00Z', price('1e-6'));
    await setPrices('2025-02-01T00:00:00Z', { model: 'dated' });
    const at = (occurred_at: string): Promise<unknown> => computed({ model: 'dated', occurred_at });
    expect([
      await at('2024-12-31T23:59:59.999Z'),
      await at('2025-01-01T00:00:00Z'),
      await at('2025-02-01T00:00:00Z'),
      await at('2025-02-28T23:59:59Z'),
      await at('2025-03-01T00:00:00Z'),
    ]).toEqual([null, '0.000012', null, null, '0.000024']);
  });

  it('find a model with its provider in front of it, if it is that provider’s', async () => {
    await setPrices('2025-01-01T00:00:00Z', { model: 'named/once', provider: 'them', input: '1e-6' });
    expect(await computed({ model: 'them/named/once' })).toBe('0.000012');
    expect(await computed({ model: 'others/named/once' })).toBeNull();
    await setPrices('2025-01-01T00:00:00Z', { model: 'them/named/once', provider: 'them', input: '3e-6' });
    expect(await computed({ model: 'them/named/once' })).toBe('0.000036');
  });

  it('are rounded once, half up, at the end', async () => {
    const price = { model: 'tiny', input: '0.0000000000001', output: '0.00000000000005', cache_read: '0' };
    await setPrices('2025-01-01T00:00:00Z', price);
    expect(await computed({ model: 'tiny', prompt_tokens: 4, completion_tokens: 2 })).toBe('0.000000000001');
    expect(await computed({ model: 'tiny', prompt_tokens: 4, completion_tokens: 1 })).toBe('0');
  });

  it('are the server’s, whatever a client or a later change says', async () => {
    await setPrices('2025-01-01T00:00:00Z', { model: 'fixed', input: '1e-6' });
    const sent = usageRecord({ model: 'fixed', cost_usd: '0', cost_source: 'reported' });
    await record(sent);
    const figures = (): Promise<unknown[]> =>
      db.query(
        `select trim_scale(cost_computed)::text as computed, cost_estimated::text as said from public.usage_records where call_id = $1`,
        [sent['call_id']],
      );
    expect(await figures()).toEqual([{ computed: '0.000012', said: '0' }]);
    await db.query('update public.usage_records set cost_computed = 5 where call_id = $1', [sent['call_id']]);
    expect(await figures()).toEqual([{ computed: '0.000012', said: '0' }]);
    await setPrices('2025-01-01T00:00:00Z', { model: 'fixed', input: '2e-6' });
    await db.query('update public.usage_records set model = model where call_id = $1', [sent['call_id']]);
    expect(await figures()).toEqual([{ computed: '0.000024', said: '0' }]);
  });

  it('are unknown, and not nothing, where nobody counted the tokens', async () => {
    await setPrices('2025-01-01T00:00:00Z', { model: 'uncounted', input: '1e-6', output: '1e-6' });
    const none = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    const stopped = { ...none, model: 'uncounted', outcome: 'cancelled', cost_usd: null, cost_source: 'unknown' };
    expect(await computed(stopped)).toBeNull();
    const day = 24 * 3_600_000;
    const around = [-day, day].map((distance) => new Date(Date.now() + distance).toISOString());
    expect(
      await value(db, 'authenticated', { sub: user }, `public.usage_summary($1, $2, 'day', 'UTC')`, around),
    ).toMatchObject({
      totals: { requests: 1, unknown_costs: 1 },
    });
    expect(await computed({ ...none, model: 'uncounted', prompt_tokens: 1 })).toBe('0.000001');
  });

  it('that count are what was billed, else the server’s own, else what the client said', async () => {
    await setPrices('2025-01-01T00:00:00Z', { model: 'known', input: '1e-6' });
    const sent = [
      usageRecord({ model: 'known', occurred_at: '2025-11-20T01:00:00Z', cost_usd: '7' }),
      usageRecord({ model: 'known', occurred_at: '2025-11-20T02:00:00Z', cost_usd: '7' }),
      usageRecord({ model: 'nobody’s', occurred_at: '2025-11-20T03:00:00Z', cost_usd: '7', cost_source: 'header' }),
      usageRecord({ model: 'nobody’s', occurred_at: '2025-11-20T04:00:00Z', cost_usd: null, cost_source: 'unknown' }),
    ];
    await record(...sent);
    await db.query('update public.usage_records set cost_settled = 9, settled_at = now() where call_id = $1', [
      sent[0]?.['call_id'],
    ]);
    const calls = await value<{ cost_usd: string; cost_source: string }[]>(
      ...([db, 'authenticated', { sub: user }, 'public.usage_requests()'] as const),
    );
    expect(calls.map(({ cost_usd, cost_source }) => [cost_usd, cost_source]).reverse()).toEqual([
      ['9', 'settled'],
      ['0.000012', 'catalog'],
      ['7', 'header'],
      [null, 'unknown'],
    ]);
    const day = ['2025-11-20', '2025-11-21', 'day', 'UTC'];
    expect(await value(db, 'authenticated', { sub: user }, 'public.usage_summary($1, $2, $3, $4)', day)).toMatchObject({
      totals: { cost_usd: '16.000012', estimated: true, unknown_costs: 1 },
    });
  });

  describe('set_model_prices', () => {
    const base = { model: 'again', provider: 'x', input: '1e-6' };
    const tier = { model: 'again', provider: 'x', above: 200_000, input: '2e-6' };
    const versions = (): Promise<{ version: string }[]> =>
      db.query(
        `select to_char(effective_from at time zone 'UTC', 'MM-DD') || ':' || count(*) as version
         from public.model_prices where model = 'again' group by effective_from order by effective_from`,
      );

    it('adds what differs and nothing else, however often and in whatever spelling', async () => {
      expect(await setPrices('2025-01-01T00:00:00Z', base, tier)).toEqual({ changed: 1 });
      expect(await setPrices('2025-01-01T00:00:00Z', tier, base)).toEqual({ changed: 0 });
      expect(await setPrices('2025-02-01T00:00:00Z', { ...base, input: '0.0000010' }, tier)).toEqual({ changed: 0 });
      expect(await setPrices('2025-03-01T00:00:00Z', base)).toEqual({ changed: 1 });
      expect(await setPrices('2025-03-01T00:00:00Z', { ...base, output: '1' })).toEqual({ changed: 1 });
      expect((await versions()).map(({ version }) => version)).toEqual(['01-01:2', '03-01:1']);
    });

    it('takes the whole map a second time as nothing new', async () => {
      await db.exec(pricesSql(MAP, '2024-01-01T00:00:00Z'));
      const before = await db.query<{ count: number }>('select count(*)::integer as count from public.model_prices');
      await db.exec(pricesSql(MAP));
      expect(await db.query('select count(*)::integer as count from public.model_prices')).toEqual(before);
      expect(before[0]?.count).toBeGreaterThanOrEqual(priceRows(MAP).length);
    });

    it.each<[string, object, string]>([
      ['a negative price', { model: 'bad', input: '-1' }, '23514'],
      ['a price that is no number', { model: 'bad', input: 'cheap' }, '22P02'],
      ['an absurd price', { model: 'bad', input: '1000000' }, '22003'],
      ['no model', { input: '1' }, '23502'],
      ['a range that ends before it begins', { model: 'bad', above: 5, up_to: 5 }, '23514'],
    ])('refuses %s, and all that came with it', async (_case, price, code) => {
      expect(await codeOf(setPrices('2025-01-01T00:00:00Z', { model: 'good', input: '1' }, price))).toBe(code);
      expect(await db.query(`select 1 from public.model_prices where model = 'good'`)).toEqual([]);
    });

    it('refuses what is no list', async () => {
      const work = value(db, 'service_role', {}, `public.set_model_prices('{}', now())`);
      expect(await codeOf(work)).toBe('invalid_request');
    });
  });
});

describe('the script of the prices', () => {
  it('says the same of the same map, in the order of the map', () => {
    expect(pricesSql(MAP)).toBe(pricesSql(MAP));
    expect(priceRows(MAP).length).toBeGreaterThan(3_000);
  });

  it('are what the command prints, from the moment that it is told', async () => {
    const args = ['supabase/prices.mjs', '--from', '2026-12-01T00:00:00Z'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 1024 * 1024 });
    expect(stdout).toBe(pricesSql(MAP, '2026-12-01T00:00:00Z'));
    expect(stdout.trimEnd()).toMatch(/\$prices\$, '2026-12-01T00:00:00.000Z'\);$/);
  });

  it('reads base, tiers and ranges', () => {
    const line = 'm\tp\tvt\t1\t2\ti=1e-6 o=2e-6 r=1 w=2 h=3 i>200000=4 o>200000=5 i@0-10=6 o@0-10=7';
    expect(priceRows(`godoty-price-map/1\n${line}\nfree\tp\t\t\t\t\n`)).toEqual([
      ...[
        { model: 'm', provider: 'p', input: '1e-6', output: '2e-6', cache_read: '1', cache_write: '2', reasoning: '3' },
      ],
      ...[{ model: 'm', provider: 'p', above: 200_000, input: '4', output: '5' }],
      ...[{ model: 'm', provider: 'p', above: 0, up_to: 10, input: '6', output: '7' }],
      { model: 'free', provider: 'p' },
    ]);
  });

  it('takes no map of another format and no price it does not know', () => {
    expect(() => priceRows('godoty-price-map/2\n')).toThrow('godoty-price-map/1');
    expect(() => priceRows('godoty-price-map/1\nm\tp\t\t\t\tz=1\n')).toThrow('z=1');
  });
});
