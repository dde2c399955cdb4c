import { randomUUID } from 'node:crypto';

import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

import type { Clock } from '../clock.ts';
import { loopbackHostsOnly } from '../loopback.ts';
import { VERSION } from '../version.ts';
import { costOf, infoEntry, listEntry } from './catalog.ts';
import type { Model, Usage } from './catalog.ts';
import { parseChatRequest, unknownModel } from './chat-request.ts';
import { ProxyError } from './errors.ts';
import type { KeyRow, VirtualKeys } from './keys.ts';
import type { CallsInFlight } from './calls.ts';
import type { Call, ModelSource } from './source.ts';
import type { SpendLog } from './spend-log.ts';
import type { ModelUsers } from './users.ts';

export interface ModelParts {
  readonly keys: VirtualKeys;
  readonly users: ModelUsers;
  readonly log: SpendLog;
  readonly clock: Clock;
  readonly source: ModelSource;
  readonly masterKey: string;
  readonly calls: CallsInFlight;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** What LiteLLM lets a web page read, which is none of the cost, the call's id and `retry-after`. */
export const EXPOSED_HEADERS = [
  'x-litellm-semantic-filter',
  'x-litellm-semantic-filter-tools',
  'x-litellm-adaptive-router-model',
  'x-litellm-applied-guardrails',
  'x-litellm-guardrail-scan-id',
  'x-litellm-guardrail-scan-metadata',
  'x-litellm-cache-key',
];

/** Who calls: the operator by the master key, or somebody by a virtual key. */
type Caller = { readonly kind: 'master' } | { readonly kind: 'key'; readonly row: KeyRow };

/** The model endpoint: the part of LiteLLM's surface that the project uses. */
export function modelRoutes(parts: ModelParts): Hono {
  const app = new Hono();
  app.use(loopbackHostsOnly());
  app.use(cors({ origin: '*', exposeHeaders: EXPOSED_HEADERS, maxAge: 600 }));
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => fail(c, new ProxyError(413, 'invalid_request_error', 'The request is too large.')),
    }),
  );

  app.get('/health/liveliness', (c) => c.json("I'm alive!"));
  app.get('/health/readiness', (c) =>
    c.json({ status: 'healthy', db: 'connected', litellm_version: `godoty-local-${VERSION}` }),
  );

  for (const path of ['/v1/models', '/models']) {
    app.get(path, async (c) => {
      const models = await allowedModels(parts, await admitted(parts, c));
      return c.json({ data: models.map(listEntry), object: 'list' });
    });
  }
  for (const path of ['/v1/model/info', '/model/info']) {
    app.get(path, async (c) => c.json({ data: (await allowedModels(parts, await admitted(parts, c))).map(infoEntry) }));
  }
  for (const path of ['/v1/chat/completions', '/chat/completions']) {
    app.post(path, async (c) => chat(parts, c));
  }

  app.post('/key/generate', async (c) => c.json(await parts.keys.generate(await operatorBody(parts, c))));
  app.post('/key/delete', async (c) => c.json(await parts.keys.delete(await operatorBody(parts, c))));
  app.post('/key/block', async (c) => c.json(await parts.keys.setBlocked(await operatorBody(parts, c), true)));
  app.post('/key/unblock', async (c) => c.json(await parts.keys.setBlocked(await operatorBody(parts, c), false)));
  app.get('/key/info', async (c) => keyInfo(parts, c));
  app.post('/user/update', async (c) => c.json(await parts.users.update(await operatorBody(parts, c))));
  app.post('/user/delete', async (c) => c.json(await parts.users.delete(await operatorBody(parts, c))));
  app.get('/user/info', async (c) => {
    await operator(parts, c);
    return c.json(await parts.users.info(c.req.query('user_id') ?? ''));
  });
  app.get('/spend/logs/v2', async (c) => {
    await operator(parts, c);
    return c.json(await parts.log.page(c.req.query()));
  });

  app.notFound((c) => c.json({ detail: 'Not Found' }, 404));
  app.onError((error, c) => {
    if (error instanceof ProxyError) {
      return fail(c, error);
    }
    console.error(`models: ${error.name}: ${error.message}`);
    return fail(c, new ProxyError(500, 'internal_server_error', 'Internal Server Error'));
  });
  return app;
}

async function chat(parts: ModelParts, c: Context): Promise<Response> {
  const caller = await admitted(parts, c);
  const request = parseChatRequest(await c.req.text());
  const model = (await parts.source.models()).find(({ name }) => name === request.model);
  if (model === undefined) {
    throw unknownModel(request.model);
  }
  if (!mayUse(caller, model)) {
    throw new ProxyError(
      403,
      'key_model_access_denied',
      `key not allowed to access model. This key can only access models=${JSON.stringify(restrictionOf(caller))}. Tried to access ${model.name}`,
      'model',
    );
  }
  const key = caller.kind === 'key' ? caller.row : undefined;
  await parts.users.admit(key?.user_id ?? null, model.name);
  const id = callId(c);
  c.header('x-litellm-call-id', id);
  const startedAt = parts.clock.now();
  const book = async (status: 'success' | 'failure', usage: Usage | undefined): Promise<void> => {
    const cost = (usage === undefined ? undefined : costOf(model, usage)) ?? 0n;
    const [token, userId] = [key?.token ?? '', key?.user_id ?? null];
    if (key !== undefined) {
      await parts.keys.spend(token, cost);
      await parts.users.spend(userId, cost);
    }
    await parts.log.add({ callId: id, token, userId, model: model.name, status, usage, cost, startedAt });
  };
  const ended = parts.calls.begin();
  const call: Call = {
    id,
    request,
    model,
    headers: {
      'x-litellm-call-id': id,
      'x-litellm-model-group': model.name,
      'x-litellm-version': `godoty-local-${VERSION}`,
      'x-litellm-key-spend': String(Number(key?.spend ?? 0)),
    },
    signal: c.req.raw.signal,
    settle: async (usage) => {
      try {
        await book('success', usage);
      } finally {
        ended();
      }
    },
  };
  try {
    return await parts.source.answer(call);
  } catch (error) {
    try {
      await book('failure', undefined);
    } finally {
      ended();
    }
    throw error;
  }
}

async function keyInfo(parts: ModelParts, c: Context): Promise<Response> {
  const caller = await admitted(parts, c);
  const asked = c.req.query('key');
  if (caller.kind === 'key') {
    if (caller.row.key_type === 'llm_api') {
      throw new ProxyError(403, 'auth_error', 'Virtual key is not allowed to call this route.', 'None');
    }
    const info = await parts.keys.info(asked ?? caller.row.token);
    if (info['key'] !== caller.row.token) {
      throw new ProxyError(403, 'auth_error', 'A key may ask about itself only.', 'key');
    }
    return c.json(info);
  }
  if (asked === undefined) {
    throw new ProxyError(422, 'invalid_request_error', "Missing query parameter 'key'.", 'key');
  }
  return c.json(await parts.keys.info(asked));
}

async function allowedModels(parts: ModelParts, caller: Caller): Promise<readonly Model[]> {
  return (await parts.source.models()).filter((model) => mayUse(caller, model));
}

function mayUse(caller: Caller, model: Model): boolean {
  const restriction = restrictionOf(caller);
  return restriction.length === 0 || restriction.includes(model.name);
}

/** The models that a caller is restricted to; none named means no restriction. */
function restrictionOf(caller: Caller): readonly string[] {
  return caller.kind === 'master' ? [] : caller.row.models;
}

async function admitted(parts: ModelParts, c: Context): Promise<Caller> {
  const key = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
  if (key === undefined) {
    throw new ProxyError(401, 'auth_error', 'Authentication Error, No api key passed in.', 'None');
  }
  if (key === parts.masterKey) {
    return { kind: 'master' };
  }
  if (!key.startsWith('sk-')) {
    throw new ProxyError(
      401,
      'auth_error',
      "Authentication Error, LiteLLM Virtual Key expected. Expected to start with 'sk-'.",
      'None',
    );
  }
  return { kind: 'key', row: await parts.keys.admit(key) };
}

async function operator(parts: ModelParts, c: Context): Promise<void> {
  if ((await admitted(parts, c)).kind !== 'master') {
    throw new ProxyError(401, 'auth_error', 'Authentication Error, Only the master key may manage keys.', 'None');
  }
}

async function operatorBody(parts: ModelParts, c: Context): Promise<unknown> {
  await operator(parts, c);
  try {
    return JSON.parse(await c.req.text()) as unknown;
  } catch {
    throw new ProxyError(400, 'invalid_request_error', 'Invalid JSON payload', 'request_body');
  }
}

/** The id that the client made for its call, if it made a sane one. */
function callId(c: Context): string {
  const given = c.req.header('x-litellm-call-id') ?? '';
  return /^[\w-]{1,100}$/.test(given) ? given : randomUUID();
}

function fail(c: Context, error: ProxyError): Response {
  return c.json(error.body, error.status as ContentfulStatusCode);
}
