import type { Context } from 'hono';
import * as v from 'valibot';

import type { AccessClaims } from '../access-tokens.ts';
import { AuthError } from './errors.ts';
import { parseChallenge } from './flows.ts';
import type { Challenge } from './flows.ts';
import type { AuthParts } from './parts.ts';

/** The two PKCE parameters of a body, of which supabase-js sends null when it uses none. */
export const ChallengeFields = {
  code_challenge: v.optional(v.nullable(v.string())),
  code_challenge_method: v.optional(v.nullable(v.string())),
};

/** Throws an AuthError when the two parameters do not make a challenge. */
export function challengeOf(input: {
  readonly code_challenge?: string | null | undefined;
  readonly code_challenge_method?: string | null | undefined;
}): Challenge | undefined {
  return parseChallenge(input.code_challenge ?? undefined, input.code_challenge_method ?? undefined);
}

/** The body as the schema has it. Throws AuthError `bad_json`. */
export async function body<S extends v.GenericSchema>(c: Context, schema: S): Promise<v.InferOutput<S>> {
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

export function badJson(why: string): AuthError {
  return new AuthError(400, 'bad_json', `Could not parse request body as JSON: ${why}`);
}

/** Whose access token the request carries. Throws an AuthError. */
export async function caller(parts: AuthParts, c: Context): Promise<AccessClaims> {
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

/** The address in the form that accounts are kept under. Throws AuthError `validation_failed`. */
export function checkedEmail(email: string): string {
  const trimmed = email.trim().toLowerCase();
  if (trimmed.length > 255 || !/^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(trimmed)) {
    throw new AuthError(400, 'validation_failed', 'Unable to validate email address: invalid format');
  }
  return trimmed;
}
