/** VS Code's classes of language models, for tests without VS Code. */

import type * as vscode from 'vscode';

type Roles = typeof vscode.LanguageModelChatMessageRole;
type Modes = typeof vscode.LanguageModelChatToolMode;
export const LanguageModelChatMessageRole = { User: 1, Assistant: 2 } as unknown as Roles;
export const LanguageModelChatToolMode = { Auto: 1, Required: 2 } as unknown as Modes;

export class LanguageModelTextPart {
  readonly value: string;
  constructor(value: string) {
    this.value = value;
  }
}

export class LanguageModelPromptTsxPart {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

export class LanguageModelToolCallPart {
  readonly callId: string;
  readonly name: string;
  readonly input: object;
  constructor(callId: string, name: string, input: object) {
    this.callId = callId;
    this.name = name;
    this.input = input;
  }
}

export class LanguageModelToolResultPart {
  readonly callId: string;
  readonly content: readonly unknown[];
  constructor(callId: string, content: readonly unknown[]) {
    this.callId = callId;
    this.content = content;
  }
}

export class LanguageModelDataPart {
  readonly data: Uint8Array;
  readonly mimeType: string;
  constructor(data: Uint8Array, mimeType: string) {
    this.data = data;
    this.mimeType = mimeType;
  }
  static json(value: unknown, mimeType = 'text/x-json'): LanguageModelDataPart {
    return new LanguageModelDataPart(new TextEncoder().encode(JSON.stringify(value)), mimeType);
  }
}

class ThinkingPart {
  readonly value: string;
  constructor(value: string) {
    this.value = value;
  }
}

/** Not every host has it. */
export let LanguageModelThinkingPart: typeof ThinkingPart | undefined = ThinkingPart;
export function hostKnowsThinking(knows: boolean): void {
  LanguageModelThinkingPart = knows ? ThinkingPart : undefined;
}

export class LanguageModelError extends Error {
  override readonly name = 'LanguageModelError';
  readonly code: string;
  constructor(message?: string, code = '') {
    super(message);
    this.code = code;
  }
  static NotFound(message?: string): LanguageModelError {
    return new LanguageModelError(message, 'NotFound');
  }
  static NoPermissions(message?: string): LanguageModelError {
    return new LanguageModelError(message, 'NoPermissions');
  }
  static Blocked(message?: string): LanguageModelError {
    return new LanguageModelError(message, 'Blocked');
  }
}

export class CancellationError extends Error {
  override readonly name = 'Canceled';
}
