/**
 * A window of tenWindows.test.ts, in a process of its own: the built core, the shell's host for it, and the vault on files
 * that all windows share. It uses the account now and then, and kills itself in the middle of a renewal when it is told to.
 */
import { watch } from 'node:fs';
import process from 'node:process';

import { coreHost, newUuid, timing } from '../../extension/src/core/host.ts';
import { DiskFiles } from '../../extension/src/node/diskFiles.ts';
import { FileLock } from '../../extension/src/node/fileLock.ts';
import { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { MemorySecrets, openWindow as openVault } from '../unit/vault/support.ts';
import { OPTIONS, ask, collector, loadBuiltCore } from './support.ts';
import type { Moment, Order, Report, WindowConfig } from './windowProcesses.ts';

let dieWhen: Moment | undefined;

class MortalFiles extends DiskFiles {
  override async replace(name: string, bytes: Uint8Array): Promise<void> {
    dieIf('answered');
    await super.replace(name, bytes);
    dieIf('stored');
  }
}

const config = JSON.parse(process.argv[2] ?? '') as WindowConfig;
const secrets = new MemorySecrets();
secrets.values = new Map(config.secrets);
const files = new MortalFiles(config.folder, newUuid);
const vault = openVault({ secrets, files, lock: new FileLock(config.folder, timing) }, config.supabaseUrl);
loadBuiltCore();
const noQueues = { load: () => Promise.resolve([]), save: () => Promise.resolve() };
const host = coreHost(
  {
    read: () => vault.store.read(),
    update: (change) =>
      vault.store.update((text) => {
        dieIf('locked');
        return change(text);
      }),
    onDidChange: (listener) => vault.store.onDidChange(listener),
  },
  noQueues,
  () => Promise.reject(new Error('every model here has its prices')),
  (event) => tell({ kind: 'event', event }),
);
const client = new GodotyClient(config, host);
vault.store.onDidChange(() => client.storeChanged());
watch(config.folder, () => vault.changes.fire());

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'focus':
      client.setFocused(order.focused);
      return;
    case 'dieWhen':
      dieWhen = order.moment;
      return;
    case 'chat':
      void attempt('a chat', chat);
      return;
  }
});
// The test is over, or was killed.
process.on('disconnect', () => process.exit());

client.setFocused(false);
await attempt('restoring', async () => {
  tell({ kind: 'restored', userId: (await client.restore())?.userId });
  // As the shell does: all windows come to ask for this device’s key at once.
  await client.models();
});
for (;;) {
  await timing.wait(config.everyMs);
  await attempt('a call', async () => {
    const { unread } = await client.usageOverview(true, true);
    if (unread !== undefined) throw new Error(unread.code);
    tell({ kind: 'called' });
  });
}

async function chat(): Promise<void> {
  const answer = await client.chat(newUuid(), ask(config.model, 'Hello'), OPTIONS, collector().onPiece);
  if (answer.outcome.kind === 'error') throw new Error(answer.outcome.error.code);
  tell({ kind: 'chatted' });
}

async function attempt(what: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    tell({ kind: 'failed', what: `${what}: ${String(error)}` });
  }
  for (const trouble of vault.troubles.splice(0)) tell({ kind: 'failed', what: `the vault: ${trouble}` });
}

function tell(report: Report): void {
  process.send?.(report);
}

function dieIf(moment: Moment): void {
  if (dieWhen === moment) process.kill(process.pid, 'SIGKILL');
}
