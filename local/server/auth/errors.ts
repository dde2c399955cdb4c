/**
 * An answer of the auth server that is an error; codes and statuses as contracts of Supabase Auth have them. One never comes
 * here, `session_expired`: it belongs to limits of a session's life or rest, which are off unless an operator sets them.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly status: number;
  readonly code: string;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.extra = extra;
  }
}

/** The version of the API from which on errors have the newer shape. */
const NEWER_SHAPE_SINCE = '2024-01-01';

/** The error as JSON, in the shape that the request's X-Supabase-Api-Version asks for. */
export function errorResponse(error: AuthError, apiVersion: string | undefined): Response {
  const newer = apiVersion !== undefined && /^\d{4}-\d\d-\d\d$/.test(apiVersion) && apiVersion >= NEWER_SHAPE_SINCE;
  const body = newer
    ? { code: error.code, message: error.message, ...error.extra }
    : { code: error.status, error_code: error.code, msg: error.message, ...error.extra };
  return Response.json(body, {
    status: error.status,
    headers: { 'x-sb-error-code': error.code, ...(newer ? { 'x-supabase-api-version': NEWER_SHAPE_SINCE } : {}) },
  });
}
