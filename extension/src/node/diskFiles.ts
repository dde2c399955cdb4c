/** A vault's files on a disk, for its owner alone. */
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { VaultFiles } from '../auth/vault/ports.ts';
import { timing } from '../core/host.ts';
import { hasCode } from './fileLock.ts';

const DRAFT = '.tmp';
/** What Windows says to a rename while somebody reads the old file: another window, or a virus scanner. */
const IN_USE = ['EPERM', 'EACCES', 'EBUSY'];
/** How often the rename is tried, and how long it waits in between, in milliseconds. */
const ATTEMPTS = 20;
const PAUSE_MS = 25;

export class DiskFiles implements VaultFiles {
  readonly #folder: string;
  readonly #newName: () => string;
  readonly #wait: (milliseconds: number) => Promise<void>;

  /** `newName` gives names that nobody else gives. */
  constructor(folder: string, newName: () => string, wait = (milliseconds: number) => timing.wait(milliseconds)) {
    this.#folder = folder;
    this.#newName = newName;
    this.#wait = wait;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(join(this.#folder, name));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) {
        return undefined;
      }
      throw error;
    }
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#clear(name);
    const draft = join(this.#folder, `${name}.${this.#newName()}${DRAFT}`);
    try {
      const handle = await open(draft, 'wx', 0o600);
      try {
        await handle.writeFile(bytes);
        // Else the new name could be on the disk before the bytes are.
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#rename(draft, join(this.#folder, name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  async #rename(from: string, to: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await rename(from, to);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || !IN_USE.some((code) => hasCode(error, code))) {
          throw error;
        }
        await this.#wait(PAUSE_MS);
      }
    }
  }

  /** Removes drafts of windows that were killed; the lock says that nobody else writes one. */
  async #clear(name: string): Promise<void> {
    const drafts = (await readdir(this.#folder)).filter((file) => file.startsWith(`${name}.`) && file.endsWith(DRAFT));
    await Promise.all(drafts.map((draft) => rm(join(this.#folder, draft), { force: true })));
  }
}
