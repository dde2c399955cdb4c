import { createHash, randomInt } from 'node:crypto';

import type { Clock } from '../clock.ts';
import type { Database, Queryable } from '../db/database.ts';
import { randomText } from '../secrets.ts';
import { AuthError } from './errors.ts';
import { userByEmail } from './users.ts';
import type { UserRow } from './users.ts';

const TOKEN_TTL_MS = 3_600_000;
/** The real server sends a person at most one mail in this time. */
const MAIL_REST_MS = 60_000;

/** A mail that a real server would have sent. */
export interface Mail {
  readonly id: number;
  readonly recipient: string;
  readonly subject: string;
  readonly link: string;
  readonly code: string;
  readonly sent_at: Date;
}

/** How a person proves to have got the mail. */
export type Proof =
  | { readonly kind: 'link'; readonly token: string }
  | { readonly kind: 'code'; readonly email: string; readonly code: string };

/** Confirmation mails, kept in the database instead of being sent. */
export class Mailbox {
  readonly #db: Database;
  readonly #baseUrl: string;
  readonly #clock: Clock;

  constructor(db: Database, baseUrl: string, clock: Clock) {
    this.#db = db;
    this.#baseUrl = baseUrl;
    this.#clock = clock;
  }

  /** Writes a confirmation mail; only the newest link and code of a user are good. */
  async sendConfirmation(user: UserRow, email: string, redirectTo: string): Promise<void> {
    const now = this.#clock.now();
    if (user.confirmation_sent_at !== null) {
      const wait = Math.ceil((user.confirmation_sent_at.getTime() + MAIL_REST_MS - now) / 1000);
      if (wait > 0) {
        throw new AuthError(
          429,
          'over_email_send_rate_limit',
          `For security purposes, you can only request this after ${wait} seconds.`,
        );
      }
    }
    const token = randomText(28);
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const link = new URL(`${this.#baseUrl}/auth/v1/verify`);
    link.search = new URLSearchParams({ token, type: 'signup', redirect_to: redirectTo }).toString();
    await this.#db.transaction(async (tx) => {
      await tx.query(
        `insert into auth.one_time_tokens (token_hash, user_id, code, expires_at) values ($1, $2, $3, $4)
         on conflict (user_id) do update
         set token_hash = excluded.token_hash, code = excluded.code, expires_at = excluded.expires_at`,
        [hash(token), user.id, code, new Date(now + TOKEN_TTL_MS)],
      );
      await tx.query('update auth.users set confirmation_sent_at = $2 where id = $1', [user.id, new Date(now)]);
      await tx.query(
        'insert into local_stack.mails (recipient, subject, link, code, sent_at) values ($1, $2, $3, $4, $5)',
        [email, 'Confirm your sign-up', link.href, code, new Date(now)],
      );
    });
  }

  /** Uses up a proof and confirms its user's address; answers the user's id. Throws AuthError `otp_expired`. */
  async confirm(proof: Proof): Promise<string> {
    const now = new Date(this.#clock.now());
    const userId = await this.#db.transaction(async (tx) => {
      const id = await takeToken(tx, proof, now);
      if (id !== undefined) {
        await tx.query(
          'update auth.users set email_confirmed_at = coalesce(email_confirmed_at, $2), updated_at = $2 where id = $1',
          [id, now],
        );
      }
      return id;
    });
    if (userId === undefined) {
      throw new AuthError(403, 'otp_expired', 'Token has expired or is invalid');
    }
    return userId;
  }

  /** The newest mails first. */
  async latest(): Promise<readonly Mail[]> {
    return this.#db.query<Mail>('select * from local_stack.mails order by id desc limit 50');
  }
}

async function takeToken(tx: Queryable, proof: Proof, now: Date): Promise<string | undefined> {
  const [column, value] = proof.kind === 'link' ? ['token_hash', hash(proof.token)] : ['code', proof.code];
  const owner = proof.kind === 'link' ? null : ((await userByEmail(tx, proof.email))?.id ?? null);
  if (proof.kind === 'code' && owner === null) {
    return undefined;
  }
  const [row] = await tx.query<{ user_id: string }>(
    `delete from auth.one_time_tokens
     where ${column} = $1 and expires_at > $2 and ($3::uuid is null or user_id = $3::uuid) returning user_id`,
    [value, now, owner],
  );
  return row?.user_id;
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
