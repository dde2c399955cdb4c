/**
 * The tokens of an answer for whoever asked, in OpenAI's words. VS Code's chat reads them from a data part of the type
 * `usage`, which is not documented: one that does not know it ignores it.
 */
import type { TokenCounts } from '../../../crate/wasm/pkg/godoty_core.js';

export const USAGE_TYPE = 'usage';

export function toUsage(tokens: TokenCounts): object {
  return {
    prompt_tokens: tokens.promptTokens,
    completion_tokens: tokens.completionTokens,
    total_tokens: tokens.totalTokens,
    prompt_tokens_details: { cached_tokens: tokens.cachedTokens },
    completion_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
  };
}
