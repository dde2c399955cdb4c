import { createHash } from 'node:crypto';

import type { Clock } from '../clock.ts';
import type { Queryable } from '../db/database.ts';
import { AuthError } from './errors.ts';

/** How long a sign-in may take from its beginning to the exchange of its code. */
const FLOW_TTL_MS = 300_000;
const DAY_MS = 86_400_000;

/** How somebody proved who they are; the token's claim `amr` says it. */
export type AuthMethod = 'password' | 'otp' | 'oauth' | 'magiclink' | 'recovery' | 'email/signup' | 'email_change';

/** The client's half of PKCE (RFC 7636). */
export interface Challenge {
  readonly value: string;
  readonly method: 's256' | 'plain';
}

/** A row of auth.flow_states: a sign-in that has begun here and ends by a redirect. */
export interface FlowState {
  readonly id: string;
  readonly provider: string | null;
  readonly method: AuthMethod;
  readonly code_challenge: string | null;
  readonly code_challenge_method: string | null;
  readonly redirect_to: string | null;
  readonly auth_code: string;
  readonly auth_code_issued_at: Date | null;
  readonly user_id: string | null;
  readonly provider_token: string | null;
  readonly created_at: Date;
}

/** What a flow is begun with. */
export interface FlowStart {
  readonly method: AuthMethod;
  /** undefined: the tokens go straight into the redirect. */
  readonly challenge: Challenge | undefined;
  readonly provider?: string;
  readonly redirectTo?: string;
  readonly userId?: string;
}

/** Reads the two PKCE parameters, which come together or not at all. Throws an AuthError. */
export function parseChallenge(value: string | undefined, method: string | undefined): Challenge | undefined {
  const [challenge, kind] = [value ?? '', (method ?? '').toLowerCase()];
  if (challenge === '' && kind === '') {
    return undefined;
  }
  if (challenge === '' || kind === '') {
    throw invalid('PKCE flow requires code_challenge_method and code_challenge');
  }
  if (challenge.length < 43 || challenge.length > 128) {
    throw invalid('code challenge has to be between 43 and 128 characters');
  }
  if (!/^[\w.~-]+$/.test(challenge)) {
    throw invalid('code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes');
  }
  if (kind !== 's256' && kind !== 'plain') {
    throw invalid('Invalid code_challenge_method');
  }
  return { value: challenge, method: kind };
}

function invalid(message: string): AuthError {
  return new AuthError(400, 'validation_failed', message);
}

/** Sign-ins that are under way. */
export class Flows {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a flow; answers its id, which is the `state` that a provider gets. */
  async begin(tx: Queryable, start: FlowStart): Promise<string> {
    const now = this.#clock.now();
    await tx.query('delete from auth.flow_states where created_at < $1', [new Date(now - DAY_MS)]);
    const [row] = await tx.query<{ id: string }>(
      `insert into auth.flow_states
         (provider, method, code_challenge, code_challenge_method, redirect_to, user_id, created_at)
       values ($1, $2, $3, $4, $5, $6, $7) returning id`,
      [
        start.provider ?? null,
        start.method,
        start.challenge?.value ?? null,
        start.challenge?.method ?? null,
        start.redirectTo ?? null,
        start.userId ?? null,
        new Date(now),
      ],
    );
    if (row === undefined) {
      throw new TypeError('an insert answers its row');
    }
    return row.id;
  }

  /** The flow that a provider's callback belongs to. Throws `bad_oauth_callback`, `bad_oauth_state` and its like. */
  async byState(tx: Queryable, state: string | undefined): Promise<FlowState> {
    if (state === undefined || state === '') {
      throw new AuthError(400, 'bad_oauth_callback', 'OAuth state parameter missing');
    }
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(state)) {
      throw new AuthError(400, 'bad_oauth_state', 'OAuth state parameter is invalid');
    }
    const [flow] = await tx.query<FlowState>('select * from auth.flow_states where id = $1 for update', [state]);
    if (flow === undefined) {
      throw new AuthError(400, 'bad_oauth_state', 'OAuth state not found or expired');
    }
    if (this.#expired(flow)) {
      throw new AuthError(400, 'bad_oauth_state', 'OAuth state has expired');
    }
    if (flow.user_id !== null) {
      throw new AuthError(400, 'flow_state_already_used', 'State has already been used');
    }
    return flow;
  }

  /** Ends the browser's part of a PKCE flow; answers the code that the client exchanges. */
  async issueCode(tx: Queryable, flowId: string | null, userId: string, providerToken?: string): Promise<string> {
    const [row] = await tx.query<{ auth_code: string }>(
      `update auth.flow_states set user_id = $2, auth_code_issued_at = $3, provider_token = $4
       where id = $1 and code_challenge is not null and auth_code_issued_at is null returning auth_code`,
      [flowId, userId, new Date(this.#clock.now()), providerToken ?? null],
    );
    if (row === undefined) {
      throw new AuthError(400, 'flow_state_not_found', 'No associated flow state found.');
    }
    return row.auth_code;
  }

  /** Exchanges a code, once, for the flow that it ends. Throws an AuthError. */
  async redeem(tx: Queryable, code: string, verifier: string): Promise<FlowState & { readonly user_id: string }> {
    const [flow] = await tx.query<FlowState>(
      'select * from auth.flow_states where auth_code::text = $1 and auth_code_issued_at is not null for update',
      [code],
    );
    if (flow === undefined || flow.user_id === null) {
      throw new AuthError(404, 'flow_state_not_found', 'invalid flow state, no valid flow state found');
    }
    if (this.#expired(flow)) {
      throw new AuthError(422, 'flow_state_expired', 'invalid flow state, flow state has expired');
    }
    const answer =
      flow.code_challenge_method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
    if (answer !== flow.code_challenge) {
      throw new AuthError(400, 'bad_code_verifier', 'code challenge does not match previously saved code verifier');
    }
    await this.end(tx, flow.id);
    return { ...flow, user_id: flow.user_id };
  }

  async end(tx: Queryable, flowId: string): Promise<void> {
    await tx.query('delete from auth.flow_states where id = $1', [flowId]);
  }

  /** A mail may lie for longer, so a magic link's time runs from the click. */
  #expired(flow: FlowState): boolean {
    const since = flow.method === 'magiclink' ? (flow.auth_code_issued_at ?? flow.created_at) : flow.created_at;
    return this.#clock.now() > since.getTime() + FLOW_TTL_MS;
  }
}
