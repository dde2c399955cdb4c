/** Connections to LiteLLM's database, with results of types that Prisma's adapter does not know. */

const maxConnections = 10;
/** Types of PostgreSQL's catalogue by their object ids. */
const types = { nameArray: 1003, textArray: 1009, name: 19, regclass: 2205, text: 25 };

/**
 * LiteLLM asks the catalogue about its tables and gets `name`, `name[]` and `regclass`; @prisma/adapter-pg 5.17 refuses
 * those. They read like text, so they are passed on as text.
 *
 * @param {NodeJS.Require} load finds Prisma's packages
 * @param {string} connectionString
 */
export function openPool(load, connectionString) {
  /** @type {any} */
  const pg = load('pg');
  const parseTextArray = pg.types.getTypeParser(types.textArray);

  const asText = (/** @type {any} */ result) => {
    for (const [index, field] of (result?.fields ?? []).entries()) {
      if (field.dataTypeID === types.name || field.dataTypeID === types.regclass) field.dataTypeID = types.text;
      if (field.dataTypeID !== types.nameArray) continue;
      field.dataTypeID = types.textArray;
      for (const row of result.rows) {
        const column = Array.isArray(row) ? index : field.name;
        if (typeof row[column] === 'string') row[column] = parseTextArray(row[column]);
      }
    }
    return result;
  };

  class Client extends pg.Client {
    /**
     * A pool asks with a callback, everybody else for a promise.
     *
     * @param {any[]} args
     * @returns {any}
     */
    query(...args) {
      const callback = args.at(-1);
      if (typeof callback === 'function') {
        return super.query(...args.slice(0, -1), (/** @type {unknown} */ error, /** @type {unknown} */ result) =>
          callback(error, asText(result)),
        );
      }
      const pending = super.query(...args);
      return typeof pending?.then === 'function' ? pending.then(asText) : pending;
    }
  }

  return new pg.Pool({ connectionString, max: maxConnections, Client });
}
