/** The conversation as the core takes it. */
import type { ChatMessage, ChatPart, ChatToolCall } from '../../../crate/wasm/pkg/godoty_core.js';
import type { RequestMessage, RequestPart, ResultPart } from './parts.ts';

/** The types of images that the providers take. */
const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/jpg', 'image/gif', 'image/webp']);

/** How large images may be, in bytes before encoding: one, and all of a request together. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
export const MAX_IMAGES_BYTES = 20 * 1024 * 1024;

/** Why an image of the user can't be sent. It is said, because an answer that never saw the image would mislead. */
export type ImageFault =
  { readonly kind: 'type'; readonly mimeType: string } | { readonly kind: 'tooLarge' } | { readonly kind: 'tooMany' };

export class UnsendableImage extends Error {
  override readonly name = 'UnsendableImage';
  readonly fault: ImageFault;

  constructor(fault: ImageFault) {
    super(`an image can't be sent: ${fault.kind}`);
    this.fault = fault;
  }
}

export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** What was left out because it is nothing for the model, by name, for the log. */
  readonly leftOut: readonly string[];
}

/**
 * Turns the host's messages into the core's, in order, with two exceptions that the servers ask for: the results of tools
 * follow the call directly, before anything else that the user's messages hold, and their images, which a tool's message
 * can't carry, come after them as the user's. Texts that stand beside each other are one text. Messages without content
 * are left out.
 *
 * @throws UnsendableImage for an image of the user that no server would take
 */
export function toConversation(messages: readonly RequestMessage[]): Conversation {
  const builder = new Builder();
  for (const message of messages) {
    builder.add(message);
  }
  return builder.finish();
}

class Builder {
  readonly #messages: ChatMessage[] = [];
  readonly #leftOut: string[] = [];
  /** The user's messages since the last of the assistant's: results of tools that are still to come go before them. */
  #waiting: ChatMessage[] = [];
  #imageBytes = 0;

  add({ role, parts }: RequestMessage): void {
    switch (role) {
      case 'user':
        this.#user(parts);
        return;
      case 'assistant':
        this.#flush();
        this.#assistant(parts);
        return;
      case 'system': {
        this.#flush();
        const text = this.#text(parts);
        if (text !== '') {
          this.#messages.push({ role, text });
        }
        return;
      }
    }
  }

  finish(): Conversation {
    this.#flush();
    return { messages: this.#messages, leftOut: this.#leftOut };
  }

  #flush(): void {
    this.#messages.push(...this.#waiting);
    this.#waiting = [];
  }

  #user(parts: readonly RequestPart[]): void {
    const content: ChatPart[] = [];
    for (const part of parts) {
      switch (part.kind) {
        case 'toolResult':
          this.#toolResult(part.callId, part.content, content);
          break;
        case 'image': {
          const fault = this.#fault(part);
          if (fault !== undefined) {
            throw new UnsendableImage(fault);
          }
          content.push(this.#image(part));
          break;
        }
        case 'text':
        case 'file':
        case 'other':
        case 'toolCall':
          appendText(content, this.#text([part]));
          break;
      }
    }
    if (content.length > 0) {
      this.#waiting.push({ role: 'user', parts: content });
    }
  }

  #toolResult(callId: string, parts: readonly ResultPart[], after: ChatPart[]): void {
    let text = '';
    for (const part of parts) {
      if (part.kind !== 'image') {
        text += this.#text([part]);
        continue;
      }
      const fault = this.#fault(part);
      if (fault === undefined) {
        // A tool can't be asked for another image: the model learns where this one is, or why there is none.
        text += '[image: see the next message]';
        appendText(after, `[image of the tool call ${callId}]`);
        after.push(this.#image(part));
      } else {
        text += `[${part.mimeType} left out: ${fault.kind === 'type' ? 'not supported' : 'too large'}]`;
      }
    }
    this.#messages.push({ role: 'tool', toolCallId: callId, text });
  }

  #assistant(parts: readonly RequestPart[]): void {
    const toolCalls: ChatToolCall[] = parts
      .filter((part) => part.kind === 'toolCall')
      .map(({ id, name, input }) => ({ id, name, arguments: JSON.stringify(input ?? {}) }));
    const text = this.#text(parts.filter((part) => part.kind !== 'toolCall'));
    if (toolCalls.length > 0) {
      this.#messages.push({ role: 'assistant', text, toolCalls });
    } else if (text !== '') {
      this.#messages.push({ role: 'assistant', text });
    }
  }

  /** The text of parts where only text can stand. */
  #text(parts: readonly RequestPart[]): string {
    let text = '';
    for (const part of parts) {
      switch (part.kind) {
        case 'text':
          text += part.text;
          break;
        case 'file':
        case 'image':
          text += `[${part.mimeType} left out: not supported]`;
          break;
        case 'other':
          this.#leftOut.push(part.what);
          break;
        case 'toolCall':
        case 'toolResult':
          // In a message of a role that has none.
          this.#leftOut.push(part.kind);
          break;
      }
    }
    return text;
  }

  #fault({ mimeType, bytes }: Image): ImageFault | undefined {
    if (!IMAGE_TYPES.has(mimeType)) {
      return { kind: 'type', mimeType };
    }
    if (bytes.byteLength > MAX_IMAGE_BYTES) {
      return { kind: 'tooLarge' };
    }
    return this.#imageBytes + bytes.byteLength > MAX_IMAGES_BYTES ? { kind: 'tooMany' } : undefined;
  }

  #image({ mimeType, bytes }: Image): ChatPart {
    this.#imageBytes += bytes.byteLength;
    const type = mimeType === 'image/jpg' ? 'image/jpeg' : mimeType;
    return { type: 'image_url', imageUrl: { url: `data:${type};base64,${toBase64(bytes)}` } };
  }
}

type Image = Extract<ResultPart, { readonly kind: 'image' }>;

function appendText(content: ChatPart[], text: string): void {
  if (text === '') {
    return;
  }
  const last = content.at(-1);
  if (last?.type === 'text') {
    content[content.length - 1] = { type: 'text', text: last.text + text };
  } else {
    content.push({ type: 'text', text });
  }
}

const ALPHABET = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = '='.charCodeAt(0);

/** By hand, since the hosts have no common fast way: `btoa` takes seconds for a large image in some of them. */
function toBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  const digit = (bits: number): number => ALPHABET[bits & 63] ?? PADDING;
  let at = 0;
  for (let start = 0; start < bytes.length; start += 3) {
    const length = bytes.length - start;
    const group = ((bytes[start] ?? 0) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[start + 2] ?? 0);
    out[at] = digit(group >> 18);
    out[at + 1] = digit(group >> 12);
    if (length > 1) {
      out[at + 2] = digit(group >> 6);
    }
    if (length > 2) {
      out[at + 3] = digit(group);
    }
    at += 4;
  }
  return new TextDecoder().decode(out);
}
