import { describe, expect, it } from 'vitest';
import { marked } from 'marked';

import type { UsageEntry, UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';
import { toStatus } from '../../../extension/src/status/model.ts';
import type { Status, StatusTexts } from '../../../extension/src/status/model.ts';

const texts: StatusTexts = {
  title: 'Title',
  cost: 'Cost',
  requests: 'Requests',
  tokens: 'Tokens',
  inOut: '{0} in, {1} out',
  cached: 'Cached',
  lastModel: 'Last model',
  unknownCosts: '{0} unknown.',
  estimates: 'Estimates.',
  hint: 'Hint',
  accessible: '{0} spent',
};

const tokens = {
  promptTokens: 1200,
  completionTokens: 34,
  totalTokens: 1234,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
};

function usage(model: string, totals: Partial<UsageSnapshot['totals']> = {}): UsageSnapshot {
  const entry: UsageEntry = {
    tokens,
    callId: 'c1',
    model,
    startedAt: 0,
    outcome: 'done',
    cost: { text: '$0.01', source: 'reported' },
  };
  return {
    totals: {
      tokens,
      requests: 1,
      costPicoUsd: '1',
      costText: '$0.0123',
      estimated: false,
      unknownCosts: 0,
      ...totals,
    },
    requests: [entry],
  };
}

function shown(snapshot: UsageSnapshot | undefined, streaming = false): Extract<Status, { readonly kind: 'shown' }> {
  const status = toStatus({ signedIn: true, usage: snapshot, streaming }, texts, String);
  if (status.kind !== 'shown') {
    throw new Error('hidden');
  }
  return status;
}

describe('the status bar', () => {
  it('is hidden while nobody is signed in, whatever was spent', () => {
    expect(toStatus({ signedIn: false, usage: usage('m'), streaming: true }, texts, String)).toEqual({
      kind: 'hidden',
    });
  });

  it('shows a zero before anything was spent, without loading anything', () => {
    expect(shown(undefined)).toMatchObject({ text: '$(pulse) $0.00', accessible: '$0.00 spent' });
  });

  it('shows the cost as the core gives it, also to a screen reader', () => {
    expect(shown(usage('m'))).toMatchObject({ text: '$(pulse) $0.0123', accessible: '$0.0123 spent' });
    expect(shown(usage('m'), true).text).toBe('$(loading~spin) $0.0123');
  });

  it('tells estimates and unknown costs apart from the rest', () => {
    expect(shown(usage('m')).tooltip).not.toMatch(/Estimates|unknown/u);
    expect(shown(usage('m', { estimated: true })).tooltip).toContain('Estimates');
    expect(shown(usage('m', { unknownCosts: 2 })).tooltip).toContain('2 unknown');
  });

  it('counts the tokens, those from the cache only when there are any', () => {
    expect(shown(usage('m')).tooltip).toContain('1200 in, 34 out');
    expect(shown(usage('m')).tooltip).not.toContain('Cached');
    expect(shown(usage('m', { tokens: { ...tokens, cachedTokens: 7 } })).tooltip).toContain('| Cached | 7 |');
  });

  it.each([
    '[click](command:workbench.action.quit)',
    '![x](https://example.org/track.png)',
    '<img src=x onerror=alert(1)>',
    '**bold** `code` $(zap)',
    'https://example.org/path',
    'www.example.org',
    'mail@example.org',
    'a | b',
    'line\n\n# break',
  ])('shows the name %j of a model as plain text', (model) => {
    const html = marked.parse(shown(usage(model)).tooltip, { async: false, gfm: true });
    const cells = html.slice(html.indexOf('Last model'));
    expect(cells).not.toMatch(/<(a|img|strong|code|h1)\b/u);
    expect(cells.match(/<p>/gu)).toHaveLength(1);
    expect(html.match(/<tr>/gu)).toHaveLength(5);
  });
});
