//! What the server refuses, and why.

use alloc::string::String;
use alloc::vec::Vec;

use super::{MAX_ID, Supabase};
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, bounded};
use crate::json::{self, Scanner, read, text_into};

const MAX_REASONS: usize = 8;
/// The new password is the old one.
const SAME_PASSWORD: &str = "same_password";

impl Supabase {
    /// What a refusal means.
    #[must_use]
    pub fn parse_error(&self, response: &Response) -> Error {
        let wire = read(response.body.expose().as_bytes(), WireError::read).unwrap_or_default();
        let named = wire
            .code
            .as_deref()
            .or(wire.error_code.as_deref())
            .or(response.error_code.as_deref())
            .or(wire.error.as_deref());
        // The gateway before `GoTrue` refuses an API key with a message alone.
        let key_refused = response.status == 401 && named.is_none() && wire.message.is_some();
        let code = if key_refused {
            ErrorCode::InvalidConfiguration
        } else {
            named
                .and_then(meaning)
                .unwrap_or_else(|| status_code(response.status, named.is_some() || wire.msg.is_some()))
        };
        let mut error = Error::new(code)
            .with_status(response.status)
            .with_retry_after_ms(response.retry_after_ms);
        if named == Some(SAME_PASSWORD) {
            error.reasons.push(SAME_PASSWORD.into());
        }
        if let Some(message) = wire.message.or(wire.msg).or(wire.error_description).or(wire.error) {
            error = error.with_server_message(&message);
        }
        error.reasons.extend(wire.reasons);
        if key_refused {
            error.reasons.push("supabaseKey".into());
        }
        error.at(Server::Account, self.base.origin().as_str())
    }
}

/// The meaning of an error code of `GoTrue` (its `internal/api/apierrors/errorcode.go` lists them).
pub(crate) fn meaning(code: &str) -> Option<ErrorCode> {
    Some(match code {
        "invalid_credentials" | "invalid_grant" => ErrorCode::InvalidCredentials,
        "email_not_confirmed" | "phone_not_confirmed" => ErrorCode::EmailNotConfirmed,
        "weak_password" | SAME_PASSWORD => ErrorCode::WeakPassword,
        "user_already_exists" | "email_exists" => ErrorCode::AccountExists,
        "signup_disabled" | "email_provider_disabled" | "email_address_not_authorized" => ErrorCode::SignupDisabled,
        // The answer to a code for an address without an account, when none was to be created.
        "otp_disabled" => ErrorCode::AccountUnknown,
        "provider_disabled" | "oauth_provider_not_supported" => ErrorCode::ProviderDisabled,
        "otp_expired" => ErrorCode::CodeRejected,
        "access_denied" => ErrorCode::AccessDenied,
        "flow_state_expired" | "bad_oauth_state" => ErrorCode::SignInExpired,
        "flow_state_not_found" => ErrorCode::CallbackUsed,
        "bad_code_verifier" => ErrorCode::CallbackUnknown,
        "server_error" | "unexpected_failure" | "temporarily_unavailable" | "bad_oauth_callback" => {
            ErrorCode::ServerError
        }
        "validation_failed" | "bad_json" | "email_address_invalid" => ErrorCode::ValidationFailed,
        "over_email_send_rate_limit" | "over_request_rate_limit" | "over_sms_send_rate_limit" => ErrorCode::RateLimited,
        "refresh_token_not_found" | "refresh_token_already_used" | "session_not_found" | "session_expired" => {
            ErrorCode::SessionExpired
        }
        "user_banned" | "user_not_found" | "no_authorization" | "bad_jwt" => ErrorCode::NotAuthenticated,
        _ => return None,
    })
}

/// The meaning of a status whose body names no code that is known here.
pub(crate) fn status_code(status: u16, looks_like_supabase: bool) -> ErrorCode {
    match status {
        429 => ErrorCode::RateLimited,
        500..=599 => ErrorCode::ServerError,
        401 | 403 if looks_like_supabase => ErrorCode::NotAuthenticated,
        400..=499 if looks_like_supabase => ErrorCode::ValidationFailed,
        _ => ErrorCode::UnexpectedResponse,
    }
}

/// Both error shapes of `GoTrue`, and OAuth's of RFC 6749, section 5.2.
#[derive(Default)]
struct WireError {
    /// The newer shape's code; the older one has the status here, as a number.
    code: Option<String>,
    error_code: Option<String>,
    error: Option<String>,
    message: Option<String>,
    msg: Option<String>,
    error_description: Option<String>,
    reasons: Vec<String>,
}

impl WireError {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut wire = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("weak_password") {
                scanner.object_or_skip(|scanner, key| {
                    if key.is("reasons") {
                        read_reasons(scanner, &mut wire.reasons)
                    } else {
                        scanner.skip_value()
                    }
                })?;
                return Ok(());
            }
            let slot = if key.is("code") {
                &mut wire.code
            } else if key.is("error_code") {
                &mut wire.error_code
            } else if key.is("error") {
                &mut wire.error
            } else if key.is("message") {
                &mut wire.message
            } else if key.is("msg") {
                &mut wire.msg
            } else if key.is("error_description") {
                &mut wire.error_description
            } else {
                return scanner.skip_value();
            };
            text_into(scanner, slot)
        })?;
        Ok(wire)
    }
}

fn read_reasons(scanner: &mut Scanner<'_>, reasons: &mut Vec<String>) -> json::Result<()> {
    scanner.array_or_skip(|scanner| {
        if let Some(reason) = scanner.string_or_skip()?
            && reasons.len() < MAX_REASONS
        {
            reasons.push(bounded(&reason.decode(), MAX_ID));
        }
        Ok(())
    })?;
    Ok(())
}
