// What the panel keeps when it is hidden, when its window is opened anew and when its host is killed, and what it does to an
// editor: in a real VS Code, with answers that are written here. Each step builds on the one before it.
import type { ServerResponse } from 'node:http';

import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { steps } from './harness/steps.ts';
import { begin, end, more, startUpstream } from './harness/toolUpstream.ts';
import type { Upstream } from './harness/toolUpstream.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const CODE = "export const answer = 42;\nexport const question = 'unknown';";
const LINES = Array.from({ length: 80 }, (_, index) => `Line ${index + 1}.\n\n`).join('');
/** The host writes an answer that grows once a second, so this much of it lies in the store when it is killed. */
const GROWS_MS = 100;
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let upstream: Upstream;
let world: World;
let workbench: Workbench;
/** The answer that streams. */
let response: ServerResponse;

describe.each<ExtensionHost>(['node', 'worker'])('the panel, %s host,', (host) => {
  const step = steps(() => [workbench]);

  beforeAll(async () => {
    upstream = await startUpstream(['gpt-4o-mini']);
    world = await startWorld({ host, stack: { models: { kind: 'upstream', url: upstream.url, key: undefined } } });
    workbench = world.workbench;
    await workbench.activityBarItem.waitFor();
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, 'panel@example.org');
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
    await newChat();
  });

  afterAll(async () => {
    // What did not start has nothing to close.
    await (world as World | undefined)?.close();
    await (upstream as Upstream | undefined)?.close();
  });

  step('puts code into the editor, and undoes it in one step', async () => {
    await workbench.runCommand('File: New Untitled Text File');
    const editor = workbench.page.locator('.editor-instance .view-lines').first();
    await editor.waitFor();
    whole(`Take this:\n\n\`\`\`ts\n${CODE}\n\`\`\``);
    await send('Code?');
    await answered('done');
    await answer().locator('.hljs-keyword').first().waitFor();
    await answer().getByRole('button', { name: 'Insert at cursor' }).click();
    await editor.getByText('unknown').waitFor();
    await workbench.picture('inserted');
    await workbench.page.keyboard.press('Control+Z');
    await editor.getByText('unknown').waitFor({ state: 'detached' });
    await workbench.runCommand('Godoty: Focus Chat');
  });

  step('sends an image that is pasted, and shows it', async () => {
    whole('I see a dot.');
    await workbench.onlyPage.getByTestId('prompt').evaluate((prompt, base64) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      data.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
      prompt.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, dot);
    await workbench.onlyPage.getByTestId('attachment').waitFor();
    await send('What is it?');
    await answered('done');
    await answer().getByText('I see a dot.').waitFor();
    await workbench.onlyPage.locator('.question .image img').waitFor();
    expect(upstream.requests.at(-1)?.messages.at(-1)?.content).toEqual([
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${dot}` } },
    ]);
  });

  step('stays where it is being read while the answer grows, and when it was hidden meanwhile', async () => {
    streams({ content: LINES });
    await send('Lines?');
    await answer().getByText('Line 80.').waitFor();
    const area = workbench.onlyPage.getByRole('region', { name: 'Conversation' });
    await area.hover();
    await workbench.page.mouse.wheel(0, -600);
    await workbench.onlyPage.getByRole('button', { name: 'Go to the end' }).waitFor();
    const top = async (): Promise<number> => await area.evaluate((element) => element.scrollTop);
    const place = await top();
    more(response, { content: 'One more.' });
    await answer().getByText('One more.').waitFor();
    expect(await top()).toBe(place);
    await workbench.runCommand('View: Show Explorer');
    await area.waitFor({ state: 'detached' });
    more(response, { content: ' The last.' });
    end(response, 'stop');
    await workbench.runCommand('View: Show Godoty');
    await answered('done');
    await answer().getByText('One more. The last.').waitFor();
    expect(await top()).toBe(place);
  });

  step('keeps the half of an answer when the window is opened anew, says so, and goes on with it', async () => {
    await newChat();
    streams({ content: 'The first half' });
    await send('Tell me.');
    await answer().getByText('The first half').waitFor();
    await grown();
    await workbench.reload();
    await interrupted();
    whole(', and the second.');
    await answer().getByTestId('continue').click();
    await answered('done');
    await expect.poll(() => answer().innerText()).toMatch(/The first half[.]+, and the second\./);
  });

  // The worker of a browser can't be killed from here.
  step.skipIf(host === 'worker')('keeps the half of an answer when its host is killed, and asks again', async () => {
    await newChat();
    streams({ content: 'The first half' });
    await send('Tell me.');
    await answer().getByText('The first half').waitFor();
    await grown();
    world.killExtensionHost();
    await interrupted();
    whole('All of it.');
    await answer().getByTestId('retry').click();
    await answered('done');
    await answer().getByText('All of it.').waitFor();
  });
});

/** The next question gets this answer at once. */
function whole(content: string): void {
  upstream.answer((_, to) => {
    end(begin(to, { content }), 'stop');
  });
}

/** The next question gets an answer that begins like this, and does not end by itself. */
function streams(delta: object): void {
  upstream.answer((_, to) => {
    response = begin(to, delta);
  });
}

/** Lets the answer grow, dot by dot, until it has for two seconds. */
async function grown(): Promise<void> {
  const growing = setInterval(() => more(response, { content: '.' }), GROWS_MS);
  try {
    await answer()
      .getByText('.'.repeat(2_000 / GROWS_MS))
      .waitFor();
  } finally {
    clearInterval(growing);
  }
}

async function interrupted(): Promise<void> {
  await answered('interrupted');
  await answer().getByText('Interrupted — the answer is incomplete').waitFor();
  await workbench.picture('interrupted');
  expect(await answer().innerText()).toMatch(/The first half[.]+/);
}

async function newChat(): Promise<void> {
  await workbench.runCommand('Godoty: New Chat');
  await workbench.onlyPage.getByTestId('empty').waitFor();
}

/** Asks, and waits until its answer is the last one. */
async function send(prompt: string): Promise<void> {
  const before = await answers().count();
  await workbench.onlyPage.getByTestId('prompt').fill(prompt);
  await workbench.onlyPage.getByTestId('send').click();
  await answers().nth(before).waitFor();
}

function answers(): Locator {
  return workbench.onlyPage.locator('[data-message-role="assistant"]');
}

function answer(): Locator {
  return answers().last();
}

/** The last answer comes to this. */
async function answered(status: 'done' | 'interrupted'): Promise<void> {
  await expect.poll(() => answer().getAttribute('data-status'), { timeout: 60_000 }).toBe(status);
}
