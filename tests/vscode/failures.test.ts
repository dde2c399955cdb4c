// What goes wrong for users, in a real VS Code: each failure names its cause and its next step, and loses nothing.
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { openGate } from '../support/gate.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { World } from './harness/world.ts';

const email = 'unlucky@example.org';
const password = 'correct horse battery staple';

/** The models live in a stack of their own, behind a gate that can be shut. */
let models: LocalStack;
let gate: Awaited<ReturnType<typeof openGate>>;
let world: World;
let workbench: Workbench;
/** The line above the panel's prompt. */
let notice: Locator;

beforeAll(async () => {
  models = await startLocalStack();
  gate = await openGate(models.litellmUrl);
  world = await startWorld({
    gated: true,
    stack: {
      accessTokenTtlSeconds: 5,
      models: { kind: 'litellm', url: gate.url, masterKey: models.masterKey },
    },
  });
  workbench = world.workbench;
  notice = workbench.webview.locator('.notice');
});

afterAll(async () => {
  // What did not start has nothing to close.
  await (world as World | undefined)?.close();
  (gate as typeof gate | undefined)?.close();
  await (models as LocalStack | undefined)?.close();
});

describe('when something goes wrong', () => {
  const step = steps(() => [workbench]);

  step('a password that is too weak is named so, and another one is asked for', async () => {
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Choose a password/, 'short');
    await workbench.notification(/too weak: it is too short/).waitFor();
    await workbench.picture('weak-password');
    await press(/too weak/, 'Try Again');
    await workbench.answer(new RegExp(`Choose a password for ${email}`), password);
    await workbench.statusBarItem.waitFor();
  });

  step('a wrong password leads back to the password, the address kept', async () => {
    await workbench.runCommand('Godoty: Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Sign in with e-mail and password');
    expect(await boxValue(/e-mail address/)).toBe(email);
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Password for/, 'a wrong password');
    await workbench.notification(/do not match/).waitFor();
    await workbench.picture('wrong-password');
    await press(/do not match/, 'Try Again');
    await workbench.inputBox(new RegExp(`Password for ${email}`)).waitFor();
    await workbench.picture('wrong-password-again');
    await workbench.answer(new RegExp(`Password for ${email}`), password);
    await workbench.statusBarItem.waitFor();
  });

  step('a model server that dies keeps what had come of the answer, and Retry gets another', async () => {
    await workbench.runCommand('Godoty: New Chat');
    await workbench.webview.locator('[data-testid="empty"]').waitFor();
    await send('count to 5000');
    await answer(0, 'streaming');
    await answerAt(0).getByText('1, 2, 3').waitFor();
    gate.open = false;
    await answer(0, 'error');
    await workbench.picture('model-server-died');
    const text = await answerAt(0).innerText();
    expect(text).toContain('1, 2, 3');
    expect(text).toMatch(/The connection to http:\/\/127\.0\.0\.1:\d+ broke off before the answer was complete/);
    expect(await workbench.webview.getByText('count to 5000').count()).toBe(1);
    gate.open = true;
    await answerAt(0).locator('[data-testid="retry"]').click();
    await answer(0, 'streaming');
    await answerAt(0).getByText('1, 2, 3').waitFor();
    await workbench.webview.locator('[data-testid="stop"]').click();
    await answer(0, 'stopped');
    await workbench.statusBarItem.locator('.codicon-pulse').waitFor();
  });

  step('a key that was revoked is replaced without a word', async () => {
    const before = await keys();
    await models.db.query('delete from local_stack.model_keys');
    await send('Hello');
    await answer(1, 'done');
    expect(await workbench.webview.locator('[data-error-code]').count()).toBe(0);
    expect(await workbench.notification(/key|server|try again/i).count()).toBe(0);
    const after = await keys();
    expect(before).toHaveLength(1);
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  step(
    'an account that is out of reach leaves the chat, also once its token is dead, and the usage says so',
    async () => {
      world.gate.shut = /./;
      await expect.poll(() => world.gate.refused.some((path) => path.includes('grant_type=refresh_token'))).toBe(true);
      const dead = await tokenEnds();
      await expect.poll(() => Date.now()).toBeGreaterThan(dead);
      await send('Are you still there?');
      await answer(2, 'done');
      await workbench.runCommand('Godoty: Show Usage');
      await workbench.usagePage.getByText(/broke off before the answer was complete/).waitFor();
      await statusBar(/Offline/).waitFor();
      await workbench.picture('account-out-of-reach');
    },
  );

  step('a session that the server ended leaves the chat, and says what needs a sign-in', async () => {
    await world.stack.db.query('delete from auth.sessions');
    world.gate.shut = undefined;
    await workbench.usagePage.getByRole('button', { name: 'Refresh' }).click();
    const words = 'Your Godoty session has ended. Chat goes on; sign in again to see what you have used';
    await workbench.notification(new RegExp(words)).waitFor();
    await workbench.usagePage.getByText('Sign in to see the requests of your account').waitFor();
    await workbench.runCommand('View: Close Editor');
    await statusBar(/session ended, chat goes on/).waitFor();
    await notice.getByText(words).waitFor();
    await send('And now?');
    await answer(3, 'done');
    await workbench.picture('session-ended');
    await notice.getByRole('button', { name: 'Sign In' }).click();
    await workbench.pick('Sign in with e-mail and password');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Password for/, password);
    await workbench.statusBarItem.waitFor();
    await notice.waitFor({ state: 'hidden' });
  });

  step('a budget that is used up says so and leads to what was spent', async () => {
    await models.db.query('update local_stack.model_keys set max_budget = 0');
    await send('Hello again');
    await answer(4, 'error');
    await workbench.picture('budget-used-up');
    const card = answerAt(4).locator('[data-error-code="QUOTA_EXCEEDED"]');
    expect(await card.innerText()).toContain('Your budget is used up.');
    await card.getByRole('button', { name: 'Show Usage' }).click();
    const { usagePage } = workbench;
    await usagePage.getByText('Up to date').waitFor();
    const rows = usagePage.getByRole('table', { name: 'Requests' }).getByRole('row', { name: /gpt-4o-mini/ });
    await expect.poll(() => rows.count()).toBe(6);
    expect(await rows.first().innerText()).toMatch(/failed/);
    expect(await rows.last().innerText()).toMatch(/failed/);
    await workbench.picture('usage');
    await workbench.runCommand('View: Close Editor');
    // Each request that was sent is on the account, however it ended.
    await expect.poll(outcomes, { timeout: 40_000 }).toEqual(['cancelled', 'done', 'done', 'done', 'error', 'error']);
  });

  step('an address with plain http to another machine is refused before anything is typed', async () => {
    world.changeSettings({ 'godoty.backend.supabaseUrl': 'http://supabase.example.org' });
    await workbench.reload();
    await workbench.runCommand('Godoty: Sign In');
    const complaint = /godoty\.backend\.supabaseUrl.*begins with http:\/\/.*this machine only/;
    await workbench.notification(complaint).waitFor();
    await workbench.picture('plain-http');
    expect(await workbench.inputBox(/./).count()).toBe(0);
    await press(complaint, 'Open Settings');
    await workbench.page.locator('.settings-editor').getByText('Supabase Url').first().waitFor();
    await workbench.picture('settings');
  });

  step('the right address brings the session back', async () => {
    world.changeSettings({ 'godoty.backend.supabaseUrl': world.gate.url });
    await workbench.reload();
    await workbench.statusBarItem.waitFor();
  });
});

async function press(notification: RegExp, button: string): Promise<void> {
  await workbench.notification(notification).getByRole('button', { name: button }).click();
}

/** When the access token that is stored comes to its end, in milliseconds since the Unix epoch. */
async function tokenEnds(): Promise<number> {
  const record = JSON.parse((await world.storedSession()) ?? '') as {
    readonly session: { readonly expires_at: number };
  };
  return record.session.expires_at;
}

/** What the status bar says to those who listen, if it says this. */
function statusBar(words: RegExp): Locator {
  return workbench.page.locator('.statusbar').getByRole('button', { name: words });
}

async function boxValue(about: RegExp): Promise<string> {
  return await workbench.inputBox(about).locator('input').first().inputValue();
}

async function send(prompt: string): Promise<void> {
  await workbench.webview.locator('[data-testid="prompt"]').fill(prompt);
  await workbench.webview.locator('[data-testid="send"]').click();
}

function answerAt(index: number): Locator {
  return workbench.webview.locator('[data-message-role="assistant"]').nth(index);
}

async function answer(index: number, status: 'streaming' | 'done' | 'stopped' | 'error'): Promise<void> {
  await workbench.webview
    .locator(`:nth-match([data-message-role="assistant"], ${index + 1})[data-status="${status}"]`)
    .waitFor({ timeout: 60_000 });
}

async function outcomes(): Promise<string[]> {
  const rows = await world.stack.db.query<{ outcome: string }>('select outcome from usage_records order by outcome');
  return rows.map(({ outcome }) => outcome);
}

async function keys(): Promise<string[]> {
  const rows = await models.db.query<{ token: string }>('select token from local_stack.model_keys');
  return rows.map(({ token }) => token);
}
