//! What a model endpoint's error means: LiteLLM's and OpenAI's shapes, matched on `type` and `code` first, then status.

use alloc::string::String;

use crate::error::{Error, ErrorCode};
use crate::json::{self, Scanner, Str};
use crate::text::contains;

/// The longest part of an error's text that is looked at, in bytes.
const MAX_TEXT: usize = 4096;

/// The value of an `error` member, whatever its shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    kind: String,
    code: String,
    message: String,
}

impl ErrorBody {
    /// Reads the value of an `error` member: an object, or a text. `null` and `false` are no error.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> json::Result<Option<Self>> {
        let mut body = Self::default();
        match scanner.peek() {
            Some(b'{') => {
                scanner.object(|scanner, key| {
                    if key.is("message") {
                        body.message = text_of(scanner)?;
                    } else if key.is("type") {
                        body.kind = text_of(scanner)?;
                    } else if key.is("code") {
                        body.code = text_of(scanner)?;
                    } else {
                        scanner.skip_value()?;
                    }
                    Ok(())
                })?;
                Ok(Some(body))
            }
            Some(b'"') => {
                body.message = text_of(scanner)?;
                Ok(Some(body))
            }
            _ => scanner.skip_value().map(|()| None),
        }
    }

    /// The error that this is, in an answer of this status.
    ///
    /// In the middle of a stream (status 200) `code` tells the status that it would have been; it is 500 without one.
    pub(super) fn classify(&self, status: u16, retry_after_ms: Option<u64>) -> Error {
        let stated = self.code.parse::<u16>().ok().filter(|code| (400..600).contains(code));
        let status = if status < 400 { stated.unwrap_or(500) } else { status };
        let code = self.known_kind(status).unwrap_or_else(|| match status {
            404 => ErrorCode::ModelNotFound,
            _ => of_status(status),
        });
        let waits = matches!(code, ErrorCode::RateLimited | ErrorCode::ServerError);
        Error::new(code)
            .with_status(status)
            .with_server_message(&self.message)
            .with_retry_after_ms(retry_after_ms.filter(|_| waits))
    }

    fn known_kind(&self, status: u16) -> Option<ErrorCode> {
        for name in [self.kind.as_str(), self.code.as_str()] {
            let code = match name {
                "budget_exceeded" | "insufficient_quota" => ErrorCode::QuotaExceeded,
                "token_not_found_in_db"
                | "expired_key"
                | "auth_error"
                | "authentication_error"
                | "invalid_api_key"
                | "no_db_connection" => ErrorCode::KeyRejected,
                "throttling_error" | "rate_limit_error" | "rate_limit_exceeded" => ErrorCode::RateLimited,
                "model_not_found" => ErrorCode::ModelNotFound,
                _ if name.ends_with("_model_access_denied") => ErrorCode::ModelNotAllowed,
                _ => continue,
            };
            // `auth_error` is also the type of a forbidden route or of a broken database behind the proxy.
            if code == ErrorCode::KeyRejected && status >= 500 {
                continue;
            }
            return Some(code);
        }
        // LiteLLM's unknown model has no type of its own.
        (status == 400 && contains(&self.message, "Invalid model name passed in")).then_some(ErrorCode::ModelNotFound)
    }
}

/// The error that an answer of a model endpoint means, from its status (400 and above) and its body.
///
/// Knows `{"error":{…}}`, `{"error":"…"}`, an array around either (Gemini), `{"detail":…}` (a server of `FastAPI` that is
/// no LiteLLM, or a route that does not exist) and bodies that are no JSON.
#[must_use]
pub fn classify(status: u16, body: &[u8], retry_after_ms: Option<u64>) -> Error {
    let (error, detail) = read_body(body).unwrap_or_default();
    if let Some(error) = error {
        return error.classify(status, retry_after_ms);
    }
    let code = of_status(status);
    let waits = matches!(code, ErrorCode::RateLimited | ErrorCode::ServerError);
    Error::new(code)
        .with_status(status)
        .with_server_message(&detail)
        .with_retry_after_ms(retry_after_ms.filter(|_| waits))
}

fn read_body(body: &[u8]) -> json::Result<(Option<ErrorBody>, String)> {
    let mut scanner = Scanner::new(body);
    let mut error = None;
    let mut detail = String::new();
    let mut member = |scanner: &mut Scanner<'_>, key: Str<'_>| {
        if key.is("error") {
            error = ErrorBody::read(scanner)?;
        } else if key.is("detail") || key.is("message") {
            detail = text_of(scanner)?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    };
    if scanner.peek() == Some(b'[') {
        scanner.array(|scanner| scanner.object_or_skip(&mut member).map(|_| ()))?;
    } else {
        scanner.object_or_skip(member)?;
    }
    scanner.end()?;
    Ok((error, detail))
}

/// A string's value, a number's text, or the text of anything else but `null`.
fn text_of(scanner: &mut Scanner<'_>) -> json::Result<String> {
    if scanner.peek() == Some(b'"') {
        let text = scanner
            .string_or_skip()?
            .map(|text| text.decode().chars().take(MAX_TEXT).collect());
        return Ok(text.unwrap_or_default());
    }
    let text = scanner.value_text()?;
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    Ok(if text == b"null" {
        String::new()
    } else {
        String::from_utf8_lossy(text).into_owned()
    })
}

const fn of_status(status: u16) -> ErrorCode {
    match status {
        401 | 403 => ErrorCode::KeyRejected,
        402 => ErrorCode::QuotaExceeded,
        408 => ErrorCode::Timeout,
        429 => ErrorCode::RateLimited,
        // A route that does not exist: this is not a model endpoint.
        404 | 405 | 410 => ErrorCode::UnexpectedResponse,
        400..=499 => ErrorCode::BadRequest,
        500..=599 => ErrorCode::ServerError,
        _ => ErrorCode::UnexpectedResponse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_and_documented_error_has_its_code() {
        use ErrorCode::*;
        let typed = |kind: &str, code: &str| {
            alloc::format!(r#"{{"error":{{"message":"m","type":{kind},"param":null,"code":{code}}}}}"#)
        };
        let rows: &[(u16, &str, ErrorCode)] = &[
            (
                401,
                include_str!("../../../../tests/fixtures/litellm/err_no_key.body"),
                KeyRejected,
            ),
            (
                400,
                include_str!("../../../../tests/fixtures/litellm/err_bad_key.body"),
                KeyRejected,
            ),
            (401, &typed("\"token_not_found_in_db\"", "\"401\""), KeyRejected),
            (401, &typed("\"expired_key\"", "\"401\""), KeyRejected),
            (403, &typed("\"key_model_access_denied\"", "\"403\""), ModelNotAllowed),
            (401, &typed("\"team_model_access_denied\"", "\"401\""), ModelNotAllowed),
            (
                400,
                include_str!("../../../../tests/fixtures/litellm/err_unknown_model.body"),
                ModelNotFound,
            ),
            (
                404,
                &typed("\"invalid_request_error\"", "\"model_not_found\""),
                ModelNotFound,
            ),
            (422, &typed("\"budget_exceeded\"", "\"422\""), QuotaExceeded),
            (400, &typed("\"budget_exceeded\"", "\"400\""), QuotaExceeded),
            (429, &typed("\"budget_exceeded\"", "\"429\""), QuotaExceeded),
            (
                429,
                &typed("\"insufficient_quota\"", "\"insufficient_quota\""),
                QuotaExceeded,
            ),
            (402, &typed("null", "402"), QuotaExceeded),
            (429, &typed("\"throttling_error\"", "\"429\""), RateLimited),
            (429, &typed("\"tokens\"", "\"rate_limit_exceeded\""), RateLimited),
            (
                429,
                include_str!("../../../../tests/fixtures/litellm/err_rpm_429.body"),
                RateLimited,
            ),
            (
                429,
                include_str!("../../../../tests/fixtures/litellm/err_upstream_429.body"),
                RateLimited,
            ),
            (
                500,
                include_str!("../../../../tests/fixtures/litellm/err_upstream_500.body"),
                ServerError,
            ),
            (
                500,
                include_str!("../../../../tests/fixtures/litellm/err_upstream_dead.body"),
                ServerError,
            ),
            (500, &typed("\"auth_error\"", "\"500\""), ServerError),
            (
                400,
                include_str!("../../../../tests/fixtures/litellm/err_upstream_400.body"),
                BadRequest,
            ),
            (
                400,
                include_str!("../../../../tests/fixtures/litellm/err_bad_json.body"),
                BadRequest,
            ),
            (
                400,
                include_str!("../../../../tests/fixtures/litellm/err_no_messages.body"),
                BadRequest,
            ),
            (
                404,
                include_str!("../../../../tests/fixtures/litellm/notfound.body"),
                UnexpectedResponse,
            ),
            (404, "<html>", UnexpectedResponse),
            (502, "<html>bad gateway", ServerError),
            (503, "", ServerError),
            (408, "", Timeout),
            (301, "", UnexpectedResponse),
            (401, r#"[{"error":{"message":"x","code":401}}]"#, KeyRejected),
            (400, r#"{"error":"no such thing"}"#, BadRequest),
            (400, r#"{"error":null,"message":"hm"}"#, BadRequest),
            (200, &typed("null", "\"500\""), ServerError),
            (200, &typed("null", "\"429\""), RateLimited),
            (200, &typed("null", "null"), ServerError),
        ];
        for (status, body, code) in rows {
            let error = classify(*status, body.as_bytes(), None);
            assert_eq!(error.code, *code, "{status} {body}");
        }
    }

    #[test]
    fn the_wait_is_kept_where_waiting_helps() {
        let wait = |status| classify(status, br#"{"error":{"message":"m"}}"#, Some(7000)).retry_after_ms;
        assert_eq!([wait(429), wait(500), wait(400)], [Some(7000), Some(7000), None]);
    }

    #[test]
    fn the_servers_words_are_data_and_bounded() {
        let error = classify(
            500,
            alloc::format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(5000)).as_bytes(),
            None,
        );
        assert_eq!(
            error.server_message.unwrap().chars().count(),
            crate::error::MAX_SERVER_MESSAGE
        );
    }
}
