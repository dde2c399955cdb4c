/** A defect that ends the built core in the midst of a call: who waits is told, the store is let go, and a new core goes on. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { GodotyClient, abandon, isTrap, onTrap } from '../../crate/wasm/pkg/godoty_core.js';
import { CoreLifetime } from '../../extension/src/core/lifetime.ts';
import { MemoryStore, detailOf, loadBuiltCore, openWindow, signIn } from './support.ts';
import type { Window } from './support.ts';

const SESSION = {
  access_token: `e30.${Buffer.from(JSON.stringify({ session_id: 's1' })).toString('base64url')}.s`,
  refresh_token: 'refresh',
  expires_in: 3600,
  user: { id: 'u1', email: 'u1@example.org' },
};

let server: Server;
let url: string;
/** Whether the server answers; else it leaves who asks waiting. */
let answers = true;
let lifetime: CoreLifetime;

beforeAll(async () => {
  loadBuiltCore();
  server = createServer((_, response) => {
    if (answers) {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(SESSION));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  lifetime = new CoreLifetime({ GodotyClient, abandon, isTrap, onTrap });
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  answers = true;
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A window whose core dies when `kill` is called: of a panic, or of memory that ran out. */
function openMortal(store: MemoryStore): Window & { readonly ended: () => number; readonly panic: () => void } {
  let ended = 0;
  let reenter = (): void => undefined;
  const window = openWindow({
    supabaseUrl: url,
    publishableKey: 'sb_publishable_test',
    litellmUrl: url,
    store,
    onClock: () => reenter(),
    open: (config, host) => lifetime.open(config, host, () => (ended += 1)),
  });
  const { client } = window;
  return {
    ...window,
    ended: () => ended,
    panic: () => {
      // The machine is borrowed while this asks for the time, and a clock that changes it meanwhile breaks a rule of Rust's.
      reenter = () => {
        reenter = () => undefined;
        client.setFocused(true);
      };
      client.keyOf();
    },
  };
}

/** What ends a core, and what its caller gets: thrown, or as what a promise rejects with. */
type End = (window: ReturnType<typeof openMortal>) => unknown;

const ENDS: readonly [string, End][] = [
  ['a panic', (window) => window.panic()],
  [
    'memory that runs out in a call',
    ({ client }) => {
      const endless = { length: 2 ** 32 - 1, charCodeAt: () => 0x80 };
      return client.handleCallback(endless as unknown as string);
    },
  ],
  [
    'memory that runs out in a promise',
    ({ client }) => {
      const endless: unknown = Object.create(Uint8Array.prototype, { length: { value: 2 ** 32 - 1 } });
      const body = (): ReadableStream => new ReadableStream({ start: (controller) => controller.enqueue(endless) });
      vi.stubGlobal('fetch', () => Promise.resolve(new Response(body())));
      return client.probe('account');
    },
  ],
];

async function killed(window: ReturnType<typeof openMortal>, kill: End): Promise<unknown> {
  try {
    await kill(window);
  } catch (error) {
    vi.unstubAllGlobals();
    return error;
  }
  throw new Error('it lives');
}

describe.each(ENDS)('a core that is ended by %s', (_, kill) => {
  it('says so to its caller, in its own error', async () => {
    const window = openMortal(new MemoryStore());
    expect(await killed(window, kill)).toMatchObject({
      name: 'GodotyError',
      detail: { code: 'INTERNAL', retryable: true },
    });
    expect(window.ended()).toBe(1);
  });

  it('leaves nobody waiting', async () => {
    const window = openMortal(new MemoryStore());
    answers = false;
    const waits = [
      window.client.startSignIn({ way: 'password', email: 'u1@example.org', password: 'p' }),
      window.client.awaitSignIn('a nonce'),
    ].map(detailOf);
    await killed(window, kill);
    expect(await Promise.all(waits)).toEqual(Array(2).fill({ code: 'INTERNAL', retryable: true }));
  });

  it('lets the store go', async () => {
    const store = new MemoryStore();
    const window = openMortal(store);
    await signIn(window, 'u1@example.org', 'password');
    // The key is asked for under the store's lock, and the server is silent.
    answers = false;
    const began = vi.spyOn(store, 'update');
    const waits = detailOf(window.client.models());
    await vi.waitUntil(() => began.mock.calls.length > 0);
    await killed(window, kill);
    expect(await waits).toEqual({ code: 'INTERNAL', retryable: true });
    await store.update(() => Promise.resolve({ kind: 'keep' }));
  });

  it('is followed by a new one, which takes up the session', async () => {
    const store = new MemoryStore();
    const first = openMortal(store);
    await signIn(first, 'u1@example.org', 'password');
    await killed(first, kill);
    // The old client is dead, and says so.
    expect(() => first.client.account()).toThrow(/defect/u);
    const second = openMortal(store);
    expect(await second.client.restore()).toMatchObject({ userId: 'u1' });
    expect(await second.client.accessToken()).toBe(SESSION.access_token);
    // A second defect is survived like the first.
    await killed(second, kill);
    expect(await openMortal(store).client.restore()).toMatchObject({ userId: 'u1' });
    expect([first.ended(), second.ended()]).toEqual([1, 1]);
  });

  it('does nothing with what comes for it later', async () => {
    const window = openMortal(new MemoryStore());
    let answer: ((response: Response) => void) | undefined;
    vi.stubGlobal('fetch', () => new Promise((resolve) => (answer = resolve)));
    const waits = detailOf(
      window.client.startSignIn({ way: 'password', email: 'u1@example.org', password: 'password' }),
    );
    await vi.waitUntil(() => answer !== undefined);
    await killed(window, kill);
    expect(await waits).toEqual({ code: 'INTERNAL', retryable: true });
    const response = Response.json(SESSION);
    const looks = vi.spyOn(response, 'status', 'get');
    answer?.(response);
    await new Promise((resolve) => setImmediate(resolve));
    expect(looks).not.toHaveBeenCalled();
  });

  it('answers what needs no client from a new instance', async () => {
    const version = lifetime.run(() => GodotyClient.coreVersion());
    await killed(openMortal(new MemoryStore()), kill);
    expect(lifetime.run(() => GodotyClient.coreVersion())).toBe(version);
  });

  it('is called by no timer any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const window = openMortal(new MemoryStore());
      await signIn(window, 'u1@example.org', 'password');
      expect(window.timers.size).toBeGreaterThan(0);
      await killed(window, kill);
      await vi.runAllTimersAsync();
      expect(window.timers.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
