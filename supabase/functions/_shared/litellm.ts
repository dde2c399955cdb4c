import * as v from 'valibot';

import type { GatewayConfig } from './config.ts';
import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

const TIMEOUT_MS = 15_000;

/** What LiteLLM is to enforce for an account, for all of its devices together. */
export interface AccountLimits {
  readonly userId: string;
  readonly plan: string;
  /** US dollars as decimal text; null for no budget. */
  readonly maxBudgetUsd: string | null;
  /** When the budget starts anew, as LiteLLM writes it: `1mo`. */
  readonly budgetDuration: string | null;
  readonly rpm: number | null;
  readonly tpm: number | null;
  /** Names of models; null for all. */
  readonly models: readonly string[] | null;
  /** The limit of tokens or requests that is used up: nothing is answered until it resets. */
  readonly blocked: { readonly limit: string; readonly until: string } | null;
}

/** How LiteLLM names “all models” on a user; an empty list would leave what it has. */
const ALL_MODELS = ['all-proxy-models'];

/** All that a device asks of the proxy. What else `llm_api` would allow (files, batches, the providers' own APIs) is not. */
const DEVICE_ROUTES = ['/v1/chat/completions', '/v1/models', '/v1/model/info'];

/**
 * Tells LiteLLM an account's limits; a user that it does not know yet is created. Throws a Refusal.
 *
 * They sit on the user and not on the keys, so that five devices have one budget; and on no team, which would switch
 * the user's budget off. A blocked account has a budget of nothing: one call stops every key, those to come included,
 * and what a client is told (`budget_exceeded`) makes it stop instead of asking for another key. LiteLLM looks at no budget
 * when a model's price is 0, so no request a minute is allowed either.
 */
export async function tellLimits(env: Env, gateway: GatewayConfig, account: AccountLimits): Promise<void> {
  const { blocked, maxBudgetUsd } = account;
  const { status, body } = await call(env, gateway, '/user/update', {
    user_id: account.userId,
    // May ask models and nothing else; the default role could make keys of its own.
    user_role: 'internal_user_viewer',
    max_budget: blocked !== null ? 0 : maxBudgetUsd === null ? null : Number(maxBudgetUsd),
    budget_duration: account.budgetDuration,
    rpm_limit: blocked !== null ? 0 : account.rpm,
    tpm_limit: account.tpm,
    models: account.models ?? ALL_MODELS,
    metadata: {
      godoty_plan: account.plan,
      godoty_blocked_by: blocked?.limit ?? null,
      godoty_blocked_until: blocked?.until ?? null,
    },
  });
  const updated = v.safeParse(v.object({ user_id: v.literal(account.userId) }), body);
  if (status !== 200 || !updated.success) {
    throw unavailable(new Error(`/user/update: status ${status}`));
  }
}

/** A key to be made known to LiteLLM. */
export interface NewKey {
  /** The key itself, of our own making. */
  readonly key: string;
  /** Its SHA-256 in hex, by which LiteLLM answers that it took this very key. */
  readonly hash: string;
  readonly userId: string;
  /** LiteLLM wants every alias to be unique among all keys. */
  readonly alias: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const Generated = v.object({
  token: v.optional(v.nullable(v.string())),
  token_id: v.optional(v.nullable(v.string())),
  expires: v.optional(v.nullable(v.string())),
});

/** Makes a key known to LiteLLM; answers when it expires, null for never. Throws a Refusal. */
export async function generateKey(env: Env, gateway: GatewayConfig, key: NewKey): Promise<Date | null> {
  const { status, body } = await call(env, gateway, '/key/generate', {
    key: key.key,
    // Good for chat alone: with it nobody can read logs, make other keys, or use a provider past the budget.
    allowed_routes: DEVICE_ROUTES,
    user_id: key.userId,
    key_alias: key.alias,
    metadata: key.metadata,
  });
  const parsed = v.safeParse(Generated, body);
  if (status !== 200 || !parsed.success || (parsed.output.token ?? parsed.output.token_id) !== key.hash) {
    throw unavailable(new Error(`/key/generate: status ${status}`));
  }
  const expires = parsed.output.expires == null ? null : new Date(utc(parsed.output.expires));
  if (expires !== null && Number.isNaN(expires.getTime())) {
    throw unavailable(new Error('/key/generate: unreadable expiry'));
  }
  return expires;
}

/** What became of a deletion: it was there and is gone, was not there, or nobody knows. */
export type Deletion = 'deleted' | 'absent' | 'unknown';

/** Deletes a key by its hash. */
export function deleteKey(env: Env, gateway: GatewayConfig, hash: string): Promise<Deletion> {
  return remove(env, gateway, '/key/delete', { keys: [hash] });
}

/** Deletes a user with all of its keys. */
export function deleteUser(env: Env, gateway: GatewayConfig, userId: string): Promise<Deletion> {
  return remove(env, gateway, '/user/delete', { user_ids: [userId] });
}

async function remove(env: Env, gateway: GatewayConfig, path: string, body: object): Promise<Deletion> {
  try {
    const { status } = await call(env, gateway, path, body);
    return status === 200 ? 'deleted' : status === 404 ? 'absent' : 'unknown';
  } catch (error) {
    if (error instanceof Refusal) {
      return 'unknown';
    }
    throw error;
  }
}

/** Calls the proxy with the master key: POST with a body, GET without. Throws a Refusal when it cannot be reached. */
export async function call(
  env: Env,
  gateway: GatewayConfig,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  try {
    const response = await env.fetch(gateway.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${gateway.masterKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: (await response.json()) as unknown };
  } catch (error) {
    throw unavailable(error);
  }
}

/** LiteLLM writes times in UTC, and some versions leave the zone out. */
export function utc(time: string): string {
  return /(?:[zZ]|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`;
}

export function unavailable(cause: unknown): Refusal {
  return new Refusal(
    'model_gateway_unavailable',
    'The model gateway cannot be reached right now. Try again in a moment.',
    { cause },
  );
}
