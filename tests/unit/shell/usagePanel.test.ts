/** The feed of usage and the editor that shows it, with a core that the test plays. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Uri as VsCodeUri } from 'vscode';

import type { GodotyClient, UsageOverview } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService, AccountState } from '../../../extension/src/account.ts';
import { UsageFeed } from '../../../extension/src/usage/usageFeed.ts';
import { UsagePanel } from '../../../extension/src/usage/usagePanel.ts';
import { entry, overview, period } from './usageData.ts';
import { EventEmitter, Uri, host } from './vscode.ts';
import type { FakePanel } from './vscode.ts';

const USER: AccountState = { kind: 'signedIn', account: { sessionId: 's', userId: 'u1', email: 'u1@example.org' } };

let state: AccountState;
let said: UsageOverview;
/** Whether each question went to the account. */
let asked: boolean[];
let answer: () => Promise<void>;
let usageChanged: EventEmitter<void>;
let stateChanged: EventEmitter<AccountState>;
let scheduled: { readonly run: () => void; readonly after: number; cancelled: boolean }[];
let reports: string[];
let actions: string[];
/** A defect has ended the core, and nobody has loaded another one. */
let coreless: boolean;
let feed: UsageFeed;
let usagePanel: UsagePanel;
let client: GodotyClient;
let newCore: () => void;

beforeEach(() => {
  host.reset();
  state = USER;
  said = overview();
  asked = [];
  answer = () => Promise.resolve();
  usageChanged = new EventEmitter();
  stateChanged = new EventEmitter();
  scheduled = [];
  reports = [];
  actions = [];
  coreless = false;
  const open = (): GodotyClient =>
    ({
      usage: () => said,
      usageOverview: async (_: boolean, ask: boolean) => {
        asked.push(ask);
        if (ask) {
          await answer();
        }
        return said;
      },
    }) as unknown as GodotyClient;
  newCore = () => {
    client = open();
  };
  newCore();
  const account = {
    get state() {
      return state;
    },
    get loadedClient() {
      return state.kind === 'signedIn' && !coreless ? client : undefined;
    },
    client: () => {
      coreless = false;
      return Promise.resolve(client);
    },
    restore: () => Promise.resolve(),
    onUsageChanged: usageChanged.event,
    onDidChangeState: stateChanged.event,
  } as unknown as AccountService;
  const report = (what: string): void => {
    reports.push(what);
  };
  const schedule = (run: () => void, after: number) => {
    const task = { run, after, cancelled: false };
    scheduled.push(task);
    return () => {
      task.cancelled = true;
    };
  };
  feed = new UsageFeed({ account, showEstimates: () => true, schedule, report });
  usagePanel = new UsagePanel({
    extensionUri: VsCodeUri.file('/extension'),
    account,
    feed,
    runAction: (id) => actions.push(id),
    newNonce: () => 'n0nce',
    report,
  });
});

function changeState(next: AccountState): void {
  state = next;
  stateChanged.fire(next);
}

async function opened(): Promise<FakePanel> {
  await usagePanel.show();
  const [panel] = host.panels;
  if (panel === undefined) {
    throw new Error('no editor was opened');
  }
  return panel;
}

const lastOf = ({ posted }: FakePanel) =>
  posted.at(-1) as { readonly state: { readonly kind: string; busy?: boolean } };

describe('the feed', () => {
  it('asks the account when somebody signs in, once, and nobody when nobody is signed in', async () => {
    changeState({ kind: 'restoring' });
    changeState({ kind: 'signedOut' });
    expect([asked, feed.current]).toEqual([[], undefined]);
    changeState(USER);
    changeState({ ...USER });
    await Promise.resolve();
    expect([asked, feed.current]).toEqual([[true], said]);
  });

  it('follows the core, and forgets what was used when somebody signs out', () => {
    changeState(USER);
    const heard = vi.fn();
    feed.onDidChange(heard);
    usageChanged.fire();
    expect([heard.mock.calls.length, feed.current]).toEqual([1, said]);
    changeState({ kind: 'signedOut' });
    expect(feed.current).toBeUndefined();
  });

  it('asks again when another core has taken the place of the first, which knows of no calls yet', async () => {
    changeState(USER);
    newCore();
    changeState({ ...USER });
    await Promise.resolve();
    expect(asked).toEqual([true, true]);
    newCore();
    usageChanged.fire();
    usageChanged.fire();
    await Promise.resolve();
    expect(asked).toEqual([true, true, true]);
  });

  it('loads a core when the account is to be asked and a defect ended the one before', async () => {
    changeState(USER);
    coreless = true;
    expect(await feed.overview(false)).toBeUndefined();
    expect(await feed.overview(true)).toBe(said);
  });

  it('asks again when the day is over, and plans that anew with each change', async () => {
    changeState(USER);
    usageChanged.fire();
    expect(scheduled.map(({ after, cancelled }) => [after, cancelled])).toEqual([
      [1000, true],
      [1000, false],
    ]);
    await Promise.resolve();
    expect(asked).toEqual([true]);
    scheduled.at(-1)?.run();
    await Promise.resolve();
    expect(asked).toEqual([true, true]);
    feed.dispose();
    expect(scheduled.every(({ cancelled }) => cancelled)).toBe(true);
  });

  it('reports a core that fails', async () => {
    answer = () => Promise.reject(new Error('a trap'));
    changeState(USER);
    await vi.waitFor(() => expect(reports).toEqual(['reading the usage']));
  });
});

describe('the usage editor', () => {
  it('is one, whose page may load its own script and style and nothing else', async () => {
    const panel = await opened();
    await usagePanel.show();
    expect([host.panels.length, panel.revealed]).toEqual([1, 1]);
    expect(panel.title).toBe('Godoty Usage');
    expect(panel.html).toContain("default-src 'none'");
    expect(panel.html).toContain('src="/extension/dist/webview/usage.js"');
    expect(panel.html).toContain('nonce="n0nce"');
    expect(panel.options).toMatchObject({
      enableScripts: true,
      localResourceRoots: [expect.objectContaining({ path: '/extension/dist/webview' })],
    });
  });

  it('shows what is known at once, and then what the account says', async () => {
    const panel = await opened();
    let resolve = (): void => undefined;
    answer = () => new Promise((done) => (resolve = done));
    panel.say({ type: 'ready' });
    await vi.waitFor(() => expect(lastOf(panel).state).toMatchObject({ kind: 'ready', busy: true }));
    expect(asked).toEqual([false, true]);
    resolve();
    await vi.waitFor(() => expect(lastOf(panel).state).toMatchObject({ kind: 'ready', busy: false }));
  });

  it('keeps saying that the account was out of reach while this window goes on', async () => {
    const panel = await opened();
    answer = () => {
      said = overview({ unread: { code: 'NETWORK_ERROR', retryable: true }, today: period({ complete: false }) });
      return Promise.resolve();
    };
    panel.say({ type: 'refresh' });
    await vi.waitFor(() => expect(lastOf(panel).state).toMatchObject({ busy: false }));
    said = overview({ today: period({ complete: false }), requests: [entry(), entry({ callId: 'c2' })] });
    usageChanged.fire();
    await vi.waitFor(() => expect(lastOf(panel).state).toMatchObject({ days: [{ rows: [{}, {}] }] }));
    expect(lastOf(panel).state).toMatchObject({ notice: { text: expect.stringContaining('Can’t reach') as unknown } });
  });

  it.each([
    ['restoring', 'loading'],
    ['signedOut', 'signedOut'],
  ] as const)('shows nothing of anybody while the account is %s', async (kind, shown) => {
    const panel = await opened();
    changeState({ kind });
    await vi.waitFor(() => expect(lastOf(panel).state).toEqual({ kind: shown }));
  });

  it('runs the actions of the page, and takes nothing else from it', async () => {
    const panel = await opened();
    panel.say({ type: 'action', id: 'signIn' });
    for (const stranger of [null, {}, { type: 'eval' }, { type: 'action', id: 7 }]) {
      panel.say(stranger);
    }
    expect([actions, reports]).toEqual([['signIn'], Array(4).fill('the usage page')]);
  });

  it('is not written to once it is closed, and opens anew', async () => {
    const panel = await opened();
    panel.close();
    usageChanged.fire();
    await Promise.resolve();
    expect(panel.posted).toEqual([]);
    await usagePanel.show();
    expect(host.panels).toHaveLength(2);
  });

  it('exports what is listed where the user says, and nothing when the user says nowhere', async () => {
    const written: [string, string][] = [];
    let fails = true;
    host.files = {
      writeFile: (uri: Uri, bytes: Uint8Array) => {
        if (fails) {
          fails = false;
          return Promise.reject(new Error('no space'));
        }
        written.push([uri.path, new TextDecoder().decode(bytes)]);
        return Promise.resolve();
      },
    };
    const panel = await opened();
    panel.say({ type: 'export' });
    await vi.waitFor(() => expect(asked).toEqual([false]));
    expect(written).toEqual([]);
    host.saveTarget = Uri.file('/home/usage.csv');
    panel.say({ type: 'export' });
    // A disk that does not take it is told, and another place can be chosen.
    (await host.shown.next()).press('Try Again');
    await vi.waitFor(() => expect(written.map(([path]) => path)).toEqual(['/home/usage.csv']));
    expect(written[0]?.[1]).toContain('2026-11-21T12:00:00.000Z,m,1200,34,');
  });
});
