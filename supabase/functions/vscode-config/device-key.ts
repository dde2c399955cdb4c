import * as v from 'valibot';

import type { GatewayConfig, ProjectConfig } from '../_shared/config.ts';
import type { Env } from '../_shared/env.ts';
import { deleteKey, generateKey } from '../_shared/litellm.ts';
import { newModelKey } from '../_shared/model-key.ts';
import type { ModelKey } from '../_shared/model-key.ts';
import { callAsService } from '../_shared/rpc.ts';

/** The device that asks for a key, and whose it is. */
export interface Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceName: string;
}

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
  readonly key: ModelKey;
  readonly expiresAt: Date | null;
}

/**
 * Issues a device's key and takes its former key back. The order makes a crash at any point harmless: the
 * database knows the hash before LiteLLM knows the key, and the key counts only once both do. Throws a Refusal,
 * and then leaves no active key of this attempt.
 */
export async function issueDeviceKey(
  env: Env,
  project: ProjectConfig,
  gateway: GatewayConfig,
  device: Device,
): Promise<IssuedKey> {
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

  let formerKeys: readonly string[];
  let expiresAt: Date | null;
  try {
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
    await takeBack(env, project, gateway, device.userId, key.hash);
    throw error;
  }

  await deleteKeys(env, project, gateway, device.userId, formerKeys);
  return { account, key, expiresAt };
}

/** Undoes an attempt as far as the servers can be reached; what is left over is owed, and the database says so. */
async function takeBack(
  env: Env,
  project: ProjectConfig,
  gateway: GatewayConfig,
  userId: string,
  hash: string,
): Promise<void> {
  try {
    await callAsService(env, project, 'device_key_abandon', { p_user_id: userId, p_key_hash: hash }, Nothing);
    await deleteKeys(env, project, gateway, userId, [hash]);
  } catch {
    // The attempt's own error is what the caller must hear, so this one goes to the operator.
    env.log("device_key_abandon: not reached; the device's next request cleans up");
  }
}

/**
 * Deletes revoked keys in LiteLLM and tells the database what became of them. A deletion that fails is not the
 * caller's trouble: the row stays marked as owed, and the device's next request tries again.
 */
async function deleteKeys(
  env: Env,
  project: ProjectConfig,
  gateway: GatewayConfig,
  userId: string,
  hashes: readonly string[],
): Promise<void> {
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
        env.log('litellm: a former key could not be deleted and is owed');
    }
  }
  if (deleted.length + absent.length > 0) {
    const args = { p_user_id: userId, p_deleted: deleted, p_absent: absent };
    await callAsService(env, project, 'device_key_removed', args, Nothing).catch(() => {
      env.log('device_key_removed: not reached; the deletion is repeated later');
    });
  }
}
