/** The words for how a request ended and what its cost rests on. */
import { l10n } from 'vscode';

import type { UsageEntry } from '../../../crate/wasm/pkg/godoty_core.js';

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
