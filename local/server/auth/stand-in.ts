import { createHash } from 'node:crypto';

import { Hono } from 'hono';
import * as v from 'valibot';

import type { Clock } from '../clock.ts';
import type { Queryable } from '../db/database.ts';
import { providerPage } from '../pages/provider.ts';
import type { KnownAccount } from '../pages/provider.ts';
import { randomText } from '../secrets.ts';
import { AuthError } from './errors.ts';

const CODE_TTL_MS = 600_000;
const MAX_CODES = 1_000;
const NAMES: Readonly<Record<string, string>> = { github: 'GitHub', google: 'Google' };

/** Somebody's account at a provider, as the provider tells it. */
export interface ProviderAccount {
  readonly issuer: string;
  readonly id: string;
  readonly name: string;
  /** undefined: the provider keeps it to itself. */
  readonly email: string | undefined;
  /** What the provider's own API would take. */
  readonly token: string;
}

const Answer = v.object({
  answer: v.picklist(['allow', 'deny', 'error', 'no-email', 'bad-code', 'lost-state']),
  email: v.optional(v.pipe(v.string(), v.trim(), v.toLowerCase()), ''),
  name: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(100)), ''),
});

/** Pages that stand where GitHub and Google would be asked who somebody is. */
export class StandInProviders {
  readonly #db: Queryable;
  readonly #baseUrl: string;
  readonly #enabled: readonly string[];
  readonly #clock: Clock;
  readonly #codes = new Map<
    string,
    { readonly provider: string; readonly account: ProviderAccount; readonly until: number }
  >();

  constructor(db: Queryable, baseUrl: string, enabled: readonly string[], clock: Clock) {
    this.#db = db;
    this.#baseUrl = baseUrl;
    this.#enabled = enabled;
    this.#clock = clock;
  }

  /** Where a browser is sent to prove who it is; it comes back to /auth/v1/callback with the state. */
  authorizeUrl(provider: string, state: string): string {
    return `${this.#baseUrl}/_provider/${provider}?${new URLSearchParams({ state }).toString()}`;
  }

  /** Exchanges a code, once, for the account that it stands for. Throws an AuthError. */
  redeem(provider: string, code: string): ProviderAccount {
    if (code === '') {
      throw new AuthError(400, 'bad_oauth_callback', 'OAuth callback with missing authorization code missing');
    }
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    if (found?.provider !== provider || this.#clock.now() > found.until) {
      throw new AuthError(500, 'unexpected_failure', `Unable to exchange external code: ${code.slice(0, 4)}`);
    }
    return found.account;
  }

  /** The pages; to be mounted at /_provider. */
  routes(): Hono {
    const app = new Hono();
    app.get('/:provider', async (c) => {
      const provider = c.req.param('provider');
      return this.#enabled.includes(provider)
        ? c.html(providerPage(nameOf(provider), await this.#known(provider), undefined))
        : c.notFound();
    });
    app.post('/:provider', async (c) => {
      const provider = c.req.param('provider');
      if (!this.#enabled.includes(provider)) {
        return c.notFound();
      }
      const answer = v.safeParse(Answer, await c.req.parseBody());
      const unreadable = !answer.success || (answer.output.answer === 'allow' && !answer.output.email.includes('@'));
      if (unreadable) {
        const problem = 'Enter an e-mail address.';
        return c.html(providerPage(nameOf(provider), await this.#known(provider), problem), 400);
      }
      const { state = '' } = c.req.query();
      return c.redirect(this.#callback(this.#parameters(provider, state, answer.output)), 303);
    });
    return app;
  }

  #parameters(provider: string, state: string, answer: v.InferOutput<typeof Answer>): Readonly<Record<string, string>> {
    switch (answer.answer) {
      case 'allow':
        return {
          state,
          code: this.#newCode(provider, answer.email, answer.name || (answer.email.split('@')[0] ?? '')),
        };
      case 'no-email':
        return { state, code: this.#newCode(provider, undefined, 'Somebody') };
      case 'deny':
        return { state, error: 'access_denied', error_description: 'The user has denied your application access.' };
      case 'error':
        return { state, error: 'server_error', error_description: `${nameOf(provider)} cannot answer right now.` };
      case 'bad-code':
        return { state, code: randomText(10) };
      case 'lost-state':
        return { state: crypto.randomUUID(), code: randomText(10) };
    }
  }

  #callback(parameters: Readonly<Record<string, string>>): string {
    return `${this.#baseUrl}/auth/v1/callback?${new URLSearchParams(parameters).toString()}`;
  }

  #newCode(provider: string, email: string | undefined, name: string): string {
    const [oldest] = this.#codes.keys();
    if (oldest !== undefined && this.#codes.size >= MAX_CODES) {
      this.#codes.delete(oldest);
    }
    const code = randomText(10);
    const account = {
      issuer: `${this.#baseUrl}/_provider/${provider}`,
      // The same address is the same account, as at a real provider.
      id: BigInt(
        `0x${createHash('sha256')
          .update(`${provider}:${email ?? ''}`)
          .digest('hex')
          .slice(0, 12)}`,
      ).toString(),
      name,
      email,
      token: `stand-in-${randomText(24)}`,
    };
    this.#codes.set(code, { provider, account, until: this.#clock.now() + CODE_TTL_MS });
    return code;
  }

  #known(provider: string): Promise<readonly KnownAccount[]> {
    return this.#db.query<{ email: string; name: string }>(
      `select identity_data ->> 'email' as email, coalesce(identity_data ->> 'name', '') as name
       from auth.identities where provider = $1 order by last_sign_in_at desc limit 10`,
      [provider],
    );
  }
}

function nameOf(provider: string): string {
  return NAMES[provider] ?? provider;
}
