/** Each way of signing in, through the built core, against the embedded auth server; windows share a store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SignInRequest } from '../../crate/wasm/pkg/godoty_core.js';
import type { LocalStack } from '../../local/server/start.ts';
import { leadsTo, newestMail, startTestStack } from '../backend/support.ts';
import { MemoryStore, detailOf, openWindow, signIn, signUp } from './support.ts';
import type { Window } from './support.ts';

const PASSWORD = 'correct horse battery';
const EDITOR = 'vscode://godoty.godoty/auth/callback?windowId=_blank';
const DESKTOP = { desktop: true, uriHandler: true, loopback: true } as const;
let stack: LocalStack;
let ahead = 0;

beforeAll(async () => {
  stack = await startTestStack({ autoConfirm: false });
});
afterAll(() => stack.close());

const freshEmail = (): string => `${crypto.randomUUID()}@example.com`;

/** Windows on one store. */
function windows(count: number): { store: MemoryStore; open: readonly Window[] } {
  const store = new MemoryStore();
  const open = Array.from({ length: count }, () => openWindow({ ...stack, store, clockAheadMs: () => ahead }));
  return { store, open };
}

async function begin(
  { client }: Pick<Window, 'client'>,
  request: SignInRequest,
): Promise<{ nonce: string; url: string }> {
  const started = await client.startSignIn(request);
  if (started.kind !== 'pending') {
    throw new Error('signed in at once');
  }
  return { nonce: started.nonce, url: started.url ?? '' };
}

/** Consents on the stand-in's page, as a user in a browser; says where the browser ends. */
async function consent(url: string, email: string, answer = 'allow'): Promise<string> {
  const back = await leadsTo(await leadsTo(url), { answer, email, name: 'Ada' });
  return (await leadsTo(back)).href;
}

describe('a sign-in with a provider', () => {
  it('is finished by whichever window gets the callback, once, and the one that began it learns of it', async () => {
    const [first, second, third] = windows(3).open as [Window, Window, Window];
    const email = freshEmail();
    const { nonce, url } = await begin(first, { way: 'github', redirectTo: EDITOR });
    const waiting = first.client.awaitSignIn(nonce);
    const callback = await consent(url, email);
    expect(callback).toContain(`windowId=_blank&nonce=${nonce}&code=`);

    const done = await second.client.handleCallback(callback);
    expect(done).toMatchObject({ way: 'github', account: { email } });
    expect(await waiting).toEqual(done);
    for (const { client } of [first, second, third]) {
      expect((await detailOf(client.handleCallback(callback))).code).toBe('CALLBACK_USED');
    }
    expect(await third.client.restore()).toEqual(done.account);
    expect(first.events).toEqual([{ kind: 'signedIn', account: done.account }]);
  });

  it('refuses a callback of a stranger, a late one and a declined one, and changes nothing', async () => {
    const { store, open } = windows(1);
    const [{ client }] = open as [Window];
    const email = freshEmail();
    const other = windows(1).open as [Window];
    const foreign = await begin(other[0], { way: 'google', redirectTo: EDITOR });
    const strangers = await consent(foreign.url, freshEmail());
    const { url } = await begin({ client }, { way: 'github', redirectTo: EDITOR });
    const before = store.text;
    expect((await detailOf(client.handleCallback(strangers))).code).toBe('CALLBACK_UNKNOWN');
    const implicit = strangers.replace('code=', 'x=') + '#access_token=a.b.c&refresh_token=r';
    expect((await detailOf(client.handleCallback(implicit))).code).toBe('CALLBACK_UNKNOWN');
    ahead = 300_000;
    expect((await detailOf(client.handleCallback(await consent(url, email)))).code).toBe('SIGN_IN_EXPIRED');
    ahead = 0;
    expect(store.text).toBe(before);
    expect((await detailOf(client.handleCallback(await consent(url, email, 'deny')))).code).toBe('ACCESS_DENIED');
    expect(client.account()).toBeUndefined();
  });

  it('is replaced by a second attempt, and ended by a cancel', async () => {
    const [first, second] = windows(2).open as [Window, Window];
    const one = await begin(first, { way: 'github', redirectTo: EDITOR });
    const waiting = detailOf(first.client.awaitSignIn(one.nonce));
    const two = await begin(second, { way: 'google', redirectTo: EDITOR });
    first.client.storeChanged();
    expect((await waiting).code).toBe('CANCELLED');
    const late = await consent(one.url, freshEmail());
    expect((await detailOf(second.client.handleCallback(late))).code).toBe('CALLBACK_UNKNOWN');

    const abort = new AbortController();
    const cancelled = detailOf(second.client.awaitSignIn(two.nonce, abort.signal));
    abort.abort();
    expect((await cancelled).code).toBe('CANCELLED');
    const after = await consent(two.url, freshEmail());
    expect((await detailOf(first.client.handleCallback(after))).code).toBe('CALLBACK_UNKNOWN');
  });

  it('takes the address that the user pastes, with or without the nonce', async () => {
    const [{ client }] = windows(1).open as [Window];
    const email = freshEmail();
    const { url } = await begin({ client }, { way: 'github', redirectTo: 'http://127.0.0.1:1/cb' });
    const code = new URL(await consent(url, email)).searchParams.get('code') ?? '';
    expect((await detailOf(client.enterCode('nonsense'))).code).toBe('CALLBACK_USED');
    expect(await client.enterCode(`https://shop.example.org/?code=${code}`)).toMatchObject({ account: { email } });
  });
});

describe('a sign-in by e-mail', () => {
  it('takes the code, also after a mistyped one, and offers an account only where there is none', async () => {
    const [{ client }] = windows(1).open as [Window];
    const email = freshEmail();
    const request = { way: 'emailCode', email, redirectTo: EDITOR } as const;
    expect((await detailOf(client.startSignIn(request))).code).toBe('ACCOUNT_UNKNOWN');
    const { nonce } = await begin({ client }, { ...request, createUser: true });
    const waiting = client.awaitSignIn(nonce);
    const { code } = await newestMail(stack, email);
    const wrong = code === '000000' ? '111111' : '000000';
    expect((await detailOf(client.enterCode(wrong))).code).toBe('CODE_REJECTED');
    const done = await client.enterCode(` ${code.slice(0, 3)} ${code.slice(3)} `);
    expect(done).toMatchObject({ way: 'emailCode', account: { email } });
    expect(await waiting).toEqual(done);
    expect((await detailOf(client.enterCode(code))).code).toBe('CALLBACK_USED');
  });

  it('takes the link as well, in another window', async () => {
    const [first, second] = windows(2).open as [Window, Window];
    const email = freshEmail();
    const { nonce } = await begin(first, { way: 'emailCode', email, redirectTo: EDITOR, createUser: true });
    const waiting = first.client.awaitSignIn(nonce);
    const { link } = await newestMail(stack, email);
    const callback = (await leadsTo(link)).href;
    expect(await second.client.handleCallback(callback)).toMatchObject({ way: 'emailCode', account: { email } });
    expect(await waiting).toMatchObject({ account: { email } });
    // A mail scanner used the link up: the code, or another mail, is the way on.
    const spent = (await leadsTo(link)).href;
    expect(['CODE_REJECTED', 'CALLBACK_USED']).toContain((await detailOf(first.client.handleCallback(spent))).code);
  });

  it('creates an account, and a forgotten password is replaced', async () => {
    const [first] = windows(1).open as [Window];
    const { client } = first;
    const email = freshEmail();
    expect(await signUp(first, email, PASSWORD)).toMatchObject({ kind: 'pending', lifetimeMs: 300_000 });
    const done = await client.enterCode((await newestMail(stack, email)).code);
    expect(done).toMatchObject({ way: 'createAccount', account: { email } });
    await client.signOut();

    await begin(first, { way: 'resetPassword', email });
    const reset = await client.enterCode((await newestMail(stack, email)).code);
    expect(reset.way).toBe('resetPassword');
    const same = await detailOf(client.setPassword(PASSWORD));
    expect(same).toMatchObject({ code: 'WEAK_PASSWORD', reasons: ['same_password'] });
    await client.setPassword('another horse battery');
    await client.signOut();
    expect((await detailOf(signIn(first, email, PASSWORD))).code).toBe('INVALID_CREDENTIALS');
    expect(await signIn(first, email, 'another horse battery')).toMatchObject({ kind: 'signedIn' });
  });
});

describe('the ways', () => {
  it('are those of the host that the server has, best first', async () => {
    const [{ client }] = windows(1).open as [Window];
    expect(await client.signInWays(DESKTOP)).toEqual([
      { way: 'github', returns: ['uriHandler', 'loopback', 'paste'] },
      { way: 'google', returns: ['uriHandler', 'loopback', 'paste'] },
      { way: 'emailCode', returns: ['uriHandler', 'paste'] },
      { way: 'password', returns: [] },
      { way: 'createAccount', returns: ['uriHandler', 'paste'] },
      { way: 'resetPassword', returns: ['uriHandler', 'paste'] },
    ]);
    const web = await client.signInWays({ desktop: false, uriHandler: false, loopback: false });
    expect(web.map(({ way }) => way).slice(0, 2)).toEqual(['emailCode', 'password']);
    const offline = openWindow({ ...stack, supabaseUrl: 'http://127.0.0.1:9' });
    expect(await offline.client.signInWays(DESKTOP)).toHaveLength(6);
  });
});
