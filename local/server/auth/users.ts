import * as v from 'valibot';

import type { Queryable } from '../db/database.ts';
import { AuthError } from './errors.ts';

/** A row of auth.users with its identities. */
export interface UserRow {
  readonly id: string;
  readonly aud: string;
  readonly role: string;
  readonly email: string | null;
  readonly encrypted_password: string | null;
  readonly email_confirmed_at: Date | null;
  readonly confirmation_sent_at: Date | null;
  readonly recovery_sent_at: Date | null;
  readonly email_change: string | null;
  readonly email_change_sent_at: Date | null;
  readonly email_change_confirmations: number;
  readonly last_sign_in_at: Date | null;
  readonly raw_app_meta_data: Readonly<Record<string, unknown>>;
  readonly raw_user_meta_data: Readonly<Record<string, unknown>>;
  readonly is_anonymous: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly identities: readonly Identity[];
}

/** A way in which a user may prove who they are. */
interface Identity {
  readonly id: string;
  readonly user_id: string;
  readonly provider: string;
  readonly provider_id: string;
  readonly identity_data: Readonly<Record<string, unknown>>;
  readonly last_sign_in_at: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const SELECT = `
  select u.*, coalesce((
    select jsonb_agg(to_jsonb(i) order by i.created_at, i.provider) from auth.identities i where i.user_id = u.id), '[]'
  ) as identities
  from auth.users u`;

export async function userByEmail(db: Queryable, email: string): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>(`${SELECT} where u.email = $1`, [email]);
  return row;
}

export async function userById(db: Queryable, id: string): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>(`${SELECT} where u.id = $1`, [id]);
  return row;
}

/** What is known of an account that is to be made. */
export interface NewUser {
  readonly email: string;
  /** null: the account has no password yet. */
  readonly passwordHash: string | null;
  readonly confirmed: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The account at a provider that it is made from; left out, it is made from its e-mail address. */
  readonly external?: ExternalIdentity;
}

/** Somebody's account at a provider. */
export interface ExternalIdentity {
  readonly provider: string;
  readonly providerId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Makes an account with its first identity; answers its id. Throws AuthError when the project refuses it. */
export async function insertUser(tx: Queryable, user: NewUser, now: Date): Promise<string> {
  await askHook(tx, user);
  const id = crypto.randomUUID();
  const provider = user.external?.provider ?? 'email';
  await tx.query(
    `insert into auth.users
       (id, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
     values ($1, $2, $3, $4, ($5::text)::jsonb, ($6::text)::jsonb, $7, $7)`,
    [
      id,
      user.email,
      user.passwordHash,
      user.confirmed ? now : null,
      JSON.stringify({ provider, providers: [provider] }),
      JSON.stringify(user.metadata),
      now,
    ],
  );
  await insertIdentity(tx, id, user.external ?? emailIdentity(id, user.email, user.metadata, user.confirmed), now);
  return id;
}

const HookAnswer = v.object({
  error: v.optional(v.object({ http_code: v.number(), message: v.string() })),
});

/** The "before user created" hook of supabase/config.toml. */
async function askHook(tx: Queryable, user: NewUser): Promise<void> {
  const event = { user: { email: user.email, user_metadata: user.metadata } };
  const [row] = await tx.query<{ answer: unknown }>('select public.before_user_created(($1::text)::jsonb) as answer', [
    JSON.stringify(event),
  ]);
  const { error } = v.parse(HookAnswer, row?.answer);
  if (error !== undefined) {
    throw new AuthError(error.http_code, 'unknown', error.message);
  }
}

/** Adds a way to prove who the user is, or brings the known one up to date. */
export async function insertIdentity(
  tx: Queryable,
  userId: string,
  identity: ExternalIdentity,
  now: Date,
): Promise<void> {
  await tx.query(
    `insert into auth.identities
       (user_id, provider, provider_id, identity_data, last_sign_in_at, created_at, updated_at)
     values ($1, $2, $3, ($4::text)::jsonb, $5, $5, $5)
     on conflict (provider, provider_id) do update
     set identity_data = auth.identities.identity_data || excluded.identity_data,
         last_sign_in_at = excluded.last_sign_in_at, updated_at = excluded.updated_at`,
    [userId, identity.provider, identity.providerId, JSON.stringify(identity.data), now],
  );
  await tx.query(
    `update auth.users set updated_at = $2, raw_app_meta_data = raw_app_meta_data || jsonb_build_object('providers', (
       select jsonb_agg(provider order by created_at, provider) from auth.identities where user_id = $1)) where id = $1`,
    [userId, now],
  );
}

/** The identity of an account that is known by its address. */
export function emailIdentity(
  userId: string,
  email: string,
  metadata: Readonly<Record<string, unknown>>,
  verified: boolean,
): ExternalIdentity {
  return {
    provider: 'email',
    providerId: userId,
    data: { ...metadata, sub: userId, email, email_verified: verified, phone_verified: false },
  };
}

/** The user as the API shows it. */
export function userJson(user: UserRow): Record<string, unknown> {
  return {
    id: user.id,
    aud: user.aud,
    role: user.role,
    email: user.email,
    ...optional('email_confirmed_at', user.email_confirmed_at),
    phone: '',
    ...optional('confirmation_sent_at', user.confirmation_sent_at),
    ...optional('recovery_sent_at', user.recovery_sent_at),
    ...(user.email_change === null ? {} : { new_email: user.email_change }),
    ...optional('email_change_sent_at', user.email_change_sent_at),
    ...optional('confirmed_at', user.email_confirmed_at),
    ...optional('last_sign_in_at', user.last_sign_in_at),
    app_metadata: user.raw_app_meta_data,
    user_metadata: user.raw_user_meta_data,
    identities: user.identities.map(({ id, provider_id, ...identity }) => ({
      identity_id: id,
      id: provider_id,
      ...identity,
      email: identity.identity_data['email'] ?? null,
    })),
    created_at: user.created_at.toISOString(),
    updated_at: user.updated_at.toISOString(),
    is_anonymous: user.is_anonymous,
  };
}

function optional(name: string, value: Date | null): Record<string, string> {
  return value === null ? {} : { [name]: value.toISOString() };
}
