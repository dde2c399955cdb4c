import { afterAll, beforeAll } from 'vitest';

import { startPostgres } from '../../local/postgres.mjs';
import type { Database } from '../../local/server/db/database.ts';
import { migrate } from '../../local/server/db/migrate.ts';
import { openPglite } from '../../local/server/db/pglite.ts';
import { openPostgres } from '../../local/server/db/postgres.ts';
import { ensure } from '../../local/setup/main.mjs';

/** A kind of PostgreSQL that the SQL is tested on. */
export interface Engine {
  readonly name: string;
  /** The major version that it has at least: what is newer in Supabase and in LiteLLM's images must not go untried. */
  readonly atLeast: number;
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
  atLeast: 18,
  start: () => Promise.resolve({ create: () => openPglite(undefined), stop: () => Promise.resolve() }),
};

export const realPostgres: Engine = { name: 'PostgreSQL server', atLeast: 15, start: startServer };

/** False only when the caller said so: a machine without PostgreSQL fails the tests instead of skipping them. */
export const withRealPostgres = process.env['GODOTY_PG'] !== '0';

export const engines: readonly Engine[] = withRealPostgres ? [pglite, realPostgres] : [pglite];

/** A database with all migrations for the tests of a suite; `prepare` runs before them. */
export function useDatabase(engine: Engine, take: (db: Database) => void, prepare = ''): void {
  let server: Server;
  let db: Database;
  beforeAll(async () => {
    server = await engine.start();
    db = await server.create();
    await db.exec(prepare);
    await migrate(db);
    take(db);
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });
}

async function startServer(): Promise<Server> {
  const { paths } = await ensure('postgres');
  const server = await startPostgres({ bin: paths['postgresBin'] ?? '' });
  const admin = await openPostgres(server.url('postgres'));
  let count = 0;
  const createUrl = async (): Promise<string> => {
    count += 1;
    await admin.exec(`create database test_${count}`);
    return server.url(`test_${count}`);
  };
  return {
    createUrl,
    create: async () => openPostgres(await createUrl()),
    stop: async () => {
      await admin.close();
      await server.close();
    },
  };
}
