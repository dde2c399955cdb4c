/** The vault's files through VS Code's file system, which renames in two steps: the old file goes, then the new one comes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { FileSystem, Uri as VsCodeUri } from 'vscode';

import { WorkspaceFiles } from '../../../extension/src/web/workspaceFiles.ts';
import { Uri } from '../shell/vscode.ts';
import { MemoryLock, MemorySecrets, openWindow } from './support.ts';

/** A file system in memory. Before each step of a change it does what the test wants to happen then. */
class Disk {
  readonly files = new Map<string, Uint8Array>();
  onStep: (step: string) => void | Promise<void> = () => undefined;
  onRead: (path: string) => void = () => undefined;

  async #step(step: string, change: () => void): Promise<void> {
    await this.onStep(step);
    change();
  }
  #get(path: string): Uint8Array {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw Object.assign(new Error('no such file'), { code: 'FileNotFound' });
    return bytes;
  }

  readonly api = {
    createDirectory: () => Promise.resolve(),
    readFile: async ({ path }: Uri) => {
      await Promise.resolve();
      this.onRead(path);
      return this.#get(path);
    },
    writeFile: async ({ path }: Uri, bytes: Uint8Array) => {
      await this.#step('truncate', () => this.files.set(path, new Uint8Array()));
      await this.#step('write', () => this.files.set(path, bytes));
    },
    rename: async ({ path: from }: Uri, { path: to }: Uri, options?: { overwrite?: boolean }) => {
      if (this.files.has(to) && options?.overwrite !== true) throw new Error('it exists');
      await this.#step('delete', () => this.files.delete(to));
      await this.#step('rename', () => {
        this.files.set(to, this.#get(from));
        this.files.delete(from);
      });
    },
    delete: async ({ path }: Uri) => {
      await Promise.resolve();
      this.#get(path);
      this.files.delete(path);
    },
  } as unknown as FileSystem;
}

const STEPS = ['truncate', 'write', 'delete', 'rename'];

let disk: Disk;
let files: WorkspaceFiles;

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);
const put = (content: string): Promise<void> => files.replace('a.json', new TextEncoder().encode(content));
const read = async (): Promise<string | undefined> => text(await files.read('a.json'));
const open = () => new WorkspaceFiles(disk.api, Uri.file('/vault') as unknown as VsCodeUri);

beforeEach(() => {
  disk = new Disk();
  files = open();
});

describe('files of VS Code', () => {
  it('are read back, and leave no draft behind', async () => {
    expect(await read()).toBeUndefined();
    await put('one');
    await put('two');
    expect(await read()).toBe('two');
    await files.replace('b.json', new Uint8Array(3));
    await files.remove('b.json');
    await files.remove('c.json');
    expect([...disk.files.keys()]).toEqual(['/vault/a.json']);
  });

  it('are the old one or the new one for whoever reads, at each moment of a change', async () => {
    await put('old');
    const seen: (string | undefined)[] = [];
    disk.onStep = async () => {
      seen.push(await read());
    };
    await put('new');
    expect(seen).toEqual(['old', 'old', 'old', 'new']);
  });

  it('are found when the draft becomes the file just while it is looked for', async () => {
    await put('old');
    let rename = (): void => undefined;
    const renaming = new Promise<void>((resolve) => (rename = resolve));
    let gone = (): void => undefined;
    const between = new Promise<void>((resolve) => (gone = resolve));
    disk.onStep = async (step) => {
      if (step !== 'rename') return;
      gone();
      await renaming;
    };
    const change = put('new');
    await between;
    disk.onRead = (path) => {
      if (!path.endsWith('.tmp')) return;
      disk.files.set('/vault/a.json', disk.files.get(path) ?? new Uint8Array());
      disk.files.delete(path);
    };
    expect(await read()).toBe('new');
    rename();
    await expect(change).rejects.toThrow();
  });

  it.each(STEPS)('outlive a window that ends before it could %s', async (last) => {
    await put('old');
    disk.onStep = (step) => {
      if (step === last) throw new Error('the window was closed');
    };
    await expect(put('new')).rejects.toThrow('closed');
    disk.onStep = () => undefined;
    files = open();
    expect(await read()).toBe(last === 'rename' ? 'new' : 'old');
    await put('newer');
    expect(await read()).toBe('newer');
    expect([...disk.files.keys()]).toEqual(['/vault/a.json']);
  });

  it('that were cut off in their first write mean signed out, with words', async () => {
    const shared = { secrets: new MemorySecrets(), lock: new MemoryLock() };
    disk.onStep = (step) => {
      if (step === 'write') throw new Error('the window was closed');
    };
    await expect(openWindow({ ...shared, files: open() }).put('a')).rejects.toThrow('closed');
    disk.onStep = () => undefined;
    const window = openWindow({ ...shared, files: open() });
    expect(await window.store.read()).toBeUndefined();
    expect(window.troubles).toEqual(['unreadable']);
    await window.put('b');
    expect(await openWindow({ ...shared, files: open() }).store.read()).toBe('b');
  });

  it('that can’t be read reject, and are not taken for none', async () => {
    disk.onRead = () => {
      throw Object.assign(new Error('the disk fails'), { code: 'Unavailable' });
    };
    await expect(read()).rejects.toThrow('the disk fails');
  });
});
