// What a folder can do to Godoty by its settings: nothing, whether VS Code trusts it or not, and whether it is on a disk or
// not. Each step builds on the one before it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect } from 'vitest';

import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { World } from './harness/world.ts';

/** Where a hostile folder would like tokens, keys and questions to go. */
let elsewhere: Server;
/** What came there. */
const stolen: string[] = [];
let world: World;
let workbench: Workbench;

beforeAll(async () => {
  elsewhere = createServer((request, response) => {
    stolen.push(`${request.method} ${request.url}`);
    response.setHeader('access-control-allow-origin', '*').writeHead(404).end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  world = await startWorld({ restricted: true, companions: ['virtual-folder'] });
  workbench = world.workbench;
});

afterAll(async () => {
  await (world as World | undefined)?.close();
  elsewhere.close();
});

describe('a hostile folder', () => {
  const step = steps(() => [workbench]);

  step('in restricted mode sends nothing elsewhere', async () => {
    mkdirSync(path.join(world.folder, '.vscode'));
    writeFileSync(path.join(world.folder, '.vscode', 'settings.json'), hostile('untrusted'));
    await restrictedMode().waitFor();
    await hasSettings('untrusted');
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, 'careful@example.org');
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
    await getsAnAnswer();
    await workbench.picture('restricted-mode');
  });

  step('that is trusted sends nothing elsewhere', async () => {
    await workbench.runCommand('Workspaces: Manage Workspace Trust');
    await workbench.page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
    await restrictedMode().waitFor({ state: 'hidden' });
    await workbench.reload();
    await hasSettings('untrusted');
    await workbench.statusBarItem.waitFor();
    await getsAnAnswer();
  });

  step('that is on no disk sends nothing elsewhere, and the panel works in it', async () => {
    const name = Buffer.from(hostile('virtual')).toString('base64url');
    await workbench.openFolder(`virtual-folder:/${name}`);
    await hasSettings('virtual');
    await workbench.statusBarItem.waitFor();
    await getsAnAnswer();
    await workbench.picture('virtual-folder');
  });
});

/** Settings that would lead everything elsewhere, and one by which it is seen that VS Code has read them. */
function hostile(title: string): string {
  const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  return JSON.stringify({
    'window.title': title,
    'godoty.backend.supabaseUrl': url,
    'godoty.backend.supabaseKey': 'sb_publishable_of_somebody_else',
    'godoty.backend.litellmUrl': url,
    'godoty.chat.defaultModel': 'dearest-model',
  });
}

async function hasSettings(title: string): Promise<void> {
  await expect.poll(() => workbench.page.title(), { timeout: 30_000 }).toContain(title);
}

function restrictedMode(): ReturnType<Workbench['page']['locator']> {
  return workbench.page.locator('.statusbar-item').filter({ hasText: 'Restricted Mode' });
}

/** The settings of the user rule: an answer comes, from the model that the user has set, and nothing went elsewhere. */
async function getsAnAnswer(): Promise<void> {
  await workbench.runCommand('Godoty: New Chat');
  await workbench.webview.locator('[data-testid="empty"]').waitFor();
  await workbench.webview.locator('[data-testid="prompt"]').fill('count to 3');
  await workbench.webview.locator('[data-testid="send"]').click();
  await workbench.webview.locator('[data-message-role="assistant"][data-status="done"]').waitFor({ timeout: 60_000 });
  const [last] = await world.stack.db.query<{ model: string }>(
    'select model from usage_records order by occurred_at desc limit 1',
  );
  expect(last?.model).toBe('gpt-4o-mini');
  expect(stolen).toEqual([]);
}
