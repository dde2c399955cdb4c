/** Accounts, plans and keys at the real LiteLLM proxy: one budget for all devices, quotas, and no orphan key. */
import { createHash } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { syncRequest } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as usageSync } from '../../supabase/functions/usage-sync/handler.ts';
import { handler as vscodeConfig } from '../../supabase/functions/vscode-config/handler.ts';
import { call, signUp } from '../backend/support.ts';
import type { Account } from '../backend/support.ts';
import { chat, keyOf, manage, signedUp, spendOf, startWorld } from './support.ts';
import type { User, World } from './support.ts';

const SOON = { timeout: 30_000, interval: 250 };

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.close();
});

const sql = (text: string, params: readonly unknown[] = []): Promise<Record<string, unknown>[]> =>
  world.stack.db.query(text, params);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function sync(env: Env = world.stack.functionsEnv): Promise<Record<string, unknown>> {
  return (await (await usageSync(syncRequest(env), env)).json()) as Record<string, unknown>;
}

/** A plan with some limits of its own, and all else without limits. */
async function newPlan(limits: Readonly<Record<string, string | number>>): Promise<string> {
  const name = `plan-${crypto.randomUUID().slice(0, 8)}`;
  const all = {
    tokens_per_month: 1_000_000_000,
    requests_per_hour: 1_000_000,
    model_requests_per_hour: 1_000_000,
    output_tokens_per_request: 8_000,
    max_devices: 50,
    ...limits,
  };
  await sql(
    `insert into public.plans (name, ${Object.keys(all).join(', ')}) values ($1, ${Object.keys(all)
      .map((_, index) => `$${index + 2}`)
      .join(', ')})`,
    [name, ...Object.values(all)],
  );
  return name;
}

async function setPlan(userId: string, plan: string): Promise<void> {
  const answer = await call(world.stack, '/rest/v1/rpc/set_plan', {
    apikey: world.stack.secretKey,
    body: { p_account: userId, p_plan: plan },
  });
  expect(answer.status).toBe(200);
}

/** The type of the error that the proxy answers a question with; undefined when it answers. */
async function refusalOf(key: string, model = 'gpt-4o-mini'): Promise<string | undefined> {
  const response = await fetch(`${world.proxy.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hi' }] }),
  });
  const text = await response.text();
  return response.ok ? undefined : (JSON.parse(text) as { error: { type: string } }).error.type;
}

async function issue(account: Account, device: string, env = world.stack.functionsEnv): Promise<string> {
  const response = await vscodeConfig(configRequest(account, device), env);
  const body = (await response.json()) as { code?: string; model_access?: { key: string } };
  if (body.model_access === undefined) {
    throw new Error(`no key: ${body.code ?? ''}`);
  }
  return body.model_access.key;
}

const configRequest = (account: Account, device: string): Request =>
  new Request('http://functions.invalid/vscode-config', {
    method: 'POST',
    headers: { authorization: `Bearer ${account.accessToken}` },
    body: JSON.stringify({ device_id: device, device_name: 'laptop' }),
  });

/** The hashes that the proxy has of an account's keys. */
async function atTheProxy(userId: string): Promise<string[]> {
  const { keys } = await manage(world, `/key/list?user_id=${userId}&size=100`);
  return (keys as string[]).sort();
}

/** The hashes that the database takes for in use. */
async function inUse(userId: string): Promise<unknown[]> {
  const rows = await sql(
    `select key_hash from public.user_api_keys where user_id = $1 and status = 'active' order by key_hash`,
    [userId],
  );
  return rows.map(({ key_hash }) => key_hash);
}

async function userAtTheProxy(userId: string): Promise<Record<string, unknown>> {
  return (await manage(world, `/user/info?user_id=${userId}`))['user_info'] as Record<string, unknown>;
}

describe('the limits of an account', () => {
  let account: Account;
  beforeEach(async () => {
    account = await signUp(world.stack);
  });

  it('are there with its very first key', async () => {
    await setPlan(account.id, 'pro');
    await issue(account, crypto.randomUUID());
    expect(await userAtTheProxy(account.id)).toMatchObject({
      max_budget: 100,
      budget_duration: '1mo',
      rpm_limit: 60,
      tpm_limit: 100_000,
      user_role: 'internal_user_viewer',
      metadata: { godoty_plan: 'pro', godoty_blocked_by: null },
    });
    expect((await userAtTheProxy(account.id))['budget_reset_at']).not.toBeNull();
  });

  it('are one budget for five devices', async () => {
    // One answer costs 0.0000045.
    await setPlan(account.id, await newPlan({ max_budget_usd: '0.00002' }));
    const keys: string[] = [];
    for (let device = 0; device < 5; device++) {
      keys.push(await issue(account, crypto.randomUUID()));
    }
    let answers = 0;
    await vi.waitFor(async () => {
      const refusal = await refusalOf(keys[answers % 5] ?? '');
      answers += refusal === undefined ? 1 : 0;
      expect(refusal).toBe('budget_exceeded');
    }, SOON);
    // No device used up the budget alone, and none has anything left.
    expect(answers).toBeGreaterThanOrEqual(5);
    for (const key of keys) {
      expect(await refusalOf(key)).toBe('budget_exceeded');
    }
  });

  it('change with the plan, also of keys that are out already', async () => {
    const key = await issue(account, crypto.randomUUID());
    await setPlan(account.id, await newPlan({ max_budget_usd: '5', models: '{gpt-4o}' }));
    await sync();
    expect(await userAtTheProxy(account.id)).toMatchObject({ max_budget: 5, models: ['gpt-4o'], rpm_limit: null });
    expect([await refusalOf(key, 'gpt-4o-mini'), await refusalOf(key, 'gpt-4o')]).toEqual([
      'user_model_access_denied',
      undefined,
    ]);
    await setPlan(account.id, await newPlan({ rpm_limit: 1 }));
    await sync();
    expect(await userAtTheProxy(account.id)).toMatchObject({ max_budget: null, models: ['all-proxy-models'] });
    await vi.waitFor(async () => {
      expect(await refusalOf(key)).toBe('throttling_error');
    }, SOON);
  });

  it.each([
    ['POST', '/key/generate', {}],
    ['POST', '/key/update', { max_budget: 1_000_000 }],
    ['POST', '/key/block', {}],
    ['POST', '/user/update', { max_budget: 1_000_000 }],
    ['POST', '/user/new', {}],
    ['POST', '/team/new', {}],
    ['GET', '/spend/logs/v2?start_date=2026-01-01&end_date=2027-01-01', undefined],
    ['GET', '/user/info', undefined],
    ['GET', '/key/info', undefined],
    // These would go to a provider with the operator's own key, past the plan's models and limits.
    ['GET', '/v1/files', undefined],
    ['POST', '/v1/batches', {}],
    ['POST', '/v1/fine_tuning/jobs', {}],
    ['GET', '/openai/v1/models', undefined],
  ])('cannot be changed or looked into with a device’s key (%s %s)', async (method, path, body) => {
    const key = await issue(account, crypto.randomUUID());
    const response = await fetch(world.proxy.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify({ key, user_id: account.id, ...body }) }),
    });
    expect(response.status).toBe(403);
  });

  it('end with the account: its keys and its user are gone', async () => {
    const key = await issue(account, crypto.randomUUID());
    await sql('delete from auth.users where id = $1', [account.id]);
    await sync();
    expect(await atTheProxy(account.id)).toEqual([]);
    await vi.waitFor(async () => {
      expect(await refusalOf(key)).toBe('token_not_found_in_db');
    }, SOON);
  });
});

describe('issuing a key that is killed between its steps', () => {
  const STEPS = [
    '/rpc/key_issue_wait',
    '/rpc/device_key_begin',
    '/rpc/gateway_account',
    '/user/update',
    '/key/generate',
    '/rpc/device_key_activate',
    '/key/delete',
    '/rpc/device_key_removed',
  ];

  /** Runs an issue that is gone for good right after one step's server did its work. */
  async function killedAfter(step: string, account: Account, device: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const env = createEnv(world.stack.functionsEnv.get, {
        log: () => undefined,
        fetch: async (input, init) => {
          const response = await fetch(input, init);
          if (String(input instanceof Request ? input.url : input).endsWith(step)) {
            resolve();
            // A process that is gone never goes on.
            return new Promise<never>(() => undefined);
          }
          return response;
        },
      });
      void vscodeConfig(configRequest(account, device), env);
    });
  }

  it.each(STEPS)('after %s: no orphan is left, and nobody’s healthy key is lost', async (step) => {
    const account = await signUp(world.stack);
    const [laptop, phone] = [crypto.randomUUID(), crypto.randomUUID()];
    const former = await issue(account, laptop);
    const other = await issue(account, phone);

    await killedAfter(step, account, laptop);
    // The device's key works for as long as no other took its place.
    const counts = (await inUse(account.id)).includes(sha256(former));
    expect(counts).toBe(!STEPS.slice(5).includes(step));

    // The attempt is over for good after five minutes.
    await sql(`update public.user_api_keys set created_at = created_at - interval '6 minutes' where user_id = $1`, [
      account.id,
    ]);
    await sync();
    expect(await atTheProxy(account.id)).toEqual(await inUse(account.id));
    expect(await inUse(account.id)).toHaveLength(2);
    expect([await refusalOf(other), counts ? await refusalOf(former) : undefined]).toEqual([undefined, undefined]);
    const open = await sql(
      `select status from public.user_api_keys
       where user_id = $1 and (status = 'pending' or status = 'revoked' and removed_at is null)`,
      [account.id],
    );
    expect(open).toEqual([]);

    // And the device has a key again with its next call.
    expect(await refusalOf(await issue(account, laptop))).toBeUndefined();
    expect(await atTheProxy(account.id)).toEqual(await inUse(account.id));
  });

  it('or takes place in five windows of two devices at once leaves one key for each device', async () => {
    const account = await signUp(world.stack);
    const devices = [crypto.randomUUID(), crypto.randomUUID()];
    const attempts = devices.flatMap((device) => Array.from({ length: 5 }, () => issue(account, device)));
    const ended = await Promise.allSettled(attempts);
    for (const attempt of ended) {
      if (attempt.status === 'rejected') {
        expect(attempt.reason).toMatchObject({ message: 'no key: device_key_superseded' });
      }
    }
    expect(await inUse(account.id)).toHaveLength(2);
    expect(await atTheProxy(account.id)).toEqual(await inUse(account.id));
    const issued = ended.flatMap((attempt) => (attempt.status === 'fulfilled' ? [sha256(attempt.value)] : []));
    expect(issued).toEqual(expect.arrayContaining(await inUse(account.id)));
  });
});

describe('usage at the real proxy', () => {
  let user: User;
  let userId: string;
  beforeEach(async () => {
    user = await signedUp(world);
    userId = user.client.account()?.userId ?? '';
  });

  const records = (): Promise<Record<string, unknown>[]> =>
    sql(
      `select call_id, outcome, cost_settled::float8 as cost, total_tokens, reported from public.usage_records
       where user_id = $1 order by occurred_at`,
      [userId],
    );

  /** Runs the sync until the proxy has written its log. */
  async function synced(count: number): Promise<Record<string, unknown>[]> {
    return vi.waitFor(async () => {
      await sync();
      const settled = (await records()).filter(({ cost }) => cost !== null);
      expect(settled).toHaveLength(count);
      return settled;
    }, SOON);
  }

  it('is settled as the proxy billed it, each call once', async () => {
    const { callId } = await chat(user, 'gpt-4o-mini');
    const [record] = await synced(1);
    const [spend] = await spendOf(world, callId);
    expect(record).toMatchObject({ call_id: callId, cost: spend?.spend, total_tokens: 17 });
    await sync();
    expect(await records()).toHaveLength(1);
  });

  it('of an answer that was stopped becomes the billed one', async () => {
    const abort = new AbortController();
    const { callId, answer } = await chat(user, 'slow', {}, abort.signal, () => abort.abort());
    expect(answer.outcome).toEqual({ kind: 'cancelled' });
    await vi.waitFor(async () => {
      expect(await spendOf(world, callId)).toHaveLength(1);
    }, SOON);
    const [record] = await synced(1);
    const [spend] = await spendOf(world, callId);
    expect(record).toMatchObject({ call_id: callId, cost: spend?.spend });
  });

  it('of a call that failed is a record without cost', async () => {
    const { callId } = await chat(user, 'status-500', { maxRetries: 0 });
    const [record] = await synced(1);
    expect(record).toMatchObject({ call_id: callId, outcome: 'error', cost: 0, total_tokens: 0 });
  });

  it('of an answer that broke off is what the provider billed until then', async () => {
    // What the proxy has not passed on yet when a stream breaks is dropped, so the break waits for the first word.
    const { callId } = await chat(user, 'priced-midstream-error', { maxRetries: 0 }, undefined, () =>
      world.upstream.breakStreams(),
    );
    const [record] = await synced(1);
    const [spend] = await spendOf(world, callId);
    const tokens = (spend?.prompt_tokens ?? 0) + (spend?.completion_tokens ?? 0);
    expect(spend?.spend).toBeGreaterThan(0);
    expect(record).toMatchObject({ call_id: callId, outcome: 'error', total_tokens: tokens });
    expect(record?.['cost']).toBeCloseTo(spend?.spend ?? 0, 12);
  });

  it('beyond the quota stops at models without a price, too', async () => {
    await setPlan(userId, await newPlan({ tokens_per_month: 10 }));
    const { key } = keyOf(user);
    expect(await refusalOf(key, 'free')).toBeUndefined();
    await synced(1);
    await vi.waitFor(async () => {
      expect(await refusalOf(key, 'free')).toBe('throttling_error');
    }, SOON);
    expect(await refusalOf(key)).toBe('budget_exceeded');
    await setPlan(userId, await newPlan({}));
    await sync();
    await vi.waitFor(async () => {
      expect([await refusalOf(key, 'free'), await refusalOf(key)]).toEqual([undefined, undefined]);
    }, SOON);
  });

  it('beyond the quota stops at the proxy, says until when, and goes on when it resets', async () => {
    // An answer uses 17 tokens.
    await setPlan(userId, await newPlan({ tokens_per_month: 30 }));
    await sync();
    const { hash } = keyOf(user);
    expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
    expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
    await synced(2);

    const { answer } = await chat(user, 'gpt-4o-mini', { maxRetries: 3 });
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'QUOTA_EXCEEDED', retryable: false } });
    // What was refused is in the log, and is no request of the account.
    const year = 'start_date=2020-01-01&end_date=2100-01-01';
    await vi.waitFor(async () => {
      expect(await manage(world, `/spend/logs/v2?user_id=${userId}&${year}`)).toMatchObject({ total: 3 });
    }, SOON);
    await sync();
    expect((await records()).filter(({ reported }) => reported === false)).toEqual([]);
    // The client keeps its key: asking for another would lead to none that works.
    expect(keyOf(user).hash).toBe(hash);
    const token = (JSON.parse(user.store.text ?? '{}') as { session?: { access_token?: string } }).session
      ?.access_token;
    expect(token).toBeDefined();
    const quota = (await call(world.stack, '/rest/v1/rpc/quota', { token, body: {} })).body as {
      blocked: boolean;
      month: { used: number; remaining: number; resets_at: string };
    };
    expect(quota).toMatchObject({ blocked: true, month: { used: 34, remaining: 0 } });
    expect(await userAtTheProxy(userId)).toMatchObject({
      max_budget: 0,
      metadata: { godoty_blocked_by: 'tokens_per_month', godoty_blocked_until: quota.month.resets_at },
    });
    // The rest works: the account, its models, another device's sign-in.
    expect((await user.client.models()).length).toBeGreaterThan(0);
    const config = await call(world.stack, '/functions/v1/vscode-config', {
      token,
      body: { device_id: crypto.randomUUID(), device_name: 'phone' },
    });
    expect(await refusalOf((config.body['model_access'] as { key: string }).key)).toBe('budget_exceeded');

    // A month later.
    await sql(`update public.usage_records set occurred_at = occurred_at - interval '32 days' where user_id = $1`, [
      userId,
    ]);
    await sql('update godoty.gateway_changes set due_at = now() where user_id = $1', [userId]);
    await sync();
    expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
    expect(keyOf(user).hash).toBe(hash);
  });
});
