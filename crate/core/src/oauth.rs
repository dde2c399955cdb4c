//! Signing in through a browser or an e-mail: which ways there are, PKCE, and what a callback says.
//!
//! A callback is text from a stranger. It is bounded and taken apart here, held against the one flow that waits
//! ([`Flow`]) by the session machine, and changes nothing unless it belongs to that flow.

mod callback;
mod flow;
mod pkce;
pub(crate) mod query;
mod ways;

pub use callback::{Callback, MAX_CALLBACK, Outcome, Pasted, parse, parse_pasted};
pub use flow::{Flow, FlowState, LIFETIME_MS};
pub use pkce::{challenge, is_verifier};
pub use query::with_nonce;
pub use ways::{Host, Offer, Return, Way, ways};
