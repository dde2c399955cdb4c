import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as v from 'valibot';

import type { AccessClaims, AccessTokens } from '../access-tokens.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../db/database.ts';
import { isSqlError } from '../db/database.ts';
import { VERSION } from '../version.ts';
import { AuthError, errorResponse } from './errors.ts';
import type { Mailbox, Proof } from './mailbox.ts';
import { checkNewPassword, hashPassword, verifyPassword } from './passwords.ts';
import { permittedRedirect } from './redirects.ts';
import type { LogoutScope, Sessions } from './sessions.ts';
import { userByEmail, userJson } from './users.ts';
import type { UserRow } from './users.ts';

export interface AuthParts {
  readonly db: Database;
  readonly tokens: AccessTokens;
  readonly sessions: Sessions;
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  /** Where a browser ends up that has nowhere else to go. */
  readonly siteUrl: string;
  /** True: a new account is signed in at once. False: its owner has to follow a link first. */
  readonly autoConfirm: boolean;
}

const MAX_BODY_BYTES = 65_536;

const Metadata = v.record(v.string(), v.unknown());
const SignUp = v.object({
  email: v.optional(v.string(), ''),
  password: v.optional(v.string(), ''),
  data: v.optional(v.nullable(Metadata)),
});
const Password = v.object({ email: v.optional(v.string(), ''), password: v.optional(v.string(), '') });
const Refresh = v.object({ refresh_token: v.optional(v.string(), '') });
const UserUpdate = v.object({ password: v.optional(v.string()), data: v.optional(v.nullable(Metadata)) });
const Verify = v.object({
  type: v.string(),
  email: v.optional(v.string()),
  token: v.optional(v.string()),
  token_hash: v.optional(v.string()),
});
const Resend = v.object({ type: v.string(), email: v.string() });

/** The part of Supabase Auth that e-mail and password need; to be mounted at /auth/v1. */
export function authRoutes(parts: AuthParts): Hono {
  const app = new Hono();
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => fail(c, badJson('request body too large')) }));

  app.get('/health', (c) =>
    c.json({ version: `local-${VERSION}`, name: 'GoTrue', description: "Godoty's local emulator of Supabase Auth" }),
  );
  app.get('/settings', (c) =>
    c.json({
      external: { anonymous_users: false, email: true, phone: false, github: false, google: false },
      disable_signup: false,
      mailer_autoconfirm: parts.autoConfirm,
      phone_autoconfirm: false,
      sms_provider: '',
      saml_enabled: false,
    }),
  );
  app.get('/.well-known/jwks.json', (c) => c.json({ keys: [parts.tokens.publicJwk] }));

  app.post('/signup', async (c) => signUp(parts, c));
  app.post('/token', async (c) => token(parts, c));
  app.post('/logout', async (c) => {
    const claims = await caller(parts, c);
    await parts.sessions.user(claims.sub, claims.session_id);
    await parts.sessions.end(logoutScope(c.req.query('scope')), claims.sub, claims.session_id);
    return c.body(null, 204);
  });
  app.get('/user', async (c) => {
    const claims = await caller(parts, c);
    return c.json(userJson(await parts.sessions.user(claims.sub, claims.session_id)));
  });
  app.put('/user', async (c) => updateUser(parts, c));
  app.post('/resend', async (c) => resend(parts, c));
  app.post('/verify', async (c) => {
    const userId = await parts.mailbox.confirm(proofOf(await body(c, Verify)));
    return c.json(await parts.sessions.begin(userId));
  });
  app.get('/verify', async (c) => followLink(parts, c));
  app.get('/authorize', () => {
    throw new AuthError(400, 'validation_failed', 'Unsupported provider: provider is not enabled');
  });

  const paths = new Set(app.routes.map((route) => route.path));
  app.notFound((c) => (paths.has(c.req.path) ? c.body(null, 405) : c.text('404 page not found\n', 404)));
  app.onError((error, c) => {
    if (error instanceof AuthError) {
      return fail(c, error);
    }
    console.error(`auth: ${error.name}: ${error.message}`);
    return fail(
      c,
      new AuthError(500, 'unexpected_failure', 'Unexpected failure, please check server logs for more information'),
    );
  });
  return app;
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
  checkNewPassword(input.password);

  const existing = await userByEmail(parts.db, email);
  if (existing !== undefined && (existing.email_confirmed_at !== null || parts.autoConfirm)) {
    if (parts.autoConfirm) {
      throw new AuthError(422, 'user_already_exists', 'User already registered');
    }
    // Whether an address has an account is nobody's business: the answer looks like a new account's.
    return c.json({ ...disguised(existing, parts.clock), email });
  }
  const user = existing ?? (await insertUser(parts, email, await hashPassword(input.password), input.data ?? {}));
  if (parts.autoConfirm) {
    return c.json(await parts.sessions.begin(user.id));
  }
  await parts.mailbox.sendConfirmation(user, email, permittedRedirect(c.req.query('redirect_to'), parts.siteUrl));
  return c.json(userJson((await userByEmail(parts.db, email)) ?? user));
}

async function insertUser(
  parts: AuthParts,
  email: string,
  passwordHash: string,
  metadata: Readonly<Record<string, unknown>>,
): Promise<UserRow> {
  const now = new Date(parts.clock.now());
  try {
    const [user] = await parts.db.query<UserRow>(
      `insert into auth.users (email, encrypted_password, email_confirmed_at, raw_user_meta_data, created_at, updated_at)
       values ($1, $2, $3, ($4::text)::jsonb, $5, $5) returning *`,
      [email, passwordHash, parts.autoConfirm ? now : null, JSON.stringify(metadata), now],
    );
    if (user !== undefined) {
      return user;
    }
  } catch (error) {
    // Two sign-ups with one address at the same moment.
    if (isSqlError(error) && error.code === '23505') {
      throw new AuthError(422, 'user_already_exists', 'User already registered');
    }
    throw error;
  }
  throw new AuthError(500, 'unexpected_failure', 'Database error saving new user');
}

/** A user that does not exist, for an address that has one. */
function disguised(existing: UserRow, clock: Clock): Record<string, unknown> {
  const now = new Date(clock.now());
  const stranger: UserRow = {
    ...existing,
    id: crypto.randomUUID(),
    email_confirmed_at: null,
    confirmation_sent_at: now,
    last_sign_in_at: null,
    raw_user_meta_data: {},
    created_at: now,
    updated_at: now,
  };
  return { ...userJson(stranger), identities: [] };
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
      return c.json(await parts.sessions.begin(user.id));
    }
    case 'refresh_token': {
      const input = await body(c, Refresh);
      if (input.refresh_token === '') {
        throw new AuthError(400, 'validation_failed', 'refresh_token required');
      }
      return c.json(await parts.sessions.refresh(input.refresh_token));
    }
    default:
      throw new AuthError(400, 'invalid_request', 'unsupported_grant_type');
  }
}

async function updateUser(parts: AuthParts, c: Context): Promise<Response> {
  const claims = await caller(parts, c);
  const user = await parts.sessions.user(claims.sub, claims.session_id);
  const input = await body(c, UserUpdate);
  const now = new Date(parts.clock.now());
  if (input.password !== undefined) {
    checkNewPassword(input.password);
    if (await verifyPassword(input.password, user.encrypted_password)) {
      throw new AuthError(422, 'same_password', 'New password should be different from the old password.');
    }
    await parts.db.query('update auth.users set encrypted_password = $2, updated_at = $3 where id = $1', [
      user.id,
      await hashPassword(input.password),
      now,
    ]);
    // Whoever knew the old password is signed out everywhere else.
    await parts.sessions.end('others', user.id, claims.session_id);
  }
  if (input.data != null) {
    await parts.db.query(
      `update auth.users set updated_at = $3,
         raw_user_meta_data = jsonb_strip_nulls(raw_user_meta_data || ($2::text)::jsonb) where id = $1`,
      [user.id, JSON.stringify(input.data), now],
    );
  }
  return c.json(userJson(await parts.sessions.user(claims.sub, claims.session_id)));
}

async function resend(parts: AuthParts, c: Context): Promise<Response> {
  const input = await body(c, Resend);
  if (input.type !== 'signup') {
    throw new AuthError(400, 'validation_failed', 'Unsupported type for resend');
  }
  const email = checkedEmail(input.email);
  const user = await userByEmail(parts.db, email);
  // An unknown or confirmed address gets the same answer, so that nobody learns which it is.
  if (user?.email_confirmed_at === null) {
    await parts.mailbox.sendConfirmation(user, email, permittedRedirect(c.req.query('redirect_to'), parts.siteUrl));
  }
  return c.json({});
}

/** The link of a mail: confirms, and hands the session over in the fragment, as the implicit flow has it. */
async function followLink(parts: AuthParts, c: Context): Promise<Response> {
  const target = new URL(permittedRedirect(c.req.query('redirect_to'), parts.siteUrl));
  try {
    const userId = await parts.mailbox.confirm({ kind: 'link', token: c.req.query('token') ?? '' });
    const session = await parts.sessions.begin(userId);
    const fragment = ['access_token', 'expires_at', 'expires_in', 'refresh_token', 'token_type'].map(
      (name) => [name, String(session[name])] as const,
    );
    target.hash = new URLSearchParams([
      ...fragment.map(([name, value]) => [name, value]),
      ['type', 'signup'],
    ]).toString();
  } catch (error) {
    if (!(error instanceof AuthError)) {
      throw error;
    }
    const query = {
      error: 'access_denied',
      error_code: error.code,
      error_description: 'Email link is invalid or has expired',
    };
    target.hash = new URLSearchParams(query).toString();
    for (const [name, value] of Object.entries(query)) {
      target.searchParams.set(name, value);
    }
  }
  return c.redirect(target.href, 303);
}

function proofOf(input: v.InferOutput<typeof Verify>): Proof {
  const known = ['signup', 'email'].includes(input.type);
  if (known && input.token_hash !== undefined) {
    return { kind: 'link', token: input.token_hash };
  }
  if (known && input.email !== undefined && input.token !== undefined) {
    return { kind: 'code', email: input.email.trim().toLowerCase(), code: input.token };
  }
  throw new AuthError(403, 'otp_expired', 'Token has expired or is invalid');
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

async function caller(parts: AuthParts, c: Context): Promise<AccessClaims> {
  const bearer = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
  if (bearer === undefined) {
    throw new AuthError(401, 'no_authorization', 'This endpoint requires a valid Bearer token');
  }
  const verified = await parts.tokens.verify(bearer);
  switch (verified.kind) {
    case 'valid':
      return verified.claims;
    case 'expired':
      throw badJwt('token has invalid claims: token is expired');
    case 'invalid':
      throw badJwt('signature is invalid');
  }
}

function badJwt(why: string): AuthError {
  return new AuthError(403, 'bad_jwt', `invalid JWT: unable to parse or verify signature, ${why}`);
}

function checkedEmail(email: string): string {
  const trimmed = email.trim().toLowerCase();
  if (trimmed.length > 255 || !/^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(trimmed)) {
    throw new AuthError(400, 'validation_failed', 'Unable to validate email address: invalid format');
  }
  return trimmed;
}

async function body<S extends v.GenericSchema>(c: Context, schema: S): Promise<v.InferOutput<S>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await c.req.text()) as unknown;
  } catch {
    throw badJson('invalid JSON');
  }
  const result = v.safeParse(schema, parsed);
  if (!result.success) {
    throw badJson('unexpected type of a field');
  }
  return result.output;
}

function badJson(why: string): AuthError {
  return new AuthError(400, 'bad_json', `Could not parse request body as JSON: ${why}`);
}

function fail(c: Context, error: AuthError): Response {
  return errorResponse(error, c.req.header('x-supabase-api-version'));
}
