import * as v from 'valibot';

import type { Usage } from './catalog.ts';

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const WithUsage = v.object({
  usage: v.object({
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: v.optional(v.nullable(v.object({ cached_tokens: v.optional(v.nullable(Count)) }))),
  }),
});

/** A line longer than this is not a usage report. */
const MAX_LINE = 65_536;

/** The usage in a JSON body; undefined when there is none. */
export function usageIn(json: string): Usage | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), WithUsage), json);
  if (!parsed.success) {
    return undefined;
  }
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = parsed.output.usage;
  return {
    promptTokens: prompt_tokens,
    completionTokens: completion_tokens,
    cachedTokens: Math.min(prompt_tokens_details?.cached_tokens ?? 0, prompt_tokens),
  };
}

/** Watches a stream of events go by and keeps the last usage that it saw. */
export class UsageReader {
  latest: Usage | undefined;
  readonly #decoder = new TextDecoder();
  #line = '';

  push(bytes: Uint8Array): void {
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
    const rest = lines.pop() ?? '';
    this.#line = rest.length > MAX_LINE ? '' : rest;
    for (const line of lines) {
      if (line.startsWith('data:') && line.includes('"usage"')) {
        this.latest = usageIn(line.slice('data:'.length)) ?? this.latest;
      }
    }
  }
}
