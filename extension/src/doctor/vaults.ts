/** The vaults that the doctor opens: the one with the session, and one of its own beside it. */
import { Uri, workspace } from 'vscode';

import type { Secrets } from '../auth/sessionStore.ts';
import type { Changes } from '../auth/vault/ports.ts';
import { VaultSessionStore } from '../auth/vault/vault.ts';
import type { VaultPorts } from '../auth/vault/vault.ts';
import type { Platform } from '../platform.ts';
import type { StoragePorts } from './storage.ts';

const NOTHING = { dispose: (): void => undefined };
/** Nobody listens to what the doctor does there. */
const SILENT: Changes = { start: () => undefined, onDidChange: () => NOTHING };

export function doctorVaults(
  vault: VaultPorts,
  platform: Platform,
  storage: Uri,
  backendUrl: () => string,
  newUuid: () => string,
): Pick<StoragePorts, 'sessionVault' | 'scratchVault'> {
  return {
    sessionVault: (onTrouble) => new VaultSessionStore({ ...vault, changes: SILENT, onTrouble }, backendUrl()),
    scratchVault: (onTrouble) => {
      const folder = Uri.joinPath(storage, 'doctor', newUuid());
      const ports: VaultPorts = {
        ...platform.vault(folder),
        secrets: secretsInMemory(),
        privateSecrets: false,
        marker: { former: [], get: () => [], add: () => undefined },
        now: vault.now,
        changes: SILENT,
        onTrouble,
      };
      return {
        store: new VaultSessionStore(ports, 'https://doctor.invalid'),
        remove: async () => {
          await workspace.fs.delete(folder, { recursive: true });
        },
      };
    },
  };
}

/** The key of the other vault lives as long as the check. */
function secretsInMemory(): Secrets {
  const values = new Map<string, string>();
  return {
    get: (name) => Promise.resolve(values.get(name)),
    store: (name, value) => Promise.resolve(void values.set(name, value)),
    delete: (name) => Promise.resolve(void values.delete(name)),
    onDidChange: () => NOTHING,
  };
}
