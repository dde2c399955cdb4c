/** What differs between the two hosts in which VS Code runs extensions; each has an `activate` of its own. */
import type { Uri } from 'vscode';

import type { VaultHost } from './auth/vault/ports.ts';

/** A port that waits for one browser to come back. */
export interface Loopback {
  /** Where the browser is to come back to. */
  readonly redirectTo: string;
  close(): void;
}

/** What the browser shows in the end. */
export interface LoopbackTexts {
  readonly done: string;
  readonly failed: string;
}

export type OpenLoopback = (texts: LoopbackTexts, take: (address: string) => Promise<boolean>) => Promise<Loopback>;

export interface Platform {
  /** The vault's files and lock, for the folder in which the extension keeps what all windows share. */
  vault(storage: Uri): VaultHost;
  /** Opens a port for a callback; absent where no port can be opened. */
  readonly openLoopback?: OpenLoopback;
}
