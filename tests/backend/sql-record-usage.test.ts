import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isSqlError } from '../../local/server/db/database.ts';
import type { Database } from '../../local/server/db/database.ts';
import { engines, realPostgres, useDatabase, withRealPostgres } from './databases.ts';
import { newUser, refusalOf, value } from './sql.ts';
import { usageRecord } from './support.ts';

interface Outcome {
  recorded: number;
  known: number;
}

/** A call by its place in a pool of ids, and a fact that tells two versions of it apart. */
interface Call {
  readonly id: number;
  readonly tokens: number;
}

const POOL = Array.from({ length: 12 }, () => crypto.randomUUID());
const AnyCall = fc.record({ id: fc.nat(POOL.length - 1), tokens: fc.integer({ min: 1, max: 1_000 }) });
const AnyBatches = fc.array(fc.array(AnyCall, { maxLength: 20 }), { maxLength: 10 });

const record = (db: Database, user: string, calls: readonly Call[]): Promise<Outcome> =>
  value(db, 'authenticated', { sub: user }, 'public.record_usage(($1::text)::jsonb)', [
    JSON.stringify(calls.map(({ id, tokens }) => usageRecord({ call_id: POOL[id], total_tokens: tokens }))),
  ]);

const kept = async (db: Database, user: string): Promise<ReadonlyMap<string, number>> =>
  new Map(
    (
      await db.query<{ call_id: string; total_tokens: number }>(
        'select call_id, total_tokens from public.usage_records where user_id = $1',
        [user],
      )
    ).map((row) => [row.call_id, row.total_tokens]),
  );

describe.each(engines)('recording on $name', (engine) => {
  let db: Database;

  useDatabase(engine, (opened) => (db = opened));

  it('keeps the first version of each call, whatever batches, orders and repetitions it comes in', async () => {
    await fc.assert(
      fc.asyncProperty(AnyBatches, async (batches) => {
        const user = await newUser(db);
        const model = new Map<string, number>();
        for (const batch of batches) {
          let fresh = 0;
          for (const { id, tokens } of batch) {
            const callId = POOL[id] ?? '';
            if (!model.has(callId)) {
              model.set(callId, tokens);
              fresh += 1;
            }
          }
          expect(await record(db, user, batch)).toEqual({ recorded: fresh, known: batch.length - fresh });
        }
        expect(await kept(db, user)).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  it('takes so many calls in an hour and no more, which nobody else feels', async () => {
    const [user, other] = [await newUser(db), await newUser(db)];
    await db.query(`update godoty.rate_rules set burst = 30 where name = 'usage_report_by_user'`);
    try {
      const batch = (size: number): Call[] => POOL.slice(0, size).map((_, id) => ({ id, tokens: 1 }));
      await record(db, user, batch(12));
      await record(db, user, batch(12));
      const refusal = await refusalOf(record(db, user, batch(12)));
      expect(refusal).toMatchObject({
        code: 'rate_limited',
        message: expect.stringMatching(/in \d+ seconds/) as string,
      });
      // What is left is not lost by having asked for more.
      expect(await record(db, user, batch(6))).toEqual({ recorded: 0, known: 6 });
      expect(await record(db, other, batch(12))).toEqual({ recorded: 12, known: 0 });
    } finally {
      await db.query(`update godoty.rate_rules set burst = 5000 where name = 'usage_report_by_user'`);
    }
  });
});

describe.runIf(withRealPostgres)('recording over several connections', () => {
  let db: Database;

  useDatabase(realPostgres, (opened) => (db = opened));

  it('counts each call once and never deadlocks, whatever comes at once', async () => {
    await fc.assert(
      fc.asyncProperty(AnyBatches, async (batches) => {
        const user = await newUser(db);
        const outcomes = await Promise.all(batches.map((batch) => record(db, user, batch)));
        const versions = batches.flat();
        const ids = new Set(versions.map(({ id }) => POOL[id] ?? ''));
        const sum = (field: keyof Outcome): number => outcomes.reduce((total, outcome) => total + outcome[field], 0);
        expect([sum('recorded'), sum('known')]).toEqual([ids.size, versions.length - ids.size]);
        const rows = await kept(db, user);
        expect([...rows.keys()].sort()).toEqual([...ids].sort());
        for (const [callId, tokens] of rows) {
          expect(versions.some((call) => POOL[call.id] === callId && call.tokens === tokens)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('would deadlock without the order of the ids, so the test can see it', async () => {
    const user = await newUser(db);
    const insert = async (first: number, second: number): Promise<void> => {
      await db.transaction(async (tx) => {
        for (const id of [first, second]) {
          await tx.query(
            `insert into public.usage_records (user_id, call_id, model, prompt_tokens, completion_tokens, total_tokens,
               cached_tokens, cache_write_tokens, reasoning_tokens, cost_source, outcome, occurred_at)
             values ($1, $2, 'm', 0, 0, 0, 0, 0, 0, 'unknown', 'done', now()) on conflict do nothing`,
            [user, POOL[id]],
          );
          await bothHere(id);
        }
      });
    };
    // Each holds one of the rows before either asks for the other's.
    const here = new Set<number>();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const bothHere = async (id: number): Promise<void> => {
      here.add(id);
      if (here.size === 2) {
        open();
      }
      await gate;
    };
    const outcomes = await Promise.allSettled([insert(0, 1), insert(1, 0)]);
    const codes = outcomes.map((outcome) =>
      outcome.status === 'rejected' && isSqlError(outcome.reason) ? outcome.reason.code : 'done',
    );
    expect(codes.sort()).toEqual(['40P01', 'done']);
  });

  it('keeps the batches of different accounts out of each other’s way', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, () => newUser(db)));
    const calls = POOL.map((_, id) => ({ id, tokens: 1 }));
    const outcomes = await Promise.all(
      users.flatMap((user) => [record(db, user, calls), record(db, user, calls.toReversed())]),
    );
    expect(outcomes.reduce((total, { recorded }) => total + recorded, 0)).toBe(users.length * POOL.length);
  });
});
