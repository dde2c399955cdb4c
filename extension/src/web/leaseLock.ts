/**
 * A lock between windows that share nothing but files. On vscode.dev a window's worker has an origin of its own for each
 * workspace, so that the browser's locks reach the windows of one workspace alone, and the files reach them all.
 *
 * One file says who holds the lock. No host has compare-and-swap: who finds the lock free writes its name, waits until
 * everybody who found it free at the same moment has written too, and holds it if its own name stands there then (Fischer's
 * algorithm). Who was too slow for that finds out before it writes anything.
 */
import { Uri } from 'vscode';
import type { FileSystem } from 'vscode';

import { StoreTroubleError } from '../auth/sessionStore.ts';
import type { VaultLock } from '../auth/vault/ports.ts';
import type { Timing } from '../core/host.ts';
import { orNothing } from './workspaceFiles.ts';

interface Pace {
  /** How long a write takes at most, as a rule, in milliseconds. */
  readonly settleMs: number;
  /** How long to wait between two looks at a lock that somebody holds, in milliseconds. */
  readonly lookMs: number;
  /** After so many looks without a sign of life the holder is given up. */
  readonly patience: number;
  /** After so many looks the one who waits gives up. */
  readonly endurance: number;
}

/** As in Node: a dead holder keeps the others waiting for 10 s, a living one for at most 2 minutes. */
const PACE: Pace = { settleMs: 100, lookMs: 100, patience: 100, endurance: 1200 };
/** A holder shows so many signs of life in the time after which it would be given up. */
const BEATS = 5;
/** Nobody holds the lock. Nothing at all is a name that is just being written. */
const FREE = 'free';

export class LeaseLock implements VaultLock {
  readonly #inner: VaultLock;
  readonly #files: FileSystem;
  readonly #folder: Uri;
  readonly #timing: Timing;
  readonly #newName: () => string;

  /** `inner` excludes whom it can at less cost; `newName` gives names that nobody else gives. */
  constructor(inner: VaultLock, files: FileSystem, folder: Uri, timing: Timing, newName: () => string) {
    this.#inner = inner;
    this.#files = files;
    this.#folder = folder;
    this.#timing = timing;
    this.#newName = newName;
  }

  run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    return this.#inner.run(name, () => this.#run(Uri.joinPath(this.#folder, `${name}.lock`), work));
  }

  async #run<T>(file: Uri, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    const owner = await this.#acquire(file);
    let beats = 0;
    // One after another: nobody reads a name that is just being written here, and no sign of life comes after the end.
    let last: Promise<unknown> = Promise.resolve();
    const whileHeld = (then: () => Promise<void>): Promise<boolean> => {
      const result = last.then(async () => {
        const held = (await this.#read(file))?.startsWith(`${owner} `) === true;
        if (held) {
          await then();
        }
        return held;
      });
      last = result.catch(() => undefined);
      return result;
    };
    const stop = this.#timing.repeat(
      () => {
        beats += 1;
        // One that was given up keeps quiet; it finds out before it writes anything else.
        whileHeld(() => this.#write(file, `${owner} ${String(beats)}`)).catch(() => undefined);
      },
      (PACE.lookMs * PACE.patience) / BEATS,
    );
    try {
      return await work(async () => {
        if (!(await whileHeld(() => Promise.resolve()))) {
          throw new StoreTroubleError('busy');
        }
      });
    } finally {
      stop();
      // If that fails, the others wait as for a window that was closed.
      await whileHeld(() => this.#write(file, FREE)).catch(() => undefined);
    }
  }

  async #acquire(file: Uri): Promise<string> {
    await this.#files.createDirectory(this.#folder);
    let seen: string | undefined;
    let same = 0;
    for (let looks = 0; looks < PACE.endurance; looks += 1) {
      const text = await this.#read(file);
      same = text === seen ? same + 1 : 0;
      seen = text;
      if (text === undefined || text === FREE || same >= PACE.patience) {
        const owner = this.#newName();
        await this.#write(file, `${owner} 0`);
        await this.#timing.wait(PACE.settleMs);
        if ((await this.#read(file)) === `${owner} 0`) {
          return owner;
        }
      }
      await this.#timing.wait(PACE.lookMs);
    }
    throw new StoreTroubleError('busy');
  }

  async #read(file: Uri): Promise<string | undefined> {
    const bytes = await orNothing(this.#files.readFile(file));
    return bytes && new TextDecoder().decode(bytes);
  }

  async #write(file: Uri, text: string): Promise<void> {
    await this.#files.writeFile(file, new TextEncoder().encode(text));
  }
}
