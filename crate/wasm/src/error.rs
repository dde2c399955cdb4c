//! The core's error as a real JavaScript `Error` with a typed `detail`.

use godoty_core::error::{Error, Server};
use godoty_core::network::NetworkCause;
use js_sys::Reflect;
use wasm_bindgen::prelude::*;

use crate::value::Object;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What went wrong: a closed set. */
export type ErrorCode =
  | 'NOT_AUTHENTICATED' | 'SESSION_EXPIRED' | 'INVALID_CREDENTIALS' | 'EMAIL_NOT_CONFIRMED' | 'WEAK_PASSWORD'
  | 'ACCOUNT_EXISTS' | 'SIGNUP_DISABLED' | 'ACCOUNT_UNKNOWN' | 'PROVIDER_DISABLED' | 'CODE_REJECTED' | 'ACCESS_DENIED'
  | 'SIGN_IN_EXPIRED' | 'CALLBACK_USED' | 'CALLBACK_UNKNOWN' | 'ACCOUNT_MISMATCH'
  | 'VALIDATION_FAILED' | 'NETWORK_ERROR' | 'TIMEOUT' | 'RATE_LIMITED'
  | 'QUOTA_EXCEEDED' | 'KEY_REJECTED' | 'MODEL_NOT_FOUND' | 'MODEL_NOT_ALLOWED' | 'BAD_REQUEST' | 'SERVER_ERROR'
  | 'UNEXPECTED_RESPONSE' | 'INVALID_CONFIGURATION' | 'ORIGIN_MISMATCH' | 'STORE_FAILED' | 'CANCELLED' | 'INTERNAL';

/** Why a connection failed; a browser does not say more than 'other'. */
export type NetworkCause = 'dns' | 'offline' | 'refused' | 'lost' | 'tls' | 'proxy' | 'redirect' | 'other';

/** An error's data. It never holds a secret of ours. */
export interface ErrorDetail {
  readonly code: ErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** The HTTP status, when a server answered. */
  readonly status?: number;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /**
   * The server's stated reasons, for example of a weak password. Of an INVALID_CONFIGURATION: the field, and
   * 'plainHttp' when its address lacks nothing but https.
   */
  readonly reasons?: readonly string[];
  /** The server's own words, bounded. */
  readonly serverMessage?: string;
  /** The origin concerned. */
  readonly origin?: string;
  /** The server concerned: that of the account, or that of the models. */
  readonly server?: 'account' | 'models';
  /** Of a NETWORK_ERROR. */
  readonly network?: NetworkCause;
}

/** What every function of the core throws: `name` is 'GodotyError'. */
export interface GodotyError extends Error {
  readonly name: 'GodotyError';
  readonly detail: ErrorDetail;
}
";

/// The JavaScript value to throw.
pub(crate) fn to_js(error: &Error) -> JsValue {
    let thrown = js_sys::Error::new(&error.to_string());
    thrown.set_name("GodotyError");
    let detail = detail(error).into_js();
    // Setting a property of a fresh object can't fail.
    let _ = Reflect::set(&thrown, &JsValue::from_str("detail"), &detail);
    thrown.into()
}

/// TypeScript's `ErrorDetail`.
pub(crate) fn detail(error: &Error) -> Object {
    let object = Object::new()
        .with("code", error.code.as_str())
        .with("retryable", error.retryable)
        .with_some("status", error.status.map(u64::from))
        .with_some("retryAfterMs", error.retry_after_ms);
    let object = if error.reasons.is_empty() {
        object
    } else {
        let reasons = error.reasons.iter().map(|reason| reason.as_str().into());
        object.with("reasons", reasons.collect::<Vec<_>>())
    };
    object
        .with_some("serverMessage", error.server_message.as_deref())
        .with_some("origin", error.origin.as_deref())
        .with_some("server", error.server.map(Server::as_str))
        .with_some("network", error.network.map(NetworkCause::as_str))
}

#[cfg(test)]
mod tests {
    use godoty_core::error::ErrorCode;

    #[test]
    fn typescript_has_exactly_the_codes_of_the_core() {
        // The macro takes the constant away.
        let (_, union) = include_str!("error.rs").split_once("export type ErrorCode =").unwrap();
        let (union, _) = union.split_once(';').unwrap();
        let mut names: Vec<&str> = union.split('\'').skip(1).step_by(2).collect();
        names.sort_unstable();
        let mut codes = ErrorCode::ALL.map(ErrorCode::as_str);
        codes.sort_unstable();
        assert_eq!(names, codes);
    }
}
