/** The core's errors on this side of the boundary. */
import type { ErrorCode, ErrorDetail, GodotyError } from '../../../crate/wasm/pkg/godoty_core.js';

export function isGodotyError(error: unknown): error is GodotyError {
  return error instanceof Error && error.name === 'GodotyError' && 'detail' in error;
}

/** The detail of what was thrown; anything that is not the core's is a defect. */
export function detailOf(error: unknown): ErrorDetail {
  return isGodotyError(error) ? error.detail : { code: 'INTERNAL', retryable: false };
}

/** For the log: a code and a status, never a server's text or a secret. A foreign error shows its kind and its stack. */
export function forLog(error: unknown): string {
  if (isGodotyError(error)) {
    return shown(error.detail);
  }
  return error instanceof Error ? (error.stack ?? error.name) : typeof error;
}

export function hasCode(error: unknown, code: ErrorCode): boolean {
  return isGodotyError(error) && error.detail.code === code;
}

/** A code, a status and an origin. */
export function shown({ code, status, origin }: ErrorDetail): string {
  return [code, status === undefined ? '' : `HTTP ${status}`, origin ?? ''].filter((part) => part !== '').join(' ');
}
