import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { syncRequest } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as usageSync } from '../../supabase/functions/usage-sync/handler.ts';
import { engines } from './databases.ts';
import { startStackOn } from './functions-stacks.ts';
import { call, callModel, read, signUp, startTestStack, usageRecord } from './support.ts';
import type { Account, Answer } from './support.ts';

describe.each(engines)('on $name', (engine) => {
  let stack: LocalStack;
  let ada: Account;
  let key: string;

  beforeAll(async () => {
    stack = await startStackOn(engine);
  });
  afterAll(() => stack.close());
  beforeEach(async () => {
    ada = await signUp(stack);
    key = await issue();
  });

  async function issue(device = crypto.randomUUID()): Promise<string> {
    const body = { device_id: device, device_name: 'laptop' };
    const answer = await call(stack, '/functions/v1/vscode-config', { token: ada.accessToken, body });
    return (answer.body['model_access'] as { key: string }).key;
  }
  const sync = async (env: Env = stack.functionsEnv): Promise<Answer> => read(await usageSync(syncRequest(env), env));
  const rpc = (name: string, body: object = {}): Promise<Answer> =>
    call(stack, `/rest/v1/rpc/${name}`, { token: ada.accessToken, body });
  async function setPlan(plan: string): Promise<void> {
    const answer = await call(stack, '/rest/v1/rpc/set_plan', {
      apikey: stack.secretKey,
      body: { p_account: ada.id, p_plan: plan },
    });
    expect(answer.status).toBe(200);
  }
  async function ask(callId: string = crypto.randomUUID(), of = key): Promise<{ status: number; callId: string }> {
    const response = await fetch(`${stack.litellmUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${of}`, 'x-litellm-call-id': callId },
      body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] }),
    });
    await response.text();
    return { status: response.status, callId };
  }

  interface UsageRow {
    call_id: string;
    prompt_tokens: number;
    total_tokens: number;
    cost_settled: string | null;
    outcome: string;
    reported: boolean;
  }
  const usage = (): Promise<UsageRow[]> =>
    stack.db.query<UsageRow>(
      `select call_id, prompt_tokens, total_tokens, cost_settled::float8::text as cost_settled, outcome, reported
     from public.usage_records where user_id = $1 order by occurred_at, call_id`,
      [ada.id],
    );

  interface LogRow {
    request_id?: string;
    call_id?: string;
    status?: 'success' | 'failure';
    tokens?: number;
    spend?: string;
    started_at?: Date;
  }
  /** Writes a row into the model endpoint's log as if a call had ended. */
  async function log(row: LogRow = {}): Promise<string> {
    const id = row.request_id ?? `chatcmpl-${crypto.randomUUID()}`;
    await stack.db.query(
      `insert into local_stack.spend_log values ($1, $2, 'token', $3, 'gpt-4o', $4, $5, 0, 0, ($6::text)::numeric, $7)`,
      [
        id,
        row.call_id ?? crypto.randomUUID(),
        ada.id,
        row.status ?? 'success',
        row.tokens ?? 100,
        row.spend ?? '0.25',
        row.started_at ?? new Date(),
      ],
    );
    return id;
  }
  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  describe('who may call usage-sync', () => {
    it.each([
      ['nobody', undefined],
      ['an empty secret', 'Bearer '],
      ['a wrong secret', `Bearer ${'x'.repeat(43)}`],
      ['a secret that is not sent as a bearer token', 'Basic abc'],
    ])('not %s', async (_, authorization) => {
      const answer = await call(stack, '/functions/v1/usage-sync', {
        method: 'POST',
        headers: authorization === undefined ? {} : { authorization },
      });
      expect([answer.status, answer.body['code']]).toEqual([401, 'not_authorized']);
    });

    it('not a signed-in user, and not the service key', async () => {
      for (const token of [ada.accessToken, stack.secretKey]) {
        expect((await call(stack, '/functions/v1/usage-sync', { method: 'POST', token })).status).toBe(401);
      }
    });

    it('not even by an empty secret when the operator set none, or one that can be guessed', async () => {
      for (const secret of [undefined, '', 'short']) {
        const env = createEnv((name) => (name === 'GODOTY_SYNC_SECRET' ? secret : stack.functionsEnv.get(name)), {
          log: () => undefined,
        });
        expect((await sync(env)).body['code']).toBe('misconfigured');
      }
    });
  });

  describe('what usage-sync books', () => {
    it('settles a reported call: cost, tokens and time are the log’s, the outcome the client’s', async () => {
      const { callId } = await ask();
      await rpc('record_usage', {
        records: [usageRecord({ call_id: callId, outcome: 'cancelled', total_tokens: 1, prompt_tokens: 1 })],
      });
      expect((await sync()).body).toMatchObject({ status: 'done', settled: 1, added: 0, complete: true });
      const [row, ...more] = await usage();
      expect(more).toEqual([]);
      expect(row).toMatchObject({ call_id: callId, outcome: 'cancelled', reported: true });
      expect(Number(row?.cost_settled)).toBeGreaterThan(0);
      expect(row?.total_tokens).toBeGreaterThan(1);
    });

    it('adds a call that no client reported, and a later report completes it', async () => {
      const { callId } = await ask();
      expect((await sync()).body).toMatchObject({ added: 1, settled: 0 });
      const [before] = await usage();
      expect(before).toMatchObject({ call_id: callId, outcome: 'done', reported: false });
      const report = usageRecord({ call_id: callId, outcome: 'tool_calls', total_tokens: 1, prompt_tokens: 1 });
      expect((await rpc('record_usage', { records: [report] })).body).toEqual({ recorded: 1, known: 0 });
      expect((await rpc('record_usage', { records: [report] })).body).toEqual({ recorded: 0, known: 1 });
      const [after] = await usage();
      expect(after).toEqual({ ...before, outcome: 'tool_calls', reported: true });
    });

    it('books nothing twice, however often and in whatever parallel it runs', async () => {
      await ask();
      await ask();
      await log({ status: 'failure', tokens: 0, spend: '0' });
      const runs = await Promise.all(Array.from({ length: 5 }, () => sync()));
      // A run that begins when another has ended is done as well, and finds nothing.
      const done = runs.filter(({ body }) => body['status'] === 'done');
      expect(done.length).toBeGreaterThan(0);
      expect(runs.filter(({ body }) => body['status'] === 'busy')).toHaveLength(runs.length - done.length);
      expect(done.reduce((sum, { body }) => sum + Number(body['added']), 0)).toBe(3);
      const booked = await usage();
      expect(booked).toHaveLength(3);
      for (let round = 0; round < 3; round++) {
        expect((await sync()).body).toMatchObject({ status: 'done', added: 0, settled: 0 });
      }
      expect(await usage()).toEqual(booked);
    });

    it('books a failed call as one that cost nothing', async () => {
      const callId = crypto.randomUUID();
      await log({ call_id: callId, status: 'failure', tokens: 0, spend: '0' });
      await sync();
      expect(await usage()).toMatchObject([{ call_id: callId, outcome: 'error', total_tokens: 0, cost_settled: '0' }]);
    });

    it.each([
      ['before', 0],
      ['after', 1],
    ])('lets the answered attempt of a call count when a failed one is logged %s it', async (_, failure) => {
      const callId = crypto.randomUUID();
      for (const attempt of [0, 1]) {
        const failed = attempt === failure;
        await log({ call_id: callId, ...(failed ? { status: 'failure', tokens: 0, spend: '0' } : {}) });
        await sync();
      }
      expect(await usage()).toMatchObject([
        { call_id: callId, outcome: 'done', total_tokens: 100, cost_settled: '0.25' },
      ]);
    });

    it('charges an answer that broke off when the provider billed it, whatever the client said of its tokens', async () => {
      const callId = crypto.randomUUID();
      const nothing = {
        prompt_tokens: 0,
        completion_tokens: 0,
        total_tokens: 0,
        cost_usd: null,
        cost_source: 'unknown',
      };
      await rpc('record_usage', { records: [usageRecord({ ...nothing, call_id: callId, outcome: 'truncated' })] });
      await log({ call_id: callId, status: 'failure' });
      await log({ status: 'failure', tokens: 7, spend: '0.5' });
      expect((await sync()).body).toMatchObject({ settled: 1, added: 1 });
      expect((await usage()).sort((a, b) => b.total_tokens - a.total_tokens)).toMatchObject([
        { call_id: callId, total_tokens: 100, cost_settled: '0.25', outcome: 'truncated', reported: true },
        { total_tokens: 7, cost_settled: '0.5', outcome: 'error', reported: false },
      ]);
    });

    it.each([
      ['before', ['failure', 'success']],
      ['after', ['success', 'failure']],
      ['beside another', ['failure', 'failure']],
    ] as const)('counts an answer that broke off %s a call of the same id', async (_, statuses) => {
      const callId = crypto.randomUUID();
      for (const status of statuses) {
        await log({ call_id: callId, status });
        await sync();
      }
      await sync();
      expect((await usage()).map(({ total_tokens, cost_settled }) => [total_tokens, cost_settled])).toEqual([
        [100, '0.25'],
        [100, '0.25'],
      ]);
    });

    it('counts every answered call under one id: an id that is used again hides nothing', async () => {
      const callId = crypto.randomUUID();
      for (let round = 0; round < 3; round++) {
        await ask(callId);
      }
      await sync();
      await sync();
      const rows = await usage();
      expect(rows).toHaveLength(3);
      expect(rows.filter(({ call_id }) => call_id === callId)).toHaveLength(1);
      expect(new Set(rows.map(({ call_id }) => call_id)).size).toBe(3);
    });

    it('goes by the log’s time, so that a report cannot move a call into another month', async () => {
      const callId = crypto.randomUUID();
      await rpc('record_usage', {
        records: [usageRecord({ call_id: callId, occurred_at: '2024-02-01T00:00:00Z', total_tokens: 0 })],
      });
      await log({ call_id: callId, tokens: 777 });
      await sync();
      expect((await rpc('quota')).body).toMatchObject({ month: { used: 777 }, hour: { used: 1 } });
    });

    it.each([
      // As long as a call may take: it is found within a minute and a half.
      ...[2.5, 4.5, 6.5, 8.5, 9.5].map((took) => [`${took} minutes`, took, 1] as const),
      ['ten minutes and a half', 10.5, 5],
      ['three hours', 180, 190],
    ] as const)('finds a call that took %s, and is logged under the time when it began', async (_, took, later) => {
      await sync();
      await log({ started_at: minutesAgo(took) });
      await sync();
      expect(await usage()).toEqual([]);
      // Time passes: all that was lies further back.
      const earlier = `- make_interval(mins => ${later})`;
      await stack.db.query(`update local_stack.spend_log set started_at = started_at ${earlier}`);
      await stack.db.query(`update godoty.usage_sync_readers set read_until = read_until ${earlier}`);
      await sync();
      expect(await usage()).toHaveLength(1);
    });

    it('leaves out calls of nobody that it knows', async () => {
      await stack.db.query(
        `insert into local_stack.spend_log values
         ($1, 'c', 't', 'default_user_id', 'gpt-4o', 'success', 1, 1, 0, 1, now()),
         ($2, 'c', 't', $3, 'gpt-4o', 'success', 1, 1, 0, 1, now())`,
        [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()],
      );
      expect((await sync()).body).toMatchObject({ status: 'done', added: 0 });
    });

    it('says when a device’s key was last used', async () => {
      await ask();
      await sync();
      const { body } = await call(stack, '/functions/v1/keys', { token: ada.accessToken });
      const [listed] = body['keys'] as { last_used_at: string | null }[];
      expect(Date.now() - Date.parse(listed?.last_used_at ?? '')).toBeLessThan(60_000);
    });
  });

  describe('a log that is long or odd', () => {
    /** The stack's environment with a spend log of our own. */
    function withLog(rows: readonly object[], asked: string[] = []): Env {
      return createEnv(stack.functionsEnv.get, {
        log: (line) => asked.push(line),
        fetch: (input, init) => {
          const url = new URL(input instanceof Request ? input.url : input);
          if (url.pathname !== '/spend/logs/v2') {
            return fetch(input, init);
          }
          const [page, size] = [Number(url.searchParams.get('page')), Number(url.searchParams.get('page_size'))];
          asked.push(`${url.searchParams.get('start_date') ?? ''} page ${page}`);
          return Promise.resolve(Response.json({ data: rows.slice((page - 1) * size, page * size) }));
        },
      });
    }
    const row = (overrides: object = {}): object => ({
      request_id: crypto.randomUUID(),
      api_key: 'x',
      user: ada.id,
      spend: 4.5e-7,
      prompt_tokens: 12,
      completion_tokens: 5,
      total_tokens: 17,
      startTime: new Date().toISOString(),
      model: 'openai/gpt-4o',
      model_group: 'gpt-4o',
      status: 'success',
      litellm_call_id: crypto.randomUUID(),
      metadata: {
        usage_object: {
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 2 },
          cache_creation_input_tokens: 3,
        },
      },
      ...overrides,
    });

    it('is read to its end, page by page', async () => {
      const asked: string[] = [];
      const rows = Array.from({ length: 1_234 }, () => row());
      expect((await sync(withLog(rows, asked))).body).toMatchObject({ added: 1_234, complete: true });
      const readers = await stack.db.query('select 1 from godoty.usage_sync_readers');
      expect(asked.filter((line) => line.endsWith('page 3'))).toHaveLength(readers.length);
      expect(await usage()).toHaveLength(1_234);
    });

    it('is read with all that a row says', async () => {
      await sync(withLog([row()]));
      const [booked] = await stack.db.query(
        `select cached_tokens, cache_write_tokens, reasoning_tokens, model, cost_settled::text from public.usage_records
       where user_id = $1`,
        [ada.id],
      );
      expect(booked).toEqual({
        cached_tokens: 4,
        cache_write_tokens: 3,
        reasoning_tokens: 2,
        model: 'gpt-4o',
        cost_settled: '0.000000450000',
      });
    });

    it('charges no tokens for a call that failed, whatever the log estimates', async () => {
      const estimate = { prompt_tokens: 8, completion_tokens: 0, total_tokens: 8 };
      await sync(withLog([row({ status: 'failure', spend: 0, ...estimate })]));
      expect(await usage()).toMatchObject([{ outcome: 'error', total_tokens: 0 }]);
    });

    it('charges the tokens of an answer that broke off also where they cost nothing', async () => {
      const broken = { status: 'failure', spend: 0, prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 };
      await sync(withLog([row(broken)]));
      expect(await usage()).toMatchObject([{ outcome: 'error', total_tokens: 11, cost_settled: '0' }]);
    });

    it.each(['BudgetExceededError', 'ProxyRateLimitError'])(
      'counts a call that the proxy refused itself (%s) as none, but settles what a client reported of it',
      async (error_class) => {
        const callId = crypto.randomUUID();
        await rpc('record_usage', {
          records: [usageRecord({ call_id: callId, outcome: 'error', cost_usd: null, cost_source: 'unknown' })],
        });
        const refused = { status: 'failure', spend: 0, metadata: { error_information: { error_class } } };
        const log = withLog([row(refused), row(refused), row({ ...refused, litellm_call_id: callId })]);
        expect((await sync(log)).body).toMatchObject({ added: 0, settled: 1 });
        expect(await usage()).toMatchObject([{ call_id: callId, outcome: 'error', cost_settled: '0' }]);
      },
    );

    it('is booked but for the rows that make no sense, which the operator is told of', async () => {
      const said: string[] = [];
      const odd = [
        row({ spend: -1 }),
        row({ spend: 'much' }),
        row({ startTime: 'yesterday' }),
        row({ request_id: '' }),
        row({ prompt_tokens: 9e12, model_group: 'a\u0000b', metadata: 'none', litellm_call_id: 'mine' }),
        row({ user: 'default_user_id' }),
        row(),
      ];
      expect((await sync(withLog(odd, said))).body).toMatchObject({ status: 'done', added: 2 });
      expect(said).toContain('usage-sync: 4 rows of the spend log could not be read');
      const models = (await usage()).map(({ prompt_tokens }) => prompt_tokens).sort();
      expect(models).toEqual([0, 12]);
    });

    it('is booked whatever model’s name somebody asked for', async () => {
      const names = [`${'a'.repeat(199)}😀b`, 'half a \ud83d', '\u0000'];
      const log = withLog(names.map((model_group) => row({ status: 'failure', spend: 0, model_group })));
      expect((await sync(log)).body).toMatchObject({ status: 'done', added: 3 });
      const models = await stack.db.query<{ model: string }>(
        `select model from public.usage_records where user_id = $1 order by model collate "C"`,
        [ada.id],
      );
      expect(models.map(({ model }) => model)).toEqual([`${'a'.repeat(199)}😀`, 'half a ', 'openai/gpt-4o']);
    });

    it('that cannot be read does not keep a plan from changing', async () => {
      await setPlan('pro');
      const env = createEnv(stack.functionsEnv.get, {
        log: () => undefined,
        fetch: (input, init) =>
          String(input instanceof Request ? input.url : input).includes('/spend/logs')
            ? Promise.resolve(new Response('oops', { status: 500 }))
            : fetch(input, init),
      });
      const answer = await sync(env);
      expect([answer.status, answer.body['code']]).toEqual([502, 'model_gateway_unavailable']);
      expect(await limitsAtTheModels()).toMatchObject({ max_budget: 100 });
      // And the next run is not kept waiting.
      expect((await sync()).body).toMatchObject({ status: 'done' });
    });
  });

  async function limitsAtTheModels(): Promise<Record<string, unknown>> {
    const { body } = await callModel(stack, `/user/info?user_id=${ada.id}`, stack.masterKey);
    return body['user_info'] as Record<string, unknown>;
  }

  describe('an operator’s change of plan', () => {
    it('reaches LiteLLM with the next run', async () => {
      expect(await limitsAtTheModels()).toMatchObject({ max_budget: 1000, metadata: { godoty_plan: 'enterprise' } });
      await setPlan('free');
      await sync();
      expect(await limitsAtTheModels()).toMatchObject({ max_budget: 10, metadata: { godoty_plan: 'free' } });
    });

    it('is told again when LiteLLM could not be reached', async () => {
      await sync();
      await setPlan('pro');
      const env = createEnv(stack.functionsEnv.get, {
        log: () => undefined,
        fetch: (input, init) =>
          String(input instanceof Request ? input.url : input).endsWith('/user/update')
            ? Promise.reject(new TypeError('connection refused'))
            : fetch(input, init),
      });
      expect((await sync(env)).status).toBe(502);
      expect((await sync()).body).toMatchObject({ told: 1 });
      expect(await limitsAtTheModels()).toMatchObject({ max_budget: 100 });
      expect((await sync()).body).toMatchObject({ told: 0 });
    });

    it('reaches LiteLLM although it refuses that of another account', async () => {
      await sync();
      const other = await signUp(stack);
      await stack.db.query('insert into godoty.gateway_changes (user_id, due_at) values ($1, $2)', [
        other.id,
        minutesAgo(5),
      ]);
      await setPlan('pro');
      const env = createEnv(stack.functionsEnv.get, {
        log: () => undefined,
        fetch: (input, init) =>
          typeof init?.body === 'string' && init.body.includes(`"user_id":"${other.id}"`)
            ? Promise.resolve(Response.json({ error: {} }, { status: 400 }))
            : fetch(input, init),
      });
      const answer = await sync(env);
      expect([answer.status, answer.body['code']]).toEqual([502, 'model_gateway_unavailable']);
      expect(await limitsAtTheModels()).toMatchObject({ max_budget: 100 });
      // The refused one stays due.
      expect((await sync()).body).toMatchObject({ told: 1 });
    });
  });

  describe('accounts whose usage takes long to add up', () => {
    it('are looked at in several runs, none of which takes as long as Supabase lets a statement', async () => {
      await sync();
      const accounts = await Promise.all(Array.from({ length: 20 }, () => signUp(stack)));
      const ids = accounts.map(({ id }) => id);
      await stack.db.query('insert into godoty.usage_touched select unnest($1::uuid[])', [ids]);
      await stack.db.query('insert into godoty.gateway_changes (user_id) select unnest($1::uuid[])', [ids]);
      const left = async (): Promise<number> => {
        const [row] = await stack.db.query<{ count: number }>(
          `select (select count(*) from godoty.usage_touched where user_id = any ($1::uuid[]))::integer
             + (select count(*) from godoty.gateway_changes where user_id = any ($1::uuid[]))::integer as count`,
          [ids],
        );
        return row?.count ?? 0;
      };
      await stack.db.exec(`
        alter function godoty.quota_of(uuid) rename to quota_of_quickly;
        create function godoty.quota_of(p_user_id uuid) returns jsonb language sql volatile set search_path = '' as
        $$ select godoty.quota_of_quickly(p_user_id)
           from (select pg_catalog.pg_sleep(0.3)) as slow $$`);
      const looks: number[] = [];
      const env = createEnv(stack.functionsEnv.get, {
        fetch: async (input, init) => {
          const began = Date.now();
          const response = await fetch(input, init);
          if (String(input instanceof Request ? input.url : input).endsWith('/rpc/gateway_changes_due')) {
            looks.push(Date.now() - began);
          }
          return response;
        },
      });
      try {
        for (let before = 40, runs = 0; before > 0 && runs < 10; runs++) {
          expect((await sync(env)).status).toBe(200);
          const after = await left();
          expect(after).toBeLessThan(before);
          before = after;
        }
        expect(await left()).toBe(0);
        expect(Math.max(...looks)).toBeLessThan(8_000);
      } finally {
        await stack.db.exec(`
          drop function godoty.quota_of(uuid);
          alter function godoty.quota_of_quickly(uuid) rename to quota_of`);
      }
    });
  });

  describe('an account over its quota', () => {
    const events = async (): Promise<object[]> =>
      (
        await stack.db.query<{ details: object }>(
          `select details from public.audit_log where user_id = $1 and event = 'limit_hit'`,
          [ada.id],
        )
      ).map(({ details }) => details);
    /** The calls so far were made in another period. */
    const shift = (by: string): Promise<unknown> =>
      stack.db.query(
        `update public.usage_records set occurred_at = occurred_at - ($2::text)::interval where user_id = $1`,
        [ada.id, by],
      );
    /** The end of the block has come. */
    const elapse = (): Promise<unknown> =>
      stack.db.query('update godoty.gateway_changes set due_at = now() where user_id = $1', [ada.id]);

    it.each([
      ['tokens of the month', 'tokens_per_month', 'month', { tokens: 10_000 }, '32 days'],
      ['requests of the hour', 'requests_per_hour', 'hour', { count: 50 }, '1 hour'],
    ] as const)(
      'is answered nothing once its %s are used up, until they reset',
      async (_, limit, period, used, ago) => {
        await setPlan('free');
        await sync();
        expect((await ask()).status).toBe(200);
        if ('tokens' in used) {
          await log({ tokens: used.tokens });
        } else {
          for (let index = 1; index < used.count; index++) {
            await log({ tokens: 1 });
          }
        }
        await sync();

        const quota = (await rpc('quota')).body as { blocked: boolean } & Record<
          string,
          { remaining: number; resets_at: string }
        >;
        expect(quota.blocked).toBe(true);
        expect(quota[period]).toMatchObject({ remaining: 0 });
        const resetsAt = quota[period]?.resets_at ?? '';
        expect(Date.parse(resetsAt)).toBeGreaterThan(Date.now());
        expect((await ask()).status).toBe(422);
        expect(await limitsAtTheModels()).toMatchObject({
          max_budget: 0,
          metadata: { godoty_blocked_by: limit, godoty_blocked_until: resetsAt },
        });
        expect(await events()).toEqual([{ limit, until: resetsAt }]);

        // Neither a new key nor another device is a way around it.
        expect((await ask(undefined, await issue())).status).toBe(422);
        // The rest of the account works.
        expect((await rpc('profile')).status).toBe(200);
        expect((await rpc('record_usage', { records: [usageRecord()] })).status).toBe(200);
        expect((await call(stack, '/functions/v1/keys', { token: ada.accessToken })).status).toBe(200);
        // It is told and audited once, however often the sync runs.
        await sync();
        await sync();
        expect(await events()).toHaveLength(1);
        expect((await sync()).body).toMatchObject({ told: 0 });

        await shift(ago);
        await elapse();
        await sync();
        expect((await rpc('quota')).body).toMatchObject({ blocked: false });
        expect((await ask()).status).toBe(200);
        expect(await limitsAtTheModels()).toMatchObject({ max_budget: 10, metadata: { godoty_blocked_by: null } });
      },
    );

    it('is answered again at once on a larger plan', async () => {
      await setPlan('free');
      await log({ tokens: 20_000 });
      await sync();
      expect((await ask()).status).toBe(422);
      await setPlan('pro');
      await sync();
      expect((await ask()).status).toBe(200);
    });

    it('is told by vscode-config what is left', async () => {
      await setPlan('free');
      await log({ tokens: 4_000 });
      await sync();
      const body = { device_id: crypto.randomUUID(), device_name: 'laptop' };
      const answer = await call(stack, '/functions/v1/vscode-config', { token: ada.accessToken, body });
      expect(answer.body).toMatchObject({
        plan: { name: 'free', limits: { max_budget_usd: '10', max_devices: 5 } },
        quota: (await rpc('quota')).body,
      });
      expect(answer.body).toMatchObject({ quota: { month: { used: 4_000, limit: 10_000, remaining: 6_000 } } });
    });
  });

  describe('what LiteLLM should not have any more', () => {
    const atTheModels = async (): Promise<number> =>
      (await stack.db.query('select 1 from local_stack.model_keys where user_id = $1', [ada.id])).length;
    const age = (minutes: number): Promise<unknown> =>
      stack.db.query(
        `update public.user_api_keys set created_at = created_at - make_interval(mins => $2) where user_id = $1`,
        [ada.id, minutes],
      );

    it('a revoked key is deleted', async () => {
      await stack.db.query(
        `update public.user_api_keys set status = 'revoked', revoked_at = now() where user_id = $1`,
        [ada.id],
      );
      await sync();
      expect(await atTheModels()).toBe(0);
      const owed = await stack.db.query(
        'select 1 from public.user_api_keys where user_id = $1 and removed_at is null',
        [ada.id],
      );
      expect(owed).toEqual([]);
    });

    it('a key whose issue never ended is revoked and deleted, a healthy one is left alone', async () => {
      await stack.db.query(
        `update public.user_api_keys set status = 'pending', activated_at = null where user_id = $1`,
        [ada.id],
      );
      const other = await issue();
      await sync();
      expect(await atTheModels()).toBe(2);
      await age(6);
      await sync();
      expect(await atTheModels()).toBe(1);
      expect((await ask(undefined, other)).status).toBe(200);
    });

    it('a key that may still be on its way to LiteLLM stays owed until it cannot be any more', async () => {
      const hash = 'a'.repeat(64);
      await stack.db.query(
        `insert into public.user_api_keys (user_id, device_id, device_name, key_hash, preview, status, revoked_at)
       values ($1, $2, 'laptop', $3, 'sk-…aaaa', 'revoked', now())`,
        [ada.id, crypto.randomUUID(), hash],
      );
      const removed = async (): Promise<unknown> =>
        (
          await stack.db.query<{ gone: boolean }>(
            'select removed_at is not null as gone from public.user_api_keys where key_hash = $1',
            [hash],
          )
        )[0]?.gone;
      await sync();
      expect(await removed()).toBe(false);
      await age(6);
      await sync();
      expect(await removed()).toBe(true);
    });

    it('the keys and the user of a deleted account are deleted', async () => {
      await issue();
      await stack.db.query('delete from auth.users where id = $1', [ada.id]);
      await sync();
      expect([await atTheModels(), await limitsAtTheModels()]).toEqual([0, null]);
      expect((await ask()).status).toBe(401);
      expect(await stack.db.query('select 1 from godoty.user_tombstones where user_id = $1', [ada.id])).toEqual([]);
    });
  });

  describe('a run that dies or is too slow', () => {
    const hold = (sql: string): Promise<unknown> => stack.db.query(`update godoty.usage_sync set ${sql}`);

    it('is replaced after two minutes', async () => {
      await hold(`holder = gen_random_uuid(), held_until = now() + interval '1 minute'`);
      expect((await sync()).body).toEqual({ status: 'busy' });
      await hold(`held_until = now() - interval '1 second'`);
      expect((await sync()).body).toMatchObject({ status: 'done' });
    });

    it('books nothing once another has taken over', async () => {
      await ask();
      const env = createEnv(stack.functionsEnv.get, {
        log: () => undefined,
        fetch: async (input, init) => {
          if (String(input instanceof Request ? input.url : input).includes('/spend/logs')) {
            await hold(`holder = gen_random_uuid(), held_until = now() + interval '1 minute'`);
          }
          return fetch(input, init);
        },
      });
      const answer = await sync(env);
      expect([answer.status, answer.body['code']]).toEqual([409, 'usage_sync_superseded']);
      expect(await usage()).toEqual([]);
      await hold('holder = null, held_until = null');
      await sync();
      expect(await usage()).toHaveLength(1);
    });

    it('begins no deletion after its time, notes those that it made, and leaves the others to the next', async () => {
      await sync();
      await issue();
      await stack.db.query(
        `update public.user_api_keys set status = 'revoked', revoked_at = now() where user_id = $1`,
        [ada.id],
      );
      let late = 0;
      const env = createEnv(stack.functionsEnv.get, {
        now: () => Date.now() + late,
        fetch: (input, init) => {
          if (String(input instanceof Request ? input.url : input).endsWith('/key/delete')) {
            late = 46_000;
          }
          return fetch(input, init);
        },
      });
      expect((await sync(env)).body).toMatchObject({ status: 'done', deleted: 1, complete: false });
      expect((await sync()).body).toMatchObject({ status: 'done', deleted: 1, complete: true });
    });

    describe('with a LiteLLM that needs five seconds for a page of its log', () => {
      /** Whose clock goes on by what each page takes. */
      function slowly(): Env {
        let late = 0;
        return createEnv(stack.functionsEnv.get, {
          now: () => late,
          fetch: (input, init) => {
            if (String(input instanceof Request ? input.url : input).includes('/spend/logs')) {
              late += 5_000;
            }
            return fetch(input, init);
          },
        });
      }

      it('tells changes and makes deletions all the same', async () => {
        await sync();
        await setPlan('pro');
        await stack.db.query(
          `update public.user_api_keys set status = 'revoked', revoked_at = now() where user_id = $1`,
          [ada.id],
        );
        expect((await sync(slowly())).body).toMatchObject({ status: 'done', told: 1, deleted: 1, complete: false });
        expect(await limitsAtTheModels()).toMatchObject({ max_budget: 100 });
      });

      it('reads the newest calls in each run, and all others in turn', async () => {
        await sync();
        await stack.db.query(`update godoty.usage_sync_readers set read_until = read_until - interval '1 hour'`);
        const unread = (): Promise<{ name: string }[]> =>
          stack.db.query<{ name: string }>(
            `select name from godoty.usage_sync_readers
             where read_until < now() - lag - overlap - interval '30 minutes' order by lag`,
          );
        const left: number[] = [];
        for (let runs = 0; runs < 4; runs++) {
          await log();
          expect((await sync(slowly())).body).toMatchObject({ status: 'done', added: 1 });
          left.push((await unread()).length);
        }
        expect(left).toEqual([7, 4, 1, 0]);
      });
    });

    it('is nobody’s to start on the local stack: it runs by itself there', async () => {
      const own = await startTestStack({ syncSeconds: 0.05 });
      try {
        await own.db.query(`insert into godoty.rate_limits values ('lapsed', now() - interval '1 second')`);
        await vi.waitFor(
          async () => {
            expect(await own.db.query('select 1 from godoty.rate_limits')).toEqual([]);
          },
          { timeout: 30_000 },
        );
      } finally {
        await own.close();
      }
    });

    it('sweeps out rate limits that have lapsed', async () => {
      await stack.db.query(`update godoty.rate_limits set busy_until = now() - interval '1 second'`);
      await sync();
      expect(await stack.db.query('select 1 from godoty.rate_limits')).toEqual([]);
    });
  });
});
