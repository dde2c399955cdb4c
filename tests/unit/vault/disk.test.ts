/** The vault's files and lock in Node, on a real disk. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { VaultLock } from '../../../extension/src/auth/vault/ports.ts';
import { newUuid, timing } from '../../../extension/src/core/host.ts';
import { DiskFiles } from '../../../extension/src/node/diskFiles.ts';
import { FileLock } from '../../../extension/src/node/fileLock.ts';
import { MemorySecrets, diskError, openWindow } from './support.ts';

/** The disk's own, unless a test says otherwise. */
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, open: vi.fn(real.open), rename: vi.fn(real.rename) };
});

const QUICK = { lookMs: 2, patience: 50, endurance: 5000 };

let folder: string;

beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), 'godoty-vault-')), 'vault');
});

afterEach(() => {
  rmSync(path.dirname(folder), { recursive: true, force: true });
});

describe('files on a disk', () => {
  it('are for their owner alone, and the folder is made with the first one', async () => {
    const files = new DiskFiles(folder, newUuid);
    expect(await files.read('a.json')).toBeUndefined();
    await files.remove('a.json');
    await files.replace('a.json', new TextEncoder().encode('one'));
    await files.replace('a.json', new TextEncoder().encode('two'));
    expect(new TextDecoder().decode(await files.read('a.json'))).toBe('two');
    await files.replace('b.json', new Uint8Array(3));
    await files.remove('b.json');
    expect(readdirSync(folder)).toEqual(['a.json']);
    if (process.platform !== 'win32') {
      expect((statSync(folder).mode & 0o777).toString(8)).toBe('700');
      expect((statSync(path.join(folder, 'a.json')).mode & 0o777).toString(8)).toBe('600');
    }
  });

  it('leave no draft behind: neither their own, nor one of a window that was killed', async () => {
    const files = new DiskFiles(folder, newUuid);
    mkdirSync(path.join(folder, 'in-the-way.json', 'full'), { recursive: true });
    writeFileSync(path.join(folder, 'a.json.0815.tmp'), 'half');
    await files.replace('a.json', new Uint8Array(3));
    await expect(files.replace('in-the-way.json', new Uint8Array(3))).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(['a.json', 'in-the-way.json']);
  });

  it.each(['EPERM', 'EACCES', 'EBUSY'])(
    'that somebody reads (%s on Windows) are replaced as soon as that is over',
    async (code) => {
      const pauses: number[] = [];
      const files = new DiskFiles(folder, newUuid, (milliseconds) => Promise.resolve(void pauses.push(milliseconds)));
      vi.mocked(rename).mockRejectedValueOnce(diskError(code)).mockRejectedValueOnce(diskError(code));
      await files.replace('a.json', new TextEncoder().encode('one'));
      expect([new TextDecoder().decode(await files.read('a.json')), pauses]).toEqual(['one', [25, 25]]);
    },
  );

  it.each<[string, number]>([
    ['EPERM', 20],
    ['EIO', 1],
  ])('that can’t be replaced at all reject (%s) after %i attempts, and stay', async (code, attempts) => {
    const files = new DiskFiles(folder, newUuid, () => Promise.resolve());
    await files.replace('a.json', new TextEncoder().encode('one'));
    vi.mocked(rename).mockClear();
    for (let times = 0; times < attempts; times += 1) vi.mocked(rename).mockRejectedValueOnce(diskError(code));
    await expect(files.replace('a.json', new TextEncoder().encode('two'))).rejects.toThrow(code);
    expect(rename).toHaveBeenCalledTimes(attempts);
    expect(readdirSync(folder)).toEqual(['a.json']);
    expect(new TextDecoder().decode(await files.read('a.json'))).toBe('one');
  });

  it('that can’t be written reject, and reading goes on', async () => {
    writeFileSync(folder, 'a file where the folder should be');
    const window = openWindow({ files: new DiskFiles(folder, newUuid), lock: new FileLock(folder, timing, QUICK) });
    await expect(window.put('a')).rejects.toThrow();
    expect(window.troubles).toEqual(['failed']);
    expect(await window.store.read()).toBeUndefined();
  });

  it('hold the session of windows that share them', async () => {
    const shared = { secrets: new MemorySecrets(), files: new DiskFiles(folder, newUuid) };
    const open = () => openWindow({ ...shared, lock: new FileLock(folder, timing, QUICK) });
    const add = (window: ReturnType<typeof open>, mark: string): Promise<void> =>
      window.store.update((text) => Promise.resolve({ kind: 'replace', text: `${text ?? ''} ${mark}` }));
    const marks = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    await Promise.all(marks.map((mark) => add(open(), mark)));
    expect((await open().store.read())?.trim().split(' ').sort()).toEqual(marks);
  });
});

describe('a lock of files', () => {
  const lock = (): VaultLock => new FileLock(folder, timing, QUICK);

  it('is held by one at a time, and goes on after one that failed', async () => {
    let inside = 0;
    const seen: number[] = [];
    const work = async (): Promise<void> => {
      seen.push((inside += 1));
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      if (seen.length % 3 === 0) throw new Error('work failed');
    };
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => lock().run('a', work)));
    expect(seen).toEqual(Array<number>(12).fill(1));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
  });

  it('of another name does not wait', async () => {
    await lock().run('a', () => lock().run('b', () => Promise.resolve()));
    expect(readdirSync(folder).sort()).toEqual(['a.lock', 'b.lock']);
  });

  it('keeps one file, whose number only grows', async () => {
    for (let round = 1; round <= 3; round += 1) {
      await lock().run('a', () => Promise.resolve());
      expect(readdirSync(path.join(folder, 'a.lock'))).toEqual([String(round)]);
    }
  });

  it('is had although what it was before can’t be cleared away', async () => {
    mkdirSync(path.join(folder, 'a.lock', '7', 'in the way'), { recursive: true });
    await lock().run('a', (assertHeld) => assertHeld());
    expect(readdirSync(path.join(folder, 'a.lock')).sort()).toEqual(['7', '8']);
  });

  it('of a window that was killed is taken over', async () => {
    mkdirSync(path.join(folder, 'a.lock'), { recursive: true });
    writeFileSync(path.join(folder, 'a.lock', '7'), '');
    await lock().run('a', () => Promise.resolve());
    expect(readdirSync(path.join(folder, 'a.lock'))).toEqual(['8']);
  });

  it('is not taken from one that works for long', async () => {
    let stop = (): void => undefined;
    const working = new Promise<void>((resolve) => {
      stop = resolve;
    });
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const first = lock().run('a', async (assertHeld) => {
      begin();
      await working;
      await assertHeld();
    });
    await begun;
    // Twice the patience of the others.
    let beats = 0;
    const cancel = timing.repeat(() => {
      beats += 1;
      if (beats === 2 * QUICK.patience) stop();
    }, QUICK.lookMs);
    const second = lock().run('a', () => Promise.resolve(readdirSync(path.join(folder, 'a.lock'))));
    await first;
    cancel();
    expect(await second).toEqual(['2']);
  });

  it('tells a holder that was given up, and does not disturb the new one', async () => {
    const asleep = { ...timing, repeat: () => () => undefined };
    const first = new FileLock(folder, asleep, QUICK).run('a', async (assertHeld) => {
      await assertHeld();
      await lock().run('a', async (stillHeld) => {
        await expect(assertHeld()).rejects.toThrow('busy');
        await stillHeld();
      });
      await assertHeld();
    });
    await expect(first).rejects.toThrow('busy');
    expect(readFileSync(path.join(folder, 'a.lock', '2'), 'utf8')).toBe('free');
  });

  it('is not had by one who was late for its number, which others have had and left since', async () => {
    const take = (): Promise<void> => lock().run('a', () => Promise.resolve());
    await take();
    let go = (): void => undefined;
    const late = new Promise<void>((resolve) => (go = resolve));
    const real = vi.mocked(open).getMockImplementation();
    vi.mocked(open).mockClear();
    vi.mocked(open).mockImplementationOnce(async (...args) => {
      await late;
      return await (real as typeof open)(...args);
    });
    const slow = vi.fn(() => Promise.resolve());
    const done = lock().run('a', slow);
    await vi.waitFor(() => expect(open).toHaveBeenCalledWith(path.join(folder, 'a.lock', '2'), 'wx', 0o600));
    await take();
    await lock().run('a', async () => {
      go();
      await timing.wait(20 * QUICK.lookMs);
      expect(slow).not.toHaveBeenCalled();
    });
    await done;
    expect(readdirSync(path.join(folder, 'a.lock'))).toEqual(['4']);
  });

  it('is waited for only so long', async () => {
    const impatient = new FileLock(folder, timing, { ...QUICK, endurance: 3 });
    await lock().run('a', async () => {
      await expect(impatient.run('a', () => Promise.resolve())).rejects.toThrow('busy');
    });
  });
});
