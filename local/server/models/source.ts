import type { ChatRequest } from './chat-request.ts';
import type { Model, Usage } from './catalog.ts';

/** One call of a model, with what the answer needs to know. */
export interface Call {
  readonly id: string;
  readonly request: ChatRequest;
  readonly model: Model;
  /** Headers for every answer of this call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted when the client goes away before it got an answer. */
  readonly signal: AbortSignal;
  /**
   * To be called once when an answer has ended, also one that was cut short; undefined when its usage is unknown.
   * Not to be called when `answer` throws.
   */
  readonly settle: (usage: Usage | undefined) => Promise<void>;
}

/** Where answers come from. */
export interface ModelSource {
  /** For people. */
  readonly description: string;
  models(): Promise<readonly Model[]>;
  /** Answers a call, streamed when it asks for that. Throws a ProxyError. */
  answer(call: Call): Promise<Response>;
}
