/** A vault's files where there is no disk of one's own: through VS Code's file system. */
import { Uri } from 'vscode';
import type { FileSystem } from 'vscode';

import type { VaultFiles } from '../auth/vault/ports.ts';

export class WorkspaceFiles implements VaultFiles {
  readonly #files: FileSystem;
  readonly #folder: Uri;

  constructor(files: FileSystem, folder: Uri) {
    this.#files = files;
    this.#folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    // VS Code renames in two steps: the old file goes, and then the new one comes. Between them, and after a crash between
    // them, the draft is what counts; while it is being looked for, it may have become the file.
    for (const place of [this.#uri(name), this.#draft(name), this.#uri(name)]) {
      const bytes = await orNothing(this.#files.readFile(place));
      if (bytes !== undefined) {
        return bytes;
      }
    }
    return undefined;
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#files.createDirectory(this.#folder);
    // The lock says that nobody else writes it.
    const draft = this.#draft(name);
    await this.#files.writeFile(draft, bytes);
    await this.#files.rename(draft, this.#uri(name), { overwrite: true });
  }

  async remove(name: string): Promise<void> {
    await orNothing(this.#files.delete(this.#uri(name)));
  }

  #uri(name: string): Uri {
    return Uri.joinPath(this.#folder, name);
  }

  #draft(name: string): Uri {
    return this.#uri(`${name}.tmp`);
  }
}

/** What is read, or undefined when there is no such file. */
export async function orNothing<T>(reading: Thenable<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'FileNotFound') {
      return undefined;
    }
    throw error;
  }
}
