//! The session as a deterministic machine: [`Session::handle`] takes what happened, [`Session::poll`] gives what to do.
//!
//! The caller carries out each [`Output`] and reports its result as an [`Input`]; it decides nothing. Jobs run one after
//! another, so there is never more than one refresh in flight; what needs a token waits for the job before it and then
//! finds the token there.

mod machine;
mod record;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use machine::Session;
pub use record::{Record, Unreadable};

use crate::auth::{Account, Millis, Supabase};
use crate::device::{Device, ModelAccess};
use crate::error::Error;
use crate::http::{BaseUrl, Request, Response, TransportError};
use crate::oauth::{Host, Offer, Way};
use crate::secret::Secret;

/// What the machine is set to. Another backend means another machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// The account's backend.
    pub supabase: Supabase,
    /// The model endpoint.
    pub litellm: BaseUrl,
    /// This installation.
    pub device: Device,
}

/// Names a caller's request; its answer comes as [`Output::Reply`] with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// Names a request to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpId(pub u32);

/// Names a use of the session store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u32);

/// The store did not read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreError;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A caller asks for something.
    Ask(RequestId, Ask),
    /// A caller gave up; a sign-in under way, or a flow that is waited for, is cancelled. Who waits for a token or a key is
    /// let go, and what is under way goes on for the others. Anything that is past the point of return goes on.
    Cancel(RequestId),
    /// Another window may have changed the store.
    StoreChanged,
    /// Whether the user is in this window: it renews the session ahead of time, the others when they need it. A machine
    /// that was not told takes its window for the one.
    Focused(bool),
    /// The time of the last [`Output::WakeAt`] has come.
    Wake,
    /// The answer to [`Output::SendHttp`].
    Http(HttpId, Result<Response, TransportError>),
    /// The answer to [`Output::Load`].
    Loaded(StoreId, Result<Option<Secret>, StoreError>),
    /// The answer to [`Output::BeginUpdate`]: nobody else writes until [`Output::EndUpdate`].
    UpdateBegan(StoreId, Result<Option<Secret>, StoreError>),
    /// The answer to [`Output::EndUpdate`].
    UpdateEnded(StoreId, Result<(), StoreError>),
}

/// What a caller may ask for.
#[derive(Debug)]
pub enum Ask {
    /// Who is signed in, from the store. Makes no call to a server. Answer: [`Answer::Account`].
    Restore,
    /// The ways to sign in that this host and the server have. Answer: [`Answer::Ways`].
    Ways(Host),
    /// Begin to sign in. Answer: [`Answer::SignedIn`], or [`Answer::Pending`] when something from outside is needed.
    Start(Box<Start>),
    /// Wait until a flow has ended, in whichever window. A cancelled wait ends the flow. Answer: [`Answer::Completed`].
    Await {
        /// The flow's.
        nonce: String,
    },
    /// A callback came, or (`pasted`) the user brought an address, the code in it, or the digits of an e-mail.
    /// Answer: [`Answer::Completed`].
    Callback {
        /// The whole address, or what was pasted or typed.
        text: Secret,
        /// Whether the user brought it.
        pasted: bool,
    },
    /// Another password for who is signed in. Answer: [`Answer::Done`].
    SetPassword {
        /// The password.
        password: Secret,
    },
    /// Sign out here: memory and store first, then the server. Answer: [`Answer::Done`].
    SignOut,
    /// An access token that is good for a while. Answer: [`Answer::AccessToken`].
    AccessToken,
    /// This device's model key. Answer: [`Answer::ModelAccess`].
    ModelAccess,
    /// The server refused this device's model key (its LiteLLM id): forget it and get another.
    /// Answer: [`Answer::ModelAccess`].
    ReplaceModelKey {
        /// The `key_id` that was refused.
        key_id: String,
    },
    /// `POST /rest/v1/rpc/<function>` as the user. Answer: [`Answer::Json`].
    Rpc {
        /// The function's name.
        function: &'static str,
        /// The arguments as a JSON object.
        body: String,
    },
}

/// How to begin to sign in. What a way does not need is empty.
#[derive(Debug, Clone)]
pub struct Start {
    /// The way.
    pub way: Way,
    /// The e-mail address; for a provider, nothing.
    pub email: String,
    /// The password, or the one that is chosen.
    pub password: Secret,
    /// Where the browser comes back to: needed for a provider; without it, the link of an e-mail leads to the operator's
    /// site, and its code still counts.
    pub redirect_to: Option<String>,
    /// Whether a code by e-mail may create an account.
    pub create_user: bool,
    /// The user that is to be signed in again; empty when anybody may.
    pub user_id: String,
    /// Entropy: a text of unreserved characters that nobody can guess and nobody had before.
    pub nonce: String,
    /// Entropy: a verifier of PKCE.
    pub verifier: Secret,
}

/// What a caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Who is signed in, if anybody.
    Account(Option<Account>),
    /// The ways to sign in, best first.
    Ways(Vec<Offer>),
    /// Signed in.
    SignedIn(Account),
    /// The flow waits, for [`LIFETIME_MS`](crate::oauth::LIFETIME_MS) at most.
    Pending {
        /// Names the flow.
        nonce: String,
        /// Where the browser is to go.
        url: Option<String>,
    },
    /// A flow led to a session.
    Completed(Account, Way),
    /// A valid access token.
    AccessToken(Secret),
    /// A model key.
    ModelAccess(ModelAccess),
    /// The body of a successful answer.
    Json(String),
    /// Done.
    Done,
}

/// What an exclusive update ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Leave the stored text as it is.
    Keep,
    /// Write this text.
    Replace(Secret),
    /// Erase it.
    Erase,
}

/// Why nobody is signed in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedOutReason {
    /// The user signed out here.
    User,
    /// The server ended the session.
    Expired,
    /// Another window signed out.
    Elsewhere,
}

/// What others should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A session began.
    SignedIn(Account),
    /// The same session has a new token.
    Refreshed(Account),
    /// The session is over.
    SignedOut(Account, SignedOutReason),
    /// The stored session could not be read: it counts as signed out.
    StoredSessionUnreadable,
    /// The session holds in this window only, since the store did not take it.
    StoreFailed,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send it and report [`Input::Http`].
    SendHttp(HttpId, Request),
    /// Abort it; no answer is expected any more.
    CancelHttp(HttpId),
    /// Read the store and report [`Input::Loaded`].
    Load(StoreId),
    /// Begin an exclusive update of the store and report [`Input::UpdateBegan`].
    BeginUpdate(StoreId),
    /// End the update with this change and report [`Input::UpdateEnded`].
    EndUpdate(StoreId, Change),
    /// Send [`Input::Wake`] at this time; it replaces an earlier one.
    WakeAt(Millis),
    /// Tell the others.
    Emit(Event),
    /// Answer the caller.
    Reply(RequestId, Result<Answer, Error>),
}
