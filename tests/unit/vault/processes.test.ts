/** Ten processes that change one vault as fast as they can, and are killed now and then: no stored update is ever lost. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, it } from 'vitest';

import { newUuid } from '../../../extension/src/core/host.ts';
import { DiskFiles } from '../../../extension/src/node/diskFiles.ts';
import { MemorySecrets, openWindow } from './support.ts';

const PROCESSES = 10;
const UPDATES = 400;
const KILLS = 8;

const folder = mkdtempSync(path.join(tmpdir(), 'godoty-vault-'));
const hammer = fileURLToPath(new URL('hammer.ts', import.meta.url));
const running = new Set<ReturnType<typeof spawn>>();

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

it('ten processes and kill -9 lose no update', { timeout: 120_000 }, async () => {
  const secrets = new MemorySecrets();
  const files = new DiskFiles(folder, newUuid);
  // Makes the key.
  const lock = {
    run: <T>(_: string, work: (held: () => Promise<void>) => Promise<T>) => work(() => Promise.resolve()),
  };
  const window = openWindow({ secrets, files, lock });
  await window.put('begin');
  const key = secrets.values.get('godoty.vault.key') ?? '';

  const stored: string[] = [];
  let started = 0;
  let killed = 0;
  await new Promise<void>((resolve, reject) => {
    const start = (): void => {
      started += 1;
      // Every other one kills itself while it holds the lock; the rest are killed wherever they are.
      const dieAt = started % 2 === 0 && started <= KILLS ? 10 : 0;
      const child = spawn(process.execPath, ['--import', 'tsx', hammer, folder, key, `p${started}`, String(dieAt)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      running.add(child);
      const killable = started % 2 === 1 && started <= KILLS;
      let own = 0;
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'refused') return;
        stored.push(line);
        own += 1;
        if (killable && own === 10) child.kill('SIGKILL');
        if (stored.length >= UPDATES && killed >= KILLS) resolve();
      });
      child.on('error', reject);
      child.on('exit', (_, signal) => {
        running.delete(child);
        if (stored.length >= UPDATES && killed >= KILLS) return;
        if (signal !== 'SIGKILL') reject(new Error(`a process ended by itself: ${String(signal)}`));
        killed += 1;
        start();
      });
    };
    for (let index = 0; index < PROCESSES; index += 1) start();
  });
  const ends = [...running].map((child) => new Promise((resolve) => child.on('close', resolve)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);

  const text = (await window.store.read()) ?? '';
  const marks = text.split(' ');
  expect(new Set(marks).size).toBe(marks.length);
  expect(stored.filter((mark) => !marks.includes(mark))).toEqual([]);
  expect(stored.length).toBeGreaterThanOrEqual(UPDATES);
  expect(window.troubles).toEqual([]);
});
