import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { call, PASSWORD, signUp, startTestStack, TestClock, usageRecord } from './support.ts';
import type { Answer, CallOptions } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock, accessTokenTtlSeconds: 600 });
});
afterAll(() => stack.close());

const rpc = (name: string, token: string | undefined, body: unknown, options: CallOptions = {}): Promise<Answer> =>
  call(stack, `/rest/v1/rpc/${name}`, { token, body, ...options });

describe('profile', () => {
  it('is the caller’s own', async () => {
    const [ada] = await Promise.all([signUp(stack, 'ada.lovelace@example.com'), signUp(stack)]);
    const answer = await rpc('profile', ada.accessToken, {});
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id: ada.id,
        email: 'ada.lovelace@example.com',
        display_name: 'ada.lovelace',
        username: 'ada.lovelace',
        plan: 'enterprise',
        preferences: { defaultModel: 'gpt-4o-mini', theme: 'auto', autoConnect: true },
      },
    ]);
    expect(answer.headers.get('content-type')).toContain('application/json');
  });

  it('says what to do when the account is gone', async () => {
    const account = await signUp(stack);
    await stack.db.query('delete from auth.users where id = $1', [account.id]);
    const answer = await rpc('profile', account.accessToken, {});
    expect([answer.status, answer.body]).toEqual([
      403,
      {
        code: 'account_not_found',
        message: 'This account no longer exists. Sign in again or create an account.',
        details: null,
        hint: null,
      },
    ]);
  });
});

describe('record_usage', () => {
  const rows = (userId: string): Promise<Record<string, unknown>[]> =>
    stack.db.query('select * from public.usage_records where user_id = $1 order by model', [userId]);

  it('keeps every digit of a record', async () => {
    const account = await signUp(stack);
    const record = usageRecord();
    const answer = await rpc('record_usage', account.accessToken, { records: [record] });
    expect([answer.status, answer.body]).toEqual([200, { recorded: 1, known: 0 }]);
    expect(await rows(account.id)).toEqual([
      {
        user_id: account.id,
        call_id: record['call_id'],
        response_id: 'chatcmpl-1',
        model: 'gpt-4o-mini',
        prompt_tokens: 12,
        completion_tokens: 5,
        total_tokens: 17,
        cached_tokens: 4,
        cache_write_tokens: 0,
        reasoning_tokens: 2,
        cost_estimated: '0.000012345678',
        cost_source: 'reported',
        cost_computed: null,
        cost_settled: null,
        outcome: 'done',
        occurred_at: new Date(String(record['occurred_at'])),
        recorded_at: expect.any(Date) as Date,
        reported: true,
        settled_failed: false,
        settled_request: null,
        settled_at: null,
      },
    ]);
  });

  it('counts twenty parallel calls with the same records once', async () => {
    const account = await signUp(stack);
    const records = Array.from({ length: 10 }, () => usageRecord());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, round) =>
        rpc('record_usage', account.accessToken, { records: round % 2 === 0 ? records : records.toReversed() }),
      ),
    );
    const sum = (name: string): number => answers.reduce((total, { body }) => total + Number(body[name]), 0);
    expect([sum('recorded'), sum('known')]).toEqual([10, 190]);
    expect(await rows(account.id)).toHaveLength(10);
  });

  it('keeps the same call id of two accounts apart', async () => {
    const [ada, bob] = await Promise.all([signUp(stack), signUp(stack)]);
    const record = usageRecord();
    for (const account of [ada, bob]) {
      const answer = await rpc('record_usage', account.accessToken, { records: [record] });
      expect(answer.body).toEqual({ recorded: 1, known: 0 });
    }
  });

  it('refuses a batch in PostgREST’s shape, naming the record and the field', async () => {
    const account = await signUp(stack);
    const records = [usageRecord(), usageRecord({ prompt_tokens: -1 })];
    const answer = await rpc('record_usage', account.accessToken, { records });
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        code: 'invalid_usage_record',
        message: 'Nothing was recorded: prompt_tokens of record 2 must be a whole number from 0 to 20000000.',
        details: 'records[1].prompt_tokens',
        hint: null,
      },
    ]);
    expect(await rows(account.id)).toEqual([]);
  });

  it('refuses an account that is gone', async () => {
    const account = await signUp(stack);
    await stack.db.query('delete from auth.users where id = $1', [account.id]);
    const answer = await rpc('record_usage', account.accessToken, { records: [usageRecord()] });
    expect([answer.status, answer.body['code']]).toEqual([403, 'account_not_found']);
  });
});

describe('the audit log', () => {
  it('has a line for each sign-in, and none for a renewed token', async () => {
    const account = await signUp(stack);
    const grant = (type: string, body: object): Promise<Answer> =>
      call(stack, `/auth/v1/token?grant_type=${type}`, { body });
    clock.advance(1_000);
    const again = await grant('password', { email: account.email, password: PASSWORD });
    expect(again.status).toBe(200);
    expect((await grant('refresh_token', { refresh_token: account.refreshToken })).status).toBe(200);
    expect((await grant('password', { email: account.email, password: 'wrong' })).status).toBe(400);
    expect(await stack.db.query('select event from public.audit_log where user_id = $1', [account.id])).toEqual([
      { event: 'sign_in' },
      { event: 'sign_in' },
    ]);
  });
});

describe('the account’s questions', () => {
  it('go through the public face under the names of their parameters', async () => {
    const account = await signUp(stack);
    const record = usageRecord({ occurred_at: '2025-11-20T10:00:00Z' });
    await rpc('record_usage', account.accessToken, { records: [record] });
    const range = { from: '2025-11-01T00:00:00Z', to: '2025-12-01T00:00:00Z', bucket: 'month', timezone: 'UTC' };
    const summary = await rpc('usage_summary', account.accessToken, range);
    expect([summary.status, summary.body]).toMatchObject([
      200,
      { totals: { requests: 1 }, buckets: [{ start: '2025-11-01T00:00:00Z' }], models: [{ model: 'gpt-4o-mini' }] },
    ]);
    const requests = await rpc('usage_requests', account.accessToken, { before: null, limit: 1 });
    expect([requests.status, requests.body]).toEqual([200, [record]]);
    const quota = await rpc('quota', account.accessToken, {});
    expect([quota.status, quota.body]).toMatchObject([200, { plan: 'enterprise', blocked: false }]);
    const changed = await rpc('update_preferences', account.accessToken, { patch: { theme: 'dark' } });
    expect([changed.status, changed.body['theme']]).toEqual([200, 'dark']);
    const refused = await rpc('usage_summary', account.accessToken, { ...range, timezone: 'Nowhere' });
    expect([refused.status, refused.body['code']]).toEqual([400, 'invalid_timezone']);
  });
});

describe('who may call', () => {
  it.each([
    ['profile', {}],
    ['record_usage', { records: [] }],
    ['usage_summary', { from: '2026-11-20', to: '2026-11-21', bucket: 'day', timezone: 'UTC' }],
    ['usage_requests', {}],
    ['quota', {}],
    ['update_preferences', { patch: {} }],
    ['set_plan', { p_account: 'ada@example.com', p_plan: 'pro' }],
  ])('%s is not for anon', async (name, body) => {
    const answer = await rpc(name, undefined, body);
    expect([answer.status, answer.body['code']]).toEqual([401, '42501']);
  });

  it('device keys are for the service role alone', async () => {
    const account = await signUp(stack);
    const body = { p_user_id: account.id, p_key_hash: 'a'.repeat(64) };
    const asUser = await rpc('device_key_activate', account.accessToken, body);
    expect([asUser.status, asUser.body['code']]).toEqual([403, '42501']);
    const asService = await rpc('device_key_activate', undefined, body, { apikey: stack.secretKey });
    expect([asService.status, asService.body['code']]).toEqual([409, 'device_key_superseded']);
    const nothing = await rpc('device_key_abandon', undefined, body, { apikey: stack.secretKey });
    expect([nothing.status, nothing.text]).toEqual([204, '']);
  });

  it('a token that has expired is refused', async () => {
    const account = await signUp(stack);
    clock.advance(600_000);
    const answer = await rpc('profile', account.accessToken, {});
    expect([answer.status, answer.body['code'], answer.body['message']]).toEqual([401, 'PGRST303', 'JWT expired']);
    expect(answer.headers.get('www-authenticate')).toContain('JWT expired');
  });

  it('a token of another maker is refused', async () => {
    const forged = await new SignJWT({ sub: crypto.randomUUID(), role: 'service_role' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode('a guess at a secret'));
    const answer = await rpc('profile', forged, {});
    expect([answer.status, answer.body['code']]).toEqual([401, 'PGRST301']);
  });
});

describe('what is not there', () => {
  it.each([
    ['a function nobody made', 'nothing', {}, 404, 'PGRST202'],
    ['an argument nobody knows', 'profile', { user_id: 'x' }, 404, 'PGRST202'],
    ['a missing argument', 'record_usage', {}, 404, 'PGRST202'],
    ['a helper of the migrations', 'refuse', { status: 200, code: 'x', message: 'y' }, 404, 'PGRST202'],
    ['a trigger function', 'on_user_created', {}, 404, 'PGRST202'],
    ['a body that is not JSON', 'profile', '{', 400, 'PGRST102'],
    ['a body that is an array', 'profile', [], 400, 'PGRST102'],
  ])('%s', async (_case, name, body, status, code) => {
    const account = await signUp(stack);
    const answer = await rpc(name, account.accessToken, body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(Object.keys(answer.body).sort()).toEqual(['code', 'details', 'hint', 'message']);
  });

  it('names that try to leave their quotes', async () => {
    const answer = await rpc(encodeURIComponent('profile"(); drop table public.user_profiles; --'), undefined, {});
    expect([answer.status, answer.body['code']]).toEqual([404, 'PGRST202']);
  });
});

describe('rows', () => {
  it('are read by their owner, whole, and by nobody else', async () => {
    const [ada, other] = await Promise.all([signUp(stack), signUp(stack)]);
    await rpc('record_usage', ada.accessToken, { records: [usageRecord(), usageRecord()] });
    const read = (query: string, token?: string): Promise<Answer> =>
      call(stack, `/rest/v1/usage_records${query}`, { token });
    expect((await read('?select=*', ada.accessToken)).body).toMatchObject([{ user_id: ada.id }, { user_id: ada.id }]);
    expect((await read('?limit=1', ada.accessToken)).body).toHaveLength(1);
    expect((await read('', other.accessToken)).body).toEqual([]);
    const stranger = await read('');
    expect([stranger.status, stranger.body['code']]).toEqual([401, '42501']);
  });

  it.each([
    ['of no table', '/nothing', 404, 'PGRST205'],
    ['by a filter', '/usage_records?model=eq.x', 400, 'PGRST100'],
    ['by a name that tries to leave its quotes', '/plans%22;drop', 404, 'PGRST205'],
  ])('%s are not read', async (_case, path, status, code) => {
    const answer = await call(stack, `/rest/v1${path}`);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });
});

describe('the local gateway', () => {
  it('answers only to its own machine’s names', async () => {
    const { request } = await import('node:http');
    const url = new URL(stack.supabaseUrl);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request(
        { host: url.hostname, port: url.port, path: '/_inbox', headers: { host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
