/** `Godoty: Show Usage`: the requests of this window, newest first, with what each cost and how it ended. */
import { env, l10n, window } from 'vscode';
import type { QuickPickItem } from 'vscode';

import type { UsageEntry, UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';

export async function showUsage(usage: UsageSnapshot | undefined): Promise<void> {
  const requests = usage?.requests ?? [];
  if (usage === undefined || requests.length === 0) {
    await window.showInformationMessage(
      l10n.t('Nothing was spent in this window yet. Each request will be listed here with its tokens and its cost.'),
    );
    return;
  }
  const numbers = new Intl.NumberFormat(env.language);
  const { totals } = usage;
  const items = requests.toReversed().map((entry) => toItem(entry, numbers));
  await window.showQuickPick(items, {
    title: l10n.t(
      'Godoty in this window: {0} for {1} requests, {2} tokens in, {3} out',
      totals.costText,
      numbers.format(totals.requests),
      numbers.format(totals.tokens.promptTokens),
      numbers.format(totals.tokens.completionTokens),
    ),
    placeHolder: l10n.t('≈ marks an estimate from prices, – a cost that is not known'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
}

function toItem(entry: UsageEntry, numbers: Intl.NumberFormat): QuickPickItem {
  const time = new Intl.DateTimeFormat(env.language, { timeStyle: 'medium' }).format(entry.startedAt);
  const { tokens } = entry;
  const used =
    tokens === undefined
      ? l10n.t('tokens not known')
      : l10n.t('{0} in, {1} out', numbers.format(tokens.promptTokens), numbers.format(tokens.completionTokens));
  return {
    label: entry.cost.text,
    description: entry.model,
    detail: [time, used, outcomeText(entry.outcome), sourceText(entry.cost.source)].join(' · '),
  };
}

export function outcomeText(outcome: UsageEntry['outcome']): string {
  switch (outcome) {
    case 'done':
      return l10n.t('complete');
    case 'tool_calls':
      return l10n.t('asked for tools');
    case 'length':
      return l10n.t('reached the length limit');
    case 'filtered':
      return l10n.t('ended by the content filter');
    case 'cancelled':
      return l10n.t('stopped');
    case 'truncated':
      return l10n.t('cut off');
    case 'error':
      return l10n.t('failed');
  }
}

/** One phrase on what a cost rests on. */
export function sourceText(source: UsageEntry['cost']['source']): string {
  switch (source) {
    case 'reported':
    case 'header':
      return l10n.t('cost as the server stated it');
    case 'settled':
      return l10n.t('cost as billed');
    case 'proxy_price':
      return l10n.t('estimated from the server’s prices');
    case 'catalog':
      return l10n.t('estimated from catalog prices');
    case 'unknown':
      return l10n.t('cost not known');
  }
}
