import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { accountFrom, call, PASSWORD, signUp, startTestStack, TestClock } from './support.ts';
import type { Answer } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock, accessTokenTtlSeconds: 600 });
});
afterAll(() => stack.close());

const freshEmail = (): string => `${crypto.randomUUID()}@example.com`;
const refresh = (token: string): Promise<Answer> =>
  call(stack, '/auth/v1/token?grant_type=refresh_token', { body: { refresh_token: token } });
const signIn = (email: string, password: string): Promise<Answer> =>
  call(stack, '/auth/v1/token?grant_type=password', { body: { email, password } });

describe('sign-up', () => {
  it('answers a session whose token the published keys verify', async () => {
    const email = freshEmail();
    const answer = await call(stack, '/auth/v1/signup', {
      body: { email: email.toUpperCase(), password: PASSWORD, data: { display_name: 'Ada' } },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      token_type: 'bearer',
      expires_in: 600,
      expires_at: Math.floor(clock.now() / 1000) + 600,
      user: { email, role: 'authenticated', user_metadata: { display_name: 'Ada' } },
    });
    const token = String(answer.body['access_token']);
    const jwks = await call(stack, '/auth/v1/.well-known/jwks.json', { apikey: null });
    const [jwk] = jwks.body['keys'] as [Record<string, string>];
    expect(jwk).not.toHaveProperty('d');
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'ES256', kid: jwk['kid'] });
    const { payload } = await jwtVerify(token, await importJWK(jwk, 'ES256'), { currentDate: new Date(clock.now()) });
    expect(payload).toMatchObject({
      sub: accountFrom(answer).id,
      email,
      role: 'authenticated',
      aud: 'authenticated',
      iss: `${stack.supabaseUrl}/auth/v1`,
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: expect.any(Number) as number }],
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      is_anonymous: false,
    });
  });

  it.each([
    ['a short password', { email: 'a@example.com', password: '1234567' }, 422, 'weak_password'],
    ['a password past the limit', { email: 'a@example.com', password: 'x'.repeat(73) }, 400, 'validation_failed'],
    ['no password', { email: 'a@example.com' }, 400, 'validation_failed'],
    ['an address that is none', { email: 'ada at example', password: PASSWORD }, 400, 'validation_failed'],
    ['nothing', {}, 422, 'anonymous_provider_disabled'],
    ['a body that is not JSON', '{"email":', 400, 'bad_json'],
    ['a field of the wrong type', { email: 7, password: PASSWORD }, 400, 'bad_json'],
  ])('refuses %s', async (_case, body, status, code) => {
    const answer = await call(stack, '/auth/v1/signup', { body });
    expect([answer.status, answer.body['code'], answer.headers.get('x-sb-error-code')]).toEqual([status, code, code]);
  });

  it('takes a password of exactly eight characters, also when they are none of ASCII', async () => {
    for (const password of ['12345678', 'äöü€😀ßñ✓']) {
      expect(Array.from(password)).toHaveLength(8);
      const email = freshEmail();
      expect((await call(stack, '/auth/v1/signup', { body: { email, password } })).status).toBe(200);
      expect((await signIn(email, password)).status).toBe(200);
    }
  });

  it('says why a password is weak', async () => {
    const answer = await call(stack, '/auth/v1/signup', { body: { email: freshEmail(), password: 'short' } });
    expect(answer.body['weak_password']).toEqual({ reasons: ['length'] });
  });

  it('says what the project’s own rules find wrong with a name', async () => {
    const body = { email: freshEmail(), password: PASSWORD, data: { display_name: 'x'.repeat(101) } };
    const answer = await call(stack, '/auth/v1/signup', { body });
    expect([answer.status, answer.body]).toEqual([
      400,
      { code: 'unknown', message: 'Enter a name of 1 to 100 characters, on one line.' },
    ]);
  });

  it('refuses an address that has an account, also when two ask at once', async () => {
    const email = freshEmail();
    const both = await Promise.all(
      [1, 2].map(() => call(stack, '/auth/v1/signup', { body: { email, password: PASSWORD } })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 422]);
    expect(both.find(({ status }) => status === 422)?.body['code']).toBe('user_already_exists');
  });
});

describe('error bodies', () => {
  it('have the older shape without the version header', async () => {
    const response = await fetch(`${stack.supabaseUrl}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: { apikey: stack.publishableKey },
      body: JSON.stringify({ email: freshEmail(), password: PASSWORD }),
    });
    expect(await response.json()).toEqual({
      code: 400,
      error_code: 'invalid_credentials',
      msg: 'Invalid login credentials',
    });
    expect(response.headers.get('x-sb-error-code')).toBe('invalid_credentials');
  });

  it('have the newer shape with it', async () => {
    const answer = await signIn(freshEmail(), PASSWORD);
    expect(answer.body).toEqual({ code: 'invalid_credentials', message: 'Invalid login credentials' });
  });

  it('are plain text for an unknown route and empty for a wrong method', async () => {
    const unknown = await call(stack, '/auth/v1/nothing');
    expect([unknown.status, unknown.headers.get('content-type'), unknown.text]).toEqual([
      404,
      expect.stringContaining('text/plain') as string,
      '404 page not found\n',
    ]);
    const wrong = await call(stack, '/auth/v1/token');
    expect([wrong.status, wrong.text]).toEqual([405, '']);
  });
});

describe('the gateway', () => {
  it('wants the API key', async () => {
    const none = await call(stack, '/auth/v1/settings', { apikey: null });
    expect([none.status, none.body['message']]).toEqual([401, 'No API key found in request']);
    const wrong = await call(stack, '/auth/v1/settings', { apikey: 'sb_publishable_wrong' });
    expect([wrong.status, wrong.body['message']]).toEqual([401, 'Invalid API key']);
  });

  it('answers settings and health', async () => {
    expect((await call(stack, '/auth/v1/settings')).body).toMatchObject({
      external: { email: true, github: true, google: true, phone: false },
      mailer_autoconfirm: true,
      disable_signup: false,
    });
    expect((await call(stack, '/auth/v1/health')).body).toMatchObject({ name: 'GoTrue' });
  });

  it('allows any origin, and shows it the headers that Supabase shows and no more', async () => {
    const preflight = await fetch(`${stack.supabaseUrl}/auth/v1/token`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://vscode.dev',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'apikey,content-type,x-supabase-api-version',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('apikey');
    const answer = await call(stack, '/auth/v1/settings', { headers: { origin: 'https://vscode.dev' } });
    expect(answer.headers.get('access-control-expose-headers')).toBe('X-Total-Count,Link,X-Supabase-Api-Version');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });
});

describe('sign-in with a password', () => {
  it('begins a session of its own each time', async () => {
    const account = await signUp(stack);
    const again = accountFrom(await signIn(account.email, PASSWORD));
    expect(again.id).toBe(account.id);
    expect(decodeJwt(again.accessToken)['session_id']).not.toBe(decodeJwt(account.accessToken)['session_id']);
  });

  it('refuses a wrong password and an unknown address alike', async () => {
    const account = await signUp(stack);
    const wrong = await signIn(account.email, 'not the password');
    const unknown = await signIn(freshEmail(), PASSWORD);
    expect([wrong.status, wrong.text]).toEqual([unknown.status, unknown.text]);
    expect(wrong.body['code']).toBe('invalid_credentials');
  });

  it('keeps no password in the database', async () => {
    const account = await signUp(stack);
    const [row] = await stack.db.query<{ encrypted_password: string }>(
      'select encrypted_password from auth.users where id = $1',
      [account.id],
    );
    expect(row?.encrypted_password).toMatch(/^scrypt\$/);
    expect(row?.encrypted_password).not.toContain(PASSWORD);
  });
});

describe('rotation of refresh tokens', () => {
  it('answers a new token and keeps the session', async () => {
    const account = await signUp(stack);
    const next = accountFrom(await refresh(account.refreshToken));
    expect(next.refreshToken).not.toBe(account.refreshToken);
    expect(decodeJwt(next.accessToken)['session_id']).toBe(decodeJwt(account.accessToken)['session_id']);
  });

  it('answers the same new token to twenty parallel refreshes with one token', async () => {
    const account = await signUp(stack);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(account.refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body['refresh_token'])).size).toBe(1);
  });

  it('still answers an older token within ten seconds, with the current token', async () => {
    const account = await signUp(stack);
    const second = accountFrom(await refresh(account.refreshToken));
    const third = accountFrom(await refresh(second.refreshToken));
    clock.advance(10_000);
    expect(accountFrom(await refresh(account.refreshToken)).refreshToken).toBe(third.refreshToken);
  });

  it('ends the family when an older token comes later', async () => {
    const account = await signUp(stack);
    const second = accountFrom(await refresh(account.refreshToken));
    const third = accountFrom(await refresh(second.refreshToken));
    clock.advance(10_001);
    for (const token of [account.refreshToken, third.refreshToken, second.refreshToken]) {
      const answer = await refresh(token);
      expect([answer.status, answer.body['code']]).toEqual([400, 'refresh_token_already_used']);
    }
  });

  it('answers the direct parent at any time, because its owner may never have got the reply', async () => {
    const account = await signUp(stack);
    const lost = accountFrom(await refresh(account.refreshToken));
    clock.advance(3_600_000);
    expect(accountFrom(await refresh(account.refreshToken)).refreshToken).toBe(lost.refreshToken);
  });

  it.each([
    ['an unknown token', 'no-such-token', 'refresh_token_not_found'],
    ['no token', '', 'validation_failed'],
  ])('refuses %s', async (_case, token, code) => {
    const answer = await refresh(token);
    expect([answer.status, answer.body['code']]).toEqual([400, code]);
  });
});

describe('the signed-in user', () => {
  const user = (token?: string): Promise<Answer> => call(stack, '/auth/v1/user', { token });

  it('is told who they are until the token expires', async () => {
    const account = await signUp(stack);
    expect((await user(account.accessToken)).body).toMatchObject({ id: account.id, email: account.email });
    clock.advance(600_000);
    const late = await user(account.accessToken);
    expect([late.status, late.body['code']]).toEqual([403, 'bad_jwt']);
  });

  it('is told that the account is gone when it was deleted', async () => {
    const account = await signUp(stack);
    await stack.db.query('delete from auth.users where id = $1', [account.id]);
    const answer = await user(account.accessToken);
    expect([answer.status, answer.body['code'], answer.headers.get('x-sb-error-code')]).toEqual([
      403,
      'user_not_found',
      'user_not_found',
    ]);
    expect((await refresh(account.refreshToken)).body['code']).toBe('refresh_token_not_found');
    expect((await signIn(account.email, PASSWORD)).body['code']).toBe('invalid_credentials');
  });

  it('must show a token', async () => {
    const answer = await user();
    expect([answer.status, answer.body['code']]).toEqual([401, 'no_authorization']);
  });

  it('changes the metadata, and a null takes a value away', async () => {
    const account = await signUp(stack);
    const put = (data: object): Promise<Answer> =>
      call(stack, '/auth/v1/user', { method: 'PUT', token: account.accessToken, body: { data } });
    expect((await put({ a: 1, b: 2 })).body['user_metadata']).toEqual({ a: 1, b: 2 });
    expect((await put({ a: null })).body['user_metadata']).toEqual({ b: 2 });
  });

  it('changes the password, which signs out every other session', async () => {
    const account = await signUp(stack);
    const other = accountFrom(await signIn(account.email, PASSWORD));
    const put = (password: string): Promise<Answer> =>
      call(stack, '/auth/v1/user', { method: 'PUT', token: account.accessToken, body: { password } });
    expect((await put(PASSWORD)).body['code']).toBe('same_password');
    expect((await put('short')).body['code']).toBe('weak_password');
    expect((await put('another password')).status).toBe(200);
    expect((await user(account.accessToken)).status).toBe(200);
    expect((await user(other.accessToken)).body['code']).toBe('session_not_found');
    expect((await signIn(account.email, PASSWORD)).body['code']).toBe('invalid_credentials');
    expect((await signIn(account.email, 'another password')).status).toBe(200);
  });
});

describe('sign-out', () => {
  it.each([
    ['local', 'session_not_found', 200],
    ['others', 200, 'session_not_found'],
    ['global', 'session_not_found', 'session_not_found'],
  ])('with scope %s ends the right sessions', async (scope, mine, other) => {
    const account = await signUp(stack);
    const second = accountFrom(await signIn(account.email, PASSWORD));
    const answer = await call(stack, `/auth/v1/logout?scope=${scope}`, { method: 'POST', token: account.accessToken });
    expect([answer.status, answer.text]).toEqual([204, '']);
    const state = async (token: string): Promise<unknown> => {
      const { status, body } = await call(stack, '/auth/v1/user', { token });
      return status === 200 ? 200 : body['code'];
    };
    expect([await state(account.accessToken), await state(second.accessToken)]).toEqual([mine, other]);
  });

  it('leaves no refresh token behind', async () => {
    const account = await signUp(stack);
    await call(stack, '/auth/v1/logout?scope=local', { method: 'POST', token: account.accessToken });
    expect((await refresh(account.refreshToken)).body['code']).toBe('refresh_token_not_found');
    const again = await call(stack, '/auth/v1/logout', { method: 'POST', token: account.accessToken });
    expect([again.status, again.body['code']]).toEqual([403, 'session_not_found']);
  });
});
