/** From an engine's end to the state in which the transcript keeps the answer. Pure. */
import type { ChatEnd, ChatError, TokenUsage } from './engine.ts';
import { MAX_LABEL_CHARS, MAX_SENTENCE_CHARS } from './protocol.ts';
import type { AnswerEnd, Bill } from './transcript.ts';

/** The few sentences that the controller itself must say; the host hands them over translated. */
export interface ControllerTexts {
  /** The model asked to run a tool, which the panel does not do. */
  readonly toolCalls: string;
  /** The engine threw: a fault of the program. */
  readonly unexpected: string;
  readonly showLog: string;
}

/** The id of the action that opens the log. */
const SHOW_LOG_ACTION = 'showLog';

export function answerEndOf(end: ChatEnd, texts: ControllerTexts): AnswerEnd {
  const bill = billOf(end);
  switch (end.outcome) {
    case 'done':
    case 'length':
    case 'filtered':
    case 'truncated':
      return { status: end.outcome, bill };
    case 'cancelled':
      return { status: 'stopped', bill };
    case 'tool_calls':
      return { status: 'error', error: { code: 'TOOL_CALLS', message: texts.toolCalls, actions: [] }, bill };
    case 'error':
      return { status: 'error', error: clippedError(end.error), bill };
  }
}

/** The end of an answer whose engine threw. What it cost is not known. */
export function unexpectedEnd(texts: ControllerTexts): AnswerEnd {
  const error = {
    code: 'INTERNAL',
    message: texts.unexpected,
    actions: [{ id: SHOW_LOG_ACTION, label: texts.showLog }],
  };
  return { status: 'error', error, bill: null };
}

function billOf(end: ChatEnd): Bill {
  return {
    usage: end.usage !== undefined && isCountable(end.usage) ? end.usage : null,
    cost: { text: clip(end.cost.text, MAX_LABEL_CHARS), detail: clip(end.cost.detail, MAX_SENTENCE_CHARS) },
  };
}

function isCountable(usage: TokenUsage): boolean {
  const { promptTokens, completionTokens, totalTokens, cachedTokens, reasoningTokens } = usage;
  return [promptTokens, completionTokens, totalTokens, cachedTokens, reasoningTokens].every(
    (count) => Number.isSafeInteger(count) && count >= 0,
  );
}

/** Errors may carry a server's words; what is too long for the protocol is cut rather than refused. */
function clippedError({ code, message, actions }: ChatError): ChatError {
  return { code, message: clip(message, MAX_SENTENCE_CHARS), actions };
}

function clip(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
