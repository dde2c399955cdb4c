/**
 * Every code that a function answers with, and its HTTP status. Clients match on the code, so a code never changes its
 * meaning; what a person reads is the message, which may change. README.md lists them for clients' authors.
 */
export const REFUSALS = {
  account_not_found: 403,
  authentication_unavailable: 503,
  database_unavailable: 503,
  device_key_superseded: 409,
  device_limit_reached: 409,
  internal_error: 500,
  invalid_request: 400,
  invalid_token: 401,
  key_not_found: 404,
  method_not_allowed: 405,
  misconfigured: 500,
  model_gateway_unavailable: 502,
  not_authenticated: 401,
  not_authorized: 401,
  not_found: 404,
  rate_limited: 429,
  request_too_large: 413,
  token_expired: 401,
  usage_sync_superseded: 409,
} as const satisfies Readonly<Record<string, number>>;

export type RefusalCode = keyof typeof REFUSALS;

export interface RefusalOptions extends ErrorOptions {
  /** When it may be tried again, in seconds from now. */
  readonly retryAfter?: number;
}

/** A request that is answered with an error: a stable code, and a message that says what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: RefusalCode;
  readonly retryAfter: number | undefined;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options);
    this.status = REFUSALS[code];
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}
