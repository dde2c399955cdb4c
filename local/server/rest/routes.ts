import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as v from 'valibot';

import type { AccessTokens } from '../access-tokens.ts';
import type { Database } from '../db/database.ts';
import { RestError } from './errors.ts';
import { callFunction } from './rpc.ts';
import type { Requester } from './rpc.ts';
import { readTable } from './tables.ts';

export interface RestParts {
  readonly db: Database;
  readonly tokens: AccessTokens;
  /** The keys that the gateway knows; a request without a token has the role of its key. */
  readonly publishableKey: string;
  readonly secretKey: string;
}

const MAX_BODY_BYTES = 1_048_576;
const Arguments = v.record(v.string(), v.unknown());

/** The part of PostgREST that the project needs: calls of functions, and whole rows. To be mounted at /rest/v1. */
export function restRoutes(parts: RestParts): Hono {
  const app = new Hono();
  app.post(
    '/rpc/:name',
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.text('Payload Too Large', 413) }),
    async (c) => {
      const requester = await requesterOf(parts, c);
      const result = await callFunction(parts.db, requester, c.req.param('name'), await argumentsOf(c));
      return result === undefined
        ? c.body(null, 204)
        : c.body(result, 200, { 'content-type': 'application/json; charset=utf-8' });
    },
  );
  app.get('/:table', async (c) => {
    const rows = await readTable(parts.db, await requesterOf(parts, c), c.req.param('table'), c.req.query());
    return c.body(rows, 200, { 'content-type': 'application/json; charset=utf-8' });
  });
  app.notFound((c) =>
    answer(
      new RestError(404, { code: 'PGRST125', message: `The local stack offers functions and rows, not ${c.req.path}` }),
    ),
  );
  app.onError((error) => {
    if (error instanceof RestError) {
      return answer(error);
    }
    console.error(`rest: ${error.name}: ${error.message}`);
    return answer(new RestError(500, { code: 'PGRSTX00', message: 'Internal error' }));
  });
  return app;
}

async function requesterOf(parts: RestParts, c: Context): Promise<Requester> {
  const key = c.req.header('apikey') ?? c.req.query('apikey');
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
  if (bearer === undefined || bearer === key) {
    return { role: key === parts.secretKey ? 'service_role' : 'anon', claims: {} };
  }
  const verified = await parts.tokens.verify(bearer);
  switch (verified.kind) {
    case 'valid':
      return { role: verified.claims.role, claims: verified.claims };
    case 'expired':
      throw new RestError(401, { code: 'PGRST303', message: 'JWT expired' });
    case 'invalid':
      throw new RestError(401, { code: 'PGRST301', message: 'No suitable key or wrong key type' });
  }
}

async function argumentsOf(c: Context): Promise<Readonly<Record<string, unknown>>> {
  const text = await c.req.text();
  if (text === '') {
    return {};
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text) as unknown;
  } catch {
    throw new RestError(400, { code: 'PGRST102', message: 'Empty or invalid json' });
  }
  const args = v.safeParse(Arguments, parsed);
  if (!args.success || Array.isArray(parsed)) {
    throw new RestError(400, { code: 'PGRST102', message: 'All object keys must match' });
  }
  return args.output;
}

function answer(error: RestError): Response {
  const headers =
    error.status === 401
      ? { 'www-authenticate': `Bearer error="invalid_token", error_description="${error.message}"` }
      : {};
  return Response.json(error.body, { status: error.status, headers });
}
