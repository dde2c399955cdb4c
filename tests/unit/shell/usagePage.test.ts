/** What the usage page shows of what the core says, and the file that is exported. */
import { describe, expect, it } from 'vitest';

import type { UsageEntry, UsageOverview } from '../../../crate/wasm/pkg/godoty_core.js';
import { toCsv } from '../../../extension/src/usage/csv.ts';
import { toPage } from '../../../extension/src/usage/page.ts';
import { parseState } from '../../../extension/src/usage/pageProtocol.ts';
import type { PageState } from '../../../extension/src/usage/pageProtocol.ts';
import { wordsFor } from '../../../extension/src/words.ts';
import { NOON, entry, overview, period, totals } from './usageData.ts';
import { l10n } from './vscode.ts';

type Ready = Extract<PageState, { readonly kind: 'ready' }>;

function page(change: Partial<UsageOverview> = {}, busy = false): Ready {
  const state = toPage(overview(change), { l10n, language: 'en', busy, wordsFor });
  // Whatever is made, the page has to take it.
  expect(parseState({ type: 'state', state })).toEqual(state);
  if (state.kind !== 'ready') {
    throw new Error(state.kind);
  }
  return state;
}

/** A request of which nobody said what it used. */
function uncounted(): UsageEntry {
  const { callId, model, startedAt, outcome, cost } = entry();
  return { callId, model, startedAt, outcome, cost };
}

describe('the usage page', () => {
  it('has a card for each period and one for this window', () => {
    expect(page().cards).toEqual([
      { title: 'Today', cost: '$0.0123', requests: '2 requests', tokens: '1,200 in, 34 out', notes: [] },
      { title: 'Last 7 days', cost: '$0.0123', requests: '2 requests', tokens: '1,200 in, 34 out', notes: [] },
      { title: 'This month', cost: '$0.0123', requests: '2 requests', tokens: '1,200 in, 34 out', notes: [] },
      { title: 'This window', cost: '$0.01', requests: '1 request', tokens: '1,200 in, 34 out', notes: [] },
    ]);
  });

  it('says of which sums something is missing', () => {
    const nothing = totals({ requests: 0, costText: '$0.00' });
    const { cards } = page({
      today: period({ totals: totals({ unknownCosts: 3 }) }),
      week: period({ complete: false }),
      month: period({ complete: false, totals: nothing }),
    });
    expect(cards.slice(0, 3).map(({ cost, notes }) => [cost, notes])).toEqual([
      ['$0.0123', ['3 of unknown cost not included']],
      ['$0.0123', ['this window only']],
      // Nobody knows that it was nothing.
      ['–', ['this window only']],
    ]);
  });

  it('lists requests under their days, each with what it used, cost and how it ended', () => {
    const tokens = { ...totals().tokens, cachedTokens: 1000, cacheWriteTokens: 50, reasoningTokens: 7 };
    const day = 24 * 3_600_000;
    const { days } = page({
      requests: [
        entry({ callId: 'c3', tokens }),
        entry({ callId: 'c2', outcome: 'cancelled', cost: { text: '–', source: 'unknown' } }),
        entry({ callId: 'c1', startedAt: NOON - day, outcome: 'error' }),
      ],
    });
    expect(days.map(({ label, rows }) => [label, rows.map(({ id }) => id)])).toEqual([
      ['Saturday, November 21, 2026', ['c3', 'c2']],
      ['Friday, November 20, 2026', ['c1']],
    ]);
    expect(days[0]?.rows[0]).toMatchObject({
      iso: '2026-11-21T12:00:00.000Z',
      model: 'm',
      tokensIn: '1,200',
      tokensOut: '34',
      inDetail: '1,000 from the cache, 50 into the cache',
      outDetail: '7 for reasoning',
      cost: '$0.0123',
      source: 'cost as billed',
      outcome: 'complete',
      tone: 'good',
    });
    expect(days[0]?.rows[1]).toMatchObject({
      cost: '–',
      source: 'cost not known',
      outcome: 'stopped',
      tone: 'partial',
    });
    expect(days[1]?.rows[0]).toMatchObject({ outcome: 'failed', tone: 'bad' });
  });

  it('does not show tokens that nobody counted as none', () => {
    expect(page({ requests: [uncounted()] }).days[0]?.rows[0]).toMatchObject({
      tokensIn: '–',
      tokensOut: '–',
      inDetail: '',
      outDetail: '',
    });
  });

  it('has a row for each model of any period', () => {
    const of = (...names: string[]) => period({ models: names.map((model) => ({ model, totals: totals() })) });
    const { models } = page({ today: of('b'), week: of('b', 'c'), month: of('a', 'b', 'c') });
    expect(models.map(({ model, cells }) => [model, cells.map(({ cost }) => cost)])).toEqual([
      ['a', ['', '', '$0.0123']],
      ['b', ['$0.0123', '$0.0123', '$0.0123']],
      ['c', ['', '$0.0123', '$0.0123']],
    ]);
    expect(models[1]?.cells[0]?.detail).toBe('2 requests, 1,234 tokens');
    const one = page({ today: period({ models: [{ model: 'a', totals: totals({ requests: 1 }) }] }) });
    expect(one.models[0]?.cells[0]?.detail).toBe('1 request, 1,234 tokens');
  });

  it('waits for the account only as long as there is nothing to show', () => {
    const unread = { today: period({ complete: false }), requests: [] };
    const context = { l10n, language: 'en', busy: true, wordsFor };
    expect(toPage(overview(unread), context).kind).toBe('loading');
    expect(toPage(overview({ requests: [] }), context).kind).toBe('ready');
    expect(page({ today: period({ complete: false }) }, true)).toMatchObject({ busy: true, notice: null });
  });

  it('says why the account could not be asked, what is shown instead, and what to do', () => {
    const unread = { code: 'NETWORK_ERROR', retryable: true, network: 'refused', origin: 'https://a.example' } as const;
    const offline = page({ unread, today: period({ complete: false }) });
    expect(offline.notice?.text).toBe(
      'Nothing answers at https://a.example. Check that the server is running, and the address in the settings. Only the requests of this window are shown.',
    );
    expect(offline.notice?.actions).toEqual([{ id: 'openSettings', label: 'Open Settings' }]);
    // What the account said before is still there.
    expect(page({ unread }).notice?.text).toMatch(/These are the figures that your account gave last\.$/u);
  });

  it('says what the plan allows', () => {
    const quota = {
      plan: 'free',
      month: { used: 1500, limit: 100_000, resetsAt: NOON },
      hour: { used: 3, limit: 60, resetsAt: NOON },
      blocked: true,
    };
    const shown = page({ quota }).quota;
    expect(shown?.plan).toBe('Plan: free');
    expect(shown?.bars.map(({ label, used, limit }) => [label, used, limit])).toEqual([
      ['Tokens this month', 1500, 100_000],
      ['Requests this hour', 3, 60],
    ]);
    expect(shown?.bars[0]?.text).toMatch(/^1,500 of 100,000, resets Nov 2\d, 2026/u);
    expect(shown?.blocked).not.toBe('');
    expect(page({ quota: { plan: 'team', blocked: false } }).quota).toEqual({
      plan: 'Plan: team',
      bars: [],
      blocked: '',
    });
    expect(page().quota).toBeNull();
  });

  it('says what is not listed and what is not sent yet', () => {
    expect(page()).toMatchObject({ older: '', unsent: '' });
    const { older, unsent } = page({ older: true, unsent: 4 });
    expect(older).toBe('Older requests are in the sums above.');
    expect(unsent).toMatch(/^Requests still to be sent to your account.*: 4$/u);
  });
});

describe('the exported file', () => {
  it('has a line for each request, with exact costs', () => {
    const unknown = { ...uncounted(), cost: { text: '–', source: 'unknown' }, outcome: 'cancelled' } as const;
    expect(toCsv([entry(), unknown]).split('\r\n')).toEqual([
      'time,model,prompt_tokens,completion_tokens,cached_tokens,cache_write_tokens,reasoning_tokens,cost_usd,cost_source,outcome,call_id',
      '2026-11-21T12:00:00.000Z,m,1200,34,0,0,0,0.0123,settled,done,c1',
      '2026-11-21T12:00:00.000Z,m,,,,,,,unknown,cancelled,c1',
      '',
    ]);
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
    ['@sum', "'@sum"],
    ['-1', "'-1"],
    ['\tx', "'\tx"],
  ])('keeps the model %j one harmless field', (model, field) => {
    expect(toCsv([entry({ model })])).toContain(`,${field},1200,`);
  });
});
