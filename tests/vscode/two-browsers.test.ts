// Two browsers on one server: the vault's folder is the same, what the browsers keep is not.
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

/** Of the stored session. */
interface Stored {
  readonly email: string;
  readonly issued_at: number;
}

const HERE = 'one@example.org';
const THERE = 'two@example.org';

describe.each<ExtensionHost>(['node', 'worker'])('two browsers on one server, %s host', (host) => {
  let world: World;
  let here: Workbench;
  let there: Workbench;
  const step = steps(() => [here, there]);

  beforeAll(async () => {
    // Tokens that live for seconds are renewed all the time, in both browsers.
    world = await startWorld({ host, stack: { accessTokenTtlSeconds: 5 } });
    here = world.workbench;
    there = await here.openOtherBrowser();
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  step('have a session each, and neither is sent to reload for the other’s', async () => {
    await createAccount(here, HERE);
    await createAccount(there, THERE);
    expect((await sessionOf(here))?.email).toBe(HERE);
    expect((await sessionOf(there))?.email).toBe(THERE);
    await expectNothingSaid(there);
    await expectNothingSaid(here);
  });

  step('renew their sessions without signing each other out', async () => {
    for (const window of [here, there]) {
      const before = (await sessionOf(window))?.issued_at ?? Infinity;
      await window.page.bringToFront();
      await expect.poll(async () => (await sessionOf(window))?.issued_at, { timeout: 30_000 }).toBeGreaterThan(before);
    }
    expect(await revokedFamilies()).toBe(0);
    await expectSignedIn(here);
    await expectSignedIn(there);
  });

  step('sign out on their own, and the other one’s session outlives a reload', async () => {
    await there.page.bringToFront();
    await there.runCommand('Godoty: Sign Out');
    await there.statusBarItem.waitFor({ state: 'hidden' });
    expect(await sessionOf(there)).toBeUndefined();
    await here.page.bringToFront();
    await here.reload();
    await expectSignedIn(here);
    expect((await sessionOf(here))?.email).toBe(HERE);
    await expectNothingSaid(here);
  });

  /** What the browser’s session says, but for its tokens. */
  async function sessionOf(window: Workbench): Promise<Stored | undefined> {
    const text = await world.storedSession(window);
    if (text === undefined) return undefined;
    const { email, issued_at } = (JSON.parse(text) as { session: Stored }).session;
    return { email, issued_at };
  }

  async function revokedFamilies(): Promise<number> {
    const [row] = await world.stack.db.query<{ count: number }>(
      'select count(*)::int as count from auth.sessions where family_revoked_at is not null',
    );
    return row?.count ?? 0;
  }
});

async function createAccount(window: Workbench, email: string): Promise<void> {
  await window.page.bringToFront();
  await window.runCommand('Godoty: Sign In');
  await window.pick('Create account');
  await window.answer(/e-mail address/, email);
  await window.answer(/Choose a password/, 'correct horse battery staple');
  await expectSignedIn(window);
}

async function expectSignedIn(window: Workbench): Promise<void> {
  await window.page.bringToFront();
  await window.statusBarItem.waitFor();
}

async function expectNothingSaid(window: Workbench): Promise<void> {
  expect(await window.notification(/another window|has ended|signed out|keyring|can’t be/).count()).toBe(0);
}
