import type { Context, Hono } from 'hono';
import * as v from 'valibot';

import { createUser, Metadata } from './account-routes.ts';
import { AuthError } from './errors.ts';
import type { Challenge } from './flows.ts';
import { isPkceToken } from './mail-proofs.ts';
import type { Proof } from './mail-proofs.ts';
import type { AuthParts } from './parts.ts';
import { errorParameters, withFragment, withQuery } from './redirects.ts';
import { body, ChallengeFields, challengeOf, checkedEmail } from './requests.ts';
import { userByEmail } from './users.ts';

const Otp = v.object({
  email: v.optional(v.string(), ''),
  create_user: v.optional(v.nullable(v.boolean())),
  data: v.optional(v.nullable(Metadata)),
  ...ChallengeFields,
});
const Recover = v.object({ email: v.optional(v.string(), ''), ...ChallengeFields });
const Resend = v.object({ type: v.optional(v.string(), ''), email: v.optional(v.string(), ''), ...ChallengeFields });
const Verify = v.object({
  type: v.string(),
  email: v.optional(v.string()),
  token: v.optional(v.string()),
  token_hash: v.optional(v.string()),
});

const HALF_CONFIRMED = 'Confirmation link accepted. Please proceed to confirm link sent to the other email';

/** Signing in, recovering and confirming by mail: /otp, /magiclink, /recover, /resend, /verify. */
export function mailRoutes(app: Hono, parts: AuthParts): void {
  for (const path of ['/otp', '/magiclink']) {
    app.post(path, async (c) => {
      const input = await body(c, Otp);
      const email = checkedEmail(input.email);
      await sendSignIn(parts, email, input, challengeOf(input), redirectTarget(parts, c));
      return c.json({});
    });
  }
  app.post('/recover', async (c) => {
    const input = await body(c, Recover);
    const challenge = challengeOf(input);
    const user = await userByEmail(parts.db, checkedEmail(input.email));
    // An unknown address gets the same answer, here and below, so that nobody learns which it is.
    if (user !== undefined) {
      await parts.proofs.send('recovery', user, redirectTarget(parts, c), challenge);
    }
    return c.json({});
  });
  app.post('/resend', async (c) => resend(parts, c));
  app.post('/verify', async (c) => {
    const input = await body(c, Verify);
    const session = await parts.db.transaction(async (tx) => {
      const proven = await parts.proofs.use(tx, input.type, proofOf(input));
      return proven.kind === 'half' ? undefined : parts.sessions.begin(tx, proven.userId, 'otp');
    });
    return c.json(session ?? { code: '200', msg: HALF_CONFIRMED });
  });
  app.get('/verify', async (c) => c.redirect(await followLink(parts, c), 303));
}

function redirectTarget(parts: AuthParts, c: Context): string {
  return parts.redirects.permitted(c.req.query('redirect_to'));
}

/** Somebody new gets the mail that confirms their address, which signs them in as well. */
async function sendSignIn(
  parts: AuthParts,
  email: string,
  input: v.InferOutput<typeof Otp>,
  challenge: Challenge | undefined,
  redirectTo: string,
): Promise<void> {
  const existing = await userByEmail(parts.db, email);
  if (existing === undefined && input.create_user === false) {
    throw new AuthError(422, 'otp_disabled', 'Signups not allowed for otp');
  }
  const user =
    existing ??
    (await createUser(parts, { email, passwordHash: null, confirmed: parts.autoConfirm, metadata: input.data ?? {} }));
  await parts.proofs.send(user.email_confirmed_at === null ? 'signup' : 'magiclink', user, redirectTo, challenge);
}

async function resend(parts: AuthParts, c: Context): Promise<Response> {
  const input = await body(c, Resend);
  const challenge = challengeOf(input);
  if (input.type !== 'signup' && input.type !== 'email_change') {
    throw new AuthError(
      400,
      'validation_failed',
      'Missing one of these types: signup, email_change, sms, phone_change',
    );
  }
  const user = await userByEmail(parts.db, checkedEmail(input.email));
  const wanted = input.type === 'signup' ? user?.email_confirmed_at === null : user?.email_change != null;
  if (user !== undefined && wanted) {
    await parts.proofs.send(input.type, user, redirectTarget(parts, c), challenge);
  }
  return c.json({});
}

/** A mail's link was opened: where the browser goes next. */
async function followLink(parts: AuthParts, c: Context): Promise<string> {
  const target = redirectTarget(parts, c);
  const token = c.req.query('token') ?? '';
  const type = c.req.query('type') ?? '';
  const pkce = isPkceToken(token);
  // The site's own page runs no script, so only a query reaches it.
  const told = (parameters: Readonly<Record<string, string>>): string =>
    withFragment(pkce || target === parts.redirects.siteUrl ? withQuery(target, parameters) : target, parameters);
  try {
    return await parts.db.transaction(async (tx) => {
      const proven = await parts.proofs.use(tx, type, { kind: 'link', token });
      if (proven.kind === 'half') {
        return told({ message: HALF_CONFIRMED });
      }
      if (pkce) {
        return withQuery(target, { code: await parts.flows.issueCode(tx, proven.flowId, proven.userId) });
      }
      return withFragment(target, { ...sessionParameters(await parts.sessions.begin(tx, proven.userId, 'otp')), type });
    });
  } catch (error) {
    if (error instanceof AuthError) {
      return told(errorParameters(error));
    }
    throw error;
  }
}

/** A session as a redirect's fragment carries it ("implicit flow"). */
export function sessionParameters(session: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const names = ['access_token', 'expires_at', 'expires_in', 'refresh_token', 'token_type'];
  return Object.fromEntries(names.map((name) => [name, String(session[name])]));
}

function proofOf(input: v.InferOutput<typeof Verify>): Proof {
  if (input.token_hash !== undefined && input.token === undefined) {
    return { kind: 'link', token: input.token_hash };
  }
  if (input.email !== undefined && input.token !== undefined) {
    return { kind: 'code', email: input.email.trim().toLowerCase(), code: input.token };
  }
  throw new AuthError(400, 'validation_failed', 'Verify requires either a token or a token hash');
}
