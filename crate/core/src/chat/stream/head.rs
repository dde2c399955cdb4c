//! The head of a response, as far as it says something about the answer.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use crate::cost::Money;
use crate::http::wait_ms;

/// What of a response's head matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    pub(super) status: u16,
    pub(super) content_type: String,
    retry_after_ms: Option<u64>,
    upstream_retry_after_ms: Option<u64>,
    pub(super) cost: Option<Money>,
    pub(super) call_id: Option<String>,
}

impl ResponseHead {
    /// The names of the headers that [`header`](Self::header) looks at.
    pub const HEADERS: [&'static str; 6] = [
        "content-type",
        "retry-after",
        "retry-after-ms",
        "llm_provider-retry-after",
        "x-litellm-response-cost",
        "x-litellm-call-id",
    ];

    /// A head with this status and no header.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// With one more header; those that don't matter are ignored, and the case of the name is.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let value = value.trim_ascii();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("content-type") {
            self.content_type = value.to_ascii_lowercase();
        } else if is("retry-after-ms") {
            self.retry_after_ms = wait_ms(value, 1).or(self.retry_after_ms);
        } else if is("retry-after") {
            self.retry_after_ms = self.retry_after_ms.or_else(|| wait_ms(value, 1000));
        } else if is("llm_provider-retry-after") {
            self.upstream_retry_after_ms = wait_ms(value, 1000);
        } else if is("x-litellm-response-cost") {
            self.cost = Money::parse_usd(value);
        } else if is("x-litellm-call-id") && value.len() <= 64 {
            self.call_id = Some(value.to_owned());
        }
        self
    }

    /// How long the server, or else the provider behind it, asks to wait.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms.or(self.upstream_retry_after_ms)
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}
