/**
 * The lock of windows that share files alone, in virtual time: reads and writes take as long as the test says, writes of
 * several windows fall where they may, and windows are closed or stand still in the middle of anything.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { FileSystem, Uri as VsCodeUri } from 'vscode';

import type { VaultLock } from '../../../extension/src/auth/vault/ports.ts';
import type { Timing } from '../../../extension/src/core/host.ts';
import { LeaseLock } from '../../../extension/src/web/leaseLock.ts';
import { Uri } from '../shell/vscode.ts';

const FILE = '/vault/a.lock';

/** Who waits, in the order of time. */
class Clock {
  now = 0;
  readonly #waiting: { readonly at: number; readonly run: () => void }[] = [];

  at(milliseconds: number, run: () => void): void {
    this.#waiting.push({ at: this.now + milliseconds, run });
  }
  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.at(milliseconds, resolve));
  }
  /** Lets time pass until something has happened. */
  async until<T>(something: Promise<T>): Promise<T> {
    const state = { over: false };
    const end = (): void => void (state.over = true);
    something.then(end, end);
    for (let steps = 0; ; steps += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (state.over) return await something;
      this.#waiting.sort((one, other) => one.at - other.at);
      const next = this.#waiting.shift();
      if (next === undefined || steps > 200_000) throw new Error('it never happens');
      this.now = Math.max(this.now, next.at);
      next.run();
    }
  }
}

/** Random numbers that are the same in each run (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let clock: Clock;
let files: Map<string, string>;
let names: number;
/** How long a window takes for the next access, in milliseconds. */
let delay: (window: number, access: 'read' | 'write') => number;

beforeEach(() => {
  clock = new Clock();
  files = new Map();
  names = 0;
  delay = () => 1;
});

/** The lock of a window; a window that was closed never goes on. */
function windowOf(id: number, closed: () => boolean = () => false): VaultLock {
  const alive = async (milliseconds: number): Promise<void> => {
    await clock.wait(milliseconds);
    if (closed()) await new Promise(() => undefined);
  };
  const timing: Timing = {
    now: () => clock.now,
    wait: alive,
    repeat: (run, milliseconds) => {
      let on = true;
      const again = (): void => {
        clock.at(milliseconds, () => {
          if (!on || closed()) return;
          run();
          again();
        });
      };
      again();
      return () => (on = false);
    },
  };
  const disk = {
    createDirectory: () => Promise.resolve(),
    readFile: async ({ path }: Uri) => {
      await alive(delay(id, 'read'));
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'FileNotFound' });
      return new TextEncoder().encode(text);
    },
    writeFile: async ({ path }: Uri, bytes: Uint8Array) => {
      // As a disk does: the file is empty for a while.
      await alive(delay(id, 'write') / 2);
      files.set(path, '');
      await alive(delay(id, 'write') / 2);
      files.set(path, new TextDecoder().decode(bytes));
    },
  } as unknown as FileSystem;
  const alone: VaultLock = { run: (_, work) => work(() => Promise.resolve()) };
  const folder = Uri.file('/vault') as unknown as VsCodeUri;
  return new LeaseLock(alone, disk, folder, timing, () => `window-${id}-${(names += 1)}`);
}

describe('a lease', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'is held by one window at a time, however their reads and writes meet (%i)',
    async (seed) => {
      const draw = random(seed);
      delay = () => draw() * 49;
      let inside = 0;
      let updates = 0;
      const use = async (id: number): Promise<void> => {
        const lock = windowOf(id);
        for (let round = 0; round < 3; round += 1) {
          await clock.wait(draw() * 400);
          await lock.run('a', async (assertHeld) => {
            inside += 1;
            expect(inside).toBe(1);
            await clock.wait(draw() * 5000);
            await assertHeld();
            updates += 1;
            inside -= 1;
          });
        }
      };
      await clock.until(Promise.all([1, 2, 3, 4, 5].map(use)));
      expect(updates).toBe(15);
      expect(files.get(FILE)).toBe('free');
    },
  );

  it('of a window that was closed is taken over within 15 s', async () => {
    let closed = false;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    void windowOf(1, () => closed).run('a', () => {
      begin();
      return new Promise(() => undefined);
    });
    await clock.until(begun);
    closed = true;
    const from = clock.now;
    await clock.until(windowOf(2).run('a', () => Promise.resolve()));
    expect(clock.now - from).toBeGreaterThan(9_000);
    expect(clock.now - from).toBeLessThan(15_000);
  });

  it('is not taken from one that works for a minute', async () => {
    const order: string[] = [];
    const first = windowOf(1).run('a', async (assertHeld) => {
      order.push('in');
      await clock.wait(60_000);
      await assertHeld();
      order.push('out');
    });
    const second = clock.wait(500).then(() => windowOf(2).run('a', () => Promise.resolve(order.push('second'))));
    await clock.until(Promise.all([first, second]));
    expect(order).toEqual(['in', 'out', 'second']);
  });

  it('tells a holder that stood still and was given up, and leaves the new one alone', async () => {
    let still = 0;
    delay = (id) => (id === 1 ? still : 1);
    const first = windowOf(1).run('a', async (assertHeld) => {
      // No sign of life reaches the file.
      still = 40_000;
      await clock.wait(30_000);
      still = 1;
      await assertHeld();
    });
    const second = clock.wait(500).then(() =>
      windowOf(2).run('a', async (assertHeld) => {
        await clock.wait(60_000);
        await assertHeld();
      }),
    );
    const ends = await clock.until(Promise.allSettled([first, second]));
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(files.get(FILE)).toBe('free');
  });

  it('that two windows took, because a write took longer than any should, lets one of them write', async () => {
    delay = (id, access) => (id === 1 && access === 'write' ? 1000 : 1);
    const wrote: number[] = [];
    const use = (id: number): Promise<void> =>
      windowOf(id).run('a', async (assertHeld) => {
        await clock.wait(4000);
        await assertHeld();
        wrote.push(id);
      });
    const ends = await clock.until(Promise.allSettled([use(1), use(2)]));
    expect(wrote).toHaveLength(1);
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('is taken over when its file is damaged', async () => {
    files.set(FILE, '');
    await clock.until(windowOf(1).run('a', () => Promise.resolve()));
    files.set(FILE, '\0\0\0');
    await clock.until(windowOf(1).run('a', () => Promise.resolve()));
    expect(files.get(FILE)).toBe('free');
  });

  it('is let go of after work that failed, and of another name does not wait', async () => {
    const lock = windowOf(1);
    await expect(clock.until(lock.run('a', () => Promise.reject(new Error('work failed'))))).rejects.toThrow('work');
    const from = clock.now;
    await clock.until(lock.run('a', () => lock.run('b', () => Promise.resolve())));
    expect(clock.now - from).toBeLessThan(1000);
  });

  it('is waited for at most some minutes', async () => {
    const lock = windowOf(1);
    const run = lock.run('a', () => windowOf(2).run('a', () => Promise.resolve()));
    await expect(clock.until(run)).rejects.toThrow('busy');
    expect(clock.now).toBeLessThan(300_000);
  });
});
