import { marked } from 'marked';
import { beforeEach, describe, expect, it } from 'vitest';

import type { UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';
import { toStatus } from '../../../extension/src/status/model.ts';
import type { Status, StatusInput } from '../../../extension/src/status/model.ts';
import { StatusBar } from '../../../extension/src/status/statusBar.ts';
import { NOON, overview, period, totals } from './usageData.ts';
import { host, l10n } from './vscode.ts';

type Shown = Extract<Status, { readonly kind: 'shown' }>;

function shown(input: Partial<StatusInput>): Shown {
  const status = toStatus({ account: 'signedIn', usage: overview(), answering: [], ...input }, l10n, 'en');
  if (status.kind !== 'shown') {
    throw new Error('hidden');
  }
  return status;
}

const HERE_ONLY = period({ complete: false });
const NOTHING = totals({ requests: 0, costText: '$0.00' });

/** What is known, and what the bar, a screen reader and a click make of it. */
const ROWS: readonly (readonly [string, Partial<StatusInput>, Partial<Shown>])[] = [
  [
    'signed out',
    { account: 'signedOut', usage: undefined },
    { text: '$(sign-in) Godoty', accessible: 'Godoty: signed out. Sign in', command: 'godoty.signIn', warns: false },
  ],
  [
    'without a session that the server ended, while chat goes on',
    { account: 'ended', usage: undefined },
    {
      text: '$(sign-in) Godoty',
      accessible: 'Godoty. session ended, chat goes on. Sign In',
      command: 'godoty.signIn',
      warns: false,
    },
  ],
  [
    'answering without a session',
    { account: 'ended', usage: undefined, answering: ['gpt-4o'] },
    {
      text: '$(loading~spin) gpt-4o',
      accessible: 'Godoty. answering: gpt-4o. session ended, chat goes on. Sign In',
      command: 'godoty.signIn',
    },
  ],
  [
    'idle',
    {},
    {
      text: '$(pulse) $0.0123',
      accessible: 'Godoty. $0.0123 spent today. Show usage',
      command: 'godoty.showUsage',
      warns: false,
    },
  ],
  [
    'idle, and a part is an estimate',
    { usage: overview({ today: period({ totals: totals({ costText: '≈ $0.0123', estimated: true }) }) }) },
    { text: '$(pulse) ≈ $0.0123', accessible: 'Godoty. ≈ $0.0123 spent today. Show usage' },
  ],
  [
    'idle, and no cost is known',
    { usage: overview({ today: period({ totals: totals({ costText: '–', unknownCosts: 2 }) }) }) },
    { text: '$(pulse) –' },
  ],
  [
    'idle, and nothing was spent',
    { usage: overview({ today: period({ totals: NOTHING }) }) },
    { text: '$(pulse) $0.00' },
  ],
  [
    'idle, and the account was not heard yet: then it is of this window',
    { usage: overview({ today: HERE_ONLY }) },
    { text: '$(pulse) $0.01', accessible: 'Godoty. $0.01 spent in this window. Show usage' },
  ],
  [
    'idle, and nobody knows anything: then it claims nothing',
    { usage: overview({ today: HERE_ONLY, window: NOTHING }) },
    { text: '$(pulse) Godoty', accessible: 'Godoty. Show usage' },
  ],
  ['signed in, without a core', { usage: undefined }, { text: '$(pulse) Godoty', command: 'godoty.showUsage' }],
  [
    'answering',
    { answering: ['gpt-4o'] },
    {
      text: '$(loading~spin) gpt-4o $0.0123',
      accessible: 'Godoty. answering: gpt-4o. $0.0123 spent today. Show usage',
    },
  ],
  ['answering twice', { answering: ['gpt-4o', 'o3'] }, { text: '$(loading~spin) 2 answers $0.0123' }],
  [
    'answering although a request failed before',
    { answering: ['m'], usage: overview({ trouble: 'quota' }) },
    { text: '$(loading~spin) m $0.0123', warns: false },
  ],
  [
    'offline',
    { usage: overview({ trouble: 'offline' }) },
    {
      text: '$(debug-disconnect) Offline $0.0123',
      accessible: 'Godoty. Offline. $0.0123 spent today. Show usage',
      warns: false,
    },
  ],
  [
    'in trouble with its key',
    { usage: overview({ trouble: 'key' }) },
    { text: '$(key) Key refused $0.0123', warns: true },
  ],
  [
    'out of budget',
    { usage: overview({ trouble: 'quota' }) },
    { text: '$(warning) Budget used up $0.0123', warns: true },
  ],
];

describe('the status bar', () => {
  it('is hidden as long as nobody knows who is signed in', () => {
    expect(toStatus({ account: 'restoring', usage: overview(), answering: ['m'] }, l10n, 'en').kind).toBe('hidden');
  });

  it.each(ROWS)('is right when it is %s', (_, input, expected) => {
    expect(shown(input)).toMatchObject(expected);
  });

  it('shows no icon that the name of a model asks for, and of a long name only the beginning', () => {
    expect(shown({ answering: ['$(zap)\nx'] }).text).toBe('$(loading~spin) $ (zap) x $0.0123');
    expect(shown({ answering: ['x'.repeat(100)] }).text).toBe(`$(loading~spin) ${'x'.repeat(29)}… $0.0123`);
  });
});

describe('the tooltip', () => {
  const rowsOf = (usage: UsageSnapshot): string[][] => {
    const html = marked.parse(shown({ usage }).tooltip, { async: false, gfm: true });
    return [...html.matchAll(/<tr>(.*?)<\/tr>/gsu)].map(([, cells]) =>
      [...(cells ?? '').matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gsu)].map(([, cell]) => cell ?? ''),
    );
  };

  it('has a row for today and one for this window', () => {
    expect(rowsOf(overview())).toEqual([
      ['', 'Cost', 'Requests', 'Tokens'],
      ['Today', '$0.0123', '2', '1,200 in, 34 out'],
      ['This window', '$0.01', '1', '1,200 in, 34 out'],
    ]);
  });

  it('says nothing of today before the account has', () => {
    expect(rowsOf(overview({ today: HERE_ONLY })).map(([name]) => name)).toEqual(['', 'This window']);
  });

  it('tells estimates, unknown costs and unsent records only where there are any', () => {
    expect(shown({}).tooltip).not.toMatch(/≈|without a known cost|to be sent/u);
    const usage = overview({ today: period({ totals: totals({ estimated: true, unknownCosts: 2 }) }), unsent: 3 });
    const tooltip = shown({ usage }).tooltip.replaceAll('\\', '');
    expect(tooltip).toContain('≈ marks an estimate');
    expect(tooltip).toContain('Requests without a known cost, which are not in the sum: 2');
    expect(tooltip).toContain('Requests still to be sent to your account: 3');
  });

  it('says what the plan allows, and what stands in the way', () => {
    const quota = {
      plan: 'free',
      month: { used: 1500, limit: 100_000, resetsAt: NOON },
      hour: { used: 3, limit: 60, resetsAt: NOON },
      blocked: true,
    };
    const { tooltip } = shown({ usage: overview({ quota, trouble: 'quota' }) });
    const text = tooltip.replaceAll('\\', '');
    expect(text).toContain('Plan: free');
    expect(text).toContain('1,500 of 100,000 tokens used this month');
    expect(text).toContain('3 of 60 requests made this hour');
    expect(text).toContain('Your account has reached a limit.');
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
  ])('shows the name %j of a model as plain text', (lastModel) => {
    const html = marked.parse(shown({ usage: overview({ lastModel }) }).tooltip, { async: false, gfm: true });
    expect(html).not.toMatch(/<(a|img|code|h1)\b/u);
    expect(html.match(/<strong>/gu)).toHaveLength(1);
    expect(html.match(/<p>/gu)).toHaveLength(3);
  });
});

describe('the entry in VS Code', () => {
  beforeEach(() => {
    host.reset();
  });

  it('leads where the state says, and warns in the theme’s colour', () => {
    const bar = new StatusBar();
    bar.update({ account: 'signedOut', usage: undefined, answering: [] });
    expect(host.statusBar).toMatchObject({ visible: true, command: 'godoty.signIn', background: undefined });
    bar.update({ account: 'signedIn', usage: overview({ trouble: 'key' }), answering: [] });
    expect(host.statusBar).toMatchObject({
      text: '$(key) Key refused $0.0123',
      command: 'godoty.showUsage',
      background: 'statusBarItem.warningBackground',
      label: 'Godoty. Key refused. $0.0123 spent today. Show usage',
    });
    bar.update({ account: 'restoring', usage: undefined, answering: [] });
    expect(host.statusBar.visible).toBe(false);
    bar.dispose();
  });
});
