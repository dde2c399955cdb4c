// What a newcomer does, in a real VS Code against the embedded backend, in either of its extension hosts. Each step builds on
// the one before it.
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { formatUsd } from './harness/money.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const email = 'newcomer@example.org';
const password = 'correct horse battery staple';

/** From now on the database refuses usage records, as one does that has no room left. */
const diskFull = `do $do$ begin
  create function public.disk_full() returns trigger language plpgsql as
    $$begin raise 'no space left on device' using errcode = 'disk_full'; end$$;
  create trigger disk_full before insert on public.usage_records execute function public.disk_full();
end $do$`;

let world: World;
let workbench: Workbench;

describe.each<ExtensionHost>(['node', 'worker'])('a newcomer, %s host', (host) => {
  const step = steps(() => [workbench]);

  beforeAll(async () => {
    world = await startWorld({ host });
    workbench = world.workbench;
  });

  afterAll(async () => {
    // A world that did not start has nothing to close.
    await (world as World | undefined)?.close();
  });

  step('creates an account from the command palette and is signed in', async () => {
    await workbench.runCommand('Godoty: Sign In');
    await workbench.picture('ways-to-sign-in');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Choose a password/, password);
    await workbench.statusBarItem.waitFor();
    await workbench.notification(new RegExp(`Signed in as ${email}`)).waitFor();
    await workbench.picture('signed-up');
    expect(Object.keys(await workbench.secrets())).toEqual(['godoty.vault.key']);
  });

  step('has the extension in that host', async () => {
    // What runs in the browser's worker sends from the browser; what runs in Node does not.
    const { supabaseUrl, litellmUrl } = world.stack;
    const paths = (): string[] =>
      [...new Set([supabaseUrl, litellmUrl].flatMap((origin) => workbench.pathsAskedFor(origin)))]
        .filter((path) => path !== '/rest/v1/rpc/quota')
        .toSorted();
    const expected = [
      '/auth/v1/settings',
      '/auth/v1/signup',
      '/functions/v1/vscode-config',
      '/rest/v1/rpc/usage_requests',
      '/v1/model/info',
    ];
    await expect.poll(paths, { timeout: 40_000 }).toEqual(host === 'worker' ? expected : []);
    expect(await devices()).toEqual([`code-server · ${new URL(workbench.page.url()).host}`]);
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
    await expect.poll(recordedOutcomes, { timeout: 40_000 }).toEqual(['cancelled', 'done', 'done']);
    const costs = await recordedPicoUsd();
    expect(new Set(costs).size).toBe(2);
    const shown = formatUsd(costs.reduce((sum, cost) => sum + cost, 0n));
    await expect.poll(statusText, { timeout: 40_000 }).toMatch(new RegExp(`(^|\\s)${shown.replace(/[$.]/g, '\\$&')}$`));
  });

  step(
    'is still signed in when the window is opened again, without being asked, and what could not be sent is sent',
    async () => {
      await world.stack.db.query(diskFull);
      await send('Goodbye');
      await answer(3, 'done');
      expect(await recordedOutcomes()).toHaveLength(3);
      await expect.poll(keptAndNotRecorded).toBe(1);
      const { page } = workbench;
      const url = page.url();
      await page.goto('about:blank');
      await world.stack.db.query('drop trigger disk_full on public.usage_records');
      await page.goto(url);
      await workbench.statusBarItem.waitFor();
      await workbench.picture('opened-again');
      expect(await workbench.asksSomething()).toBe(false);
      await newChat();
      await expect.poll(recordedOutcomes, { timeout: 40_000 }).toEqual(['cancelled', 'done', 'done', 'done']);
      await send('Hello again');
      await answer(0, 'done');
    },
  );

  step('signs out, and nothing secret is left', async () => {
    const session = (await world.storedSession()) ?? '';
    const tokens = Object.values(JSON.parse(session) as object).flatMap((value) => secretsIn(value));
    const [last] = await world.stack.db.query<{ token: string }>(
      'select token from auth.refresh_tokens order by id desc limit 1',
    );
    expect(tokens).toContain(last?.token);
    const [key] = Object.values(await workbench.secrets());
    await workbench.runCommand('Godoty: Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await workbench.webview.locator('[data-testid="sign-in"]').waitFor();
    await workbench.picture('signed-out');
    // The key stays for the next session; nothing is left that it opens.
    await expect.poll(() => world.storedSession()).toBeUndefined();
    expect(await workbench.secrets()).toEqual({ 'godoty.vault.key': key });
    const written = world.writtenByVsCode();
    expect(written).toContain(world.stack.supabaseUrl);
    for (const secret of [password, key?.slice(2) ?? '', session, ...tokens])
      expect(written.includes(secret)).toBe(false);
  });
});

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

/** The texts within a stored session that are long enough for a secret. */
function secretsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.match(/[\w.-]{10,}/g) ?? [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

async function statusText(): Promise<string> {
  return (await workbench.statusBarItem.innerText()).trim();
}

/** What the account says of the devices that have a key. */
async function devices(): Promise<string[]> {
  const rows = await world.stack.db.query<{ device_name: string }>('select device_name from user_api_keys');
  return rows.map((row) => row.device_name);
}

async function recordedOutcomes(): Promise<string[]> {
  const rows = await world.stack.db.query<{ outcome: string }>('select outcome from usage_records order by outcome');
  return rows.map(({ outcome }) => outcome);
}

/** How many calls the extension keeps that the account has not got. */
async function keptAndNotRecorded(): Promise<number> {
  const rows = await world.stack.db.query<{ call_id: string }>('select call_id from usage_records');
  const recorded = new Set(rows.map(({ call_id: id }) => id));
  const kept = Array.from(world.keptByExtension().matchAll(/"call_id":"([^"]+)"/gu), ([, id = '']) => id);
  return new Set(kept.filter((id) => !recorded.has(id))).size;
}

/** The recorded costs that are known, in pico-USD, which have to be whole. */
async function recordedPicoUsd(): Promise<bigint[]> {
  const rows = await world.stack.db.query<{ pico: string }>(
    'select trim_scale(cost_estimated * 1000000000000)::text as pico from usage_records where cost_estimated is not null',
  );
  return rows.map(({ pico }) => BigInt(pico));
}
