/** Godoty's account in VS Code's account menu, and for other extensions that ask for it. */
import { EventEmitter, authentication, l10n } from 'vscode';
import type {
  AuthenticationProvider,
  AuthenticationProviderAuthenticationSessionsChangeEvent,
  AuthenticationProviderSessionOptions,
  AuthenticationSession,
  Disposable,
} from 'vscode';

import type { Account } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountNews, AccountService } from '../account.ts';
import { hasCode } from '../core/errors.ts';

export const PROVIDER_ID = 'godoty';
export const SCOPES = ['godoty'] as const;

export class GodotyAuthenticationProvider implements AuthenticationProvider, Disposable {
  readonly #account: AccountService;
  readonly #signIn: (userId?: string) => Promise<Account | undefined>;
  readonly #changed = new EventEmitter<AuthenticationProviderAuthenticationSessionsChangeEvent>();
  readonly #subscriptions: Disposable[];

  readonly onDidChangeSessions = this.#changed.event;

  constructor(account: AccountService, signIn: (userId?: string) => Promise<Account | undefined>) {
    this.#account = account;
    this.#signIn = signIn;
    this.#subscriptions = [
      authentication.registerAuthenticationProvider(PROVIDER_ID, 'Godoty', this, { supportsMultipleAccounts: false }),
      account.onNews((news) => {
        this.#tell(news);
      }),
    ];
  }

  async getSessions(
    scopes: readonly string[] | undefined,
    options: AuthenticationProviderSessionOptions,
  ): Promise<AuthenticationSession[]> {
    // VS Code asks as soon as there is a provider: a session that is not to be restored at the start is not read for that.
    if (this.#account.state.kind === 'restoring') {
      await this.#account.restore();
    }
    const { state } = this.#account;
    if (state.kind !== 'signedIn' || !matches(scopes) || !concerns(options, state.account)) {
      return [];
    }
    const client = await this.#account.client();
    try {
      return [toSession(state.account, await client.accessToken())];
    } catch (error) {
      if (hasCode(error, 'SESSION_EXPIRED') || hasCode(error, 'NOT_AUTHENTICATED')) {
        return [];
      }
      throw error;
    }
  }

  async createSession(
    scopes: readonly string[],
    options: AuthenticationProviderSessionOptions = {},
  ): Promise<AuthenticationSession> {
    if (!matches(scopes)) {
      throw new Error(`Godoty has one scope: ${SCOPES.join(' ')}`);
    }
    const account = await this.#signIn(options.account?.id);
    if (account === undefined) {
      // VS Code takes a message of exactly this text for the user's own decision.
      throw new Error('Cancelled');
    }
    if (!concerns(options, account)) {
      throw new Error(l10n.t('Another account is signed in to Godoty. Sign out of it first.'));
    }
    return toSession(account, await (await this.#account.client()).accessToken());
  }

  async removeSession(sessionId: string): Promise<void> {
    const { state } = this.#account;
    if (state.kind === 'signedIn' && state.account.sessionId === sessionId) {
      await this.#account.signOut();
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#changed.dispose();
  }

  #tell(news: AccountNews): void {
    switch (news.kind) {
      case 'signedIn':
        this.#changed.fire({ added: [withoutToken(news.account)], removed: [], changed: [] });
        return;
      case 'refreshed':
        this.#changed.fire({ added: [], removed: [], changed: [withoutToken(news.account)] });
        return;
      case 'signedOut':
        this.#changed.fire({ added: [], removed: [withoutToken(news.account)], changed: [] });
        return;
      case 'storedSessionUnreadable':
      case 'storeFailed':
        return;
    }
  }
}

/** The order of scopes does not matter; no scopes at all asks for any session. */
function matches(scopes: readonly string[] | undefined): boolean {
  return scopes === undefined || scopes.length === 0 || scopes.every((scope) => scope === SCOPES[0]);
}

function concerns(options: AuthenticationProviderSessionOptions, account: Account): boolean {
  return options.account === undefined || options.account.id === account.userId;
}

function toSession(account: Account, accessToken: string): AuthenticationSession {
  return {
    id: account.sessionId,
    accessToken,
    account: { id: account.userId, label: account.email },
    scopes: [...SCOPES],
  };
}

/** Events need no token: whoever hears of a change asks for the session again. */
function withoutToken(account: Account): AuthenticationSession {
  return toSession(account, '');
}
