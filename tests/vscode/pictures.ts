// Makes the pictures of the documentation: `npm run pictures`. It needs `npm run package` before.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Locator } from 'playwright-core';

import { costOf, dollars, model } from '../../local/server/models/catalog.ts';
import { parseChatRequest } from '../../local/server/models/chat-request.ts';
import { estimatePromptTokens, tokensInBytes } from '../../local/server/models/tokens.ts';
import { checkout } from '../../local/setup/packages.mjs';
import { closedPort } from './harness/closedPort.ts';
import { begin, end, startUpstream } from './harness/toolUpstream.ts';
import type { UpstreamRequest } from './harness/toolUpstream.ts';
import { startWorld } from './harness/world.ts';

const MODEL = 'gpt-4o-mini';
const MOST_BYTES = 150 * 1024;
const images = path.join(checkout, 'docs', 'images');
const SOURCE = `export interface Order {
  readonly id: string;
  readonly lines: readonly { readonly cents: bigint; readonly count: bigint }[];
}

/** The sum of an order, in cents. */
export function total(order: Order): bigint {
  let sum = 0n;
  for (const line of order.lines) {
    sum += line.cents * line.count;
  }
  return sum;
}
`;
const ANSWER = `Fold the lines into one sum; **bigint** keeps every cent exact:

\`\`\`ts
export const total = (order: Order): bigint =>
  order.lines.reduce(
    (sum, { cents, count }) => sum + cents * count,
    0n, // an order without lines costs nothing
  );
\`\`\`

- The result stays a \`bigint\`, so callers change nothing.
- Divide by 100 only where you *show* the amount.
`;

mkdirSync(images, { recursive: true });
// A model whose answers are written here, so that a picture shows what an answer looks like.
const upstream = await startUpstream([MODEL, 'gpt-4o']);
upstream.answer((request, response) => {
  end(begin(response, { content: ANSWER }), 'stop', usageOf(request));
});
const world = await startWorld({
  stack: { models: { kind: 'upstream', url: upstream.url, key: undefined } },
  settings: {
    'workbench.colorTheme': 'Dark Modern',
    // What fades away would be a ghost in a picture.
    'workbench.reduceMotion': 'on',
    'editor.minimap.enabled': false,
  },
});
try {
  const { workbench } = world;
  writeFileSync(path.join(world.folder, 'order.ts'), SOURCE);
  const { page } = workbench;
  const prompt = workbench.webview.getByTestId('prompt');
  const sideBar = page.locator('.part.sidebar');
  const ownChat = page.locator('.part.auxiliarybar');
  const editors = page.locator('.part.editor');

  /** Of the whole window, or of what lies between its left edge and the right one of some part, below the title bar. */
  const shoot = async (name: string, upTo?: Locator): Promise<void> => {
    const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
    await page.mouse.move(width / 2, height - 10);
    const file = path.join(images, `${name}.png`);
    await page.locator('.quick-input-widget:visible').waitFor({ state: 'hidden' });
    const part = upTo === undefined ? undefined : await upTo.boundingBox();
    const clip = part && { x: 0, y: part.y, width: part.x + part.width, height: part.height };
    await page.screenshot({ path: file, animations: 'disabled', ...(clip && { clip }) });
    const { size } = statSync(file);
    process.stdout.write(`${name}.png: ${(size / 1024).toFixed(0)} KiB\n`);
    if (size > MOST_BYTES) throw new Error(`${name}.png is larger than ${MOST_BYTES} bytes`);
  };
  const resize = async (width: number, height: number): Promise<void> => {
    await page.setViewportSize({ width, height });
  };
  /** Drags an edge of a part to another place. */
  const drag = async (part: Locator, edge: 'left' | 'right', to: number): Promise<void> => {
    await part.waitFor();
    const box = await part.boundingBox();
    if (box === null) throw new Error('what has no place has no edge');
    const from = edge === 'left' ? box.x - 1 : box.x + box.width + 1;
    const middle = box.y + box.height / 2;
    await page.mouse.move(from, middle);
    await page.mouse.down();
    await page.mouse.move(to, middle, { steps: 5 });
    await page.mouse.up();
  };
  const useTheme = async (theme: string): Promise<void> => {
    await workbench.runCommand('Preferences: Color Theme');
    await page.keyboard.type(theme);
    await page
      .getByRole('option', { name: new RegExp(`^${theme}`) })
      .first()
      .click();
    await workbench.inputBox(/Color Theme/).waitFor({ state: 'hidden' });
  };
  const signUp = async (): Promise<void> => {
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, 'ada@example.org');
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
  };
  const ask = async (text: string): Promise<void> => {
    const answers = workbench.webview.locator('[data-message-role="assistant"][data-status="done"]');
    const before = await answers.count();
    await prompt.fill(text);
    await page.keyboard.press('Enter');
    await answers.nth(before).waitFor();
    await workbench.webview.getByTestId('cost').nth(before).waitFor();
  };

  await workbench.activityBarItem.waitFor();
  await workbench.runCommand('Godoty: Open Walkthrough');
  await page.locator('.getting-started-step').first().waitFor();
  await page.keyboard.press('Control+B');
  await page.frameLocator('.getting-started-media iframe').frameLocator('#active-frame').locator('svg').waitFor();
  await shoot('walkthrough');

  await page.locator('.getting-started-step').first().getByRole('button', { name: 'Sign In', exact: true }).click();
  await signUp();
  await workbench.runCommand('View: Close All Editors');
  await page.keyboard.press('Control+P');
  await page.keyboard.type('order.ts');
  await workbench.pick('order.ts');
  await workbench.runCommand('Godoty: Focus Chat');
  await resize(1280, 620);
  await drag(sideBar, 'right', 520);
  await ask('Can total() be shorter?');
  await workbench.runCommand('Notifications: Clear All Notifications');
  await prompt.click();
  await shoot('chat');
  await resize(1280, 690);
  for (const [theme, width, name] of [
    ['Light Modern', 380, 'chat-light'],
    ['Dark High Contrast', 380, 'chat-high-contrast'],
    ['Dark Modern', 230, 'chat-narrow'],
  ] as const) {
    await useTheme(theme);
    await drag(sideBar, 'right', width);
    await prompt.click();
    await shoot(name, sideBar);
  }
  await ask('And with a discount for each line?');
  await ask('Write a test for it.');

  // VS Code offers models in its own chat once their list was opened.
  await workbench.runCommand('Chat: Manage Language Models');
  await page.locator('.monaco-table .monaco-list-row').filter({ hasText: MODEL }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+B');
  await resize(1320, 720);
  await workbench.runCommand('Chat: Open Chat');
  await drag(ownChat, 'left', 800);
  const banner = ownChat.getByText('Set BYOK utility models', { exact: true });
  await banner.waitFor();
  await ownChat.locator('.chat-input-notification-dismiss').click();
  await banner.waitFor({ state: 'hidden' });
  await page.locator('.interactive-input-editor .monaco-editor').click();
  await page.keyboard.type('Can total() be shorter?');
  await page.keyboard.press('Enter');
  await page.locator('.interactive-response').getByText('Divide by 100').waitFor();
  await workbench.runCommand('Notifications: Clear All Notifications');
  await shoot('native-chat');

  await page.keyboard.press('Control+Alt+B');
  await ownChat.waitFor({ state: 'hidden' });
  await resize(1000, 920);
  await workbench.runCommand('View: Close All Editors');
  await workbench.runCommand('Godoty: Show Usage');
  await workbench.usagePage.getByText('Up to date').waitFor();
  await shoot('usage');
  await useTheme('Light Modern');
  await resize(520, 845);
  await shoot('usage-light', editors);
  await resize(1000, 720);

  // A model server that is not there.
  world.changeSettings({ 'godoty.backend.litellmUrl': await closedPort(), 'workbench.colorTheme': 'Dark Modern' });
  await workbench.reload();
  await workbench.statusBarItem.waitFor();
  for (const [part, keys] of [
    [sideBar, 'Control+B'],
    [ownChat, 'Control+Alt+B'],
  ] as const) {
    if (await part.isVisible()) await page.keyboard.press(keys);
    await part.waitFor({ state: 'hidden' });
  }
  await workbench.runCommand('View: Close All Editors');
  await workbench.runCommand('Notifications: Clear All Notifications');
  await workbench.runCommand('Godoty: Doctor');
  await workbench.editorPage.locator('header').getByRole('button', { name: 'Check Again' }).waitFor();
  await workbench.editorPage.locator('[data-check="models"]').getByText('Nothing answers at').waitFor();
  await shoot('doctor');
} finally {
  await world.close();
  await upstream.close();
}

/** What the answer to a request used, and what the model's prices make of that: as a proxy says it. */
function usageOf(asked: UpstreamRequest): object {
  const request = parseChatRequest(JSON.stringify(asked));
  const promptTokens = estimatePromptTokens(request);
  const completionTokens = tokensInBytes(Buffer.byteLength(ANSWER));
  const cost = costOf(model(request.model, 'pictures'), { promptTokens, completionTokens, cachedTokens: 0 });
  if (cost === undefined) throw new Error(`${request.model} has no prices`);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    cost: dollars(cost),
  };
}
