import * as v from 'valibot';

import type { Clock } from '../clock.ts';
import { model } from './catalog.ts';
import type { Model } from './catalog.ts';
import { ProxyError } from './errors.ts';
import type { Call, ModelSource } from './source.ts';
import { EVENT_STREAM_HEADERS, streamOf } from './streaming.ts';
import { UsageReader, usageIn } from './upstream-usage.ts';

/** An OpenAI-compatible server: where it is and how to speak to it. */
export interface Upstream {
  /** Its base address, the `/v1` included where the server has one. */
  readonly url: string;
  readonly key: string | undefined;
}

const MODELS_TTL_MS = 30_000;
const LIST_TIMEOUT_MS = 10_000;
const MAX_ERROR_TEXT = 300;

/**
 * How the real proxy ends a stream whose upstream broke: an error inside of HTTP 200, and no [DONE]. The empty lines
 * before it end an event that was cut in half.
 */
const BROKEN_STREAM = new TextEncoder().encode(
  `\n\ndata: ${JSON.stringify({
    error: {
      message: 'litellm.APIConnectionError: APIConnectionError: the upstream ended in the middle of its answer',
      type: null,
      param: null,
      code: '500',
    },
  })}\n\n`,
);

const ModelList = v.object({ data: v.array(v.object({ id: v.string() })) });
const ErrorBody = v.object({ error: v.object({ message: v.string() }) });

/** Passes calls on to an OpenAI-compatible server. */
export function upstreamSource(upstream: Upstream, clock: Clock): ModelSource {
  const base = upstream.url.replace(/\/+$/, '');
  const headers: Record<string, string> = upstream.key === undefined ? {} : { authorization: `Bearer ${upstream.key}` };
  let known: { readonly models: readonly Model[]; readonly until: number } | undefined;

  return {
    description: `${base} (an OpenAI-compatible server)`,

    async models() {
      if (known === undefined || clock.now() >= known.until) {
        const signal = AbortSignal.timeout(LIST_TIMEOUT_MS);
        const response = await send(`${base}/models`, { headers, signal });
        const list = v.safeParse(ModelList, response.ok ? await response.json() : undefined);
        if (!list.success) {
          throw new ProxyError(
            500,
            'internal_server_error',
            `The upstream did not list its models (status ${response.status}).`,
          );
        }
        const models = list.output.data.map(({ id }) => model(id, `openai/${id}`));
        known = { models, until: clock.now() + MODELS_TTL_MS };
      }
      return known.models;
    },

    async answer(call) {
      const gone = new AbortController();
      const response = await send(`${base}/chat/completions`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(call.request),
        signal: AbortSignal.any([call.signal, gone.signal]),
      });
      if (!response.ok) {
        throw await refusal(response);
      }
      const streams = (response.headers.get('content-type') ?? '').startsWith('text/event-stream');
      return streams && response.body !== null ? passOn(call, response.body, gone) : whole(call, await response.text());
    },
  };
}

/** Streams the upstream's bytes through untouched, and reads the usage as it goes by. */
function passOn(call: Call, body: ReadableStream<Uint8Array>, gone: AbortController): Response {
  const stream = streamOf(async function* (signal) {
    // Waking up the pending read is what lets the generator's end run when the client has gone.
    signal.addEventListener('abort', () => gone.abort());
    const usage = new UsageReader();
    try {
      for await (const bytes of body) {
        usage.push(bytes);
        yield bytes;
      }
    } catch {
      if (!signal.aborted) {
        yield BROKEN_STREAM;
      }
    } finally {
      await call.settle(usage.latest);
    }
  });
  return new Response(stream, { headers: { ...call.headers, ...EVENT_STREAM_HEADERS } });
}

async function whole(call: Call, text: string): Promise<Response> {
  await call.settle(usageIn(text));
  return new Response(text, { headers: { ...call.headers, 'content-type': 'application/json' } });
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error' });
  } catch {
    throw new ProxyError(
      500,
      'internal_server_error',
      'litellm.InternalServerError: Connection error: the upstream cannot be reached.',
    );
  }
}

/** The upstream's error in LiteLLM's words and classes. */
async function refusal(response: Response): Promise<ProxyError> {
  const body = v.safeParse(v.pipe(v.string(), v.parseJson(), ErrorBody), await response.text().catch(() => ''));
  const said = body.success ? body.output.error.message.slice(0, MAX_ERROR_TEXT) : `status ${response.status}`;
  if (response.status === 429) {
    return new ProxyError(429, 'throttling_error', `litellm.RateLimitError: ${said}`);
  }
  if (response.status === 401 || response.status === 403) {
    // Not the client's key is wrong but the one that the stack was started with.
    return new ProxyError(500, 'internal_server_error', `The upstream refused the local stack's key: ${said}`);
  }
  return response.status < 500
    ? new ProxyError(400, 'upstream_error', `litellm.BadRequestError: ${said}`)
    : new ProxyError(500, 'internal_server_error', `litellm.InternalServerError: ${said}`);
}
