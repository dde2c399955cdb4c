/**
 * The session store as a port: one text per backend, updated exclusively. The core gives the text its meaning.
 */
import type { StoreChange } from '../../../crate/wasm/pkg/godoty_core.js';

export interface SessionStore {
  /** The stored text. One that is damaged counts as none. Rejects when the store does not work, which says nothing of the text. */
  read(): Promise<string | undefined>;
  /** Runs `change` on the stored text while no other window does, and carries out what it returns. Rejects when that failed. */
  update(change: (current: string | undefined) => Promise<StoreChange>): Promise<void>;
  /** Calls back when another window has changed the text. */
  onDidChange(listener: () => void): { dispose(): void };
}

/** The part of VS Code's SecretStorage that is needed. */
export interface Secrets {
  get(key: string): PromiseLike<string | undefined>;
  store(key: string, value: string): PromiseLike<void>;
  delete(key: string): PromiseLike<void>;
  onDidChange(listener: (event: { readonly key: string }) => void): { dispose(): void };
}

/** What keeps a session from being stored, or from being found. */
export type StoreTrouble =
  /** The stored text is damaged, or was sealed for somebody else. */
  | 'unreadable'
  /** A newer version of the extension wrote it. */
  | 'newer'
  /** There is a stored session, and VS Code no longer has the key to it. */
  | 'keyLost'
  /** VS Code had lost the key when somebody signed in: it may lose the next one as well. */
  | 'keyForgotten'
  /** Another window has stored a session with a key that this window can't see before it is reloaded. */
  | 'elsewhere'
  /** VS Code's secret storage refuses the key, or does not give it back. */
  | 'secretStorage'
  | 'diskFull'
  | 'readOnly'
  /** Another window holds the lock, and goes on holding it. */
  | 'busy'
  /** Anything else that the disk or the host says. */
  | 'failed';

export class StoreTroubleError extends Error {
  override readonly name = 'StoreTroubleError';
  readonly trouble: StoreTrouble;

  constructor(trouble: StoreTrouble, options?: ErrorOptions) {
    super(`the session store: ${trouble}`, options);
    this.trouble = trouble;
  }
}

const DISK_FULL = /\b(?:ENOSPC|EDQUOT|QuotaExceededError)\b/u;
const READ_ONLY = /\b(?:EROFS|EACCES|EPERM|NoPermissions)\b/u;

/** What an error of a disk means, by its code or, where VS Code has wrapped it, by its text. */
export function troubleOf(error: unknown): StoreTrouble {
  if (error instanceof StoreTroubleError) {
    return error.trouble;
  }
  if (!(error instanceof Error)) {
    return 'failed';
  }
  const text = `${'code' in error ? String(error.code) : ''} ${error.name} ${error.message}`;
  return DISK_FULL.test(text) ? 'diskFull' : READ_ONLY.test(text) ? 'readOnly' : 'failed';
}
