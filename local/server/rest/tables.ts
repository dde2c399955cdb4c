import { asRole } from '../db/database.ts';
import type { Database } from '../db/database.ts';
import { RestError, restErrorFrom } from './errors.ts';
import type { Requester } from './rpc.ts';

/** As max_rows of supabase/config.toml. */
const MAX_ROWS = 1_000;

/**
 * Reads whole rows of public.<name>, as far as the requester may see them: GET /<name> of PostgREST, with `limit` and
 * without its other parameters. Answers the JSON text. Throws a RestError.
 */
export async function readTable(
  db: Database,
  requester: Requester,
  name: string,
  query: Readonly<Record<string, string>>,
): Promise<string> {
  const { select = '*', limit = String(MAX_ROWS), ...others } = query;
  if (select !== '*' || !/^\d{1,9}$/.test(limit) || Object.keys(others).some((name) => name !== 'apikey')) {
    throw new RestError(400, { code: 'PGRST100', message: 'The local stack reads whole rows, with a limit at most' });
  }
  const [table] = await db.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and relname = $1`,
    [name],
  );
  if (table === undefined) {
    throw new RestError(404, {
      code: 'PGRST205',
      message: `Could not find the table 'public.${name}' in the schema cache`,
    });
  }
  try {
    return await asRole(db, requester.role, requester.claims, async (tx) => {
      const [row] = await tx.query<{ result: string }>(
        `select coalesce(json_agg(item), '[]')::text as result from (select * from public.${table.name} limit $1) as item`,
        [Math.min(Number(limit), MAX_ROWS)],
      );
      return row?.result ?? '[]';
    });
  } catch (error) {
    throw restErrorFrom(error, requester.role) ?? error;
  }
}
