import * as v from 'valibot';

import { verifyCaller } from '../_shared/access-token.ts';
import { gatewayConfig, projectConfig } from '../_shared/config.ts';
import {
  admitKeyIssue,
  deleteKeys,
  DEVICE_EXPECTED,
  DeviceBody,
  issueDeviceKey,
  modelAccess,
} from '../_shared/device-key.ts';
import type { Device, Servers } from '../_shared/device-key.ts';
import type { Env } from '../_shared/env.ts';
import { Refusal } from '../_shared/errors.ts';
import { json, respond } from '../_shared/http.ts';
import { readBody } from '../_shared/input.ts';
import { callAsService } from '../_shared/rpc.ts';

const Key = v.object({
  id: v.string(),
  device_id: v.string(),
  device_name: v.string(),
  preview: v.string(),
  created_at: v.string(),
  last_used_at: v.nullable(v.string()),
  expires_at: v.nullable(v.string()),
});
const Revoked = v.object({ revoked: v.number(), owed: v.array(v.string()) });
const KeyId = v.pipe(v.string(), v.uuid());

/** What a request is about: all of the account's keys, one of them, or the rotation of one. */
type Subject =
  | { readonly kind: 'all' }
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'rotation'; readonly id: string };

/**
 * `/functions/v1/keys`, the account's keys by device:
 *
 * - `GET /keys` lists those in use, by preview;
 * - `POST /keys` `{device_id, device_name}` issues a device's key, and takes its former one back;
 * - `POST /keys/{id}/rotate` puts a new key in a key's place;
 * - `DELETE /keys/{id}` revokes one, `DELETE /keys` all of them.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  const begun = async (): Promise<{ servers: Servers; userId: string; subject: Subject }> => {
    const servers = { env, project: projectConfig(env), gateway: gatewayConfig(env) };
    const { userId } = await verifyCaller(request, env, servers.project);
    return { servers, userId, subject: subjectOf(request) };
  };
  return respond(request, env, {
    GET: async () => {
      const { servers, userId, subject } = await begun();
      if (subject.kind !== 'all') {
        throw noSuchPath();
      }
      return json(200, { keys: await keysOf(servers, userId) });
    },
    POST: async () => {
      const { servers, userId, subject } = await begun();
      if (subject.kind === 'key') {
        throw noSuchPath();
      }
      const device =
        subject.kind === 'all' ? await deviceIn(request, userId) : await deviceOfKey(servers, userId, subject.id);
      await admitKeyIssue(servers, request, userId);
      return json(200, { model_access: modelAccess(servers.gateway, await issueDeviceKey(servers, device)) });
    },
    DELETE: async () => {
      const { servers, userId, subject } = await begun();
      if (subject.kind === 'rotation') {
        throw noSuchPath();
      }
      const args = { p_user_id: userId, p_key_id: subject.kind === 'key' ? subject.id : null };
      const { revoked, owed } = await callAsService(env, servers.project, 'device_key_revoke', args, Revoked);
      await deleteKeys(servers, userId, owed);
      return json(200, { revoked });
    },
  });
}

function subjectOf(request: Request): Subject {
  const [id, action, ...more] = new URL(request.url).pathname
    .replace(/^.*\/keys(?=\/|$)/, '')
    .split('/')
    .filter((part) => part !== '');
  if (id === undefined) {
    return { kind: 'all' };
  }
  if (!v.is(KeyId, id) || more.length > 0 || (action !== undefined && action !== 'rotate')) {
    throw noSuchPath();
  }
  return { kind: action === undefined ? 'key' : 'rotation', id };
}

function noSuchPath(): Refusal {
  return new Refusal('not_found', 'Use /keys, /keys/{id} or /keys/{id}/rotate; {id} is a UUID of the list.');
}

function keysOf({ env, project }: Servers, userId: string): Promise<v.InferOutput<typeof Key>[]> {
  return callAsService(env, project, 'device_keys', { p_user_id: userId }, v.array(Key));
}

async function deviceIn(request: Request, userId: string): Promise<Device> {
  const body = await readBody(request, DeviceBody, DEVICE_EXPECTED);
  return { userId, deviceId: body.device_id, deviceName: body.device_name };
}

async function deviceOfKey(servers: Servers, userId: string, id: string): Promise<Device> {
  const key = (await keysOf(servers, userId)).find((one) => one.id === id);
  if (key === undefined) {
    throw new Refusal('key_not_found', 'This account has no such key in use. It may be revoked already.');
  }
  return { userId, deviceId: key.device_id, deviceName: key.device_name };
}
