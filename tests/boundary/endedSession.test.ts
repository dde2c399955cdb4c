/** Chat needs this device's key alone: what goes on when the account is out of reach, or its session has ended. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { openGate } from '../support/gate.ts';
import { MemoryQueues, MemoryStore, OPTIONS, ask, detailOf, openWindow, signIn, signUp } from './support.ts';
import type { Window } from './support.ts';

const PASSWORD = 'correct horse battery';
let stack: LocalStack;

beforeAll(async () => {
  stack = await startLocalStack({ data: { kind: 'memory' }, models: { kind: 'built-in', chunksPerSecond: 200 } });
});

afterAll(async () => {
  await stack.close();
});

/** A window that is signed in and has its device's key; its clock can be set ahead. */
async function chatting(supabaseUrl = stack.supabaseUrl) {
  let ahead = 0;
  const options = {
    ...stack,
    supabaseUrl,
    store: new MemoryStore(),
    queues: new MemoryQueues(),
    clockAheadMs: () => ahead,
  };
  const window = openWindow(options);
  const email = `${crypto.randomUUID()}@example.org`;
  await signUp(window, email, PASSWORD);
  await window.client.models();
  return {
    ...window,
    ...options,
    email,
    setAhead: (ms: number): void => {
      ahead = ms;
    },
  };
}

async function chat({ client }: Pick<Window, 'client'>): Promise<string> {
  const callId = crypto.randomUUID();
  const answer = await client.chat(callId, ask('gpt-4o-mini', 'hello'), OPTIONS, () => undefined);
  expect(answer.outcome).toEqual({ kind: 'done' });
  return callId;
}

const keyIn = (store: MemoryStore): unknown =>
  (JSON.parse(store.text ?? '{}') as { readonly model_access?: { readonly key?: unknown } }).model_access?.key;

/** Ends the session at the server, and lets the window find out. */
async function end(window: Awaited<ReturnType<typeof chatting>>): Promise<void> {
  const token = await window.client.accessToken();
  const headers = { apikey: stack.publishableKey, authorization: `Bearer ${token}` };
  const ended = await fetch(`${stack.supabaseUrl}/auth/v1/logout?scope=global`, { method: 'POST', headers });
  expect(ended.status).toBe(204);
  window.setAhead(24 * 3_600_000);
  expect((await detailOf(window.client.accessToken())).code).toBe('SESSION_EXPIRED');
}

it('chat goes on while the account is out of reach, with a token that is dead', async () => {
  const gate = await openGate(stack.supabaseUrl);
  const window = await chatting(gate.url);
  gate.open = false;
  window.setAhead(24 * 3_600_000);
  expect((await detailOf(window.client.accessToken())).code).toBe('NETWORK_ERROR');
  await chat(window);
  expect(window.client.account()).toMatchObject({ email: window.email });
  gate.close();
});

it('chat goes on when the server has ended the session, in windows that open later too, and says for whom', async () => {
  const window = await chatting();
  const userId = window.client.account()?.userId;
  expect(window.client.keyOf()).toBeUndefined();
  await end(window);
  expect(window.events.at(-1)).toMatchObject({ kind: 'signedOut', reason: 'expired' });
  expect([window.client.account(), window.client.keyOf()]).toEqual([undefined, userId]);
  await chat(window);
  const later = openWindow(window);
  expect([await later.client.restore(), later.client.keyOf()]).toEqual([undefined, userId]);
  await chat(later);
});

it('signing in again takes up the device’s key, and tells the account of what was asked meanwhile', async () => {
  const window = await chatting();
  const key = keyIn(window.store);
  await end(window);
  const callId = await chat(window);
  window.setAhead(0);
  await signIn(window, window.email, PASSWORD);
  await chat(window);
  expect(typeof key).toBe('string');
  expect([keyIn(window.store), window.client.keyOf()]).toEqual([key, undefined]);
  await vi.waitFor(async () => {
    const rows = await stack.db.query('select 1 from public.usage_records where call_id = $1', [callId]);
    expect(rows).toHaveLength(1);
  });
});

it('signing out stops chat at once, also after the session had ended', async () => {
  const signedIn = await chatting();
  const ended = await chatting();
  await end(ended);
  for (const window of [signedIn, ended]) {
    await window.client.signOut();
    const answer = window.client.chat(crypto.randomUUID(), ask('gpt-4o-mini', 'hello'), OPTIONS, () => undefined);
    expect((await detailOf(answer)).code).toBe('NOT_AUTHENTICATED');
    expect([window.client.keyOf(), window.store.text]).toEqual([undefined, undefined]);
  }
});
