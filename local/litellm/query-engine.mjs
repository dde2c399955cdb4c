/**
 * Stands in for Prisma's native `query-engine`, for LiteLLM's proxy.
 *
 * LiteLLM reaches its database through Prisma's Python client, which starts a native program and speaks HTTP with it.
 * No package registry carries that program, but npm's @prisma/client carries the very same engine, compiled to
 * WebAssembly. This file gives it what the Python client expects: the native one's command line (`--version`,
 * `-p PORT`) and its HTTP surface (queries in the GraphQL protocol, transactions, status). Nothing of a query is decided
 * here; translation.mjs brings it from the one protocol into the other.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

import { openPool } from './postgres-pool.mjs';
import { jsonFields, Translation } from './translation.mjs';

/** The engine's commit in @prisma/client 5.17.0, which prisma 0.15.0 of PyPI asks for. */
const version = '393aa359c9ad4a4bb28630fb5613f9c281cde053';
/** The engine wants a trace context with everything. */
const noTrace = '{}';

const args = process.argv.slice(2);
if (args.includes('--version')) {
  process.stdout.write(`query-engine ${version}\n`);
} else {
  await serve(Number(args[args.indexOf('-p') + 1]));
}

/** @param {number} port */
async function serve(port) {
  // Prisma's packages are in the cache, not beside this file.
  const load = createRequire(path.join(environment('GODOTY_PRISMA'), 'package.json'));
  const datamodel = readFileSync(environment('PRISMA_DML_PATH'), 'utf8');
  const engine = await openEngine(load, datamodel);
  const translation = new Translation(load('graphql'), jsonFields(datamodel));

  const server = createServer((request, response) => {
    answer(engine, translation, request)
      .catch((/** @type {unknown} */ error) => ({ status: 500, body: JSON.stringify({ errors: [failure(error)] }) }))
      .then(({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body));
  });
  server.listen(port, '127.0.0.1');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}

/**
 * @param {NodeJS.Require} load
 * @param {string} datamodel
 */
async function openEngine(load, datamodel) {
  const glue = load('@prisma/client/runtime/query_engine_bg.postgresql.js');
  const file = load.resolve('@prisma/client/runtime/query_engine_bg.postgresql.wasm');
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { './query_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);

  const { PrismaPg } = load('@prisma/adapter-pg');
  const { bindAdapter } = load('@prisma/driver-adapter-utils');
  const url = databaseUrl();
  const adapter = bindAdapter(new PrismaPg(openPool(load, url)));
  const options = {
    datamodel,
    engineProtocol: 'json',
    configDir: '.',
    env: { DATABASE_URL: url },
    datasourceOverrides: {},
    logLevel: 'error',
    logQueries: false,
    enableTracing: false,
  };
  const engine = new glue.QueryEngine(options, () => undefined, adapter);
  await engine.connect(noTrace);
  return engine;
}

/**
 * @param {any} engine
 * @param {Translation} translation
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<{status: number, body: string}>}
 */
async function answer(engine, translation, request) {
  const where = request.url ?? '/';
  if (where.startsWith('/status')) return ok('{"status":"ok"}');
  if (where.startsWith('/metrics')) return ok('{"counters":[],"gauges":[],"histograms":[]}');
  const body = await read(request);

  if (where === '/transaction/start') {
    const started = await engine.startTransaction(body, noTrace);
    const { error_code: code, errors } = JSON.parse(started);
    return { status: code === undefined && errors === undefined ? 200 : 500, body: started };
  }
  const [, transaction, end] = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(where) ?? [];
  if (end === 'commit') return ok((await engine.commitTransaction(transaction, noTrace)) || '{}');
  if (end === 'rollback') return ok((await engine.rollbackTransaction(transaction, noTrace)) || '{}');

  const inTransaction = request.headers['x-transaction-id'];
  const ask = async (/** @type {unknown} */ query) =>
    JSON.parse(await engine.query(JSON.stringify(query), noTrace, inTransaction));
  const { query, batch, transaction: atomic } = JSON.parse(body);
  const result = Array.isArray(batch)
    ? await translation.batch(batch, Boolean(atomic), ask)
    : await translation.single(query, ask);
  return ok(JSON.stringify(result));
}

/** @param {string} body */
function ok(body) {
  return { status: 200, body };
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<string>}
 */
async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

/**
 * An error as the native engine reports one.
 *
 * @param {unknown} error
 */
function failure(error) {
  const message = String(error);
  return { error: message, user_facing_error: { message, is_panic: false } };
}

/** The Python client's override wins, without the parameters that only Prisma understands. */
function databaseUrl() {
  const overrides = JSON.parse(process.env['OVERWRITE_DATASOURCES'] ?? '[]');
  const url = new URL(overrides[0]?.url ?? environment('DATABASE_URL'));
  const own = ['connection_limit', 'pool_timeout', 'schema', 'connect_timeout', 'pgbouncer', 'socket_timeout'];
  for (const name of own) url.searchParams.delete(name);
  return url.toString();
}

/** @param {string} name */
function environment(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
