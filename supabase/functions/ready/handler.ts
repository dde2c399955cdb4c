import * as v from 'valibot';

import { gatewayConfig, projectConfig } from '../_shared/config.ts';
import type { Env } from '../_shared/env.ts';
import { Refusal } from '../_shared/errors.ts';
import { json, respond } from '../_shared/http.ts';
import { call } from '../_shared/litellm.ts';
import { callAsService } from '../_shared/rpc.ts';

type State = 'ok' | 'misconfigured' | 'unreachable';

interface Readiness {
  readonly database: State;
  readonly models: State;
  /** The newest migration that the database has; null when it did not say. */
  readonly migration: string | null;
}

/** Anybody may ask, so the servers behind are asked at most this often. */
const KEPT_MS = 5_000;

const Healthy = v.object({ status: v.literal('healthy'), db: v.literal('connected') });
const Database = v.object({ row_security: v.boolean(), migration: v.string() });

const kept = new WeakMap<Env, { readonly until: number; readonly answer: Promise<Readiness> }>();

/**
 * `GET /functions/v1/ready`: open to all; whether a user could work now. 200 when the database and LiteLLM with its
 * own database answer, else 503. It says what is wrong by kind; names and reasons go to the operator's log.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, {
    GET: async () => {
      const readiness = await readinessOf(env);
      const ready = readiness.database === 'ok' && readiness.models === 'ok';
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', ...readiness });
    },
  });
}

function readinessOf(env: Env): Promise<Readiness> {
  const known = kept.get(env);
  if (known !== undefined && env.now() < known.until) {
    return known.answer;
  }
  let migration: string | null = null;
  const answer = Promise.all([
    stateOf(env, async () => {
      const database = await callAsService(env, projectConfig(env), 'backend_state', {}, Database);
      migration = database.migration;
      if (!database.row_security) {
        throw new Refusal('misconfigured', 'row level security is off on a table that has policies');
      }
    }),
    stateOf(env, async () => {
      const { status, body } = await call(env, gatewayConfig(env), '/health/readiness');
      if (status !== 200 || !v.is(Healthy, body)) {
        throw new Error(`/health/readiness: status ${status}`);
      }
    }),
  ]).then(([database, models]) => ({ database, models, migration }));
  kept.set(env, { until: env.now() + KEPT_MS, answer });
  return answer;
}

async function stateOf(env: Env, check: () => Promise<void>): Promise<State> {
  try {
    await check();
    return 'ok';
  } catch (error) {
    env.log(`ready: ${error instanceof Error ? error.message : 'failed'}`);
    return error instanceof Refusal && error.code === 'misconfigured' ? 'misconfigured' : 'unreachable';
  }
}
