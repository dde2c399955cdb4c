/**
 * What VS Code hands over, as plain data. This is the one place that looks at VS Code's classes of parts: the classes of
 * proposed API are looked for at run time, since not every host has them.
 */
import * as vscode from 'vscode';
import type { LanguageModelChatRequestMessage, LanguageModelDataPart } from 'vscode';

/** What a tool answered, piece by piece. */
export type ResultPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly mimeType: string; readonly bytes: Uint8Array }
  /** Bytes that no model server takes, for example a PDF. */
  | { readonly kind: 'file'; readonly mimeType: string }
  /** Nothing for the model: notes of the host to itself, and what a later VS Code may add. `what` names it for the log. */
  | { readonly kind: 'other'; readonly what: string };

export type RequestPart =
  | ResultPart
  | { readonly kind: 'toolCall'; readonly id: string; readonly name: string; readonly input: unknown }
  | { readonly kind: 'toolResult'; readonly callId: string; readonly content: readonly ResultPart[] };

export interface RequestMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly parts: readonly RequestPart[];
}

/** `LanguageModelChatMessageRole.System` is proposed API; the built-in chat sends its instructions under this number. */
const SYSTEM = 3;

export function toRequestMessage({ role, content }: LanguageModelChatRequestMessage): RequestMessage {
  const parts = content.map(toRequestPart);
  if (role === vscode.LanguageModelChatMessageRole.Assistant) {
    return { role: 'assistant', parts };
  }
  return { role: (role as number) === SYSTEM ? 'system' : 'user', parts };
}

function toRequestPart(part: unknown): RequestPart {
  if (part instanceof vscode.LanguageModelToolCallPart) {
    return { kind: 'toolCall', id: part.callId, name: part.name, input: part.input };
  }
  if (part instanceof vscode.LanguageModelToolResultPart) {
    return { kind: 'toolResult', callId: part.callId, content: part.content.map(toResultPart) };
  }
  return toResultPart(part);
}

function toResultPart(part: unknown): ResultPart {
  if (typeof part === 'string') {
    return { kind: 'text', text: part };
  }
  if (part instanceof vscode.LanguageModelTextPart) {
    return { kind: 'text', text: part.value };
  }
  if (part instanceof vscode.LanguageModelPromptTsxPart) {
    // Its tree has no reader outside of its library; as JSON the model gets all of it.
    return { kind: 'text', text: JSON.stringify(part.value ?? null) };
  }
  if (part instanceof vscode.LanguageModelDataPart) {
    return fromData(part);
  }
  return { kind: 'other', what: part instanceof Object ? part.constructor.name : typeof part };
}

function fromData({ mimeType, data }: LanguageModelDataPart): ResultPart {
  const [type = ''] = mimeType.toLowerCase().split(';');
  if (type.startsWith('image/')) {
    return { kind: 'image', mimeType: type, bytes: data };
  }
  if (type.startsWith('text/') || type === 'application/json' || type.endsWith('+json')) {
    return { kind: 'text', text: new TextDecoder().decode(data) };
  }
  // The host's own notes, such as `cache_control`, have names that are no media types.
  return type.includes('/') ? { kind: 'file', mimeType: type } : { kind: 'other', what: type };
}
