/**
 * The models of the endpoint that can be chatted with, for both chats. Whoever reads them, the other hears when they are not
 * what they were; and where they could not be read, they are tried again until they can.
 */
import { EventEmitter } from 'vscode';

import type { ModelInfo } from '../../crate/wasm/pkg/godoty_core.js';
import { chatUser } from './account.ts';
import type { AccountService } from './account.ts';
import { detailOf } from './core/errors.ts';

export interface ModelListPorts {
  readonly account: Pick<AccountService, 'state' | 'client' | 'onDidChangeState'>;
  /** Runs something once after so many milliseconds, unless it is cancelled. */
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
}

/** How long after a failure the models are read again, in milliseconds; twice as long after each further one. */
export const FIRST_RETRY_MS = 30_000;
export const LAST_RETRY_MS = 600_000;

export class ModelList {
  readonly #ports: ModelListPorts;
  readonly #changed = new EventEmitter<void>();
  readonly #subscription: { dispose(): void };
  /** Whose models were read. */
  #userId: string | undefined;
  /** What was read last, as text; undefined before that. */
  #known: string | undefined;
  #failed = false;
  #retryAfter = FIRST_RETRY_MS;
  #cancelRetry: (() => void) | undefined;

  /** They are others than those that were read before, or there at last. A first reading that succeeds is no change. */
  readonly onDidChange = this.#changed.event;

  constructor(ports: ModelListPorts) {
    this.#ports = ports;
    this.#userId = chatUser(ports.account.state);
    this.#subscription = ports.account.onDidChangeState((state) => {
      const userId = chatUser(state);
      if (userId !== this.#userId) {
        this.#userId = userId;
        this.#forget();
      }
    });
  }

  /** @throws the core's error when they can't be read */
  async read(): Promise<readonly ModelInfo[]> {
    const { account } = this.#ports;
    const { state } = account;
    try {
      const models = (await (await account.client()).models()).filter(({ chat }) => chat);
      if (account.state === state) {
        this.#heard(models);
      }
      return models;
    } catch (error) {
      if (account.state === state && detailOf(error).retryable) {
        this.#retryLater();
      }
      throw error;
    }
  }

  dispose(): void {
    this.#forget();
    this.#subscription.dispose();
    this.#changed.dispose();
  }

  #heard(models: readonly ModelInfo[]): void {
    const known = JSON.stringify(models);
    const isNews = this.#failed || (this.#known !== undefined && this.#known !== known);
    this.#forget();
    this.#known = known;
    if (isNews) {
      this.#changed.fire();
    }
  }

  #retryLater(): void {
    this.#failed = true;
    if (this.#cancelRetry !== undefined) {
      return;
    }
    this.#cancelRetry = this.#ports.schedule(() => {
      this.#cancelRetry = undefined;
      // A failure plans the next one, and has been told to those who asked.
      this.read().catch(() => undefined);
    }, this.#retryAfter);
    this.#retryAfter = Math.min(this.#retryAfter * 2, LAST_RETRY_MS);
  }

  #forget(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#retryAfter = FIRST_RETRY_MS;
    this.#failed = false;
    this.#known = undefined;
  }
}
