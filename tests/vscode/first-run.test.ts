/** The first minutes with Godoty: the walkthrough leads through them, and the keyboard alone is enough. */
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { startWorld } from './harness/world.ts';
import type { World } from './harness/world.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';

let world: World;
let workbench: Workbench;

const step = steps(() => [workbench]);

beforeAll(async () => {
  world = await startWorld();
  workbench = world.workbench;
  // The palette finds a command whose name resembles others only when it is there.
  await workbench.activityBarItem.waitFor();
});

afterAll(async () => {
  // A world that did not start has nothing to close.
  await (world as World | undefined)?.close();
});

const stepOf = (title: string) => workbench.page.locator('.getting-started-step').filter({ hasText: title });
const isDone = (title: string) => stepOf(title).locator('.codicon-getting-started-step-checked');
const prompt = () => workbench.webview.getByTestId('prompt');
const promptHasFocus = () =>
  expect
    .poll(() => prompt().evaluate((element) => element.matches(':focus') && document.hasFocus()), { timeout: 40_000 })
    .toBe(true);

describe('the walkthrough', () => {
  step('opens for somebody who is signed out, with a picture in the colours of the theme', async () => {
    await workbench.runCommand('Godoty: Open Walkthrough');
    await stepOf('Sign in once').waitFor();
    // A narrow editor shows the steps without their pictures.
    await workbench.page.keyboard.press('Control+B');
    expect(await workbench.page.locator('.getting-started-step').count()).toBe(4);
    const picture = workbench.page.frameLocator('.getting-started-media iframe').frameLocator('#active-frame');
    const tile = picture.locator('svg rect').first();
    await tile.waitFor();
    expect(await tile.evaluate((rect) => getComputedStyle(rect).fill)).toMatch(/^rgb\(/);
    await workbench.picture('walkthrough');
  });

  step('signs in by its button, and notices it', async () => {
    await stepOf('Sign in once').getByRole('button', { name: 'Sign In', exact: true }).click();
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, 'ada@example.org');
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await isDone('Sign in once').waitFor();
  });

  step('opens the chat by its button, with the cursor in the prompt', async () => {
    await stepOf('Ask a first question').click();
    await workbench.page.getByRole('button', { name: 'Open the Chat' }).click();
    await promptHasFocus();
  });
});

describe('the keyboard', () => {
  const answers = (status: string) =>
    workbench.webview.locator(`[data-message-role="assistant"][data-status="${status}"]`);

  step('comes to the prompt from anywhere', async () => {
    await stepOf('Keep an eye on the cost').click();
    const { keyboard } = workbench.page;
    await keyboard.press('Control+K');
    await keyboard.press('G');
    await promptHasFocus();
  });

  step('asks, and stops from anywhere', async () => {
    const { keyboard } = workbench.page;
    await keyboard.type('Count to 5000');
    await keyboard.press('Enter');
    await answers('streaming').waitFor();
    await stepOf('Keep an eye on the cost').click();
    await keyboard.press('Control+K');
    await keyboard.press('Period');
    await answers('stopped').waitFor();
    await isDone('Ask a first question').waitFor();
  });

  step('begins a new chat', async () => {
    const { keyboard } = workbench.page;
    await keyboard.press('Control+K');
    await keyboard.press('N');
    await answers('stopped').waitFor({ state: 'detached' });
    await promptHasFocus();
  });
});
