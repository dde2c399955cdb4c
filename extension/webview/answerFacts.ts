/** What the line under an answer says. Pure. */
import type { TokenUsage } from '../src/chat/engine.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { billOf } from '../src/chat/transcript.ts';
import type { Answer, AnswerState } from '../src/chat/transcript.ts';

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

/** "model · tokens · cost", as far as they are known; of an answer that was continued, those of each request. */
export function factsOf(answer: Answer, strings: PanelStrings, language: string): Fact[] {
  const { state, earlierBills, model } = answer;
  const bills = state.status === 'streaming' ? earlierBills : [...earlierBills, billOf(state)];
  const facts: Fact[] = [{ kind: 'model', text: model, detail: '' }];
  const known = bills.filter((bill) => bill !== null);
  const usages = known.map(({ usage }) => usage).filter((usage) => usage !== null);
  if (usages.length > 0) {
    facts.push(tokensFact(usages, strings, language));
  }
  const costs = known.map(({ cost }) => cost).filter(({ text }) => text !== '');
  if (costs.length > 0) {
    // Nothing is added up here: money is the core's to calculate.
    const details = new Set(costs.map(({ detail }) => detail).filter((detail) => detail !== ''));
    facts.push({ kind: 'cost', text: costs.map(({ text }) => text).join(' + '), detail: [...details].join('; ') });
  }
  if (known.length < bills.length) {
    const text = known.length === 0 ? strings.costUnknown : strings.costPartlyUnknown;
    facts.push({ kind: 'costUnknown', text, detail: '' });
  }
  return facts;
}

function tokensFact(usages: readonly TokenUsage[], strings: PanelStrings, language: string): Fact {
  const number = (value: number): string => value.toLocaleString(language);
  // Nothing is added up here either: a server's total may hold more than the parts it tells.
  const totals = usages.map(({ totalTokens }) => number(totalTokens));
  return {
    kind: 'tokens',
    text: fill(strings.tokens, totals.join(' + ')),
    detail: usages.map((usage) => usageDetail(usage, strings, number)).join('; '),
  };
}

function usageDetail(usage: TokenUsage, strings: PanelStrings, number: (value: number) => string): string {
  const details = [fill(strings.tokensInOut, number(usage.promptTokens), number(usage.completionTokens))];
  if (usage.cachedTokens > 0) {
    details.push(fill(strings.tokensCached, number(usage.cachedTokens)));
  }
  if (usage.reasoningTokens > 0) {
    details.push(fill(strings.tokensReasoning, number(usage.reasoningTokens)));
  }
  return details.join(', ');
}
