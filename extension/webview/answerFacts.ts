/** What the line under an answer says. Pure. */
import type { TokenUsage } from '../src/chat/engine.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import type { Answer, AnswerState, Bill } from '../src/chat/transcript.ts';

export interface Fact {
  readonly kind: 'model' | 'tokens' | 'cost' | 'costUnknown';
  readonly text: string;
  /** A sentence for those who want to know more; may be empty. */
  readonly detail: string;
}

/** How an answer ended, when that was not well; null for a good or an unfinished one. */
export function statusText(state: AnswerState, strings: PanelStrings): string | null {
  switch (state.status) {
    case 'streaming':
    case 'done':
      return null;
    case 'stopped':
      return strings.statusStopped;
    case 'truncated':
      return strings.statusTruncated;
    case 'length':
      return strings.statusLength;
    case 'filtered':
      return strings.statusFiltered;
    case 'interrupted':
      return strings.statusInterrupted;
    case 'error':
      return strings.statusError;
  }
}

/** "model · tokens · cost", as far as they are known. */
export function factsOf(answer: Answer, strings: PanelStrings, language: string): Fact[] {
  const facts: Fact[] = [{ kind: 'model', text: answer.model, detail: '' }];
  const { state } = answer;
  if (state.status === 'streaming') {
    return facts;
  }
  const bill: Bill | null = state.status === 'interrupted' ? null : state.bill;
  if (bill === null) {
    return [...facts, { kind: 'costUnknown', text: strings.costUnknown, detail: '' }];
  }
  if (bill.usage !== null) {
    facts.push(tokensFact(bill.usage, strings, language));
  }
  if (bill.cost.text !== '') {
    facts.push({ kind: 'cost', ...bill.cost });
  }
  return facts;
}

function tokensFact(usage: TokenUsage, strings: PanelStrings, language: string): Fact {
  const number = (value: number): string => value.toLocaleString(language);
  const details = [fill(strings.tokensInOut, number(usage.promptTokens), number(usage.completionTokens))];
  if (usage.cachedTokens > 0) {
    details.push(fill(strings.tokensCached, number(usage.cachedTokens)));
  }
  if (usage.reasoningTokens > 0) {
    details.push(fill(strings.tokensReasoning, number(usage.reasoningTokens)));
  }
  const total = usage.promptTokens + usage.completionTokens;
  return { kind: 'tokens', text: fill(strings.tokens, number(total)), detail: details.join(', ') };
}
