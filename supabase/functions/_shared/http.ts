import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

/**
 * Any origin may call, because an operator cannot list the hosts of VS Code for the web, and none may send
 * cookies: a caller is known by its bearer token alone.
 */
const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, apikey, content-type, x-client-info, x-supabase-api-version',
  // What a client may read of an answer: without this, how long to wait stays hidden from a browser.
  'access-control-expose-headers': 'retry-after',
  'access-control-max-age': '86400',
};

const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  ...CORS_HEADERS,
  // Answers hold keys and personal data; no cache may keep them.
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...ANSWER_HEADERS, 'content-type': 'application/json; charset=utf-8' },
  });
}

/** An event stream (WHATWG HTML, section 9.2). */
export function eventStream(body: ReadableStream<Uint8Array>): Response {
  // What stands between has the same word for "do not collect this" as for a model's answer.
  const headers = { ...ANSWER_HEADERS, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };
  return new Response(body, { headers });
}

/** What a function answers, by the method that it is called with. */
export type Methods = Readonly<Partial<Record<'GET' | 'POST' | 'DELETE', () => Promise<Response>>>>;

/** Answers the CORS preflight, chooses by the method, and turns everything that is thrown into a JSON error. */
export async function respond(request: Request, env: Env, methods: Methods): Promise<Response> {
  const allowed = [...Object.keys(methods), 'OPTIONS'].join(', ');
  if (request.method === 'OPTIONS') {
    return new Response(null, { status: 204, headers: { ...CORS_HEADERS, 'access-control-allow-methods': allowed } });
  }
  try {
    const answer = Object.hasOwn(methods, request.method) ? methods[request.method as keyof Methods] : undefined;
    if (answer === undefined) {
      const response = refuse(new Refusal('method_not_allowed', `Use one of: ${allowed}.`));
      response.headers.set('allow', allowed);
      return response;
    }
    return await answer();
  } catch (error) {
    if (!(error instanceof Refusal)) {
      env.log(`internal_error: ${error instanceof Error ? error.name : typeof error}`);
      return refuse(new Refusal('internal_error', 'Something went wrong on the server. Try again in a moment.'));
    }
    if (error.status >= 500) {
      env.log(`${error.code}: ${reason(error)}`);
    }
    return refuse(error);
  }
}

function refuse(refusal: Refusal): Response {
  const response = json(refusal.status, { code: refusal.code, message: refusal.message });
  if (refusal.retryAfter !== undefined) {
    response.headers.set('retry-after', String(Math.ceil(refusal.retryAfter)));
  }
  return response;
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
    throw new Refusal('invalid_request', 'Send the request as JSON.', { cause: error });
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
      throw new Refusal('request_too_large', `Send at most ${limit} bytes.`);
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
