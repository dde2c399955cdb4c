/** Access tokens, genuine and forged, for the functions' tests in Node and in Deno. */
import { createHmac } from 'node:crypto';

import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';

/** A project with published keys of its own, so that a test can sign. */
export interface Mint {
  /** What the project publishes: an ES256 key `es` and an RS256 key `rs`. */
  readonly published: readonly JWK[];
  /** The shared secret of a project that signs with HS256. */
  readonly secret: string;
  claims(): Record<string, unknown>;
  /** Signs with ES256 unless told otherwise. */
  sign(payload: Record<string, unknown>, header?: Record<string, unknown>, key?: CryptoKey): Promise<string>;
  /** Tokens that are good, by what signed them. */
  readonly good: Readonly<Record<'ES256' | 'RS256' | 'HS256', () => Promise<string>>>;
  /** Tokens that nobody may come in with, by what is wrong with them. */
  readonly forged: Readonly<Record<string, () => Promise<string>>>;
}

/** A mint for the issuer; `now` in milliseconds since 1970. */
export async function newMint(issuer: string, now: () => number): Promise<Mint> {
  const es = await generateKeyPair('ES256', { extractable: true });
  const rs = await generateKeyPair('RS256', { extractable: true });
  const published = [
    { ...(await exportJWK(es.publicKey)), kid: 'es', alg: 'ES256', use: 'sig' },
    { ...(await exportJWK(rs.publicKey)), kid: 'rs', alg: 'RS256', use: 'sig' },
  ];
  const secret = 'a shared secret of a project that signs with HS256';
  const seconds = (ahead: number): number => Math.floor(now() / 1000) + ahead;
  const claims = (): Record<string, unknown> => ({
    sub: crypto.randomUUID(),
    role: 'authenticated',
    iss: issuer,
    aud: 'authenticated',
    exp: seconds(60),
  });
  const sign: Mint['sign'] = (payload, header = {}, key = es.privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'es', ...header }).sign(key);
  const hs256 = (key: string, header: object = {}): string => {
    const signed = `${base64({ alg: 'HS256', kid: 'es', ...header })}.${base64(claims())}`;
    return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
  };
  const unsigned = (alg: string): string => `${base64({ alg, kid: 'es' })}.${base64(claims())}.`;
  const with_ = (changes: Record<string, unknown>) => () => sign({ ...claims(), ...changes });

  return {
    published,
    secret,
    claims,
    sign,
    good: {
      ES256: () => sign(claims()),
      RS256: () => sign(claims(), { alg: 'RS256', kid: 'rs' }, rs.privateKey),
      HS256: () => Promise.resolve(hs256(secret, { kid: undefined })),
    },
    forged: {
      'has no signature (alg none)': () => Promise.resolve(unsigned('none')),
      'has no signature (alg NonE)': () => Promise.resolve(unsigned('NonE')),
      'claims ES256 without a signature': () => Promise.resolve(unsigned('ES256')),
      'was signed by another key': async () => sign(claims(), {}, (await generateKeyPair('ES256')).privateKey),
      'names a key that is not published': () => sign(claims(), { kid: 'other' }),
      'names a path as its key': () => sign(claims(), { kid: '../../../../dev/null' }),
      'names an address as its key': () => sign(claims(), { kid: 'http://127.0.0.1:9/jwks.json' }),
      'names a key in ten thousand characters': () => sign(claims(), { kid: 'k'.repeat(10_000) }),
      'says ES256 and names the RS256 key': () => sign(claims(), { kid: 'rs' }),
      'takes the public key for a secret, as JWK': async () => hs256(JSON.stringify(await exportJWK(es.publicKey))),
      'takes the public key for a secret, as PEM': async () => hs256(await exportSPKI(es.publicKey)),
      'takes the RSA public key for a secret, as PEM': async () => hs256(await exportSPKI(rs.publicKey), { kid: 'rs' }),
      'takes nothing for a secret': () => Promise.resolve(hs256('')),
      'brings its own key': async () => {
        const own = await generateKeyPair('ES256', { extractable: true });
        return sign(claims(), { jwk: await exportJWK(own.publicKey) }, own.privateKey);
      },
      'brings the address of its own keys': async () =>
        sign(
          claims(),
          { kid: 'own', jku: 'http://127.0.0.1:9/jwks.json', x5u: 'http://127.0.0.1:9/x5u' },
          (await generateKeyPair('ES256')).privateKey,
        ),
      'was changed after signing': async () => {
        const [head, , signature] = (await sign(claims())).split('.');
        return `${head ?? ''}.${base64(claims())}.${signature ?? ''}`;
      },
      'has another header than was signed': async () => {
        const [, payload, signature] = (await sign(claims())).split('.');
        return `${base64({ alg: 'ES256', kid: 'es', typ: 'JWT' })}.${payload ?? ''}.${signature ?? ''}`;
      },
      'has a bit of its signature flipped': async () => {
        const [head, payload, signature] = (await sign(claims())).split('.');
        const bytes = Buffer.from(signature ?? '', 'base64url');
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        return `${head ?? ''}.${payload ?? ''}.${bytes.toString('base64url')}`;
      },
      'has a signature of zeros': async () => {
        const [head, payload] = (await sign(claims())).split('.');
        return `${head ?? ''}.${payload ?? ''}.${Buffer.alloc(64).toString('base64url')}`;
      },
      'is of another issuer': with_({ iss: 'https://other.supabase.co/auth/v1' }),
      'is of no issuer': with_({ iss: undefined }),
      'is for another audience': with_({ aud: 'other' }),
      'is for no audience': with_({ aud: undefined }),
      'has the role service_role': with_({ role: 'service_role' }),
      'has the role anon': with_({ role: 'anon' }),
      'has no role': with_({ role: undefined }),
      'has a list of roles': with_({ role: ['authenticated'] }),
      'has no expiry': with_({ exp: undefined }),
      'has an expiry that is text': with_({ exp: '9999999999' }),
      'has no subject': with_({ sub: undefined }),
      'has a subject that is no account': with_({ sub: 'root' }),
      'is not valid yet': () => sign({ ...claims(), nbf: seconds(600) }),
      'is no token': () => Promise.resolve('not.a.token'),
      'is encrypted (five parts)': () => Promise.resolve(`${unsigned('ES256')}a.b.c`),
      'has a header that is no JSON': () => Promise.resolve(`bm90IGpzb24.${base64(claims())}.c2ln`),
    },
  };
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
