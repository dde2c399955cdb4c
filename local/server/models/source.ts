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
  /** To be called once, when the usage is final; also for a call that was cut short. */
  readonly settle: (usage: Usage) => Promise<void>;
}

/** Where answers come from. */
export interface ModelSource {
  /** For people. */
  readonly description: string;
  models(): Promise<readonly Model[]>;
  /** Answers a call, streamed when it asks for that. Throws a ProxyError. */
  answer(call: Call): Promise<Response>;
}
