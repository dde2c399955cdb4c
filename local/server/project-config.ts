import { readFileSync } from 'node:fs';

import { parse } from 'smol-toml';
import * as v from 'valibot';

const FILE = new URL('../../supabase/config.toml', import.meta.url);

const ConfigSchema = v.object({
  auth: v.object({
    additional_redirect_urls: v.array(v.string()),
    refresh_token_reuse_interval: v.number(),
    minimum_password_length: v.number(),
    email: v.object({ otp_expiry: v.number() }),
    external: v.optional(v.record(v.string(), v.object({ enabled: v.boolean() })), {}),
  }),
});

/** What supabase/config.toml says about signing in, as far as the local stack follows it. */
export interface AuthConfig {
  /** Patterns of the addresses that a sign-in may lead back to. */
  readonly redirectUrls: readonly string[];
  /** How long a used refresh token still gets an answer. */
  readonly reuseIntervalMs: number;
  readonly minimumPasswordLength: number;
  /** How long a mail's link and code are good. */
  readonly mailTokenTtlMs: number;
  /** The providers that are switched on, for example "github". */
  readonly providers: readonly string[];
}

/** Reads the project's own configuration: the deployed project and the local stack follow the same file. */
export function readAuthConfig(): AuthConfig {
  const { auth } = v.parse(ConfigSchema, parse(readFileSync(FILE, 'utf8')));
  return {
    redirectUrls: auth.additional_redirect_urls,
    reuseIntervalMs: auth.refresh_token_reuse_interval * 1000,
    minimumPasswordLength: auth.minimum_password_length,
    mailTokenTtlMs: auth.email.otp_expiry * 1000,
    providers: Object.entries(auth.external)
      .filter(([, provider]) => provider.enabled)
      .map(([name]) => name),
  };
}
