/** What differs between the two hosts in which VS Code runs extensions; each has an `activate` of its own. */
import type { Uri } from 'vscode';

import type { VaultHost } from './auth/vault/ports.ts';

export interface Platform {
  /** The vault's files and lock, for the folder in which the extension keeps what all windows share. */
  vault(storage: Uri): VaultHost;
}
