import * as v from 'valibot';

import { isSqlError } from '../db/database.ts';
import type { RequestRole, SqlError } from '../db/database.ts';

/** The body of every error of PostgREST. */
export interface RestErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: string | null;
  readonly hint: string | null;
}

/** An error that is answered as PostgREST answers it (https://docs.postgrest.org/en/stable/references/errors.html). */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;
  readonly body: RestErrorBody;

  constructor(status: number, body: Partial<RestErrorBody> & Pick<RestErrorBody, 'code' | 'message'>) {
    super(body.message);
    this.status = status;
    this.body = { details: null, hint: null, ...body };
  }
}

/** Status by SQLSTATE or by its first characters; the first match counts. */
const STATUS_BY_SQLSTATE: readonly (readonly [prefix: string, status: number])[] = [
  ['08', 503],
  ['09', 500],
  ['0L', 403],
  ['0P', 403],
  ['23503', 409],
  ['23505', 409],
  ['25006', 405],
  ['25', 500],
  ['28', 403],
  ['2D', 500],
  ['38', 500],
  ['39', 500],
  ['3B', 500],
  ['40', 500],
  ['53400', 500],
  ['53', 503],
  ['54', 500],
  ['55', 500],
  ['57', 500],
  ['58', 500],
  ['F0', 500],
  ['HV', 500],
  ['P0001', 400],
  ['P0', 500],
  ['XX', 500],
  ['42883', 404],
  ['42P01', 404],
  ['42P17', 500],
];

/** Turns an error of the database into PostgREST's answer; undefined for what is not the database's. */
export function restErrorFrom(error: unknown, role: RequestRole): RestError | undefined {
  if (!isSqlError(error)) {
    return undefined;
  }
  if (error.code === 'PGRST') {
    return raised(error);
  }
  return new RestError(statusFor(error.code, role), {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? null,
  });
}

function statusFor(code: string, role: RequestRole): number {
  if (code === '42501') {
    return role === 'anon' ? 401 : 403;
  }
  const custom = /^PT(\d{3})$/.exec(code)?.[1];
  if (custom !== undefined) {
    return Number(custom);
  }
  return STATUS_BY_SQLSTATE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400;
}

const RaisedBody = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    code: v.string(),
    message: v.string(),
    details: v.optional(v.nullable(v.string()), null),
    hint: v.optional(v.nullable(v.string()), null),
  }),
);
const RaisedStatus = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ status: v.number(), headers: v.record(v.string(), v.string()) }),
);

/** `raise sqlstate 'PGRST'`: the message is the body, the detail the status. */
function raised(error: SqlError): RestError {
  const body = v.safeParse(RaisedBody, error.message);
  const status = v.safeParse(RaisedStatus, error.detail);
  if (!body.success || !status.success) {
    return new RestError(500, {
      code: 'PGRST121',
      message: 'Could not parse JSON in the "RAISE SQLSTATE \'PGRST\'" error',
    });
  }
  return new RestError(status.output.status, body.output);
}
