import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { createVSIX } from '@vscode/vsce';
import { expect } from 'vitest';

import { checkout } from '../../../local/setup/packages.mjs';

/** A part of a message, and of an answer. */
export type AskPart =
  | { readonly text: string }
  | { readonly image: string; readonly mimeType: string }
  | { readonly callId: string; readonly tool: string; readonly input: object }
  | { readonly callId: string; readonly result: string };

export interface AskMessage {
  readonly role: 'user' | 'assistant';
  readonly parts: readonly AskPart[];
}

export interface Ask {
  readonly model: string;
  readonly messages: readonly AskMessage[];
  readonly tools?: { name: string; description: string; inputSchema?: object }[];
  readonly required?: boolean;
  /** Cancels once so many parts have come. */
  readonly cancelAfterParts?: number;
}

export interface Answered {
  readonly parts: readonly Readonly<Record<string, unknown>>[];
  /** What the stream of the answer threw at its end. */
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

export interface ListedModel {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly version: string;
  readonly maxInputTokens: number;
  /** How many tokens `<|endoftext|>` is said to have. */
  readonly tokens: number;
  /** How many tokens a message that says hello is said to have. */
  readonly messageTokens: number;
}

/** Packs the extension of the tests that uses `vscode.lm`, into a folder. */
export async function packLmClient(folder: string): Promise<string> {
  const packagePath = path.join(folder, 'lm-client.vsix');
  const cwd = path.join(checkout, 'tests', 'vscode', 'lm-client');
  await createVSIX({ cwd, packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}

/** That extension, once it is running in the VS Code that has `workspace` open. */
export class LmClient {
  readonly #workspace: string;

  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  models(): Promise<readonly ListedModel[]> {
    return this.#call('models');
  }

  /** How often VS Code has told it that the models changed. */
  changes(): Promise<number> {
    return this.#call('changes');
  }

  /** What has come of the answer that is on its way. */
  parts(): Promise<Answered['parts']> {
    return this.#call('parts');
  }

  ask(ask: Ask): Promise<Answered> {
    return this.#call('ask', ask);
  }

  async #call<T>(what: string, body?: unknown): Promise<T> {
    const file = path.join(this.#workspace, 'lm-client.json');
    await expect.poll(() => existsSync(file), { timeout: 30_000 }).toBe(true);
    const { port } = JSON.parse(readFileSync(file, 'utf8')) as { port: number };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}/${what}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return JSON.parse(text) as T;
  }
}
