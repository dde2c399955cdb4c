/** What the core says of usage, for tests of what is made of it. */
import type { PeriodUsage, UsageEntry, UsageOverview, UsageTotals } from '../../../crate/wasm/pkg/godoty_core.js';

/** Noon of a day in UTC. */
export const NOON = Date.UTC(2026, 10, 21, 12);

export function totals(change: Partial<UsageTotals> = {}): UsageTotals {
  return {
    tokens: {
      promptTokens: 1200,
      completionTokens: 34,
      totalTokens: 1234,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
    },
    requests: 2,
    costPicoUsd: '12300000000',
    costText: '$0.0123',
    estimated: false,
    unknownCosts: 0,
    ...change,
  };
}

export function period(change: Partial<PeriodUsage> = {}): PeriodUsage {
  return {
    startsAt: NOON,
    complete: true,
    totals: totals(),
    models: [{ model: 'm', totals: totals() }],
    ...change,
  };
}

export function entry(change: Partial<UsageEntry> = {}): UsageEntry {
  return {
    tokens: totals().tokens,
    callId: 'c1',
    model: 'm',
    startedAt: NOON,
    outcome: 'done',
    cost: { picoUsd: '12300000000', text: '$0.0123', source: 'settled' },
    usd: '0.0123',
    ...change,
  };
}

export function overview(change: Partial<UsageOverview> = {}): UsageOverview {
  return {
    window: totals({ costText: '$0.01', requests: 1 }),
    today: period(),
    week: period(),
    month: period(),
    msToTomorrow: 1000,
    unsent: 0,
    requests: [entry()],
    older: false,
    ...change,
  };
}
