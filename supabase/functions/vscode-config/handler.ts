import * as v from 'valibot';

import { verifyCaller } from '../_shared/access-token.ts';
import { gatewayConfig, projectConfig } from '../_shared/config.ts';
import type { Env } from '../_shared/env.ts';
import { Refusal } from '../_shared/errors.ts';
import { json, readJson, respond } from '../_shared/http.ts';
import { issueDeviceKey } from './device-key.ts';

const MAX_BODY_BYTES = 4_096;
const DEFAULT_MODEL = 'gpt-4o-mini';

const Body = v.strictObject({
  device_id: v.pipe(v.string(), v.uuid()),
  device_name: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1),
    v.maxLength(100),
    v.check((name) => !/\p{Cc}/u.test(name)),
  ),
});

/**
 * `POST /functions/v1/vscode-config`: all that the extension needs after sign-in, in one call. Each call issues
 * a new key for the device and takes its former key back, so a reply that got lost does no harm.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, 'POST', async () => {
    const project = projectConfig(env);
    const gateway = gatewayConfig(env);
    const caller = await verifyCaller(request, env, project);
    const device = parseBody(await readJson(request, MAX_BODY_BYTES));

    const issued = await issueDeviceKey(env, project, gateway, {
      userId: caller.userId,
      deviceId: device.device_id,
      deviceName: device.device_name,
    });

    const { account, key } = issued;
    return json(200, {
      user: { id: account.id, email: account.email, display_name: account.display_name },
      plan: { name: account.plan },
      model_access: {
        endpoint: gateway.publicUrl,
        key: key.key,
        key_id: key.hash,
        preview: key.preview,
        expires_at: issued.expiresAt === null ? null : Math.floor(issued.expiresAt.getTime() / 1000),
      },
      preferences: { default_model: account.preferences.defaultModel ?? DEFAULT_MODEL },
    });
  });
}

function parseBody(body: unknown): v.InferOutput<typeof Body> {
  const parsed = v.safeParse(Body, body);
  if (!parsed.success) {
    throw new Refusal(
      400,
      'invalid_request',
      'Send device_id (a UUID) and device_name (text of 1 to 100 characters), and nothing else.',
    );
  }
  return parsed.output;
}
