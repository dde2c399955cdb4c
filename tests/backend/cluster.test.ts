import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

let folder: string;
let openCluster: typeof import('../../local/server/db/cluster.ts').openCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'godoty-cluster-'));
  vi.stubEnv('GODOTY_CACHE', join(folder, 'cache'));
  ({ openCluster } = await import('../../local/server/db/cluster.ts'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function templatePath(): Promise<string> {
  const [version = ''] = await readdir(join(folder, 'cache'));
  return join(folder, 'cache', version, 'empty-cluster');
}

async function works(place: string | undefined): Promise<void> {
  const pg = await openCluster(place);
  const { rows } = await pg.query<{ answer: number }>('select 6 * 7 as answer');
  expect(rows).toEqual([{ answer: 42 }]);
  await pg.close();
}

describe('an embedded cluster', () => {
  it('is made once, kept empty in the cache, and unpacked from there', async () => {
    const first = await openCluster(undefined);
    await first.exec('create table mine (secret text)');
    await first.close();
    expect((await stat(await templatePath())).size).toBeGreaterThan(1_000_000);
    const second = await openCluster(undefined);
    const { rows } = await second.query(`select 1 from pg_class where relname = 'mine'`);
    expect(rows).toEqual([]);
    await second.close();
  });

  it('is made anew when the kept one is damaged, which is then replaced', async () => {
    const path = await templatePath();
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await works(undefined);
    expect((await stat(path)).size).toBe(whole.length);
  });

  it('of a first start that was interrupted does not harm the next', async () => {
    const place = join(folder, 'data');
    await mkdir(`${place}.partial`);
    await writeFile(join(`${place}.partial`, 'PG_VERSION'), '18');
    await works(place);
    expect((await readdir(folder)).filter((name) => name.startsWith('data'))).toEqual(['data']);
    await works(place);
  });
});
