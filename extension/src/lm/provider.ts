/**
 * Godoty's models in VS Code's own chat, and for every extension that asks `vscode.lm`. Its requests go the way of the
 * panel's: the same core sends, counts and keeps them.
 */
import * as vscode from 'vscode';
import type {
  CancellationToken,
  Disposable,
  LanguageModelChatInformation,
  LanguageModelChatProvider,
  LanguageModelChatRequestMessage,
  LanguageModelResponsePart,
  PrepareLanguageModelChatModelOptions,
  Progress,
  ProvideLanguageModelChatResponseOptions,
} from 'vscode';

import type { ChatAnswer, ChatPiece } from '../../../crate/wasm/pkg/godoty_core.js';
import { chatUser } from '../account.ts';
import type { AccountService, AccountState } from '../account.ts';
import { coreOptions } from '../chatEngine.ts';
import { detailOf, isGodotyError, shown } from '../core/errors.ts';
import type { ModelList } from '../models.ts';
import type { Settings } from '../settings.ts';
import { toCall } from './call.ts';
import {
  emptyRequestError,
  filteredError,
  imageError,
  malformedArgumentsError,
  toModelError,
  truncatedError,
} from './errors.ts';
import { UnsendableImage } from './messages.ts';
import { toModelInformation } from './modelInfo.ts';
import { toRequestMessage } from './parts.ts';
import { estimateMessageTokens, estimateTokens } from './tokens.ts';
import { MalformedArguments, readToolCalls } from './tools.ts';
import { USAGE_TYPE, toUsage } from './usagePart.ts';

export const VENDOR = 'godoty';

export interface ModelProviderPorts {
  readonly account: AccountService;
  readonly models: Pick<ModelList, 'read' | 'onDidChange'>;
  readonly settings: () => Settings;
  /** Asks the user to sign in. */
  readonly signIn: () => Promise<unknown>;
  readonly newId: () => string;
  /** Runs something once after so many milliseconds. */
  readonly schedule: (run: () => void, milliseconds: number) => unknown;
  readonly report: (what: string, error: unknown) => void;
  /** Writes a line without secrets into the log. */
  readonly note: (line: string) => void;
}

/**
 * VS Code gathers parts for 30 ms before it hands them on, and an error overtakes the parts that a reader has not taken
 * yet. So much time, in milliseconds, is given to the last of them.
 */
const HAND_OVER_MS = 150;

/** An answer that is on its way. */
interface Running {
  readonly model: string;
  /** In whose name it is asked for, once that is known. */
  userId: string | undefined;
  readonly abort: AbortController;
}

/** Why an answer was ended here: its reader cancelled it, or whoever asked for it is signed out. */
type AbortCause = 'cancelled' | 'signedOut';

/** The class of parts of reasoning is proposed API: most hosts have it, and the types that we build on do not. */
type ThinkingPart = new (text: string) => LanguageModelResponsePart;

type Report = (part: LanguageModelResponsePart) => void;

export class GodotyModelProvider implements LanguageModelChatProvider, Disposable {
  readonly #ports: ModelProviderPorts;
  readonly #modelsChanged = new vscode.EventEmitter<void>();
  readonly #streamingChanged = new vscode.EventEmitter<void>();
  readonly #numbers = new Intl.NumberFormat(vscode.env.language);
  readonly #subscriptions: readonly { dispose(): unknown }[];
  /** Whose models VS Code was told of; empty for nobody's. */
  #userId = '';
  readonly #running = new Set<Running>();

  readonly onDidChangeLanguageModelChatInformation = this.#modelsChanged.event;
  readonly onDidChangeStreaming = this.#streamingChanged.event;

  constructor(ports: ModelProviderPorts) {
    this.#ports = ports;
    this.#subscriptions = [
      register(this, ports),
      ports.account.onDidChangeState((state) => this.#accountChanged(state)),
      ports.models.onDidChange(() => this.#modelsChanged.fire()),
    ];
  }

  /** Whether an answer is on its way. */
  get streaming(): boolean {
    return this.#running.size > 0;
  }

  /** The models whose answers are on their way. */
  get answering(): readonly string[] {
    return Array.from(this.#running, ({ model }) => model);
  }

  async provideLanguageModelChatInformation(
    { silent }: PrepareLanguageModelChatModelOptions,
    token: CancellationToken,
  ): Promise<LanguageModelChatInformation[]> {
    const { models, signIn, report } = this.#ports;
    try {
      if (!(await this.#canChat()) && !silent) {
        await signIn();
      }
      if (token.isCancellationRequested || !(await this.#canChat())) {
        return [];
      }
      const offered = await models.read();
      return offered.map((model) => toModelInformation(model, (value) => this.#numbers.format(value)));
    } catch (error) {
      report('reading the models for VS Code’s chat', error);
      if (silent) {
        return [];
      }
      throw toModelError(detailOf(error));
    }
  }

  async provideLanguageModelChatResponse(
    model: LanguageModelChatInformation,
    messages: readonly LanguageModelChatRequestMessage[],
    options: ProvideLanguageModelChatResponseOptions,
    progress: Progress<LanguageModelResponsePart>,
    token: CancellationToken,
  ): Promise<void> {
    const abort = new AbortController();
    const cancel = (): void => abort.abort('cancelled' satisfies AbortCause);
    const cancelling = token.onCancellationRequested(cancel);
    if (token.isCancellationRequested) {
      cancel();
    }
    const running: Running = { model: model.id, userId: undefined, abort };
    this.#running.add(running);
    this.#streamingChanged.fire();
    const reported = { parts: 0 };
    const report = (part: LanguageModelResponsePart): void => {
      reported.parts += 1;
      progress.report(part);
    };
    try {
      const answer = await this.#ask(running, messages, options, report);
      this.#end(answer, model, report);
    } catch (error) {
      if (reported.parts > 0 && abort.signal.reason !== ('cancelled' satisfies AbortCause)) {
        await new Promise<void>((resolve) => this.#ports.schedule(resolve, HAND_OVER_MS));
      }
      throw abort.signal.reason === ('signedOut' satisfies AbortCause) ? signedOutError() : this.#toThrow(error);
    } finally {
      cancelling.dispose();
      this.#running.delete(running);
      this.#streamingChanged.fire();
    }
  }

  provideTokenCount(
    _model: LanguageModelChatInformation,
    text: string | LanguageModelChatRequestMessage,
  ): Promise<number> {
    return Promise.resolve(
      typeof text === 'string' ? estimateTokens(text) : estimateMessageTokens(toRequestMessage(text)),
    );
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#modelsChanged.dispose();
    this.#streamingChanged.dispose();
  }

  /** Waits for the stored session where it is being read; never reads one that the user does not want restored. */
  async #canChat(): Promise<boolean> {
    const { account } = this.#ports;
    if (account.state.kind === 'restoring') {
      await account.restore();
    }
    return chatUser(account.state) !== undefined;
  }

  async #ask(
    running: Running,
    messages: readonly LanguageModelChatRequestMessage[],
    options: ProvideLanguageModelChatResponseOptions,
    report: Report,
  ): Promise<ChatAnswer> {
    const { account, settings, newId, note } = this.#ports;
    const { call, leftOut } = toCall(running.model, messages.map(toRequestMessage), {
      tools: options.tools,
      toolsRequired: options.toolMode === vscode.LanguageModelChatToolMode.Required,
      modelOptions: options.modelOptions,
    });
    if (leftOut.length > 0) {
      note(`left out of a request of VS Code’s chat: ${[...new Set(leftOut)].join(', ')}`);
    }
    if (call.messages.length === 0) {
      throw emptyRequestError();
    }
    if (!(await this.#canChat())) {
      throw signedOutError();
    }
    running.userId = chatUser(account.state);
    const client = await account.client();
    const { signal } = running.abort;
    return await client.chat(newId(), call, coreOptions(settings()), (piece) => hand(piece, report), signal);
  }

  /** Says how the answer ended. Only a complete one ends without an error or a word. */
  #end(answer: ChatAnswer, model: LanguageModelChatInformation, report: Report): void {
    const { outcome, refusal, usage } = answer;
    if (refusal !== undefined) {
      report(new vscode.LanguageModelTextPart(refusal));
    }
    const calls = outcome.kind === 'tool_calls' ? readToolCalls(answer.toolCalls, this.#ports.newId) : [];
    if (usage !== undefined) {
      report(vscode.LanguageModelDataPart.json(toUsage(usage), USAGE_TYPE));
    }
    switch (outcome.kind) {
      case 'done':
        return;
      case 'tool_calls':
        for (const { id, name, input } of calls) {
          report(new vscode.LanguageModelToolCallPart(id, name, input));
        }
        return;
      case 'length':
        // VS Code's interface has no reason for an end. A note is what keeps half an answer from looking whole; as an
        // error it would take the text out of the conversation.
        report(new vscode.LanguageModelTextPart(lengthNote(model)));
        return;
      case 'truncated':
        throw truncatedError();
      case 'filtered':
        throw filteredError();
      case 'cancelled':
        throw new vscode.CancellationError();
      case 'error':
        this.#ports.note(`an answer for VS Code’s chat failed: ${shown(outcome.error)}`);
        throw toModelError(outcome.error);
    }
  }

  #toThrow(error: unknown): Error {
    if (error instanceof vscode.LanguageModelError || error instanceof vscode.CancellationError) {
      return error;
    }
    if (error instanceof UnsendableImage) {
      return imageError(error.fault);
    }
    if (error instanceof MalformedArguments) {
      return malformedArgumentsError(error.tool);
    }
    // Nothing was sent: there is no key, or a setting is wrong. Anything that is not the core's is a defect of ours.
    this.#ports.report('asking for an answer for VS Code’s chat', error);
    const detail = detailOf(error);
    return isGodotyError(error) && detail.code === 'CANCELLED' ? new vscode.CancellationError() : toModelError(detail);
  }

  #accountChanged(state: AccountState): void {
    const userId = chatUser(state);
    if ((userId ?? '') !== this.#userId) {
      this.#userId = userId ?? '';
      this.#modelsChanged.fire();
    }
    // As in the panel: while another backend's session is being read, what was asked of the one before goes on.
    for (const running of state.kind === 'restoring' ? [] : this.#running) {
      if (running.userId !== userId && running.userId !== undefined) {
        running.abort.abort('signedOut' satisfies AbortCause);
      }
    }
  }
}

function signedOutError(): Error {
  return toModelError({ code: 'NOT_AUTHENTICATED', retryable: false });
}

function hand({ text, reasoning }: ChatPiece, report: Report): void {
  const { LanguageModelThinkingPart: Thinking } = vscode as { readonly LanguageModelThinkingPart?: ThinkingPart };
  if (reasoning !== undefined && Thinking !== undefined) {
    report(new Thinking(reasoning));
  }
  if (text !== undefined) {
    report(new vscode.LanguageModelTextPart(text));
  }
}

function lengthNote({ id }: LanguageModelChatInformation): string {
  return `\n\n*${vscode.l10n.t('The answer ends here: {0} has reached its length limit.', id)}*`;
}

/** An editor that is built on VS Code may have no such API, or refuse it: then the panel is the only chat. */
function register(provider: GodotyModelProvider, { report, note }: ModelProviderPorts): { dispose(): unknown } {
  try {
    return vscode.lm.registerLanguageModelChatProvider(VENDOR, provider);
  } catch (error) {
    report('offering the models to the editor’s own chat', error);
    note('This editor has no chat of its own that takes models of extensions. Godoty’s chat in the sidebar works.');
    return { dispose: () => undefined };
  }
}
