/** The models for both chats: what is new is told, and what could not be read is tried again. */
import { beforeEach, describe, expect, it } from 'vitest';

import type { GodotyClient, ModelInfo } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountState } from '../../../extension/src/account.ts';
import { FIRST_RETRY_MS, LAST_RETRY_MS, ModelList } from '../../../extension/src/models.ts';
import { ManualTimers, settled } from '../chat/support.ts';
import { EventEmitter } from './vscode.ts';

const signedIn = (userId: string): AccountState => ({
  kind: 'signedIn',
  account: { sessionId: 's', userId, email: `${userId}@example.org` },
});
const fault = (code: string, retryable: boolean): Error =>
  Object.assign(new Error(code), { name: 'GodotyError', detail: { code, retryable } });
const named = (...ids: string[]): ModelInfo[] => ids.map((id) => ({ id, chat: true }));

let state: AccountState;
let stateChanged: EventEmitter<AccountState>;
let models: () => Promise<ModelInfo[]>;
let reads: number;
let timers: ManualTimers;
let list: ModelList;
let told: number;

beforeEach(() => {
  state = signedIn('u1');
  stateChanged = new EventEmitter();
  models = () => Promise.resolve(named('a'));
  reads = 0;
  timers = new ManualTimers();
  const client = {
    models: () => {
      reads += 1;
      return models();
    },
  } as unknown as GodotyClient;
  list = new ModelList({
    account: {
      get state() {
        return state;
      },
      client: () => Promise.resolve(client),
      onDidChangeState: stateChanged.event,
    },
    schedule: timers.schedule,
  });
  told = 0;
  list.onDidChange(() => (told += 1));
});

function become(next: AccountState): void {
  state = next;
  stateChanged.fire(next);
}

describe('the models', () => {
  it('are those that can be chatted with', async () => {
    models = () => Promise.resolve([...named('a'), { id: 'embedding', chat: false }]);
    expect(await list.read()).toEqual(named('a'));
  });

  it('are told of when they are others than before, not otherwise', async () => {
    await list.read();
    await list.read();
    expect(told).toBe(0);
    models = () => Promise.resolve(named('a', 'b'));
    await list.read();
    expect(told).toBe(1);
    models = () => Promise.resolve([{ id: 'a', chat: true, inputPerMillion: '$1.00' }, ...named('b')]);
    await list.read();
    expect(told).toBe(2);
  });

  it('of another account are no news: everybody reads them anew', async () => {
    become(signedIn('u1'));
    await list.read();
    become(signedIn('u2'));
    models = () => Promise.resolve(named('b'));
    await list.read();
    expect(told).toBe(0);
  });

  it('that could not be read are tried again, ever more seldom, until they are there', async () => {
    models = () => Promise.reject(fault('NETWORK_ERROR', true));
    await expect(list.read()).rejects.toThrow('NETWORK_ERROR');
    await expect(list.read()).rejects.toThrow('NETWORK_ERROR');
    expect([reads, timers.waiting]).toEqual([2, 1]);
    timers.advance(FIRST_RETRY_MS);
    await settled();
    expect([reads, timers.waiting]).toEqual([3, 1]);
    timers.advance(FIRST_RETRY_MS);
    await settled();
    expect(reads).toBe(3);
    models = () => Promise.resolve(named('a'));
    timers.advance(FIRST_RETRY_MS);
    await settled();
    expect([reads, timers.waiting, told]).toEqual([4, 0, 1]);
    await list.read();
    expect(told).toBe(1);
  });

  it('are asked for at least every ten minutes while they are missing', async () => {
    models = () => Promise.reject(fault('SERVER_ERROR', true));
    await expect(list.read()).rejects.toThrow('SERVER_ERROR');
    for (let wait = FIRST_RETRY_MS; wait < 8 * LAST_RETRY_MS; wait += FIRST_RETRY_MS) {
      timers.advance(FIRST_RETRY_MS);
      await settled();
    }
    const before = reads;
    timers.advance(LAST_RETRY_MS);
    await settled();
    expect(reads).toBe(before + 1);
  });

  it('are not tried again where that can’t help, nor once somebody else is signed in, nor at the end', async () => {
    models = () => Promise.reject(fault('KEY_REJECTED', false));
    await expect(list.read()).rejects.toThrow('KEY_REJECTED');
    expect(timers.waiting).toBe(0);
    models = () => Promise.reject(fault('TIMEOUT', true));
    await expect(list.read()).rejects.toThrow('TIMEOUT');
    expect(timers.waiting).toBe(1);
    become({ kind: 'signedOut' });
    expect(timers.waiting).toBe(0);
    become(signedIn('u1'));
    await expect(list.read()).rejects.toThrow('TIMEOUT');
    list.dispose();
    expect(timers.waiting).toBe(0);
  });

  it('of an account that is gone meanwhile count for nothing', async () => {
    let give: (read: ModelInfo[]) => void = () => undefined;
    models = () => new Promise((resolve) => (give = resolve));
    const reading = list.read();
    await settled();
    become(signedIn('u2'));
    give(named('a'));
    await reading;
    models = () => Promise.resolve(named('b'));
    await list.read();
    expect(told).toBe(0);
  });
});
