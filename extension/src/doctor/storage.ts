/** Round trips through where the session lies. The session itself is read and left alone. */
import { l10n } from 'vscode';

import type { Secrets, SessionStore, StoreTrouble } from '../auth/sessionStore.ts';
import { troubleOf } from '../auth/sessionStore.ts';
import { storeTroubleWords } from '../auth/storeTrouble.ts';
import { failed, ok } from './finding.ts';
import type { Check, Finding } from './finding.ts';

type OnTrouble = (trouble: StoreTrouble, error: unknown) => void;

export interface StoragePorts {
  readonly secrets: Secrets;
  /** Whether this window has a copy of all secrets of its own, and writes back the whole of it. */
  readonly privateSecrets: boolean;
  /** The vault with the session, as another window would open it. */
  readonly sessionVault: (onTrouble: OnTrouble) => SessionStore;
  /** A vault of its own kind, in a folder of its own, with a key of its own. */
  readonly scratchVault: (onTrouble: OnTrouble) => { readonly store: SessionStore; remove(): Promise<void> };
  readonly newNonce: () => string;
  readonly report: (what: string, error: unknown) => void;
}

export function storageChecks(ports: StoragePorts): readonly Check[] {
  return [
    {
      id: 'secrets',
      group: 'storage',
      title: l10n.t('Secret storage'),
      run: () => secretRoundTrip(ports),
    },
    { id: 'vault', group: 'storage', title: l10n.t('Session store'), run: () => vaultRoundTrip(ports) },
  ];
}

async function secretRoundTrip({ secrets, privateSecrets, newNonce, report }: StoragePorts): Promise<Finding> {
  const name = `godoty.doctor.${newNonce()}`;
  const canary = newNonce();
  try {
    if (privateSecrets) {
      // To write one would undo what other windows, and other extensions in them, have stored since this one was opened.
      await secrets.get(name);
      return ok(
        l10n.t('Secrets can be read. Writing is not tried: in a browser it could undo what other windows stored.'),
      );
    }
    await secrets.store(name, canary);
    const kept = (await secrets.get(name)) === canary;
    await secrets.delete(name);
    if (kept && (await secrets.get(name)) === undefined) {
      return ok(l10n.t('A secret was written, read and deleted.'));
    }
  } catch (error) {
    report('the secret storage', error);
  }
  return ofTrouble('secretStorage');
}

async function vaultRoundTrip({ sessionVault, scratchVault, newNonce, report }: StoragePorts): Promise<Finding> {
  const troubles: StoreTrouble[] = [];
  const onTrouble: OnTrouble = (trouble, error) => {
    troubles.push(trouble);
    report(`the session store: ${trouble}`, error);
  };
  let scratch: ReturnType<StoragePorts['scratchVault']> | undefined;
  try {
    const session = sessionVault(onTrouble);
    await session.read();
    // Nothing changes; the lock has to be had for it.
    await session.update(() => Promise.resolve({ kind: 'keep' }));
    scratch = scratchVault(onTrouble);
    const canary = newNonce();
    await scratch.store.update(() => Promise.resolve({ kind: 'replace', text: canary }));
    if ((await scratch.store.read()) !== canary) {
      troubles.push('failed');
    }
  } catch (error) {
    onTrouble(troubleOf(error), error);
  } finally {
    await scratch?.remove().catch((error: unknown) => report('clearing up after the doctor', error));
  }
  const [first] = troubles;
  return first === undefined
    ? ok(l10n.t('The lock is free, and what is written is read back as it was.'))
    : ofTrouble(first);
}

function ofTrouble(trouble: StoreTrouble): Finding {
  const { message, actions } = storeTroubleWords(trouble);
  return { ...failed(message, ...actions.map(({ id }) => id)), code: trouble };
}
