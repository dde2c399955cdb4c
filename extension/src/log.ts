/** The log "Godoty". It gets codes, origins and counts; never a token, a prompt, an e-mail address or a server's text. */
import type { LogOutputChannel } from 'vscode';
import { window } from 'vscode';

import { forLog } from './core/errors.ts';

export class Log {
  readonly #channel: LogOutputChannel;

  constructor() {
    this.#channel = window.createOutputChannel('Godoty', { log: true });
  }

  info(message: string): void {
    this.#channel.info(message);
  }

  /** `what` says what was being done. */
  error(what: string, error: unknown): void {
    this.#channel.error(`${what}: ${forLog(error)}`);
  }

  show(): void {
    this.#channel.show(true);
  }

  dispose(): void {
    this.#channel.dispose();
  }
}
