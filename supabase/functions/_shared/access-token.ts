import { createRemoteJWKSet, customFetch, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import * as v from 'valibot';

import type { ProjectConfig } from './config.ts';
import type { Env } from './env.ts';
import { Refusal } from './errors.ts';

/** Who is calling, as the verified access token says. */
export interface Caller {
  readonly userId: string;
  readonly sessionId: string | undefined;
}

/** Differences between two servers' clocks that are forgiven, in seconds. */
const CLOCK_TOLERANCE_S = 5;
const MAX_TOKEN_LENGTH = 16_384;

const Claims = v.object({
  sub: v.pipe(v.string(), v.uuid()),
  role: v.literal('authenticated'),
  session_id: v.optional(v.pipe(v.string(), v.uuid())),
});

/**
 * Verifies the bearer token of a request: signature (ES256 or RS256 by the project's published keys, HS256 by
 * the shared secret when the operator set one), issuer, audience and expiry. Throws a Refusal.
 */
export async function verifyCaller(request: Request, env: Env, project: ProjectConfig): Promise<Caller> {
  const token = bearerToken(request);
  const claims = v.safeParse(Claims, await verify(token, env, project));
  if (!claims.success) {
    throw invalidToken();
  }
  return { userId: claims.output.sub, sessionId: claims.output.session_id };
}

function bearerToken(request: Request): string {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '');
  const token = match?.[1];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    throw new Refusal('not_authenticated', 'Sign in and send the access token as a bearer token.');
  }
  return token;
}

async function verify(token: string, env: Env, project: ProjectConfig): Promise<JWTPayload> {
  const options = {
    issuer: project.issuer,
    audience: 'authenticated',
    requiredClaims: ['sub', 'exp'],
    currentDate: new Date(env.now()),
    clockTolerance: CLOCK_TOLERANCE_S,
  };
  try {
    // The algorithm chooses the kind of key before any key is looked at, so that a public key can never be
    // taken for a shared secret.
    const { alg } = decodeProtectedHeader(token);
    if (alg === 'HS256' && project.legacyJwtSecret !== undefined) {
      const secret = new TextEncoder().encode(project.legacyJwtSecret);
      return (await jwtVerify(token, secret, { ...options, algorithms: ['HS256'] })).payload;
    }
    if (alg === 'ES256' || alg === 'RS256') {
      return (await jwtVerify(token, publishedKeys(env, project), { ...options, algorithms: [alg] })).payload;
    }
  } catch (error) {
    throw refusalFor(error);
  }
  throw invalidToken();
}

/**
 * The project's published keys, fetched when first needed, kept for ten minutes and fetched again when a token
 * names a key that is not among them (jose rests 30 s between such fetches). Kept per environment, because an
 * environment belongs to one project.
 */
const keySets = new WeakMap<Env, JWTVerifyGetKey>();

function publishedKeys(env: Env, project: ProjectConfig): JWTVerifyGetKey {
  let keys = keySets.get(env);
  if (keys === undefined) {
    keys = createRemoteJWKSet(new URL(`${project.url}/auth/v1/.well-known/jwks.json`), {
      [customFetch]: env.fetch,
      timeoutDuration: 5_000,
    });
    keySets.set(env, keys);
  }
  return keys;
}

function refusalFor(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) {
    return new Refusal('token_expired', 'The access token has expired. Refresh the session and try again.');
  }
  // The generic code is what jose gives when the keys' address answers something other than 200 or JSON.
  if (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC')
  ) {
    return unavailable(error);
  }
  if (error instanceof errors.JOSEError) {
    return invalidToken();
  }
  // What is left is a TypeError: decodeProtectedHeader's on a malformed token, or fetch's on a dead server.
  return error instanceof TypeError && error.message.startsWith('Invalid Token') ? invalidToken() : unavailable(error);
}

function invalidToken(): Refusal {
  return new Refusal('invalid_token', 'The access token is not valid here. Sign in again.');
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('authentication_unavailable', 'Sign-in cannot be checked right now. Try again in a moment.', {
    cause,
  });
}
