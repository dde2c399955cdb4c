// Makes the pictures of the documentation: `npm run pictures`. It needs `npm run package` before.
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { checkout } from '../../local/setup/packages.mjs';
import { startWorld } from './harness/world.ts';

const images = path.join(checkout, 'docs', 'images');
const themes = [
  ['Dark Modern', 'chat'],
  ['Light Modern', 'chat-light'],
  ['Dark High Contrast', 'chat-high-contrast'],
] as const;

mkdirSync(images, { recursive: true });
const world = await startWorld();
try {
  const { workbench } = world;
  const { page } = workbench;
  const answers = workbench.webview.locator('[data-message-role="assistant"]');
  await workbench.runCommand('Godoty: Sign In');
  await workbench.pick('Create account');
  await workbench.answer(/e-mail address/, 'ada@example.org');
  await workbench.answer(/Choose a password/, 'correct horse battery staple');
  await workbench.statusBarItem.waitFor();
  await workbench.runCommand('Godoty: New Chat');
  await workbench.webview.getByTestId('prompt').fill('What can you do?');
  await page.keyboard.press('Enter');
  await answers.and(workbench.webview.locator('[data-status="done"]')).first().waitFor({ timeout: 60_000 });
  await workbench.runCommand('Notifications: Clear All Notifications');
  for (const [theme, name] of themes) {
    await workbench.runCommand('Preferences: Color Theme');
    await page.keyboard.type(theme);
    await page
      .getByRole('option', { name: new RegExp(`^${theme}`) })
      .first()
      .click();
    await workbench.webview.getByTestId('prompt').click();
    await page.screenshot({ path: path.join(images, `${name}.png`) });
    process.stdout.write(`${name}.png\n`);
  }
} finally {
  await world.close();
}
