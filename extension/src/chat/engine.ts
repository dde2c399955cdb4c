/**
 * The port between the chat panel and whatever answers it. The panel knows no HTTP, no tokens of access and no
 * arithmetic on money: it hands over a conversation and receives text, and at the end one of a closed set of outcomes.
 */

/** One message of the conversation as the model sees it. */
export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
  /** Images as data URLs, which follow the text. */
  readonly images?: readonly string[] | undefined;
}

export interface ChatRequest {
  /** A UUID made before the first byte is sent; the ledger counts the request under it. */
  readonly callId: string;
  readonly model: string;
  readonly messages: readonly PromptMessage[];
}

/** A piece of the answer, in the order of arrival. */
export interface ChatDelta {
  readonly text?: string | undefined;
  readonly reasoning?: string | undefined;
}

/** Counts of tokens, as the core has them; cached tokens are part of the prompt's, reasoning tokens part of the completion's. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
}

/** A cost as text for people, made by the core: the panel never calculates money. */
export interface CostText {
  /** Short, such as "$0.0123", "≈ $0.0001" or "–"; empty when costs are not to be shown. */
  readonly text: string;
  /** One sentence on what the figure rests on. */
  readonly detail: string;
}

/** A next step that is offered beside a message; the host gives the id its meaning. */
export interface ChatAction {
  readonly id: string;
  readonly label: string;
}

export interface ChatError {
  /** A stable code of the core's closed error union. */
  readonly code: string;
  /** What happened and what to do, in words for the user. */
  readonly message: string;
  readonly actions: readonly ChatAction[];
  /** Whether the cause is that this machine has no connection. */
  readonly offline?: boolean | undefined;
}

interface Bill {
  /** Absent when the provider reported none. */
  readonly usage?: TokenUsage | undefined;
  readonly cost: CostText;
}

/** How a stream ended. A stream that stops without a finish reason is `truncated`, never `done`. */
export type ChatEnd = Bill &
  (
    | { readonly outcome: 'done' | 'length' | 'filtered' | 'tool_calls' | 'cancelled' | 'truncated' }
    | { readonly outcome: 'error'; readonly error: ChatError }
  );

export interface ChatEngine {
  /**
   * Streams one answer. `onDelta` is called for each piece, and not after the promise has settled. When `signal`
   * aborts, the request is cancelled up to the server and the promise resolves with `cancelled`. Expected failures
   * resolve with `error`; the promise rejects only for faults of the program.
   */
  stream(request: ChatRequest, onDelta: (delta: ChatDelta) => void, signal: AbortSignal): Promise<ChatEnd>;
}
