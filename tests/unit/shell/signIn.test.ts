/** The sign-in flow, with the user and the account played by the test. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Account, ErrorDetail, SignInStarted } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService, AccountState } from '../../../extension/src/account.ts';
import { SignInFlow } from '../../../extension/src/auth/signIn.ts';
import { host } from './vscode.ts';

const USER: Account = { sessionId: 's1', userId: 'u1', email: 'u1@example.org' };
const SIGN_IN = '$(key) Sign in with e-mail and password';
const CREATE = '$(person-add) Create account';

let state: AccountState;
let flow: SignInFlow;
const client = vi.fn((): Promise<unknown> => Promise.resolve({}));
const signIn = vi.fn((): Promise<SignInStarted> => Promise.resolve({ kind: 'signedIn', account: USER }));
const signUp = vi.fn((): Promise<SignInStarted> => Promise.resolve({ kind: 'signedIn', account: USER }));
const resendConfirmation = vi.fn((): Promise<void> => Promise.resolve());
const runAction = vi.fn();
const report = vi.fn();

beforeEach(() => {
  host.reset();
  vi.resetAllMocks();
  client.mockResolvedValue({});
  signIn.mockResolvedValue({ kind: 'signedIn', account: USER });
  signUp.mockResolvedValue({ kind: 'signedIn', account: USER });
  resendConfirmation.mockResolvedValue();
  state = { kind: 'signedOut' };
  const account = {
    restore: () => Promise.resolve(),
    get state() {
      return state;
    },
    client,
    signIn,
    signUp,
    resendConfirmation,
  };
  flow = new SignInFlow({ account: account as unknown as AccountService, runAction, report });
});

function fault(code: ErrorDetail['code'], more: Partial<ErrorDetail> = {}): Error {
  return Object.assign(new Error(code), { name: 'GodotyError', detail: { code, retryable: false, ...more } });
}

async function choose(way: string): Promise<void> {
  (await host.picks.next()).pick(way);
}

/** Types into the box that opens next and returns what stood in it. */
async function type(about: RegExp, text: string): Promise<string> {
  const box = await host.boxes.next();
  expect(box.prompt).toMatch(about);
  const before = box.value;
  box.type(text);
  box.accept();
  return before;
}

async function press(about: RegExp, label?: string): Promise<void> {
  const shown = await host.shown.next();
  expect(shown.message).toMatch(about);
  if (label !== undefined) {
    expect(shown.buttons).toContain(label);
  }
  shown.press(label);
}

async function reachPassword(way = SIGN_IN): Promise<void> {
  await choose(way);
  await type(/e-mail/u, 'u1@example.org');
}

describe('signing in', () => {
  it('asks for a way, an address and a password', async () => {
    const result = flow.start();
    await choose(SIGN_IN);
    await type(/e-mail/u, ' u1@example.org ');
    const box = await host.boxes.next();
    expect(box).toMatchObject({ prompt: 'Password for u1@example.org', password: true, value: '' });
    box.type('a password');
    box.accept();
    expect(await result).toEqual(USER);
    expect(signIn).toHaveBeenCalledWith('u1@example.org', 'a password', expect.any(AbortSignal));
    expect((await host.shown.next()).message).toBe('Signed in as u1@example.org.');
  });

  it('asks nothing of somebody who is signed in', async () => {
    state = { kind: 'signedIn', account: USER };
    expect(await flow.start()).toEqual(USER);
    expect(host.picks.waiting).toEqual([]);
  });

  it('complains about what can’t be an address, until it is changed', async () => {
    void flow.start();
    await choose(SIGN_IN);
    const box = await host.boxes.next();
    box.type('nobody');
    box.accept();
    expect(box.complaint).toBe('Type an e-mail address.');
    box.type('nobody@');
    expect(box.complaint).toBeUndefined();
    expect(host.boxes.waiting).toEqual([]);
  });

  it('goes back from the password to the address, and from there to the ways', async () => {
    void flow.start();
    await reachPassword();
    (await host.boxes.next()).back();
    const box = await host.boxes.next();
    expect(box.value).toBe('u1@example.org');
    box.back();
    expect((await host.picks.next()).labels).toEqual([SIGN_IN, CREATE]);
  });

  it('ends when the user leaves', async () => {
    const result = flow.start();
    await reachPassword();
    (await host.boxes.next()).hide();
    expect(await result).toBeUndefined();
    expect(signIn).not.toHaveBeenCalled();
  });

  it('is cancelled while the server is asked', async () => {
    signIn.mockImplementationOnce(
      ((_: string, __: string, signal: AbortSignal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(fault('CANCELLED')));
        })) as () => Promise<SignInStarted>,
    );
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await vi.waitFor(() => expect(host.progressTitles).toEqual(['Signing in to Godoty…']));
    host.cancelProgress();
    expect(await result).toBeUndefined();
    expect(report).not.toHaveBeenCalled();
  });

  it('is replaced by a second one, whose box alone stays', async () => {
    const first = flow.start();
    await reachPassword();
    await host.boxes.next();
    const second = flow.start();
    expect(await first).toBeUndefined();
    await choose(SIGN_IN);
    expect(await type(/e-mail/u, 'u1@example.org')).toBe('u1@example.org');
    await type(/Password/u, 'a password');
    expect(await second).toEqual(USER);
  });
});

describe('a failure', () => {
  it('of the password leads back to the password box, the address kept', async () => {
    signIn.mockRejectedValueOnce(fault('INVALID_CREDENTIALS'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'wrong');
    await press(/do not match/u, 'Try Again');
    expect(await type(/^Password for u1@example.org$/u, 'right')).toBe('');
    expect(await result).toEqual(USER);
    expect(signIn).toHaveBeenLastCalledWith('u1@example.org', 'right', expect.any(AbortSignal));
  });

  it.each(['NETWORK_ERROR', 'TIMEOUT', 'RATE_LIMITED', 'SERVER_ERROR', 'STORE_FAILED'] as const)(
    'of the kind %s is tried again with what was typed',
    async (code) => {
      signIn.mockRejectedValueOnce(fault(code));
      const result = flow.start();
      await reachPassword();
      await type(/Password/u, 'a password');
      await press(/./u, 'Try Again');
      expect(await result).toEqual(USER);
      expect(signIn).toHaveBeenLastCalledWith('u1@example.org', 'a password', expect.any(AbortSignal));
    },
  );

  it('of the address leads back to the address', async () => {
    signUp.mockRejectedValueOnce(fault('VALIDATION_FAILED', { serverMessage: 'Unable to validate email address' }));
    void flow.start();
    await reachPassword(CREATE);
    await type(/Choose a password for u1@example.org/u, 'a password');
    await press(/Unable to validate/u, 'Try Again');
    expect((await host.boxes.next()).value).toBe('u1@example.org');
  });

  it('of a password that is too weak leads back to the password', async () => {
    signUp.mockRejectedValueOnce(fault('WEAK_PASSWORD', { reasons: ['length'] }));
    const result = flow.start();
    await reachPassword(CREATE);
    await type(/Choose a password/u, 'short');
    await press(/too short/u, 'Try Again');
    await type(/Choose a password for u1@example.org/u, 'long enough');
    expect(await result).toEqual(USER);
  });

  it('because there is an account leads to signing in, the address kept', async () => {
    signUp.mockRejectedValueOnce(fault('ACCOUNT_EXISTS'));
    const result = flow.start();
    await reachPassword(CREATE);
    await type(/Choose a password/u, 'a password');
    await press(/account with this e-mail/u, 'Sign In');
    await type(/^Password for u1@example.org/u, 'a password');
    expect(await result).toEqual(USER);
  });

  it('of a setting is told before anything is typed, and leads to the settings', async () => {
    client.mockRejectedValueOnce(fault('INVALID_CONFIGURATION', { reasons: ['supabaseUrl', 'plainHttp'] }));
    const result = flow.start();
    await press(/this machine only/u, 'Open Settings');
    expect(await result).toBeUndefined();
    expect(runAction).toHaveBeenCalledWith('openSettings');
    expect([host.picks.waiting, host.boxes.waiting]).toEqual([[], []]);
  });

  it('that the user dismisses ends the flow, and the address is there the next time', async () => {
    signIn.mockRejectedValueOnce(fault('INVALID_CREDENTIALS'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'wrong');
    await press(/do not match/u);
    expect(await result).toBeUndefined();
    void flow.start();
    await choose(SIGN_IN);
    expect((await host.boxes.next()).value).toBe('u1@example.org');
  });
});

describe('an address that is to be confirmed', () => {
  it('is signed in with the password that was chosen, once it is', async () => {
    signUp.mockResolvedValueOnce({ kind: 'pending', nonce: 'n', lifetimeMs: 300_000 });
    const result = flow.start();
    await reachPassword(CREATE);
    await type(/Choose a password/u, 'a password');
    await press(/sent to u1@example.org/u, 'Sign In');
    expect(await result).toEqual(USER);
    expect(signIn).toHaveBeenCalledWith('u1@example.org', 'a password', expect.any(AbortSignal));
  });

  it('gets its e-mail once more, also after a failure', async () => {
    signIn.mockRejectedValueOnce(fault('EMAIL_NOT_CONFIRMED'));
    resendConfirmation.mockRejectedValueOnce(fault('RATE_LIMITED', { retryAfterMs: 1000 }));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await press(/not confirmed/u, 'Send the E-Mail Again');
    await press(/Too many requests/u, 'Try Again');
    await press(/sent to u1@example.org/u, 'Sign In');
    expect(await result).toEqual(USER);
    expect(resendConfirmation).toHaveBeenCalledTimes(2);
    expect(resendConfirmation).toHaveBeenCalledWith('u1@example.org', expect.any(AbortSignal));
    expect(signIn).toHaveBeenCalledTimes(2);
  });
});
