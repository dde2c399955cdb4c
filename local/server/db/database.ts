/** Runs SQL. Rows come back as plain objects: jsonb parsed, timestamptz as Date, numeric as text. */
export interface Queryable {
  /** One statement with parameters. */
  query<Row extends object>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Any number of statements without parameters. */
  exec(sql: string): Promise<void>;
}

export interface Database extends Queryable {
  /** What it runs on, for people: "PGlite (PostgreSQL 18)". */
  readonly description: string;
  /** Commits when `work` resolves, rolls back when it throws. Inside, use only the given connection. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The parts of a PostgreSQL error that both drivers fill in alike. */
export interface SqlError extends Error {
  /** SQLSTATE, five characters. */
  readonly code: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

export function isSqlError(error: unknown): error is SqlError {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
  );
}

/** The roles that PostgREST may take on for a request. */
export type RequestRole = 'anon' | 'authenticated' | 'service_role';

/** Runs `work` as PostgREST runs a request: in one transaction, under the role, with the token's claims. */
export async function asRole<T>(
  db: Database,
  role: RequestRole,
  claims: Readonly<Record<string, unknown>>,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      role,
      JSON.stringify({ ...claims, role }),
    ]);
    return work(tx);
  });
}
