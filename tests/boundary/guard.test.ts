/** The one guard before whatever calls the backend as the user: no function of the built core gets around it. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { MemoryStore, OPTIONS, ask, detailOf, openWindow } from './support.ts';

const HOUR = 3_600_000;
const HOST = { desktop: true, uriHandler: true, loopback: true };

/** Each function of the client, and what it has to do with the user's access token. */
const USES: Record<Exclude<keyof GodotyClient, 'free' | typeof Symbol.dispose>, Use> = {
  accessToken: { kind: 'guarded', run: (client) => client.accessToken(), calls: [] },
  models: { kind: 'guarded', run: (client) => client.models(), calls: ['/functions/v1/vscode-config'] },
  chat: {
    kind: 'guarded',
    run: (client) => client.chat(crypto.randomUUID(), ask('a', 'b'), OPTIONS, () => undefined),
    calls: ['/functions/v1/vscode-config'],
  },
  setPassword: { kind: 'guarded', run: (client) => client.setPassword('another password'), calls: ['/auth/v1/user'] },
  usageOverview: {
    kind: 'guarded',
    run: (client) => client.usageOverview(true, true),
    calls: ['/rest/v1/rpc/usage_requests'],
  },
  // The other probes go without a credential (probe.test.ts).
  probe: { kind: 'guarded', run: (client) => client.probe('key'), calls: ['/functions/v1/vscode-config'] },
  // It ends the session with whatever token there is.
  signOut: { kind: 'without', run: (client) => client.signOut(), calls: ['/auth/v1/logout?scope=local'] },
  signInWays: { kind: 'without', run: (client) => client.signInWays(HOST), calls: ['/auth/v1/settings'] },
  startSignIn: {
    kind: 'without',
    run: (client) => client.startSignIn({ way: 'password', email: 'u@example.org', password: 'p' }),
    calls: ['/auth/v1/token?grant_type=password'],
  },
  awaitSignIn: { kind: 'without', run: (client) => client.awaitSignIn('n'), calls: [] },
  enterCode: { kind: 'without', run: (client) => client.enterCode('123456'), calls: [] },
  handleCallback: { kind: 'without', run: (client) => client.handleCallback('/cb?nonce=n&code=c'), calls: [] },
  account: { kind: 'without', run: (client) => client.account(), calls: [] },
  keyOf: { kind: 'without', run: (client) => client.keyOf(), calls: [] },
  restore: { kind: 'without', run: (client) => client.restore(), calls: [] },
  storeChanged: { kind: 'without', run: (client) => client.storeChanged(), calls: [] },
  tokenEndsAt: { kind: 'without', run: (client) => client.tokenEndsAt(), calls: [] },
  usage: { kind: 'without', run: (client) => client.usage(true), calls: [] },
  // A window that gets the focus renews its token ahead of time, and makes no other call.
  setFocused: { kind: 'without', run: (client) => client.setFocused(false), calls: [] },
};

interface Use {
  readonly kind: 'guarded' | 'without';
  readonly run: (client: GodotyClient) => unknown;
  /** What it asks for first, beside what the guard does. */
  readonly calls: readonly string[];
}

interface Call {
  readonly path: string;
  /** The access token that it had, by its number. */
  readonly token: string | undefined;
}

/** The access token with a number. */
const tokenOf = (number: number): string =>
  `e30.${Buffer.from(JSON.stringify({ session_id: 's1', n: number })).toString('base64url')}.s`;

let server: Server;
let origin: string;
/** What windows asked for: each has a path of its own, since some calls are still under way when a test is over. */
const heard = new Map<string, Call[]>();
let calls: Call[];
/** The tokens that the server refuses. */
let refused: Set<string>;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, window = '', path = ''] = /^(\/\d+)(.*)$/u.exec(request.url ?? '') ?? [];
  const bearer = /^Bearer (e30\..*)$/u.exec(request.headers.authorization ?? '')?.[1];
  const token = bearer && `t${[1, 2].find((number) => tokenOf(number) === bearer) ?? '?'}`;
  heard.get(window)?.push({ path, token });
  const refusal = token !== undefined && refused.has(token);
  const [status, body] = path.endsWith('refresh_token')
    ? [200, { access_token: tokenOf(2), refresh_token: 'r2', expires_in: 3600, user: { id: 'u1', email: 'u@x.org' } }]
    : refusal
      ? [401, { code: 'bad_jwt', message: 'no' }]
      : [400, { code: 'validation_failed', message: 'no' }];
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const opened: GodotyClient[] = [];

afterEach(() => {
  for (const client of opened.splice(0)) client.free();
});

/** A window on this stored text. Its clock is ahead by so many milliseconds. */
async function open(text: string | undefined, aheadMs: () => number): Promise<GodotyClient> {
  calls = [];
  refused = new Set();
  const path = `/${heard.size}`;
  heard.set(path, calls);
  const store = new MemoryStore();
  store.text = text;
  const backend = { supabaseUrl: origin + path, litellmUrl: origin + path, publishableKey: 'k' };
  const { client } = openWindow({ ...backend, store, clockAheadMs: aheadMs });
  opened.push(client);
  // The one in which the user is renews its token by itself.
  client.setFocused(false);
  await client.restore();
  expect(calls).toEqual([]);
  return client;
}

/** A stored session whose token lives for so long from now on. */
function stored(lifeMs = HOUR): string {
  const now = Date.now();
  return JSON.stringify({
    version: 1,
    origin,
    session: {
      session_id: 's1',
      user_id: 'u1',
      email: 'u@example.org',
      access_token: tokenOf(1),
      refresh_token: 'r1',
      issued_at: now,
      expires_at: now + lifeMs,
      generation: 1,
    },
  });
}

/** Runs it, whatever comes of it: what counts is what the server heard. */
async function run(use: Use, client: GodotyClient): Promise<void> {
  await Promise.resolve(use.run(client)).catch(() => undefined);
}

const REFRESH: Call = { path: '/auth/v1/token?grant_type=refresh_token', token: undefined };
const guarded = Object.entries(USES).filter(([, { kind }]) => kind === 'guarded');
const others = Object.entries(USES).filter(([, { kind }]) => kind === 'without');

it('each function of the client is known to the tests below', () => {
  const names = Object.getOwnPropertyNames(GodotyClient.prototype);
  const own = names.filter((name) => !['constructor', 'free', '__destroy_into_raw'].includes(name));
  expect(Object.keys(USES).sort()).toEqual(own.sort());
});

describe.each(guarded)('%s', (name, use) => {
  it('uses the token in memory while that lives', async () => {
    const client = await open(stored(), () => 0);
    await run(use, client);
    expect(calls.map(({ path }) => path)).toEqual(use.calls.length === 0 ? [] : expect.arrayContaining([...use.calls]));
    expect(calls[0]?.token).toBe(use.calls.length === 0 ? undefined : 't1');
  });

  it('renews a token that has ended before anything else, and never shows it again', async () => {
    const client = await open(stored(), () => HOUR);
    await run(use, client);
    const [first, ...rest] = calls;
    expect(first).toEqual(REFRESH);
    expect(rest.map(({ path }) => path)).toEqual(expect.arrayContaining([...use.calls]));
    expect(new Set(rest.map(({ token }) => token))).toEqual(new Set(use.calls.length === 0 ? [] : ['t2']));
  });

  it('renews a token that the server refuses, once, and tries again', async () => {
    const client = await open(stored(), () => 0);
    refused.add('t1').add('t2');
    await run(use, client);
    expect(calls.filter(({ path }) => path === REFRESH.path)).toHaveLength(use.calls.length === 0 ? 0 : 1);
    const [own = ''] = use.calls;
    const tried = calls.filter(({ path }) => path === own).map(({ token }) => token);
    expect(tried).toEqual(use.calls.length === 0 ? [] : ['t1', 't2']);
  });

  it('makes no call while nobody is signed in', async () => {
    const client = await open(undefined, () => 0);
    if (name !== 'usageOverview') {
      expect((await detailOf(Promise.resolve(use.run(client)))).code).toBe('NOT_AUTHENTICATED');
    } else {
      await use.run(client);
    }
    expect(calls).toEqual([]);
  });
});

describe.each(others)('%s', (name, use) => {
  it('has no use for the user’s token', async () => {
    const client = await open(stored(), () => HOUR);
    await run(use, client);
    // A session that is over here is ended at the server by and by.
    await expect.poll(() => calls.map(({ path }) => path)).toEqual(use.calls);
    const shown = calls.map(({ token }) => token).filter((token) => token !== undefined);
    expect(shown).toEqual(name === 'signOut' ? ['t1'] : []);
  });
});

it('a token that the server was not asked about for two hours is shown to it first', async () => {
  let ahead = 2 * HOUR - 60_000;
  const client = await open(stored(24 * HOUR), () => ahead);
  expect(await client.accessToken()).toBe(tokenOf(1));
  expect(calls).toEqual([]);
  ahead = 2 * HOUR + 60_000;
  refused.add('t1');
  expect(await client.accessToken()).toBe(tokenOf(2));
  expect(calls).toEqual([{ path: '/auth/v1/user', token: 't1' }, REFRESH]);
});
