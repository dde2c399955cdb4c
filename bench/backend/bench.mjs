// What a request costs the database while it holds more and more calls: a server of its own, the project's migrations,
// the prices of the whole map, and each request as PostgREST makes it (one transaction under the caller's role).
import { readFile } from 'node:fs/promises';

import { tsImport } from 'tsx/esm/api';

import { startPostgres } from '../../local/postgres.mjs';
import { ensure } from '../../local/setup/main.mjs';
import { pricesSql } from '../../supabase/prices.mjs';
import { accountId, fillSql } from './fill.mjs';

const CALLS_PER_ACCOUNT = 100;
const BATCH = 10;
const CONNECTIONS = 4;
const REQUESTS_PER_ROUND = 40;
/** So many accounts ask, spread over all: those at work, whose pages are in memory. */
const ACTIVE = 200;

const database = tsImport('../../local/server/db/database.ts', import.meta.url);

const CASES = {
  record_usage: () => ({ call: 'public.record_usage(($1::text)::jsonb)', parameters: [JSON.stringify(newBatch())] }),
  usage_summary: () => ({
    call: `public.usage_summary(now() - interval '30 days', now(), 'day', 'Europe/Berlin')`,
    parameters: [],
  }),
};

/**
 * A database for each size, in interleaved rounds, so that a machine that is busy for a while is so for all sizes alike.
 *
 * @param {{ rounds: number, rows: number[] }} options how many rounds of 40 requests a case gets, and at how many rows
 */
export async function* benchBackend({ rounds, rows }) {
  const { openPostgres } = await tsImport('../../local/server/db/postgres.ts', import.meta.url);
  const { paths } = await ensure('postgres');
  // A server for a million rows has more memory than the 128 MB that are PostgreSQL's default.
  const server = await startPostgres({ bin: paths.postgresBin, settings: ['shared_buffers=1GB'] });
  const opened = [];
  try {
    const sizes = rows.toSorted((a, b) => a - b);
    await makeDatabases(server, openPostgres, sizes);
    for (const size of sizes) opened.push({ size, db: await openPostgres(server.url(`rows_${String(size)}`)) });
    for (const name of Object.keys(CASES)) {
      const runs = opened.map((one) => ({ ...one, alone: [], together: [], ms: 0 }));
      for (const { db, size } of runs) {
        for (let account = 0; account < ACTIVE; account++) await request(db, size, name, { account });
      }
      for (let round = 0; round < rounds; round++) {
        for (const run of runs) {
          run.alone.push(...(await repeat(run.db, run.size, name, 1)).times);
          const together = await repeat(run.db, run.size, name, CONNECTIONS);
          run.together.push(...together.times);
          run.ms += together.ms;
        }
      }
      const [smallest] = runs;
      for (const { db, size, alone, together, ms } of runs) {
        yield {
          bench: 'backend',
          case: name,
          database: db.description,
          rows: size,
          requests: alone.length,
          records_per_request: name === 'record_usage' ? BATCH : null,
          p50_ms: round3(percentile(alone, 0.5)),
          p99_ms: round3(percentile(alone, 0.99)),
          connections: CONNECTIONS,
          requests_per_second: Math.round((together.length / ms) * 1_000),
          // What does not depend on the machine: 8 KB pages that a request looks at.
          pages: await pagesOf(db, size, name),
          // Against the smallest size: how many times slower, and what growth by the logarithm would be.
          growth: round3(percentile(alone, 0.5) / percentile(smallest.alone, 0.5)),
          logarithm: round3(Math.log(size) / Math.log(smallest.size)),
        };
      }
    }
  } finally {
    for (const { db } of opened) await db.close();
    await server.close();
  }
}

/** Each size begins as a copy of the one before. */
async function makeDatabases(server, openPostgres, sizes) {
  const { migrate } = await tsImport('../../local/server/db/migrate.ts', import.meta.url);
  const map = new URL('../../crate/core/data/price-map.txt', import.meta.url);
  const admin = await openPostgres(server.url('postgres'));
  let [template, accounts] = ['template1', 0];
  for (const size of sizes) {
    const name = `rows_${String(size)}`;
    await admin.exec(`create database ${name} template ${template}`);
    const db = await openPostgres(server.url(name));
    await migrate(db);
    if (accounts === 0) await db.exec(pricesSql(await readFile(map, 'utf8'), '2024-01-01T00:00:00Z'));
    // By a million rows at a time: one transaction of ten million would need their size again.
    for (const wanted = size / CALLS_PER_ACCOUNT; accounts < wanted;) {
      const last = Math.min(wanted, accounts + 10_000);
      await db.exec(fillSql(accounts + 1, last));
      accounts = last;
    }
    await db.close();
    template = name;
  }
  await admin.close();
}

/** One line for people. @param {any} line */
export function describeBackend(line) {
  const size = line.rows.toLocaleString('en');
  return (
    `backend ${line.case.padEnd(13)} ${size.padStart(10)} rows  p50 ${line.p50_ms.toFixed(2)} ms, p99 ${line.p99_ms.toFixed(2)} ms; ` +
    `${String(line.requests_per_second)} a second on ${String(line.connections)} connections; ${String(line.pages)} pages; ` +
    `${line.growth.toFixed(2)}× the smallest (log: ${line.logarithm.toFixed(2)}×)`
  );
}

/** A client's unsent records. */
function newBatch() {
  return Array.from({ length: BATCH }, () => ({
    call_id: crypto.randomUUID(),
    response_id: 'chatcmpl-1',
    model: 'gpt-4o-mini',
    prompt_tokens: 1_200,
    completion_tokens: 300,
    total_tokens: 1_500,
    cached_tokens: 1_024,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    cost_usd: '0.000283200000',
    cost_source: 'reported',
    outcome: 'done',
    occurred_at: new Date().toISOString(),
  }));
}

/** A request of one of the accounts at work, as PostgREST makes it. `explain` asks for its plan instead. */
async function request(db, size, name, { account = Math.floor(Math.random() * ACTIVE), explain = '' } = {}) {
  const { asRole } = await database;
  const accounts = size / CALLS_PER_ACCOUNT;
  const sub = accountId(1 + Math.floor((account * accounts) / ACTIVE));
  const { call, parameters } = CASES[name]();
  return asRole(db, 'authenticated', { sub }, (tx) => tx.query(`${explain} select ${call}`, parameters));
}

/** 40 requests over so many connections, with the time of each and of all. */
async function repeat(db, size, name, connections) {
  const times = [];
  const start = performance.now();
  let left = REQUESTS_PER_ROUND;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left > 0) {
        left -= 1;
        const asked = performance.now();
        await request(db, size, name);
        times.push(performance.now() - asked);
      }
    }),
  );
  return { times, ms: performance.now() - start };
}

/** The median of nine requests. */
async function pagesOf(db, size, name) {
  const counts = [];
  for (let index = 0; index < 9; index++) {
    const [row] = await request(db, size, name, { explain: 'explain (analyze, buffers, format json)' });
    const [{ Plan: plan }] = row['QUERY PLAN'];
    counts.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']);
  }
  return percentile(counts, 0.5);
}

/** @param {number[]} times @param {number} share */
function percentile(times, share) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** @param {number} number */
function round3(number) {
  return Math.round(number * 1_000) / 1_000;
}
