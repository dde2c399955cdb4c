import type { Clock } from '../clock.ts';
import { textOf } from './chat-request.ts';
import type { ChatRequest } from './chat-request.ts';
import type { Completion } from './completion.ts';
import { estimatePromptTokens, tokensInBytes } from './tokens.ts';

const MAX_COUNT = 5_000;
const STORY_PARAGRAPHS = 40;

/**
 * The built-in model: no intelligence, no network, the same answer to the same question, and it says so. It
 * writes at a model's pace, so that streaming and stopping can be tried.
 */
export function builtInCompletion(request: ChatRequest, clock: Clock, chunksPerSecond: number): Completion {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const promptTokens = estimatePromptTokens(request);
  const pieces = answerTo(request).match(/\s*\S+|\s+$/g) ?? [];
  let writtenBytes = 0;
  return {
    async *text(signal) {
      for (const piece of pieces) {
        if (Number.isFinite(chunksPerSecond)) {
          await clock.sleep(1000 / chunksPerSecond, signal);
        }
        if (signal.aborted) {
          return 'aborted';
        }
        const bytes = writtenBytes + Buffer.byteLength(piece);
        if (tokensInBytes(bytes) > limit) {
          return 'length';
        }
        writtenBytes = bytes;
        yield piece;
      }
      return 'stop';
    },
    usage: () => ({ promptTokens, completionTokens: tokensInBytes(writtenBytes), cachedTokens: 0 }),
  };
}

function answerTo(request: ChatRequest): string {
  const asked = request.messages.findLast((message) => message.role === 'user');
  const question = asked === undefined ? '' : textOf(asked).trim();
  const count = /\bcount\b.*?\bto\s+(\d{1,9})\b/is.exec(question)?.[1];
  if (count !== undefined) {
    return counting(Math.min(Number(count), MAX_COUNT));
  }
  return /\bstory\b|\blong (?:answer|text|poem)\b/i.test(question) ? story() : introduction(question);
}

function counting(to: number): string {
  const numbers = Array.from({ length: to }, (_, index) => String(index + 1));
  return `## Counting to ${to}\n\nI am Godoty's built-in demo model, and counting is what I do best.\n\n${numbers.join(', ')}.\n`;
}

function introduction(question: string): string {
  const characters = Array.from(question).length;
  return `## Hello from the built-in demo model

I am **not a language model**: I come with Godoty's local stack, I need no network, and I answer everything alike. Your message has ${characters} characters.

What is real about this answer:

- it was **streamed** to you piece by piece, through a key that was issued for this device;
- its tokens are counted (by an estimate: one for each four bytes), and its **cost** follows from the model's true prices;
- **Stop** ends it at the server too. Ask me to *count to 500* or to *tell a long story* and try.

To talk with a real model, give the demo an OpenAI-compatible server:

\`\`\`sh
npm run demo -- --upstream http://127.0.0.1:11434/v1 --key none
\`\`\`
`;
}

function story(): string {
  const places = ['the harbour', 'an old observatory', 'the night market', 'a quiet library', 'the mountain pass'];
  const finds = [
    'a brass compass',
    'an unsent letter',
    'a map without names',
    'a lantern that hummed',
    'a borrowed key',
  ];
  const turns = [
    'and nobody asked why',
    'while the rain began',
    'as if it had been waiting',
    'before the bells rang',
    'and the road went on',
  ];
  const paragraphs = Array.from({ length: STORY_PARAGRAPHS }, (_, index) => {
    const pick = (list: readonly string[], step: number): string => list[(index * step) % list.length] ?? '';
    return `**${index + 1}.** On day ${index + 1} the traveller came to ${pick(places, 2)} and found ${pick(finds, 3)}, ${pick(turns, 4)}. She wrote it down, counted what was left of her bread, and decided that the next day deserved a look as well.`;
  });
  return `## A long story\n\nTold by Godoty's built-in demo model, which knows only this one.\n\n${paragraphs.join('\n\n')}\n\nThe end.\n`;
}
