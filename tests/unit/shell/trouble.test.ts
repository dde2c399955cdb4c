/** What happens to the session without the user's doing reaches the user: the extension as a whole, with the core played. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ExtensionContext } from 'vscode';

import type { Account, CoreHost, GodotyClient } from '../../../crate/wasm/pkg/godoty_core.js';
import { openClient } from '../../../extension/src/core/load.ts';
import { activate } from '../../../extension/src/extension.ts';
import { MemoryFiles, MemoryLock, MemorySecrets, diskError } from '../vault/support.ts';
import { Uri, host } from './vscode.ts';

const USER: Account = { sessionId: 's1', userId: 'u1', email: 'u1@example.org' };
const FORMER = 'godoty.session:https://example.org';

vi.mock(import('../../../extension/src/core/load.ts'), () => ({
  openClient: vi.fn<typeof openClient>(),
  coreVersion: () => '0',
  cameAtOnce: () => false,
}));

let files: MemoryFiles;
let secrets: MemorySecrets;
let core: CoreHost;
/** The user with whose key chat goes on. */
let keyOf: string | undefined;
let start: () => void;

/** The core, as far as these tests come: it stores who signs in, twice if need be, and goes on without. */
function client(): GodotyClient {
  const never = () => new Promise<never>(() => undefined);
  return {
    setFocused: () => undefined,
    restore: () => Promise.resolve(USER),
    keyOf: () => keyOf,
    models: never,
    usage: () => undefined,
    usageOverview: never,
    signInWays: () => Promise.resolve([{ way: 'password', returns: [] }]),
    startSignIn: async () => {
      const store = (): Promise<void> => core.updateStore(() => Promise.resolve({ kind: 'replace', text: 'stored' }));
      await store().catch(() => store().catch(() => undefined));
      return { kind: 'signedIn', account: USER };
    },
  } as unknown as GodotyClient;
}

beforeEach(() => {
  host.reset();
  host.settings.set('godoty.backend.supabaseUrl', 'https://example.org');
  files = new MemoryFiles();
  secrets = new MemorySecrets();
  keyOf = undefined;
  vi.mocked(openClient).mockImplementation((_extension, _config, opened) => {
    core = opened;
    return Promise.resolve(client());
  });
  const memory = () => ({ get: () => undefined, update: () => Promise.resolve(), keys: () => [] });
  const context = {
    subscriptions: [] as { dispose(): void }[],
    extension: { id: 'godoty.godoty' },
    extensionUri: Uri.file('/extension'),
    globalStorageUri: Uri.file('/storage'),
    globalState: memory(),
    workspaceState: memory(),
    secrets,
  };
  start = () => activate(context as unknown as ExtensionContext, { vault: () => ({ files, lock: new MemoryLock() }) });
  return () => {
    for (const subscription of context.subscriptions) {
      subscription.dispose();
    }
  };
});

describe('a store', () => {
  it('that fails to write says so once, and the user is signed in all the same', async () => {
    files.failWriting = diskError('ENOSPC');
    start();
    void host.registered.get('godoty.signIn')?.();
    (await host.picks.next()).pick('$(key) Sign in with e-mail and password');
    for (const text of ['u1@example.org', 'a password']) {
      const box = await host.boxes.next();
      box.type(text);
      box.accept();
    }
    const told = await host.shown.next();
    expect(told).toMatchObject({ kind: 'warning', buttons: ['Show Log'] });
    expect(told.message).toMatch(/^The disk is full, so your Godoty session can’t be stored/u);
    expect((await host.shown.next()).message).toBe('Signed in as u1@example.org.');
    expect(host.shown.waiting).toEqual([]);
    expect(host.log.join('\n')).toMatch(/the session store: diskFull/u);
    told.press('Show Log');
    await vi.waitFor(() => expect(host.commands.at(-1)?.id).toBe('godoty.showLog'));
  });

  it('that can’t be read at the start says so', async () => {
    secrets.get = () => Promise.reject(new Error('locked'));
    start();
    expect((await host.shown.next()).message).toMatch(/secret storage does not work here/u);
  });
});

describe('a session that the server ended', () => {
  async function end(): Promise<void> {
    secrets.values.set(FORMER, 'a session');
    start();
    await vi.waitFor(() => expect(host.statusBar.label).toMatch(/^Godoty/u));
    core.onEvent({ kind: 'signedOut', account: USER, reason: 'expired' });
  }

  it('is told with what goes on, and the button signs in', async () => {
    keyOf = 'u1';
    await end();
    const told = await host.shown.next();
    expect(told).toMatchObject({ kind: 'warning', buttons: ['Sign In'] });
    expect(told.message).toMatch(/^Your Godoty session has ended\. Chat goes on; sign in again/u);
    expect(host.statusBar.label).toMatch(/session ended, chat goes on/u);
    expect(host.commands).toContainEqual({ id: 'setContext', args: ['godoty.sessionEnded', true] });
    told.press('Sign In');
    await vi.waitFor(() => expect(host.commands.at(-1)?.id).toBe('godoty.signIn'));
  });

  it('without a key for the chat is told as the end of both', async () => {
    await end();
    expect((await host.shown.next()).message).toBe('Your Godoty session has ended. Sign in again to go on.');
    expect(host.statusBar.label).not.toMatch(/chat goes on/u);
  });
});
