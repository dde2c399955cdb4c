import { randomUUID } from 'node:crypto';

import type { Clock } from '../clock.ts';
import { builtInCompletion } from './built-in.ts';
import { BUILT_IN_MODELS, costOf, dollars } from './catalog.ts';
import type { Usage } from './catalog.ts';
import type { Completion, TextEnd } from './completion.ts';
import type { Call, ModelSource } from './source.ts';
import { EVENT_STREAM_HEADERS, streamOf } from './streaming.ts';

/** The built-in model behind LiteLLM's surface. */
export function builtInSource(clock: Clock, chunksPerSecond: number): ModelSource {
  return {
    description: 'built-in demo model (deterministic text, no network)',
    models: () => Promise.resolve(BUILT_IN_MODELS),
    answer: (call) => {
      const completion = builtInCompletion(call.request, clock, chunksPerSecond);
      const created = Math.floor(clock.now() / 1000);
      return call.request.stream === true
        ? Promise.resolve(streamed(call, completion, created))
        : whole(call, completion, created);
    },
  };
}

function streamed(call: Call, completion: Completion, created: number): Response {
  const body = streamOf((signal) => events(call, completion, created, signal));
  return new Response(body, { headers: { ...call.headers, ...EVENT_STREAM_HEADERS } });
}

async function* events(
  call: Call,
  completion: Completion,
  created: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const base = { id: `chatcmpl-${randomUUID()}`, created, model: call.model.name, object: 'chat.completion.chunk' };
  const encoder = new TextEncoder();
  const event = (data: object): Uint8Array => encoder.encode(`data: ${JSON.stringify({ ...base, ...data })}\n\n`);
  try {
    let role: { role?: string } = { role: 'assistant' };
    const text = completion.text(signal);
    let next = await text.next();
    while (next.done !== true) {
      yield event({ choices: [{ index: 0, delta: { content: next.value, ...role } }] });
      role = {};
      next = await text.next();
    }
    if (next.value === 'aborted') {
      return;
    }
    yield event({ choices: [{ finish_reason: next.value, index: 0, delta: {} }] });
    if (call.request.stream_options?.include_usage === true) {
      yield event({ choices: [{ index: 0, delta: {} }], usage: usageJson(call, completion.usage()) });
    }
    yield encoder.encode('data: [DONE]\n\n');
  } finally {
    await call.settle(completion.usage());
  }
}

async function whole(call: Call, completion: Completion, created: number): Promise<Response> {
  let content = '';
  let end: TextEnd;
  const text = completion.text(call.signal);
  for (;;) {
    const next = await text.next();
    if (next.done === true) {
      end = next.value;
      break;
    }
    content += next.value;
  }
  const usage = completion.usage();
  await call.settle(usage);
  const cost = costOf(call.model, usage);
  return Response.json(
    {
      id: `chatcmpl-${randomUUID()}`,
      created,
      model: call.model.name,
      object: 'chat.completion',
      choices: [{ finish_reason: end, index: 0, message: { content, role: 'assistant' } }],
      usage: usageJson(call, usage),
    },
    {
      headers: {
        ...call.headers,
        ...(cost === undefined ? {} : { 'x-litellm-response-cost': String(dollars(cost)) }),
      },
    },
  );
}

function usageJson(call: Call, usage: Usage): Record<string, unknown> {
  const cost = costOf(call.model, usage);
  return {
    completion_tokens: usage.completionTokens,
    prompt_tokens: usage.promptTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    completion_tokens_details: { reasoning_tokens: 0 },
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    ...(cost === undefined ? {} : { cost: dollars(cost) }),
  };
}
