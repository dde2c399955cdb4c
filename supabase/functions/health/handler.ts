import type { Env } from '../_shared/env.ts';
import { json, respond } from '../_shared/http.ts';
import { VERSION } from '../_shared/version.ts';

/** `GET /functions/v1/health`: open to all, touches nothing, and says which version answers. */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, { GET: () => Promise.resolve(json(200, { status: 'ok', version: VERSION })) });
}
