//! The one flow that waits for its end. It lies in the session store, so that any window can end it.

use alloc::string::String;

use super::Way;
use crate::auth::{Account, Millis};
use crate::error::ErrorCode;
use crate::secret::Secret;

/// How long a flow waits, in milliseconds: as long as the server keeps its side of it.
pub const LIFETIME_MS: u64 = 300_000;

/// A clock that was set back by less than this did not leave the flow's time, in milliseconds.
const CLOCK_SLACK_MS: u64 = 60_000;

/// A sign-in that began and needs something from outside: a callback, or the code of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Names the flow in the callback's query. It is no secret: the verifier is.
    pub nonce: String,
    /// The way.
    pub way: Way,
    /// Where it is.
    pub state: FlowState,
    /// When it began.
    pub began_at: Millis,
    /// The address that the e-mail went to; only its account may come back. Empty when there was none.
    pub email: String,
    /// The user that is to be signed in again. Empty when anybody may.
    pub user_id: String,
}

/// Where a flow is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowState {
    /// It waits; whoever redeems its code needs this verifier.
    Pending(Secret),
    /// It led to the session that is stored beside it.
    Completed,
    /// It ended so.
    Failed(ErrorCode),
}

impl Flow {
    /// When it ends by itself.
    #[must_use]
    pub const fn expires_at(&self) -> Millis {
        self.began_at.plus(LIFETIME_MS)
    }

    /// Whether its time is over. A clock that was set back by much counts as that.
    #[must_use]
    pub const fn is_over(&self, now: Millis) -> bool {
        now.0 >= self.expires_at().0 || self.began_at.since(now) > CLOCK_SLACK_MS
    }

    /// Whether this is the account that was to be signed in.
    #[must_use]
    pub fn is_for(&self, account: &Account) -> bool {
        (self.email.is_empty() || self.email.eq_ignore_ascii_case(&account.email))
            && (self.user_id.is_empty() || self.user_id == account.user_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow {
            nonce: "n".into(),
            way: Way::Github,
            state: FlowState::Pending(Secret::from("v")),
            began_at: Millis(1_000_000),
            email: String::new(),
            user_id: String::new(),
        }
    }

    #[test]
    fn a_flow_ends_after_300_seconds_and_when_the_clock_is_set_back() {
        for (now, over) in [
            (1_000_000, false),
            (1_299_999, false),
            (1_300_000, true),
            (u64::MAX, true),
            (940_000, false),
            (939_999, true),
            (0, true),
        ] {
            assert_eq!(flow().is_over(Millis(now)), over, "{now}");
        }
    }

    #[test]
    fn a_flow_is_for_the_account_it_was_begun_for() {
        let account = Account {
            session_id: "s".into(),
            user_id: "u1".into(),
            email: "A@example.org".into(),
        };
        let with = |email: &str, user_id: &str| Flow {
            email: email.into(),
            user_id: user_id.into(),
            ..flow()
        };
        assert!(with("", "").is_for(&account));
        assert!(with("a@example.org", "u1").is_for(&account));
        assert!(!with("b@example.org", "").is_for(&account));
        assert!(!with("", "u2").is_for(&account));
    }
}
