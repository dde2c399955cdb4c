import * as v from 'valibot';

import { verifyCaller } from '../_shared/access-token.ts';
import { gatewayConfig, projectConfig } from '../_shared/config.ts';
import { admitKeyIssue, DEVICE_EXPECTED, DeviceBody, issueDeviceKey, modelAccess } from '../_shared/device-key.ts';
import type { Env } from '../_shared/env.ts';
import { PlanLimits } from '../_shared/gateway-account.ts';
import { json, respond } from '../_shared/http.ts';
import { readBody } from '../_shared/input.ts';

const DEFAULT_MODEL = 'gpt-4o-mini';

/**
 * `POST /functions/v1/vscode-config`: all that the extension needs after sign-in, in one call. Each call issues
 * a new key for the device and takes its former key back, so a reply that got lost does no harm.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, {
    POST: async () => {
      const servers = { env, project: projectConfig(env), gateway: gatewayConfig(env) };
      const { userId } = await verifyCaller(request, env, servers.project);
      const device = await readBody(request, DeviceBody, DEVICE_EXPECTED);
      await admitKeyIssue(servers, request, userId);
      const issued = await issueDeviceKey(servers, {
        userId,
        deviceId: device.device_id,
        deviceName: device.device_name,
      });

      const { account, state } = issued;
      return json(200, {
        user: { id: account.id, email: account.email, display_name: account.display_name },
        plan: { name: state.plan, limits: v.parse(PlanLimits, state) },
        quota: state.quota,
        model_access: modelAccess(servers.gateway, issued),
        preferences: { default_model: account.preferences.defaultModel ?? DEFAULT_MODEL },
      });
    },
  });
}
