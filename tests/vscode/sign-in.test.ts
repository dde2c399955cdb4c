// Ways to sign in, in a real VS Code of a browser, in either of its extension hosts, with the backend's stand-in for GitHub
// and its inbox. Each begins signed out, and the first makes the account.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';

import { apart } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const EMAIL = 'ada@example.org';

let world: World;
let workbench: Workbench;

describe.each<ExtensionHost>(['node', 'worker'])('ways to sign in, %s host', (host) => {
  const test = apart(() => [workbench]);

  beforeAll(async () => {
    world = await startWorld({ host });
    workbench = world.workbench;
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  afterEach(async () => {
    await workbench.page.keyboard.press('Escape');
    if (await workbench.statusBarItem.isVisible()) {
      await workbench.runCommand('Godoty: Sign Out');
      await workbench.statusBarItem.waitFor({ state: 'hidden' });
    }
  });

  test('signs in with GitHub, by the address at which a browser got stuck', async () => {
    const github = await toGitHub();
    await github.getByLabel('E-mail address').fill(EMAIL);
    await github.getByLabel('Name').fill('Ada');
    await github.getByRole('button', { name: 'Continue', exact: true }).click();
    await github.waitForURL(/[?&]code=/);
    await workbench.page.bringToFront();
    await workbench
      .notification(/Finish signing in/)
      .getByRole('button', { name: 'Cancel' })
      .click();
    await workbench.pick('Paste the address at which the browser ended');
    await workbench.answer(/Paste the address/, github.url());
    await signedIn();
    await github.close();
  });

  test('signs in with the code of an e-mail, after a wrong one', async () => {
    await askForCode(EMAIL);
    const { code } = await newestMail(EMAIL);
    await typeCode(code === '000000' ? '000001' : '000000');
    await workbench.inputBox(/This code is wrong/).waitFor();
    await workbench.picture('wrong-code');
    await typeCode(code);
    await signedIn();
  });

  test('makes an account only when the user wants one, by a link that comes back to the URI handler', async () => {
    const email = 'new@example.org';
    await askForCode(email);
    await pressInNotification(/no account/, 'Create Account');
    const { link } = await newestMail(email);
    const browser = await workbench.page.context().newPage();
    await browser.goto(link);
    await workbench.page.bringToFront();
    await signedIn();
    await workbench.inputBox(/We sent a code/).waitFor({ state: 'hidden' });
    await browser.close();
  });
});

/** Chooses GitHub and follows the browser there. */
async function toGitHub(): Promise<Page> {
  await workbench.runCommand('Godoty: Sign In');
  const opened = workbench.page.context().waitForEvent('page');
  await workbench.pick('Continue with GitHub');
  const github = await opened;
  await github.getByRole('heading', { name: 'Stand-in for GitHub' }).waitFor();
  return github;
}

async function askForCode(email: string): Promise<void> {
  await workbench.runCommand('Godoty: Sign In');
  await workbench.inputBox(/How do you want to sign in/).waitFor();
  // Where callbacks may fail, the way that needs none comes first.
  const first = workbench.page.locator('.quick-input-list .monaco-list-row .label-name').first();
  await expect.poll(() => first.innerText()).toMatch(/code by e-mail/);
  await workbench.pick('Sign in with a code by e-mail');
  await workbench.answer(/e-mail address/, email);
}

async function typeCode(code: string): Promise<void> {
  // What is wrong with a text stands where the question was.
  await workbench.page.locator('.quick-input-widget:visible input[type="text"]').fill(code);
  await workbench.page.keyboard.press('Enter');
}

async function newestMail(email: string): Promise<{ readonly code: string; readonly link: string }> {
  await workbench.inputBox(/We sent a code/).waitFor();
  const [mail] = await world.stack.db.query<{ code: string; link: string }>(
    'select code, link from local_stack.mails where recipient = $1 order by id desc limit 1',
    [email],
  );
  if (mail === undefined) throw new Error(`no mail to ${email}`);
  return mail;
}

async function pressInNotification(about: RegExp, button: string): Promise<void> {
  await workbench.page.bringToFront();
  await workbench.notification(about).getByRole('button', { name: button, exact: true }).click();
}

async function signedIn(): Promise<void> {
  await workbench.page.bringToFront();
  await workbench.statusBarItem.waitFor();
}
