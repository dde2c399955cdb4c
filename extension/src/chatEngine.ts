/** Answers the panel through the core, and puts the core's facts into words. */
import { EventEmitter, l10n } from 'vscode';

import type {
  ChatAnswer,
  ChatMessage,
  ChatOptions,
  ChatPart,
  ErrorDetail,
  ModelInfo,
} from '../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from './account.ts';
import type { ChatDelta, ChatEnd, ChatEngine, ChatError, ChatRequest, CostText, PromptMessage } from './chat/engine.ts';
import type { ModelChoice } from './chat/panelState.ts';
import { detailOf, shown } from './core/errors.ts';
import { priceText } from './lm/modelInfo.ts';
import type { ModelList } from './models.ts';
import type { Settings } from './settings.ts';
import { sourceText } from './usage/texts.ts';
import { wordsFor } from './words.ts';

export interface EnginePorts {
  readonly account: AccountService;
  readonly models: Pick<ModelList, 'read'>;
  readonly settings: () => Settings;
  readonly report: (what: string, error: unknown) => void;
  /** Writes a line without secrets into the log. */
  readonly note: (line: string) => void;
}

export class CoreChatEngine implements ChatEngine {
  readonly #ports: EnginePorts;
  readonly #streamingChanged = new EventEmitter<void>();
  /** The models whose answers are on their way. */
  readonly #running: string[] = [];

  readonly onDidChangeStreaming = this.#streamingChanged.event;

  constructor(ports: EnginePorts) {
    this.#ports = ports;
  }

  /** Whether an answer is on its way. */
  get streaming(): boolean {
    return this.#running.length > 0;
  }

  /** The models whose answers are on their way. */
  get answering(): readonly string[] {
    return this.#running;
  }

  /** The models of the endpoint that can be chatted with, with their prices. */
  async models(): Promise<ModelChoice[]> {
    const models = await this.#ports.models.read();
    return models.map((model) => ({
      id: model.id,
      label: model.id,
      detail: modelDetail(model),
      vision: model.vision ?? false,
    }));
  }

  async stream(request: ChatRequest, onDelta: (delta: ChatDelta) => void, signal: AbortSignal): Promise<ChatEnd> {
    this.#running.push(request.model);
    this.#streamingChanged.fire();
    try {
      const { account, settings } = this.#ports;
      const client = await account.client();
      const end = await client.chat(
        request.callId,
        { model: request.model, messages: request.messages.map(toCoreMessage) },
        coreOptions(settings()),
        onDelta,
        signal,
      );
      return this.#toEnd(end);
    } catch (error) {
      // Nothing was sent: there is no key, or a setting is wrong.
      const detail = detailOf(error);
      this.#ports.report('asking for an answer', error);
      return detail.code === 'CANCELLED'
        ? { outcome: 'cancelled', cost: NO_COST }
        : { outcome: 'error', error: toChatError(detail), cost: NO_COST };
    } finally {
      this.#running.splice(this.#running.indexOf(request.model), 1);
      this.#streamingChanged.fire();
    }
  }

  dispose(): void {
    this.#streamingChanged.dispose();
  }

  #toEnd(end: ChatAnswer): ChatEnd {
    const cost: CostText = { text: end.cost.text, detail: sourceText(end.cost.source) };
    const bill = { usage: end.usage, cost };
    if (end.outcome.kind !== 'error') {
      return { ...bill, outcome: end.outcome.kind };
    }
    const { error } = end.outcome;
    this.#ports.note(`an answer failed: ${shown(error)}`);
    return { ...bill, outcome: 'error', error: toChatError(error) };
  }
}

/** What to know when one chooses: what it costs, and whether images may go to it. */
function modelDetail(model: ModelInfo): string {
  const price = priceText(model) ?? l10n.t('price not known');
  return model.vision === true ? `${price} · ${l10n.t('sees images')}` : price;
}

/** What a request may take, as the settings say. */
export function coreOptions({ network, showCostEstimates }: Settings): ChatOptions {
  return {
    firstByteMs: network.timeoutSeconds * 1000,
    idleMs: network.timeoutSeconds * 1000,
    maxRetries: network.maxRetries,
    showEstimates: showCostEstimates,
  };
}

const NO_COST: CostText = { text: '', detail: '' };

function toCoreMessage({ role, content, images = [] }: PromptMessage): ChatMessage {
  if (role !== 'user') {
    return { role, text: content };
  }
  const text: ChatPart[] = content === '' ? [] : [{ type: 'text', text: content }];
  return { role, parts: [...text, ...images.map((url): ChatPart => ({ type: 'image_url', imageUrl: { url } }))] };
}

function toChatError(detail: ErrorDetail): ChatError {
  const words = wordsFor(detail);
  // The panel has its own Retry below each answer.
  const actions = words.actions.filter((action) => action.id !== 'retry');
  const offline = detail.network === 'offline' || detail.network === 'dns';
  return { code: detail.code, message: words.message, actions, offline };
}
