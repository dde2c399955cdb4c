// What a newcomer does, in a real VS Code against the embedded backend. Each step builds on the one before it.
import type { Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { formatUsd } from './harness/money.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { World } from './harness/world.ts';

const email = 'newcomer@example.org';
const password = 'correct horse battery staple';

let world: World;
let workbench: Workbench;
let failed = false;

beforeAll(async () => {
  world = await startWorld();
  workbench = world.workbench;
});

afterAll(async () => {
  // A world that did not start has nothing to close.
  await (world as World | undefined)?.close();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') {
    failed = true;
    await workbench.picture('failure');
  }
});

describe('a newcomer', () => {
  step('creates an account from the command palette and is signed in', async () => {
    await workbench.runCommand('Godoty: Sign In');
    await workbench.picture('ways-to-sign-in');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Choose a password/, password);
    await workbench.statusBarItem.waitFor();
    await workbench.notification(new RegExp(`Signed in as ${email}`)).waitFor();
    await workbench.picture('signed-up');
    expect(await workbench.secrets()).not.toEqual({});
  });

  step('signs out, and in again with the password', async () => {
    await workbench.runCommand('Godoty: Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Sign in with e-mail and password');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Password for/, password);
    await workbench.statusBarItem.waitFor();
  });

  step('streams an answer that is shown as Markdown, with its cost', async () => {
    await newChat();
    await send('Hello');
    await answer(0, 'done');
    await workbench.webview.getByRole('heading', { name: 'Hello from the built-in demo model' }).waitFor();
    await workbench.picture('answered');
    expect(await answerAt(0).locator('[data-testid="cost"]').innerText()).toMatch(/^\$0\.\d+$/);
    await send('Hello, once more, with a longer question than before');
    await answer(1, 'done');
  });

  step('stops a long answer and keeps what had come', async () => {
    await send('count to 5000');
    await answer(2, 'streaming');
    await answerAt(2).getByText('1, 2, 3').waitFor();
    await workbench.webview.locator('[data-testid="stop"]').click();
    await answer(2, 'stopped');
    await workbench.picture('stopped');
    const text = await answerAt(2).innerText();
    expect(text).toContain('1, 2, 3');
    expect(text).not.toContain('4999');
  });

  step('reads a cost in the status bar that is the exact sum of what the backend recorded', async () => {
    await expect.poll(recordedOutcomes, { timeout: 20_000 }).toEqual(['cancelled', 'done', 'done']);
    const costs = await recordedPicoUsd();
    expect(new Set(costs).size).toBe(2);
    const shown = formatUsd(costs.reduce((sum, cost) => sum + cost, 0n));
    await expect.poll(statusText, { timeout: 20_000 }).toMatch(new RegExp(`(^|\\s)${shown.replace(/[$.]/g, '\\$&')}$`));
  });

  step('is still signed in after a reload, without being asked anything', async () => {
    await workbench.reload();
    await workbench.statusBarItem.waitFor();
    await workbench.picture('reloaded');
    expect(await workbench.asksSomething()).toBe(false);
    await newChat();
    await send('Hello again');
    await answer(0, 'done');
  });

  step('signs out, and nothing secret is left', async () => {
    const secrets = await workbench.secrets();
    const tokens = Object.values(secrets).flatMap((value) => value.match(/[\w.-]{20,}/g) ?? []);
    expect(tokens).not.toEqual([]);
    await workbench.runCommand('Godoty: Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await workbench.webview.locator('[data-testid="sign-in"]').waitFor();
    await workbench.picture('signed-out');
    await expect.poll(() => workbench.secrets()).toEqual({});
    const written = world.writtenByVsCode();
    expect(written).toContain(world.stack.supabaseUrl);
    for (const secret of [password, ...tokens]) expect(written.includes(secret)).toBe(false);
  });
});

/** A test that is skipped once an earlier step failed: it would only fail for the same reason, later. */
function step(name: string, action: () => Promise<void>): void {
  it(name, async (context) => {
    if (failed) context.skip('an earlier step failed');
    await action();
  });
}

async function newChat(): Promise<void> {
  await workbench.runCommand('Godoty: New Chat');
  await workbench.webview.locator('[data-testid="empty"]').waitFor();
}

async function send(prompt: string): Promise<void> {
  await workbench.webview.locator('[data-testid="prompt"]').fill(prompt);
  await workbench.webview.locator('[data-testid="send"]').click();
}

function answerAt(index: number): Locator {
  return workbench.webview.locator('[data-message-role="assistant"]').nth(index);
}

async function answer(index: number, status: 'streaming' | 'done' | 'stopped'): Promise<void> {
  await workbench.webview
    .locator(`:nth-match([data-message-role="assistant"], ${index + 1})[data-status="${status}"]`)
    .waitFor({ timeout: 60_000 });
}

async function statusText(): Promise<string> {
  return (await workbench.statusBarItem.innerText()).trim();
}

async function recordedOutcomes(): Promise<string[]> {
  const rows = await world.stack.db.query<{ outcome: string }>('select outcome from usage_records order by outcome');
  return rows.map(({ outcome }) => outcome);
}

/** The recorded costs that are known, in pico-USD, which have to be whole. */
async function recordedPicoUsd(): Promise<bigint[]> {
  const rows = await world.stack.db.query<{ pico: string }>(
    'select trim_scale(cost_estimated * 1000000000000)::text as pico from usage_records where cost_estimated is not null',
  );
  return rows.map(({ pico }) => BigInt(pico));
}
