/** How an answer comes to its end, against model servers that behave oddly: the built WebAssembly on loopback. */
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { MemoryStore, OPTIONS, ask, collector, detailOf, openWindow, signIn, signUp } from './support.ts';
import type { WindowOptions } from './support.ts';

const EMAIL = `${crypto.randomUUID()}@example.org`;
const PASSWORD = 'correct horse battery';
const HI = ask('gpt-4o-mini', 'hi');
let stack: LocalStack;
/** What the store holds of somebody with a key. */
let signedIn: string;
const closing: (() => void)[] = [];

beforeAll(async () => {
  stack = await startLocalStack({ data: { kind: 'memory' }, models: { kind: 'built-in', chunksPerSecond: 200 } });
  const store = new MemoryStore();
  const window = openWindow({ ...stack, store });
  await signUp(window, EMAIL, PASSWORD);
  await window.client.models();
  signedIn = store.text ?? '';
});

afterEach(() => {
  for (const close of closing.splice(0)) {
    close();
  }
});

afterAll(async () => {
  await stack.close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A window whose key is good at a server of this test. */
async function at(
  litellmUrl: string,
  store = new MemoryStore(),
  options: Partial<WindowOptions> = {},
): Promise<GodotyClient> {
  store.text ??= signedIn.replaceAll(stack.litellmUrl, litellmUrl);
  const { client } = openWindow({ ...stack, litellmUrl, store, ...options });
  await client.restore();
  return client;
}

const events = (...chunks: readonly object[]): string =>
  [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('');

const HELLO = events({ choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' }] });

describe('the models', () => {
  it('are read anew after a while, and those that were read before serve when that fails', async () => {
    let names = ['a'];
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.statusCode = names.length === 0 ? 503 : 200;
      response.end(JSON.stringify({ data: names.map((name) => ({ model_name: name })) }));
    });
    let clockAheadMs = 0;
    const client = await at(url, new MemoryStore(), { clockAheadMs: () => clockAheadMs });
    const read = async (): Promise<string[]> => (await client.models()).map(({ id }) => id);
    expect([await read(), await read(), asked]).toEqual([['a'], ['a'], 1]);
    names = ['a', 'b'];
    clockAheadMs = 600_000;
    expect(await read()).toEqual(['a', 'b']);
    names = [];
    clockAheadMs = 1_200_000;
    expect([await read(), asked]).toEqual([['a', 'b'], 3]);
  });
});

describe('an answer', () => {
  it('of which words have come is not asked for again, in whatever form they came', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      if (request.method === 'POST' && (asked += 1) === 1) {
        const half = { choices: [{ index: 0, message: { content: 'Hel' } }], error: { message: 'lost', code: 500 } };
        response.setHeader('content-type', 'application/json').end(JSON.stringify(half));
      } else {
        response.end(request.method === 'POST' ? HELLO : '{"data":[]}');
      }
    });
    const { text, onPiece } = collector();
    const client = await at(url);
    const answer = await client.chat(crypto.randomUUID(), HI, { ...OPTIONS, maxRetries: 1 }, onPiece);
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'SERVER_ERROR' } });
    expect([text(), asked]).toEqual(['Hel', 1]);
  });

  it('that is stopped has ended at once, though the prices are still being read', async () => {
    let isReading = false;
    const url = await serve((request, response) => {
      if (request.method === 'POST') {
        response.setHeader('content-type', 'text/event-stream');
        response.write('data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n');
      } else {
        isReading = true;
        response.on('close', () => (isReading = false));
      }
    });
    const client = await at(url);
    const abort = new AbortController();
    const answer = await client.chat(crypto.randomUUID(), HI, OPTIONS, () => abort.abort(), abort.signal);
    expect(answer).toMatchObject({ outcome: { kind: 'cancelled' }, cost: { source: 'unknown' } });
    expect(isReading).toBe(true);
  });

  it('that was stopped before it was asked for was not asked for, and counts as no request', async () => {
    let asked = 0;
    const client = await at(
      await serve((_, response) => {
        asked += 1;
        response.end('{"data":[]}');
      }),
    );
    const stopped = client.chat(crypto.randomUUID(), HI, OPTIONS, () => undefined, AbortSignal.abort());
    expect((await detailOf(stopped)).code).toBe('CANCELLED');
    expect([client.usage(true).window.requests, asked]).toEqual([0, 0]);
  });

  it('that is stopped while the account’s server takes its time over a key has ended at once', async () => {
    let waiting = 0;
    const supabaseUrl = await serve(() => (waiting += 1));
    const store = new MemoryStore();
    await signUp(openWindow({ ...stack, store }), `${crypto.randomUUID()}@example.org`, PASSWORD);
    store.text = (store.text ?? '').replaceAll(stack.supabaseUrl, supabaseUrl);
    const { client } = openWindow({ ...stack, supabaseUrl, store });
    await client.restore();
    const abort = new AbortController();
    const stopped = client.chat(crypto.randomUUID(), HI, OPTIONS, () => undefined, abort.signal);
    await vi.waitFor(() => expect(waiting).toBe(1));
    abort.abort();
    expect((await detailOf(stopped)).code).toBe('CANCELLED');
    expect(client.usage(true).window).toMatchObject({ requests: 0 });
    client.free();
  });

  it('comes from an address that ends in /v1 as well, and so do the models', async () => {
    const paths: string[] = [];
    const url = await serve((request, response) => {
      paths.push(request.url ?? '');
      response.end(request.method === 'POST' ? HELLO : '{"data":[{"model_name":"a"}]}');
    });
    const store = new MemoryStore();
    store.text = signedIn.replaceAll(stack.litellmUrl, url);
    const client = await at(`${url}/v1`, store);
    expect(await client.models()).toEqual([{ id: 'a', chat: true }]);
    const { text, onPiece } = collector();
    await client.chat(crypto.randomUUID(), HI, OPTIONS, onPiece);
    expect(text()).toBe('Hello');
    expect(paths).toEqual(['/v1/model/info', '/v1/chat/completions']);
  });

  it('needs the key alone: one comes when the session has ended, and is told once there is another', async () => {
    const store = new MemoryStore();
    store.text = JSON.stringify({ ...(JSON.parse(signedIn) as object), session: null });
    const client = await at(stack.litellmUrl, store);
    expect(client.account()).toBeUndefined();
    const id = crypto.randomUUID();
    const answer = await client.chat(id, HI, OPTIONS, () => undefined);
    expect(answer.outcome).toEqual({ kind: 'done' });
    await signIn({ client }, EMAIL, PASSWORD);
    await vi.waitFor(async () => {
      expect(await stack.db.query('select 1 from public.usage_records where call_id = $1', [id])).toHaveLength(1);
    });
  });
});

describe('a server', () => {
  it('that never stops talking is cut off', async () => {
    const piece = ' '.repeat(1 << 20);
    let isClosed = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      isClosed = resolve;
    });
    const url = await serve((_, response) => {
      const talk = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', talk).on('close', isClosed);
      talk();
    });
    const { client } = openWindow({ ...stack, supabaseUrl: url });
    expect((await detailOf(signIn({ client }, EMAIL, PASSWORD))).code).toBe('UNEXPECTED_RESPONSE');
    await gone;
  });

  it('that names numbers beyond reason is understood all the same', async () => {
    const account = await serve((_, response) => {
      response.writeHead(429, { 'retry-after': '9007199254740993' }).end('{"code":"over_request_rate_limit"}');
    });
    const { client } = openWindow({ ...stack, supabaseUrl: account });
    expect(await detailOf(signIn({ client }, EMAIL, PASSWORD))).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 86_400_000,
    });
    const info = '{"data":[{"model_name":"a","model_info":{"max_input_tokens":9223372036854775807}}]}';
    const models = await at(await serve((_, response) => response.end(info)));
    expect(await models.models()).toEqual([{ id: 'a', chat: true, maxInputTokens: 2 ** 63 }]);
  });
});
