/** Every code that a function answers with. Clients match on it, so a code never changes its meaning. */
export type RefusalCode =
  | 'account_not_found'
  | 'authentication_unavailable'
  | 'database_unavailable'
  | 'device_key_superseded'
  | 'device_limit_reached'
  | 'internal_error'
  | 'invalid_request'
  | 'invalid_token'
  | 'method_not_allowed'
  | 'misconfigured'
  | 'model_gateway_unavailable'
  | 'not_authenticated'
  | 'request_too_large'
  | 'token_expired';

/** A request that is answered with an error: a stable code, and a message that says what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: RefusalCode;

  constructor(status: number, code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}
