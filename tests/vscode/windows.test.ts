// Windows of one browser share a session, whichever host the extension runs in. Each step builds on the one before it.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

let world: World;
let first: Workbench;
let second: Workbench;
let third: Workbench;
let failed = false;

afterEach((context) => {
  if (context.task.result?.state === 'fail') failed = true;
});

describe.each<ExtensionHost>(['node', 'worker'])('three windows, %s host', (host) => {
  beforeAll(async () => {
    failed = false;
    // Tokens that live for seconds are renewed all the time, by whichever window comes first.
    world = await startWorld({ host, stack: { accessTokenTtlSeconds: 10 } });
    first = world.workbench;
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  step('one that was open before somebody signed in elsewhere says what to do', async () => {
    second = await first.openWindow();
    third = await first.openWindow();
    await ready(second);
    await ready(third);
    await first.page.bringToFront();
    await first.runCommand('Godoty: Sign In');
    await first.pick('Create account');
    await first.answer(/e-mail address/, 'many@example.org');
    await first.answer(/Choose a password/, 'correct horse battery staple');
    await first.statusBarItem.waitFor();
    await second.page.bringToFront();
    const told = second.notification(/signed in to Godoty in another window/);
    await told.getByRole('button', { name: 'Reload Window' }).click();
    await second.statusBarItem.waitFor();
    await third.page.bringToFront();
    await third.reload();
    await third.statusBarItem.waitFor();
  });

  step('share one session and one device key, and renew the session without ever signing each other out', async () => {
    const keys = await modelKeys();
    expect(keys).toHaveLength(1);
    const before = await count('auth.refresh_tokens');
    await expect.poll(() => count('auth.refresh_tokens'), { timeout: 60_000 }).toBeGreaterThanOrEqual(before + 2);
    for (const window of [third, second, first]) {
      await window.page.bringToFront();
      await window.runCommand('Godoty: Show Usage');
      await window.page.keyboard.press('Escape');
      expect(await window.statusBarItem.isVisible()).toBe(true);
      expect(await window.notification(/session has ended|signed out/).count()).toBe(0);
    }
    expect(await modelKeys()).toEqual(keys);
    const [revoked] = await world.stack.db.query<{ revoked: number }>(
      'select count(*)::int as revoked from auth.sessions where family_revoked_at is not null',
    );
    expect(revoked).toEqual({ revoked: 0 });
    expect(await count('auth.sessions')).toBe(1);
  });

  step('are all signed out when one is', async () => {
    await second.page.bringToFront();
    await second.runCommand('Godoty: Sign Out');
    for (const window of [second, first, third]) {
      await window.page.bringToFront();
      await window.statusBarItem.waitFor({ state: 'hidden' });
    }
    expect(await world.storedSession()).toBeUndefined();
  });
});

/** The extension is up, and has found that nobody is signed in. */
async function ready(window: Workbench): Promise<void> {
  await window.page.bringToFront();
  await window.runCommand('Godoty: Sign In');
  await window.inputBox(/How do you want to sign in/).waitFor();
  await window.page.keyboard.press('Escape');
}

async function modelKeys(): Promise<string[]> {
  const rows = await world.stack.db.query<{ token: string }>('select token from local_stack.model_keys');
  return rows.map(({ token }) => token);
}

async function count(table: 'auth.sessions' | 'auth.refresh_tokens'): Promise<number> {
  const [row] = await world.stack.db.query<{ count: number }>(`select count(*)::int as count from ${table}`);
  return row?.count ?? 0;
}

/** A test that is skipped once an earlier step failed: it would only fail for the same reason, later. */
function step(name: string, action: () => Promise<void>): void {
  it(name, async (context) => {
    if (failed) context.skip('an earlier step failed');
    await action();
  });
}
