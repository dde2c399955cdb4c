import { createHash, randomInt } from 'node:crypto';

import type { Clock } from '../clock.ts';
import type { Database, Queryable } from '../db/database.ts';
import { isSqlError } from '../db/database.ts';
import { randomText } from '../secrets.ts';
import { AuthError } from './errors.ts';
import type { AuthMethod, Challenge, Flows } from './flows.ts';
import type { Mailbox } from './mailbox.ts';
import { emailIdentity, insertIdentity, userById } from './users.ts';
import type { UserRow } from './users.ts';

/** What a mail is about, as the API names it. */
export type MailType = 'signup' | 'magiclink' | 'recovery' | 'email_change';

type Purpose = 'confirmation' | 'recovery' | 'email_change_current' | 'email_change_new';

interface MailKind {
  readonly subject: string;
  readonly action: string;
  /** The method of the flow that a link of this kind continues. */
  readonly method: AuthMethod;
  /** When the last mail of this kind went to the user. */
  readonly sentAt: (user: UserRow) => Date | null;
  readonly sentAtColumn: string;
}

const KINDS: Readonly<Record<MailType, MailKind>> = {
  signup: {
    subject: 'Confirm your sign-up',
    action: 'Confirm this e-mail address',
    method: 'email/signup',
    sentAt: (user) => user.confirmation_sent_at,
    sentAtColumn: 'confirmation_sent_at',
  },
  magiclink: {
    subject: 'Your sign-in link',
    action: 'Sign in',
    method: 'magiclink',
    sentAt: (user) => user.recovery_sent_at,
    sentAtColumn: 'recovery_sent_at',
  },
  recovery: {
    subject: 'Reset your password',
    action: 'Choose a new password',
    method: 'recovery',
    sentAt: (user) => user.recovery_sent_at,
    sentAtColumn: 'recovery_sent_at',
  },
  email_change: {
    subject: 'Confirm the change of your e-mail address',
    action: 'Confirm the change',
    method: 'email_change',
    sentAt: (user) => user.email_change_sent_at,
    sentAtColumn: 'email_change_sent_at',
  },
};

/** The purposes that each `type` of /verify stands for. */
const PURPOSES: Readonly<Record<string, readonly Purpose[]>> = {
  signup: ['confirmation'],
  invite: ['confirmation'],
  recovery: ['recovery'],
  magiclink: ['recovery'],
  email: ['confirmation', 'recovery'],
  email_change: ['email_change_current', 'email_change_new'],
};

/** How somebody shows that they got the mail. */
export type Proof =
  | { readonly kind: 'link'; readonly token: string }
  | { readonly kind: 'code'; readonly email: string; readonly code: string };

/** What a proof was good for. */
export type Proven =
  | { readonly kind: 'user'; readonly userId: string; readonly flowId: string | null }
  /** The change of an address needs the other mail's proof as well. */
  | { readonly kind: 'half' };

/** Marks the link of a PKCE flow. */
const PKCE_PREFIX = 'pkce_';

export function isPkceToken(token: string): boolean {
  return token.startsWith(PKCE_PREFIX);
}

/** How the mails are written. */
export interface MailRules {
  readonly baseUrl: string;
  /** How long a link and a code are good. */
  readonly ttlMs: number;
  /** A person gets at most one mail of a kind in this time. */
  readonly restMs: number;
  /** True: the new address alone has to agree to a change. */
  readonly autoConfirm: boolean;
}

/** Links and codes that are sent by mail: written, and used up. */
export class MailProofs {
  readonly #db: Database;
  readonly #mailbox: Mailbox;
  readonly #flows: Flows;
  readonly #clock: Clock;
  readonly #rules: MailRules;

  constructor(db: Database, mailbox: Mailbox, flows: Flows, clock: Clock, rules: MailRules) {
    this.#db = db;
    this.#mailbox = mailbox;
    this.#flows = flows;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** Sends the mail or, for a change of address, both. Throws AuthError `over_email_send_rate_limit`. */
  async send(type: MailType, user: UserRow, redirectTo: string, challenge: Challenge | undefined): Promise<void> {
    const kind = KINDS[type];
    const now = this.#clock.now();
    const wait = Math.ceil(((kind.sentAt(user)?.getTime() ?? 0) + this.#rules.restMs - now) / 1000);
    if (wait > 0) {
      throw new AuthError(
        429,
        'over_email_send_rate_limit',
        `For security purposes, you can only request this after ${wait} seconds.`,
      );
    }
    await this.#db.transaction(async (tx) => {
      const flowId =
        challenge === undefined
          ? null
          : await this.#flows.begin(tx, { method: kind.method, challenge, userId: user.id });
      for (const [purpose, email] of recipients(type, user)) {
        await this.#sendOne(tx, { type, purpose, email, userId: user.id, redirectTo, flowId });
      }
      await tx.query(
        `update auth.users set ${kind.sentAtColumn} = $2${type === 'email_change' ? ', email_change_confirmations = 0' : ''}
         where id = $1`,
        [user.id, new Date(now)],
      );
    });
  }

  async #sendOne(
    tx: Queryable,
    mail: {
      readonly type: MailType;
      readonly purpose: Purpose;
      readonly email: string;
      readonly userId: string;
      readonly redirectTo: string;
      readonly flowId: string | null;
    },
  ): Promise<void> {
    const token = `${mail.flowId === null ? '' : PKCE_PREFIX}${randomText(28)}`;
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const link = new URL(`${this.#rules.baseUrl}/auth/v1/verify`);
    link.search = new URLSearchParams({ token, type: mail.type, redirect_to: mail.redirectTo }).toString();
    await tx.query(
      `insert into auth.one_time_tokens (token_hash, user_id, purpose, email, code, flow_id, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (user_id, purpose) do update
       set token_hash = excluded.token_hash, email = excluded.email, code = excluded.code,
           flow_id = excluded.flow_id, expires_at = excluded.expires_at`,
      [
        hash(token),
        mail.userId,
        mail.purpose,
        mail.email,
        code,
        mail.flowId,
        new Date(this.#clock.now() + this.#rules.ttlMs),
      ],
    );
    const { subject, action } = KINDS[mail.type];
    await this.#mailbox.send(tx, { recipient: mail.email, subject, action, link: link.href, code });
  }

  /** Uses a proof up and does what it was for. Throws AuthError `otp_expired`, also for an unknown type. */
  async use(tx: Queryable, type: string, proof: Proof): Promise<Proven> {
    const now = new Date(this.#clock.now());
    const purposes = PURPOSES[type] ?? [];
    const [where, values] =
      proof.kind === 'link'
        ? ['token_hash = $2', [hash(proof.token)]]
        : ['email = $2 and code = $3', [proof.email, proof.code]];
    const [taken] = await tx.query<{ user_id: string; purpose: Purpose; flow_id: string | null; expires_at: Date }>(
      `delete from auth.one_time_tokens where purpose = any($1) and ${where} returning *`,
      [purposes, ...values],
    );
    const user = taken === undefined ? undefined : await userById(tx, taken.user_id);
    if (taken === undefined || user === undefined || taken.expires_at <= now) {
      const what = proof.kind === 'link' ? 'Email link is invalid or has expired' : 'Token has expired or is invalid';
      throw new AuthError(403, 'otp_expired', what);
    }
    if (taken.purpose === 'confirmation' || taken.purpose === 'recovery') {
      await confirmAddress(tx, user, now);
      return { kind: 'user', userId: user.id, flowId: taken.flow_id };
    }
    if (!this.#rules.autoConfirm && user.email_change_confirmations === 0) {
      await tx.query('update auth.users set email_change_confirmations = 1 where id = $1', [user.id]);
      return { kind: 'half' };
    }
    await changeAddress(tx, user, now);
    return { kind: 'user', userId: user.id, flowId: taken.flow_id };
  }
}

function recipients(type: MailType, user: UserRow): readonly (readonly [Purpose, string])[] {
  const current = user.email ?? '';
  switch (type) {
    case 'signup':
      return [['confirmation', current]];
    case 'magiclink':
    case 'recovery':
      return [['recovery', current]];
    case 'email_change':
      return [
        ['email_change_current', current],
        ['email_change_new', user.email_change ?? ''],
      ];
  }
}

async function confirmAddress(tx: Queryable, user: UserRow, now: Date): Promise<void> {
  if (user.email_confirmed_at !== null) {
    return;
  }
  await tx.query('update auth.users set email_confirmed_at = $2, updated_at = $2 where id = $1', [user.id, now]);
  await insertIdentity(tx, user.id, emailIdentity(user.id, user.email ?? '', {}, true), now);
}

async function changeAddress(tx: Queryable, user: UserRow, now: Date): Promise<void> {
  try {
    await tx.query(
      `update auth.users
       set email = email_change, email_change = null, email_change_confirmations = 0,
           email_confirmed_at = coalesce(email_confirmed_at, $2), updated_at = $2
       where id = $1`,
      [user.id, now],
    );
  } catch (error) {
    // Somebody else made an account with the address while the mails lay there.
    throw isSqlError(error) && error.code === '23505' ? emailExists() : error;
  }
  await tx.query(`delete from auth.one_time_tokens where user_id = $1 and purpose like 'email\\_change\\_%'`, [
    user.id,
  ]);
  await insertIdentity(tx, user.id, emailIdentity(user.id, user.email_change ?? '', {}, true), now);
}

export function emailExists(): AuthError {
  return new AuthError(422, 'email_exists', 'A user with this email address has already been registered');
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
