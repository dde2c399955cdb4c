/** The keys that `vscode-config` issues, at the real LiteLLM proxy: what refuses them, and what the client does then. */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { MemoryStore, openWindow } from '../boundary/support.ts';
import { chat, keyOf, manage, signedUp, startWorld } from './support.ts';
import type { User, World } from './support.ts';

const SOON = { timeout: 30_000, interval: 250 };

let world: World;
let user: User;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(async () => {
  await world.close();
});

beforeEach(async () => {
  user = await signedUp(world);
});

/** The type of the error that the proxy answers to a key, undefined when it takes it. */
async function refusalOf(key: string): Promise<string | undefined> {
  const response = await fetch(`${world.proxy.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  const body = (await response.json()) as { error?: { type: string } };
  return body.error?.type;
}

it.each([
  ['deleted', 'token_not_found_in_db', (hash: string) => manage(world, '/key/delete', { keys: [hash] })],
  ['blocked', 'auth_error', (hash: string) => manage(world, '/key/block', { key: hash })],
  ['expired', 'expired_key', (hash: string) => manage(world, '/key/update', { key: hash, duration: '1s' })],
])('a key that was %s is replaced once, without the user noticing', async (_, type, change) => {
  const old = keyOf(user);
  await change(old.hash);
  await vi.waitFor(async () => {
    expect(await refusalOf(old.key)).toBe(type);
  }, SOON);

  const before = world.front.chats();
  const { answer } = await chat(user, 'gpt-4o-mini');
  expect(answer.outcome).toEqual({ kind: 'done' });
  expect(world.front.chats() - before).toBe(2);
  const now = keyOf(user);
  expect(now.hash).not.toBe(old.hash);
  // The device's former key is not merely unused.
  await vi.waitFor(async () => {
    expect(await refusalOf(old.key)).toBe('token_not_found_in_db');
  }, SOON);
  expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
  expect(keyOf(user).hash).toBe(now.hash);
});

it('a key that never was one is replaced as well', async () => {
  const { key } = keyOf(user);
  const store = new MemoryStore();
  store.text = (user.store.text ?? '').replace(key, `${key.slice(0, -4)}bad0`);
  const other = { ...openWindow({ ...world.stack, store }), store };
  await other.client.restore();
  expect((await chat(other, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
});

it('the refusal stands when no other key can be had', async () => {
  const { hash } = keyOf(user);
  await manage(world, '/key/block', { key: hash });
  const before = world.front.chats();
  world.front.managed = false;
  try {
    const { answer } = await chat(user, 'gpt-4o-mini', { maxRetries: 3 });
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'KEY_REJECTED', status: 401 } });
    expect(world.front.chats() - before).toBe(1);
  } finally {
    world.front.managed = true;
  }
  expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
});

it.each([
  ['requests', { rpm_limit: 1 }],
  ['tokens', { tpm_limit: 1 }],
])('the limit of a key on its %s is a rate limit with a time to wait', async (_, limit) => {
  const { hash } = keyOf(user);
  await manage(world, '/key/update', { key: hash, ...limit });
  const error = await refusedIn(() => chat(user, 'gpt-4o-mini', { maxRetries: 0 }));
  expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryable: true });
  expect(error.retryAfterMs).toBeGreaterThan(0);
  expect(error.retryAfterMs).toBeLessThanOrEqual(60_000);
  expect(keyOf(user).hash).toBe(hash);
});

it.each([
  ['key', (hash: string) => manage(world, '/key/update', { key: hash, max_budget: 0.000_000_001 })],
  ['account', (_: string, id: string) => manage(world, '/user/update', { user_id: id, max_budget: 0.000_000_001 })],
])('the used-up budget of the %s is said at once: no retry, no other key', async (_, limit) => {
  const { hash } = keyOf(user);
  expect((await chat(user, 'gpt-4o-mini')).answer.outcome).toEqual({ kind: 'done' });
  await limit(hash, user.client.account()?.userId ?? '');
  const error = await refusedIn(() => chat(user, 'gpt-4o-mini', { maxRetries: 3 }));
  expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED', status: 422, retryable: false, server: 'models' });
  expect(keyOf(user).hash).toBe(hash);
  const before = world.front.chats();
  await chat(user, 'gpt-4o-mini', { maxRetries: 3 });
  expect(world.front.chats() - before).toBe(1);
});

it('a model that the key may not use is named as such', async () => {
  const { hash } = keyOf(user);
  await manage(world, '/key/update', { key: hash, models: ['gpt-4o'] });
  const error = await refusedIn(() => chat(user, 'gpt-4o-mini', { maxRetries: 3 }));
  expect(error).toMatchObject({ code: 'MODEL_NOT_ALLOWED', status: 403, retryable: false });
  expect((await chat(user, 'gpt-4o')).answer.outcome).toEqual({ kind: 'done' });
  expect(keyOf(user).hash).toBe(hash);
});

/** Asks until the proxy refuses: it takes note of what was spent and of new limits a moment later. */
async function refusedIn(ask: () => ReturnType<typeof chat>) {
  return vi.waitFor(async () => {
    const { outcome } = (await ask()).answer;
    if (outcome.kind !== 'error') throw new Error(`not refused: ${outcome.kind}`);
    return outcome.error;
  }, SOON);
}
