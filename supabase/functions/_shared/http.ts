import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

/**
 * Any origin may call, because an operator cannot list the hosts of VS Code for the web, and none may send
 * cookies: a caller is known by its bearer token alone.
 */
const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, apikey, content-type, x-client-info, x-supabase-api-version',
  'access-control-max-age': '86400',
};

export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...CORS_HEADERS,
      'content-type': 'application/json; charset=utf-8',
      // Answers hold keys and personal data; no cache may keep them.
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}

/** Answers the CORS preflight, checks the method, and turns everything that is thrown into a JSON error. */
export async function respond(
  request: Request,
  env: Env,
  method: 'GET' | 'POST',
  answer: () => Promise<Response>,
): Promise<Response> {
  const methods = `${method}, OPTIONS`;
  if (request.method === 'OPTIONS') {
    return new Response(null, { status: 204, headers: { ...CORS_HEADERS, 'access-control-allow-methods': methods } });
  }
  try {
    if (request.method !== method) {
      const response = refuse(new Refusal(405, 'method_not_allowed', `Use ${method}.`));
      response.headers.set('allow', methods);
      return response;
    }
    return await answer();
  } catch (error) {
    if (!(error instanceof Refusal)) {
      env.log(`internal_error: ${error instanceof Error ? error.name : typeof error}`);
      return refuse(new Refusal(500, 'internal_error', 'Something went wrong on the server. Try again in a moment.'));
    }
    if (error.status >= 500) {
      env.log(`${error.code}: ${reason(error)}`);
    }
    return refuse(error);
  }
}

function refuse(refusal: Refusal): Response {
  return json(refusal.status, { code: refusal.code, message: refusal.message });
}

function reason(refusal: Refusal): string {
  return refusal.cause instanceof Error ? `${refusal.message} (${refusal.cause.message})` : refusal.message;
}

/**
 * The body as parsed JSON, of at most `limit` bytes. The bytes are counted as they come, since a
 * Content-Length is only a claim.
 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const bytes = await readBounded(request, limit);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new Refusal(400, 'invalid_request', 'Send the request as JSON.', { cause: error });
  }
}

async function readBounded(request: Request, limit: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    length += value.byteLength;
    if (length > limit) {
      await reader.cancel();
      throw new Refusal(413, 'request_too_large', `Send at most ${limit} bytes.`);
    }
    parts.push(value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
