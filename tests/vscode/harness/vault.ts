import { randomUUID } from 'node:crypto';

import { VaultSessionStore } from '../../../extension/src/auth/vault/vault.ts';
import { DiskFiles } from '../../../extension/src/node/diskFiles.ts';

/** Reads the session that a vault holds for a backend, with the secrets that VS Code keeps. Fails when it can't be read. */
export async function readVault(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  backendUrl: string,
): Promise<string | undefined> {
  return await using(folder, secrets, backendUrl, (store) => store.read());
}

/** Changes it, as a further window would; only while no window writes. Fails when there is none. */
export async function changeVault(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  backendUrl: string,
  change: (text: string) => string,
): Promise<void> {
  await using(folder, secrets, backendUrl, (store) =>
    store.update((text) => {
      if (text === undefined) throw new Error('nothing is stored');
      return Promise.resolve({ kind: 'replace', text: change(text) });
    }),
  );
}

async function using<T>(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  backendUrl: string,
  work: (store: VaultSessionStore) => Promise<T>,
): Promise<T> {
  const refuse = (): Promise<never> => Promise.reject(new Error('this is only read'));
  const never = { dispose: () => undefined };
  const disk = new DiskFiles(folder, randomUUID);
  // In the worker VS Code renames in two steps: between them the draft is what counts.
  const read = async (name: string): Promise<Uint8Array | undefined> =>
    (await disk.read(name)) ?? (await disk.read(`${name}.tmp`)) ?? (await disk.read(name));
  let trouble: string | undefined;
  const store = new VaultSessionStore(
    {
      secrets: {
        get: (name) => Promise.resolve(secrets[name]),
        store: refuse,
        delete: refuse,
        onDidChange: () => never,
      },
      files: { read, replace: (name, bytes) => disk.replace(name, bytes), remove: refuse },
      lock: { run: (_, work) => work(() => Promise.resolve()) },
      marker: { former: [], get: () => [], add: () => undefined },
      privateSecrets: false,
      now: () => Date.now(),
      changes: { start: () => undefined, onDidChange: () => never },
      onTrouble: (what) => (trouble = what),
    },
    backendUrl,
  );
  const result = await work(store);
  if (trouble !== undefined) throw new Error(`the vault: ${trouble}`);
  return result;
}
