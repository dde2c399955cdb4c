import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';

import type { Database, Queryable } from './database.ts';

const BOOTSTRAP = new URL('bootstrap.sql', import.meta.url);
const SEED = new URL('../../../supabase/seed.sql', import.meta.url);
const SEED_VERSION = 'seed';
const MIGRATIONS = new URL('../../../supabase/migrations/', import.meta.url);

/** The database was made from other files than these; nobody can say what a mixture would do. */
export class DatabaseOfOtherVersion extends Error {
  override readonly name = 'DatabaseOfOtherVersion';

  constructor(file: string) {
    super(
      `the database was made by another version of Godoty (${file} has changed since): remove the data folder, or start with --ephemeral`,
    );
  }
}

interface Step {
  readonly version: string;
  readonly name: string;
  readonly sql: string;
  /** Supabase's own part is a superuser's; the project's part must do without. */
  readonly role: 'superuser' | 'godoty_owner';
}

/** Brings a database to the newest state: Supabase's own part, the project's migrations, the seed. */
export async function migrate(db: Database): Promise<void> {
  await db.exec(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
      version text primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now());
  `);
  const done = await appliedSteps(db);
  for (const step of await steps()) {
    const sha256 = createHash('sha256').update(step.sql).digest('hex');
    const applied = done.get(step.version);
    // A seed that has changed is applied anew: it says what the database is to hold, whatever it held before.
    if (applied === undefined || (applied !== sha256 && step.version === SEED_VERSION)) {
      await db.transaction((tx) => apply(tx, step, sha256));
    } else if (applied !== sha256) {
      throw new DatabaseOfOtherVersion(step.name);
    }
  }
}

async function appliedSteps(db: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query<{ version: string; sha256: string }>(
    'select version, sha256 from supabase_migrations.schema_migrations',
  );
  return new Map(rows.map((row) => [row.version, row.sha256]));
}

async function apply(tx: Queryable, step: Step, sha256: string): Promise<void> {
  if (step.role !== 'superuser') {
    await tx.exec(`set local role ${step.role}`);
  }
  await tx.exec(step.sql);
  await tx.exec('reset role');
  await tx.query(
    `insert into supabase_migrations.schema_migrations (version, name, sha256) values ($1, $2, $3)
     on conflict (version) do update set sha256 = excluded.sha256, applied_at = now()`,
    [step.version, step.name, sha256],
  );
}

async function steps(): Promise<readonly Step[]> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort();
  return [
    { version: '0', name: 'bootstrap.sql', sql: await readFile(BOOTSTRAP, 'utf8'), role: 'superuser' },
    ...(await Promise.all(
      names.map(async (name) => ({
        version: name.replace(/_.*$/, ''),
        name,
        sql: await readFile(new URL(name, MIGRATIONS), 'utf8'),
        role: 'godoty_owner' as const,
      })),
    )),
    { version: SEED_VERSION, name: 'seed.sql', sql: await readFile(SEED, 'utf8'), role: 'godoty_owner' },
  ];
}
