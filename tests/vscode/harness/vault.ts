import { VaultSessionStore } from '../../../extension/src/auth/vault/vault.ts';
import { DiskFiles } from '../../../extension/src/node/diskFiles.ts';

/** Reads the session that a vault holds for a backend, with the secrets that VS Code keeps. Fails when it can't be read. */
export async function readVault(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  backendUrl: string,
): Promise<string | undefined> {
  const refuse = (): Promise<never> => Promise.reject(new Error('this vault is only read'));
  const never = { dispose: () => undefined };
  const disk = new DiskFiles(folder, () => 'unused');
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
      files: { read, replace: refuse, remove: refuse },
      lock: { run: refuse },
      marker: { former: [], get: () => [], add: () => undefined },
      privateSecrets: false,
      now: () => 0,
      changes: { start: () => undefined, onDidChange: () => never },
      onTrouble: (what) => (trouble = what),
    },
    backendUrl,
  );
  const text = await store.read();
  if (trouble !== undefined) throw new Error(`the vault: ${trouble}`);
  return text;
}
