/** Callbacks that VS Code hands to this window. Any window may end a sign-in, whichever began it. */
import { l10n, window } from 'vscode';
import type { Uri, UriHandler } from 'vscode';

import type { Account, ErrorDetail, SignInDone } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';
import { detailOf } from '../core/errors.ts';
import type { LoopbackTexts } from '../platform.ts';
import type { ActionId } from '../words.ts';
import { offerActions, unlinked, wordsFor } from '../words.ts';

export interface CallbackPorts {
  readonly account: AccountService;
  /** The flow of this window. */
  readonly flow: { waitsFor(callback: string): boolean; choosePassword(account: Account): Promise<void> };
  readonly runAction: (id: ActionId) => void;
  readonly report: (what: string, error: unknown) => void;
}

/** What a browser shows that came back to a port. */
export function loopbackTexts(): LoopbackTexts {
  return {
    done: l10n.t('You are signed in. You can close this page and go back to VS Code.'),
    failed: l10n.t('That did not work. VS Code says why; you can close this page.'),
  };
}

export class CallbackHandler implements UriHandler {
  readonly #ports: CallbackPorts;

  constructor(ports: CallbackPorts) {
    this.#ports = ports;
  }

  async handleUri(uri: Uri): Promise<void> {
    await this.take(uri.toString(true));
  }

  /** Takes a callback as a whole address. Resolves with whether it led to a session; all else has been told. */
  async take(address: string): Promise<boolean> {
    const { account, flow, report, runAction } = this.#ports;
    // The flow that waits for it in this window says itself how it ended. One that waits for another callback says nothing of
    // this one: another window's sign-in may have taken its place, and it does not know yet.
    const awaited = flow.waitsFor(address);
    try {
      const done = await (await account.client()).handleCallback(address);
      if (!awaited) {
        await this.#welcome(done);
      }
      return true;
    } catch (error) {
      report('a callback', error);
      const detail = detailOf(error);
      const strange = detail.code === 'CALLBACK_UNKNOWN' || detail.code === 'CALLBACK_USED';
      if (awaited && !strange && !detail.retryable) {
        return false;
      }
      const picked = await this.#offer(detail);
      if (picked === 'retry') {
        return await this.take(address);
      }
      if (picked !== undefined) {
        runAction(picked);
      }
      return false;
    }
  }

  /** Whoever is signed in is not told to sign in, and hears of a link that is used up without alarm. */
  async #offer(detail: ErrorDetail): Promise<ActionId | undefined> {
    const { message, actions } = wordsFor(detail);
    const signedIn = this.#ports.account.state.kind === 'signedIn';
    const show = signedIn && detail.code === 'CALLBACK_USED' ? window.showInformationMessage : window.showErrorMessage;
    return await offerActions((text, ...labels) => show(text, ...labels), {
      message,
      actions: signedIn ? actions.filter(({ id }) => id !== 'signIn') : actions,
    });
  }

  async #welcome({ account, way }: SignInDone): Promise<void> {
    const message = l10n.t('Signed in as {0}.', unlinked(account.email));
    if (way !== 'resetPassword') {
      void window.showInformationMessage(message);
      return;
    }
    const choose = l10n.t('Choose a Password');
    if ((await window.showInformationMessage(message, choose)) === choose) {
      await this.#ports.flow.choosePassword(account);
    }
  }
}
