import { errors, importJWK, jwtVerify, SignJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import * as v from 'valibot';

import type { Clock } from './clock.ts';
import type { SigningJwk } from './secrets.ts';

/** The public half of the signing key, as /.well-known/jwks.json shows it. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly alg: 'ES256';
  readonly use: 'sig';
}

/** What a verified access token says. */
export interface AccessClaims {
  readonly sub: string;
  readonly role: 'authenticated';
  readonly session_id: string;
  readonly [claim: string]: unknown;
}

export type Verified =
  | { readonly kind: 'valid'; readonly claims: AccessClaims }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid' };

const ClaimsSchema = v.looseObject({
  sub: v.pipe(v.string(), v.uuid()),
  role: v.literal('authenticated'),
  session_id: v.pipe(v.string(), v.uuid()),
});

/** Signs and verifies this stack's access tokens (ES256). */
export class AccessTokens {
  readonly publicJwk: PublicJwk;
  readonly ttlSeconds: number;
  readonly #privateKey: CryptoKey;
  readonly #publicKey: CryptoKey;
  readonly #issuer: string;
  readonly #clock: Clock;

  private constructor(
    keys: { publicJwk: PublicJwk; privateKey: CryptoKey; publicKey: CryptoKey },
    issuer: string,
    ttlSeconds: number,
    clock: Clock,
  ) {
    this.publicJwk = keys.publicJwk;
    this.#privateKey = keys.privateKey;
    this.#publicKey = keys.publicKey;
    this.#issuer = issuer;
    this.ttlSeconds = ttlSeconds;
    this.#clock = clock;
  }

  static async create(jwk: SigningJwk, issuer: string, ttlSeconds: number, clock: Clock): Promise<AccessTokens> {
    const { kty, crv, x, y, kid } = jwk;
    const publicJwk: PublicJwk = { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' };
    const [privateKey, publicKey] = await Promise.all([importEs256(jwk), importEs256({ kty, crv, x, y })]);
    return new AccessTokens({ publicJwk, privateKey, publicKey }, issuer, ttlSeconds, clock);
  }

  /** Signs the claims; answers the token and when it expires (seconds since 1970). */
  async sign(claims: JWTPayload): Promise<{ token: string; expiresAt: number }> {
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    const expiresAt = issuedAt + this.ttlSeconds;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: this.publicJwk.kid, typ: 'JWT' })
      .setIssuer(this.#issuer)
      .setAudience('authenticated')
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#privateKey);
    return { token, expiresAt };
  }

  async verify(token: string): Promise<Verified> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: ['ES256'],
        issuer: this.#issuer,
        audience: 'authenticated',
        requiredClaims: ['exp'],
        currentDate: new Date(this.#clock.now()),
      });
      const parsed = v.safeParse(ClaimsSchema, payload);
      return parsed.success ? { kind: 'valid', claims: parsed.output } : { kind: 'invalid' };
    } catch (error) {
      return error instanceof errors.JWTExpired ? { kind: 'expired' } : { kind: 'invalid' };
    }
  }
}

async function importEs256(jwk: Readonly<Record<string, string>>): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'ES256');
  if (key instanceof Uint8Array) {
    throw new TypeError('an elliptic-curve key was expected');
  }
  return key;
}
