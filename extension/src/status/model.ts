/** What the status bar shows, as a pure function of what is known. */
import type { UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';

export interface StatusInput {
  readonly signedIn: boolean;
  /** Absent until the core is loaded: nothing was spent in this window then. */
  readonly usage: UsageSnapshot | undefined;
  readonly streaming: boolean;
}

export interface StatusTexts {
  readonly title: string;
  readonly cost: string;
  readonly requests: string;
  readonly tokens: string;
  /** {0}: prompt tokens, {1}: completion tokens. */
  readonly inOut: string;
  readonly cached: string;
  readonly lastModel: string;
  readonly unknownCosts: string;
  readonly estimates: string;
  readonly hint: string;
  /** {0}: the cost as text. */
  readonly accessible: string;
}

export type Status =
  | { readonly kind: 'hidden' }
  | { readonly kind: 'shown'; readonly text: string; readonly tooltip: string; readonly accessible: string };

export function toStatus(input: StatusInput, texts: StatusTexts, formatNumber: (value: number) => string): Status {
  if (!input.signedIn) {
    return { kind: 'hidden' };
  }
  const totals = input.usage?.totals;
  const cost = totals?.costText ?? '$0.00';
  const icon = input.streaming ? '$(loading~spin)' : '$(pulse)';
  const rows: [string, string][] = [[texts.cost, cost]];
  const notes: string[] = [];
  if (totals !== undefined) {
    const inOut = fill(
      texts.inOut,
      formatNumber(totals.tokens.promptTokens),
      formatNumber(totals.tokens.completionTokens),
    );
    rows.push([texts.requests, formatNumber(totals.requests)], [texts.tokens, inOut]);
    if (totals.tokens.cachedTokens > 0) {
      rows.push([texts.cached, formatNumber(totals.tokens.cachedTokens)]);
    }
    if (totals.unknownCosts > 0) {
      notes.push(fill(texts.unknownCosts, formatNumber(totals.unknownCosts)));
    }
    if (totals.estimated) {
      notes.push(texts.estimates);
    }
  }
  const last = input.usage?.requests.at(-1);
  if (last !== undefined) {
    rows.push([texts.lastModel, last.model]);
  }
  const table = ['| | |', '|:--|--:|', ...rows.map(([name, value]) => `| ${escape(name)} | ${escape(value)} |`)].join(
    '\n',
  );
  return {
    kind: 'shown',
    text: `${icon} ${cost}`,
    tooltip: [`**${escape(texts.title)}**`, table, ...notes.map(escape), escape(texts.hint)].join('\n\n'),
    accessible: fill(texts.accessible, cost),
  };
}

function fill(template: string, ...values: readonly string[]): string {
  return template.replaceAll(/\{(\d)\}/gu, (placeholder, index: string) => values[Number(index)] ?? placeholder);
}

/** Names of models come from a server: nothing in them may act as Markdown, bare addresses and line ends included. */
function escape(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').replaceAll(/[\\`*_{}[\]()#+\-.!|<>&$~:@]/gu, String.raw`\$&`);
}
