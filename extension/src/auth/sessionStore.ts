/**
 * The session store as a port: one text per backend, updated exclusively. The core gives the text its meaning.
 */
import type { StoreChange } from '../../../crate/wasm/pkg/godoty_core.js';

export interface SessionStore {
  /** The stored text. Rejects when the store does not work. */
  read(): Promise<string | undefined>;
  /** Runs `change` on the stored text while nobody else of this window writes, and carries out what it returns. */
  update(change: (current: string | undefined) => Promise<StoreChange>): Promise<void>;
  /** Calls back when another window may have changed the text. */
  onDidChange(listener: () => void): { dispose(): void };
}

/** The part of VS Code's SecretStorage that is needed. */
export interface Secrets {
  get(key: string): PromiseLike<string | undefined>;
  store(key: string, value: string): PromiseLike<void>;
  delete(key: string): PromiseLike<void>;
  onDidChange(listener: (event: { readonly key: string }) => void): { dispose(): void };
}

/** Keeps the text in SecretStorage, under a key that names the backend's origin. */
export class SecretSessionStore implements SessionStore {
  readonly #secrets: Secrets;
  readonly #key: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(secrets: Secrets, backendUrl: string) {
    this.#secrets = secrets;
    this.#key = storeKey(backendUrl);
  }

  async read(): Promise<string | undefined> {
    return await this.#secrets.get(this.#key);
  }

  update(change: (current: string | undefined) => Promise<StoreChange>): Promise<void> {
    const run = this.#last.then(async () => {
      await this.#apply(await change(await this.read()));
    });
    // The next update waits for this one, whether it worked or not; the caller hears of a failure.
    this.#last = run.catch(() => undefined);
    return run;
  }

  onDidChange(listener: () => void): { dispose(): void } {
    return this.#secrets.onDidChange((event) => {
      if (event.key === this.#key) {
        listener();
      }
    });
  }

  async #apply(change: StoreChange): Promise<void> {
    switch (change.kind) {
      case 'keep':
        return;
      case 'replace':
        await this.#secrets.store(this.#key, change.text);
        return;
      case 'erase':
        await this.#secrets.delete(this.#key);
        return;
    }
  }
}

/** One key per backend; the origin alone, so that a path or a trailing slash makes no second session. */
function storeKey(backendUrl: string): string {
  return `godoty.session:${URL.canParse(backendUrl) ? new URL(backendUrl).origin : backendUrl}`;
}
