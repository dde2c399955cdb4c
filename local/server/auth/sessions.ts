import type { AccessTokens } from '../access-tokens.ts';
import type { Clock } from '../clock.ts';
import type { Database, Queryable } from '../db/database.ts';
import { randomText } from '../secrets.ts';
import { AuthError } from './errors.ts';
import type { AuthMethod } from './flows.ts';
import { userById, userJson } from './users.ts';
import type { UserRow } from './users.ts';

/** Which of a user's sessions a sign-out ends. */
export type LogoutScope = 'global' | 'local' | 'others';

interface SessionRow {
  readonly id: string;
  readonly user_id: string;
  readonly method: AuthMethod;
  readonly created_at: Date;
  readonly family_revoked_at: Date | null;
}

interface RefreshTokenRow {
  readonly id: number;
  readonly token: string;
  readonly session_id: string;
  readonly parent: string | null;
  readonly revoked_at: Date | null;
}

type Rotation =
  | { readonly kind: 'session'; readonly user: UserRow; readonly session: SessionRow; readonly refreshToken: string }
  | { readonly kind: 'refused'; readonly error: AuthError };

/** Sessions and their refresh tokens: begun, rotated, ended. */
export class Sessions {
  readonly #db: Database;
  readonly #tokens: AccessTokens;
  readonly #clock: Clock;
  readonly #reuseIntervalMs: number;

  /** `reuseIntervalMs` is how long a used refresh token still gets an answer. */
  constructor(db: Database, tokens: AccessTokens, clock: Clock, reuseIntervalMs: number) {
    this.#db = db;
    this.#tokens = tokens;
    this.#clock = clock;
    this.#reuseIntervalMs = reuseIntervalMs;
  }

  /** Begins a session for a user who has just proven to be them; answers it as the API does. */
  async begin(tx: Queryable, userId: string, method: AuthMethod): Promise<Record<string, unknown>> {
    const now = new Date(this.#clock.now());
    await tx.query('update auth.users set last_sign_in_at = $2, updated_at = $2 where id = $1', [userId, now]);
    const user = await userById(tx, userId);
    if (user === undefined) {
      throw new AuthError(403, 'user_not_found', 'User from sub claim in JWT does not exist');
    }
    const [session] = await tx.query<SessionRow>(
      'insert into auth.sessions (user_id, method, created_at) values ($1, $2, $3) returning *',
      [userId, method, now],
    );
    if (session === undefined) {
      throw new TypeError('an insert answers its row');
    }
    return this.#answer(user, session, await this.#newToken(tx, session.id, null));
  }

  /** Exchanges a refresh token for a new session, once; see the rules at #rotate. */
  async refresh(refreshToken: string): Promise<Record<string, unknown>> {
    // A refusal may have revoked the family, which must be committed: it comes out as a value, not as a throw.
    const result = await this.#db.transaction((tx) => this.#rotate(tx, refreshToken));
    if (result.kind === 'refused') {
      throw result.error;
    }
    return this.#answer(result.user, result.session, result.refreshToken);
  }

  /** Ends sessions of the user; the given one is the caller's. */
  async end(scope: LogoutScope, userId: string, sessionId: string): Promise<void> {
    switch (scope) {
      case 'global':
        await this.#db.query('delete from auth.sessions where user_id = $1', [userId]);
        return;
      case 'local':
        await this.#db.query('delete from auth.sessions where id = $1', [sessionId]);
        return;
      case 'others':
        await this.#db.query('delete from auth.sessions where user_id = $1 and id <> $2', [userId, sessionId]);
        return;
    }
  }

  /** The user of a live session. Throws an AuthError when the session or the user is gone. */
  async user(userId: string, sessionId: string): Promise<UserRow> {
    const user = await userById(this.#db, userId);
    if (user === undefined) {
      throw new AuthError(403, 'user_not_found', 'User from sub claim in JWT does not exist');
    }
    const sessions = await this.#db.query('select id from auth.sessions where id = $1 and user_id = $2', [
      sessionId,
      userId,
    ]);
    if (sessions.length === 0) {
      throw new AuthError(403, 'session_not_found', 'Session from session_id claim in JWT does not exist');
    }
    return user;
  }

  /**
   * The rules of Supabase Auth: a token is good once. A used one is answered again with the session's current
   * token when it is that token's direct parent (its owner may never have got the reply), or within the
   * reuse interval. Any other reuse means that a token was stolen or a window slept: the whole family ends.
   */
  async #rotate(tx: Queryable, refreshToken: string): Promise<Rotation> {
    const [found] = await tx.query<RefreshTokenRow>('select * from auth.refresh_tokens where token = $1', [
      refreshToken,
    ]);
    // The lock makes parallel refreshes of one session take turns.
    const [session] =
      found === undefined
        ? []
        : await tx.query<SessionRow>('select * from auth.sessions where id = $1 for update', [found.session_id]);
    const user = session === undefined ? undefined : await userById(tx, session.user_id);
    if (found === undefined || session === undefined || user === undefined) {
      return refused('refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found');
    }
    if (session.family_revoked_at !== null) {
      return alreadyUsed();
    }
    // Read again under the lock: a parallel refresh may have used the token meanwhile.
    const family = await tx.query<RefreshTokenRow>(
      'select * from auth.refresh_tokens where session_id = $1 order by id desc',
      [session.id],
    );
    const token = family.find((row) => row.token === refreshToken);
    const current = family.find((row) => row.revoked_at === null);
    if (token === undefined || current === undefined) {
      return alreadyUsed();
    }
    const now = this.#clock.now();
    if (token.revoked_at === null) {
      await tx.query('update auth.refresh_tokens set revoked_at = $2 where id = $1', [token.id, new Date(now)]);
      const next = await this.#newToken(tx, session.id, token.token);
      return { kind: 'session', user, session, refreshToken: next };
    }
    if (current.parent === token.token || now <= token.revoked_at.getTime() + this.#reuseIntervalMs) {
      return { kind: 'session', user, session, refreshToken: current.token };
    }
    await tx.query('update auth.sessions set family_revoked_at = $2 where id = $1', [session.id, new Date(now)]);
    return alreadyUsed();
  }

  async #newToken(tx: Queryable, sessionId: string, parent: string | null): Promise<string> {
    const token = randomText(16);
    await tx.query('insert into auth.refresh_tokens (token, session_id, parent, created_at) values ($1, $2, $3, $4)', [
      token,
      sessionId,
      parent,
      new Date(this.#clock.now()),
    ]);
    return token;
  }

  async #answer(user: UserRow, session: SessionRow, refreshToken: string): Promise<Record<string, unknown>> {
    const { token, expiresAt } = await this.#tokens.sign({
      sub: user.id,
      email: user.email ?? '',
      phone: '',
      app_metadata: user.raw_app_meta_data,
      user_metadata: user.raw_user_meta_data,
      role: user.role,
      aal: 'aal1',
      amr: [{ method: session.method, timestamp: Math.floor(session.created_at.getTime() / 1000) }],
      session_id: session.id,
      is_anonymous: user.is_anonymous,
    });
    return {
      access_token: token,
      token_type: 'bearer',
      expires_in: this.#tokens.ttlSeconds,
      expires_at: expiresAt,
      refresh_token: refreshToken,
      user: userJson(user),
    };
  }
}

function refused(code: string, message: string): Rotation {
  return { kind: 'refused', error: new AuthError(400, code, message) };
}

function alreadyUsed(): Rotation {
  return refused('refresh_token_already_used', 'Invalid Refresh Token: Already Used');
}
