import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import {
  accountFrom,
  call,
  fragmentOf,
  leadsTo,
  newestMail,
  newPkce,
  PASSWORD,
  signUp,
  startTestStack,
  TestClock,
} from './support.ts';
import type { Answer } from './support.ts';

const EDITOR = 'vscode://godoty.godoty/auth/callback?nonce=n1';
const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock, autoConfirm: false });
});
afterAll(() => stack.close());

const freshEmail = (): string => `${crypto.randomUUID()}@example.com`;
const codeAndStatus = (answer: Answer): unknown => [answer.status, answer.body['code']];
const exchange = (code: string | null, verifier: string): Promise<Answer> =>
  call(stack, '/auth/v1/token?grant_type=pkce', { body: { auth_code: code, code_verifier: verifier } });

function authorizeUrl(parameters: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(`${stack.supabaseUrl}/auth/v1/authorize`);
  url.search = new URLSearchParams({ provider: 'github', redirect_to: EDITOR, ...parameters }).toString();
  return url;
}

/** Begins a PKCE flow and answers the stand-in's page. */
async function begun(parameters: Readonly<Record<string, string>> = {}): Promise<{ page: URL; verifier: string }> {
  const { verifier, challenge } = newPkce();
  const page = await leadsTo(authorizeUrl({ code_challenge: challenge, code_challenge_method: 's256', ...parameters }));
  return { page, verifier };
}

/** Chooses on the stand-in's page and follows its answer back; answers where the browser ends. */
async function choose(page: URL, form: Readonly<Record<string, string>>): Promise<URL> {
  return leadsTo(await leadsTo(page, { answer: 'allow', ...form }));
}

describe('a sign-in with a provider', () => {
  it('leads through the stand-in and back with a code, which is exchanged once with the verifier', async () => {
    const email = freshEmail();
    const { page, verifier } = await begun();
    expect(page.pathname).toBe('/_provider/github');
    const shown = await (await fetch(page)).text();
    expect(shown).toContain('<h1>Stand-in for GitHub</h1>');

    const target = await choose(page, { email, name: 'Ada Lovelace' });
    expect(target.href).toMatch(/^vscode:\/\/godoty\.godoty\/auth\/callback\?nonce=n1&code=[0-9a-f-]{36}$/);
    const code = target.searchParams.get('code');
    expect(codeAndStatus(await exchange(code, newPkce().verifier))).toEqual([400, 'bad_code_verifier']);
    const answer = await exchange(code, verifier);
    expect(answer.body).toMatchObject({
      provider_token: expect.stringMatching(/^stand-in-/) as string,
      user: {
        email,
        app_metadata: { provider: 'github', providers: ['github'] },
        user_metadata: { full_name: 'Ada Lovelace' },
        identities: [{ provider: 'github', email }],
      },
    });
    const { accessToken } = accountFrom(answer);
    expect(decodeJwt(accessToken)).toMatchObject({ amr: [{ method: 'oauth' }] });
    const profile = await call(stack, '/rest/v1/rpc/profile', { token: accessToken, body: {} });
    expect(profile.body).toMatchObject({ email, display_name: 'Ada Lovelace' });
    expect(codeAndStatus(await exchange(code, verifier))).toEqual([404, 'flow_state_not_found']);
  });

  it('takes a plain verifier as well', async () => {
    const { verifier } = newPkce();
    const { page } = await begun({ code_challenge: verifier, code_challenge_method: 'plain' });
    const code = (await choose(page, { email: freshEmail() })).searchParams.get('code');
    expect((await exchange(code, verifier)).status).toBe(200);
  });

  it('hands the tokens over in the fragment when no challenge was given', async () => {
    const email = freshEmail();
    const target = await choose(await leadsTo(authorizeUrl({ provider: 'google' })), { email });
    expect(target.href.split('#')[0]).toBe(EDITOR);
    const { access_token: token, ...rest } = fragmentOf(target);
    expect(rest).toMatchObject({ token_type: 'bearer', provider_token: expect.any(String) as string, sb: '' });
    expect((await call(stack, '/auth/v1/user', { token })).body['email']).toBe(email);
  });

  it('knows an account again and offers it on the page', async () => {
    const email = freshEmail();
    const first = await begun();
    const one = await exchange((await choose(first.page, { email })).searchParams.get('code'), first.verifier);
    const second = await begun();
    expect(await (await fetch(second.page)).text()).toContain(`Continue as ${email}`);
    const two = await exchange((await choose(second.page, { email })).searchParams.get('code'), second.verifier);
    expect(accountFrom(two).id).toBe(accountFrom(one).id);
  });

  it('is the same account as the one with its confirmed address', async () => {
    const email = freshEmail();
    await call(stack, '/auth/v1/signup', { body: { email, password: PASSWORD } });
    const verified = { type: 'signup', email, token: (await newestMail(stack, email)).code };
    const account = accountFrom(await call(stack, '/auth/v1/verify', { body: verified }));
    const { page, verifier } = await begun();
    const answer = await exchange((await choose(page, { email })).searchParams.get('code'), verifier);
    expect(accountFrom(answer).id).toBe(account.id);
    expect(answer.body['user']).toMatchObject({ app_metadata: { providers: ['email', 'github'] } });
    const signIn = await call(stack, '/auth/v1/token?grant_type=password', { body: { email, password: PASSWORD } });
    expect(signIn.status).toBe(200);
  });

  it('takes the password from an account that was made with somebody else’s address', async () => {
    const email = freshEmail();
    await call(stack, '/auth/v1/signup', { body: { email, password: PASSWORD } });
    const { page, verifier } = await begun();
    const answer = await exchange((await choose(page, { email })).searchParams.get('code'), verifier);
    expect(answer.body['user']).toMatchObject({ email, identities: [{ provider: 'github' }] });
    const signIn = await call(stack, '/auth/v1/token?grant_type=password', { body: { email, password: PASSWORD } });
    expect(codeAndStatus(signIn)).toEqual([400, 'invalid_credentials']);
  });
});

describe('a sign-in with a provider that fails', () => {
  it.each([
    ['deny', { error: 'access_denied', error_description: 'The user has denied your application access.' }],
    ['error', { error: 'server_error', error_description: 'GitHub cannot answer right now.' }],
    ['no-email', { error: 'server_error', error_code: 'unexpected_failure' }],
    ['bad-code', { error: 'server_error', error_code: 'unexpected_failure' }],
  ])('by "%s" says so in the query and in the fragment', async (answer, error) => {
    const { page } = await begun();
    const target = await choose(page, { answer });
    const query = Object.fromEntries(target.searchParams);
    expect(query).toMatchObject({ nonce: 'n1', ...error });
    expect('error_code' in query).toBe('error_code' in error);
    expect(fragmentOf(target)).toMatchObject({ ...error, sb: '' });
    expect(target.hash).toMatch(/&sb=$/);
  });

  it('by a lost state ends at the site, whose page says what happened', async () => {
    const { page } = await begun();
    const target = await choose(page, { answer: 'lost-state' });
    expect(target.href.split('?')[0]).toBe(`${stack.supabaseUrl}/_confirmed`);
    expect(Object.fromEntries(target.searchParams)).toMatchObject({
      error: 'invalid_request',
      error_code: 'bad_oauth_state',
    });
    expect(await (await fetch(target)).text()).toContain('OAuth state not found or expired');
  });

  it.each([
    ['no state', '', 'bad_oauth_callback'],
    ['a state that is none', '?state=x', 'bad_oauth_state'],
  ])('by %s ends at the site', async (_case, query, code) => {
    const target = await leadsTo(`${stack.supabaseUrl}/auth/v1/callback${query}`);
    expect(target.searchParams.get('error_code')).toBe(code);
  });

  it('because the person took more than five minutes', async () => {
    const { page } = await begun();
    const atProvider = await leadsTo(page, { answer: 'allow', email: freshEmail() });
    clock.advance(300_001);
    expect((await leadsTo(atProvider)).searchParams.get('error_code')).toBe('bad_oauth_state');
  });

  it('because the code was exchanged more than five minutes after the beginning', async () => {
    const { page, verifier } = await begun();
    const code = (await choose(page, { email: freshEmail() })).searchParams.get('code');
    clock.advance(300_001);
    expect(codeAndStatus(await exchange(code, verifier))).toEqual([422, 'flow_state_expired']);
  });

  it('when a callback comes twice', async () => {
    const { page } = await begun();
    const callback = await leadsTo(page, { answer: 'allow', email: freshEmail() });
    await leadsTo(callback);
    expect((await leadsTo(callback)).searchParams.get('error_code')).toBe('flow_state_already_used');
  });

  it.each([
    ['no code', '', newPkce().verifier, [400, 'validation_failed']],
    ['no verifier', crypto.randomUUID(), '', [400, 'validation_failed']],
    ['an unknown code', crypto.randomUUID(), newPkce().verifier, [404, 'flow_state_not_found']],
  ])('to exchange %s', async (_case, code, verifier, expected) => {
    expect(codeAndStatus(await exchange(code, verifier))).toEqual(expected);
  });

  it('to exchange a code that no browser was given yet', async () => {
    const { page, verifier } = await begun();
    const [flow] = await stack.db.query<{ auth_code: string }>('select auth_code from auth.flow_states where id = $1', [
      page.searchParams.get('state'),
    ]);
    expect(codeAndStatus(await exchange(flow?.auth_code ?? '', verifier))).toEqual([404, 'flow_state_not_found']);
  });

  it('asks again for an address that is none', async () => {
    const { page } = await begun();
    const form = new URLSearchParams({ answer: 'allow', email: 'nobody' });
    const response = await fetch(page, { method: 'POST', body: form });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Enter an e-mail address.');
  });
});

describe('the beginning of a sign-in with a provider', () => {
  const { challenge } = newPkce();
  it.each([
    ['a provider that is off', { provider: 'gitlab' }],
    ['no provider', { provider: '' }],
    ['a challenge without its method', { code_challenge: challenge }],
    ['a method without its challenge', { code_challenge_method: 's256' }],
    ['a short challenge', { code_challenge: 'x'.repeat(42), code_challenge_method: 's256' }],
    ['a long challenge', { code_challenge: 'x'.repeat(129), code_challenge_method: 's256' }],
    ['a challenge of other letters', { code_challenge: 'ü'.repeat(43), code_challenge_method: 's256' }],
    ['an unknown method', { code_challenge: challenge, code_challenge_method: 's512' }],
  ])('refuses %s as JSON in the browser', async (_case, parameters) => {
    const response = await fetch(authorizeUrl(parameters), { redirect: 'manual' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 400, error_code: 'validation_failed' });
  });

  it('has no page for a provider that is off', async () => {
    expect((await fetch(`${stack.supabaseUrl}/_provider/gitlab?state=x`)).status).toBe(404);
  });
});

describe('the list of addresses to lead back to', () => {
  it.each([
    ['vscode://godoty.godoty/auth/callback', true],
    ['vscode://godoty.godoty/auth/callback?windowId=1&nonce=2', true],
    ['vscode-insiders://godoty.godoty/auth/callback', true],
    ['vscodium://godoty.godoty/auth/callback', true],
    ['code-oss://godoty.godoty/auth/callback', true],
    ['cursor://godoty.godoty/auth/callback', true],
    ['windsurf://godoty.godoty/auth/callback', true],
    ['http://127.0.0.1:40123/cb?nonce=1', true],
    ['http://[::1]:40123/cb', true],
    ['vscode://evil.evil/auth/callback', false],
    ['vscode://godoty.godoty.evil.example/auth/callback', false],
    ['other-editor://godoty.godoty/auth/callback', false],
    ['https://evil.example/?vscode://godoty.godoty/x', false],
    ['https://evil.example/#vscode://godoty.godoty/x', false],
    ['http://192.168.0.1/cb', false],
    ['http://2130706433/cb', false],
    ['http://somebody@127.0.0.1/cb', false],
    ['javascript:alert(1)', false],
    ['no address', false],
  ])('%s: %s', async (redirectTo, allowed) => {
    const { page } = await begun({ redirect_to: redirectTo });
    const target = await choose(page, { email: freshEmail() });
    const expected = allowed ? new URL(redirectTo).href : `${stack.supabaseUrl}/_confirmed`;
    expect(target.href.split(/[?&]code=/)[0]).toBe(expected);
  });
});

it('the site’s page tells somebody whose sign-in leads nowhere what to do', async () => {
  const { page } = await begun({ redirect_to: 'other-editor://godoty.godoty/auth/callback' });
  const landed = await (await fetch(await choose(page, { email: freshEmail() }))).text();
  expect(landed).toContain('not on the list of');
});

it('signs up as before on a server that confirms by itself', async () => {
  const easy = await startTestStack();
  try {
    const account = await signUp(easy);
    const user = await call(easy, '/auth/v1/user', { token: account.accessToken });
    expect(user.body['identities']).toMatchObject([{ provider: 'email', email: account.email }]);
  } finally {
    await easy.close();
  }
});
