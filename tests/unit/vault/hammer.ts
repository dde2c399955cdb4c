/**
 * One of the processes of processes.test.ts: adds marks to the text of a vault, one update after another, and says each that
 * was stored. It kills itself in the middle of an update when it is told to.
 */
import { timing } from '../../../extension/src/core/host.ts';
import { DiskFiles } from '../../../extension/src/node/diskFiles.ts';
import { FileLock } from '../../../extension/src/node/fileLock.ts';
import { MemorySecrets, openWindow } from './support.ts';

const [folder = '', secret = '', name = '', dieAt = '0'] = process.argv.slice(2);
const secrets = new MemorySecrets();
secrets.values.set('godoty.vault.key', secret);
let drafts = 0;
const files = new DiskFiles(folder, () => `${name}-${(drafts += 1)}`);
const window = openWindow({
  secrets,
  files,
  lock: new FileLock(folder, timing, { lookMs: 4, patience: 125, endurance: 1e6 }),
});

for (let count = 1; ; count += 1) {
  const mark = `${name}-${count}`;
  try {
    await window.store.update(async (text) => {
      if (count === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
      await new Promise((resolve) => setImmediate(resolve));
      return { kind: 'replace', text: text === undefined ? mark : `${text} ${mark}` };
    });
    process.stdout.write(`${mark}\n`);
  } catch {
    // It was given up while it did not run, and knows that its update is not stored.
    process.stdout.write('refused\n');
  }
}
