import * as v from 'valibot';

import type { ProjectConfig } from './config.ts';
import type { Env } from './env.ts';
import { Refusal } from './errors.ts';
import type { RefusalCode } from './errors.ts';

const TIMEOUT_MS = 10_000;

/** What the database's own refusals become here; any other error of the database is a fault, not an answer. */
const KNOWN_REFUSALS: ReadonlySet<string> = new Set<RefusalCode>([
  'account_not_found',
  'device_key_superseded',
  'device_limit_reached',
  'key_not_found',
  'usage_sync_superseded',
]);

const ErrorBody = v.object({ code: v.string(), message: v.string() });

/** Calls a database function as service_role and parses its answer. Throws a Refusal. */
export async function callAsService<T>(
  env: Env,
  project: ProjectConfig,
  name: string,
  args: Readonly<Record<string, unknown>>,
  answer: v.GenericSchema<unknown, T>,
): Promise<T> {
  const response = await post(env, project, name, args);
  if (response.ok) {
    const parsed = v.safeParse(answer, response.body);
    if (parsed.success) {
      return parsed.output;
    }
    throw unavailable(new Error(`${name}: unexpected answer`));
  }
  const refused = v.safeParse(ErrorBody, response.body);
  if (refused.success && isKnown(refused.output.code)) {
    throw new Refusal(refused.output.code, refused.output.message);
  }
  const shown = refused.success ? refused.output.code : 'no JSON';
  throw unavailable(new Error(`${name}: status ${response.status}, ${shown}`));
}

function isKnown(code: string): code is RefusalCode {
  return KNOWN_REFUSALS.has(code);
}

async function post(
  env: Env,
  project: ProjectConfig,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<{ ok: boolean; status: number; body: unknown }> {
  const headers = new Headers({ apikey: project.secretKey, 'content-type': 'application/json' });
  // A legacy service_role key is a JWT and goes into both headers; a new secret key is not one and must not.
  if (project.secretKey.startsWith('eyJ')) {
    headers.set('authorization', `Bearer ${project.secretKey}`);
  }
  try {
    const response = await env.fetch(`${project.url}/rest/v1/rpc/${name}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(args),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { ok: response.ok, status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): Refusal {
  return new Refusal(
    'database_unavailable',
    'The account database cannot be reached right now. Try again in a moment.',
    {
      cause,
    },
  );
}
