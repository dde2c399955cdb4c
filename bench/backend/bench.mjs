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
const CALLS_PER_ROUND = 40;

const CASES = {
  record_usage: () => ['select public.record_usage(($1::text)::jsonb)', [JSON.stringify(newBatch())]],
  usage_summary: () => [`select public.usage_summary(now() - interval '30 days', now(), 'day', 'Europe/Berlin')`, []],
};

/**
 * @param {{ rounds: number, rows: number[] }} options how many rounds of 40 requests a case gets, and at how many rows
 */
export async function* benchBackend({ rounds, rows }) {
  const { asRole } = await tsImport('../../local/server/db/database.ts', import.meta.url);
  const { migrate } = await tsImport('../../local/server/db/migrate.ts', import.meta.url);
  const { openPostgres } = await tsImport('../../local/server/db/postgres.ts', import.meta.url);
  const { paths } = await ensure('postgres');
  const server = await startPostgres({ bin: paths.postgresBin });
  const db = await openPostgres(server.url('postgres'));
  const map = new URL('../../crate/core/data/price-map.txt', import.meta.url);
  try {
    await migrate(db);
    await db.exec(pricesSql(await readFile(map, 'utf8'), '2024-01-01T00:00:00Z'));
    const smallest = {};
    let accounts = 0;
    for (const size of rows.toSorted((a, b) => a - b)) {
      // By a million rows at a time: one transaction of ten million would need their size again.
      for (const wanted = size / CALLS_PER_ACCOUNT; accounts < wanted;) {
        const last = Math.min(wanted, accounts + 10_000);
        await db.exec(fillSql(accounts + 1, last));
        accounts = last;
      }
      for (const [name, request] of Object.entries(CASES)) {
        const ask = async () => {
          const sub = accountId(1 + Math.floor(Math.random() * accounts));
          const [sql, parameters] = request();
          const start = performance.now();
          await asRole(db, 'authenticated', { sub }, (tx) => tx.query(sql, parameters));
          return performance.now() - start;
        };
        await repeat(ask, CALLS_PER_ROUND, CONNECTIONS);
        const alone = (await repeat(ask, rounds * CALLS_PER_ROUND, 1)).times;
        const together = await repeat(ask, rounds * CALLS_PER_ROUND, CONNECTIONS);
        const p50 = percentile(alone, 0.5);
        smallest[name] ??= { size, p50 };
        yield {
          bench: 'backend',
          case: name,
          database: db.description,
          rows: size,
          requests: alone.length,
          records_per_request: name === 'record_usage' ? BATCH : null,
          p50_ms: round(p50),
          p99_ms: round(percentile(alone, 0.99)),
          connections: CONNECTIONS,
          requests_per_second: Math.round((together.times.length / together.ms) * 1_000),
          // Against the smallest size: how many times slower, and what growth by the logarithm would be.
          growth: round(p50 / smallest[name].p50),
          logarithm: round(Math.log(size) / Math.log(smallest[name].size)),
        };
      }
    }
  } finally {
    await db.close();
    await server.close();
  }
}

/** One line for people. @param {any} line */
export function describeBackend(line) {
  const size = line.rows.toLocaleString('en');
  return (
    `backend ${line.case.padEnd(13)} ${size.padStart(10)} rows  p50 ${line.p50_ms.toFixed(2)} ms, p99 ${line.p99_ms.toFixed(2)} ms; ` +
    `${String(line.requests_per_second)} a second on ${String(line.connections)} connections; ` +
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

/**
 * @param {() => Promise<number>} ask
 * @param {number} count
 * @param {number} connections
 */
async function repeat(ask, count, connections) {
  const times = [];
  const start = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left > 0) {
        left -= 1;
        times.push(await ask());
      }
    }),
  );
  return { times, ms: performance.now() - start };
}

/** @param {number[]} times @param {number} share */
function percentile(times, share) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 1_000) / 1_000;
}
