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
import type { Account, Answer } from './support.ts';

const EDITOR = 'vscode://godoty.godoty/auth/callback?nonce=n1';
const clock = new TestClock();
let stack: LocalStack;
/** New accounts of this one have to confirm their address, and both addresses have to agree to a change. */
let strict: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock });
  strict = await startTestStack({ clock, autoConfirm: false });
});
afterAll(async () => {
  await stack.close();
  await strict.close();
});

const freshEmail = (): string => `${crypto.randomUUID()}@example.com`;
const post = (path: string, body: object, on = stack): Promise<Answer> => call(on, `/auth/v1${path}`, { body });
const verify = (type: string, email: string, token: string, on = stack): Promise<Answer> =>
  post('/verify', { type, email, token }, on);
const codeAndStatus = (answer: Answer): unknown => [answer.status, answer.body['code']];
const exchange = (code: string | null, verifier: string, on = stack): Promise<Answer> =>
  post('/token?grant_type=pkce', { auth_code: code, code_verifier: verifier }, on);

/** An account whose address is confirmed, on the strict stack. */
async function confirmed(): Promise<Account> {
  const email = freshEmail();
  await post('/signup', { email, password: PASSWORD }, strict);
  return accountFrom(await verify('signup', email, (await newestMail(strict, email)).code, strict));
}

describe('a sign-in by mail', () => {
  it.each(['email', 'magiclink'])('takes the code of the mail, typed with type %s', async (type) => {
    const account = await signUp(stack);
    const asked = await post('/otp', { email: account.email });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    const session = accountFrom(await verify(type, account.email, (await newestMail(stack, account.email)).code));
    expect(session.id).toBe(account.id);
    expect(decodeJwt(session.accessToken)).toMatchObject({ amr: [{ method: 'otp' }] });
  });

  it.each(['/otp', '/magiclink'])('makes the account when %s is asked for a new address', async (path) => {
    const email = freshEmail();
    expect((await post(path, { email, data: { display_name: 'Ada' } })).status).toBe(200);
    const answer = await verify('email', email, (await newestMail(stack, email)).code);
    expect(answer.body['user']).toMatchObject({ email, user_metadata: { display_name: 'Ada' } });
  });

  it('confirms the address of a new account on a server that wants that', async () => {
    const email = freshEmail();
    await post('/otp', { email }, strict);
    const mail = await newestMail(strict, email);
    expect([mail.subject, mail.link.searchParams.get('type')]).toEqual(['Confirm your sign-up', 'signup']);
    const answer = await verify('email', email, mail.code, strict);
    expect(answer.body['user']).toMatchObject({ email_confirmed_at: expect.any(String) as string });
  });

  it('makes no account when it is asked not to', async () => {
    expect(codeAndStatus(await post('/otp', { email: freshEmail(), create_user: false }))).toEqual([
      422,
      'otp_disabled',
    ]);
  });

  it('has a link whose first opening signs in, and no second', async () => {
    const account = await signUp(stack);
    await post(`/otp?redirect_to=${encodeURIComponent(EDITOR)}`, { email: account.email });
    const { link } = await newestMail(stack, account.email);
    const target = await leadsTo(link);
    expect(target.href.split('#')[0]).toBe(EDITOR);
    expect(fragmentOf(target)).toMatchObject({ token_type: 'bearer', type: 'magiclink', sb: '' });
    const user = await call(stack, '/auth/v1/user', { token: fragmentOf(target)['access_token'] });
    expect(user.body['id']).toBe(account.id);

    const again = await leadsTo(link);
    expect(again.search).toBe('?nonce=n1');
    expect(again.hash).toMatch(/^#error=access_denied&error_code=otp_expired&error_description=[^&]+&sb=$/);
  });

  it('takes the token of the link as token_hash, too', async () => {
    const account = await signUp(stack);
    await post('/otp', { email: account.email });
    const token = (await newestMail(stack, account.email)).link.searchParams.get('token');
    const use = (): Promise<Answer> => post('/verify', { type: 'email', token_hash: token });
    expect(accountFrom(await use()).id).toBe(account.id);
    expect(codeAndStatus(await use())).toEqual([403, 'otp_expired']);
  });

  it('refuses a wrong code, another type, an unknown type and a code after an hour alike', async () => {
    const account = await signUp(stack);
    await post('/otp', { email: account.email });
    const { code } = await newestMail(stack, account.email);
    const wrong = code === '000000' ? '000001' : '000000';
    const attempts = [
      await verify('email', account.email, wrong),
      await verify('signup', account.email, code),
      await verify('telepathy', account.email, code),
    ];
    clock.advance(3_600_000);
    attempts.push(await verify('email', account.email, code));
    for (const attempt of attempts) {
      expect(attempt.body).toEqual({ code: 'otp_expired', message: 'Token has expired or is invalid' });
      expect(attempt.status).toBe(403);
    }
  });
});

describe('a link that was asked for with a challenge', () => {
  async function asked(path: string, extra: object = {}): Promise<{ account: Account; verifier: string; link: URL }> {
    const account = await signUp(stack);
    const { verifier, challenge } = newPkce();
    await post(`${path}?redirect_to=${encodeURIComponent(EDITOR)}`, {
      email: account.email,
      code_challenge: challenge,
      code_challenge_method: 's256',
      ...extra,
    });
    return { account, verifier, link: (await newestMail(stack, account.email)).link };
  }

  it.each([
    ['/otp', 'magiclink'],
    ['/recover', 'recovery'],
  ])('of %s leads back with a code that is exchanged once', async (path, method) => {
    const { account, verifier, link } = await asked(path);
    expect(link.searchParams.get('token')).toMatch(/^pkce_/);
    const target = await leadsTo(link);
    expect([target.searchParams.get('nonce'), target.hash]).toEqual(['n1', '']);
    const code = target.searchParams.get('code');
    const session = accountFrom(await exchange(code, verifier));
    expect(session.id).toBe(account.id);
    expect(decodeJwt(session.accessToken)).toMatchObject({ amr: [{ method }] });
    expect(codeAndStatus(await exchange(code, verifier))).toEqual([404, 'flow_state_not_found']);
  });

  it('can lie for an hour, and its code for five minutes after the click', async () => {
    const { verifier, link } = await asked('/otp');
    clock.advance(3_599_000);
    const code = (await leadsTo(link)).searchParams.get('code');
    clock.advance(300_001);
    expect(codeAndStatus(await exchange(code, verifier))).toEqual([422, 'flow_state_expired']);
  });

  it('tells of an error in the query and in the fragment', async () => {
    const { link } = await asked('/otp');
    await leadsTo(link);
    const again = await leadsTo(link);
    expect(Object.fromEntries(again.searchParams)).toEqual({
      nonce: 'n1',
      error: 'access_denied',
      error_code: 'otp_expired',
      error_description: 'Email link is invalid or has expired',
    });
    expect(again.hash).toMatch(/^#error=access_denied&error_code=otp_expired&.*&sb=$/);
  });

  it('still has a code to type, for those whose mail scanner opened the link', async () => {
    const { account } = await asked('/otp');
    const { code } = await newestMail(stack, account.email);
    expect(accountFrom(await verify('email', account.email, code)).id).toBe(account.id);
  });

  it('must be asked for with both halves of the challenge', async () => {
    const answer = await post('/otp', { email: freshEmail(), code_challenge: newPkce().challenge });
    expect(codeAndStatus(answer)).toEqual([400, 'validation_failed']);
  });
});

describe('a forgotten password', () => {
  it('is replaced by way of a mail', async () => {
    const account = await signUp(stack);
    expect((await post('/recover', { email: account.email })).status).toBe(200);
    const mail = await newestMail(stack, account.email);
    expect([mail.subject, mail.link.searchParams.get('type')]).toEqual(['Reset your password', 'recovery']);
    const session = accountFrom(await verify('recovery', account.email, mail.code));
    const body = { password: 'a new one altogether' };
    await call(stack, '/auth/v1/user', { method: 'PUT', token: session.accessToken, body });
    const signIn = (password: string): Promise<Answer> =>
      post('/token?grant_type=password', { email: account.email, password });
    expect([(await signIn(PASSWORD)).status, (await signIn(body.password)).status]).toEqual([400, 200]);
  });

  it('of an unknown address gets the same answer', async () => {
    const known = await post('/recover', { email: (await signUp(stack)).email });
    const unknown = await post('/recover', { email: freshEmail() });
    expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
  });
});

describe('another e-mail address', () => {
  const change = (account: Account, email: string, on: LocalStack): Promise<Answer> =>
    call(on, '/auth/v1/user', { method: 'PUT', token: account.accessToken, body: { email } });

  it('counts when both mails were answered, and the profile follows', async () => {
    const account = await confirmed();
    const email = freshEmail();
    const asked = await change(account, email.toUpperCase(), strict);
    expect(asked.body).toMatchObject({ email: account.email, new_email: email });
    const half = await verify('email_change', account.email, (await newestMail(strict, account.email)).code, strict);
    expect([half.status, half.body]).toEqual([
      200,
      { code: '200', msg: 'Confirmation link accepted. Please proceed to confirm link sent to the other email' },
    ]);
    const session = accountFrom(await verify('email_change', email, (await newestMail(strict, email)).code, strict));
    expect(session.email).toBe(email);
    const profile = await call(strict, '/rest/v1/rpc/profile', { token: session.accessToken, body: {} });
    expect(profile.body['email']).toBe(email);
    const { identities } = (await call(strict, '/auth/v1/user', { token: session.accessToken })).body;
    expect(identities).toMatchObject([{ provider: 'email', email }]);
  });

  it('says at the first link that the other one is needed', async () => {
    const account = await confirmed();
    const email = freshEmail();
    await change(account, email, strict);
    const first = await leadsTo((await newestMail(strict, email)).link);
    expect(fragmentOf(first)['message']).toContain('link sent to the other email');
    expect(await (await fetch(first)).text()).toContain('link sent to the other email');
    const second = await leadsTo((await newestMail(strict, account.email)).link);
    expect(fragmentOf(second)).toMatchObject({ type: 'email_change', token_type: 'bearer' });
  });

  it('counts at the first mail where addresses are not confirmed', async () => {
    const account = await signUp(stack);
    const email = freshEmail();
    await change(account, email, stack);
    expect(accountFrom(await verify('email_change', email, (await newestMail(stack, email)).code)).email).toBe(email);
  });

  it('is refused when somebody has it', async () => {
    const [one, other] = [await signUp(stack), await signUp(stack)];
    expect(codeAndStatus(await change(one, other.email, stack))).toEqual([422, 'email_exists']);
  });

  it('is refused when somebody took it while the mail lay there', async () => {
    const account = await signUp(stack);
    const email = freshEmail();
    await change(account, email, stack);
    await signUp(stack, email);
    const late = await verify('email_change', email, (await newestMail(stack, email)).code);
    expect(codeAndStatus(late)).toEqual([422, 'email_exists']);
  });

  it('can have its mails sent again', async () => {
    const account = await confirmed();
    const email = freshEmail();
    await change(account, email, strict);
    const before = (await newestMail(strict, email)).link.href;
    clock.advance(60_000);
    expect((await post('/resend', { type: 'email_change', email: account.email }, strict)).status).toBe(200);
    expect((await newestMail(strict, email)).link.href).not.toBe(before);
  });
});

describe('limits on mail', () => {
  it('make a person wait for the next mail of a kind', async () => {
    const account = await signUp(stack);
    await post('/otp', { email: account.email });
    const soon = await post('/recover', { email: account.email });
    expect([soon.status, soon.body]).toEqual([
      429,
      {
        code: 'over_email_send_rate_limit',
        message: 'For security purposes, you can only request this after 60 seconds.',
      },
    ]);
    clock.advance(60_000);
    expect((await post('/recover', { email: account.email })).status).toBe(200);
  });

  it('hold for the whole server, and a refused mail leaves nothing behind', async () => {
    const small = await startTestStack({ clock, mailsPerHour: 1, mailRestSeconds: 0 });
    try {
      const account = await signUp(small);
      const ask = (): Promise<Answer> => post('/otp', { email: account.email }, small);
      expect((await ask()).status).toBe(200);
      const { code } = await newestMail(small, account.email);
      const refused = await ask();
      expect([refused.status, refused.body['message']]).toEqual([429, 'email rate limit exceeded']);
      expect(accountFrom(await verify('email', account.email, code, small)).id).toBe(account.id);
      clock.advance(3_600_000);
      expect((await ask()).status).toBe(200);
    } finally {
      await small.close();
    }
  });
});

describe('the inbox page', () => {
  it('shows each mail with its code and its link, escaped, and nothing to others than this machine', async () => {
    const email = `o'hara+${crypto.randomUUID()}@example.com`;
    await post('/otp', { email });
    const mail = await newestMail(stack, email);
    const page = await call(stack, '/_inbox', { apikey: null });
    expect(page.text).toContain(`<code>${mail.code}</code>`);
    expect(page.text).toContain(mail.link.href.replaceAll('&', '&amp;'));
    expect(page.text).toContain(email.replace("'", '&#39;'));
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
  });
});
