import type { Context, Hono } from 'hono';

import type { Queryable } from '../db/database.ts';
import { AuthError } from './errors.ts';
import { parseChallenge } from './flows.ts';
import type { FlowState } from './flows.ts';
import { sessionParameters } from './mail-routes.ts';
import type { AuthParts } from './parts.ts';
import { errorParameters, withFragment, withQuery } from './redirects.ts';
import type { ProviderAccount } from './stand-in.ts';
import { insertIdentity, insertUser, userByEmail } from './users.ts';

/** Signing in with an account at a provider: /authorize, /callback. */
export function providerRoutes(app: Hono, parts: AuthParts): void {
  app.get('/authorize', async (c) => {
    const provider = (c.req.query('provider') ?? '').toLowerCase();
    if (!parts.config.providers.includes(provider)) {
      throw new AuthError(400, 'validation_failed', 'Unsupported provider: provider is not enabled');
    }
    const challenge = parseChallenge(c.req.query('code_challenge'), c.req.query('code_challenge_method'));
    const redirectTo = parts.redirects.permitted(c.req.query('redirect_to'));
    const state = await parts.flows.begin(parts.db, { method: 'oauth', challenge, provider, redirectTo });
    return c.redirect(parts.providers.authorizeUrl(provider, state), 302);
  });

  app.get('/callback', async (c) => {
    let flow: FlowState;
    try {
      flow = await parts.flows.byState(parts.db, c.req.query('state'));
    } catch (error) {
      if (error instanceof AuthError) {
        return c.redirect(withQuery(parts.redirects.siteUrl, errorParameters(error)), 303);
      }
      throw error;
    }
    return c.redirect(await finish(parts, c, flow), 302);
  });
}

async function finish(parts: AuthParts, c: Context, flow: FlowState): Promise<string> {
  const target = flow.redirect_to ?? parts.redirects.siteUrl;
  const failed = (parameters: Readonly<Record<string, string>>): string =>
    withFragment(withQuery(target, parameters), parameters);
  // The provider's own refusal is passed on as it is, and has no code of ours.
  const refusal = c.req.query('error');
  if (refusal !== undefined) {
    return failed({ error: refusal, error_description: c.req.query('error_description') ?? '' });
  }
  try {
    const account = parts.providers.redeem(flow.provider ?? '', c.req.query('code') ?? '');
    return await parts.db.transaction(async (tx) => {
      const userId = await userOf(tx, parts, flow.provider ?? '', account);
      if (flow.code_challenge !== null) {
        return withQuery(target, { code: await parts.flows.issueCode(tx, flow.id, userId, account.token) });
      }
      await parts.flows.end(tx, flow.id);
      const session = await parts.sessions.begin(tx, userId, 'oauth');
      return withFragment(target, { ...sessionParameters(session), provider_token: account.token });
    });
  } catch (error) {
    if (error instanceof AuthError) {
      return failed(errorParameters(error));
    }
    throw error;
  }
}

/** The user that the provider's account belongs to: the one it is linked to, the one of its address, or a new one. */
async function userOf(tx: Queryable, parts: AuthParts, provider: string, account: ProviderAccount): Promise<string> {
  if (account.email === undefined) {
    throw new AuthError(500, 'unexpected_failure', 'Error getting user email from external provider');
  }
  const now = new Date(parts.clock.now());
  const data = {
    iss: account.issuer,
    sub: account.id,
    name: account.name,
    full_name: account.name,
    email: account.email,
    email_verified: true,
    phone_verified: false,
    provider_id: account.id,
  };
  const external = { provider, providerId: account.id, data };
  const [linked] = await tx.query<{ user_id: string }>(
    'select user_id from auth.identities where provider = $1 and provider_id = $2',
    [provider, account.id],
  );
  const byAddress = linked === undefined ? await userByEmail(tx, account.email) : undefined;
  const userId = linked?.user_id ?? byAddress?.id;
  if (userId === undefined) {
    return insertUser(tx, { email: account.email, passwordHash: null, confirmed: true, metadata: data, external }, now);
  }
  if (byAddress?.email_confirmed_at === null) {
    // Whoever made this account never showed that the address is theirs, so their password does not stay.
    await tx.query(`delete from auth.identities where user_id = $1`, [userId]);
    await tx.query('update auth.users set encrypted_password = null, email_confirmed_at = $2 where id = $1', [
      userId,
      now,
    ]);
  }
  await insertIdentity(tx, userId, external, now);
  await tx.query(`update auth.users set raw_user_meta_data = raw_user_meta_data || ($2::text)::jsonb where id = $1`, [
    userId,
    JSON.stringify(data),
  ]);
  return userId;
}
