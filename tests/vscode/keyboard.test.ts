// A whole visit without a mouse, in either extension host. Each step builds on the one before it.
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { SigningIn } from './harness/signIn.ts';
import { steps } from './harness/steps.ts';
import { begin, startUpstream } from './harness/toolUpstream.ts';
import type { Upstream } from './harness/toolUpstream.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const email = 'keys@example.org';
/** More than a page has places where the keyboard stops. */
const MANY = 20;
const CODE = 'export const answer = 42;';
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let upstream: Upstream;
let world: World;
let workbench: Workbench;
let user: SigningIn;

describe.each<ExtensionHost>(['node', 'worker'])('by the keyboard alone, %s host, somebody', (host) => {
  const step = steps(() => [workbench]);

  beforeAll(async () => {
    upstream = await startUpstream(['gpt-4o-mini', 'gpt-4.1']);
    world = await startWorld({ host, stack: { models: { kind: 'upstream', url: upstream.url, key: undefined } } });
    workbench = world.workbench;
    user = new SigningIn(world);
    // The palette finds a command whose name resembles others only when it is there.
    await workbench.activityBarItem.waitFor();
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
    await (upstream as Upstream | undefined)?.close();
  });

  step('makes an account', async () => {
    await choose('Create account');
    await answer(/Your e-mail address/, email);
    await answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
  });

  step('asks a question, and stops its answer', async () => {
    const { keyboard } = workbench.page;
    await command('Godoty: Focus Chat');
    await isInPrompt();
    await command('View: Focus First Editor Group');
    await expect.poll(() => focused()).toBeUndefined();
    await keyboard.press('Control+K');
    await keyboard.press('G');
    await isInPrompt();
    upstream.answer((_, response) => {
      begin(response, { content: `Take this:\n\n\`\`\`ts\n${CODE}\n\`\`\`\n\nAnd now` });
    });
    await type('Code?');
    await answers('streaming').getByText('And now').waitFor();
    await keyboard.press('Escape');
    await answers('stopped').waitFor();
  });

  step('comes by Tab to everything in the panel, and sees where', async () => {
    const stops = [await focused()];
    for (let count = 0; count < MANY; count++) {
      await workbench.page.keyboard.press('Tab');
      const stop = await focused();
      if (stop?.name === 'Message') break;
      stops.push(stop);
    }
    // Between the last and the first place of the page lie those of VS Code.
    const own = stops.filter((stop) => stop !== undefined);
    expect(own.map(({ name }) => name)).toEqual([
      'Message',
      'Attach images',
      'Model: gpt-4o-mini. Choose another',
      'Conversation',
      'Insert at cursor',
      'Copy',
      'Code',
      'Continue',
      'Retry',
      'Copy answer',
    ]);
    expect(own.filter(({ visible }) => !visible)).toEqual([]);
  });

  step('copies the code of an answer, and puts it into the editor', async () => {
    const { page } = workbench;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.keyboard.press('Control+Alt+N');
    const editor = page.locator('.editor-instance .view-lines').first();
    await editor.waitFor();
    await command('Godoty: Focus Chat');
    await isInPrompt();
    await tabTo('Copy');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(CODE);
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toMatchObject({ name: 'Insert at cursor' });
    await page.keyboard.press('Enter');
    await editor.getByText(CODE).waitFor();
    // The cursor is behind the code, to go on with.
    await expect.poll(() => focused()).toBeUndefined();
    await page.keyboard.type(' // forty-two');
    await editor.getByText(`${CODE} // forty-two`).waitFor();
    await command('View: Revert and Close Editor');
    await editor.waitFor({ state: 'detached' });
  });

  step('pastes an image, and removes it', async () => {
    const { page } = workbench;
    await command('Godoty: Focus Chat');
    await isInPrompt();
    await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const image = new Blob([bytes], { type: 'image/png' });
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': image })]);
    }, DOT);
    await page.keyboard.press('Control+V');
    const image = workbench.webview.getByTestId('attachment');
    await image.waitFor();
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toEqual({ name: 'Remove Pasted image', visible: true });
    await page.keyboard.press('Enter');
    await image.waitFor({ state: 'detached' });
    await isInPrompt();
  });

  step('chooses another model', async () => {
    const { keyboard } = workbench.page;
    await tabTo('Model: gpt-4o-mini. Choose another');
    await keyboard.press('Enter');
    await workbench.inputBox(/Choose a model/).waitFor();
    await keyboard.type('gpt-4.1');
    await chosen('gpt-4.1').waitFor();
    await keyboard.press('Enter');
    await workbench.webview.getByRole('button', { name: 'Model: gpt-4.1. Choose another' }).waitFor();
    await isInPrompt();
  });

  step('opens what was spent', async () => {
    await command('Godoty: Show Usage');
    await workbench.usagePage.getByRole('table', { name: 'Requests' }).waitFor();
    await comesByTabTo('Refresh', 'Export');
    await command('View: Close All Editors');
    await workbench.usagePage.locator('body').waitFor({ state: 'detached' });
  });

  step('asks the doctor, and comes to what it offers', async () => {
    await command('Godoty: Doctor');
    await workbench.editorPage.getByText('No problem was found').waitFor();
    await comesByTabTo('Check Again', 'Copy Report', 'Ask a Model', 'Test the Way Back');
    await command('View: Close All Editors');
  });

  step('signs out', async () => {
    await command('Godoty: Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
  });

  step('signs in with GitHub, whose browser does not find back', async () => {
    const github = await user.inAnotherBrowser(await user.browserFor('GitHub', () => choose('Continue with GitHub')));
    await github.keyboard.press('Tab');
    await github.keyboard.type(email);
    await github.keyboard.press('Enter');
    await github.waitForURL(/[?&]code=/);
    await workbench.page.bringToFront();
    await workbench.notification(/Finish signing in/).waitFor();
    await command('Notifications: Focus Notification Toast');
    const link = workbench.page.getByRole('link', { name: 'paste the address' });
    for (let count = 0; count < MANY && !(await link.evaluate((element) => element.matches(':focus'))); count++) {
      await workbench.page.keyboard.press('Tab');
    }
    await workbench.page.keyboard.press('Enter');
    await answer(/Paste the address/, github.url());
    await user.isSignedInAs(email);
  });
});

async function isInPrompt(): Promise<void> {
  await expect.poll(() => focused(), { timeout: 40_000 }).toMatchObject({ name: 'Message' });
}

/** Goes on to a place of the panel. */
async function tabTo(name: string): Promise<void> {
  for (let count = 0; count < MANY; count++) {
    await workbench.page.keyboard.press('Tab');
    const stop = await focused();
    if (stop?.name === name) {
      expect(stop).toMatchObject({ visible: true });
      return;
    }
  }
  throw new Error(`Tab does not come to '${name}'`);
}

/** The first places of the page in the editor. */
async function comesByTabTo(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await workbench.page.keyboard.press('Tab');
    const stop = await focused(workbench.editorPage.locator(':focus'));
    expect(stop).toMatchObject({ name: expect.stringContaining(name) as string, visible: true });
  }
}

/** Runs a command as soon as the palette has it. */
async function command(title: string): Promise<void> {
  await workbench.page.keyboard.press('F1');
  await workbench.page.locator('.quick-input-widget:visible input:focus').waitFor();
  await workbench.page.keyboard.type(title);
  await chosen(title).waitFor();
  await workbench.page.keyboard.press('Enter');
}

/** Chooses a way to sign in by its name. */
async function choose(way: string): Promise<void> {
  await command('Godoty: Sign In');
  await workbench.inputBox(/How do you want to sign in/).waitFor();
  // The list fills when the server has answered; what is typed before that counts then.
  await workbench.page.keyboard.type(way);
  await chosen(way).waitFor();
  await workbench.page.keyboard.press('Enter');
}

/** The entry of the open list that Enter takes. */
function chosen(label: string): Locator {
  return workbench.page.locator('.quick-input-list .monaco-list-row.focused').getByText(label).first();
}

async function answer(about: RegExp, text: string): Promise<void> {
  await workbench.inputBox(about).waitFor();
  await type(text);
  await workbench.inputBox(about).waitFor({ state: 'hidden' });
}

async function type(text: string): Promise<void> {
  await workbench.page.keyboard.type(text);
  await workbench.page.keyboard.press('Enter');
}

function answers(status: 'streaming' | 'stopped'): Locator {
  return workbench.webview.locator(`[data-message-role="assistant"][data-status="${status}"]`);
}

interface Stop {
  readonly name: string | null;
  /** Whether it, or the box around it, has an outline, or a border in the colour of the focus. */
  readonly visible: boolean;
}

/** Where the focus is; undefined outside the page. */
async function focused(place = workbench.webview.locator(':focus')): Promise<Stop | undefined> {
  return await place.evaluateAll(([element]) => {
    if (element === undefined) return undefined;
    const sample = document.createElement('span');
    sample.style.color = 'var(--vscode-focusBorder)';
    document.body.append(sample);
    const { color } = getComputedStyle(sample);
    sample.remove();
    const around = [element, element.parentElement, element.parentElement?.parentElement ?? null];
    const visible = around.some((box) => {
      if (box === null) return false;
      const { outlineStyle, outlineWidth, borderColor, borderStyle } = getComputedStyle(box);
      const outlined = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1;
      return outlined || (borderStyle !== 'none' && borderColor === color);
    });
    return { name: element.getAttribute('aria-label') ?? element.textContent, visible };
  });
}
