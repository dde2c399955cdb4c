/** Queues of usage records on a file system in memory, which fails where a test wants it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Uri as VsCodeUri } from 'vscode';

import { UsageQueueFiles } from '../../../extension/src/usage/queueFiles.ts';
import type { Files } from '../../../extension/src/usage/queueFiles.ts';
import { Uri } from './vscode.ts';

const FOLDER = '/storage/usage/u1';
const files = new Map<string, string>();
const folders = new Set<string>();
let failing: { readonly operation: keyof Files; readonly path: RegExp } | undefined;
let reports: string[];

function guard(operation: keyof Files, path: string): void {
  if (failing?.operation === operation && failing.path.test(path)) {
    throw new Error(`${operation} ${path}`);
  }
}

const notFound = (): Error => Object.assign(new Error('FileNotFound'), { code: 'FileNotFound' });

const disk = {
  readDirectory: async ({ path }: { path: string }) => {
    guard('readDirectory', path);
    if (!folders.has(path)) {
      throw notFound();
    }
    return await Promise.resolve(
      [...files.keys()].filter((name) => name.startsWith(`${path}/`)).map((name) => [name.slice(path.length + 1), 1]),
    );
  },
  readFile: async ({ path }: { path: string }) => {
    guard('readFile', path);
    const text = files.get(path);
    if (text === undefined) {
      throw notFound();
    }
    return await Promise.resolve(new TextEncoder().encode(text));
  },
  writeFile: async ({ path }: { path: string }, content: Uint8Array) => {
    guard('writeFile', path);
    files.set(path, new TextDecoder().decode(content));
    await Promise.resolve();
  },
  rename: async ({ path: from }: { path: string }, { path: to }: { path: string }) => {
    guard('rename', to);
    files.set(to, files.get(from) ?? '');
    files.delete(from);
    await Promise.resolve();
  },
  delete: async ({ path }: { path: string }) => {
    guard('delete', path);
    if (!files.delete(path)) {
      throw notFound();
    }
    await Promise.resolve();
  },
  createDirectory: async ({ path }: { path: string }) => {
    guard('createDirectory', path);
    folders.add(path);
    await Promise.resolve();
  },
} as unknown as Files;

beforeEach(() => {
  files.clear();
  folders.clear();
  failing = undefined;
  reports = [];
});

const openWindow = (name: string): UsageQueueFiles =>
  new UsageQueueFiles(disk, Uri.file('/storage') as unknown as VsCodeUri, name, (what) => reports.push(what));

describe('the queues', () => {
  it('are empty where nothing was ever kept', async () => {
    expect(await openWindow('w1').load('u1')).toEqual([]);
    expect(reports).toEqual([]);
  });

  it('are taken up by a later window, which removes them once its own is on the disk', async () => {
    await openWindow('w1').save('u1', 'one');
    await openWindow('w2').save('u1', 'two');
    const later = openWindow('w3');
    expect([...(await later.load('u1'))].sort()).toEqual(['one', 'two']);
    // A crash at this point loses nothing.
    expect(files.size).toBe(2);
    await later.save('u1', 'one and two');
    expect([...files]).toEqual([[`${FOLDER}/w3.json`, 'one and two']]);
  });

  it('survive a crash in the middle of a rename, which some hosts do in two steps', async () => {
    const first = openWindow('w1');
    await first.save('u1', 'one');
    failing = { operation: 'rename', path: /w1\.json$/u };
    await expect(first.save('u1', 'one and two')).rejects.toThrow('rename');
    files.delete(`${FOLDER}/w1.json`);
    failing = undefined;
    const later = openWindow('w2');
    expect(await later.load('u1')).toEqual(['one and two']);
    await later.save('u1', 'one and two');
    expect([...files]).toEqual([[`${FOLDER}/w2.json`, 'one and two']]);
  });

  it('survive a crash before a rename, the older file beside the draft', async () => {
    const first = openWindow('w1');
    await first.save('u1', 'one');
    failing = { operation: 'rename', path: /w1\.json$/u };
    await expect(first.save('u1', 'one and two')).rejects.toThrow('rename');
    failing = undefined;
    const second = openWindow('w2');
    expect(await second.load('u1')).toEqual(['one', 'one and two']);
    // A draft may be one that its window is just about to rename.
    await second.save('u1', 'one and two');
    expect([...files.keys()]).toEqual([`${FOLDER}/w1.tmp`, `${FOLDER}/w2.json`]);
    const third = openWindow('w3');
    expect(await third.load('u1')).toEqual(['one and two', 'one and two']);
    await third.save('u1', 'one and two');
    expect([...files.keys()]).toEqual([`${FOLDER}/w3.json`]);
  });

  it('are not removed when their window has kept more meanwhile', async () => {
    const first = openWindow('w1');
    await first.save('u1', 'one');
    const second = openWindow('w2');
    await second.load('u1');
    await first.save('u1', 'one and two');
    await second.save('u1', 'one');
    expect(files.get(`${FOLDER}/w1.json`)).toBe('one and two');
  });

  it('survive a crash between the write and the rename', async () => {
    await openWindow('w1').save('u1', 'one');
    const second = openWindow('w2');
    await second.load('u1');
    failing = { operation: 'rename', path: /w2\.json$/u };
    await expect(second.save('u1', 'one and two')).rejects.toThrow('rename');
    expect(reports).toEqual(['keeping usage records']);
    expect(files.get(`${FOLDER}/w1.json`)).toBe('one');
    failing = undefined;
    // Without its file the draft counts; one that is half written is no queue for anybody.
    expect(await openWindow('w3').load('u1')).toEqual(['one', 'one and two']);
    // A later save of the same window goes on where the failed one stopped.
    await second.save('u1', 'one and two');
    expect([...files]).toEqual([[`${FOLDER}/w2.json`, 'one and two']]);
  });

  it('leave alone what another window kept meanwhile', async () => {
    await openWindow('w1').save('u1', 'one');
    const second = openWindow('w2');
    await second.load('u1');
    const third = openWindow('w3');
    await third.save('u1', 'three');
    await second.save('u1', 'one');
    expect(files.get(`${FOLDER}/w3.json`)).toBe('three');
  });

  it('are read although one of them has gone, and do not read their own', async () => {
    const first = openWindow('w1');
    await first.save('u1', 'one');
    await openWindow('w2').save('u1', 'two');
    failing = { operation: 'readFile', path: /w2/u };
    expect(await first.load('u1')).toEqual([]);
    expect(await openWindow('w3').load('u1')).toEqual(['one']);
    expect(reports).toHaveLength(2);
  });

  it('say so when their folder can’t be read', async () => {
    await openWindow('w1').save('u1', 'one');
    failing = { operation: 'readDirectory', path: /./u };
    expect(await openWindow('w2').load('u1')).toEqual([]);
    expect(reports).toEqual(['reading kept usage records']);
    expect(files.size).toBe(1);
  });

  it('belong to one user each, and no id of a user leaves the folder', async () => {
    const window = openWindow('w1');
    await window.save('u1', 'one');
    await window.save('../../etc', 'two');
    expect([...files.keys()]).toEqual([`${FOLDER}/w1.json`, '/storage/usage/______etc/w1.json']);
    expect(await openWindow('w2').load('u2')).toEqual([]);
  });

  it('are saved in the order of the calls', async () => {
    const window = openWindow('w1');
    await Promise.all(['a', 'b', 'c'].map((text) => window.save('u1', text)));
    expect(files.get(`${FOLDER}/w1.json`)).toBe('c');
  });
});
