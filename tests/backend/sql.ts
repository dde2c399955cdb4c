import { asRole, isSqlError } from '../../local/server/db/database.ts';
import type { Database, Queryable, RequestRole } from '../../local/server/db/database.ts';

/** Makes an account as Supabase Auth does, and answers its id. */
export async function newUser(
  db: Queryable,
  email: string | null = `${crypto.randomUUID()}@example.com`,
  metadata: object = {},
): Promise<string> {
  const [row] = await db.query<{ id: string }>(
    'insert into auth.users (email, raw_user_meta_data) values ($1, ($2::text)::jsonb) returning id',
    [email, JSON.stringify(metadata)],
  );
  if (row === undefined) {
    throw new Error('no user');
  }
  return row.id;
}

/** The value of one expression, asked for as PostgREST asks: `value(db, 'anon', {}, 'public.f($1)', [1])`. */
export async function value<T>(
  db: Database,
  role: RequestRole,
  claims: Readonly<Record<string, unknown>>,
  expression: string,
  params: readonly unknown[] = [],
): Promise<T> {
  return asRole(db, role, claims, async (tx) => {
    const [row] = await tx.query<{ value: T }>(`select ${expression} as value`, params);
    return (row as { value: T }).value;
  });
}

/** The stable code that a call is refused with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await refusalOf(work)).code;
}

/** The body that a call is refused with; `code` alone for an error of the database itself. */
export async function refusalOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isSqlError(error)) {
    throw new Error('the call was not refused', { cause: error });
  }
  return error.code === 'PGRST'
    ? (JSON.parse(error.message) as { code: string; message: string })
    : { code: error.code, message: error.message };
}
