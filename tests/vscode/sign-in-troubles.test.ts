// What goes wrong while somebody signs in, in either extension host: it is said, nothing that was typed is lost, and a button
// leads on. Each begins signed out.
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';

import { SigningIn, allow } from './harness/signIn.ts';
import { apart } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const ada = 'ada@example.org';
const cy = 'cy@example.org';
const dee = 'dee@example.org';
const password = 'correct horse battery staple';
const offline = /Can’t reach|broke off|Nothing answers/;

let world: World;
let workbench: Workbench;
let user: SigningIn;

describe.each<ExtensionHost>(['node', 'worker'])('signing in, %s host:', (host) => {
  const test = apart(() => [workbench]);

  beforeAll(async () => {
    world = await startWorld({ host, gated: true, stack: { mailRestSeconds: 0 } });
    workbench = world.workbench;
    user = new SigningIn(world);
    await register(ada);
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  afterEach(async () => {
    world.gate.shut = undefined;
    await user.leave();
  });

  test('a consent that was declined changes nothing, and can be asked for again', async () => {
    const github = await user.toProvider('GitHub');
    await github.getByRole('button', { name: 'Deny' }).click();
    await workbench.page.bringToFront();
    await workbench.notification(/declined. Nothing has changed/).waitFor();
    await workbench.picture('declined');
    expect(await sessionId()).toBeUndefined();
    const again = await user.browserFor('GitHub', () => user.press(/declined/, 'Try Again'));
    await allow(again, ada, 'Ada');
    await user.isSignedInAs(ada);
  });

  test('a browser that is not waited for any more signs nobody in', async () => {
    const github = await user.toProvider('GitHub');
    await user.press(/Finish signing in/, 'Cancel');
    await workbench.inputBox(/has not come back/).waitFor();
    await workbench.page.keyboard.press('Escape');
    await allow(github, ada, 'Ada');
    await workbench.page.bringToFront();
    await workbench.notification(/belongs to no sign-in that waits here/).waitFor();
    await workbench.picture('late');
    expect(await sessionId()).toBeUndefined();
  });

  test('every question can be left', async () => {
    const { keyboard } = workbench.page;
    const leave = async (question: RegExp): Promise<void> => {
      await workbench.inputBox(question).waitFor();
      await keyboard.press('Escape');
      await workbench.inputBox(question).waitFor({ state: 'hidden' });
      expect(await workbench.asksSomething()).toBe(false);
    };
    await workbench.runCommand('Godoty: Sign In');
    await leave(/How do you want to sign in/);
    await user.choose('Sign in with e-mail and password');
    await leave(/Your e-mail address/);
    await user.choose('Sign in with e-mail and password');
    await workbench.answer(/Your e-mail address/, ada);
    await leave(/Password for/);
    await user.askForCode(ada);
    await leave(/We sent a code/);
    expect(await sessionId()).toBeUndefined();
  });

  test('a code that is five minutes old is sent anew', async () => {
    await user.askForCode(ada);
    await workbench.inputBox(/We sent a code/).waitFor();
    await user.letFiveMinutesPass();
    await user.press(/good for five minutes/, 'Send the E-Mail Again');
    await user.typeCode((await user.mailTo(ada)).code);
    await user.isSignedInAs(ada);
  });

  test('a browser that takes longer than five minutes is sent off again, and what came late does nothing', async () => {
    const late = await user.toProvider('Google');
    await user.letFiveMinutesPass();
    const google = await user.browserFor('Google', () => user.press(/longer than five minutes/, 'Try Again'));
    await allow(late, 'bob@example.org', 'Bob');
    await workbench.page.bringToFront();
    await workbench.notification(/belongs to no sign-in that waits here/).waitFor();
    await allow(google, ada, 'Ada');
    await user.isSignedInAs(ada);
  });

  test('a second attempt takes the place of the first', async () => {
    const github = await user.toProvider('GitHub');
    await workbench.page.bringToFront();
    await user.askForCode(ada);
    const { code } = await user.mailTo(ada);
    await workbench.notification(/Finish signing in/).waitFor({ state: 'hidden' });
    await allow(github, 'bob@example.org', 'Bob');
    await workbench.page.bringToFront();
    await workbench.notification(/belongs to no sign-in that waits here/).waitFor();
    await user.typeCode(code);
    await user.isSignedInAs(ada);
  });

  test('a callback that comes twice counts once', async () => {
    // The web host hands over one callback for each address that it gave; that of the first attempt is still to come.
    await user.toProvider('GitHub');
    await workbench.page.bringToFront();
    const google = await user.toProvider('Google');
    await allow(google, ada, 'Ada');
    await user.isSignedInAs(ada);
    const before = await sessionId();
    expect(before).toBeDefined();
    const again = new URL(google.url());
    again.searchParams.set('vscode-reqid', String(Number(again.searchParams.get('vscode-reqid')) - 1));
    await google.goto(again.href);
    await workbench.page.bringToFront();
    await workbench.notification(/complete already/).waitFor();
    await workbench.picture('replay');
    expect(await sessionId()).toBe(before);
  });

  test('offline when an e-mail is to be sent, and when its code is typed', async () => {
    world.gate.shut = /./;
    await workbench.runCommand('Godoty: Sign In');
    // A server that can't be asked hides no way.
    const ways = workbench.page.locator('.quick-input-list .monaco-list-row');
    await expect.poll(() => ways.count()).toBe(6);
    await workbench.pick('Sign in with a code by e-mail');
    await workbench.answer(/Your e-mail address/, ada);
    await workbench.notification(offline).waitFor();
    await workbench.picture('offline');
    world.gate.shut = undefined;
    await user.press(offline, 'Try Again');
    const { code } = await user.mailTo(ada);
    world.gate.shut = /./;
    await user.typeCode(code);
    await workbench.inputBox(offline).waitFor();
    await workbench.picture('offline-code');
    world.gate.shut = undefined;
    // The code is still there.
    await workbench.page.keyboard.press('Enter');
    await user.isSignedInAs(ada);
  });

  test('offline when a password is sent', async () => {
    await user.choose('Sign in with e-mail and password');
    await workbench.answer(/Your e-mail address/, ada);
    await answerOffline(/Password for/, password);
    await workbench.picture('offline-password');
    await user.press(offline, 'Try Again');
    await user.isSignedInAs(ada);
  });

  test('offline when an account is to be made', async () => {
    await user.choose('Create account');
    await workbench.answer(/Your e-mail address/, cy);
    await answerOffline(/Choose a password/, password);
    await user.press(offline, 'Try Again');
    await user.isSignedInAs(cy);
    expect(await knows(cy, password)).toBe(true);
  });

  test('offline when another password is chosen', async () => {
    await register(dee);
    await user.choose('Forgot your password?');
    await workbench.answer(/Your e-mail address/, dee);
    await user.typeCode((await user.mailTo(dee)).code);
    const chosen = 'a battery of staples for a horse';
    await workbench.answer(/Choose a password/, chosen);
    await answerOffline(/once more/, chosen);
    await workbench.picture('offline-new-password');
    expect(await knows(dee, chosen)).toBe(false);
    await user.press(offline, 'Try Again');
    await user.isSignedInAs(dee);
    expect(await knows(dee, chosen)).toBe(true);
  });

  test('offline when the browser comes back', async () => {
    const github = await user.toProvider('GitHub');
    world.gate.shut = /./;
    await allow(github, ada, 'Ada');
    await workbench.page.bringToFront();
    await workbench.notification(offline).waitFor();
    await workbench.picture('offline-exchange');
    world.gate.shut = undefined;
    await user.press(offline, 'Try Again');
    await user.isSignedInAs(ada);
  });

  test('offline when the device’s key is asked for', async () => {
    world.gate.shut = /vscode-config/;
    await user.choose('Sign in with e-mail and password');
    await workbench.answer(/Your e-mail address/, ada);
    await workbench.answer(/Password for/, password);
    await user.isSignedInAs(ada);
    await workbench.runCommand('Godoty: New Chat');
    await workbench.picture('offline-key');
    await workbench.webview.locator('[data-testid="prompt"]').fill('Hello');
    await workbench.webview.locator('[data-testid="send"]').click();
    const answer = workbench.webview.locator('[data-message-role="assistant"]').last();
    await workbench.webview.locator('[data-message-role="assistant"][data-status="error"]').waitFor();
    await workbench.picture('offline-key-asked');
    world.gate.shut = undefined;
    await answer.locator('[data-testid="retry"]').click();
    await workbench.webview.locator('[data-message-role="assistant"][data-status="done"]').waitFor();
  });
});

/** Answers a question while the server is out of reach, which it is no longer once that has been said. */
async function answerOffline(about: RegExp, text: string): Promise<void> {
  await workbench.inputBox(about).waitFor();
  world.gate.shut = /./;
  await workbench.answer(about, text);
  await workbench.notification(offline).waitFor();
  world.gate.shut = undefined;
}

async function register(email: string): Promise<void> {
  expect((await post('signup', { email, password })).status).toBe(200);
}

/** Whether the server takes this password. */
async function knows(email: string, text: string): Promise<boolean> {
  return (await post('token?grant_type=password', { email, password: text })).ok;
}

/** Calls the account's server, past the gate. */
async function post(call: string, body: unknown): Promise<Response> {
  return await fetch(`${world.stack.supabaseUrl}/auth/v1/${call}`, {
    method: 'POST',
    headers: { apikey: world.stack.publishableKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** The session that is stored, if somebody is signed in. */
async function sessionId(): Promise<string | undefined> {
  const text = (await world.storedSession()) ?? '{}';
  return (JSON.parse(text) as { session?: { session_id: string } | null }).session?.session_id;
}
