/** The built core on the vault: sessions of before it, two backends, and windows that meet. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { MemoryFiles, MemoryLock, MemorySecrets, diskError, openWindow as openVault } from '../unit/vault/support.ts';
import type { Window as VaultWindow } from '../unit/vault/support.ts';
import { OPTIONS, ask, detailOf, openWindow, signIn } from './support.ts';
import type { Window } from './support.ts';

const HOUR = 3_600_000;

/** An auth server for one user, and all that it hears. */
interface Backend {
  readonly origin: string;
  readonly heard: { readonly path: string; readonly headers: string; readonly body: string }[];
  /** Holds back the answer to the next refresh until it is let go. */
  hold(): { readonly begun: Promise<void>; readonly letGo: () => void };
}

const servers: Server[] = [];

async function startServer(user: string): Promise<Backend> {
  const heard: { path: string; headers: string; body: string }[] = [];
  let tokens = 0;
  let gate: { begin: () => void; readonly open: Promise<void> } | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    let body = '';
    for await (const chunk of request) body += String(chunk);
    heard.push({ path, headers: JSON.stringify(request.headers), body });
    if (path.endsWith('refresh_token') && gate !== undefined) {
      const { begin, open } = gate;
      gate = undefined;
      begin();
      await open;
    }
    const granted = path.startsWith('/auth/v1/token');
    tokens += 1;
    const token = `e30.${Buffer.from(JSON.stringify({ session_id: user, n: tokens })).toString('base64url')}.s`;
    const session = {
      access_token: token,
      refresh_token: `refresh-${user}-${tokens}`,
      expires_in: 3600,
      user: { id: user, email: `${user}@example.org` },
    };
    response.writeHead(granted ? 200 : 400, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(granted ? session : { code: 'validation_failed', message: 'no' }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    hold: () => {
      let begin = (): void => undefined;
      let letGo = (): void => undefined;
      const begun = new Promise<void>((resolve) => (begin = resolve));
      gate = { begin, open: new Promise<void>((resolve) => (letGo = resolve)) };
      return { begun, letGo };
    },
  };
}

let here: Backend;
let there: Backend;
let shared: { secrets: MemorySecrets; files: MemoryFiles; lock: MemoryLock };
let ahead: number;
const clients: GodotyClient[] = [];

beforeAll(async () => {
  [here, there] = await Promise.all([startServer('here'), startServer('there')]);
});

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

beforeEach(() => {
  shared = { secrets: new MemorySecrets(), files: new MemoryFiles(), lock: new MemoryLock() };
  ahead = 0;
  here.heard.length = 0;
  there.heard.length = 0;
});

afterEach(() => {
  for (const client of clients.splice(0)) client.free();
});

/** A window of VS Code: a core for one backend, on the vault that all windows share. */
function open(server: Backend): Window & { readonly vault: VaultWindow } {
  const vault = openVault(shared, server.origin);
  const backend = { supabaseUrl: server.origin, litellmUrl: server.origin, publishableKey: 'public' };
  const window = openWindow({ ...backend, store: vault.store, clockAheadMs: () => ahead });
  clients.push(window.client);
  vault.store.onDidChange(() => window.client.storeChanged());
  window.client.setFocused(false);
  return { ...window, vault };
}

const sealed = (): number =>
  [...shared.files.bytes.values()].filter((bytes) => String(Buffer.from(bytes)).includes('sealed')).length;

describe('a session from before the vault', () => {
  const former = (origin: string): string => {
    const now = Date.now();
    // As the first version wrote it to SecretStorage.
    return JSON.stringify({
      version: 1,
      origin,
      session: {
        session_id: 'here',
        user_id: 'here',
        email: 'here@example.org',
        access_token: `e30.${Buffer.from('{"session_id":"here"}').toString('base64url')}.s`,
        refresh_token: 'refresh-of-old',
        issued_at: now,
        expires_at: now + HOUR,
      },
      model_access: { user_id: 'here', endpoint: `${origin}/`, key: 'sk-of-old', key_id: 'k1' },
    });
  };

  it('signs in without a call, moves with its first renewal, and brings the device’s key along', async () => {
    const name = `godoty.session:${here.origin}`;
    shared.secrets.values.set(name, former(here.origin));
    const first = open(here);
    expect(await first.client.restore()).toEqual({ sessionId: 'here', userId: 'here', email: 'here@example.org' });
    expect(here.heard).toEqual([]);
    ahead = HOUR;
    await first.client.accessToken();
    expect(here.heard.map(({ body }) => body)).toEqual([expect.stringContaining('refresh-of-old')]);
    expect([...shared.secrets.values.keys()]).toEqual(['godoty.vault.key']);
    expect(sealed()).toBe(1);
    const next = open(here);
    expect(await next.client.restore()).toMatchObject({ email: 'here@example.org' });
    await next.client.models().catch(() => undefined);
    expect(here.heard.filter(({ path }) => path.includes('vscode-config'))).toEqual([]);
    expect(here.heard.at(-1)?.headers).toContain('Bearer sk-of-old');
    expect([...first.vault.troubles, ...next.vault.troubles]).toEqual([]);
  });

  it('is gone after signing out', async () => {
    shared.secrets.values.set(`godoty.session:${here.origin}`, former(here.origin));
    const { client } = open(here);
    await client.restore();
    await client.signOut();
    expect([...shared.secrets.values.keys()]).toEqual(['godoty.vault.key']);
    expect(sealed()).toBe(0);
  });
});

describe('two backends', () => {
  it('have a session each; what belongs to one never reaches the other', async () => {
    const first = open(here);
    await signIn(first, 'here@example.org', 'password-here');
    const token = await first.client.accessToken();
    const secrets = [token, 'refresh-here', 'password-here', 'sk-of-old'];

    // The setting changes: another client, on the same vault.
    const second = open(there);
    expect(await second.client.restore()).toBeUndefined();
    expect(await second.client.accessToken().catch(() => 'none')).toBe('none');
    expect(there.heard).toEqual([]);
    await signIn(second, 'there@example.org', 'password-there');
    await second.client.models().catch(() => undefined);
    await second.client.usageOverview(true, true);
    await second.client.chat(crypto.randomUUID(), ask('m', 'x'), OPTIONS, () => undefined).catch(() => undefined);
    ahead = HOUR;
    await second.client.accessToken();
    expect(there.heard.length).toBeGreaterThan(4);
    const all = JSON.stringify(there.heard);
    for (const secret of secrets) expect(all.includes(secret)).toBe(false);

    // And back again.
    const third = open(here);
    expect(await third.client.restore()).toMatchObject({ userId: 'here' });
    await third.client.signOut();
    expect(await open(there).client.restore()).toMatchObject({ userId: 'there' });
    expect(JSON.stringify(here.heard)).not.toContain('there');
  });
});

it('a callback counts for the backend it was asked of alone, and its code goes to no other', async () => {
  const first = open(here);
  const request = { way: 'github', redirectTo: 'vscode://godoty.godoty/auth/callback' } as const;
  const started = await first.client.startSignIn(request);
  const nonce = started.kind === 'pending' ? started.nonce : '';
  const callback = `vscode://godoty.godoty/auth/callback?nonce=${nonce}&code=the-code`;

  // The setting changes while the browser is away.
  const second = open(there);
  expect((await detailOf(second.client.handleCallback(callback))).code).toBe('CALLBACK_UNKNOWN');
  expect(there.heard).toEqual([]);
  expect(await first.client.handleCallback(callback)).toMatchObject({ account: { userId: 'here' } });
  expect((await detailOf(first.client.handleCallback(callback))).code).toBe('CALLBACK_USED');
});

describe('signing out', () => {
  it('while another window renews the session waits for it, and leaves nothing anywhere', async () => {
    const first = open(here);
    await signIn(first, 'here@example.org', 'p');
    const second = open(here);
    await second.client.restore();
    ahead = HOUR;
    const held = here.hold();
    const renewed = first.client.accessToken();
    await held.begun;
    const out = second.client.signOut();
    const third = open(here);
    held.letGo();
    const token = await renewed;
    await out;
    expect(sealed()).toBe(0);
    expect(await third.client.restore()).toBeUndefined();
    first.vault.changes.fire();
    await vi.waitFor(() => expect(first.client.account()).toBeUndefined());
    expect((await detailOf(first.client.accessToken())).code).toBe('NOT_AUTHENTICATED');
    // The server ends the session by its newest token; the old one is dead.
    await vi.waitFor(() => expect(here.heard.at(-1)?.path).toContain('/logout'));
    expect(here.heard.at(-1)?.headers).toContain(token);
    expect(here.heard.filter(({ path }) => path.endsWith('refresh_token'))).toHaveLength(1);
  });

  it('that the disk does not take is an error, and can be done again', async () => {
    const { client, vault } = open(here);
    await signIn({ client }, 'here@example.org', 'p');
    shared.files.failWriting = diskError('EROFS');
    expect((await detailOf(client.signOut())).code).toBe('STORE_FAILED');
    expect(vault.troubles).toEqual(['readOnly']);
    shared.files.failWriting = undefined;
    await client.signOut();
    expect(sealed()).toBe(0);
  });
});

it('a session that the full disk does not take holds in this window, is told, and is stored when there is room', async () => {
  const window = open(here);
  shared.files.failWriting = diskError('ENOSPC');
  await signIn(window, 'here@example.org', 'p');
  expect(window.vault.troubles).toEqual(['diskFull']);
  expect(window.events.map(({ kind }) => kind)).toContain('storeFailed');
  expect(await window.client.accessToken()).toContain('e30.');
  expect(await open(here).client.restore()).toBeUndefined();
  shared.files.failWriting = undefined;
  ahead = HOUR;
  await window.client.accessToken();
  expect(await open(here).client.restore()).toMatchObject({ userId: 'here' });
});

it('a damaged file means signed out here, said once, and signing in again is all it takes', async () => {
  const window = open(here);
  await signIn(window, 'here@example.org', 'p');
  const [name, text] = shared.files.only;
  shared.files.put(name, text.slice(0, -20));
  const next = open(here);
  expect(await next.client.restore()).toBeUndefined();
  expect(next.vault.troubles).toEqual(['unreadable']);
  expect(next.events).toEqual([]);
  await signIn(next, 'here@example.org', 'p');
  expect(await open(here).client.restore()).toMatchObject({ userId: 'here' });
});

it('a store that can’t be read for a moment signs nobody out', async () => {
  const window = open(here);
  await signIn(window, 'here@example.org', 'p');
  shared.files.failReading = diskError('EIO');
  window.vault.changes.fire();
  const heard = (): string[] => window.events.map(({ kind }) => kind);
  await vi.waitFor(() => expect(heard()).toContain('storeFailed'));
  expect(heard()).not.toContain('signedOut');
  expect(window.vault.troubles).toEqual(['failed']);
  expect(window.client.account()).toMatchObject({ userId: 'here' });
  expect(await window.client.accessToken()).toContain('e30.');
  shared.files.failReading = undefined;
  ahead = HOUR;
  await window.client.accessToken();
  expect(await open(here).client.restore()).toMatchObject({ userId: 'here' });
});
