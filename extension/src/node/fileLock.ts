/**
 * A lock between processes, as files. It needs nothing but that a file can be made by one process only, and survives a holder
 * that is killed.
 */
import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { StoreTroubleError } from '../auth/sessionStore.ts';
import type { VaultLock } from '../auth/vault/ports.ts';
import type { Timing } from '../core/host.ts';
import { Waiting } from './lockQueue.ts';
import type { Entry } from './lockQueue.ts';

export interface Pace {
  /** How long to wait between two looks at a lock that somebody holds, in milliseconds. */
  readonly lookMs: number;
  /** After so many looks without a sign of life the holder is given up. */
  readonly patience: number;
  /** After so many looks the one who waits gives up. */
  readonly endurance: number;
}

/** A dead holder keeps the others waiting for 10 s; a living one for at most 2 minutes, longer than any update takes. */
const PACE: Pace = { lookMs: 50, patience: 200, endurance: 2400 };
/** A holder shows so many signs of life in the time after which it would be given up. */
const BEATS = 5;

export class FileLock implements VaultLock {
  readonly #root: string;
  readonly #timing: Timing;
  readonly #pace: Pace;

  constructor(root: string, timing: Timing, pace: Pace = PACE) {
    this.#root = root;
    this.#timing = timing;
    this.#pace = pace;
  }

  async run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    const folder = join(this.#root, `${name}.lock`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const number = await this.#acquire(folder);
    const file = join(folder, String(number));
    const { lookMs, patience } = this.#pace;
    const stop = this.#timing.repeat(
      () => {
        const seconds = this.#timing.now() / 1000;
        // Without its file the lock is lost; `assertHeld` finds that out.
        utimes(file, seconds, seconds).catch(() => undefined);
      },
      (lookMs * patience) / BEATS,
    );
    try {
      return await work(async () => {
        if ((await highestOf(folder)) !== number) {
          throw new StoreTroubleError('busy');
        }
      });
    } finally {
      stop();
      await release(file);
    }
  }

  async #acquire(folder: string): Promise<number> {
    const waiting = new Waiting(this.#pace.patience);
    for (let looks = 0; looks < this.#pace.endurance; looks += 1) {
      const number = waiting.next(await entryOf(folder));
      if (number !== undefined && (await take(folder, number))) {
        return number;
      }
      await this.#timing.wait(this.#pace.lookMs);
    }
    throw new StoreTroubleError('busy');
  }
}

/** Makes the file with a number, if nobody else has, and clears away the lower ones. */
async function take(folder: string, number: number): Promise<boolean> {
  const file = join(folder, String(number));
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    if (hasCode(error, 'EEXIST')) {
      return false;
    }
    throw error;
  }
  const numbers = await numbersIn(folder);
  if (numbers.some((other) => other > number)) {
    // The number is from so long ago that its file had been cleared away.
    await rm(file, { force: true });
    return false;
  }
  // One that stays does no harm, and the next holder tries again.
  await Promise.allSettled(
    numbers.filter((other) => other < number).map((other) => rm(join(folder, String(other)), { force: true })),
  );
  return true;
}

/** A file that is not empty is free. It is not removed, so that its number is not given again. */
async function release(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r+');
    try {
      await handle.write('free');
    } finally {
      await handle.close();
    }
  } catch {
    // It went to another window meanwhile, or the disk is full: then the others wait as for a holder that was killed.
  }
}

async function entryOf(folder: string): Promise<Entry | undefined> {
  for (;;) {
    const number = await highestOf(folder);
    if (number === undefined) {
      return undefined;
    }
    try {
      const { mtimeMs, size } = await stat(join(folder, String(number)));
      return { number, beat: mtimeMs, free: size > 0 };
    } catch (error) {
      // A higher one has come between the two calls.
      if (!hasCode(error, 'ENOENT')) {
        throw error;
      }
    }
  }
}

async function highestOf(folder: string): Promise<number | undefined> {
  const numbers = await numbersIn(folder);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).filter((name) => /^[1-9]\d{0,14}$/u.test(name)).map(Number);
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
