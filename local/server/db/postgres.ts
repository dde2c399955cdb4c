import pg from 'pg';

import type { Database, Queryable } from './database.ts';

/** A PostgreSQL server by its address. The user must be a superuser: the roles of Supabase are made with it. */
export async function openPostgres(url: string): Promise<Database> {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  const [row] = await on(pool).query<{ server_version: string }>('show server_version');
  return {
    ...on(pool),
    description: `PostgreSQL ${row?.server_version ?? 'of unknown version'}, a server`,
    transaction: (work) => inTransaction(pool, work),
    close: () => pool.end(),
  };
}

function on(client: pg.Pool | pg.PoolClient): Queryable {
  return {
    query: async <Row extends object>(sql: string, params: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...params])).rows,
    exec: async (sql) => {
      await client.query(sql);
    },
  };
}

async function inTransaction<T>(pool: pg.Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('begin');
    const result = await work(on(client));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
