/** What was used, from this window and from the account: the built WebAssembly against the embedded backend. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { openGate } from '../support/gate.ts';
import { MemoryStore, OPTIONS, ask, openWindow, signUp } from './support.ts';
import type { Window } from './support.ts';

const PASSWORD = 'correct horse battery';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let stack: LocalStack;
let store: MemoryStore;
let client: GodotyClient;
let events: Window['events'];

beforeAll(async () => {
  stack = await startLocalStack({ data: { kind: 'memory' }, models: { kind: 'built-in', chunksPerSecond: 200 } });
});

afterAll(async () => {
  await stack.close();
});

beforeEach(async () => {
  store = new MemoryStore();
  ({ client, events } = openWindow({ ...stack, store }));
  await signUp({ client }, `${crypto.randomUUID()}@example.org`, PASSWORD);
});

const userId = (): string => client.account()?.userId ?? '';

async function request(of = client, signal?: AbortSignal): Promise<string> {
  const id = crypto.randomUUID();
  await of.chat(id, ask('gpt-4o-mini', 'hello'), OPTIONS, () => undefined, signal);
  return id;
}

/** Another window of the same user. */
async function anotherWindow(options: Partial<Parameters<typeof openWindow>[0]> = {}): Promise<GodotyClient> {
  const window = openWindow({ ...stack, store, ...options });
  await window.client.restore();
  return window.client;
}

async function settle(callId: string, usd: string): Promise<void> {
  await stack.db.query(
    'update public.usage_records set cost_settled = $2::numeric, settled_at = now() where call_id = $1::uuid',
    [callId, usd],
  );
}

/** Calls of the account that this machine has not made. */
async function elsewhere(count: number, at: (index: number) => number, model = 'elsewhere'): Promise<void> {
  const times = Array.from({ length: count }, (_, index) => new Date(at(index)).toISOString());
  await stack.db.query(
    `insert into public.usage_records (user_id, call_id, model, prompt_tokens, completion_tokens, total_tokens,
       cached_tokens, cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at)
     select $1::uuid, gen_random_uuid(), $3, 100, 10, 110, 5, 0, 1, 0.000000000003, 'reported', 'done', moment::timestamptz
     from unnest($2::text[]) as moment`,
    [userId(), times, model],
  );
}

describe('the account and this window', () => {
  it('tell of the same requests, and none is counted twice', async () => {
    const [first, second] = [await request(), await request()];
    const here = await client.usageOverview(true, true);
    expect(here.unread).toBeUndefined();
    expect(here.requests.map(({ callId }) => callId)).toEqual([second, first]);
    expect([here.window.requests, here.today.totals.requests, here.unsent]).toEqual([2, 2, 0]);

    const there = await (await anotherWindow()).usageOverview(true, true);
    expect([there.window.requests, there.today.totals.requests]).toEqual([0, 2]);
    for (const period of ['today', 'week', 'month'] as const) {
      expect(there[period].totals).toEqual(here[period].totals);
      expect(there[period].complete).toBe(true);
      expect(there[period].models.map(({ model }) => model)).toEqual(['gpt-4o-mini']);
    }
    expect(there.requests).toEqual(here.requests);
  });

  it('settle what an answer cost, that of a stopped one too', async () => {
    const abort = new AbortController();
    const stopped = crypto.randomUUID();
    const answer = await client.chat(
      stopped,
      ask('gpt-4o-mini', 'Tell me a very long story'),
      OPTIONS,
      () => abort.abort(),
      abort.signal,
    );
    expect(answer.cost.text).toBe('–');
    const whole = await request();
    await client.usageOverview(true, true);
    await settle(stopped, '0.25');
    await settle(whole, '0.5');
    const { requests, window, today } = await client.usageOverview(false, true);
    expect(requests.map(({ cost, usd }) => [cost.source, cost.text, usd])).toEqual([
      ['settled', '$0.50', '0.5'],
      ['settled', '$0.25', '0.25'],
    ]);
    expect(window).toMatchObject({ costText: '$0.75', estimated: false, unknownCosts: 0 });
    expect(today.totals).toEqual(window);
  });

  it('agree over any number of requests, of which only the latest are told one by one', async () => {
    const now = Date.now();
    // Four an hour: 240 in 60 hours, and some at the same moment as the 200th.
    await elsewhere(240, (index) => now - HOUR_MS - index * (HOUR_MS / 4));
    await elsewhere(7, () => now - HOUR_MS - 199 * (HOUR_MS / 4), 'ties');
    await elsewhere(3, (index) => now - (3 + index) * DAY_MS, 'older');
    await request();
    const { today, week, month, requests, older } = await client.usageOverview(true, true);
    expect(older).toBe(true);
    expect(requests).toHaveLength(200);
    for (const { startsAt, totals, models, complete } of [today, week, month]) {
      const rows = await stack.db.query<{ model: string; count: string; pico: string; tokens: string }>(
        `select model, count(*)::text, (sum(cost_estimated) * 1e12)::numeric(40, 0)::text as pico,
           sum(total_tokens)::text as tokens
         from public.usage_records where user_id = $1::uuid and occurred_at >= $2::timestamptz group by model order by model collate "C"`,
        [userId(), new Date(startsAt).toISOString()],
      );
      expect(
        models.map(({ model, totals: of }) => [model, of.requests, of.costPicoUsd, of.tokens.totalTokens]),
      ).toEqual(rows.map(({ model, count, pico, tokens }) => [model, Number(count), pico, Number(tokens)]));
      expect(totals.requests).toBe(rows.reduce((sum, { count }) => sum + Number(count), 0));
      expect(totals.costPicoUsd).toBe(rows.reduce((sum, { pico }) => sum + BigInt(pico), 0n).toString());
      expect(complete).toBe(true);
    }
  });

  it('have the days of the user, not those of a server', async () => {
    const now = Date.now();
    await elsewhere(1, () => now - 2 * HOUR_MS);
    const sinceUtcMidnight = Math.floor((now % DAY_MS) / 60_000);
    // Where it is one o'clock at night the request was yesterday, and where it is ten in the evening it was today.
    const night = await anotherWindow({ utcOffsetMinutes: () => 60 - sinceUtcMidnight });
    const evening = await anotherWindow({ utcOffsetMinutes: () => 22 * 60 - sinceUtcMidnight });
    const [early, late] = [await night.usageOverview(true, true), await evening.usageOverview(true, true)];
    expect([early.today.totals.requests, early.week.totals.requests]).toEqual([0, 1]);
    expect([late.today.totals.requests, late.week.totals.requests]).toEqual([1, 1]);
    expect(Math.round(early.msToTomorrow / HOUR_MS)).toBe(23);
    expect(Math.round(late.msToTomorrow / HOUR_MS)).toBe(2);
  });
});

describe('an account that is out of reach', () => {
  it('leaves what this window knows, and says so; later everything is told', async () => {
    const gate = await openGate(stack.supabaseUrl);
    const own = new MemoryStore();
    const window = openWindow({ ...stack, supabaseUrl: gate.url, store: own });
    await signUp(window, `${crypto.randomUUID()}@example.org`, PASSWORD);
    await window.client.models();
    gate.open = false;
    const id = await request(window.client);
    const offline = await window.client.usageOverview(true, true);
    expect(offline.unread?.code).toBe('NETWORK_ERROR');
    expect(offline).toMatchObject({ trouble: 'offline', unsent: 1, today: { complete: false } });
    expect(offline.requests.map(({ callId }) => callId)).toEqual([id]);
    expect([offline.window.requests, offline.today.totals.requests]).toEqual([1, 1]);
    gate.open = true;
    const online = await window.client.usageOverview(true, true);
    expect(online.unread).toBeUndefined();
    expect(online).toMatchObject({ unsent: 0, today: { complete: true } });
    expect(online).not.toHaveProperty('trouble');
    expect([online.window.requests, online.today.totals.requests]).toEqual([1, 1]);
    gate.close();
  });

  it('or a model server is a trouble until the first word of another answer, even of one that is stopped', async () => {
    const gate = await openGate(stack.litellmUrl);
    const behind = await startLocalStack({
      data: { kind: 'memory' },
      models: { kind: 'litellm', url: gate.url, masterKey: stack.masterKey },
    });
    const window = openWindow({ ...behind, store: new MemoryStore() });
    await signUp(window, `${crypto.randomUUID()}@example.org`, PASSWORD);
    await window.client.models();
    gate.open = false;
    await request(window.client);
    expect(window.client.usage(true).trouble).toBe('offline');
    const early = new AbortController();
    early.abort();
    await expect(request(window.client, early.signal)).rejects.toThrow('CANCELLED');
    expect(window.client.usage(true).trouble).toBe('offline');
    gate.open = true;
    const abort = new AbortController();
    const long = ask('gpt-4o-mini', 'Tell me a very long story');
    await window.client.chat(crypto.randomUUID(), long, OPTIONS, () => abort.abort(), abort.signal);
    expect(window.client.usage(true)).not.toHaveProperty('trouble');
    gate.close();
    await behind.close();
  });

  it('is nobody’s when nobody is signed in', async () => {
    await client.signOut();
    const overview = await client.usageOverview(true, true);
    expect(overview.unread?.code).toBe('NOT_AUTHENTICATED');
    expect([overview.requests.length, overview.window.requests]).toEqual([0, 0]);
  });
});

describe('a plan that allows short answers', () => {
  const OF_TWENTY_TOKENS = `insert into public.plans (name, tokens_per_month, requests_per_hour, model_requests_per_hour,
      output_tokens_per_request, max_devices)
    values ('short', 1000000, 1000, 1000, 20, 5) on conflict do nothing`;

  /** How an answer that would be long ended, and how many tokens it had. */
  async function longAnswer(maxTokens?: number): Promise<unknown> {
    const call = { ...ask('gpt-4o-mini', 'count to 40'), ...(maxTokens === undefined ? {} : { maxTokens }) };
    const { outcome, usage } = await client.chat(crypto.randomUUID(), call, OPTIONS, () => undefined);
    return [outcome.kind, outcome.kind === 'length' ? usage?.completionTokens : undefined];
  }

  it('has clients ask for no longer ones once it is known, and for shorter ones as they like', async () => {
    await stack.db.exec(OF_TWENTY_TOKENS);
    await stack.db.query(`insert into public.subscriptions (user_id, plan) values ($1, 'short')`, [userId()]);
    expect(await longAnswer()).toEqual(['done', undefined]);
    await client.usageOverview(true, true);
    expect(await longAnswer()).toEqual(['length', 20]);
    expect(await longAnswer(5)).toEqual(['length', 5]);
    expect(await longAnswer(500)).toEqual(['length', 20]);

    // Another who is signed in here has a plan of their own.
    await client.signOut();
    await signUp({ client }, `${crypto.randomUUID()}@example.org`, PASSWORD);
    expect(await longAnswer()).toEqual(['done', undefined]);
  });
});

describe('a snapshot', () => {
  it('is made without a call, and tells what has changed', async () => {
    const before = client.usage(true);
    expect(before).toMatchObject({ window: { requests: 0, costText: '$0.00' }, today: { complete: false }, unsent: 0 });
    await request();
    expect(events.some(({ kind }) => kind === 'usageChanged')).toBe(true);
    expect(client.usage(true)).toMatchObject({ window: { requests: 1 }, lastModel: 'gpt-4o-mini' });
    await vi.waitFor(() => expect(client.usage(true).unsent).toBe(0));
  });

  it('says what the plan allows once the account has said so', async () => {
    expect(client.usage(true)).not.toHaveProperty('quota');
    await client.usageOverview(true, true);
    const { quota } = client.usage(true);
    expect(quota?.plan).toMatch(/\w/u);
    expect(quota?.blocked).toBe(false);
    expect(quota?.month?.limit).toBeGreaterThan(0);
    expect(quota?.month?.resetsAt).toBeGreaterThan(Date.now());
  });

  it('leaves estimates out for those who do not want them', async () => {
    await elsewhere(1, () => Date.now());
    await stack.db.query("update public.usage_records set cost_source = 'catalog' where user_id = $1::uuid", [
      userId(),
    ]);
    const [shown, hidden] = [await client.usageOverview(true, true), await client.usageOverview(false, true)];
    expect(shown.today.totals).toMatchObject({ estimated: true, unknownCosts: 0 });
    expect(shown.today.totals.costText).toMatch(/^≈ \$/u);
    expect(hidden.today.totals).toMatchObject({ costText: '–', estimated: false, unknownCosts: 1 });
    expect(hidden.requests[0]?.cost.text).toBe('–');
    expect(hidden.requests[0]).not.toHaveProperty('usd');
  });
});
