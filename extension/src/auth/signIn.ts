/** Signing in and signing up, from the first question to the last word. What the user typed survives a failure. */
import { l10n, window } from 'vscode';

import type { Account, SignInDone } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';
import { detailOf, hasCode } from '../core/errors.ts';
import type { Loopback } from '../platform.ts';
import type { ActionId } from '../words.ts';
import { action, offerActions, unlinked, wordsFor } from '../words.ts';
import type { Reply } from './inputs.ts';
import { callbackAddress, openBrowser, showLongProgress, showProgress, waitFor } from './pending.ts';
import { askCode, askEmail, askPassword, askPasswordAgain, chooseHowToGoOn } from './questions.ts';
import { nextStep, wordsAt } from './recovery.ts';
import type { Fallible, Step } from './recovery.ts';
import { newRun, requestOf, titleOfCall } from './run.ts';
import type { Run } from './run.ts';
import { QUESTIONS, chooseWay } from './ways.ts';
import type { Question } from './ways.ts';

/** The link of the message that waits for the browser. */
export const PASTE_COMMAND = 'godoty.pasteAddress';

export interface SignInPorts {
  readonly account: AccountService;
  /** Opens a port whose callback is taken; absent where none can be opened. */
  readonly openLoopback: (() => Promise<Loopback>) | undefined;
  /** Runs a next step that signing in does not know itself. */
  readonly runAction: (id: ActionId) => void;
  readonly report: (what: string, error: unknown) => void;
}

/** Where the flow goes on, or how it ended. */
type Next = Step | { readonly account: Account } | 'left';

export class SignInFlow {
  readonly #ports: SignInPorts;
  #running: Run | undefined;
  /** The last address that was typed in this window; the box has it again the next time. */
  #email = '';
  #paste = (): void => undefined;

  constructor(ports: SignInPorts) {
    this.#ports = ports;
  }

  /** Whether this window waits for just this callback, and so tells itself how that ended. */
  waitsFor(callback: string): boolean {
    const pending = this.#running?.pending;
    return pending?.signal.aborted === false && callback.includes(pending.nonce);
  }

  /**
   * Asks for a way and signs in. Undefined when the user leaves. A second attempt replaces the first. With `userId` a
   * provider may lead back to this user alone.
   */
  async start(userId?: string): Promise<Account | undefined> {
    return await this.#run(newRun(userId), async (run) => {
      // A session that was not restored at the start, because the user wants it so, is taken up now.
      await this.#ports.account.restore();
      const { state } = this.#ports.account;
      if (state.kind === 'signedIn') {
        void window.showInformationMessage(l10n.t('You are signed in as {0}.', unlinked(state.account.email)));
        return state.account;
      }
      return await this.#follow('open', run);
    });
  }

  /** Asks for the address at which the browser ended, instead of waiting until it comes back. */
  paste(): void {
    this.#paste();
  }

  /** Lets somebody choose a password whom the code of an e-mail signed in. */
  async choosePassword(account: Account): Promise<void> {
    await this.#run(newRun(), async (run) => {
      run.way = { way: 'resetPassword', returns: [] };
      run.account = account;
      this.#email = account.email;
      return await this.#follow('newPassword', run);
    });
  }

  /** Another backend was set: leaves what runs, since what was typed for one backend goes to no other. */
  async backendChanged(): Promise<void> {
    if (this.#running === undefined) {
      return;
    }
    this.#running.abort();
    const message = l10n.t('The backend was changed, so signing in was stopped. Sign in again.');
    const show = (text: string, ...labels: string[]): Thenable<string | undefined> =>
      window.showInformationMessage(text, ...labels);
    const picked = await offerActions(show, { message, actions: [action('signIn')] });
    if (picked !== undefined) {
      this.#ports.runAction(picked);
    }
  }

  async #run(run: Run, task: (run: Run) => Promise<Account | undefined>): Promise<Account | undefined> {
    this.#running?.abort();
    this.#running = run;
    try {
      return await task(run);
    } finally {
      run.abort();
      if (this.#running === run) {
        this.#running = undefined;
      }
    }
  }

  async #follow(first: Step, run: Run): Promise<Account | undefined> {
    let step = first;
    while (!run.signal.aborted) {
      const next: Next = await this.#take(step, run);
      if (next === 'left') {
        return run.account;
      }
      if (typeof next === 'object') {
        void window.showInformationMessage(l10n.t('Signed in as {0}.', unlinked(next.account.email)));
        return next.account;
      }
      step = next;
    }
    return run.account;
  }

  async #take(step: Step, run: Run): Promise<Next> {
    switch (step) {
      case 'open':
        // A setting that does not hold is told before anything is typed.
        return await this.#guarded(run, step, async () => {
          await this.#ports.account.client();
          return 'way';
        });
      case 'way':
        return await this.#guarded(run, step, async () => {
          const { account, openLoopback } = this.#ports;
          const way = await chooseWay(await account.client(), openLoopback !== undefined, run.signal);
          run.pending?.abort();
          Object.assign(run, { way: way ?? run.way, createUser: false, byPort: false });
          return way === undefined ? 'left' : (QUESTIONS[way.way][0] ?? 'begin');
        });
      case 'email': {
        const reply = await askEmail(run.way.way, this.#email, run.signal);
        run.createUser = false;
        this.#email = reply.kind === 'text' ? reply.text.trim() : this.#email;
        return after(step, reply, run);
      }
      case 'password': {
        const reply = await askPassword(run.way.way, this.#email, run.signal);
        run.password = reply.kind === 'text' ? reply.text : '';
        return after(step, reply, run);
      }
      case 'begin':
        return await this.#guarded(run, step, () => this.#begin(run));
      case 'browser':
        return await this.#guarded(run, step, () => this.#browser(run));
      case 'code':
        return await this.#guarded(run, step, () => this.#code(run));
      case 'newPassword':
        return await this.#newPassword(run);
      case 'setPassword':
        return await this.#guarded(run, step, () => this.#setPassword(run));
    }
  }

  /** Puts what a step throws into words, and goes where the user wants to go on. */
  async #guarded(run: Run, step: Fallible, attempt: () => Promise<Next>): Promise<Next> {
    try {
      return await attempt();
    } catch (error) {
      if (hasCode(error, 'CANCELLED')) {
        if (!run.signal.aborted) {
          void window.showInformationMessage(l10n.t('Another sign-in took the place of this one.'));
        }
        return 'left';
      }
      this.#ports.report(`signing in (${run.way.way})`, error);
      const detail = detailOf(error);
      const show = (text: string, ...labels: string[]): Thenable<string | undefined> =>
        window.showErrorMessage(text, ...labels);
      const picked = await offerActions(show, wordsAt(step, detail, run));
      if (picked === undefined) {
        return 'left';
      }
      const next = nextStep(picked, detail.code, step, run);
      if (next === undefined) {
        this.#ports.runAction(picked);
        return 'left';
      }
      return next;
    }
  }

  async #begin(run: Run): Promise<Next> {
    const client = await this.#ports.account.client();
    run.pending?.abort();
    const port = run.byPort ? await this.#ports.openLoopback?.() : undefined;
    run.signal.addEventListener('abort', () => port?.close(), { once: true });
    const request = requestOf(run, this.#email, port?.redirectTo ?? (await callbackAddress()));
    const started = await showLongProgress(titleOfCall(run), client.startSignIn(request, run.signal));
    if (started === 'cancelled') {
      return 'left';
    }
    if (started.kind === 'signedIn') {
      return { account: started.account };
    }
    run.pending = waitFor(client, started, run.signal, port);
    return started.url === undefined ? 'code' : 'browser';
  }

  /** Sends the browser off and waits until it has come back, to whichever window. */
  async #browser(run: Run): Promise<Next> {
    const { url, ended } = run.pending ?? {};
    if (url === undefined || ended === undefined) {
      return 'begin';
    }
    if (await openBrowser(url)) {
      const title = l10n.t(
        'Finish signing in in your browser, or [paste the address]({0}) at which it ended.',
        `command:${PASTE_COMMAND} "${l10n.t('Go on here, with the address of the page.')}"`,
      );
      const pasted = new Promise<'code'>((resolve) => {
        this.#paste = () => resolve('code');
      });
      const next = await showProgress(title, Promise.race([ended, pasted]));
      if (typeof next === 'object') {
        return completed(run, next);
      }
      if (next === 'code') {
        return next;
      }
    }
    const menu = new AbortController();
    try {
      const signal = AbortSignal.any([run.signal, menu.signal]);
      const next = await Promise.race([ended, chooseHowToGoOn(run.way.returns, signal)]);
      if (typeof next === 'object') {
        return completed(run, next);
      }
      run.byPort = next === 'port';
      return next === 'port' ? 'begin' : (next ?? 'left');
    } finally {
      menu.abort();
    }
  }

  /** Asks for the code, and waits at the same time for a link that is opened instead. */
  async #code(run: Run): Promise<Next> {
    const { pending } = run;
    if (pending === undefined) {
      return 'begin';
    }
    const client = await this.#ports.account.client();
    const box = new AbortController();
    const signal = AbortSignal.any([run.signal, box.signal]);
    let done: SignInDone | undefined;
    const redeem = async (text: string): Promise<string | undefined> => {
      try {
        done = await client.enterCode(text, signal);
        return undefined;
      } catch (error) {
        return complaint(error);
      }
    };
    try {
      const reply = await Promise.race([
        pending.ended,
        askCode(run.way.way, pending.url === undefined ? this.#email : '', redeem, signal),
      ]);
      if (done !== undefined || !('kind' in reply)) {
        return completed(run, done ?? (reply as SignInDone));
      }
      switch (reply.kind) {
        case 'back':
          return QUESTIONS[run.way.way].at(-1) ?? 'way';
        case 'button':
          return 'begin';
        default:
          return 'left';
      }
    } finally {
      box.abort();
    }
  }

  async #newPassword(run: Run): Promise<Next> {
    const chosen = await askPassword(run.way.way, this.#email, run.signal);
    const again = chosen.kind === 'text' ? await askPasswordAgain(run.way.way, chosen.text, run.signal) : chosen;
    if (again.kind === 'text') {
      run.password = again.text;
      return 'setPassword';
    }
    if (chosen.kind === 'text' && again.kind === 'back') {
      return 'newPassword';
    }
    void window.showInformationMessage(l10n.t('You are signed in. Your password is still the old one.'));
    return 'left';
  }

  async #setPassword(run: Run): Promise<Next> {
    const client = await this.#ports.account.client();
    const task = client.setPassword(run.password, run.signal);
    const outcome = await showLongProgress(l10n.t('Changing your password…'), task);
    return outcome === 'cancelled' || run.account === undefined ? 'left' : { account: run.account };
  }
}

/** The step after a question that is asked before anything is sent. */
function after(question: Question, reply: Reply, { way: { way } }: Run): Next {
  const questions = QUESTIONS[way];
  const at = questions.indexOf(question);
  switch (reply.kind) {
    case 'text':
      return questions[at + 1] ?? 'begin';
    case 'back':
      return questions[at - 1] ?? 'way';
    default:
      return 'left';
  }
}

function completed(run: Run, { account, way }: SignInDone): Next {
  if (way !== 'resetPassword') {
    return { account };
  }
  run.account = account;
  return 'newPassword';
}

/** What is wrong with a code that can be typed again; anything else goes on as an error. */
function complaint(error: unknown): string {
  const detail = detailOf(error);
  if (detail.code === 'CALLBACK_UNKNOWN') {
    return l10n.t('This is neither the code nor the address that is waited for.');
  }
  if (detail.code === 'CODE_REJECTED' || detail.retryable) {
    const { message } = wordsFor(detail);
    return detail.code === 'NETWORK_ERROR' ? l10n.t('{0} Press Enter to try again.', message) : message;
  }
  throw error;
}
