/**
 * A lock between the windows of a browser that have the same origin. A window that is gone holds none. Where the browser
 * refuses it, as it may to a frame of another site, it excludes nobody: it has to lie around a lock that reaches all windows.
 */
import type { VaultLock } from '../auth/vault/ports.ts';

export class WebLock implements VaultLock {
  readonly #scope: string;

  /** Windows with the same scope exclude each other. */
  constructor(scope: string) {
    this.#scope = scope;
  }

  async run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    const call = { began: false };
    const begin = (): Promise<T> => {
      call.began = true;
      return work(() => Promise.resolve());
    };
    try {
      return await navigator.locks.request(`${this.#scope}/${name}`, begin);
    } catch (error) {
      if (call.began) {
        throw error;
      }
      return await begin();
    }
  }
}
