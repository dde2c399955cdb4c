/**
 * An estimate of tokens, which VS Code needs to fit a prompt into a model's window. It is no tokenizer: the core has none
 * yet. Nothing is billed by it: costs come from the counts that the server reports.
 *
 * One token stands for four bytes of UTF-8. On English and on code that is close to what current tokenizers give; in
 * other scripts, whose letters take two to four bytes, it grows as their counts do. Special tokens such as
 * `<|endoftext|>` are text like any other.
 */
import type { RequestMessage, RequestPart } from './parts.ts';

const BYTES_PER_TOKEN = 4;
/** What the role and the borders of a message take. */
const TOKENS_PER_MESSAGE = 4;
/** About what a large picture takes; providers reckon by its size, from below 100 to about 1,600. */
const TOKENS_PER_IMAGE = 1_000;

export function estimateTokens(text: string): number {
  return Math.ceil(utf8Length(text) / BYTES_PER_TOKEN);
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

/** Counted without encoding: the host asks for every part of every prompt. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes += 1;
    } else if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) {
      // Two units of a surrogate pair make four bytes.
      bytes += 2;
    } else {
      bytes += 3;
    }
  }
  return bytes;
}
