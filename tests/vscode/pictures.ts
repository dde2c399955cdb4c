// Makes the pictures of the documentation: `npm run pictures`. It needs `npm run package` before.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { checkout } from '../../local/setup/packages.mjs';
import { closedPort } from './harness/closedPort.ts';
import { begin, end, startUpstream } from './harness/toolUpstream.ts';
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
upstream.answer((_, response) => {
  end(begin(response, { content: ANSWER }), 'stop');
});
const world = await startWorld({
  stack: { models: { kind: 'upstream', url: upstream.url, key: undefined } },
  settings: { 'workbench.colorTheme': 'Dark Modern' },
});
try {
  const { workbench } = world;
  writeFileSync(path.join(world.folder, 'order.ts'), SOURCE);
  const { page } = workbench;
  const prompt = workbench.webview.getByTestId('prompt');
  const shoot = async (name: string): Promise<void> => {
    await page.mouse.move(640, 790);
    const file = path.join(images, `${name}.png`);
    // The command palette fades away.
    await page.locator('.quick-input-widget:visible').waitFor({ state: 'hidden' });
    await page.screenshot({ path: file, animations: 'disabled' });
    const { size } = statSync(file);
    process.stdout.write(`${name}.png: ${(size / 1024).toFixed(0)} KiB\n`);
    if (size > MOST_BYTES) throw new Error(`${name}.png is larger than ${MOST_BYTES} bytes`);
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
  await ask('Can total() be shorter?');
  await workbench.runCommand('Notifications: Clear All Notifications');
  for (const [theme, name] of [
    ['Dark Modern', 'chat'],
    ['Light Modern', 'chat-light'],
    ['Dark High Contrast', 'chat-high-contrast'],
  ] as const) {
    await useTheme(theme);
    await prompt.click();
    await shoot(name);
  }
  await useTheme('Dark Modern');
  await page.mouse.move(350, 600);
  await page.mouse.down();
  await page.mouse.move(230, 600, { steps: 5 });
  await page.mouse.up();
  await prompt.click();
  await shoot('chat-narrow');

  // VS Code offers models in its own chat once their list was opened.
  await workbench.runCommand('Chat: Manage Language Models');
  await page.locator('.monaco-table .monaco-list-row').filter({ hasText: MODEL }).waitFor();
  await page.keyboard.press('Escape');
  await workbench.runCommand('Chat: Open Chat');
  await page.getByText('Set BYOK utility models', { exact: true }).waitFor();
  await page.locator('.interactive-input-editor .monaco-editor').click();
  await page.keyboard.type('Can total() be shorter?');
  await page.keyboard.press('Enter');
  await page.locator('.interactive-response').getByText('Divide by 100').waitFor();
  await workbench.runCommand('Notifications: Clear All Notifications');
  await shoot('native-chat');

  await page.keyboard.press('Control+Alt+B');
  await workbench.runCommand('View: Close All Editors');
  await workbench.runCommand('Godoty: Show Usage');
  await workbench.usagePage.getByText('Up to date').waitFor();
  await shoot('usage');

  // A model server that is not there.
  world.changeSettings({ 'godoty.backend.litellmUrl': await closedPort() });
  await workbench.reload();
  await workbench.statusBarItem.waitFor();
  await page.keyboard.press('Control+Alt+B');
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
