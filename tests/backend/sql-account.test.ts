import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { engines, useDatabase } from './databases.ts';
import { codeOf, newUser, refusalOf, value } from './sql.ts';
import { usageRecord } from './support.ts';

interface Sums {
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cached_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  cost_usd: string;
  estimated: boolean;
  unknown_costs: number;
}

interface Summary {
  totals: Sums;
  buckets: (Sums & { start: string })[];
  models: (Sums & { model: string })[];
}

const NOTHING: Sums = {
  requests: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  cost_usd: '0',
  estimated: false,
  unknown_costs: 0,
};

describe.each(engines)('an account on $name', (engine) => {
  let db: Database;
  let user: string;

  useDatabase(engine, (opened) => (db = opened));
  beforeEach(async () => {
    user = await newUser(db);
  });

  const ask = <T>(expression: string, params: readonly unknown[] = []): Promise<T> =>
    value(db, 'authenticated', { sub: user }, expression, params);
  const record = (...records: Record<string, unknown>[]): Promise<unknown> =>
    ask('public.record_usage(($1::text)::jsonb)', [JSON.stringify(records)]);
  const settle = (callId: unknown, cost: string): Promise<unknown> =>
    db.query('update public.usage_records set cost_settled = $2, settled_at = now() where call_id = $1', [
      callId,
      cost,
    ]);

  describe('asks for a summary', () => {
    const summary = (
      from: string | null,
      to: string | null,
      bucket: string | null = 'day',
      timezone: string | null = 'UTC',
    ): Promise<Summary> => ask('public.usage_summary($1, $2, $3, $4)', [from, to, bucket, timezone]);
    const DAY = ['2025-11-20T00:00:00Z', '2025-11-21T00:00:00Z'] as const;

    it('of nothing', async () => {
      expect(await summary(...DAY)).toEqual({ totals: NOTHING, buckets: [], models: [] });
    });

    it('with exact sums in all, by period and by model', async () => {
      const shared = { occurred_at: '2025-11-20T10:30:00.123Z' };
      await record(
        usageRecord({ ...shared, model: 'b', cost_usd: '0.000000000001' }),
        usageRecord({ ...shared, model: 'b', cost_usd: '99999.999999999999', cost_source: 'catalog' }),
        usageRecord({ ...shared, model: 'a', cost_usd: null, cost_source: 'unknown' }),
        usageRecord({ occurred_at: '2025-11-20T23:59:59.999999Z', model: 'a', cost_usd: '0.10' }),
        usageRecord({ occurred_at: '2025-11-21T00:00:00Z', model: 'later' }),
        usageRecord({ occurred_at: '2025-11-19T23:59:59.999999Z', model: 'earlier' }),
      );
      const sums = (requests: number, cost: string, estimated = false, unknown = 0): Sums => ({
        ...{ requests, prompt_tokens: 12 * requests, completion_tokens: 5 * requests, total_tokens: 17 * requests },
        ...{ cached_tokens: 4 * requests, cache_write_tokens: 0, reasoning_tokens: 2 * requests },
        ...{ cost_usd: cost, estimated, unknown_costs: unknown },
      });
      expect(await summary(...DAY, 'hour')).toEqual({
        totals: sums(4, '100000.1', true, 1),
        buckets: [
          { start: '2025-11-20T10:00:00Z', ...sums(3, '100000', true, 1) },
          { start: '2025-11-20T23:00:00Z', ...sums(1, '0.1') },
        ],
        models: [
          { model: 'b', ...sums(2, '100000', true) },
          { model: 'a', ...sums(2, '0.1', false, 1) },
        ],
      });
    });

    it('in which a settled cost takes the place of an estimate', async () => {
      const estimate = usageRecord({ occurred_at: DAY[0], cost_source: 'catalog', cost_usd: '1' });
      const unknown = usageRecord({ occurred_at: DAY[0], cost_source: 'unknown', cost_usd: null });
      await record(estimate, unknown);
      await settle(estimate['call_id'], '0.25');
      await settle(unknown['call_id'], '0.0000000000005');
      expect((await summary(...DAY)).totals).toMatchObject({
        cost_usd: '0.2500000000005',
        estimated: false,
        unknown_costs: 0,
      });
    });

    it('that holds nobody else’s usage', async () => {
      await record(usageRecord({ occurred_at: DAY[0] }));
      user = await newUser(db);
      expect(await summary(...DAY)).toEqual({ totals: NOTHING, buckets: [], models: [] });
    });

    it.each<[string, string, string, string, string[], [start: string, requests: number][]]>([
      [
        'a day of a zone ahead of UTC',
        ...(['day', 'Asia/Kolkata', '2025-11-18T18:30:00Z'] as const),
        ['2025-11-19T18:29:59Z', '2025-11-19T18:30:00Z'],
        [
          ['2025-11-18T18:30:00Z', 1],
          ['2025-11-19T18:30:00Z', 1],
        ],
      ],
      [
        'the 23 hours of a day in spring',
        ...(['day', 'Europe/Berlin', '2025-03-29T23:00:00Z'] as const),
        ['2025-03-29T23:00:00Z', '2025-03-30T21:59:59Z', '2025-03-30T22:00:00Z'],
        [
          ['2025-03-29T23:00:00Z', 2],
          ['2025-03-30T22:00:00Z', 1],
        ],
      ],
      [
        'the 25 hours of a day in autumn',
        ...(['day', 'Europe/Berlin', '2025-10-25T22:00:00Z'] as const),
        ['2025-10-25T22:00:00Z', '2025-10-26T22:59:59Z', '2025-10-26T23:00:00Z'],
        [
          ['2025-10-25T22:00:00Z', 2],
          ['2025-10-26T23:00:00Z', 1],
        ],
      ],
      [
        'the hour that comes twice in autumn',
        ...(['hour', 'Europe/Berlin', '2025-10-25T22:00:00Z'] as const),
        ['2025-10-26T00:30:00Z', '2025-10-26T01:30:00Z'],
        [
          ['2025-10-26T00:00:00Z', 1],
          ['2025-10-26T01:00:00Z', 1],
        ],
      ],
      [
        'hours of a zone of quarters',
        ...(['hour', 'Asia/Kathmandu', '2025-10-24T22:00:00Z'] as const),
        ['2025-10-25T00:14:59Z', '2025-10-25T00:15:00Z'],
        [
          ['2025-10-24T23:15:00Z', 1],
          ['2025-10-25T00:15:00Z', 1],
        ],
      ],
      [
        'a day without a midnight',
        ...(['day', 'Africa/Cairo', '2025-04-20T00:00:00Z'] as const),
        ['2025-04-24T21:59:59Z', '2025-04-24T22:00:00Z'],
        [
          ['2025-04-23T22:00:00Z', 1],
          ['2025-04-24T22:00:00Z', 1],
        ],
      ],
      [
        'months',
        ...(['month', 'America/New_York', '2025-02-01T00:00:00Z'] as const),
        ['2025-03-01T04:59:59Z', '2025-03-01T05:00:00Z', '2025-04-01T03:59:59Z', '2025-04-01T04:00:00Z'],
        [
          ['2025-02-01T05:00:00Z', 1],
          ['2025-03-01T05:00:00Z', 2],
          ['2025-04-01T04:00:00Z', 1],
        ],
      ],
    ])('by %s', async (_case, bucket, timezone, from, times, expected) => {
      await record(...times.map((time) => usageRecord({ occurred_at: time })));
      const end = rfc3339(Date.parse(from) + 60 * 24 * 3_600_000);
      const { buckets } = await summary(from, bucket === 'month' ? '2025-11-01T00:00:00Z' : end, bucket, timezone);
      expect(buckets.map(({ start, requests }) => [start, requests])).toEqual(expected);
    });

    it('equal to a sum by hand, whatever was recorded', async () => {
      const Call = fc.record({
        usage: fc.record({
          model: fc.constantFrom('gpt-4o', 'claude', 'zwölf'),
          prompt_tokens: fc.nat(20_000_000),
          completion_tokens: fc.nat(20_000_000),
          total_tokens: fc.nat(20_000_000),
          cached_tokens: fc.nat(20_000_000),
          cache_write_tokens: fc.nat(20_000_000),
          reasoning_tokens: fc.nat(20_000_000),
        }),
        pico: fc.option(fc.bigInt(0n, 99_999_999_999_999_999n)),
        settled: fc.option(fc.bigInt(0n, 99_999_999_999_999_999n)),
        minute: fc.nat(4_000),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(Call, { maxLength: 40 }), async (calls) => {
          user = await newUser(db);
          const start = Date.parse('2025-11-18T00:00:00Z');
          const sent = calls.map((call) => ({ call, id: crypto.randomUUID() }));
          await record(
            ...sent.map(({ id, call: { usage, pico, minute } }) =>
              usageRecord({
                ...usage,
                call_id: id,
                cost_usd: pico === null ? null : usd(pico),
                cost_source: pico === null ? 'unknown' : 'header',
                occurred_at: new Date(start + minute * 60_000).toISOString(),
              }),
            ),
          );
          for (const { id, call } of sent) {
            if (call.settled !== null) {
              await settle(id, usd(call.settled));
            }
          }
          const { totals, buckets, models } = await summary('2025-11-18T00:00:00Z', '2025-11-20T00:00:00Z', 'hour');
          const counted = sent.map(({ call }) => call).filter(({ minute }) => minute < 2 * 24 * 60);
          const sum = (field: keyof (typeof counted)[number]['usage'] & keyof Sums): number =>
            counted.reduce((total, { usage }) => total + usage[field], 0);
          expect(totals).toEqual({
            requests: counted.length,
            prompt_tokens: sum('prompt_tokens'),
            completion_tokens: sum('completion_tokens'),
            total_tokens: sum('total_tokens'),
            cached_tokens: sum('cached_tokens'),
            cache_write_tokens: sum('cache_write_tokens'),
            reasoning_tokens: sum('reasoning_tokens'),
            cost_usd: shortest(usd(counted.reduce((total, { pico, settled }) => total + (settled ?? pico ?? 0n), 0n))),
            estimated: false,
            unknown_costs: counted.filter(({ pico, settled }) => pico === null && settled === null).length,
          });
          for (const parts of [buckets, models]) {
            expect(parts.reduce((total, { requests }) => total + requests, 0)).toBe(counted.length);
          }
          expect(buckets.map((bucket) => bucket.start)).toEqual(
            [...new Set(counted.map(({ minute }) => hourOf(start + minute * 60_000)))].sort(),
          );
        }),
        { numRuns: 25 },
      );
    });

    it.each<[string, Parameters<typeof summary>, string]>([
      ['a bucket nobody knows', [...DAY, 'week'], 'invalid_bucket'],
      ['no bucket', [...DAY, null], 'invalid_bucket'],
      ['a zone nobody knows', [...DAY, 'day', 'Europa/Berlin'], 'invalid_timezone'],
      ['an abbreviation', [...DAY, 'day', 'CEST'], 'invalid_timezone'],
      ['a rule for a zone', [...DAY, 'day', 'X+3'], 'invalid_timezone'],
      ['no zone', [...DAY, 'day', ''], 'invalid_timezone'],
      ['null for a zone', [...DAY, 'day', null], 'invalid_timezone'],
      ['a path for a zone', [...DAY, 'day', '../../etc/passwd'], 'invalid_timezone'],
      ['an empty range', [DAY[0], DAY[0]], 'invalid_range'],
      ['a range backwards', [DAY[1], DAY[0]], 'invalid_range'],
      ['a range without a beginning', [null, DAY[1]], 'invalid_range'],
      ['a range without an end', [DAY[0], null], 'invalid_range'],
      ['all of time', ['-infinity', 'infinity'], 'invalid_range'],
      ['a year by the hour', ['2025-01-01T00:00:00Z', '2027-01-01T00:00:00Z', 'hour'], 'invalid_range'],
      ['a word for a time', ['yesterdayish', DAY[1]], '22007'],
    ])('and not with %s', async (_case, args, code) => {
      expect(await codeOf(summary(...args))).toBe(code);
    });

    it.each([
      'UTC',
      'Etc/UTC',
      'Europe/Berlin',
      'America/Argentina/Buenos_Aires',
      'America/Port-au-Prince',
      'Etc/GMT+5',
    ])('in the zone %s', async (zone) => {
      expect(await summary(...DAY, 'day', zone)).toMatchObject({ totals: NOTHING });
    });
  });

  describe('asks for its calls', () => {
    const requests = (before: string | null, limit: number | null): Promise<Record<string, unknown>[]> =>
      ask('public.usage_requests($1, $2)', [before, limit]);

    it('in the words of the record, with the cost that counts', async () => {
      const known = usageRecord({ occurred_at: '2025-11-20T10:00:00.5Z', cost_usd: '0.10' });
      const settled = usageRecord({ occurred_at: '2025-11-20T11:00:00Z', response_id: null });
      const unknown = usageRecord({ occurred_at: '2025-11-20T12:00:00Z', cost_usd: null, cost_source: 'unknown' });
      await record(known, settled, unknown);
      await settle(settled['call_id'], '0.50');
      expect(await requests(null, 10)).toEqual([
        unknown,
        { ...settled, cost_usd: '0.5', cost_source: 'settled' },
        { ...known, cost_usd: '0.1', occurred_at: '2025-11-20T10:00:00.500000Z' },
      ]);
      user = await newUser(db);
      expect(await requests(null, 10)).toEqual([]);
    });

    it('page by page, each once and none left out, calls of one instant too', async () => {
      const minutes = [1, 2, 2, 2, 3, 4, 4, 5, 6, 7, 7];
      await record(
        ...minutes.map((minute) =>
          usageRecord({ occurred_at: `2025-11-20T10:0${minute}:00.123456Z`, model: `m${minute}` }),
        ),
      );
      const seen: unknown[] = [];
      for (let before: string | null = null; ;) {
        const page = await requests(before, 2);
        const last = page.at(-1);
        if (last === undefined) {
          break;
        }
        seen.push(...page.map(({ model }) => model));
        before = String(last['occurred_at']);
      }
      expect(seen).toEqual(minutes.toReversed().map((minute) => `m${minute}`));
    });

    it.each([0, -1, 201, null])('and not %s at once', async (limit) => {
      expect(await codeOf(requests(null, limit))).toBe('invalid_limit');
    });
  });

  describe('asks for its quota', () => {
    interface Window {
      used: number;
      limit: number;
      remaining: number;
      resets_at: string;
    }
    interface Quota {
      plan: string;
      month: Window;
      hour: Window;
      blocked: boolean;
      max_output_tokens: number;
    }
    const quota = (): Promise<Quota> => ask('public.quota()');
    const setPlan = (plan: string): Promise<unknown> =>
      value(db, 'service_role', {}, 'public.set_plan($1, $2)', [user, plan]);

    it('and hears what is left of this month and this hour, and when they end', async () => {
      await setPlan('free');
      const now = new Date();
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()));
      await record(
        usageRecord({ occurred_at: now.toISOString(), total_tokens: 3_000 }),
        usageRecord({ occurred_at: month.toISOString(), total_tokens: 500 }),
        usageRecord({ occurred_at: new Date(month.getTime() - 1).toISOString(), total_tokens: 7_000 }),
      );
      const { plan, month: monthly, hour: hourly, blocked } = await quota();
      expect({ plan, monthly, blocked }).toEqual({
        plan: 'free',
        monthly: {
          used: 3_500,
          limit: 10_000,
          remaining: 6_500,
          resets_at: rfc3339(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)),
        },
        blocked: false,
      });
      expect(hourly).toMatchObject({
        limit: 50,
        resets_at: rfc3339(Math.floor(now.getTime() / 3_600_000 + 1) * 3_600_000),
      });
      expect(hourly.used + hourly.remaining).toBe(50);
    });

    it('and hears how many tokens an answer may have, which is the plan’s number of now', async () => {
      for (const [plan, tokens] of [
        ['free', 1_000],
        ['pro', 4_000],
        ['enterprise', 8_000],
      ] as const) {
        await setPlan(plan);
        expect(await quota()).toMatchObject({ plan, max_output_tokens: tokens });
      }
    });

    it('and is blocked when the month’s tokens are used up, until the plan is a larger one', async () => {
      await setPlan('free');
      await record(usageRecord({ total_tokens: 9_999 }));
      expect(await quota()).toMatchObject({ blocked: false, month: { remaining: 1 } });
      await record(usageRecord({ total_tokens: 2 }));
      expect(await quota()).toMatchObject({ blocked: true, month: { used: 10_001, remaining: 0 } });
      await setPlan('pro');
      expect(await quota()).toMatchObject({ plan: 'pro', blocked: false, month: { remaining: 89_999 } });
    });

    it('and is blocked when the hour’s requests are used up', async () => {
      await setPlan('free');
      await record(...Array.from({ length: 50 }, () => usageRecord({ total_tokens: 1 })));
      expect(await quota()).toMatchObject({ blocked: true, hour: { used: 50, remaining: 0 }, month: { used: 50 } });
    });

    it('which counts requests that failed before a model used a token against the larger limit alone', async () => {
      await setPlan('free');
      const failed = (): Record<string, unknown> => usageRecord({ total_tokens: 0, outcome: 'error' });
      await record(...Array.from({ length: 60 }, failed));
      expect(await quota()).toMatchObject({ blocked: false, hour: { used: 60, limit: 100, remaining: 40 } });
      await record(...Array.from({ length: 11 }, () => usageRecord({ total_tokens: 1 })));
      expect(await quota()).toMatchObject({ blocked: false, hour: { used: 71, limit: 100, remaining: 29 } });
      await record(...Array.from({ length: 29 }, failed));
      expect(await quota()).toMatchObject({ blocked: true, hour: { used: 100, limit: 100, remaining: 0 } });
    });
  });

  describe('changes its preferences', () => {
    const update = (patch: unknown): Promise<unknown> =>
      ask('public.update_preferences(($1::text)::jsonb)', [JSON.stringify(patch)]);
    const defaults = { defaultModel: 'gpt-4o-mini', theme: 'auto', autoConnect: true };

    it('one by one, the others stay, those that nobody here knows too', async () => {
      expect(await update({})).toEqual(defaults);
      expect(await update({ theme: 'dark' })).toEqual({ ...defaults, theme: 'dark' });
      const own = { future: { deep: [null, 1], none: null } };
      expect(await update({ ...own, godotPath: '/usr/bin/godot', autoConnect: false })).toEqual({
        ...defaults,
        ...own,
        theme: 'dark',
        godotPath: '/usr/bin/godot',
        autoConnect: false,
      });
      expect(await update({ defaultModel: 'claude' })).toMatchObject({ ...own, defaultModel: 'claude' });
      expect((await ask<{ preferences: unknown }>('public.profile()')).preferences).toMatchObject({ theme: 'dark' });
    });

    it('back to the default, and takes away what has none, with null', async () => {
      await update({ theme: 'dark', godotPath: '/x', mine: 1 });
      expect(await update({ theme: null, godotPath: null, mine: null })).toEqual(defaults);
    });

    it('and loses none when twenty change at once', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, index) => update({ [`key${index}`]: index })));
      expect(Object.keys((await update({})) as object)).toHaveLength(23);
    });

    it.each<[string, object]>([
      ['defaultModel', { defaultModel: 5 }],
      ['defaultModel', { defaultModel: '' }],
      ['defaultModel', { defaultModel: 'x'.repeat(201) }],
      ['defaultModel', { defaultModel: 'a\nb' }],
      ['theme', { theme: 'pink' }],
      ['theme', { theme: true }],
      ['autoConnect', { autoConnect: 'yes' }],
      ['godotPath', { godotPath: 1 }],
      ['godotPath', { godotPath: '' }],
      ['godotPath', { godotPath: 'x'.repeat(4_097) }],
    ])('but not %s to %j', async (field, patch) => {
      const refusal = await refusalOf(update(patch));
      expect(refusal).toMatchObject({ code: 'invalid_preferences', details: field });
      expect(refusal.message).toContain(field);
      expect(await update({})).toEqual(defaults);
    });

    it.each<[string, unknown, string]>([
      ['a list', [], 'invalid_request'],
      ['nothing', null, 'invalid_request'],
      ['too much', { own: 'x'.repeat(16_384) }, 'preferences_too_large'],
    ])('and not with %s', async (_case, patch, code) => {
      expect(await codeOf(update(patch))).toBe(code);
    });

    it.each(['{}', '{"defaultModel": "x", "theme": "pink", "autoConnect": true}', '[]'])(
      'which the table itself holds to their types: %s',
      async (preferences) => {
        const work = db.query('update public.user_profiles set preferences = ($2::text)::jsonb where user_id = $1', [
          user,
          preferences,
        ]);
        expect(await codeOf(work)).toBe('23514');
      },
    );
  });

  it.each([
    `public.usage_summary('2025-11-20', '2025-11-21', 'day', 'UTC')`,
    'public.usage_requests()',
    'public.quota()',
    `public.update_preferences('{}')`,
    'public.profile()',
  ])('that is gone is told so by %s', async (call) => {
    user = crypto.randomUUID();
    expect(await codeOf(ask(call))).toBe('account_not_found');
  });
});

function usd(pico: bigint): string {
  const digits = pico.toString().padStart(13, '0');
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

function shortest(decimal: string): string {
  return decimal.replace(/\.?0+$/, '');
}

function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

function hourOf(milliseconds: number): string {
  return rfc3339(Math.floor(milliseconds / 3_600_000) * 3_600_000);
}
