import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Account } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountNews, AccountService, AccountState } from '../../../extension/src/account.ts';
import { GodotyAuthenticationProvider } from '../../../extension/src/auth/provider.ts';
import { EventEmitter, host } from './vscode.ts';

const USER: Account = { sessionId: 's1', userId: 'u1', email: 'u1@example.org' };
const ENTRY = { id: 's1', account: { id: 'u1', label: 'u1@example.org' }, scopes: ['godoty'] };

let state: AccountState;
let restore: () => Promise<void>;
let news: EventEmitter<AccountNews>;
let token: () => Promise<string>;
const signOut = vi.fn(() => Promise.resolve());
const signIn = vi.fn((): Promise<Account | undefined> => Promise.resolve(USER));

function provider(): GodotyAuthenticationProvider {
  const account = {
    restore: () => restore(),
    get state() {
      return state;
    },
    client: () => Promise.resolve({ accessToken: () => token() }),
    onNews: news.event,
    signOut,
  };
  return new GodotyAuthenticationProvider(account as unknown as AccountService, signIn);
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { name: 'GodotyError', detail: { code, retryable: false } });
}

beforeEach(() => {
  host.reset();
  vi.clearAllMocks();
  state = { kind: 'signedIn', account: USER };
  restore = () => Promise.resolve();
  news = new EventEmitter();
  token = () => Promise.resolve('a token');
});

describe('VS Code asks for sessions', () => {
  it.each([[undefined], [[]], [['godoty']], [['godoty', 'godoty']]])(
    'with the scopes %j and gets one',
    async (scopes) => {
      expect(await provider().getSessions(scopes, {})).toEqual([{ ...ENTRY, accessToken: 'a token' }]);
    },
  );

  it('before the stored session was read, and gets it as soon as it is', async () => {
    state = { kind: 'restoring' };
    restore = async () => {
      await Promise.resolve();
      state = { kind: 'signedIn', account: USER };
    };
    expect(await provider().getSessions(['godoty'], {})).toHaveLength(1);
  });

  it('by itself, at every start, and gets none that the user does not want restored', async () => {
    state = { kind: 'signedOut' };
    restore = () => {
      state = { kind: 'signedIn', account: USER };
      return Promise.resolve();
    };
    expect(await provider().getSessions(undefined, {})).toEqual([]);
  });

  it('and gets none for other scopes, for another account, and while nobody is signed in', async () => {
    expect(await provider().getSessions(['godoty', 'admin'], {})).toEqual([]);
    expect(await provider().getSessions(undefined, { account: { id: 'u2', label: 'x' } })).toEqual([]);
    expect(await provider().getSessions(undefined, { account: { id: 'u1', label: 'x' } })).toHaveLength(1);
    state = { kind: 'signedOut' };
    expect(await provider().getSessions(undefined, {})).toEqual([]);
  });

  it('and gets none when the session has ended, but hears of a network that fails', async () => {
    token = () => Promise.reject(fault('SESSION_EXPIRED'));
    expect(await provider().getSessions(undefined, {})).toEqual([]);
    token = () => Promise.reject(fault('NOT_AUTHENTICATED'));
    expect(await provider().getSessions(undefined, {})).toEqual([]);
    token = () => Promise.reject(fault('NETWORK_ERROR'));
    await expect(provider().getSessions(undefined, {})).rejects.toThrow('NETWORK_ERROR');
  });
});

describe('VS Code asks for a new session', () => {
  it('and gets one', async () => {
    expect(await provider().createSession(['godoty'])).toEqual({ ...ENTRY, accessToken: 'a token' });
  });

  it('and hears "Cancelled" when the user leaves', async () => {
    signIn.mockResolvedValueOnce(undefined);
    await expect(provider().createSession([])).rejects.toThrow(/^Cancelled$/u);
  });

  it('of a certain account, and gets no other’s', async () => {
    const other = { account: { id: 'u2', label: 'u2@example.org' } };
    await expect(provider().createSession([], other)).rejects.toThrow('Another account');
    expect(signIn).toHaveBeenLastCalledWith('u2');
  });

  it('and is refused for a scope that does not exist, without a question', async () => {
    await expect(provider().createSession(['admin'])).rejects.toThrow('one scope');
    expect(signIn).not.toHaveBeenCalled();
  });
});

describe('VS Code removes a session', () => {
  it('which is the present one', async () => {
    await provider().removeSession('s1');
    expect(signOut).toHaveBeenCalledOnce();
  });

  it('which is gone already', async () => {
    await provider().removeSession('s0');
    state = { kind: 'signedOut' };
    await provider().removeSession('s1');
    expect(signOut).not.toHaveBeenCalled();
  });
});

it('tells VS Code what was added, changed and removed, without a token', () => {
  const events: unknown[] = [];
  const registered = provider();
  registered.onDidChangeSessions((event) => events.push(event));
  const entry = { ...ENTRY, accessToken: '' };
  news.fire({ kind: 'signedIn', account: USER });
  news.fire({ kind: 'refreshed', account: USER });
  news.fire({ kind: 'signedOut', account: USER, reason: 'expired' });
  news.fire({ kind: 'storeFailed' });
  news.fire({ kind: 'storedSessionUnreadable' });
  const none = { added: [], removed: [], changed: [] };
  expect(events).toEqual([
    { ...none, added: [entry] },
    { ...none, changed: [entry] },
    { ...none, removed: [entry] },
  ]);
  registered.dispose();
  news.fire({ kind: 'signedIn', account: USER });
  expect(events).toHaveLength(3);
});
