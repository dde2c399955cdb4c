import * as v from 'valibot';

import { addressHeader } from './config.ts';
import type { GatewayConfig, ProjectConfig } from './config.ts';
import type { Env } from './env.ts';
import { Refusal } from './errors.ts';
import { AccountState, limitsOf } from './gateway-account.ts';
import { deleteKey, generateKey, tellLimits } from './litellm.ts';
import { newModelKey } from './model-key.ts';
import type { ModelKey } from './model-key.ts';
import { callAsService } from './rpc.ts';

/** The servers that issuing a key goes through. */
export interface Servers {
  readonly env: Env;
  readonly project: ProjectConfig;
  readonly gateway: GatewayConfig;
}

/** The device that asks for a key, and whose it is. */
export interface Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceName: string;
}

/** What a device says of itself. */
export const DeviceBody = v.strictObject({
  device_id: v.pipe(v.string(), v.uuid()),
  device_name: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1),
    v.maxLength(100),
    v.check((name) => !/\p{Cc}/u.test(name)),
  ),
});

export const DEVICE_EXPECTED =
  'Send device_id (a UUID) and device_name (text of 1 to 100 characters), and nothing else.';

const Account = v.object({
  id: v.pipe(v.string(), v.uuid()),
  email: v.nullable(v.string()),
  display_name: v.string(),
  plan: v.string(),
  preferences: v.object({ defaultModel: v.optional(v.string()) }),
});

const Hashes = v.array(v.pipe(v.string(), v.hexadecimal()));
const Nothing = v.unknown();

/** A key in use, and the account that it belongs to. */
export interface IssuedKey {
  readonly account: v.InferOutput<typeof Account>;
  /** What the account may use, and what is left of it. */
  readonly state: v.InferOutput<typeof AccountState>;
  readonly key: ModelKey;
  readonly expiresAt: Date | null;
}

/**
 * Issues a device's key and takes its former key back. The order makes a crash at any point harmless: the
 * database knows the hash before LiteLLM knows the key, and the key counts only once both do. Throws a Refusal,
 * and then leaves no active key of this attempt.
 */
export async function issueDeviceKey(servers: Servers, device: Device): Promise<IssuedKey> {
  const { env, project, gateway } = servers;
  const key = await newModelKey();
  const account = await callAsService(
    env,
    project,
    'device_key_begin',
    {
      p_user_id: device.userId,
      p_device_id: device.deviceId,
      p_device_name: device.deviceName,
      p_key_hash: key.hash,
      p_preview: key.preview,
    },
    Account,
  );

  let state: v.InferOutput<typeof AccountState>;
  let formerKeys: readonly string[];
  let expiresAt: Date | null;
  try {
    // LiteLLM makes no user for a key, and a key without a user has no limits. An account that is over its quota gets
    // a key as well: LiteLLM answers it nothing until the quota resets.
    state = await callAsService(env, project, 'gateway_account', { p_user_id: device.userId }, AccountState);
    await tellLimits(env, gateway, limitsOf(device.userId, state));
    expiresAt = await generateKey(env, gateway, {
      key: key.key,
      hash: key.hash,
      userId: device.userId,
      alias: `godoty-${device.deviceId}-${key.hash.slice(0, 16)}`,
      metadata: { godoty_device_id: device.deviceId, godoty_device_name: device.deviceName },
    });
    formerKeys = await callAsService(
      env,
      project,
      'device_key_activate',
      { p_user_id: device.userId, p_key_hash: key.hash, p_expires_at: expiresAt?.toISOString() ?? null },
      Hashes,
    );
  } catch (error) {
    await takeBack(servers, device.userId, key.hash);
    throw error;
  }

  await deleteKeys(servers, device.userId, formerKeys);
  return { account, state, key, expiresAt };
}

/** A key as a client receives it. */
export function modelAccess(gateway: GatewayConfig, { key, expiresAt }: IssuedKey): Record<string, unknown> {
  return {
    endpoint: gateway.publicUrl,
    key: key.key,
    key_id: key.hash,
    preview: key.preview,
    expires_at: expiresAt === null ? null : Math.floor(expiresAt.getTime() / 1000),
  };
}

/** Refuses an account or an address that asks for keys too often; functions keep no state, so the database counts. */
export async function admitKeyIssue({ env, project }: Servers, request: Request, userId: string): Promise<void> {
  const args = { p_user_id: userId, p_address: callerAddress(env, request) };
  const wait = await callAsService(env, project, 'key_issue_wait', args, v.pipe(v.number(), v.integer()));
  if (wait > 0) {
    const when = wait < 120 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`;
    throw new Refusal('rate_limited', `Too many keys were asked for. Try again in ${when}.`, { retryAfter: wait });
  }
}

/**
 * Where a request comes from, as the platform's gateway says it. A gateway that passes a client's own words on makes
 * this a claim; the limit by account does not depend on it.
 */
function callerAddress(env: Env, request: Request): string | null {
  const named = request.headers.get(addressHeader(env));
  const first = named?.split(',')[0]?.trim() ?? '';
  return first === '' || first.length > 64 ? null : first;
}

/** Undoes an attempt as far as the servers can be reached; what is left over is owed, and the database says so. */
async function takeBack(servers: Servers, userId: string, hash: string): Promise<void> {
  const { env, project } = servers;
  try {
    await callAsService(env, project, 'device_key_abandon', { p_user_id: userId, p_key_hash: hash }, Nothing);
    await deleteKeys(servers, userId, [hash]);
  } catch {
    // The attempt's own error is what the caller must hear, so this one goes to the operator.
    env.log('device_key_abandon: not reached; the sync cleans up');
  }
}

/**
 * Deletes revoked keys in LiteLLM and tells the database what became of them. A deletion that fails is not the
 * caller's trouble: the row stays marked as owed, and the sync tries again.
 */
export async function deleteKeys(servers: Servers, userId: string, hashes: readonly string[]): Promise<void> {
  const { env, project, gateway } = servers;
  const deleted: string[] = [];
  const absent: string[] = [];
  for (const hash of hashes) {
    switch (await deleteKey(env, gateway, hash)) {
      case 'deleted':
        deleted.push(hash);
        break;
      case 'absent':
        absent.push(hash);
        break;
      case 'unknown':
        env.log('litellm: a revoked key could not be deleted and is owed');
    }
  }
  if (deleted.length + absent.length > 0) {
    const args = { p_user_id: userId, p_deleted: deleted, p_absent: absent };
    await callAsService(env, project, 'device_key_removed', args, Nothing).catch(() => {
      env.log('device_key_removed: not reached; the deletion is repeated later');
    });
  }
}
