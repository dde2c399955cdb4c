//! Whether a request for an answer is sent again. Never after the first token: that would be billed twice.

use crate::error::{Error, ErrorCode};

/// The first pause, in milliseconds; each further one doubles.
const FIRST_PAUSE_MS: u64 = 500;
/// The longest pause between two attempts, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 30_000;
/// A server that asks for a longer wait than this is not waited for: the user is told how long, and decides. LiteLLM asks
/// for 60 s at a key's rate limit, which is too long to stay silent. In milliseconds.
const LONGEST_RETRY_AFTER_MS: u64 = 15_000;

/// How often a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most retries after the first attempt.
    pub max_retries: u32,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Retries sent already.
    pub retries: u32,
    /// Whether the model key was replaced for this request already.
    pub key_replaced: bool,
}

/// What to do with a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It stands.
    Finish,
    /// Wait so many milliseconds and send the request again.
    WaitThenRetry(u64),
    /// Get another model key and send the request again.
    ReplaceKeyThenRetry,
}

impl RetryPolicy {
    /// Decides about `error`. `has_output` says whether anything of the answer arrived; `jitter` is random, 0 to 1000.
    ///
    /// Sent again are: connections that failed (but not for a certificate or a redirect, which stay as they are), 429
    /// with `Retry-After` (RFC 9110, section 10.2.3), 500 to 504, and once a key that the server does not take any more.
    #[must_use]
    pub fn next(self, error: &Error, has_output: bool, attempts: Attempts, jitter: u32) -> Next {
        if has_output {
            return Next::Finish;
        }
        if error.code == ErrorCode::KeyRejected {
            return if attempts.key_replaced {
                Next::Finish
            } else {
                Next::ReplaceKeyThenRetry
            };
        }
        if attempts.retries >= self.max_retries {
            return Next::Finish;
        }
        let asked = error.retry_after_ms;
        let again = match (error.code, error.status) {
            (ErrorCode::NetworkError, _) => error.retryable,
            (ErrorCode::RateLimited, Some(429)) => asked.is_some(),
            (ErrorCode::ServerError, Some(status)) => (500..=504).contains(&status),
            _ => false,
        };
        if !again || asked.is_some_and(|ms| ms > LONGEST_RETRY_AFTER_MS) {
            return Next::Finish;
        }
        let doubled = FIRST_PAUSE_MS.saturating_mul(1_u64.checked_shl(attempts.retries).unwrap_or(u64::MAX));
        let pause = doubled.min(LONGEST_PAUSE_MS);
        // Up to a half more, so that many clients that failed together do not come back together.
        let spread = pause.saturating_mul(u64::from(jitter.min(1000))) / 2000;
        Next::WaitThenRetry(pause.saturating_add(spread).max(asked.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NetworkCause;

    const POLICY: RetryPolicy = RetryPolicy { max_retries: 3 };

    fn failed(code: ErrorCode, status: u16) -> Error {
        Error::new(code).with_status(status)
    }

    fn attempts(retries: u32) -> Attempts {
        Attempts {
            retries,
            key_replaced: false,
        }
    }

    #[test]
    fn what_may_be_sent_again() {
        let rows = [
            (Error::new(ErrorCode::NetworkError), true),
            (
                Error::new(ErrorCode::NetworkError).with_network(NetworkCause::Refused),
                true,
            ),
            (
                Error::new(ErrorCode::NetworkError).with_network(NetworkCause::Tls),
                false,
            ),
            (failed(ErrorCode::ServerError, 500), true),
            (failed(ErrorCode::ServerError, 503), true),
            (failed(ErrorCode::ServerError, 504), true),
            (failed(ErrorCode::ServerError, 505), false),
            (Error::new(ErrorCode::ServerError), false),
            (failed(ErrorCode::RateLimited, 429), false),
            (
                failed(ErrorCode::RateLimited, 429).with_retry_after_ms(Some(7000)),
                true,
            ),
            (
                failed(ErrorCode::RateLimited, 429).with_retry_after_ms(Some(3_600_000)),
                false,
            ),
            (failed(ErrorCode::QuotaExceeded, 422), false),
            (failed(ErrorCode::BadRequest, 400), false),
            (Error::new(ErrorCode::Timeout), false),
            (Error::new(ErrorCode::Cancelled), false),
        ];
        for (error, again) in rows {
            let next = POLICY.next(&error, false, attempts(0), 0);
            assert_eq!(matches!(next, Next::WaitThenRetry(_)), again, "{error}");
            assert_eq!(
                POLICY.next(&error, true, attempts(0), 0),
                Next::Finish,
                "never after the first token: {error}"
            );
            assert_eq!(
                POLICY.next(&error, false, attempts(3), 0),
                Next::Finish,
                "not for ever: {error}"
            );
        }
    }

    #[test]
    fn pauses_double_spread_and_honour_the_server() {
        let network = Error::new(ErrorCode::NetworkError);
        assert_eq!(POLICY.next(&network, false, attempts(0), 0), Next::WaitThenRetry(500));
        assert_eq!(POLICY.next(&network, false, attempts(2), 0), Next::WaitThenRetry(2000));
        assert_eq!(
            POLICY.next(&network, false, attempts(0), 1000),
            Next::WaitThenRetry(750)
        );
        let many = RetryPolicy { max_retries: 100 };
        assert_eq!(many.next(&network, false, attempts(90), 0), Next::WaitThenRetry(30_000));
        let told = failed(ErrorCode::RateLimited, 429).with_retry_after_ms(Some(7000));
        assert_eq!(POLICY.next(&told, false, attempts(0), 0), Next::WaitThenRetry(7000));
    }

    #[test]
    fn a_refused_key_is_replaced_once() {
        let refused = failed(ErrorCode::KeyRejected, 401);
        assert_eq!(POLICY.next(&refused, false, attempts(0), 0), Next::ReplaceKeyThenRetry);
        let replaced = Attempts {
            retries: 0,
            key_replaced: true,
        };
        assert_eq!(POLICY.next(&refused, false, replaced, 0), Next::Finish);
    }
}
