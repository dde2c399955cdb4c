/** One request of the host as a call of the core. */
import type { ChatCall } from '../../../crate/wasm/pkg/godoty_core.js';
import { toConversation } from './messages.ts';
import type { RequestMessage } from './parts.ts';
import { toCoreTools } from './tools.ts';
import type { OfferedTool } from './tools.ts';

export interface CallOptions {
  readonly tools?: readonly OfferedTool[] | undefined;
  /** Whether the model must call a tool. */
  readonly toolsRequired: boolean;
  /** What the caller asks of the model beyond VS Code's own options; this reads `temperature` and `max_tokens`. */
  readonly modelOptions?: Readonly<Record<string, unknown>> | undefined;
}

export interface PreparedCall {
  readonly call: ChatCall;
  /** What was left out because it is nothing for the model, for the log. */
  readonly leftOut: readonly string[];
}

/** @throws UnsendableImage as {@link toConversation} */
export function toCall(model: string, messages: readonly RequestMessage[], options: CallOptions): PreparedCall {
  const { messages: conversation, leftOut } = toConversation(messages);
  return {
    call: {
      model,
      messages: conversation,
      ...toCoreTools(options.tools, options.toolsRequired),
      ...sampling(options.modelOptions ?? {}),
    },
    leftOut,
  };
}

function sampling(options: Readonly<Record<string, unknown>>): Pick<ChatCall, 'temperature' | 'maxTokens'> {
  const temperature = options['temperature'];
  const maxTokens = options['max_tokens'];
  return {
    ...(typeof temperature === 'number' && temperature >= 0 && temperature <= 2 ? { temperature } : {}),
    ...(typeof maxTokens === 'number' && Number.isInteger(maxTokens) && maxTokens > 0 ? { maxTokens } : {}),
  };
}
