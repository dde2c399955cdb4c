/** The built WebAssembly against the embedded backend: what the shell relies on. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { openGate } from '../support/gate.ts';
import { MemoryQueues, MemoryStore, OPTIONS, ask, collector, detailOf, openWindow, signIn, signUp } from './support.ts';

const PASSWORD = 'correct horse battery';
let stack: LocalStack;

beforeAll(async () => {
  stack = await startLocalStack({ data: { kind: 'memory' }, models: { kind: 'built-in', chunksPerSecond: 200 } });
});

afterAll(async () => {
  await stack.close();
});

const newEmail = (): string => `${crypto.randomUUID()}@example.org`;

async function signedUp(store = new MemoryStore()) {
  const window = openWindow({ ...stack, store });
  const email = newEmail();
  await signUp(window, email, PASSWORD);
  return { ...window, email, store };
}

describe('the account', () => {
  it('is made, restored by another window without a call, and gone from memory and store after signing out', async () => {
    const { client, email, store, events } = await signedUp();
    expect(events).toMatchObject([{ kind: 'signedIn', account: { email } }]);
    const other = openWindow({ ...stack, supabaseUrl: stack.supabaseUrl, store });
    expect(await other.client.restore()).toMatchObject({ email });
    await client.signOut();
    expect(client.account()).toBeUndefined();
    expect(store.text).toBeUndefined();
    other.client.storeChanged();
    await vi.waitFor(() => {
      expect(other.events).toMatchObject([{ kind: 'signedOut', reason: 'elsewhere' }]);
    });
    expect((await detailOf(other.client.accessToken())).code).toBe('NOT_AUTHENTICATED');
  });

  it('tells a wrong password from a weak one and from an account that exists', async () => {
    const { client, email } = await signedUp();
    expect((await detailOf(signIn({ client }, email, 'wrong'))).code).toBe('INVALID_CREDENTIALS');
    expect((await detailOf(signUp({ client }, email, PASSWORD))).code).toBe('ACCOUNT_EXISTS');
    const weak = await detailOf(signUp({ client }, newEmail(), 'short'));
    expect(weak).toMatchObject({ code: 'WEAK_PASSWORD', status: 422, retryable: false });
    expect(weak.reasons).toContain('length');
  });

  it('is renewed no more by a client that was freed, also when its store never worked', async () => {
    for (const broken of [false, true]) {
      const store = new MemoryStore();
      store.broken = broken;
      const { client, timers } = await signedUp(store);
      expect(timers.size).toBe(1);
      client.free();
      await vi.waitFor(() => expect(timers.size).toBe(0));
    }
  });

  it('is confirmed by e-mail first where the server wants it so', async () => {
    const strict = await startLocalStack({ data: { kind: 'memory' }, autoConfirm: false });
    try {
      const { client, events } = openWindow(strict);
      const email = newEmail();
      expect(await signUp({ client }, email, PASSWORD)).toMatchObject({ kind: 'pending' });
      expect((await detailOf(signIn({ client }, email, PASSWORD))).code).toBe('EMAIL_NOT_CONFIRMED');
      expect(client.account()).toBeUndefined();
      expect(events).toEqual([]);
    } finally {
      await strict.close();
    }
  });

  it('renews its token once when many ask at the moment of expiry', async () => {
    let ahead = 0;
    const store = new MemoryStore();
    const { client, events } = openWindow({ ...stack, store, clockAheadMs: () => ahead });
    await signUp({ client }, newEmail(), PASSWORD);
    const first = await client.accessToken();
    ahead = 3_600_000;
    const tokens = await Promise.all(Array.from({ length: 20 }, () => client.accessToken()));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).not.toBe(first);
    expect(events.filter((event) => event.kind === 'refreshed')).toHaveLength(1);
  });

  it('holds for this window when the store does not work, and says so', async () => {
    const store = new MemoryStore();
    store.broken = true;
    const { client, events } = openWindow({ ...stack, store });
    await signUp({ client }, newEmail(), PASSWORD);
    expect(events.map((event) => event.kind)).toContain('storeFailed');
    expect(client.account()).toBeDefined();
    expect((await detailOf(client.signOut())).code).toBe('STORE_FAILED');
  });

  it('is signed out, with a word, when what is stored is damaged', async () => {
    const store = new MemoryStore();
    store.text = '{"version":1,"origin":';
    const { client, events } = openWindow({ ...stack, store });
    expect(await client.restore()).toBeUndefined();
    expect(events).toEqual([{ kind: 'storedSessionUnreadable' }]);
  });

  it('lets a sign-in be cancelled while the server is silent', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const closed = new Promise<void>((resolve) =>
      silent.on('request', (request) => request.on('close', () => resolve())),
    );
    const { client } = openWindow({ ...stack, supabaseUrl: `http://127.0.0.1:${port}` });
    const abort = new AbortController();
    const signingIn = detailOf(signIn({ client }, 'a@example.org', 'x', abort.signal));
    await new Promise((resolve) => silent.once('request', resolve));
    await collectGarbage();
    abort.abort();
    expect((await signingIn).code).toBe('CANCELLED');
    await closed;
    silent.close();
  });
});

describe('an answer', () => {
  it('streams, costs what the integer sum says, and reaches the account', async () => {
    const { client } = await signedUp();
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of ids) {
      const { text, onPiece } = collector();
      const answer = await client.chat(id, ask('gpt-4o-mini', 'hello'), OPTIONS, onPiece);
      expect(answer.outcome).toEqual({ kind: 'done' });
      expect(text().length).toBeGreaterThan(20);
      expect(answer.usage?.completionTokens).toBeGreaterThan(0);
      expect(BigInt(answer.cost.picoUsd ?? '0')).toBeGreaterThan(0n);
    }
    const { window: totals, requests } = await client.usageOverview(true, false);
    const sum = requests.reduce((total, request) => total + BigInt(request.cost.picoUsd ?? '0'), 0n);
    expect(requests.map((request) => request.callId)).toEqual(ids.toReversed());
    expect(totals.costPicoUsd).toBe(sum.toString());
    await vi.waitFor(async () => {
      const rows = await stack.db.query<{ sum: string }>(
        'select (sum(cost_estimated) * 1e12)::numeric(40, 0)::text as sum from public.usage_records where call_id = any($1::uuid[])',
        [ids],
      );
      expect(rows[0]?.sum).toBe(sum.toString());
    });
  });

  it('is recorded once although the account was out of reach and the window was closed', async () => {
    const gate = await openGate(stack.supabaseUrl);
    const store = new MemoryStore();
    const queues = new MemoryQueues();
    const first = openWindow({ ...stack, supabaseUrl: gate.url, store, queues });
    await signUp(first, newEmail(), PASSWORD);
    await first.client.models();
    gate.open = false;
    const id = crypto.randomUUID();
    const answer = await first.client.chat(id, ask('gpt-4o-mini', 'hello'), OPTIONS, () => undefined);
    expect(answer.outcome).toEqual({ kind: 'done' });
    await vi.waitFor(() => {
      expect([...queues.texts.values()].join()).toContain(id);
    });
    const count = async (): Promise<number> => {
      const rows = await stack.db.query('select 1 from public.usage_records where call_id = $1', [id]);
      return rows.length;
    };
    expect(await count()).toBe(0);
    gate.open = true;
    // Two later windows at once, of which neither knows of the other.
    const saved = new Map(queues.texts);
    for (const texts of [queues, { texts: saved }]) {
      const later = openWindow({ ...stack, supabaseUrl: gate.url, store, queues: texts });
      expect(await later.client.restore()).toBeDefined();
    }
    await vi.waitFor(async () => {
      expect(await count()).toBe(1);
      expect([...queues.texts.values(), ...saved.values()].join()).not.toContain(id);
    });
    gate.close();
  });

  it('stops when the caller aborts, keeps what came, and ends the call at the server', async () => {
    const { client } = await signedUp();
    const abort = new AbortController();
    let text = '';
    const answer = await client.chat(
      crypto.randomUUID(),
      ask('gpt-4o-mini', 'Tell me a very long story'),
      OPTIONS,
      (piece) => {
        text += piece.text ?? '';
        if (text.length > 40) {
          abort.abort();
        }
      },
      abort.signal,
    );
    expect(answer.outcome).toEqual({ kind: 'cancelled' });
    expect(text.length).toBeGreaterThan(40);
    expect(answer.cost).toMatchObject({ source: 'unknown', text: '–' });
    // What nobody said is not shown as nothing.
    expect((await client.usageOverview(true, false)).requests[0]).not.toHaveProperty('tokens');
  });

  it('stops even when the garbage collector has been through, as it is in a long answer', async () => {
    const { client } = await signedUp();
    const abort = new AbortController();
    const stopped = new Promise<void>((resolve) => {
      abort.signal.addEventListener('abort', () => resolve());
    });
    let text = '';
    const answer = client.chat(
      crypto.randomUUID(),
      ask('gpt-4o-mini', 'count to 5000'),
      OPTIONS,
      (piece) => {
        text += piece.text ?? '';
        if (text.includes('1, 2, 3') && !abort.signal.aborted) {
          void collectGarbage().then(() => abort.abort());
        }
      },
      abort.signal,
    );
    await stopped;
    expect((await answer).outcome).toEqual({ kind: 'cancelled' });
    expect(text).not.toContain('1000');
  });

  it('replaces a key that was revoked, once, without the user noticing', async () => {
    const { client, store } = await signedUp();
    await client.models();
    const { model_access: access } = JSON.parse(store.text ?? '{}') as { model_access: { key: string } };
    const deleted = await fetch(`${stack.litellmUrl}/key/delete`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.masterKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ keys: [access.key] }),
    });
    expect(deleted.status).toBe(200);
    const answer = await client.chat(crypto.randomUUID(), ask('gpt-4o-mini', 'hi'), OPTIONS, () => undefined);
    expect(answer.outcome).toEqual({ kind: 'done' });
  });

  it('waits for the first byte, and for each further one, as long as it is told', async () => {
    const { client, store } = await signedUp();
    await client.models();
    let talks = false;
    const silent = createServer((request, response) => {
      if (request.url?.includes('model/info') === true) {
        response.setHeader('content-type', 'application/json').end('{"data":[]}');
      } else if (talks) {
        // One piece of an answer, and then nothing.
        response.setHeader('content-type', 'text/event-stream');
        response.write('data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n');
      }
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    // The stored key is taken for one of the silent server's.
    store.text = store.text?.replaceAll(stack.litellmUrl, silentUrl);
    const patient = openWindow({ ...stack, litellmUrl: silentUrl, store });
    await patient.client.restore();
    const options = { ...OPTIONS, firstByteMs: 100, idleMs: 100 };
    for (talks of [false, true]) {
      const { text, onPiece } = collector();
      const answer = await patient.client.chat(crypto.randomUUID(), ask('gpt-4o-mini', 'hi'), options, onPiece);
      expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'TIMEOUT', retryable: true } });
      expect(text()).toBe(talks ? 'Hel' : '');
    }
    silent.closeAllConnections();
    silent.close();
  });

  it('says which model is not there', async () => {
    const { client } = await signedUp();
    const answer = await client.chat(crypto.randomUUID(), ask('no-such-model', 'hi'), OPTIONS, () => undefined);
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'MODEL_NOT_FOUND' } });
  });

  it('needs an account, and its key leaves for no other origin', async () => {
    const nobody = openWindow(stack);
    const asked = nobody.client.chat(crypto.randomUUID(), ask('gpt-4o-mini', 'hi'), OPTIONS, () => undefined);
    expect((await detailOf(asked)).code).toBe('NOT_AUTHENTICATED');

    const requests: string[] = [];
    const stranger = createServer((request, response) => {
      requests.push(JSON.stringify(request.headers));
      response.end('{}');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as AddressInfo;
    const { client } = openWindow({ ...stack, litellmUrl: `http://127.0.0.1:${port}` });
    await signUp({ client }, newEmail(), PASSWORD);
    const refused = client.chat(crypto.randomUUID(), ask('gpt-4o-mini', 'hi'), OPTIONS, () => undefined);
    expect((await detailOf(refused)).code).toBe('ORIGIN_MISMATCH');
    expect(requests).toEqual([]);
    stranger.close();
  });

  it('follows no redirect', async () => {
    const seen: string[] = [];
    const thief = createServer((request, response) => {
      seen.push(String(request.headers['apikey']));
      response.end('{}');
    });
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    const redirecting = createServer((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${(thief.address() as AddressInfo).port}/` }).end();
    });
    await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve));
    const { client } = openWindow({
      ...stack,
      supabaseUrl: `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`,
    });
    expect((await detailOf(signIn({ client }, 'a@example.org', PASSWORD))).code).toBe('NETWORK_ERROR');
    expect(seen).toEqual([]);
    redirecting.close();
    thief.close();
  });
});

/** Node keeps the collector to itself unless it is asked. Weak references die only between two turns of the loop. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    collect();
    await setImmediate();
  }
}

describe('the configuration', () => {
  it.each([
    ['supabaseUrl', 'http://example.org', ['supabaseUrl', 'plainHttp']],
    ['supabaseUrl', 'nonsense', ['supabaseUrl']],
    ['litellmUrl', 'https://user:pass@example.org', ['litellmUrl']],
    ['publishableKey', ' ', ['supabaseKey']],
  ])('refuses %s = %j and names it', async (field, value, reasons) => {
    const open = Promise.resolve().then(() => openWindow({ ...stack, [field]: value }));
    const detail = await detailOf(open);
    expect(detail.code).toBe('INVALID_CONFIGURATION');
    expect(detail.reasons).toEqual(reasons);
  });
});
