import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { PGlite, Transaction } from '@electric-sql/pglite';

import { openCluster } from './cluster.ts';
import type { Database, Queryable } from './database.ts';

/** Holds the id of the process that uses a data folder. */
const LOCK_FILE = 'in-use-by';

/** Another process already runs on this data folder; two would destroy it. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';

  constructor(folder: string, pid: number) {
    super(
      `another local stack (process ${pid}) is running on ${folder}: stop it, or choose another --data folder (if that process is something else, remove ${join(folder, LOCK_FILE)})`,
    );
  }
}

/** An embedded PostgreSQL in this process: in memory, or in a folder that outlives it. */
export async function openPglite(folder: string | undefined): Promise<Database> {
  if (folder === undefined) {
    return new PgliteDatabase(await openCluster(undefined), () => Promise.resolve());
  }
  const release = await lockFolder(folder);
  try {
    return new PgliteDatabase(await openCluster(join(folder, 'postgres')), release);
  } catch (error) {
    await release();
    throw error;
  }
}

class PgliteDatabase implements Database {
  readonly description = 'PGlite, a PostgreSQL embedded in this process';
  readonly #pg: PGlite;
  readonly #release: () => Promise<void>;

  constructor(pg: PGlite, release: () => Promise<void>) {
    this.#pg = pg;
    this.#release = release;
  }

  async query<Row extends object>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#pg.query<Row>(sql, [...params])).rows;
  }

  async exec(sql: string): Promise<void> {
    await this.#pg.exec(sql);
  }

  // PGlite has one connection; its own transaction() puts everybody else into a queue meanwhile.
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#pg.transaction((tx) => work(queryable(tx)));
  }

  async close(): Promise<void> {
    await this.#pg.close();
    await this.#release();
  }
}

function queryable(tx: Transaction): Queryable {
  return {
    query: async <Row extends object>(sql: string, params: readonly unknown[] = []) =>
      (await tx.query<Row>(sql, [...params])).rows,
    exec: async (sql) => {
      await tx.exec(sql);
    },
  };
}

/** Takes the folder for this process; a lock that a dead process left behind is taken over. */
async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, LOCK_FILE);
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw error;
      }
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (Number.isInteger(holder) && holder > 0 && isAlive(holder)) {
      throw new DataFolderInUse(folder, holder);
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not being allowed to signal a process proves that it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
