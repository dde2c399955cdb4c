/** The context keys that the manifest's `when` clauses and the walkthrough's steps ask for. */
import { commands } from 'vscode';

export type ContextKey =
  /** Somebody is signed in, or chat goes on after the server ended the session. */
  | 'godoty.signedIn'
  | 'godoty.sessionEnded'
  /** An answer is arriving in the panel, so it can be stopped. */
  | 'godoty.answering'
  /** Something was asked in the panel since VS Code started. */
  | 'godoty.askedInPanel'
  /** VS Code's own chat, or another extension, has asked one of Godoty's models since VS Code started. */
  | 'godoty.askedInVsCode';

export class ContextKeys {
  readonly #told = new Map<ContextKey, boolean>();

  /** Tells VS Code a key's value, if it is another than the last one. */
  set(key: ContextKey, value: boolean): void {
    if (this.#told.get(key) !== value) {
      this.#told.set(key, value);
      void commands.executeCommand('setContext', key, value);
    }
  }

  /** One of the two chats streams, or has ended doing so. */
  asked(chat: 'panel' | 'vsCode', streaming: boolean): void {
    if (chat === 'panel') {
      this.set('godoty.answering', streaming);
    }
    if (streaming) {
      this.set(chat === 'panel' ? 'godoty.askedInPanel' : 'godoty.askedInVsCode', true);
    }
  }
}
