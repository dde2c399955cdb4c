/** What the usage page shows, as a pure function of what the core says: words and formats, no sums. */
import type * as vscode from 'vscode';

import type {
  OutcomeName,
  PeriodUsage,
  TokenCounts,
  UsageEntry,
  UsageOverview,
  UsageTotals,
} from '../../../crate/wasm/pkg/godoty_core.js';
import { isoTime } from '../core/host.ts';
import type { Words } from '../words.ts';
import type { Card, ModelRow, PageState, QuotaView, RequestRow } from './pageProtocol.ts';
import { outcomeText, sourceText } from './texts.ts';

type Translator = Pick<typeof vscode.l10n, 't'>;

export interface PageContext {
  readonly l10n: Translator;
  /** A BCP 47 tag. */
  readonly language: string;
  /** Whether the account is being asked. */
  readonly busy: boolean;
  readonly wordsFor: (detail: NonNullable<UsageOverview['unread']>) => Words;
}

const NOTHING = '–';

export function toPage(overview: UsageOverview, context: PageContext): PageState {
  const { l10n, language, busy } = context;
  const number = new Intl.NumberFormat(language);
  const format = (value: number): string => number.format(value);
  const card = (title: string, totals: UsageTotals, complete: boolean): Card => ({
    title,
    cost: complete || totals.requests > 0 ? totals.costText : NOTHING,
    requests: requestsText(totals.requests, l10n, format),
    tokens: l10n.t('{0} in, {1} out', format(totals.tokens.promptTokens), format(totals.tokens.completionTokens)),
    notes: [
      ...(complete ? [] : [l10n.t('this window only')]),
      ...(totals.unknownCosts > 0 ? [l10n.t('{0} of unknown cost not included', format(totals.unknownCosts))] : []),
    ],
  });
  const { today, week, month, window } = overview;
  const period = (title: string, { totals, complete }: PeriodUsage): Card => card(title, totals, complete);
  const complete = today.complete && week.complete && month.complete;
  if (busy && !complete && overview.requests.length === 0) {
    return { kind: 'loading' };
  }
  const days = toDays(overview.requests, context, format);
  return {
    kind: 'ready',
    busy,
    notice: toNotice(overview, complete, context),
    quota: toQuota(overview, context, format),
    cards: [
      period(l10n.t('Today'), today),
      period(l10n.t('Last 7 days'), week),
      period(l10n.t('This month'), month),
      card(l10n.t('This window'), window, true),
    ],
    models: toModels([today, week, month], l10n, format),
    days,
    older: overview.older ? l10n.t('Older requests are in the sums above.') : '',
    unsent:
      overview.unsent > 0
        ? l10n.t('Requests still to be sent to your account, which are in all sums: {0}', format(overview.unsent))
        : '',
  };
}

function toNotice(
  { unread }: UsageOverview,
  complete: boolean,
  { l10n, wordsFor, busy }: PageContext,
): Extract<PageState, { readonly kind: 'ready' }>['notice'] {
  if (unread === undefined) {
    return complete || busy ? null : { text: l10n.t('Only the requests of this window are shown.'), actions: [] };
  }
  const { message, actions } = wordsFor(unread);
  const shown = complete
    ? l10n.t('These are the figures that your account gave last.')
    : l10n.t('Only the requests of this window are shown.');
  // The page has its own Refresh.
  return {
    text: `${message} ${shown}`,
    actions: actions.filter(({ id }) => id !== 'retry' && id !== 'showUsage'),
  };
}

function toQuota(
  { quota }: UsageOverview,
  { l10n, language }: PageContext,
  format: (value: number) => string,
): QuotaView | null {
  if (quota === undefined) {
    return null;
  }
  const when = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  const bars = [];
  if (quota.month !== undefined) {
    const { used, limit, resetsAt } = quota.month;
    bars.push({
      label: l10n.t('Tokens this month'),
      text: l10n.t('{0} of {1}, resets {2}', format(used), format(limit), when.format(resetsAt)),
      used,
      limit,
    });
  }
  if (quota.hour !== undefined) {
    const { used, limit, resetsAt } = quota.hour;
    bars.push({
      label: l10n.t('Requests this hour'),
      text: l10n.t('{0} of {1}, resets {2}', format(used), format(limit), when.format(resetsAt)),
      used,
      limit,
    });
  }
  return {
    plan: l10n.t('Plan: {0}', quota.plan),
    bars,
    blocked: quota.blocked ? l10n.t('Requests are blocked until the limit above resets.') : '',
  };
}

/** One row a model that was used in any of the periods, and a cell a period. */
function toModels(
  periods: readonly PeriodUsage[],
  l10n: Translator,
  format: (value: number) => string,
): readonly ModelRow[] {
  const names = [...new Set(periods.flatMap(({ models }) => models.map(({ model }) => model)))].toSorted();
  return names.map((model) => ({
    model,
    cells: periods.map(({ models }) => {
      const totals = models.find((row) => row.model === model)?.totals;
      if (totals === undefined) {
        return { cost: '', detail: '' };
      }
      return {
        cost: totals.costText,
        detail: [
          requestsText(totals.requests, l10n, format),
          l10n.t('{0} tokens', format(totals.tokens.totalTokens)),
        ].join(', '),
      };
    }),
  }));
}

function toDays(
  requests: readonly UsageEntry[],
  { language, l10n }: PageContext,
  format: (value: number) => string,
): readonly { readonly label: string; readonly rows: readonly RequestRow[] }[] {
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'full' });
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium' });
  const days: { label: string; rows: RequestRow[] }[] = [];
  for (const entry of requests) {
    const label = day.format(entry.startedAt);
    const row: RequestRow = {
      id: entry.callId,
      time: time.format(entry.startedAt),
      iso: isoTime(entry.startedAt),
      model: entry.model,
      tokensIn: entry.tokens === undefined ? NOTHING : format(entry.tokens.promptTokens),
      tokensOut: entry.tokens === undefined ? NOTHING : format(entry.tokens.completionTokens),
      inDetail: inDetail(entry.tokens, l10n, format),
      outDetail: outDetail(entry.tokens, l10n, format),
      cost: entry.cost.text,
      source: sourceText(entry.cost.source),
      outcome: outcomeText(entry.outcome),
      tone: toneOf(entry.outcome),
    };
    const last = days.at(-1);
    if (last?.label === label) {
      last.rows.push(row);
    } else {
      days.push({ label, rows: [row] });
    }
  }
  return days;
}

function inDetail(tokens: TokenCounts | undefined, l10n: Translator, format: (value: number) => string): string {
  return [
    (tokens?.cachedTokens ?? 0) > 0 ? l10n.t('{0} from the cache', format(tokens?.cachedTokens ?? 0)) : '',
    (tokens?.cacheWriteTokens ?? 0) > 0 ? l10n.t('{0} into the cache', format(tokens?.cacheWriteTokens ?? 0)) : '',
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function outDetail(tokens: TokenCounts | undefined, l10n: Translator, format: (value: number) => string): string {
  const reasoning = tokens?.reasoningTokens ?? 0;
  return reasoning > 0 ? l10n.t('{0} for reasoning', format(reasoning)) : '';
}

function toneOf(outcome: OutcomeName): RequestRow['tone'] {
  switch (outcome) {
    case 'done':
    case 'tool_calls':
      return 'good';
    case 'length':
    case 'filtered':
    case 'cancelled':
    case 'truncated':
      return 'partial';
    case 'error':
      return 'bad';
  }
}

function requestsText(count: number, l10n: Translator, format: (value: number) => string): string {
  return count === 1 ? l10n.t('1 request') : l10n.t('{0} requests', format(count));
}
