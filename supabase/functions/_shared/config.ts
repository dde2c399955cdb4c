import * as v from 'valibot';

import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

/** What the functions know of their Supabase project. */
export interface ProjectConfig {
  /** The project's address, without a slash at its end. */
  readonly url: string;
  /** Who signs access tokens; their `iss` claim. */
  readonly issuer: string;
  /** The key that stands for the role service_role. It exists nowhere but in the functions' environment. */
  readonly secretKey: string;
  /** The shared secret of a project that still signs with HS256; undefined turns HS256 off. */
  readonly legacyJwtSecret: string | undefined;
}

/** What the functions know of the LiteLLM proxy. */
export interface GatewayConfig {
  /** Where the functions reach the proxy. */
  readonly url: string;
  /** Where a client reaches it: the same address unless the operator says otherwise. */
  readonly publicUrl: string;
  readonly masterKey: string;
}

/**
 * Reads the project's settings. Supabase provides SUPABASE_URL, SUPABASE_SECRET_KEYS (or, on older projects,
 * SUPABASE_SERVICE_ROLE_KEY); GODOTY_JWT_ISSUER and GODOTY_JWT_SECRET are the operator's and optional.
 *
 * Throws a Refusal when a needed one is missing or malformed.
 */
export function projectConfig(env: Env): ProjectConfig {
  const url = address(env, 'SUPABASE_URL');
  const legacySecret = optional(env, 'GODOTY_JWT_SECRET');
  return {
    url,
    issuer: optional(env, 'GODOTY_JWT_ISSUER') ?? `${url}/auth/v1`,
    secretKey: secretKey(env),
    legacyJwtSecret: legacySecret === undefined ? undefined : unguessable('GODOTY_JWT_SECRET', legacySecret),
  };
}

/** Reads LITELLM_URL, LITELLM_MASTER_KEY and, optionally, LITELLM_PUBLIC_URL. Throws a Refusal. */
export function gatewayConfig(env: Env): GatewayConfig {
  const url = address(env, 'LITELLM_URL');
  return {
    url,
    publicUrl: optional(env, 'LITELLM_PUBLIC_URL') === undefined ? url : address(env, 'LITELLM_PUBLIC_URL'),
    masterKey: needed(env, 'LITELLM_MASTER_KEY'),
  };
}

/** Reads GODOTY_SYNC_SECRET, by which the operator's schedule is known. Throws a Refusal. */
export function syncSecret(env: Env): string {
  return unguessable('GODOTY_SYNC_SECRET', needed(env, 'GODOTY_SYNC_SECRET'));
}

/** Reads GODOTY_ADDRESS_HEADER: the header in which the gateway says where a request comes from. */
export function addressHeader(env: Env): string {
  return optional(env, 'GODOTY_ADDRESS_HEADER') ?? 'x-forwarded-for';
}

/** Shorter ones can be guessed. */
const MIN_SECRET_LENGTH = 32;

const KeyDictionary = v.record(v.string(), v.pipe(v.string(), v.nonEmpty()));

function secretKey(env: Env): string {
  const named = env.get('SUPABASE_SECRET_KEYS');
  if (named === undefined) {
    return needed(env, 'SUPABASE_SERVICE_ROLE_KEY');
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), KeyDictionary), named);
  const key = parsed.success ? (parsed.output['default'] ?? Object.values(parsed.output)[0]) : undefined;
  return key ?? misconfigured('SUPABASE_SECRET_KEYS');
}

function needed(env: Env, name: string): string {
  return optional(env, name) ?? misconfigured(name);
}

/** A setting; an empty one, as a template of secrets leaves it, says as little as none. */
function optional(env: Env, name: string): string | undefined {
  const value = env.get(name);
  return value === '' ? undefined : value;
}

function unguessable(name: string, secret: string): string {
  return secret.length < MIN_SECRET_LENGTH ? misconfigured(name) : secret;
}

function address(env: Env, name: string): string {
  const value = needed(env, name);
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    return misconfigured(name);
  }
  return value.replace(/\/+$/, '');
}

function misconfigured(name: string): never {
  throw new Refusal('misconfigured', `The server is not set up: its operator has to set ${name}.`);
}
