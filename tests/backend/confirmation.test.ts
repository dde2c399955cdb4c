import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { accountFrom, call, newestMail, PASSWORD, startTestStack, TestClock } from './support.ts';
import type { Answer } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock, autoConfirm: false });
});
afterAll(() => stack.close());

const signIn = (email: string): Promise<Answer> =>
  call(stack, '/auth/v1/token?grant_type=password', { body: { email, password: PASSWORD } });

async function signedUp(query = ''): Promise<{ email: string; answer: Answer; link: URL; code: string }> {
  const email = `${crypto.randomUUID()}@example.com`;
  const answer = await call(stack, `/auth/v1/signup${query}`, { body: { email, password: PASSWORD } });
  const mail = await newestMail(stack, email);
  return { email, answer, link: new URL(mail.link), code: mail.code };
}

describe('an account whose address is not confirmed', () => {
  it('is a bare user, cannot sign in, and can after its link was followed', async () => {
    const { email, answer, link } = await signedUp();
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ email, confirmation_sent_at: expect.any(String) as string });
    expect(answer.body).not.toHaveProperty('access_token');
    const early = await signIn(email);
    expect([early.status, early.body['code']]).toEqual([400, 'email_not_confirmed']);

    const inbox = await call(stack, '/_inbox', { apikey: null });
    expect(inbox.text).toContain(email);
    expect(inbox.text).toContain(link.href.replaceAll('&', '&amp;'));

    const followed = await call(stack, link.pathname + link.search, { apikey: null });
    expect(followed.status).toBe(303);
    const target = new URL(followed.headers.get('location') ?? '');
    expect(target.origin + target.pathname).toBe(`${stack.supabaseUrl}/_confirmed`);
    expect(new URLSearchParams(target.hash.slice(1)).get('access_token')).toMatch(/^eyJ/);
    expect((await call(stack, target.pathname, { apikey: null })).text).toContain('Return to your editor');
    expect((await signIn(email)).status).toBe(200);
  });

  it('has a link that is good once', async () => {
    const { link } = await signedUp();
    await call(stack, link.pathname + link.search, { apikey: null });
    const again = await call(stack, link.pathname + link.search, { apikey: null });
    const target = new URL(again.headers.get('location') ?? '');
    expect(target.searchParams.get('error_code')).toBe('otp_expired');
    expect(target.hash).toContain('error_code=otp_expired');
  });

  it('has a link that is good for an hour', async () => {
    const { email, link } = await signedUp();
    clock.advance(3_600_000);
    const late = await call(stack, link.pathname + link.search, { apikey: null });
    expect(late.headers.get('location')).toContain('otp_expired');
    expect((await signIn(email)).body['code']).toBe('email_not_confirmed');
  });

  it('can type the code of the mail, once, and only its own', async () => {
    const mine = await signedUp();
    const other = await signedUp();
    const verify = (email: string, token: string): Promise<Answer> =>
      call(stack, '/auth/v1/verify', { body: { type: 'signup', email, token } });
    const wrong = await verify(other.email, mine.code);
    expect([wrong.status, wrong.body['code']]).toEqual([403, 'otp_expired']);
    expect(accountFrom(await verify(mine.email, mine.code)).email).toBe(mine.email);
    expect((await verify(mine.email, mine.code)).body['code']).toBe('otp_expired');
  });

  it('gets a new mail no sooner than after a minute, and then the old link is void', async () => {
    const { email, link } = await signedUp();
    const resend = (): Promise<Answer> => call(stack, '/auth/v1/resend', { body: { type: 'signup', email } });
    const soon = await resend();
    expect([soon.status, soon.body['code']]).toEqual([429, 'over_email_send_rate_limit']);
    clock.advance(60_000);
    expect((await resend()).status).toBe(200);
    expect((await call(stack, link.pathname + link.search, { apikey: null })).headers.get('location')).toContain(
      'otp_expired',
    );
    const mail = await newestMail(stack, email);
    expect(
      accountFrom(await call(stack, '/auth/v1/verify', { body: { type: 'signup', email, token: mail.code } })).email,
    ).toBe(email);
  });

  it('does not show to others that it exists', async () => {
    const { email, code } = await signedUp();
    await call(stack, '/auth/v1/verify', { body: { type: 'signup', email, token: code } });
    const again = await call(stack, '/auth/v1/signup', { body: { email, password: 'somebody else' } });
    expect([again.status, again.body['email'], again.body['identities']]).toEqual([200, email, []]);
    expect((await signIn(email)).status).toBe(200);
    expect(
      (await call(stack, '/auth/v1/resend', { body: { type: 'signup', email: 'nobody@example.com' } })).status,
    ).toBe(200);
  });
});

describe('where a link leads', () => {
  it.each([
    ['vscode://godoty.godoty/auth/callback', true],
    ['cursor://godoty.godoty/auth/callback?nonce=1', true],
    ['http://127.0.0.1:9999/cb', true],
    ['https://evil.example/', false],
    ['vscode://evil.evil/', false],
    ['javascript:alert(1)', false],
  ])('%s: %s', async (redirectTo, allowed) => {
    const { link } = await signedUp(`?redirect_to=${encodeURIComponent(redirectTo)}`);
    const followed = await call(stack, link.pathname + link.search, { apikey: null });
    const location = followed.headers.get('location') ?? '';
    expect(location.startsWith(allowed ? redirectTo : `${stack.supabaseUrl}/_confirmed`)).toBe(true);
  });
});
