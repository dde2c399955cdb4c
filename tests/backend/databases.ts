import { execFile, execFileSync } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Database } from '../../local/server/db/database.ts';
import { openPglite } from '../../local/server/db/pglite.ts';
import { openPostgres } from '../../local/server/db/postgres.ts';

const run = promisify(execFile);
const DEBIAN_BINARIES = '/usr/lib/postgresql';

/** A kind of PostgreSQL that the SQL is tested on. */
export interface Engine {
  readonly name: string;
  start(): Promise<Server>;
}

/** Gives out empty databases. */
export interface Server {
  /** A new, empty database, as its superuser. */
  create(): Promise<Database>;
  /** The address of a new, empty database, where the engine has addresses. */
  createUrl?(): Promise<string>;
  stop(): Promise<void>;
}

const pglite: Engine = {
  name: 'PGlite',
  start: () => Promise.resolve({ create: () => openPglite(undefined), stop: () => Promise.resolve() }),
};

export const realPostgres: Engine = { name: 'PostgreSQL server', start: startPostgres };

/** False only when the caller said so: a machine without PostgreSQL fails the tests instead of skipping them. */
export const withRealPostgres = process.env['GODOTY_PG'] !== '0';

export const engines: readonly Engine[] = withRealPostgres ? [pglite, realPostgres] : [pglite];

/** Starts a server in a folder of its own, as the user `postgres` when this process is root, which it refuses. */
async function startPostgres(): Promise<Server> {
  const binaries = await findBinaries();
  const identity = serverIdentity();
  const folder = await mkdtemp(join(tmpdir(), 'godoty-postgres-'));
  if (identity !== undefined) {
    await chown(folder, identity.uid, identity.gid);
  }
  const command = (program: string, args: readonly string[]): Promise<unknown> =>
    run(join(binaries, program), [...args], {
      ...identity,
      cwd: folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    });
  const data = join(folder, 'data');
  const port = await freePort();
  await command('initdb', [
    '--pgdata',
    data,
    '--username',
    'postgres',
    '--auth',
    'trust',
    '--encoding',
    'UTF8',
    '--no-sync',
  ]);
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off`;
  await command('pg_ctl', ['start', '--wait', '--pgdata', data, '--log', join(folder, 'log'), '--options', settings]);

  const address = (database: string): string => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  const admin = await openPostgres(address('postgres'));
  let count = 0;
  const createUrl = async (): Promise<string> => {
    count += 1;
    await admin.exec(`create database test_${count}`);
    return address(`test_${count}`);
  };
  return {
    createUrl,
    create: async () => openPostgres(await createUrl()),
    stop: async () => {
      await admin.close();
      await command('pg_ctl', ['stop', '--mode', 'fast', '--pgdata', data]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function findBinaries(): Promise<string> {
  const versions = (await readdir(DEBIAN_BINARIES).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest !== undefined) {
    return join(DEBIAN_BINARIES, newest, 'bin');
  }
  try {
    return execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error('PostgreSQL is not installed: install it (Debian: apt-get install postgresql), or set GODOTY_PG=0');
  }
}

function serverIdentity(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address === null || typeof address === 'string' ? reject(new Error('no port')) : resolve(address.port),
      );
    });
  });
}
