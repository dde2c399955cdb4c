/** Signing in and signing up, from the first question to the last word. What the user typed survives a failure. */
import { ProgressLocation, l10n, window } from 'vscode';

import type { Account, ErrorCode, SignInStarted } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';
import { detailOf, hasCode } from '../core/errors.ts';
import type { Action, ActionId, Words } from '../words.ts';
import { action, unlinked, wordsFor } from '../words.ts';
import { ask } from './inputs.ts';

export interface SignInPorts {
  readonly account: AccountService;
  /** Runs a next step that signing in does not know itself. */
  readonly runAction: (id: ActionId) => void;
  readonly report: (what: string, error: unknown) => void;
}

type Way = 'signIn' | 'createAccount';

/** Where the flow is: a question, or the call to the server. */
type Step = 'open' | 'way' | 'email' | 'password' | 'attempt' | 'resend';

/** The steps that call. */
type Fallible = 'open' | 'attempt' | 'resend';

/** Where the flow goes on, or how it ended. */
type Next = Step | { readonly account: Account } | 'left';

/** One run of the flow. What is typed lives only as long as it. */
interface Run {
  readonly abort: AbortController;
  way: Way;
  password: string;
}

export class SignInFlow {
  readonly #ports: SignInPorts;
  #running: AbortController | undefined;
  /** The last address that was typed in this window; the box has it again the next time. */
  #email = '';

  constructor(ports: SignInPorts) {
    this.#ports = ports;
  }

  /** Asks for a way and signs in. Undefined when the user leaves. A second attempt replaces the first. */
  async start(): Promise<Account | undefined> {
    this.#running?.abort();
    const abort = new AbortController();
    this.#running = abort;
    try {
      // A session that was not restored at the start, because the user wants it so, is taken up now.
      await this.#ports.account.restore();
      const { state } = this.#ports.account;
      if (state.kind === 'signedIn') {
        void window.showInformationMessage(l10n.t('You are signed in as {0}.', unlinked(state.account.email)));
        return state.account;
      }
      return await this.#follow({ abort, way: 'signIn', password: '' });
    } finally {
      if (this.#running === abort) {
        this.#running = undefined;
      }
    }
  }

  async #follow(run: Run): Promise<Account | undefined> {
    let step: Step = 'open';
    while (!run.abort.signal.aborted) {
      const next: Next = await this.#take(step, run);
      if (next === 'left') {
        return undefined;
      }
      if (typeof next === 'object') {
        void window.showInformationMessage(l10n.t('Signed in as {0}.', unlinked(next.account.email)));
        return next.account;
      }
      step = next;
    }
    return undefined;
  }

  async #take(step: Step, run: Run): Promise<Next> {
    switch (step) {
      case 'open':
        // A setting that does not hold is told before anything is typed.
        return await this.#guarded(run, step, async () => {
          await this.#ports.account.client();
          return 'way';
        });
      case 'way': {
        const way = await askWay();
        run.way = way ?? run.way;
        return way === undefined ? 'left' : 'email';
      }
      case 'email': {
        const reply = await askEmail(run, this.#email);
        if (reply.kind !== 'text') {
          return reply.kind === 'back' ? 'way' : 'left';
        }
        this.#email = reply.text.trim();
        return 'password';
      }
      case 'password': {
        const reply = await askPassword(run, this.#email);
        if (reply.kind !== 'text') {
          return reply.kind === 'back' ? 'email' : 'left';
        }
        run.password = reply.text;
        return 'attempt';
      }
      case 'attempt':
        return await this.#guarded(run, step, async () => {
          const result = await this.#call(run);
          return result.kind === 'signedIn' ? { account: result.account } : await this.#confirm(run);
        });
      case 'resend':
        return await this.#guarded(run, step, async () => {
          await this.#ports.account.resendConfirmation(this.#email, run.abort.signal);
          return await this.#confirm(run);
        });
    }
  }

  /** Puts what a step throws into words, and goes where the user wants to go on. */
  async #guarded(run: Run, step: Fallible, attempt: () => Promise<Next>): Promise<Next> {
    try {
      return await attempt();
    } catch (error) {
      if (hasCode(error, 'CANCELLED')) {
        return 'left';
      }
      this.#ports.report(run.way === 'signIn' ? 'signing in' : 'creating an account', error);
      const detail = detailOf(error);
      const words = wordsFor(detail);
      const picked = await offer((message, ...labels) => window.showErrorMessage(message, ...labels), words);
      return this.#goOn(picked, run, retryStep(detail.code, step));
    }
  }

  async #call({ abort: { signal }, abort, way, password }: Run): Promise<SignInStarted> {
    const title = way === 'signIn' ? l10n.t('Signing in to Godoty…') : l10n.t('Creating your Godoty account…');
    const { account } = this.#ports;
    return await window.withProgress(
      { location: ProgressLocation.Notification, title, cancellable: true },
      async (_, token) => {
        token.onCancellationRequested(() => abort.abort());
        return way === 'signIn'
          ? await account.signIn(this.#email, password, signal)
          : await account.signUp(this.#email, password, signal);
      },
    );
  }

  /** The account waits for its e-mail address to be confirmed. */
  async #confirm(run: Run): Promise<Next> {
    const message = l10n.t(
      'Almost done: open the link in the e-mail that was sent to {0}, then sign in.',
      unlinked(this.#email),
    );
    const words = { message, actions: [action('signIn'), action('resend')] };
    const picked = await offer((text, ...labels) => window.showInformationMessage(text, ...labels), words);
    // After the confirmation the password that was just chosen is the right one.
    return this.#goOn(picked, run, picked?.id === 'signIn' && run.password !== '' ? 'attempt' : 'password');
  }

  #goOn(picked: Action | undefined, run: Run, again: Step): Next {
    switch (picked?.id) {
      case undefined:
        return 'left';
      case 'retry':
        return again;
      case 'resend':
        return 'resend';
      case 'signIn':
      case 'createAccount':
        run.way = picked.id;
        return again === 'attempt' ? 'attempt' : 'password';
      case 'openSettings':
      case 'openProxySettings':
      case 'pickModel':
      case 'showUsage':
      case 'showLog':
        this.#ports.runAction(picked.id);
        return 'left';
    }
  }
}

/** What has to be typed anew before another attempt makes sense; `step` is what failed. */
function retryStep(code: ErrorCode, step: Fallible): Step {
  switch (code) {
    case 'INVALID_CREDENTIALS':
    case 'WEAK_PASSWORD':
      return 'password';
    case 'NETWORK_ERROR':
    case 'TIMEOUT':
    case 'RATE_LIMITED':
    case 'SERVER_ERROR':
    case 'STORE_FAILED':
      return step;
    // Once the address is confirmed, what was typed is right.
    case 'EMAIL_NOT_CONFIRMED':
      return 'attempt';
    default:
      return 'email';
  }
}

async function offer(
  show: (message: string, ...labels: string[]) => Thenable<string | undefined>,
  { message, actions }: Words,
): Promise<Action | undefined> {
  const picked = await show(message, ...actions.map(({ label }) => label));
  return actions.find(({ label }) => label === picked);
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

function askEmail({ way, abort }: Run, typed: string): ReturnType<typeof ask> {
  const question = {
    title: titleOf(way),
    prompt: l10n.t('Your e-mail address'),
    placeholder: 'name@example.org',
    value: typed,
    check: (text: string) => (/^[^\s@]+@[^\s@]+$/u.test(text.trim()) ? undefined : l10n.t('Type an e-mail address.')),
  };
  return ask(question, abort.signal);
}

function askPassword({ way, abort }: Run, email: string): ReturnType<typeof ask> {
  const question = {
    title: titleOf(way),
    prompt: way === 'signIn' ? l10n.t('Password for {0}', email) : l10n.t('Choose a password for {0}', email),
    password: true,
    check: (text: string) => (text === '' ? l10n.t('Type a password.') : undefined),
  };
  return ask(question, abort.signal);
}
