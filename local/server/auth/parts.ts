import type { AccessTokens } from '../access-tokens.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../db/database.ts';
import type { AuthConfig } from '../project-config.ts';
import type { Flows } from './flows.ts';
import type { MailProofs } from './mail-proofs.ts';
import type { RedirectPolicy } from './redirects.ts';
import type { Sessions } from './sessions.ts';
import type { StandInProviders } from './stand-in.ts';

/** What the routes of the auth server work with. */
export interface AuthParts {
  readonly db: Database;
  readonly tokens: AccessTokens;
  readonly sessions: Sessions;
  readonly flows: Flows;
  readonly proofs: MailProofs;
  readonly providers: StandInProviders;
  readonly redirects: RedirectPolicy;
  readonly config: AuthConfig;
  readonly clock: Clock;
  /** True: a new account is signed in at once. False: its owner has to follow a link first. */
  readonly autoConfirm: boolean;
}
