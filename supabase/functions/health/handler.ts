import type { Env } from '../_shared/env.ts';
import { eventStream, json, respond } from '../_shared/http.ts';
import { VERSION } from '../_shared/version.ts';

/** So many events, this far apart: long enough to see whether something on the way collects them, and cheap. */
const EVENTS = 4;
const APART_MS = 250;
/** Anybody may ask. Who comes while so many streams are open gets the answer in one piece. */
const MOST_STREAMS = 20;

const open = new WeakMap<Env, Set<object>>();

/**
 * `GET /functions/v1/health`: open to all, touches nothing, and says which version answers and what its clock shows. With
 * `?stream=1` it says so in events: the last one has the time since the first, beside which a client can hold its own.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, {
    GET: () => {
      const streams = open.get(env) ?? new Set();
      open.set(env, streams);
      const wanted = new URL(request.url).searchParams.get('stream') === '1' && streams.size < MOST_STREAMS;
      return Promise.resolve(wanted ? eventStream(events(env, streams)) : json(200, said(env)));
    },
  });
}

function events(env: Env, streams: Set<object>): ReadableStream<Uint8Array> {
  const own = {};
  streams.add(own);
  const encoder = new TextEncoder();
  const began = env.now();
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) {
        await env.wait(APART_MS);
      }
      sent += 1;
      const last = sent === EVENTS;
      const event = { ...said(env), ...(last ? { took: env.now() - began } : {}) };
      controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
      if (last) {
        streams.delete(own);
        controller.close();
      }
    },
    cancel: () => void streams.delete(own),
  });
}

function said(env: Env): { readonly status: 'ok'; readonly version: string; readonly now: number } {
  return { status: 'ok', version: VERSION, now: env.now() };
}
