import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { PGlite } from '@electric-sql/pglite';

import { cache } from '../../setup/cache.mjs';

/**
 * Opens PGlite in a folder, or in memory. Making a cluster anew takes most of the stack's start, so an empty one is
 * kept in the cache, by PGlite's version, and unpacked instead.
 */
export async function openCluster(folder: string | undefined): Promise<PGlite> {
  if (folder === undefined) {
    return newCluster(undefined);
  }
  if (!existsSync(folder)) {
    // Made aside and put in place when it is whole: who stops the very first start finds no half of a database.
    const aside = `${folder}.partial`;
    await rm(aside, { recursive: true, force: true });
    await (await newCluster(aside)).close();
    await rename(aside, folder);
  }
  return PGlite.create(folder);
}

async function newCluster(folder: string | undefined): Promise<PGlite> {
  const place = folder === undefined ? {} : { dataDir: folder };
  const template = await readTemplate();
  if (template !== undefined) {
    return PGlite.create({ ...place, loadDataDir: new Blob([template]) });
  }
  const cluster = await PGlite.create(place);
  await keepTemplate(new Uint8Array(await (await cluster.dumpDataDir('none')).arrayBuffer()));
  return cluster;
}

const HASH_BYTES = 32;

/** The kept cluster: its SHA-256, then a tar archive. Undefined when there is none or it is damaged. */
async function readTemplate(): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await readFile(await templatePath()).catch(() => undefined);
  if (file === undefined || file.length <= HASH_BYTES) {
    return undefined;
  }
  const archive = new Uint8Array(file.subarray(HASH_BYTES));
  return sha256(archive).equals(file.subarray(0, HASH_BYTES)) ? archive : undefined;
}

async function keepTemplate(archive: Uint8Array): Promise<void> {
  const path = await templatePath();
  const aside = `${path}.${process.pid}`;
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(aside, Buffer.concat([sha256(archive), archive]));
    await rename(aside, path);
  } catch {
    // A cache that cannot be written costs the next start its time and nothing else.
    await rm(aside, { force: true }).catch(() => undefined);
  }
}

async function templatePath(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const { version } = JSON.parse(await readFile(join(entry, '..', '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return join(cache, `pglite-${version}`, 'empty-cluster');
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
