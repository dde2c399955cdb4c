/** Signing in and signing up, from the first question to the last word. What the user typed survives a failure. */
import { ProgressLocation, l10n, window } from 'vscode';

import type { Account } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';
import { detailOf, hasCode } from '../core/errors.ts';
import type { ActionId, Words } from '../words.ts';
import { wordsFor } from '../words.ts';

export interface SignInPorts {
  readonly account: AccountService;
  /** Runs a next step that signing in does not know itself. */
  readonly runAction: (id: ActionId) => void;
  readonly report: (what: string, error: unknown) => void;
}

type Way = 'signIn' | 'createAccount';

/** What is typed so far. The password lives only until the attempt is over. */
interface Draft {
  email: string;
}

export class SignInFlow {
  readonly #ports: SignInPorts;
  #running: AbortController | undefined;

  constructor(ports: SignInPorts) {
    this.#ports = ports;
  }

  /** Asks for a way and signs in. Undefined when the user leaves. A second attempt replaces the first. */
  async start(): Promise<Account | undefined> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      // A session that was not restored at the start, because the user wants it so, is taken up now.
      await this.#ports.account.restore();
      const { state } = this.#ports.account;
      if (state.kind === 'signedIn') {
        void window.showInformationMessage(l10n.t('You are signed in as {0}.', state.account.email));
        return state.account;
      }
      const way = await askWay();
      return way === undefined ? undefined : await this.#follow(way, { email: '' }, running);
    } finally {
      if (this.#running === running) {
        this.#running = undefined;
      }
    }
  }

  async #follow(first: Way, draft: Draft, running: AbortController): Promise<Account | undefined> {
    let way = first;
    while (!running.signal.aborted) {
      const email = await askEmail(way, draft.email);
      if (email === undefined) {
        return undefined;
      }
      draft.email = email;
      const password = await askPassword(way, email);
      if (password === undefined) {
        return undefined;
      }
      const result = await this.#attempt(way, email, password, running);
      switch (result.kind) {
        case 'signedIn':
          void window.showInformationMessage(l10n.t('Signed in as {0}.', result.account.email));
          return result.account;
        case 'leave':
          return undefined;
        case 'again':
          way = result.way;
          break;
      }
    }
    return undefined;
  }

  async #attempt(way: Way, email: string, password: string, running: AbortController): Promise<Attempt> {
    try {
      return await this.#call(way, email, password, running);
    } catch (error) {
      if (hasCode(error, 'CANCELLED')) {
        return { kind: 'leave' };
      }
      this.#ports.report(way === 'signIn' ? 'signing in' : 'creating an account', error);
      return await this.#offer(way, wordsFor(detailOf(error), l10n.t('the account server')));
    }
  }

  async #call(way: Way, email: string, password: string, running: AbortController): Promise<Attempt> {
    const title = way === 'signIn' ? l10n.t('Signing in to Godoty…') : l10n.t('Creating your Godoty account…');
    return await window.withProgress(
      { location: ProgressLocation.Notification, title, cancellable: true },
      async (_, token) => {
        token.onCancellationRequested(() => running.abort());
        const { account } = this.#ports;
        if (way === 'signIn') {
          return { kind: 'signedIn', account: await account.signIn(email, password, running.signal) };
        }
        const result = await account.signUp(email, password, running.signal);
        return result.kind === 'signedIn' ? result : await confirmEmail(email);
      },
    );
  }

  /** Shows what went wrong and carries out what the user picks. */
  async #offer(way: Way, words: Words): Promise<Attempt> {
    const labels = words.actions.map((action) => action.label);
    const picked = await window.showErrorMessage(words.message, ...labels);
    const action = words.actions.find((candidate) => candidate.label === picked);
    switch (action?.id) {
      case undefined:
        return { kind: 'leave' };
      case 'retry':
        return { kind: 'again', way };
      case 'signIn':
      case 'createAccount':
        return { kind: 'again', way: action.id };
      case 'openSettings':
      case 'pickModel':
      case 'showUsage':
      case 'showLog':
        this.#ports.runAction(action.id);
        return { kind: 'leave' };
    }
  }
}

type Attempt =
  | { readonly kind: 'signedIn'; readonly account: Account }
  | { readonly kind: 'again'; readonly way: Way }
  | { readonly kind: 'leave' };

async function confirmEmail(email: string): Promise<Attempt> {
  const signIn = l10n.t('Sign In');
  const picked = await window.showInformationMessage(
    l10n.t('Almost done: open the link in the e-mail that was sent to {0}, then sign in.', email),
    signIn,
  );
  return picked === signIn ? { kind: 'again', way: 'signIn' } : { kind: 'leave' };
}

async function askWay(): Promise<Way | undefined> {
  const items: readonly { readonly label: string; readonly description?: string; readonly way: Way }[] = [
    { label: `$(key) ${l10n.t('Sign in with e-mail and password')}`, way: 'signIn' },
    {
      label: `$(person-add) ${l10n.t('Create account')}`,
      description: l10n.t('with e-mail and password'),
      way: 'createAccount',
    },
  ];
  const picked = await window.showQuickPick(items, {
    title: l10n.t('Sign in to Godoty'),
    placeHolder: l10n.t('How do you want to sign in?'),
    ignoreFocusOut: true,
  });
  return picked?.way;
}

function titleOf(way: Way): string {
  return way === 'signIn' ? l10n.t('Sign in to Godoty') : l10n.t('Create a Godoty account');
}

async function askEmail(way: Way, typed: string): Promise<string | undefined> {
  const email = await window.showInputBox({
    title: titleOf(way),
    prompt: l10n.t('Your e-mail address'),
    placeHolder: 'name@example.org',
    value: typed,
    ignoreFocusOut: true,
    validateInput: (value) => (/^[^\s@]+@[^\s@]+$/u.test(value.trim()) ? undefined : l10n.t('Type an e-mail address.')),
  });
  return email?.trim();
}

async function askPassword(way: Way, email: string): Promise<string | undefined> {
  return await window.showInputBox({
    title: titleOf(way),
    prompt: way === 'signIn' ? l10n.t('Password for {0}', email) : l10n.t('Choose a password for {0}', email),
    password: true,
    ignoreFocusOut: true,
    validateInput: (value) => (value === '' ? l10n.t('Type a password.') : undefined),
  });
}
