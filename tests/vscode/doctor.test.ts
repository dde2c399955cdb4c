// "Godoty: Doctor" in a real VS Code, in either of its extension hosts: all is well, and then something is not.
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { closedPort } from './harness/closedPort.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const EMAIL = 'ada@example.org';

let world: World;
let workbench: Workbench;

describe.each<ExtensionHost>(['node', 'worker'])('the doctor, %s host', (host) => {
  const step = steps(() => [workbench]);
  const line = (id: string) => workbench.editorPage.locator(`[data-check="${id}"]`);
  const tones = async (): Promise<Partial<Record<string, string>>> =>
    Object.fromEntries(
      await workbench.editorPage
        .locator('[data-check]')
        .evaluateAll((rows) =>
          rows.map((row) => [row.getAttribute('data-check') ?? '', row.getAttribute('data-tone') ?? ''] as const),
        ),
    );

  beforeAll(async () => {
    world = await startWorld({ host });
    workbench = world.workbench;
    // The palette finds a command whose name resembles others only when it is there.
    await workbench.activityBarItem.waitFor();
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, EMAIL);
    await workbench.answer(/Choose a password/, 'correct horse battery staple');
    await workbench.statusBarItem.waitFor();
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  step('finds nothing wrong where all is well', async () => {
    await workbench.runCommand('Godoty: Doctor');
    await workbench.editorPage.getByText('No problem was found').waitFor();
    expect(await tones()).toEqual({
      versions: 'ok',
      core: 'ok',
      secrets: 'ok',
      vault: 'ok',
      // A browser chooses its proxy by itself.
      proxy: host === 'node' ? 'ok' : 'skipped',
      account: 'ok',
      backend: 'ok',
      readiness: 'ok',
      models: 'ok',
      streaming: 'ok',
      clock: 'ok',
      session: 'ok',
      data: 'ok',
      key: 'ok',
      answer: 'manual',
      uriHandler: 'manual',
    });
    await workbench.picture(`doctor-${host}`);
    // The session that it looked at is still there, and nothing else stayed behind.
    expect(await world.storedSession()).toContain(EMAIL);
    expect(world.keptByExtension()).not.toContain('doctor.invalid');
  });

  step('tries a real answer and the way back from a browser when it is told to', async () => {
    await line('answer').getByRole('button', { name: 'Ask a Model' }).click();
    await line('answer').getByText('answered piece by piece').waitFor();
    const opened = workbench.page.context().waitForEvent('page');
    await line('uriHandler').getByRole('button', { name: 'Test the Way Back' }).click();
    const browser = await opened;
    await workbench.page.bringToFront();
    await line('uriHandler').getByText('The browser came back.').waitFor();
    await browser.close();
  });

  step('gives a report that can be pasted', async () => {
    await workbench.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await workbench.editorPage.getByRole('button', { name: 'Copy Report' }).click();
    await workbench.editorPage.getByRole('button', { name: 'Copied' }).waitFor();
    const report = await workbench.page.evaluate(() => navigator.clipboard.readText());
    expect(report).toMatch(/^## Godoty: Doctor\n\nNo problem was found \(/);
    expect(report).toContain('- **Model server**: OK.');
    const secrets = [EMAIL, world.stack.publishableKey, ...Object.values(await workbench.secrets())];
    expect(secrets.filter((secret) => report.includes(secret))).toEqual([]);
  });

  step('names a server that is not there, and leads to its setting', async () => {
    const nowhere = await closedPort();
    world.changeSettings({ 'godoty.backend.litellmUrl': nowhere });
    await workbench.reload();
    await workbench.statusBarItem.waitFor();
    await workbench.runCommand('Godoty: Doctor');
    // The head has it once all checks have ended.
    await workbench.editorPage.locator('header').getByRole('button', { name: 'Check Again' }).waitFor();
    // A browser does not say why.
    const words = host === 'node' ? `Nothing answers at ${nowhere}` : `Can’t reach ${nowhere}`;
    await line('models').getByText(words).waitFor();
    expect(await tones()).toMatchObject({ models: 'failed', account: 'ok', backend: 'ok', secrets: 'ok' });
    await workbench.picture(`doctor-failed-${host}`);
    await line('models').getByRole('button', { name: 'Open Settings' }).click();
    await workbench.page.locator('.settings-editor').getByText('Litellm Url').first().waitFor();
  });
});
