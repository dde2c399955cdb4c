import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { parse } from 'smol-toml';
import * as v from 'valibot';

import { migrate } from '../../local/server/db/migrate.ts';
import { openPglite } from '../../local/server/db/pglite.ts';
import { VERSION } from '../functions/_shared/version.ts';

/** What a project has that was deployed from this checkout. */
export interface Expected {
  readonly version: string;
  readonly tables: readonly string[];
  readonly functions: readonly DatabaseFunction[];
  /** The number of the newest migration. */
  readonly migration: string;
  readonly edgeFunctions: readonly string[];
  /** Patterns of the addresses that a sign-in may lead back to. */
  readonly redirectUrls: readonly string[];
  readonly minimumPasswordLength: number;
}

export interface DatabaseFunction {
  readonly name: string;
  /** The parameters that have no default. */
  readonly parameters: readonly string[];
}

const Config = v.object({
  auth: v.object({ additional_redirect_urls: v.array(v.string()), minimum_password_length: v.number() }),
});

/** Reads this checkout. The migrations say best themselves what they make, so they run once, in memory. */
export async function readExpected(): Promise<Expected> {
  const { auth } = v.parse(Config, parse(readFileSync(new URL('../config.toml', import.meta.url), 'utf8')));
  const functions = new URL('../functions/', import.meta.url);
  return {
    version: VERSION,
    ...(await schema()),
    edgeFunctions: readdirSync(functions).filter((name) => existsSync(new URL(`${name}/index.ts`, functions))),
    redirectUrls: auth.additional_redirect_urls,
    minimumPasswordLength: auth.minimum_password_length,
  };
}

async function schema(): Promise<Pick<Expected, 'tables' | 'functions' | 'migration'>> {
  const db = await openPglite(undefined);
  try {
    await migrate(db);
    const tables = await db.query<{ name: string }>(
      `select relname as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') order by relname`,
    );
    const functions = await db.query<DatabaseFunction>(
      `select proname as name, coalesce(to_jsonb(proargnames[1:pronargs - pronargdefaults]), '[]') as parameters
       from pg_proc
       where pronamespace = 'public'::regnamespace and prokind = 'f' and prorettype <> 'trigger'::regtype
       order by proname`,
    );
    const [newest] = await db.query<{ migration: string }>('select godoty.newest_migration() as migration');
    return { tables: tables.map(({ name }) => name), functions, migration: newest?.migration ?? '' };
  } finally {
    await db.close();
  }
}
