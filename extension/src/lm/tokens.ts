/**
 * An estimate of tokens, which VS Code needs to fit a prompt into a model's window. It is no tokenizer: each model has its
 * own, and the table of a single one is five times as large as this extension. Nothing is billed by it: costs come from the
 * counts that the server reports.
 *
 * Each kind of character counts as much as it weighs in a current tokenizer; docs/performance.md has how far off that is.
 * Special tokens such as `<|endoftext|>` are text like any other.
 */
import type { RequestMessage, RequestPart } from './parts.ts';

/** Hundredths of a token. A run of spaces is one: most tokens of a text begin with the space before a word. */
const WEIGHT = { letter: 19, digit: 60, space: 33, sign: 68, accented: 20, alphabet: 26, ideograph: 67, other: 95 };
/** What the role and the borders of a message take. */
const TOKENS_PER_MESSAGE = 4;
/** About what a large picture takes; providers reckon by its size, from below 100 to about 1,600. */
const TOKENS_PER_IMAGE = 1_000;

export function estimateTokens(text: string): number {
  let sum = 0;
  let isAfterSpace = false;
  // The host asks for every part of every prompt, so nothing is cut out or matched.
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const isSpace = unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
    sum += !isSpace ? weightOf(unit) : isAfterSpace ? 0 : WEIGHT.space;
    isAfterSpace = isSpace;
  }
  return Math.ceil(sum / 100);
}

export function estimateMessageTokens({ parts }: RequestMessage): number {
  return parts.reduce((sum, part) => sum + ofPart(part), TOKENS_PER_MESSAGE);
}

function ofPart(part: RequestPart): number {
  switch (part.kind) {
    case 'text':
      return estimateTokens(part.text);
    case 'image':
      return TOKENS_PER_IMAGE;
    case 'toolCall':
      return estimateTokens(part.id + part.name + JSON.stringify(part.input ?? {}));
    case 'toolResult':
      return part.content.reduce((sum, inner) => sum + ofPart(inner), estimateTokens(part.callId));
    case 'file':
    case 'other':
      return 0;
  }
}

/** Of a UTF-16 code unit that is no space. Half of a surrogate pair, most often an emoji's, is one of the others. */
function weightOf(unit: number): number {
  if (unit < 0x80) {
    const lower = unit | 0x20;
    return lower >= 0x61 && lower <= 0x7a ? WEIGHT.letter : unit >= 0x30 && unit <= 0x39 ? WEIGHT.digit : WEIGHT.sign;
  }
  // To the end of Latin Extended-B; of the alphabets and syllabaries that follow; of punctuation and symbols; of CJK.
  if (unit < 0x250) {
    return WEIGHT.accented;
  }
  if (unit < 0x2000) {
    return WEIGHT.alphabet;
  }
  return unit < 0x2e80 || (unit >= 0xd800 && unit <= 0xdfff) ? WEIGHT.other : WEIGHT.ideograph;
}
