/**
 * Keeps usage records that the account has not got yet where a crash does not reach them: one file per window and user
 * under the extension's global storage. A later window takes up the files of windows that are gone. A window that is
 * still there loses nothing by that: its records are sent by both, and the account counts each call once.
 */
import { Uri } from 'vscode';
import type { FileSystem } from 'vscode';

export interface UsageQueues {
  /** The queues of other windows of this user, those that are gone among them. */
  load(userId: string): Promise<readonly string[]>;
  /** Keeps this window's queue, and then removes the files that were loaded: their records are in it. */
  save(userId: string, text: string): Promise<void>;
}

/** The part of VS Code's file system that is needed; it works in all hosts. */
export type Files = Pick<
  FileSystem,
  'readDirectory' | 'readFile' | 'writeFile' | 'rename' | 'delete' | 'createDirectory'
>;

const SUFFIX = '.json';
const DRAFT = '.tmp';

export class UsageQueueFiles implements UsageQueues {
  readonly #files: Files;
  readonly #root: Uri;
  readonly #window: string;
  readonly #report: (what: string, error: unknown) => void;
  /** By user: the files whose records are in memory, with what was in them. */
  readonly #loaded = new Map<string, Map<string, string>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(files: Files, storage: Uri, window: string, report: (what: string, error: unknown) => void) {
    this.#files = files;
    this.#root = Uri.joinPath(storage, 'usage');
    this.#window = window;
    this.#report = report;
  }

  async load(userId: string): Promise<readonly string[]> {
    const folder = this.#folder(userId);
    const all = await this.#files.readDirectory(folder).then(
      (entries) => entries.map(([name]) => name),
      (error: unknown) => {
        // No folder: nothing was ever kept.
        if (!isNotFound(error)) {
          this.#report('reading kept usage records', error);
        }
        return [];
      },
    );
    const texts: string[] = [];
    for (const name of all.filter((name) => !name.startsWith(this.#window) && isQueue(name))) {
      try {
        const text = await this.#read(Uri.joinPath(folder, name));
        texts.push(text);
        if (!mayBeRenamed(name, all)) {
          this.#loadedOf(userId).set(name, text);
        }
      } catch (error) {
        // Another window has taken it up between the two calls.
        this.#report('reading kept usage records', error);
      }
    }
    return texts;
  }

  save(userId: string, text: string): Promise<void> {
    const run = this.#last.then(() => this.#save(userId, text));
    this.#last = run.catch((error: unknown) => this.#report('keeping usage records', error));
    return run;
  }

  async #save(userId: string, text: string): Promise<void> {
    const folder = this.#folder(userId);
    await this.#files.createDirectory(folder);
    const target = Uri.joinPath(folder, this.#window + SUFFIX);
    const draft = Uri.joinPath(folder, this.#window + DRAFT);
    await this.#files.writeFile(draft, new TextEncoder().encode(text));
    await this.#files.rename(draft, target, { overwrite: true });
    const loaded = this.#loadedOf(userId);
    for (const [name, before] of loaded) {
      loaded.delete(name);
      await this.#remove(Uri.joinPath(folder, name), before);
    }
  }

  /** Removes a file that was taken up, unless its window lives and has kept more in it since. */
  async #remove(file: Uri, before: string): Promise<void> {
    try {
      if ((await this.#read(file)) === before) {
        await this.#files.delete(file);
      }
    } catch {
      // It is gone, or stays for a later window: the account counts each call once.
    }
  }

  async #read(file: Uri): Promise<string> {
    return new TextDecoder().decode(await this.#files.readFile(file));
  }

  #loadedOf(userId: string): Map<string, string> {
    const known = this.#loaded.get(userId) ?? new Map<string, string>();
    this.#loaded.set(userId, known);
    return known;
  }

  #folder(userId: string): Uri {
    // Ids of users are UUIDs; whatever else a server sends does not leave the folder.
    return Uri.joinPath(this.#root, userId.replaceAll(/[^\w-]/gu, '_'));
  }
}

/** A window that was killed may have left a draft, with what came last in it. One that is half written is no queue for anybody. */
const isQueue = (name: string): boolean => name.endsWith(SUFFIX) || name.endsWith(DRAFT);

/**
 * A draft beside its file may be that of a window which lives and is about to rename it: it stays until it stands alone. Some
 * hosts rename in two steps, the old file goes first.
 */
function mayBeRenamed(name: string, names: readonly string[]): boolean {
  return name.endsWith(DRAFT) && names.includes(name.slice(0, -DRAFT.length) + SUFFIX);
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FileNotFound';
}
