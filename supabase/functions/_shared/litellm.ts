import * as v from 'valibot';

import type { GatewayConfig } from './config.ts';
import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

const TIMEOUT_MS = 15_000;

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
  const response = await post(env, gateway, '/key/generate', {
    key: key.key,
    user_id: key.userId,
    key_alias: key.alias,
    metadata: key.metadata,
  });
  const parsed = v.safeParse(Generated, response.body);
  if (response.status !== 200 || !parsed.success || (parsed.output.token ?? parsed.output.token_id) !== key.hash) {
    throw unavailable(new Error(`/key/generate: status ${response.status}`));
  }
  const expires = parsed.output.expires == null ? null : new Date(utc(parsed.output.expires));
  if (expires !== null && Number.isNaN(expires.getTime())) {
    throw unavailable(new Error('/key/generate: unreadable expiry'));
  }
  return expires;
}

/** What became of a deletion: the key was there and is gone, was not there, or nobody knows. */
export type Deletion = 'deleted' | 'absent' | 'unknown';

/** Deletes a key by its hash. */
export async function deleteKey(env: Env, gateway: GatewayConfig, hash: string): Promise<Deletion> {
  try {
    const { status } = await post(env, gateway, '/key/delete', { keys: [hash] });
    return status === 200 ? 'deleted' : status === 404 ? 'absent' : 'unknown';
  } catch (error) {
    if (error instanceof Refusal) {
      return 'unknown';
    }
    throw error;
  }
}

async function post(
  env: Env,
  gateway: GatewayConfig,
  path: string,
  body: unknown,
): Promise<{ status: number; body: unknown }> {
  try {
    const response = await env.fetch(gateway.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.masterKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: (await response.json()) as unknown };
  } catch (error) {
    throw unavailable(error);
  }
}

/** LiteLLM writes times in UTC, and some versions leave the zone out. */
function utc(time: string): string {
  return /(?:[zZ]|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`;
}

function unavailable(cause: unknown): Refusal {
  return new Refusal(
    502,
    'model_gateway_unavailable',
    'The model gateway did not issue a key. Try again in a moment.',
    {
      cause,
    },
  );
}
