// Windows of one browser share a session, whichever host the extension runs in: any of them may end a sign-in, each renews the
// session when it needs it, and none signs the others out. Each step builds on the one before it. GODOTY_EXPIRIES says how many
// access tokens come to their end.
import process from 'node:process';

import { afterAll, beforeAll, describe, expect, vi } from 'vitest';

import { leadsTo } from '../backend/support.ts';
import { openRefreshFront, repeats, tokenChain } from '../support/refreshes.ts';
import type { RefreshFront } from '../support/refreshes.ts';
import { SigningIn } from './harness/signIn.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const EXPIRIES = Number(process.env['GODOTY_EXPIRIES'] ?? '3');
const LIFE_SECONDS = 5;
/** VS Code starts an extension host again that ended twice within five minutes, and asks the user when it did so once more. */
const KILL_EVERY = 40;
const EMAIL = 'many@example.org';

let world: World;
let front: RefreshFront;
let windows: Workbench[] = [];

describe.each<ExtensionHost>(['node', 'worker'])('three windows, %s host', (host) => {
  const step = steps(() => windows);

  beforeAll(async () => {
    world = await startWorld({
      host,
      stack: { accessTokenTtlSeconds: LIFE_SECONDS },
      front: async (target) => (front = await openRefreshFront(target)),
    });
    const first = world.workbench;
    windows = [first];
    // The first panel of a browser has VS Code install a service worker. With several windows it may stay empty meanwhile.
    await first.activityBarItem.click();
    await first.webview.locator('[data-testid="sign-in"]').waitFor();
    // Windows that are opened before the first has made the vault's key have to be reloaded.
    await vi.waitUntil(async () => 'godoty.vault.key' in (await first.secrets()), { timeout: 60_000 });
    windows.push(await first.openWindow(), await first.openWindow());
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  step('any of them ends a sign-in that another began, once, and all are signed in without a reload', async () => {
    const [first, second] = windows as [Workbench, Workbench];
    // VS Code gives a callback to the window that asked for its address. The second has asked for two addresses, and the
    // first, whose sign-in takes the place of the second's, for one.
    await abandon(second);
    await abandon(second);
    const callback = await consent(first);
    const browser = await first.page.context().newPage();
    await browser.goto(callback.replace(/(vscode-reqid=)\d+/, '$12'));
    await second.page.bringToFront();
    await second.notification(new RegExp(`Signed in as ${EMAIL}`)).waitFor();
    for (const window of windows) {
      await window.page.bringToFront();
      await window.statusBarItem.waitFor();
      expect(await window.notification(/Reload/).count()).toBe(0);
    }
    // The same callback for any window that still waits for its first address.
    await browser.goto(callback.replace(/(vscode-reqid=)\d+/, '$11'));
    const refused = (): Promise<number[]> =>
      Promise.all(windows.map((window) => window.notification(/This sign-in is complete already/).count()));
    await expect.poll(refused, { timeout: 40_000 }).toContain(1);
    await browser.close();
    expect(await count('auth.sessions')).toBe(1);
  });

  step('each gets answers, with one device key for all', async () => {
    for (const window of windows) await chat(window);
    expect(await count('local_stack.model_keys')).toBe(1);
  });

  step(
    'renew each token once, also when one is killed now and then',
    async () => {
      const kills: number[] = [];
      const from = front.expiries;
      for (let ended = 0; ended < EXPIRIES; ended += 1) {
        // The user goes from window to window.
        await windows[ended % windows.length]?.page.bringToFront();
        if (ended % KILL_EVERY === 1) {
          kills.push(Date.now());
          await killLast(host);
        }
        await expect.poll(() => front.expiries, { timeout: 60_000 }).toBeGreaterThan(from + ended);
      }
      for (const window of windows) {
        await window.page.bringToFront();
        await window.statusBarItem.waitFor();
        expect(await window.notification(/session has ended|signed out/i).count()).toBe(0);
      }
      for (const window of windows.slice(-1)) await chat(window);
      // A token is sent once. It is sent again only when a window was killed between the two, with the answer in hand.
      for (const { before, at } of repeats(front.refreshes)) {
        expect(kills.some((kill) => before <= kill && kill <= at)).toBe(true);
      }
      // Each was given for the one before it, at 80 % of its life.
      const { unbroken, lives } = await tokenChain(world.stack.db);
      expect(unbroken).toBe(true);
      expect(lives.length).toBeGreaterThanOrEqual(EXPIRIES);
      expect(lives.filter((life) => life < 0.8 * LIFE_SECONDS * 1000)).toEqual([]);
      const sessions = await world.stack.db.query('select family_revoked_at as ended from auth.sessions');
      expect(sessions).toEqual([{ ended: null }]);
      expect(await count('local_stack.model_keys')).toBe(1);
    },
    120_000 + EXPIRIES * LIFE_SECONDS * 4_000,
  );

  step('are all signed out when one is', async () => {
    const [first, second, third] = windows as [Workbench, Workbench, Workbench];
    await second.page.bringToFront();
    await second.runCommand('Godoty: Sign Out');
    for (const window of [second, first, third]) {
      await window.page.bringToFront();
      await window.statusBarItem.waitFor({ state: 'hidden' });
    }
    expect(await world.storedSession()).toBeUndefined();
  });
});

/** Begins to sign in with GitHub, and leaves it at that. */
async function abandon(window: Workbench): Promise<void> {
  await window.page.bringToFront();
  const github = await new SigningIn(world, window).toProvider('GitHub');
  await github.close();
}

/** Begins to sign in with GitHub and consents there; says where the browser is sent. */
async function consent(window: Workbench): Promise<string> {
  await window.page.bringToFront();
  const github = await new SigningIn(world, window).toProvider('GitHub');
  const back = await leadsTo(github.url(), { answer: 'allow', email: EMAIL, name: 'Ada' });
  await github.close();
  return (await leadsTo(back)).href;
}

async function chat(window: Workbench): Promise<void> {
  await window.page.bringToFront();
  await window.runCommand('Godoty: New Chat');
  await window.webview.locator('[data-testid="empty"]').waitFor();
  await window.webview.locator('[data-testid="prompt"]').fill('Hello');
  await window.webview.locator('[data-testid="send"]').click();
  await window.webview.locator('[data-message-role="assistant"][data-status="done"]').waitFor({ timeout: 60_000 });
}

/** Ends the extension host of the last window without a warning, with the window or alone, and has another one. */
async function killLast(host: ExtensionHost): Promise<void> {
  if (host === 'node') {
    world.killExtensionHost();
    return;
  }
  await windows.pop()?.page.close();
  windows.push(await world.workbench.openWindow());
}

async function count(table: 'auth.sessions' | 'local_stack.model_keys'): Promise<number> {
  const [row] = await world.stack.db.query<{ count: number }>(`select count(*)::int as count from ${table}`);
  return row?.count ?? 0;
}
