import { beforeEach, describe, expect, it } from 'vitest';

import { asRole } from '../../local/server/db/database.ts';
import type { Database } from '../../local/server/db/database.ts';
import { engines, useDatabase } from './databases.ts';
import { codeOf, newUser } from './sql.ts';
import { usageRecord } from './support.ts';

describe.each(engines)('functions on $name', (engine) => {
  let db: Database;

  useDatabase(engine, (opened) => (db = opened));

  describe('the profile that comes with an account', () => {
    const profile = async (id: string): Promise<Record<string, unknown> | undefined> =>
      (
        await db.query<Record<string, unknown>>(
          'select display_name, username, (godoty.plan_of(user_id)).name as plan from public.user_profiles where user_id = $1',
          [id],
        )
      )[0];

    it.each<[string, string | null, object, string, string]>([
      ['a name from sign-up', 'a1@example.com', { display_name: ' Ada Lovelace ' }, 'Ada Lovelace', 'a1'],
      ['a name from a provider', 'a2@example.com', { full_name: 'Ada L.' }, 'Ada L.', 'a2'],
      ['an empty name', 'a3@example.com', { display_name: '  ' }, 'a3', 'a3'],
      ['a name of control characters', 'a4@example.com', { display_name: '\u0007\u0008' }, 'a4', 'a4'],
      ['a name that is no text', 'a5@example.com', { display_name: { x: 1 } }, '{"x": 1}', 'a5'],
      ['a long name', 'a6@example.com', { name: 'x'.repeat(300) }, 'x'.repeat(100), 'a6'],
      ['a local part with odd characters', 'a7+te!st@example.com', {}, 'a7+te!st', 'a7_te_st'],
      ['a local part of odd characters only', '+++@example.com', {}, '+++', 'user'],
      ['no address', null, {}, 'Godoty user', 'user2'],
    ])('%s', async (_case, email, metadata, displayName, username) => {
      const id = await newUser(db, email, metadata);
      expect(await profile(id)).toEqual({ display_name: displayName, username, plan: 'enterprise' });
    });

    it('has a user name in lower case, also where an address that was imported is not', async () => {
      const [row] = await db.query('select godoty.username_base($1) as username', ['Ada.LOVELACE@Example.com']);
      expect(row).toEqual({ username: 'ada.lovelace' });
    });

    it('has a counter in the user name when it is taken, and in the end the account’s id', async () => {
      const names: unknown[] = [];
      for (let index = 0; index < 22; index++) {
        names.push((await profile(await newUser(db, `info@host${index}.example`)))?.['username']);
      }
      expect(names.slice(0, 3)).toEqual(['info', 'info2', 'info3']);
      expect(names[20]).toMatch(/^user_[0-9a-f]{32}$/);
      expect(new Set(names).size).toBe(22);
    });

    it('follows a change of the address and goes with the account', async () => {
      const id = await newUser(db, 'before@example.com');
      await db.query(`update auth.users set email = 'after@example.com' where id = $1`, [id]);
      expect(await db.query('select email from public.user_profiles where user_id = $1', [id])).toEqual([
        { email: 'after@example.com' },
      ]);
      await db.query('delete from auth.users where id = $1', [id]);
      expect(await profile(id)).toBeUndefined();
    });
  });

  describe('record_usage', () => {
    let user: string;
    beforeEach(async () => {
      user = await newUser(db);
    });

    const record = (records: unknown): Promise<unknown> =>
      asRole(db, 'authenticated', { sub: user }, async (tx) => {
        const [row] = await tx.query<{ result: unknown }>('select public.record_usage(($1::text)::jsonb) as result', [
          JSON.stringify(records),
        ]);
        return row?.result;
      });

    it.each<[string, Readonly<Record<string, unknown>>]>([
      ['no response id', { response_id: null }],
      ['an unknown cost', { cost_usd: null, cost_source: 'unknown' }],
      ['a cost of nothing', { cost_usd: '0' }],
      ['a cost with twelve decimals', { cost_usd: '99999.123456789012' }],
      ['an id in capitals', { call_id: crypto.randomUUID().toUpperCase() }],
      ['a time with an offset', { occurred_at: '2026-11-20T10:00:00.123456+05:30' }],
      [
        'every count at its bound',
        { prompt_tokens: 20_000_000, completion_tokens: 20_000_000, total_tokens: 20_000_000 },
      ],
      ['an outcome that failed', { outcome: 'truncated' }],
    ])('takes %s', async (_case, overrides) => {
      expect(await record([usageRecord(overrides)])).toEqual({ recorded: 1, known: 0 });
    });

    it.each<[string, Readonly<Record<string, unknown>>]>([
      ['a negative count', { prompt_tokens: -1 }],
      ['a fraction of a token', { completion_tokens: 1.5 }],
      ['an absurd count', { total_tokens: 20_000_001 }],
      ['a count beyond every integer', { total_tokens: 1e300 }],
      ['a count as text', { cached_tokens: '5' }],
      ['no count', { reasoning_tokens: undefined }],
      ['a null count', { cache_write_tokens: null }],
      ['an id that is no UUID', { call_id: 'call-1' }],
      ['no id', { call_id: undefined }],
      ['no response id field', { response_id: undefined }],
      ['an empty response id', { response_id: '' }],
      ['a long response id', { response_id: 'x'.repeat(201) }],
      ['an empty model', { model: '' }],
      ['a model with a line break', { model: 'gpt\n4' }],
      ['a cost as a number', { cost_usd: 0.5 }],
      ['a negative cost', { cost_usd: '-1' }],
      ['a cost with an exponent', { cost_usd: '1e-5' }],
      ['a cost with thirteen decimals', { cost_usd: '0.1234567890123' }],
      ['an absurd cost', { cost_usd: '100000' }],
      ['not a number at all', { cost_usd: 'NaN' }],
      ['a cost without a source', { cost_source: 'unknown' }],
      ['a source without a cost', { cost_usd: null }],
      ['a source nobody knows', { cost_source: 'guess' }],
      ['an outcome nobody knows', { outcome: 'fine' }],
      ['a day that is none', { occurred_at: '2026-02-30T00:00:00Z' }],
      ['a time without a zone', { occurred_at: '2026-11-20T10:00:00' }],
      ['a word for a time', { occurred_at: 'now' }],
      ['a time long past', { occurred_at: '1970-01-01T00:00:00Z' }],
      ['a time far ahead', { occurred_at: '2999-01-01T00:00:00Z' }],
      ['somebody else’s id', { user_id: crypto.randomUUID() }],
      ['a settled cost', { cost_settled: '0' }],
    ])('refuses %s, and the rest of the batch with it', async (_case, overrides) => {
      expect(await codeOf(record([usageRecord(), usageRecord(overrides)]))).toBe('invalid_usage_record');
      expect(await db.query('select 1 from public.usage_records where user_id = $1', [user])).toEqual([]);
    });

    it.each<[string, unknown, string]>([
      ['what is no list', {}, 'invalid_request'],
      ['nothing', null, 'invalid_request'],
      ['a list of no objects', [1], 'invalid_usage_record'],
      ['more than a hundred', Array.from({ length: 101 }, () => usageRecord()), 'too_many_records'],
    ])('refuses %s', async (_case, records, code) => {
      expect(await codeOf(record(records))).toBe(code);
    });

    it('takes a hundred, none, and one twice', async () => {
      expect(await record(Array.from({ length: 100 }, () => usageRecord()))).toEqual({ recorded: 100, known: 0 });
      expect(await record([])).toEqual({ recorded: 0, known: 0 });
      const twice = usageRecord();
      expect(await record([twice, twice])).toEqual({ recorded: 1, known: 1 });
    });

    it('keeps what was recorded first', async () => {
      const first = usageRecord({ model: 'first' });
      await record([first]);
      expect(await record([{ ...first, model: 'second', cost_usd: '9' }])).toEqual({ recorded: 0, known: 1 });
      expect(await db.query('select model from public.usage_records where user_id = $1', [user])).toEqual([
        { model: 'first' },
      ]);
    });

    it('loses nothing and doubles nothing when overlapping batches come in opposite orders at once', async () => {
      const records = Array.from({ length: 100 }, () => usageRecord());
      const results = (await Promise.all(
        Array.from({ length: 20 }, (_, index) => record(index % 2 === 0 ? records : records.toReversed())),
      )) as { recorded: number }[];
      expect(results.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(100);
      const [row] = await db.query<{ count: number }>(
        'select count(*)::integer as count from public.usage_records where user_id = $1',
        [user],
      );
      expect(row?.count).toBe(100);
    });

    it('is refused to a token without an account', async () => {
      user = crypto.randomUUID();
      expect(await codeOf(record([usageRecord()]))).toBe('account_not_found');
    });
  });

  describe('a device’s keys', () => {
    let user: string;
    let device: string;
    let made = 0;
    beforeEach(async () => {
      user = await newUser(db);
      device = crypto.randomUUID();
    });

    const asService = async <T>(sql: string, params: readonly unknown[]): Promise<T> =>
      asRole(db, 'service_role', {}, async (tx) => {
        const [row] = await tx.query<{ result: T }>(`select ${sql} as result`, params);
        return (row as { result: T }).result;
      });
    async function begin(): Promise<string> {
      made += 1;
      const hash = made.toString(16).padStart(64, '0');
      await asService('public.device_key_begin($1, $2, $3, $4, $5)', [user, device, 'laptop', hash, 'sk-…abcd']);
      return hash;
    }
    const activate = (hash: string): Promise<string[]> => asService('public.device_key_activate($1, $2)', [user, hash]);
    const abandon = (hash: string): Promise<unknown> => asService('public.device_key_abandon($1, $2)', [user, hash]);
    const removed = (deleted: readonly string[], absent: readonly string[] = []): Promise<unknown> =>
      asService('public.device_key_removed($1, $2::text[], $3::text[])', [user, deleted, absent]);
    const states = async (): Promise<unknown[]> =>
      (
        await db.query<{ status: string; gone: boolean }>(
          'select status, removed_at is not null as gone from public.user_api_keys where user_id = $1 order by attempt',
          [user],
        )
      ).map(({ status, gone }) => (gone ? `${status}, gone` : status));

    it('count from their activation on, and the former one is owed a deletion', async () => {
      const first = await begin();
      expect(await states()).toEqual(['pending']);
      expect(await activate(first)).toEqual([]);
      const second = await begin();
      expect(await states()).toEqual(['active', 'pending']);
      expect(await activate(second)).toEqual([first]);
      expect(await states()).toEqual(['revoked', 'active']);
      await removed([first]);
      expect(await states()).toEqual(['revoked, gone', 'active']);
    });

    it('of an attempt that a later one overtook never count', async () => {
      const [early, late] = [await begin(), await begin()];
      expect(await activate(late)).toEqual([early]);
      expect(await codeOf(activate(early))).toBe('device_key_superseded');
      expect(await states()).toEqual(['revoked', 'active']);
    });

    it('that were given up never count, and are owed until they are gone', async () => {
      const lost = await begin();
      await abandon(lost);
      expect(await codeOf(activate(lost))).toBe('device_key_superseded');
      expect(await activate(await begin())).toEqual([lost]);
    });

    it('are gone when LiteLLM deleted them; that it has none such counts only after a while', async () => {
      const lost = await begin();
      await abandon(lost);
      await removed([], [lost]);
      expect(await states()).toEqual(['revoked']);
      await db.query(
        `update public.user_api_keys set created_at = created_at - interval '6 minutes' where key_hash = $1`,
        [lost],
      );
      await removed([], [lost]);
      expect(await states()).toEqual(['revoked, gone']);
    });

    it('cannot be called gone while they count', async () => {
      const key = await begin();
      await activate(key);
      await removed([key], [key]);
      expect(await states()).toEqual(['active']);
    });

    it('of one account are out of another’s reach', async () => {
      const key = await begin();
      user = await newUser(db);
      expect(await codeOf(activate(key))).toBe('device_key_superseded');
      await abandon(key);
      expect(await db.query('select status from public.user_api_keys where key_hash = $1', [key])).toEqual([
        { status: 'pending' },
      ]);
    });

    it('leave one active when ten attempts finish at once', async () => {
      const attempts = await Promise.all(Array.from({ length: 10 }, () => begin()));
      await Promise.allSettled(attempts.map((hash) => activate(hash)));
      expect((await states()).filter((state) => state === 'active')).toHaveLength(1);
    });

    it('need an account', async () => {
      user = crypto.randomUUID();
      expect(await codeOf(begin())).toBe('account_not_found');
    });
  });
});
