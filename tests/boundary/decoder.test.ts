/** The built stream decoder against eventsource-parser and `JSON.parse`, on streams drawn anew and on the recorded ones. */
import { readdirSync, readFileSync } from 'node:fs';

import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { ChatDecoder } from '../../crate/wasm/pkg/godoty_core.js';
import { loadBuiltCore } from './support.ts';

const CLOSED = 32;
const MALFORMED = 128;

interface ToolPiece {
  readonly index: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface Delta {
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolPiece[];
}

interface Chunk {
  readonly choices?: readonly {
    readonly index: number;
    readonly delta: Delta;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

interface Answer {
  text: string;
  reasoning: string;
  tools: { id: string; name: string; arguments: string }[];
  usage: { prompt: number; completion: number } | undefined;
}

beforeAll(loadBuiltCore);

describe('the built decoder', () => {
  it('puts an answer together as eventsource-parser and JSON.parse do, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(chunk(), { maxLength: 30 }), lineEnd(), cuts(), (chunks, end, places) => {
        const stream = [...chunks.map((value) => JSON.stringify(value)), '[DONE]']
          .map((data, at) => `${at % 5 === 4 ? `: alive${end}` : ''}data: ${data}${end}${end}`)
          .join('');
        const bytes = new TextEncoder().encode(stream);
        expect(ours(cut(bytes, places)).answer).toEqual(theirs(stream));
      }),
      { numRuns: 500 },
    );
  });

  it.each(wellFormedFixtures())('reads %s as eventsource-parser and JSON.parse do', (_, bytes) => {
    expect(ours([bytes]).answer).toEqual(theirs(new TextDecoder().decode(bytes)));
  });

  it('takes exactly the events that JSON.parse takes', () => {
    const tokens = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '\\',
        '\\u',
        '00e9',
        'd800',
        '0',
        '-',
        '1',
        '.5',
        'e',
        'E+',
        'true',
      ],
      ...[
        'false',
        'null',
        ' ',
        '\t',
        '\u0000',
        '\u001f',
        '\u007f',
        '\u00a0',
        '\u2028',
        '\ufeff',
        'é',
        '🌍',
        '\ud800',
        'x',
      ],
    );
    const text = fc.oneof(
      fc.array(tokens, { maxLength: 12 }).map((parts) => parts.join('')),
      fc.json({ maxDepth: 4 }),
      fc.tuple(fc.json(), fc.nat(), tokens).map(([json, at, token]) => {
        const place = at % (json.length + 1);
        return json.slice(0, place) + token + json.slice(place + 1);
      }),
    );
    fc.assert(
      fc.property(text, (data) => {
        fc.pre(!/[\r\n]/u.test(data) && data.trim() !== '');
        // The bytes hold U+FFFD where the text holds half a pair.
        const bytes = new TextEncoder().encode(`data: ${data}\n\n`);
        expect(ours([bytes]).malformed, JSON.stringify(data)).toBe(!parses(wellFormed(data)));
      }),
      { numRuns: 5000 },
    );
  });
});

function chunk(): fc.Arbitrary<Chunk> {
  // Units, so that halves of pairs come up, and are healed where the next delta brings the other half.
  const text = fc.string({
    unit: fc.oneof({ weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 1 }) }, half()),
  });
  const delta: fc.Arbitrary<Delta> = fc.oneof(
    { weight: 8, arbitrary: text.map((content) => ({ content })) },
    { weight: 1, arbitrary: fc.constant({ content: null }) },
    { weight: 2, arbitrary: text.map((reasoning) => ({ reasoning_content: reasoning })) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.nat(2), text).map(([index, json]) => ({
        tool_calls: [{ index, id: `c${String(index)}`, function: { name: 'f', arguments: json } }],
      })),
    },
  );
  const choice = delta.map((value) => ({ choices: [{ index: 0, delta: value, finish_reason: null }], usage: null }));
  const count = fc.nat(1_000_000);
  const usage = fc
    .tuple(count, count)
    .map(([prompt, completion]) => ({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } }));
  return fc.oneof({ weight: 12, arbitrary: choice }, { weight: 1, arbitrary: usage });
}

function half(): fc.Arbitrary<string> {
  return fc.constantFrom('\ud83c', '\udf0d');
}

function lineEnd(): fc.Arbitrary<string> {
  return fc.constantFrom('\n', '\r\n', '\r');
}

function cuts(): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(4000), { maxLength: 40 });
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.filter((place) => place < bytes.length).toSorted((a, b) => a - b);
  return [0, ...sorted].map((from, at) => bytes.subarray(from, sorted[at] ?? bytes.length));
}

function ours(pieces: readonly Uint8Array[]): { answer: Answer; malformed: boolean } {
  const decoder = new ChatDecoder(200, 'text/event-stream');
  let text = '';
  let flags = 0;
  for (const piece of pieces) {
    flags |= decoder.push(piece);
    text += decoder.takeText() ?? '';
    if ((flags & CLOSED) !== 0) break;
  }
  const result = decoder.finish('eof') as {
    readonly text: string;
    readonly tail: string;
    readonly reasoning: string;
    readonly toolCalls: Answer['tools'];
    readonly usage?: { readonly prompt: number; readonly completion: number };
  };
  expect(text + result.tail).toBe(result.text);
  const { usage } = result;
  const answer = {
    text: result.text,
    reasoning: result.reasoning,
    tools: result.toolCalls,
    usage: usage && { prompt: usage.prompt, completion: usage.completion },
  };
  return { answer, malformed: (flags & MALFORMED) !== 0 };
}

function theirs(stream: string): Answer {
  const tools = new Map<number, Answer['tools'][number]>();
  const answer: Answer = { text: '', reasoning: '', tools: [], usage: undefined };
  let done = false;
  const parser = createParser({
    onEvent({ data }) {
      done ||= data === '[DONE]';
      if (done || data === '') return;
      const value = JSON.parse(data) as Chunk | null;
      const delta = value?.choices?.find(({ index }) => index === 0)?.delta;
      answer.text += typeof delta?.content === 'string' ? delta.content : '';
      answer.reasoning += delta?.reasoning_content ?? '';
      for (const piece of delta?.tool_calls ?? []) {
        const call = tools.get(piece.index) ?? { id: '', name: '', arguments: '' };
        call.id ||= piece.id ?? '';
        call.name ||= piece.function?.name ?? '';
        call.arguments += piece.function?.arguments ?? '';
        tools.set(piece.index, call);
      }
      if (value?.usage) {
        answer.usage = { prompt: value.usage.prompt_tokens, completion: value.usage.completion_tokens };
      }
    },
  });
  parser.feed(stream);
  // It waits for more where a stream ends with CR, and takes no half pair for an end.
  parser.reset({ consume: true });
  const calls = [...tools].toSorted(([a], [b]) => a - b).map(([, call]) => call);
  return {
    ...answer,
    text: wellFormed(answer.text),
    reasoning: wellFormed(answer.reasoning),
    tools: calls.map((call) => ({ ...call, arguments: wellFormed(call.arguments) })),
  };
}

function wellFormedFixtures(): [string, Uint8Array][] {
  const fixtures = new URL('../fixtures/', import.meta.url);
  const read = (folder: string, isStream: RegExp): [string, Uint8Array][] =>
    readdirSync(new URL(folder, fixtures))
      .filter((name) => isStream.test(name))
      .map((name) => [name, new Uint8Array(readFileSync(new URL(folder + name, fixtures)))]);
  const all = [...read('litellm/', /^stream_.*\.body$/u), ...read('sse/', /\.txt$/u)];
  // What is not well formed, or ends in an error, has no meaning that two decoders share.
  return all.filter(([name]) => !['malformed.txt', 'error-event.txt'].includes(name));
}

/** As bytes hold it: half of a pair is U+FFFD. */
function wellFormed(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
