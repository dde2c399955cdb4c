import { createClient } from '@supabase/supabase-js';
import type { SupabaseClientOptions } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { engines } from './databases.ts';
import { leadsTo, newestMail, PASSWORD, startTestStack, usageRecord } from './support.ts';

const EDITOR = 'vscode://godoty.godoty/auth/callback?nonce=n1';
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ mailRestSeconds: 0 });
});
afterAll(() => stack.close());

type Auth = NonNullable<SupabaseClientOptions<'public'>['auth']>;
type Client = ReturnType<typeof client>;

/** Realtime is not used here, and Node 20 has no WebSocket of its own for it to find. */
function noWebSocket(): never {
  throw new Error('no connection was to be opened');
}

/** The reference client as it comes, with a memory of its own for its session. */
function client(auth: Auth = {}, of = stack) {
  const memory = new Map<string, string>();
  const storage = {
    getItem: (key: string) => memory.get(key) ?? null,
    setItem: (key: string, value: string) => void memory.set(key, value),
    removeItem: (key: string) => void memory.delete(key),
  };
  return createClient(of.supabaseUrl, of.publishableKey, {
    auth: { storage, autoRefreshToken: false, ...auth },
    realtime: { transport: noWebSocket as unknown as typeof WebSocket },
  });
}

/** The data of an answer that is no error. */
function ok<A extends { readonly data: unknown; readonly error: Error | null }>(
  answer: A,
): Extract<A, { readonly error: null }>['data'] {
  if (answer.error !== null) {
    throw answer.error;
  }
  return answer.data;
}

const freshEmail = (): string => `${crypto.randomUUID()}@example.com`;

async function signedIn(on = client(), email = freshEmail()): Promise<{ client: Client; email: string }> {
  ok(await on.auth.signUp({ email, password: PASSWORD }));
  return { client: on, email };
}

async function isSignedIn(on: Client): Promise<boolean> {
  const { data } = await on.auth.getUser();
  return data.user !== null;
}

describe('the reference client, as it comes from its registry,', () => {
  it('signs up, and again with the password', async () => {
    const { email } = await signedIn();
    const again = client();
    const { user } = ok(await again.auth.signInWithPassword({ email, password: PASSWORD }));
    expect(user.email).toBe(email);
    const claims = ok(await again.auth.getClaims());
    expect(claims?.claims).toMatchObject({ email, role: 'authenticated' });
    const { error } = await client().auth.signInWithPassword({ email, password: 'wrong one' });
    expect([error?.name, error?.code, error?.status]).toEqual(['AuthApiError', 'invalid_credentials', 400]);
  });

  it('learns what is wrong with a password', async () => {
    const { error } = await client().auth.signUp({ email: freshEmail(), password: 'short' });
    expect(error).toMatchObject({ name: 'AuthWeakPasswordError', code: 'weak_password', reasons: ['length'] });
  });

  it('refreshes its session', async () => {
    const { client: me } = await signedIn();
    const before = ok(await me.auth.getSession()).session;
    const after = ok(await me.auth.refreshSession()).session;
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(await isSignedIn(me)).toBe(true);
  });

  it('signs in with the code of a mail', async () => {
    const me = client();
    const email = freshEmail();
    ok(await me.auth.signInWithOtp({ email }));
    const { code } = await newestMail(stack, email);
    const { user } = ok(await me.auth.verifyOtp({ email, token: code, type: 'email' }));
    expect(user?.email).toBe(email);
    const { error } = await me.auth.verifyOtp({ email, token: code, type: 'email' });
    expect(error?.code).toBe('otp_expired');
  });

  it('signs in with the link of a mail and PKCE', async () => {
    const me = client({ flowType: 'pkce' });
    const email = freshEmail();
    ok(await me.auth.signInWithOtp({ email, options: { emailRedirectTo: EDITOR } }));
    const target = await leadsTo((await newestMail(stack, email)).link);
    const { user } = ok(await me.auth.exchangeCodeForSession(target.searchParams.get('code') ?? ''));
    expect(user.email).toBe(email);
  });

  it('signs in with a provider and PKCE, by way of the stand-in’s page', async () => {
    const me = client({ flowType: 'pkce' });
    const email = freshEmail();
    const options = { redirectTo: EDITOR, skipBrowserRedirect: true };
    const { url } = ok(await me.auth.signInWithOAuth({ provider: 'github', options }));
    const page = await leadsTo(url);
    const back = await leadsTo(await leadsTo(page, { answer: 'allow', email, name: 'Ada' }));
    expect(back.href.startsWith(`${EDITOR}&code=`)).toBe(true);
    const { session } = ok(await me.auth.exchangeCodeForSession(back.searchParams.get('code') ?? ''));
    expect(session).toMatchObject({ user: { email }, provider_token: expect.any(String) as string });
    expect(await isSignedIn(me)).toBe(true);
  });

  it('resets a password and updates the user', async () => {
    const { email } = await signedIn();
    const me = client();
    ok(await me.auth.resetPasswordForEmail(email));
    ok(await me.auth.verifyOtp({ email, token: (await newestMail(stack, email)).code, type: 'recovery' }));
    const { user } = ok(await me.auth.updateUser({ password: 'another password', data: { display_name: 'Ada' } }));
    expect(user.user_metadata).toMatchObject({ display_name: 'Ada' });
    const same = await me.auth.updateUser({ password: 'another password' });
    expect(same.error?.code).toBe('same_password');
    ok(await client().auth.signInWithPassword({ email, password: 'another password' }));
  });

  it('calls a database function and an edge function', async () => {
    const { client: me, email } = await signedIn();
    expect(ok(await me.rpc('profile'))).toMatchObject({ email });
    const device = { device_id: crypto.randomUUID(), device_name: 'laptop' };
    const config: unknown = ok(await me.functions.invoke('vscode-config', { body: device }));
    expect(config).toMatchObject({ user: { email }, model_access: { endpoint: stack.litellmUrl } });
    const { error } = await client().rpc('profile');
    expect(error).toMatchObject({ code: '42501' });
  });

  it.each([
    ['local', false, true],
    ['others', true, false],
    ['global', false, false],
  ] as const)('signs out with scope %s', async (scope, mine, other) => {
    const { client: me, email } = await signedIn();
    const elsewhere = client();
    ok(await elsewhere.auth.signInWithPassword({ email, password: PASSWORD }));
    expect((await me.auth.signOut({ scope })).error).toBeNull();
    expect([await isSignedIn(me), await isSignedIn(elsewhere)]).toEqual([mine, other]);
  });
});

it.each(engines)('fifty clients at once lose nothing on $name', async (engine) => {
  const server = await engine.start();
  const url = await server.createUrl?.();
  const crowded = await startTestStack({ data: url === undefined ? { kind: 'memory' } : { kind: 'server', url } });
  const perClient = 4;
  try {
    const totals = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const { client: me } = await signedIn(client({}, crowded));
        const records = Array.from({ length: perClient }, () =>
          usageRecord({ prompt_tokens: 100 + index, completion_tokens: 1, total_tokens: 101 + index }),
        );
        // Each record is sent twice, as after a lost reply.
        const batches = [records.slice(0, 2), records, records.slice(2)];
        await Promise.all(
          batches.map(async (batch) =>
            ok<{ data: unknown; error: Error | null }>(await me.rpc('record_usage', { records: batch })),
          ),
        );
        const period = { from: '2020-01-01T00:00:00Z', to: '2060-01-01T00:00:00Z', bucket: 'month', timezone: 'UTC' };
        const summary = ok(await me.rpc('usage_summary', period)) as { totals: Record<string, unknown> };
        return summary.totals;
      }),
    );
    for (const [index, sum] of totals.entries()) {
      expect(sum).toMatchObject({ requests: perClient, total_tokens: perClient * (101 + index) });
    }
    const [all] = await crowded.db.query<{ count: number }>('select count(*)::int as count from public.usage_records');
    expect(all?.count).toBe(50 * perClient);
  } finally {
    await crowded.close();
    await server.stop();
  }
});
