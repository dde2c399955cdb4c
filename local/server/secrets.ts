import { randomBytes } from 'node:crypto';

import { exportJWK, generateKeyPair } from 'jose';
import * as v from 'valibot';

import type { Database } from './db/database.ts';

/** What is made once for a database and kept in it. None of it is ever the same on two machines. */
export interface StackSecrets {
  /** Names the project to its gateway; public. */
  readonly publishableKey: string;
  /** Stands for service_role. Handed to the functions' environment alone. */
  readonly secretKey: string;
  /** Of the emulated model endpoint. Handed to the functions' environment alone. */
  readonly masterKey: string;
  /** The private ES256 key that signs access tokens. */
  readonly signingKey: SigningJwk;
}

const SigningJwkSchema = v.object({
  kty: v.literal('EC'),
  crv: v.literal('P-256'),
  x: v.string(),
  y: v.string(),
  d: v.string(),
  kid: v.string(),
});

export type SigningJwk = v.InferOutput<typeof SigningJwkSchema>;

const SecretsSchema = v.object({
  publishableKey: v.string(),
  secretKey: v.string(),
  masterKey: v.string(),
  signingKey: SigningJwkSchema,
});

/** Reads the database's secrets, or makes them when it has none. */
export async function loadSecrets(db: Database): Promise<StackSecrets> {
  const fresh = await newSecrets();
  await db.query(
    `insert into local_stack.settings (name, value) values ('secrets', ($1::text)::jsonb) on conflict do nothing`,
    [JSON.stringify(fresh)],
  );
  const [row] = await db.query<{ value: unknown }>(`select value from local_stack.settings where name = 'secrets'`);
  return v.parse(SecretsSchema, row?.value);
}

async function newSecrets(): Promise<StackSecrets> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    publishableKey: `sb_publishable_${randomText(24)}`,
    secretKey: `sb_secret_${randomText(24)}`,
    masterKey: `sk-${randomText(32)}`,
    signingKey: v.parse(SigningJwkSchema, { ...(await exportJWK(privateKey)), kid: randomText(12) }),
  };
}

export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
