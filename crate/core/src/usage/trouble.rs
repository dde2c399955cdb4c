//! What stands in the way of the next request, as far as the last one tells.

use crate::error::{Error, ErrorCode};

/// A trouble that outlasts one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A server can't be reached.
    Offline,
    /// This device has no key that the model server takes.
    Key,
    /// What the account may use is used up.
    Quota,
}

impl Trouble {
    /// The trouble that an error tells of.
    #[must_use]
    pub const fn of(error: &Error) -> Option<Self> {
        match error.code {
            ErrorCode::NetworkError => Some(Self::Offline),
            ErrorCode::KeyRejected | ErrorCode::OriginMismatch => Some(Self::Key),
            ErrorCode::QuotaExceeded => Some(Self::Quota),
            _ => None,
        }
    }

    /// The spelling in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Key => "key",
            Self::Quota => "quota",
        }
    }
}
