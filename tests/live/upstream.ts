/** A small OpenAI-compatible server behind the real proxy: each model misbehaves in its own way. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call that reached the upstream. */
export interface UpstreamCall {
  readonly model: string;
  /** The request's body. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether the caller went away before the answer was complete. */
  aborted: boolean;
}

export interface Upstream {
  /** The base address, with its `/v1`. */
  readonly url: string;
  readonly calls: readonly UpstreamCall[];
  callsOf(model: string): readonly UpstreamCall[];
  /** Lets the answers that wait in the middle of their stream break. */
  breakStreams(): void;
  close(): Promise<void>;
}

/** The text of every answer that comes through. */
export const ANSWER = 'Hello wörld 🌍';
export const REASONING = 'Let me think.';
/** What arrives before the stream breaks. */
export const PARTIAL = 'par';

export const USAGE = {
  prompt_tokens: 12,
  completion_tokens: 5,
  total_tokens: 17,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
} as const;

/** How long the upstream asks to be left alone, in seconds. */
const RETRY_AFTER = '1';
const SLOW_PACE_MS = 20;

type Delta = Readonly<Record<string, unknown>>;

/** The streams by model; a model that is not here answers with ANSWER. */
const STREAMS: Readonly<Record<string, { readonly deltas: readonly Delta[]; readonly end: string }>> = {
  tools: {
    // Two calls, their pieces interleaved.
    deltas: [
      toolDelta(0, '', { id: 'call_a', name: 'read_file' }),
      toolDelta(1, '', { id: 'call_b', name: 'list_folder' }),
      toolDelta(0, '{"path":'),
      toolDelta(1, '{"folder":"sr'),
      toolDelta(0, '"a.txt"}'),
      toolDelta(1, 'c"}'),
    ],
    end: 'tool_calls',
  },
  reason: { deltas: [...pieces('reasoning_content', REASONING), ...pieces('content', ANSWER)], end: 'stop' },
};

export async function startUpstream(): Promise<Upstream> {
  const calls: UpstreamCall[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    answer(request, response, calls, waiting).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    callsOf: (model) => calls.filter((call) => call.model === model),
    breakStreams: () => {
      for (const go of waiting.splice(0)) go();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  calls: UpstreamCall[],
  waiting: (() => void)[],
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece as Buffer);
  }
  const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>;
  const model = String(body['model']);
  const call: UpstreamCall = { model, body, aborted: false };
  calls.push(call);
  response.on('close', () => {
    call.aborted = !response.writableFinished;
  });

  const status = /^status-(\d{3})$/.exec(model)?.[1];
  if (status !== undefined) {
    const error = { message: `the upstream says ${status}`, type: 'upstream_error', param: null, code: status };
    response.writeHead(Number(status), { 'content-type': 'application/json', 'retry-after': RETRY_AFTER });
    response.end(JSON.stringify({ error }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const base = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model,
  };
  const send = (data: object | string): void => {
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify({ ...base, ...data })}\n\n`);
  };
  const sendDelta = (delta: Delta, end: string | null = null): void => {
    send({ choices: [{ index: 0, delta, finish_reason: end }] });
  };
  sendDelta({ role: 'assistant', content: '' });
  switch (model) {
    case 'midstream-error':
      sendDelta({ content: PARTIAL });
      // The proxy drops what it has not passed on yet when the stream breaks, so that has to happen first.
      waiting.push(() => {
        send(
          JSON.stringify({ error: { message: 'it broke', type: 'server_error', param: null, code: 'server_error' } }),
        );
        response.end();
      });
      return;
    case 'cut':
      sendDelta({ content: PARTIAL });
      waiting.push(() => response.destroy());
      return;
    case 'unfinished':
      sendDelta({ content: PARTIAL });
      waiting.push(() => response.end());
      return;
    case 'slow': {
      const pace = setInterval(() => {
        sendDelta({ content: 'again and ' });
      }, SLOW_PACE_MS);
      response.on('close', () => {
        clearInterval(pace);
      });
      return;
    }
    default: {
      const { deltas, end } = STREAMS[model] ?? { deltas: contentPieces(), end: 'stop' };
      for (const delta of deltas) {
        sendDelta(delta);
      }
      sendDelta({}, end);
      if ((body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true) {
        send({ choices: [], usage: USAGE });
      }
      send('[DONE]');
      response.end();
    }
  }
}

function contentPieces(): Delta[] {
  return pieces('content', ANSWER);
}

function pieces(name: string, text: string): Delta[] {
  return (text.match(/.{1,4}/gsu) ?? []).map((piece) => ({ [name]: piece }));
}

function toolDelta(index: number, text: string, begin?: { readonly id: string; readonly name: string }): Delta {
  const head = begin === undefined ? {} : { id: begin.id, type: 'function' };
  const name = begin === undefined ? {} : { name: begin.name };
  return { tool_calls: [{ index, ...head, function: { ...name, arguments: text } }] };
}
