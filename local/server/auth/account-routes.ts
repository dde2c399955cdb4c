import type { Context, Hono } from 'hono';
import * as v from 'valibot';

import { isSqlError } from '../db/database.ts';
import { AuthError } from './errors.ts';
import { emailExists } from './mail-proofs.ts';
import type { AuthParts } from './parts.ts';
import { checkNewPassword, hashPassword, verifyPassword } from './passwords.ts';
import { body, caller, ChallengeFields, challengeOf, checkedEmail } from './requests.ts';
import type { LogoutScope } from './sessions.ts';
import { emailIdentity, insertIdentity, insertUser, userByEmail, userJson } from './users.ts';
import type { NewUser, UserRow } from './users.ts';

export const Metadata = v.record(v.string(), v.unknown());
const SignUp = v.object({
  email: v.optional(v.string(), ''),
  password: v.optional(v.string(), ''),
  data: v.optional(v.nullable(Metadata)),
  ...ChallengeFields,
});
const Password = v.object({ email: v.optional(v.string(), ''), password: v.optional(v.string(), '') });
const Refresh = v.object({ refresh_token: v.optional(v.string(), '') });
const Exchange = v.object({ auth_code: v.optional(v.string(), ''), code_verifier: v.optional(v.string(), '') });
const UserUpdate = v.object({
  email: v.optional(v.nullable(v.string())),
  password: v.optional(v.nullable(v.string())),
  data: v.optional(v.nullable(Metadata)),
  ...ChallengeFields,
});

/** Accounts and their sessions: /signup, /token, /user, /logout. */
export function accountRoutes(app: Hono, parts: AuthParts): void {
  app.post('/signup', async (c) => signUp(parts, c));
  app.post('/token', async (c) => token(parts, c));
  app.get('/user', async (c) => {
    const claims = await caller(parts, c);
    return c.json(userJson(await parts.sessions.user(claims.sub, claims.session_id)));
  });
  app.put('/user', async (c) => updateUser(parts, c));
  app.post('/logout', async (c) => {
    const claims = await caller(parts, c);
    await parts.sessions.user(claims.sub, claims.session_id);
    await parts.sessions.end(logoutScope(c.req.query('scope')), claims.sub, claims.session_id);
    return c.body(null, 204);
  });
}

async function signUp(parts: AuthParts, c: Context): Promise<Response> {
  const input = await body(c, SignUp);
  if (input.email === '' && input.password === '') {
    throw new AuthError(422, 'anonymous_provider_disabled', 'Anonymous sign-ins are disabled');
  }
  if (input.password === '') {
    throw new AuthError(400, 'validation_failed', 'Signup requires a valid password');
  }
  const email = checkedEmail(input.email);
  checkNewPassword(input.password, parts.config.minimumPasswordLength);
  const challenge = challengeOf(input);

  const existing = await userByEmail(parts.db, email);
  if (existing !== undefined && parts.autoConfirm) {
    throw new AuthError(422, 'user_already_exists', 'User already registered');
  }
  if (existing?.email_confirmed_at != null) {
    // Whether an address has an account is nobody's business: the answer looks like a new account's.
    return c.json({ ...userJson(disguised(existing, new Date(parts.clock.now()))), email });
  }
  const user =
    existing ??
    (await createUser(parts, {
      email,
      passwordHash: await hashPassword(input.password),
      confirmed: parts.autoConfirm,
      metadata: input.data ?? {},
    }));
  if (parts.autoConfirm) {
    return c.json(await parts.db.transaction((tx) => parts.sessions.begin(tx, user.id, 'password')));
  }
  await parts.proofs.send('signup', user, parts.redirects.permitted(c.req.query('redirect_to')), challenge);
  return c.json(userJson((await userByEmail(parts.db, email)) ?? user));
}

/** Makes an account. Throws AuthError `user_already_exists`. */
export async function createUser(parts: AuthParts, user: NewUser): Promise<UserRow> {
  const now = new Date(parts.clock.now());
  try {
    await parts.db.transaction((tx) => insertUser(tx, user, now));
  } catch (error) {
    // Two sign-ups with one address at the same moment.
    if (isSqlError(error) && error.code === '23505') {
      throw new AuthError(422, 'user_already_exists', 'User already registered');
    }
    throw error;
  }
  const created = await userByEmail(parts.db, user.email);
  if (created === undefined) {
    throw new AuthError(500, 'unexpected_failure', 'Database error saving new user');
  }
  return created;
}

/** A user that does not exist, for an address that has one. */
function disguised(existing: UserRow, now: Date): UserRow {
  return {
    ...existing,
    id: crypto.randomUUID(),
    email_confirmed_at: null,
    confirmation_sent_at: now,
    recovery_sent_at: null,
    email_change: null,
    email_change_sent_at: null,
    last_sign_in_at: null,
    raw_app_meta_data: { provider: 'email', providers: ['email'] },
    raw_user_meta_data: {},
    created_at: now,
    updated_at: now,
    identities: [],
  };
}

async function token(parts: AuthParts, c: Context): Promise<Response> {
  switch (c.req.query('grant_type')) {
    case 'password': {
      const input = await body(c, Password);
      const user = await userByEmail(parts.db, input.email.trim().toLowerCase());
      const right = await verifyPassword(input.password, user?.encrypted_password ?? null);
      if (user === undefined || !right) {
        throw new AuthError(400, 'invalid_credentials', 'Invalid login credentials');
      }
      if (user.email_confirmed_at === null) {
        throw new AuthError(400, 'email_not_confirmed', 'Email not confirmed');
      }
      return c.json(await parts.db.transaction((tx) => parts.sessions.begin(tx, user.id, 'password')));
    }
    case 'refresh_token': {
      const input = await body(c, Refresh);
      if (input.refresh_token === '') {
        throw new AuthError(400, 'validation_failed', 'refresh_token required');
      }
      return c.json(await parts.sessions.refresh(input.refresh_token));
    }
    case 'pkce': {
      const input = await body(c, Exchange);
      if (input.auth_code === '' || input.code_verifier === '') {
        throw new AuthError(
          400,
          'validation_failed',
          'invalid request: both auth code and code verifier should be non-empty',
        );
      }
      return c.json(
        await parts.db.transaction(async (tx) => {
          const flow = await parts.flows.redeem(tx, input.auth_code, input.code_verifier);
          const session = await parts.sessions.begin(tx, flow.user_id, flow.method);
          return flow.provider_token === null ? session : { ...session, provider_token: flow.provider_token };
        }),
      );
    }
    default:
      throw new AuthError(400, 'invalid_request', 'unsupported_grant_type');
  }
}

async function updateUser(parts: AuthParts, c: Context): Promise<Response> {
  const claims = await caller(parts, c);
  const user = await parts.sessions.user(claims.sub, claims.session_id);
  const input = await body(c, UserUpdate);
  const challenge = challengeOf(input);
  const email = input.email == null ? user.email : checkedEmail(input.email);
  if (email !== user.email && (await userByEmail(parts.db, email ?? '')) !== undefined) {
    throw emailExists();
  }
  if (input.password != null) {
    await changePassword(parts, user, claims.session_id, input.password);
  }
  if (input.data != null) {
    await parts.db.query(
      `update auth.users set updated_at = $3,
         raw_user_meta_data = jsonb_strip_nulls(raw_user_meta_data || ($2::text)::jsonb) where id = $1`,
      [user.id, JSON.stringify(input.data), new Date(parts.clock.now())],
    );
  }
  if (email !== user.email) {
    await parts.db.query('update auth.users set email_change = $2 where id = $1', [user.id, email]);
    const redirectTo = parts.redirects.permitted(c.req.query('redirect_to'));
    await parts.proofs.send('email_change', { ...user, email_change: email }, redirectTo, challenge);
  }
  return c.json(userJson(await parts.sessions.user(claims.sub, claims.session_id)));
}

async function changePassword(parts: AuthParts, user: UserRow, sessionId: string, password: string): Promise<void> {
  checkNewPassword(password, parts.config.minimumPasswordLength);
  if (await verifyPassword(password, user.encrypted_password)) {
    throw new AuthError(422, 'same_password', 'New password should be different from the old password.');
  }
  const passwordHash = await hashPassword(password);
  const now = new Date(parts.clock.now());
  await parts.db.transaction(async (tx) => {
    await tx.query('update auth.users set encrypted_password = $2, updated_at = $3 where id = $1', [
      user.id,
      passwordHash,
      now,
    ]);
    if (user.encrypted_password === null) {
      // From now on the account of a provider is one with a password too.
      await insertIdentity(tx, user.id, emailIdentity(user.id, user.email ?? '', {}, true), now);
    }
  });
  // Whoever knew the old password is signed out everywhere else.
  await parts.sessions.end('others', user.id, sessionId);
}

function logoutScope(scope: string | undefined): LogoutScope {
  switch (scope) {
    case undefined:
    case '':
    case 'global':
      return 'global';
    case 'local':
    case 'others':
      return scope;
    default:
      throw new AuthError(400, 'validation_failed', `Unsupported logout scope "${scope}"`);
  }
}
