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
    return await orNothing(this.#files.readFile(Uri.joinPath(this.#folder, name)));
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#files.createDirectory(this.#folder);
    // The lock says that nobody else writes it.
    const draft = Uri.joinPath(this.#folder, `${name}.tmp`);
    await this.#files.writeFile(draft, bytes);
    await this.#files.rename(draft, Uri.joinPath(this.#folder, name), { overwrite: true });
  }

  async list(): Promise<readonly string[]> {
    return ((await orNothing(this.#files.readDirectory(this.#folder))) ?? []).map(([name]) => name);
  }
}

async function orNothing<T>(reading: Thenable<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'FileNotFound') {
      return undefined;
    }
    throw error;
  }
}
