/**
 * A lock between the windows of a browser that have the same origin. A window that is gone holds none. Where the browser
 * refuses it, as it may to a frame of another site, or a window that hangs keeps it, it excludes nobody: it has to lie around a
 * lock that reaches all windows.
 */
import type { VaultLock } from '../auth/vault/ports.ts';

/** No update takes so long, in milliseconds: who holds the lock then does not come on, as when its connection is dead. */
const PATIENCE_MS = 30_000;

export class WebLock implements VaultLock {
  readonly #scope: string;
  readonly #schedule: (run: () => void, milliseconds: number) => () => void;

  /** Windows with the same scope exclude each other. */
  constructor(scope: string, schedule: (run: () => void, milliseconds: number) => () => void) {
    this.#scope = scope;
    this.#schedule = schedule;
  }

  async run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    const call = { began: false };
    const patience = new AbortController();
    const stopTimer = this.#schedule(() => patience.abort(), PATIENCE_MS);
    const begin = (): Promise<T> => {
      stopTimer();
      call.began = true;
      return work(() => Promise.resolve());
    };
    try {
      return await navigator.locks.request(`${this.#scope}/${name}`, { signal: patience.signal }, begin);
    } catch (error) {
      if (call.began) {
        throw error;
      }
      return await begin();
    }
  }
}
