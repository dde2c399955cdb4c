/** The sign-in flow, with the user, the browser and the core played by the test. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type {
  Account,
  ErrorDetail,
  HostAbilities,
  SignInDone,
  SignInRequest,
  SignInStarted,
  WayId,
} from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService, AccountState } from '../../../extension/src/account.ts';
import { CallbackHandler } from '../../../extension/src/auth/callback.ts';
import { SignInFlow } from '../../../extension/src/auth/signIn.ts';
import { Uri, host } from './vscode.ts';
import type { Box } from './vscode.ts';

const USER: Account = { sessionId: 's1', userId: 'u1', email: 'u1@example.org' };
const LABELS: Readonly<Record<WayId, string>> = {
  github: '$(github) Continue with GitHub',
  google: '$(globe) Continue with Google',
  emailCode: '$(mail) Sign in with a code by e-mail',
  password: '$(key) Sign in with e-mail and password',
  createAccount: '$(person-add) Create account',
  resetPassword: '$(question) Forgot your password?',
};
const WAYS = Object.keys(LABELS) as readonly WayId[];
const URL = 'https://accounts.example.org/authorize?provider=github&redirect_to=a%3Fb%26c';
const CALLBACK = 'test-code://godoty.godoty/auth/callback?nonce=n1&code=c1';

/** The core, as far as the flow and the URI handler use it: what waits is settled by the test. */
class PlayedCore {
  readonly abilities: HostAbilities[] = [];
  readonly started: SignInRequest[] = [];
  readonly entered: string[] = [];
  readonly passwords: string[] = [];
  /** What the next calls lead to; a session when nothing is said. */
  readonly outcomes: (SignInStarted | Error)[] = [];
  readonly codes: (Error | undefined)[] = [];
  readonly passwordOutcomes: (Error | undefined)[] = [];
  callback: () => Promise<SignInDone> = () => Promise.reject(fault('CALLBACK_UNKNOWN'));
  readonly waiting = new Map<
    string,
    { readonly end: (done: SignInDone) => void; readonly fail: (error: Error) => void }
  >();
  readonly aborted: string[] = [];

  signInWays(abilities: HostAbilities): Promise<unknown> {
    this.abilities.push(abilities);
    const returns = abilities.loopback ? ['uriHandler', 'loopback', 'paste'] : ['uriHandler', 'paste'];
    return Promise.resolve(WAYS.map((way) => ({ way, returns })));
  }
  startSignIn(request: SignInRequest, signal: AbortSignal): Promise<SignInStarted> {
    this.started.push(request);
    const outcome = this.outcomes.shift() ?? { kind: 'signedIn', account: USER };
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(fault('CANCELLED')));
      if (outcome instanceof Error) {
        reject(outcome);
      } else if (outcome.kind !== 'pending' || outcome.nonce !== 'never') {
        resolve(outcome);
      }
    });
  }
  awaitSignIn(nonce: string, signal: AbortSignal): Promise<SignInDone> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted.push(nonce);
        reject(fault('CANCELLED'));
      });
      this.waiting.set(nonce, { end: resolve, fail: reject });
    });
  }
  enterCode(text: string): Promise<SignInDone> {
    this.entered.push(text);
    const outcome = this.codes.shift();
    const { way } = this.started.at(-1) ?? { way: 'emailCode' as const };
    return outcome === undefined ? Promise.resolve({ way, account: USER }) : Promise.reject(outcome);
  }
  setPassword(password: string): Promise<void> {
    this.passwords.push(password);
    const outcome = this.passwordOutcomes.shift();
    return outcome === undefined ? Promise.resolve() : Promise.reject(outcome);
  }
  handleCallback = (): Promise<SignInDone> => this.callback();
}

let state: AccountState;
let core: PlayedCore;
let flow: SignInFlow;
let callbacks: CallbackHandler;
let client: () => Promise<unknown>;
const runAction = vi.fn();
const report = vi.fn();
const closePort = vi.fn();
const openLoopback = vi.fn(() => Promise.resolve({ redirectTo: 'http://127.0.0.1:1234/cb', close: closePort }));

beforeEach(() => {
  host.reset();
  vi.resetAllMocks();
  state = { kind: 'signedOut' };
  openLoopback.mockResolvedValue({ redirectTo: 'http://127.0.0.1:1234/cb', close: closePort });
  core = new PlayedCore();
  client = () => Promise.resolve(core);
  const account = {
    restore: () => Promise.resolve(),
    get state() {
      return state;
    },
    client: () => client(),
  } as unknown as AccountService;
  flow = new SignInFlow({ account, openLoopback, runAction, report });
  callbacks = new CallbackHandler({ account, flow, runAction, report });
});

function fault(code: ErrorDetail['code'], more: Partial<ErrorDetail> = {}): Error {
  return Object.assign(new Error(code), { name: 'GodotyError', detail: { code, retryable: false, ...more } });
}

const retryable = (code: ErrorDetail['code']): Error => fault(code, { retryable: true });
const pending = (nonce: string, url?: string): SignInStarted => ({
  kind: 'pending',
  nonce,
  lifetimeMs: 300_000,
  ...(url === undefined ? {} : { url }),
});

async function choose(way: WayId): Promise<void> {
  (await host.picks.next()).pick(LABELS[way]);
}

/** Types into the box that opens next and returns what stood in it. */
async function type(about: RegExp, text: string): Promise<string> {
  const box = await host.boxes.next();
  expect(box.prompt).toMatch(about);
  const before = box.value;
  enter(box, text);
  return before;
}

function enter(box: Box, text: string): void {
  box.type(text);
  box.accept();
}

async function press(about: RegExp, label?: string): Promise<void> {
  const shown = await host.shown.next();
  expect(shown.message).toMatch(about);
  if (label !== undefined) {
    expect(shown.buttons).toContain(label);
  }
  shown.press(label);
}

async function reachPassword(way: WayId = 'password'): Promise<void> {
  await choose(way);
  await type(/e-mail/u, 'u1@example.org');
}

async function reachCode(nonce = 'n1'): Promise<Box> {
  core.outcomes.push(pending(nonce));
  await choose('emailCode');
  await type(/e-mail/u, 'u1@example.org');
  return await host.boxes.next();
}

async function reachBrowser(nonce = 'n1'): Promise<void> {
  core.outcomes.push(pending(nonce, URL));
  await choose('github');
  expect(await host.browsed.next()).toBe(URL);
}

describe('the ways', () => {
  it.each([true, false])('are those of the core, in its order (on a desktop: %s)', async (desktop) => {
    host.desktop = desktop;
    void flow.start();
    expect((await host.picks.next()).labels).toEqual(WAYS.map((way) => LABELS[way]));
    expect(core.abilities).toEqual([{ desktop, uriHandler: true, loopback: desktop }]);
  });

  it('are not asked of somebody who is signed in', async () => {
    state = { kind: 'signedIn', account: USER };
    expect(await flow.start()).toEqual(USER);
    expect(core.abilities).toEqual([]);
  });

  it('can be left', async () => {
    const result = flow.start();
    (await host.picks.next()).pick();
    expect(await result).toBeUndefined();
  });
});

describe('a password', () => {
  it('is asked for after the address', async () => {
    const result = flow.start();
    await choose('password');
    await type(/e-mail/u, ' u1@example.org ');
    const box = await host.boxes.next();
    expect(box).toMatchObject({ prompt: 'Password for u1@example.org', password: true, value: '' });
    enter(box, 'a password');
    expect(await result).toEqual(USER);
    expect(core.started).toEqual([{ way: 'password', email: 'u1@example.org', password: 'a password' }]);
    expect((await host.shown.next()).message).toBe('Signed in as u1@example.org.');
  });

  it('comes after what can be an address', async () => {
    void flow.start();
    await choose('password');
    const box = await host.boxes.next();
    enter(box, 'nobody');
    await vi.waitFor(() => expect(box.complaint).toBe('Type an e-mail address.'));
    box.type('nobody@');
    expect(box.complaint).toBeUndefined();
    expect(host.boxes.waiting).toEqual([]);
  });

  it('goes back to the address, and from there to the ways', async () => {
    void flow.start();
    await reachPassword();
    (await host.boxes.next()).back();
    const box = await host.boxes.next();
    expect(box.value).toBe('u1@example.org');
    box.back();
    expect((await host.picks.next()).labels).toContain(LABELS.github);
  });

  it('need not be typed: whoever leaves has sent nothing', async () => {
    const result = flow.start();
    await reachPassword();
    (await host.boxes.next()).hide();
    expect(await result).toBeUndefined();
    expect(core.started).toEqual([]);
  });

  it('can be taken back while the server is asked', async () => {
    core.outcomes.push(pending('never'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await vi.waitFor(() => expect(host.progressTitles).toEqual(['Signing in to Godoty…']));
    host.cancelProgress();
    expect(await result).toBeUndefined();
    expect([report.mock.calls, host.shown.waiting]).toEqual([[], []]);
  });

  it('that is wrong leads back to its box, and to a reset, but to no new account', async () => {
    core.outcomes.push(fault('INVALID_CREDENTIALS'), fault('INVALID_CREDENTIALS'), pending('n1'));
    void flow.start();
    await reachPassword();
    await type(/Password/u, 'wrong');
    const shown = await host.shown.next();
    expect(shown.buttons).toEqual(['Try Again', 'Reset Password', 'Try Another Way']);
    shown.press('Try Again');
    expect(await type(/^Password for u1@example.org$/u, 'wrong too')).toBe('');
    await press(/do not match/u, 'Reset Password');
    expect((await host.boxes.next()).prompt).toMatch(/^We sent a code to u1@example.org/u);
    expect(core.started.at(-1)).toMatchObject({ way: 'resetPassword', email: 'u1@example.org' });
  });

  it('of an address that is not confirmed leads to a code, which confirms it', async () => {
    core.outcomes.push(fault('EMAIL_NOT_CONFIRMED'), pending('n1'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await press(/not confirmed/u, 'Send the E-Mail Again');
    await type(/sent a code/u, '123456');
    expect(await result).toEqual(USER);
  });
});

describe('a failure', () => {
  it.each(['NETWORK_ERROR', 'TIMEOUT', 'RATE_LIMITED', 'SERVER_ERROR', 'STORE_FAILED'] as const)(
    'of the kind %s is tried again with what was typed',
    async (code) => {
      core.outcomes.push(retryable(code));
      const result = flow.start();
      await reachPassword();
      await type(/Password/u, 'a password');
      await press(/./u, 'Try Again');
      expect(await result).toEqual(USER);
      expect(core.started).toHaveLength(2);
    },
  );

  it('of the core itself, which was started again, is tried again with what was typed', async () => {
    core.outcomes.push(retryable('INTERNAL'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await press(/defect stopped Godoty/u, 'Try Again');
    expect(await result).toEqual(USER);
    expect(core.started).toHaveLength(2);
  });

  it('of the core before the browser is sent off asks for no e-mail', async () => {
    core.outcomes.push(retryable('INTERNAL'), pending('n1', URL));
    const result = flow.start();
    await choose('github');
    await press(/defect stopped Godoty/u, 'Try Again');
    expect(await host.browsed.next()).toBe(URL);
    expect(host.boxes.waiting).toEqual([]);
    core.waiting.get('n1')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
  });

  it('leads to another way', async () => {
    core.outcomes.push(retryable('NETWORK_ERROR'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'a password');
    await press(/./u, 'Try Another Way');
    await reachBrowser();
    core.waiting.get('n1')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
  });

  it('of the address leads back to the address', async () => {
    core.outcomes.push(fault('VALIDATION_FAILED', { serverMessage: 'Unable to validate email address' }));
    void flow.start();
    await reachPassword('createAccount');
    await type(/Choose a password for u1@example.org/u, 'a password');
    await press(/Unable to validate/u, 'Try Again');
    expect((await host.boxes.next()).value).toBe('u1@example.org');
  });

  it('of a password that is too weak leads back to the password', async () => {
    core.outcomes.push(fault('WEAK_PASSWORD', { reasons: ['length'] }));
    const result = flow.start();
    await reachPassword('createAccount');
    await type(/Choose a password/u, 'short');
    await press(/too short/u, 'Try Again');
    await type(/Choose a password for u1@example.org/u, 'long enough');
    expect(await result).toEqual(USER);
  });

  it('because there is an account leads to signing in, the address kept', async () => {
    core.outcomes.push(fault('ACCOUNT_EXISTS'));
    const result = flow.start();
    await reachPassword('createAccount');
    await type(/Choose a password/u, 'a password');
    await press(/account with this e-mail/u, 'Sign In');
    await type(/^Password for u1@example.org/u, 'a password');
    expect(await result).toEqual(USER);
  });

  it('of a setting is told before anything is typed, and leads to the settings', async () => {
    client = () => Promise.reject(fault('INVALID_CONFIGURATION', { reasons: ['supabaseUrl', 'plainHttp'] }));
    const result = flow.start();
    await press(/this machine only/u, 'Open Settings');
    expect(await result).toBeUndefined();
    expect(runAction).toHaveBeenCalledWith('openSettings');
    expect([host.picks.waiting, host.boxes.waiting]).toEqual([[], []]);
  });

  it('that the user dismisses ends the flow, and the address is there the next time', async () => {
    core.outcomes.push(fault('INVALID_CREDENTIALS'));
    const result = flow.start();
    await reachPassword();
    await type(/Password/u, 'wrong');
    await press(/do not match/u);
    expect(await result).toBeUndefined();
    void flow.start();
    await choose('password');
    expect((await host.boxes.next()).value).toBe('u1@example.org');
  });
});

describe('a code by e-mail', () => {
  it('is typed, without a callback', async () => {
    const result = flow.start();
    const box = await reachCode();
    expect(box.prompt).toMatch(/^We sent a code to u1@example.org/u);
    enter(box, '123456');
    expect(await result).toEqual(USER);
    expect(core.started).toEqual([
      {
        way: 'emailCode',
        email: 'u1@example.org',
        redirectTo: 'test-code://godoty.godoty/auth/callback',
        createUser: false,
      },
    ]);
    expect(core.entered).toEqual(['123456']);
  });

  it.each([
    [fault('CODE_REJECTED'), /This code is wrong/u],
    [fault('CALLBACK_UNKNOWN'), /neither the code nor the address/u],
    [retryable('NETWORK_ERROR'), /Can’t reach/u],
  ])('that fails with %s is typed again in the same box', async (error, words) => {
    core.codes.push(error);
    const result = flow.start();
    const box = await reachCode();
    enter(box, '111111');
    await vi.waitFor(() => expect(box.complaint).toMatch(words));
    expect(box.closed).toBe(false);
    enter(box, '222222');
    expect(await result).toEqual(USER);
    expect(core.entered).toEqual(['111111', '222222']);
    expect(report).not.toHaveBeenCalled();
  });

  it('is sent once more, and the flow before is given up', async () => {
    const result = flow.start();
    const box = await reachCode();
    core.outcomes.push(pending('n2'));
    box.press();
    await type(/sent a code/u, '123456');
    expect(await result).toEqual(USER);
    expect(core.aborted[0]).toBe('n1');
    expect(core.started).toHaveLength(2);
  });

  it('that took too long is sent anew', async () => {
    const result = flow.start();
    const box = await reachCode();
    core.outcomes.push(pending('n2'));
    core.waiting.get('n1')?.fail(fault('SIGN_IN_EXPIRED'));
    await press(/good for five minutes/u, 'Send the E-Mail Again');
    expect(box.closed).toBe(true);
    await type(/sent a code/u, '123456');
    expect(await result).toEqual(USER);
    expect(core.started.map(({ way }) => way)).toEqual(['emailCode', 'emailCode']);
  });

  it('that a defect of the core keeps from being awaited is sent anew', async () => {
    const result = flow.start();
    const box = await reachCode();
    core.outcomes.push(pending('n2'));
    core.waiting.get('n1')?.fail(retryable('INTERNAL'));
    await press(/defect stopped Godoty/u, 'Try Again');
    expect(box.closed).toBe(true);
    await type(/sent a code/u, '123456');
    expect(await result).toEqual(USER);
    expect(core.started.map(({ way }) => way)).toEqual(['emailCode', 'emailCode']);
  });

  it('whose link was used up already is sent anew, and a reset stays a reset', async () => {
    core.outcomes.push(pending('n1'), pending('n2'));
    void flow.start();
    await choose('resetPassword');
    await type(/e-mail/u, 'u1@example.org');
    await host.boxes.next();
    core.waiting.get('n1')?.fail(fault('CODE_REJECTED'));
    await press(/wrong, or too old/u, 'Send the E-Mail Again');
    await type(/sent a code/u, '123456');
    await type(/Choose a password/u, 'a new password');
    expect(core.started.map(({ way }) => way)).toEqual(['resetPassword', 'resetPassword']);
  });

  it('is not needed when the link is opened instead, in whichever window', async () => {
    const result = flow.start();
    const box = await reachCode();
    core.waiting.get('n1')?.end({ way: 'emailCode', account: USER });
    expect(await result).toEqual(USER);
    expect(box.closed).toBe(true);
  });

  it('makes an account only when the server says that there is none', async () => {
    core.outcomes.push(fault('ACCOUNT_UNKNOWN'), pending('n1'));
    const result = flow.start();
    await choose('emailCode');
    await type(/e-mail/u, 'u1@example.org');
    await press(/no account/u, 'Create Account');
    await type(/sent a code/u, '123456');
    expect(await result).toEqual(USER);
    expect(core.started.map((request) => 'createUser' in request && request.createUser)).toEqual([false, true]);
  });

  it('makes none for another address, which may have one', async () => {
    core.outcomes.push(fault('ACCOUNT_UNKNOWN'), pending('n1'), pending('n2'));
    void flow.start();
    await choose('emailCode');
    await type(/e-mail/u, 'u2@example.org');
    await press(/no account/u, 'Create Account');
    (await host.boxes.next()).back();
    expect(await type(/e-mail/u, 'u1@example.org')).toBe('u2@example.org');
    await host.boxes.next();
    expect(core.started.at(-1)).toMatchObject({ email: 'u1@example.org', createUser: false });
  });

  it('goes back to the address, and ends when the user leaves', async () => {
    const result = flow.start();
    (await reachCode()).back();
    core.outcomes.push(pending('n2'));
    await type(/e-mail/u, 'u1@example.org');
    (await host.boxes.next()).hide();
    expect(await result).toBeUndefined();
    expect(core.aborted).toContain('n2');
  });

  it('confirms the address of a new account', async () => {
    core.outcomes.push(pending('n1'));
    const result = flow.start();
    await reachPassword('createAccount');
    await type(/Choose a password/u, 'a password');
    await type(/sent a code to u1@example.org/u, '123456');
    expect(await result).toEqual(USER);
  });
});

describe('another password', () => {
  async function reachNewPassword(): Promise<void> {
    core.outcomes.push(pending('n1'));
    await choose('resetPassword');
    await type(/e-mail/u, 'u1@example.org');
    await type(/sent a code/u, '123456');
  }

  it('is chosen after the code, and typed twice', async () => {
    const result = flow.start();
    await reachNewPassword();
    await type(/Choose a password for u1@example.org/u, 'a new password');
    const again = await host.boxes.next();
    enter(again, 'a new pasword');
    await vi.waitFor(() => expect(again.complaint).toBe('The two passwords differ.'));
    enter(again, 'a new password');
    expect(await result).toEqual(USER);
    expect(core.passwords).toEqual(['a new password']);
  });

  it('that the server refuses is chosen again', async () => {
    core.passwordOutcomes.push(fault('WEAK_PASSWORD', { reasons: ['same_password'] }));
    const result = flow.start();
    await reachNewPassword();
    await type(/Choose a password/u, 'the old one');
    await type(/once more/u, 'the old one');
    await press(/it is the old one/u, 'Try Again');
    await type(/Choose a password/u, 'a new one');
    await type(/once more/u, 'a new one');
    expect(await result).toEqual(USER);
  });

  it('that can’t be sent is sent again as it was typed', async () => {
    core.passwordOutcomes.push(retryable('NETWORK_ERROR'));
    const result = flow.start();
    await reachNewPassword();
    await type(/Choose a password/u, 'a new password');
    await type(/once more/u, 'a new password');
    await press(/Can’t reach/u, 'Try Again');
    expect(await result).toEqual(USER);
    expect(core.passwords).toEqual(['a new password', 'a new password']);
    expect(host.boxes.waiting).toEqual([]);
  });

  it('that is not chosen leaves the user signed in, and says that the old one holds', async () => {
    const result = flow.start();
    await reachNewPassword();
    (await host.boxes.next()).hide();
    expect(await result).toEqual(USER);
    await press(/still the old one/u);
    expect(core.passwords).toEqual([]);
  });
});

describe('a browser', () => {
  it('is sent off with the address as it is, and comes back to this window', async () => {
    const result = flow.start('u1');
    await reachBrowser();
    await vi.waitFor(() => expect(host.progressTitles.at(-1)).toMatch(/^Finish signing in in your browser/u));
    core.callback = () => {
      const done = { way: 'github', account: USER } as const;
      core.waiting.get('n1')?.end(done);
      return Promise.resolve(done);
    };
    await callbacks.handleUri(Uri.parse(CALLBACK) as never);
    expect(await result).toEqual(USER);
    expect(core.started).toEqual([
      { way: 'github', redirectTo: 'test-code://godoty.godoty/auth/callback', userId: 'u1' },
    ]);
    expect(host.shown.waiting.map(({ message }) => message)).toEqual(['Signed in as u1@example.org.']);
  });

  it('gets an address through the web host where there is one', async () => {
    host.desktop = false;
    void flow.start();
    await reachBrowser();
    expect(core.started).toMatchObject([
      { redirectTo: expect.stringMatching(/^https:\/\/code\.example\.org/u) as string },
    ]);
  });

  it('is sent to the backend by the address that the web host has for it, the query as it is', async () => {
    host.desktop = false;
    host.externalUri = (uri) => Uri.parse(`https://code.example.org/proxy/${uri.path.replace('https://', '')}/`);
    core.outcomes.push(pending('n1', URL));
    void flow.start();
    await choose('github');
    expect(await host.browsed.next()).toBe(
      'https://code.example.org/proxy/accounts.example.org/authorize?provider=github&redirect_to=a%3Fb%26c',
    );
  });

  it('is sent to the backend’s own address where the web host has no other', async () => {
    host.desktop = false;
    host.externalUri = () => {
      throw new Error('Could not resolve external URI');
    };
    void flow.start();
    await reachBrowser();
  });

  it('that ended elsewhere is helped by the address, which the message leads to', async () => {
    const result = flow.start();
    await reachBrowser();
    await vi.waitFor(() => expect(host.progressTitles.at(-1)).toContain('](command:godoty.pasteAddress "Go on here'));
    flow.paste();
    await type(/Paste the address/u, 'https://site.example.org/?code=c1');
    expect(await result).toEqual(USER);
    flow.paste();
    expect(host.boxes.waiting).toEqual([]);
  });

  it.each([true, false])('that does not come back is helped by pasting (it opened: %s)', async (opens) => {
    host.browserOpens = opens;
    const result = flow.start();
    await reachBrowser();
    if (opens) {
      await vi.waitFor(() => expect(host.progressTitles).toHaveLength(1));
      host.cancelProgress();
    }
    (await host.picks.next()).pick('$(clippy) Paste the address at which the browser ended');
    await type(/Paste the address/u, 'https://site.example.org/?code=c1');
    expect(await result).toEqual(USER);
    expect(core.entered).toEqual(['https://site.example.org/?code=c1']);
  });

  it('that does not come back can be opened again, or left', async () => {
    const result = flow.start();
    await reachBrowser();
    await vi.waitFor(() => expect(host.progressTitles).toHaveLength(1));
    host.cancelProgress();
    core.outcomes.push(pending('n2', URL));
    (await host.picks.next()).pick('$(link-external) Open the browser again');
    await host.browsed.next();
    expect(core.aborted).toEqual(['n1']);
    await vi.waitFor(() => expect(host.progressTitles).toHaveLength(2));
    host.cancelProgress();
    (await host.picks.next()).pick();
    expect(await result).toBeUndefined();
    expect(core.aborted).toEqual(['n1', 'n2']);
  });

  it('that does not come back may come to a port, which is closed in the end', async () => {
    const result = flow.start();
    await reachBrowser();
    await vi.waitFor(() => expect(host.progressTitles).toHaveLength(1));
    host.cancelProgress();
    core.outcomes.push(pending('n2', URL));
    (await host.picks.next()).pick('$(plug) Come back by a port of this machine');
    await host.browsed.next();
    expect(core.started.at(-1)).toMatchObject({ redirectTo: 'http://127.0.0.1:1234/cb' });
    expect(closePort).not.toHaveBeenCalled();
    core.waiting.get('n2')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
    expect(closePort).toHaveBeenCalled();
  });

  it('whose user declined is sent off again, or another way is taken', async () => {
    const result = flow.start();
    await reachBrowser();
    core.callback = () => {
      core.waiting.get('n1')?.fail(fault('ACCESS_DENIED'));
      return Promise.reject(fault('ACCESS_DENIED'));
    };
    await callbacks.handleUri(Uri.parse(CALLBACK) as never);
    core.outcomes.push(pending('n2', URL));
    await press(/declined/u, 'Try Again');
    await host.browsed.next();
    core.waiting.get('n2')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
  });

  it('is sent off with a new address when a defect of the core ended the wait for it', async () => {
    const result = flow.start();
    await reachBrowser();
    core.outcomes.push(pending('n2', URL));
    core.waiting.get('n1')?.fail(retryable('INTERNAL'));
    await press(/defect stopped Godoty/u, 'Try Again');
    await host.browsed.next();
    core.waiting.get('n2')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
    expect(core.started).toHaveLength(2);
  });

  it('that comes back with a stranger’s callback changes nothing', async () => {
    const result = flow.start();
    await reachBrowser();
    const handled = callbacks.handleUri(Uri.parse(CALLBACK) as never);
    await press(/belongs to no sign-in/u);
    await handled;
    core.waiting.get('n1')?.end({ way: 'github', account: USER });
    expect(await result).toEqual(USER);
  });
});

describe('another sign-in', () => {
  it('in this window takes the place of the first, whose box closes', async () => {
    const first = flow.start();
    const box = await reachCode();
    const second = flow.start();
    expect(await first).toBeUndefined();
    expect([box.closed, core.aborted]).toEqual([true, ['n1']]);
    await reachPassword();
    await type(/Password/u, 'a password');
    expect(await second).toEqual(USER);
    expect(host.shown.waiting).toHaveLength(1);
  });

  it('in another window ends this one, with words', async () => {
    const result = flow.start();
    await reachBrowser();
    core.waiting.get('n1')?.fail(fault('CANCELLED'));
    expect(await result).toBeUndefined();
    await press(/took the place/u);
  });
});

describe('another backend', () => {
  it('gets nothing of what was typed for the one before', async () => {
    const result = flow.start();
    await reachPassword();
    const box = await host.boxes.next();
    const told = flow.backendChanged();
    expect(await result).toBeUndefined();
    enter(box, 'a password');
    await press(/backend was changed/u, 'Sign In');
    await told;
    expect(core.started).toEqual([]);
    expect(runAction).toHaveBeenCalledWith('signIn');
  });

  it('is not worth a word when nobody is signing in', async () => {
    await flow.backendChanged();
    expect(host.shown.waiting).toEqual([]);
  });
});

describe('a callback for another window’s sign-in', () => {
  it('ends it here, and says who is signed in', async () => {
    core.callback = () => Promise.resolve({ way: 'github', account: USER });
    await callbacks.handleUri(Uri.parse(CALLBACK) as never);
    await press(/^Signed in as u1@example.org\.$/u);
  });

  it('that took the place of this window’s, which does not know yet, is told all the same', async () => {
    const own = flow.start();
    await reachBrowser();
    core.callback = () => Promise.resolve({ way: 'github', account: USER });
    await callbacks.handleUri(Uri.parse(CALLBACK.replace('n1', 'n2')) as never);
    await press(/^Signed in as u1@example.org\.$/u);
    core.waiting.get('n1')?.fail(fault('CANCELLED'));
    expect(await own).toBeUndefined();
    await press(/took the place/u);
  });

  it('that fails on the way is taken once more', async () => {
    const outcomes = [
      () => Promise.reject(retryable('NETWORK_ERROR')),
      () => Promise.resolve({ way: 'google' as const, account: USER }),
    ];
    core.callback = () => outcomes.shift()?.() ?? Promise.reject(fault('CALLBACK_USED'));
    const handled = callbacks.handleUri(Uri.parse(CALLBACK) as never);
    await press(/Can’t reach/u, 'Try Again');
    await handled;
    await press(/^Signed in as/u);
  });

  it('that is refused leads to a sign-in of its own', async () => {
    core.callback = () => Promise.reject(fault('SIGN_IN_EXPIRED'));
    const handled = callbacks.handleUri(Uri.parse(CALLBACK) as never);
    await press(/five minutes/u, 'Sign In');
    await handled;
    expect(runAction).toHaveBeenCalledWith('signIn');
  });

  it('that comes once more to somebody who is signed in says so, and asks for nothing', async () => {
    state = { kind: 'signedIn', account: USER };
    core.callback = () => Promise.reject(fault('CALLBACK_USED'));
    const handled = callbacks.handleUri(Uri.parse(CALLBACK) as never);
    const shown = await host.shown.next();
    expect([shown.message, shown.buttons]).toEqual([expect.stringMatching(/complete already/u), []]);
    shown.press();
    await handled;
  });

  it('of a reset offers to choose a password', async () => {
    core.callback = () => Promise.resolve({ way: 'resetPassword', account: USER });
    const handled = callbacks.handleUri(Uri.parse(CALLBACK) as never);
    await press(/^Signed in as/u, 'Choose a Password');
    await type(/Choose a password for u1@example.org/u, 'a new password');
    await type(/once more/u, 'a new password');
    await handled;
    expect(core.passwords).toEqual(['a new password']);
  });
});
