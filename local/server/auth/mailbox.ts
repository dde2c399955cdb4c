import type { Clock } from '../clock.ts';
import type { Database, Queryable } from '../db/database.ts';
import { AuthError } from './errors.ts';

const HOUR_MS = 3_600_000;
/** Older mails are thrown away. */
const KEPT = 200;

/** A mail that a real server would have sent. */
export interface Mail {
  readonly id: number;
  readonly recipient: string;
  readonly subject: string;
  /** What the link's text says. */
  readonly action: string;
  readonly link: string;
  readonly code: string;
  readonly sent_at: Date;
}

/** Mails are kept in the database instead of being sent. */
export class Mailbox {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #perHour: number;

  /** `perHour` is how many mails the whole server sends in an hour before it refuses. */
  constructor(db: Database, clock: Clock, perHour: number) {
    this.#db = db;
    this.#clock = clock;
    this.#perHour = perHour;
  }

  /** Throws AuthError `over_email_send_rate_limit`. */
  async send(tx: Queryable, mail: Omit<Mail, 'id' | 'sent_at'>): Promise<void> {
    const now = this.#clock.now();
    const [lately] = await tx.query<{ count: number }>(
      'select count(*)::int as count from local_stack.mails where sent_at > $1',
      [new Date(now - HOUR_MS)],
    );
    if ((lately?.count ?? 0) >= this.#perHour) {
      throw new AuthError(429, 'over_email_send_rate_limit', 'email rate limit exceeded');
    }
    await tx.query(
      `insert into local_stack.mails (recipient, subject, action, link, code, sent_at)
       values ($1, $2, $3, $4, $5, $6)`,
      [mail.recipient, mail.subject, mail.action, mail.link, mail.code, new Date(now)],
    );
    await tx.query('delete from local_stack.mails where id <= (select max(id) from local_stack.mails) - $1::int', [
      KEPT,
    ]);
  }

  /** The newest mails first. */
  async latest(): Promise<readonly Mail[]> {
    return this.#db.query<Mail>('select * from local_stack.mails order by id desc limit 50');
  }
}
