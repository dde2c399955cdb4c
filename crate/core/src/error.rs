//! The one closed union of errors that crosses the boundary.
//!
//! An [`Error`] carries a code, whether trying again can help, and data. Words for people are made in the shell, which
//! switches over the codes exhaustively; text that a server sent is kept as bounded data and is never part of `Display`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::network::NetworkCause;

/// What went wrong, as a closed set. The spelling in TypeScript is the `SCREAMING_SNAKE_CASE` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Nobody is signed in.
    NotAuthenticated,
    /// The server ended the session; signing in again is the only way on.
    SessionExpired,
    /// E-mail and password do not match (Supabase Auth `invalid_credentials`).
    InvalidCredentials,
    /// The account exists, but its e-mail address was never confirmed.
    EmailNotConfirmed,
    /// The password does not meet the server's rules; `reasons` carries them.
    WeakPassword,
    /// An account with this e-mail exists already.
    AccountExists,
    /// The server takes no new accounts.
    SignupDisabled,
    /// There is no account with this e-mail address, and none was to be created.
    AccountUnknown,
    /// The way of signing in is switched off at the server.
    ProviderDisabled,
    /// The code of an e-mail is wrong, was used before, or is too old.
    CodeRejected,
    /// The user, or the provider, said no.
    AccessDenied,
    /// The sign-in took longer than its time limit.
    SignInExpired,
    /// The sign-in that this callback belongs to is over already.
    CallbackUsed,
    /// The callback belongs to no sign-in that waits here, or is none at all.
    CallbackUnknown,
    /// The callback leads to another account than the one that was to be signed in.
    AccountMismatch,
    /// The server, or the core itself, refused a field.
    ValidationFailed,
    /// No answer: DNS, TLS, proxy, connection or an aborted body.
    NetworkError,
    /// No first byte, or no further byte, within the time limit.
    Timeout,
    /// Too many requests (HTTP 429); `retry_after_ms` says when to come back, if the server did.
    RateLimited,
    /// The budget of the account is used up.
    QuotaExceeded,
    /// The model key is unknown, expired, blocked or revoked.
    KeyRejected,
    /// No such model at this endpoint.
    ModelNotFound,
    /// The key may not use this model.
    ModelNotAllowed,
    /// The model endpoint refused the request itself.
    BadRequest,
    /// The server, or the provider behind it, failed (HTTP 5xx or an error in mid-stream).
    ServerError,
    /// The answer is not what a Supabase or LiteLLM server sends.
    UnexpectedResponse,
    /// A setting does not hold a usable value.
    InvalidConfiguration,
    /// A credential was about to leave for an origin that it was not issued for.
    OriginMismatch,
    /// The session store could not be read or written.
    StoreFailed,
    /// The caller cancelled.
    Cancelled,
    /// A defect of Godoty.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of declaration. The boundary's tests hold TypeScript's union against it.
    pub const ALL: [Self; 31] = [
        Self::NotAuthenticated,
        Self::SessionExpired,
        Self::InvalidCredentials,
        Self::EmailNotConfirmed,
        Self::WeakPassword,
        Self::AccountExists,
        Self::SignupDisabled,
        Self::AccountUnknown,
        Self::ProviderDisabled,
        Self::CodeRejected,
        Self::AccessDenied,
        Self::SignInExpired,
        Self::CallbackUsed,
        Self::CallbackUnknown,
        Self::AccountMismatch,
        Self::ValidationFailed,
        Self::NetworkError,
        Self::Timeout,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::KeyRejected,
        Self::ModelNotFound,
        Self::ModelNotAllowed,
        Self::BadRequest,
        Self::ServerError,
        Self::UnexpectedResponse,
        Self::InvalidConfiguration,
        Self::OriginMismatch,
        Self::StoreFailed,
        Self::Cancelled,
        Self::Internal,
    ];

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::NetworkError | Self::Timeout | Self::RateLimited | Self::ServerError
        )
    }

    /// The spelling on the other side of the boundary, for example `RATE_LIMITED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NOT_AUTHENTICATED",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::EmailNotConfirmed => "EMAIL_NOT_CONFIRMED",
            Self::WeakPassword => "WEAK_PASSWORD",
            Self::AccountExists => "ACCOUNT_EXISTS",
            Self::SignupDisabled => "SIGNUP_DISABLED",
            Self::AccountUnknown => "ACCOUNT_UNKNOWN",
            Self::ProviderDisabled => "PROVIDER_DISABLED",
            Self::CodeRejected => "CODE_REJECTED",
            Self::AccessDenied => "ACCESS_DENIED",
            Self::SignInExpired => "SIGN_IN_EXPIRED",
            Self::CallbackUsed => "CALLBACK_USED",
            Self::CallbackUnknown => "CALLBACK_UNKNOWN",
            Self::AccountMismatch => "ACCOUNT_MISMATCH",
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::NetworkError => "NETWORK_ERROR",
            Self::Timeout => "TIMEOUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::KeyRejected => "KEY_REJECTED",
            Self::ModelNotFound => "MODEL_NOT_FOUND",
            Self::ModelNotAllowed => "MODEL_NOT_ALLOWED",
            Self::BadRequest => "BAD_REQUEST",
            Self::ServerError => "SERVER_ERROR",
            Self::UnexpectedResponse => "UNEXPECTED_RESPONSE",
            Self::InvalidConfiguration => "INVALID_CONFIGURATION",
            Self::OriginMismatch => "ORIGIN_MISMATCH",
            Self::StoreFailed => "STORE_FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Which of the two servers an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Supabase: the account.
    Account,
    /// `LiteLLM`: the models.
    Models,
}

impl Server {
    /// The spelling in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Models => "models",
        }
    }
}

/// An error with its data. `Display` shows the code and the status alone, so that a log line can't carry a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The HTTP status, when a server answered.
    pub status: Option<u16>,
    /// How long the server asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The server's stated reasons (for example `["length"]` of a weak password), bounded.
    pub reasons: Vec<String>,
    /// The server's own words, bounded; for what the user reads, never for the log.
    pub server_message: Option<String>,
    /// The origin concerned, for example `https://example.org`.
    pub origin: Option<String>,
    /// Which server it is about.
    pub server: Option<Server>,
    /// Why a `NETWORK_ERROR` happened.
    pub network: Option<NetworkCause>,
}

/// The longest server message that is kept, in characters.
pub const MAX_SERVER_MESSAGE: usize = 500;

impl Error {
    /// An error of this code without further data.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self {
            code,
            retryable: code.retryable(),
            status: None,
            retry_after_ms: None,
            reasons: Vec::new(),
            server_message: None,
            origin: None,
            server: None,
            network: None,
        }
    }

    /// With the HTTP status that the server answered.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// With the server's words, cut to [`MAX_SERVER_MESSAGE`] characters, control characters and those that
    /// turn the direction of writing dropped.
    #[must_use]
    pub fn with_server_message(mut self, message: &str) -> Self {
        let kept: String = message
            .chars()
            .filter(|c| !c.is_control() && !reorders(*c))
            .take(MAX_SERVER_MESSAGE)
            .collect();
        self.server_message = (!kept.is_empty()).then_some(kept);
        self
    }

    /// With the wait that the server asked for, in milliseconds.
    #[must_use]
    pub const fn with_retry_after_ms(mut self, retry_after_ms: Option<u64>) -> Self {
        self.retry_after_ms = retry_after_ms;
        self
    }

    /// With the origin concerned.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(String::from(origin));
        self
    }

    /// With the server that it is about, and its origin, unless that was said closer to the cause.
    #[must_use]
    pub fn at(mut self, server: Server, origin: &str) -> Self {
        self.server.get_or_insert(server);
        self.origin.get_or_insert_with(|| String::from(origin));
        self
    }

    /// With the cause of a failed connection.
    #[must_use]
    pub const fn with_network(mut self, cause: NetworkCause) -> Self {
        self.retryable = cause.retryable();
        self.network = Some(cause);
        self
    }
}

/// Whether a character changes the order in which others are shown (Unicode's `Bidi_Control`).
const fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        if let Some(status) = self.status {
            write!(f, " (HTTP {})", u64::from(status))?;
        }
        Ok(())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_is_the_name_in_upper_case() {
        for code in ErrorCode::ALL {
            let spelled = code.as_str().replace('_', "");
            assert_eq!(spelled, alloc::format!("{code:?}").to_uppercase());
            assert_eq!(ErrorCode::ALL[code as usize], code);
        }
    }

    #[test]
    fn a_display_never_carries_the_servers_words() {
        let error = Error::new(ErrorCode::ServerError)
            .with_status(500)
            .with_server_message("sk-secret");
        assert_eq!(alloc::format!("{error}"), "SERVER_ERROR (HTTP 500)");
    }

    #[test]
    fn a_server_message_is_bounded_and_without_control_characters() {
        let error = Error::new(ErrorCode::ServerError).with_server_message(&"a\u{1b}\u{202e}\u{2066}".repeat(1000));
        assert_eq!(error.server_message.unwrap().len(), MAX_SERVER_MESSAGE);
    }
}
