import { textOf } from './chat-request.ts';
import type { ChatRequest } from './chat-request.ts';

/** What a message costs beside its text: its role and the marks around it. */
const TOKENS_PER_MESSAGE = 4;

/** The built-in model's measure: one token for each four bytes of UTF-8, begun ones counted. An estimate. */
export function tokensInBytes(bytes: number): number {
  return Math.ceil(bytes / 4);
}

export function estimatePromptTokens(request: ChatRequest): number {
  return request.messages.reduce(
    (sum, message) => sum + TOKENS_PER_MESSAGE + tokensInBytes(Buffer.byteLength(textOf(message))),
    0,
  );
}
