/**
 * Between the two protocols of Prisma's engine. The Python client speaks the older one, GraphQL text with plain values
 * in the answers; the WebAssembly engine speaks JSON, in which values that JSON lacks are tagged:
 * `{"$type":"DateTime","value":"…"}`.
 */

/** Longer names before their beginnings. */
const actions = [
  ...['findUniqueOrThrow', 'findUnique', 'findFirstOrThrow', 'findFirst', 'findMany'],
  ...['createManyAndReturn', 'createMany', 'createOne', 'updateMany', 'updateOne', 'deleteMany', 'deleteOne'],
  ...['upsertOne', 'aggregate', 'groupBy'],
];
/** Arguments that hold fields of the model. */
const holders = new Set(['data', 'create', 'update', 'where', 'AND', 'OR', 'NOT']);
/** Operations on one field. */
const operations = new Set(['set', 'equals', 'not']);

/** @typedef {{key: string, request: {modelName?: string, action: string, query: {arguments: any, selection: any}}}} Part */
/** @typedef {(query: unknown) => Promise<any>} Ask */

/**
 * The fields of each model that hold JSON: GraphQL has them as text, which the engine must be told apart from text.
 *
 * @param {string} datamodel Prisma's schema
 * @returns {Map<string, Set<string>>} by model
 */
export function jsonFields(datamodel) {
  const models = datamodel.matchAll(/^model\s+(\w+)\s*\{$(.*?)^\}/gms);
  return new Map(
    [...models].map(([, name = '', body = '']) => [
      name,
      new Set([...body.matchAll(/^\s+(\w+)\s+Json\b/gm)].map(([, field = '']) => field)),
    ]),
  );
}

export class Translation {
  #graphql;
  #jsonFields;

  /**
   * @param {any} graphql the package of that name
   * @param {Map<string, Set<string>>} fields of `jsonFields`
   */
  constructor(graphql, fields) {
    this.#graphql = graphql;
    this.#jsonFields = fields;
  }

  /**
   * Answers one GraphQL document.
   *
   * @param {string} document
   * @param {Ask} ask
   */
  async single(document, ask) {
    /** @type {Record<string, unknown>} */
    const data = {};
    for (const { key, request } of this.#parts(document)) {
      const answer = await ask(request);
      if (answer.errors) return { errors: answer.errors };
      data[key] = valueOf(request.action, answer.data);
    }
    return { data };
  }

  /**
   * Answers several documents of one part each.
   *
   * @param {{query: string}[]} documents
   * @param {boolean} atomic
   * @param {Ask} ask
   */
  async batch(documents, atomic, ask) {
    const parts = documents.flatMap(({ query }) => this.#parts(query).slice(0, 1));
    const batch = parts.map(({ request }) => request);
    const answer = await ask({ batch, transaction: atomic ? {} : undefined });
    if (answer.errors) return answer;
    const batchResult = answer.batchResult.map((/** @type {any} */ one, /** @type {number} */ index) => {
      const { key = '', request } = parts[index] ?? {};
      return one.errors ? one : { data: { [key]: valueOf(request?.action ?? '', one.data) } };
    });
    return { batchResult };
  }

  /**
   * @param {string} document
   * @returns {Part[]}
   */
  #parts(document) {
    const [operation] = this.#graphql.parse(document).definitions;
    return operation.selectionSet.selections.map((/** @type {any} */ field) => {
      const name = field.name.value;
      const key = (field.alias ?? field.name).value;
      if (name === 'queryRaw' || name === 'executeRaw') {
        return { key, request: { action: name, query: { arguments: argumentsOf(field), selection: {} } } };
      }
      const action = actions.find((one) => name.startsWith(one));
      if (action === undefined) throw new Error(`no such query: ${name}`);
      const modelName = name.slice(action.length);
      const json = this.#jsonFields.get(modelName) ?? new Set();
      const query = { arguments: tagFields(argumentsOf(field), json), selection: selectionOf(field) };
      return { key, request: { modelName, action, query } };
    });
  }
}

/** @param {any} field */
function argumentsOf(field) {
  return Object.fromEntries(
    (field.arguments ?? []).map((/** @type {any} */ argument) => [argument.name.value, literal(argument.value)]),
  );
}

/**
 * @param {any} field
 * @returns {Record<string, unknown>}
 */
function selectionOf(field) {
  return Object.fromEntries(
    (field.selectionSet?.selections ?? []).map((/** @type {any} */ one) => {
      if (!one.selectionSet) return [one.name.value, true];
      const args = argumentsOf(one);
      const selection = selectionOf(one);
      return [one.name.value, Object.keys(args).length > 0 ? { arguments: args, selection } : { selection }];
    }),
  );
}

/**
 * @param {any} node a value of a GraphQL document
 * @returns {unknown}
 */
function literal(node) {
  switch (node.kind) {
    case 'NullValue':
      return null;
    case 'IntValue': {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: node.value };
    }
    case 'FloatValue':
      return Number(node.value);
    case 'ListValue':
      return node.values.map(literal);
    case 'ObjectValue':
      return Object.fromEntries(
        node.fields.map((/** @type {any} */ field) => [field.name.value, literal(field.value)]),
      );
    default:
      return node.value;
  }
}

/**
 * Tags the texts of JSON fields.
 *
 * @param {any} value
 * @param {Set<string>} json the model's JSON fields
 * @returns {any}
 */
function tagFields(value, json) {
  if (Array.isArray(value)) return value.map((one) => tagFields(one, json));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (json.has(name)) return [name, tagJson(inner)];
      return [name, holders.has(name) || Array.isArray(inner) ? tagFields(inner, json) : inner];
    }),
  );
}

/**
 * @param {any} value
 * @returns {any}
 */
function tagJson(value) {
  if (typeof value === 'string') return { $type: 'Json', value };
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, operations.has(name) ? tagJson(inner) : inner]),
  );
}

/** @param {any} value */
function isPlainObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && value.$type === undefined;
}

/**
 * The value of an answer with one member, as GraphQL has it.
 *
 * @param {string} action
 * @param {Record<string, unknown>} data
 */
function valueOf(action, data) {
  const value = untag(Object.values(data)[0]);
  if (action === 'queryRaw' && value?.rows !== undefined) parseJsonColumns(value);
  return value;
}

/**
 * @param {any} value
 * @returns {any}
 */
function untag(value) {
  if (Array.isArray(value)) return value.map(untag);
  if (value === null || typeof value !== 'object') return value;
  if ('$type' in value) {
    return value.$type === 'Json' && typeof value.value !== 'string' ? JSON.stringify(value.value) : value.value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, untag(inner)]));
}

/**
 * The Python client takes the JSON columns of a raw query parsed.
 *
 * @param {{types: string[], rows: unknown[][]}} result
 */
function parseJsonColumns({ types, rows }) {
  for (const [index, type] of types.entries()) {
    if (type !== 'json') continue;
    for (const row of rows) {
      const text = row[index];
      if (typeof text === 'string') row[index] = parsedOrText(text);
    }
  }
}

/** @param {string} text */
function parsedOrText(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
