/** A lock between the windows of a browser. A window that is gone holds none. */
import type { VaultLock } from '../auth/vault/ports.ts';

export class WebLock implements VaultLock {
  readonly #scope: string;

  /** Windows with the same scope exclude each other. */
  constructor(scope: string) {
    this.#scope = scope;
  }

  async run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    return await navigator.locks.request(`${this.#scope}/${name}`, () => work(() => Promise.resolve()));
  }
}
