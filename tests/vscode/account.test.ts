// The account as VS Code shows it, and as another extension gets it. Each step builds on the one before it.
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { LmClient } from './harness/lmClient.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const EMAIL = 'account@example.org';

describe.each<ExtensionHost>(['node', 'worker'])('the account, %s host', (host) => {
  let world: World;
  let workbench: Workbench;
  let client: LmClient;
  const step = steps(() => [workbench]);

  beforeAll(async () => {
    client = await LmClient.listen();
    world = await startWorld({ host, companions: ['lm-client'], settings: client.settings });
    workbench = world.workbench;
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
    await (client as LmClient | undefined)?.close();
  });

  step('is nobody’s while nobody is signed in, and nobody is asked anything', async () => {
    expect(await client.session()).toBeNull();
    expect(await workbench.asksSomething()).toBe(false);
  });

  step('goes to another extension once the user allows it: the short-lived token, never the model key', async () => {
    const before = await client.sessionChanges();
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, EMAIL);
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
    await expect.poll(() => client.sessionChanges(), { timeout: 40_000 }).toBeGreaterThan(before);
    expect(await client.session()).toBeNull();
    const demanded = client.demandSession();
    await workbench.pressInDialog('Allow');
    const session = await demanded;
    expect(session).toMatchObject({ account: { label: EMAIL }, scopes: ['godoty'] });
    expect(Object.keys(session).sort()).toEqual(['accessToken', 'account', 'id', 'scopes']);
    expect(session.accessToken.split('.')).toHaveLength(3);
    expect(session.accessToken).not.toContain('sk-');
    const user = await fetch(`${world.stack.supabaseUrl}/auth/v1/user`, {
      headers: { apikey: world.stack.publishableKey, authorization: `Bearer ${session.accessToken}` },
    });
    expect(await user.json()).toMatchObject({ email: EMAIL });
  });

  step('stands in the accounts menu by its e-mail, and signs out there', async () => {
    const before = await client.sessionChanges();
    await workbench.signOutInAccountsMenu(EMAIL);
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await expect.poll(() => client.sessionChanges(), { timeout: 40_000 }).toBeGreaterThan(before);
    expect(await client.session()).toBeNull();
    expect(await world.storedSession()).toBeUndefined();
  });
});
