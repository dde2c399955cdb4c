// Ways to sign in, in a real VS Code of a browser, in either of its extension hosts, with the backend's stand-ins for GitHub
// and Google and its inbox. Each begins signed out.
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';

import { SigningIn, allow } from './harness/signIn.ts';
import { apart } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const ada = 'ada@example.org';
const bob = 'bob@example.org';
const cy = 'cy@example.org';
const dee = 'dee@example.org';
const password = 'correct horse battery staple';

let world: World;
let workbench: Workbench;
let user: SigningIn;

describe.each<ExtensionHost>(['node', 'worker'])('signs in with, %s host:', (host) => {
  const test = apart(() => [workbench]);

  beforeAll(async () => {
    world = await startWorld({ host, stack: { mailRestSeconds: 0, autoConfirm: false } });
    workbench = world.workbench;
    user = new SigningIn(world);
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  afterEach(async () => {
    await user.leave();
  });

  test('GitHub, whose page leads back to the window', async () => {
    const github = await user.toProvider('GitHub');
    await allow(github, ada, 'Ada');
    await user.isSignedInAs(ada);
  });

  test('Google, with an account that it knows from before', async () => {
    await allow(await user.toProvider('Google'), ada, 'Ada');
    await user.isSignedInAs(ada);
    await user.leave();
    const google = await user.toProvider('Google');
    await google.getByRole('button', { name: `Continue as ${ada}` }).click();
    await user.isSignedInAs(ada);
    // GitHub and Google vouch for one address, and so for one account.
    expect(await accounts()).toEqual([ada]);
  });

  test('GitHub, by the address at which a browser ended that does not find back', async () => {
    const github = await user.inAnotherBrowser(await user.toProvider('GitHub'));
    await allow(github, ada, 'Ada');
    await workbench.page.bringToFront();
    await workbench.picture('waiting-for-the-browser');
    await workbench
      .notification(/Finish signing in/)
      .getByText('paste the address')
      .click();
    await workbench.answer(/Paste the address/, github.url());
    await user.isSignedInAs(ada);
  });

  test('Google, by the code in that address, from the list of what else can be done', async () => {
    const google = await user.inAnotherBrowser(await user.toProvider('Google'));
    await allow(google, ada, 'Ada');
    await user.press(/Finish signing in/, 'Cancel');
    await workbench.picture('how-to-go-on');
    await workbench.pick('Paste the address at which the browser ended');
    await workbench.answer(/Paste the address/, new URL(google.url()).searchParams.get('code') ?? '');
    await user.isSignedInAs(ada);
  });

  test('the code of an e-mail, after a wrong one', async () => {
    await workbench.runCommand('Godoty: Sign In');
    await workbench.inputBox(/How do you want to sign in/).waitFor();
    // Where callbacks may fail, the way that needs none comes first.
    const first = workbench.page.locator('.quick-input-list .monaco-list-row .label-name').first();
    await expect.poll(() => first.innerText()).toMatch(/code by e-mail/);
    await user.askForCode(ada);
    const { code } = await user.mailTo(ada);
    await user.typeCode(code === '000000' ? '000001' : '000000');
    await workbench.inputBox(/This code is wrong/).waitFor();
    await workbench.picture('wrong-code');
    await user.typeCode(code);
    await user.isSignedInAs(ada);
  });

  test('the link of an e-mail, which leads back to the window', async () => {
    await user.askForCode(ada);
    await (await user.mailTo(ada)).followLink();
    await user.isSignedInAs(ada);
  });

  test('a new account, only when the user wants one, by the link', async () => {
    await user.askForCode(bob);
    await user.press(/no account/, 'Create Account');
    await (await user.mailTo(bob)).followLink();
    await user.isSignedInAs(bob);
    expect(await accounts()).toEqual([ada, bob]);
  });

  test('another password, by the code, and then with it', async () => {
    await user.choose('Forgot your password?');
    await workbench.answer(/e-mail address/, ada);
    await user.typeCode((await user.mailTo(ada)).code);
    await choosePassword(password);
    await user.isSignedInAs(ada);
    await user.leave();
    await user.choose('Sign in with e-mail and password');
    await workbench.answer(/e-mail address/, ada);
    await workbench.answer(/Password for/, password);
    await user.isSignedInAs(ada);
  });

  test('another password, by the link', async () => {
    await user.choose('Forgot your password?');
    await workbench.answer(/e-mail address/, bob);
    await (await user.mailTo(bob)).followLink();
    await choosePassword('a battery of staples for a horse');
    await user.isSignedInAs(bob);
  });

  test('a new account with a password, whose address the code confirms', async () => {
    await createAccount(cy);
    await workbench.inputBox(new RegExp(`We sent a code to ${cy}`)).waitFor();
    await workbench.picture('confirm-address');
    expect(await confirmed(cy)).toBe(false);
    await user.typeCode((await user.mailTo(cy)).code);
    await user.isSignedInAs(cy);
    expect(await confirmed(cy)).toBe(true);
    await user.leave();
    await user.choose('Sign in with e-mail and password');
    await workbench.answer(/e-mail address/, cy);
    await workbench.answer(/Password for/, password);
    await user.isSignedInAs(cy);
  });

  test('a new account with a password, whose address the link confirms', async () => {
    await createAccount(dee);
    const mail = await user.mailTo(dee);
    expect(await confirmed(dee)).toBe(false);
    await mail.followLink();
    await user.isSignedInAs(dee);
    expect(await confirmed(dee)).toBe(true);
  });
});

async function createAccount(email: string): Promise<void> {
  await user.choose('Create account');
  await workbench.answer(/e-mail address/, email);
  await workbench.answer(/Choose a password/, password);
}

async function confirmed(email: string): Promise<boolean | undefined> {
  const [row] = await world.stack.db.query<{ confirmed: boolean }>(
    'select email_confirmed_at is not null as confirmed from auth.users where email = $1',
    [email],
  );
  return row?.confirmed;
}

async function choosePassword(text: string): Promise<void> {
  await workbench.page.bringToFront();
  await workbench.answer(/Choose a password/, text);
  await workbench.answer(/once more/, text);
}

async function accounts(): Promise<string[]> {
  const rows = await world.stack.db.query<{ email: string }>('select email from auth.users order by email');
  return rows.map(({ email }) => email);
}
