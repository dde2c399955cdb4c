/** Looking at the servers from outside, by the built core: real servers, a wrong one, and things that stand in the way. */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { detailOf, openWindow, signUp } from './support.ts';
import type { Window, WindowOptions } from './support.ts';

let stack: LocalStack;
const opened: Window[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(() => stack.close());
afterEach(async () => {
  for (const { client } of opened.splice(0)) client.free();
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    }),
  );
});

function clientAt(options: Partial<WindowOptions> = {}) {
  const { supabaseUrl, publishableKey, litellmUrl } = stack;
  const window = openWindow({ supabaseUrl, publishableKey, litellmUrl, ...options });
  opened.push(window);
  return window.client;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What stands before the backend and hands on whole answers only, as many proxies do. */
const collecting = (): Promise<string> =>
  serve((request, response) => {
    fetch(`${stack.supabaseUrl}${request.url}`)
      .then((answer) => answer.text())
      .then(
        (text) => response.end(text),
        () => response.destroy(),
      );
  });

describe('a healthy backend', () => {
  it('answers every look, and a stream of it flows', async () => {
    const client = clientAt();
    expect(await client.probe('account')).toEqual({ tookMs: expect.any(Number) as unknown });
    expect(await client.probe('models')).toEqual({ tookMs: expect.any(Number) as unknown });
    expect(await client.probe('readiness')).toMatchObject({ database: 'ok', models: 'ok' });
    expect(await client.probe('backend')).toMatchObject({
      version: '0.1.0',
      heldBack: false,
      clock: { wrong: false },
    });
  });

  it('is looked at without a credential', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const note: RequestListener = ({ headers }, response) => {
      seen.push(headers);
      response.end('{}');
    };
    const url = await serve(note);
    const client = clientAt({ supabaseUrl: url, litellmUrl: url });
    for (const id of ['account', 'backend', 'readiness', 'models'] as const) {
      await detailOf(client.probe(id));
    }
    expect(seen).toHaveLength(4);
    expect(seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });
});

describe('what is in the way', () => {
  it('is found out when it collects a stream', async () => {
    const client = clientAt({ supabaseUrl: await collecting() });
    expect(await client.probe('backend')).toMatchObject({ heldBack: true, clock: { wrong: false } });
  });

  it.each([
    [-300_000, false],
    [300_000, true],
  ])('is a clock that is off by %i ms', async (clockAheadMs, ahead) => {
    const { clock } = await clientAt({ clockAheadMs: () => clockAheadMs }).probe('backend');
    expect(clock).toMatchObject({ ahead, wrong: true });
    expect(Math.abs((clock?.offMs ?? 0) - 300_000)).toBeLessThan(60_000);
  });

  it('is a publishable key that the server does not know', async () => {
    const client = clientAt({ publishableKey: 'sb_publishable_other' });
    expect(await detailOf(client.probe('account'))).toMatchObject({
      code: 'INVALID_CONFIGURATION',
      status: 401,
      reasons: ['supabaseKey'],
    });
  });

  it('is another server than the one that should be there', async () => {
    const url = await serve((_, response) => response.end('<html>Welcome</html>'));
    const client = clientAt({ supabaseUrl: url, litellmUrl: url });
    for (const [id, server] of [
      ['account', 'account'],
      ['backend', 'account'],
      ['readiness', 'account'],
      ['models', 'models'],
    ] as const) {
      expect(await detailOf(client.probe(id))).toMatchObject({ code: 'UNEXPECTED_RESPONSE', server, origin: url });
    }
  });

  it('is a port at which nobody listens', async () => {
    const origin = await serve(() => undefined);
    await new Promise((done) => servers.pop()?.close(done));
    const found = await detailOf(clientAt({ litellmUrl: origin }).probe('models'));
    expect(found).toMatchObject({ code: 'NETWORK_ERROR', network: 'refused', origin });
  });

  it('can be left', async () => {
    const url = await serve(() => undefined);
    const leaving = new AbortController();
    const probe = clientAt({ litellmUrl: url }).probe('models', leaving.signal);
    leaving.abort();
    expect(await detailOf(probe)).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('this device’s key', () => {
  it('is asked for by nobody who is signed out', async () => {
    const client = clientAt();
    expect(await detailOf(client.probe('key'))).toMatchObject({ code: 'NOT_AUTHENTICATED' });
    expect(client.tokenEndsAt()).toBeUndefined();
  });

  it('is taken, until it is revoked', async () => {
    const client = clientAt();
    await signUp({ client }, 'ada@example.org', 'correct horse battery');
    expect(client.tokenEndsAt()).toBeGreaterThan(Date.now());
    await client.probe('key');
    await stack.db.query('delete from local_stack.model_keys');
    expect(await detailOf(client.probe('key'))).toMatchObject({ code: 'KEY_REJECTED', server: 'models' });
  });
});
