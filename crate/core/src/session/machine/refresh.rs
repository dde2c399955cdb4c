//! Renewing the session: under the store's lock, so that no sibling renews at the same time.

use super::{Need, Session, Step};
use crate::auth::{AuthSession, Millis};
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::secret::Secret;
use crate::session::{Change, Event, HttpId, Output, Record, SignedOutReason, StoreError, StoreId};

/// An access token that ends within this time counts as ended, in milliseconds (the reference client's margin); one
/// whose whole life is short, within a fifth of it.
const EXPIRY_MARGIN_MS: u64 = 90_000;
/// After a failed refresh the machine does not refresh by itself for this long, in milliseconds.
const REST_MS: u64 = 60_000;

impl Session {
    pub(super) fn begin_refresh(&mut self, need: Option<Need>) {
        let store = StoreId(self.id());
        self.outputs.push_back(Output::BeginUpdate(store));
        self.step = Some(Step::RefreshLock { store, need });
    }

    /// The refresh is ours alone: adopt what a sibling stored, or ask the server.
    pub(super) fn refresh_locked(
        &mut self,
        store: StoreId,
        need: Option<Need>,
        current: Result<Option<Secret>, StoreError>,
        now: Millis,
    ) {
        if let Some(stored) = self.read_record(current) {
            self.adopt(stored);
        }
        let Some(session) = self.session() else {
            self.end_refresh(store, Change::Keep, Err(ErrorCode::NotAuthenticated.into()), need);
            return;
        };
        let refused = need.as_ref().and_then(|need| need.refused.as_ref());
        let fresh_enough = match &need {
            Some(_) => !ends_soon(session, now),
            None => now < refresh_at(session),
        };
        if fresh_enough && refused != Some(session.access_token.secret()) {
            self.end_refresh(store, Change::Keep, Ok(()), need);
            return;
        }
        let call = self.config.supabase.refresh(&session.refresh_token);
        let http = HttpId(self.id());
        self.outputs.push_back(Output::SendHttp(http, call));
        self.step = Some(Step::RefreshCall { store, http, need });
    }

    pub(super) fn end_refresh(
        &mut self,
        store: StoreId,
        change: Change,
        result: Result<(), Error>,
        need: Option<Need>,
    ) {
        self.outputs.push_back(Output::EndUpdate(store, change));
        self.step = Some(Step::RefreshStore { store, result, need });
    }

    /// The refresh is over: serve the need that it was for.
    pub(super) fn refreshed(&mut self, result: Result<(), Error>, need: Option<Need>, now: Millis) {
        match (result, need) {
            (Ok(()), Some(need)) => self.serve_with_token(need),
            (Err(error), Some(need)) => {
                // A token that still lives serves, unless the server refused that very one.
                let usable = self.session().is_some_and(|session| {
                    session.expires_at > now && need.refused.as_ref() != Some(session.access_token.secret())
                });
                if usable {
                    self.serve_with_token(need);
                } else {
                    self.reply(need.request, Err(error));
                }
            }
            (Err(_), None) if self.session().is_some() => self.outputs.push_back(Output::WakeAt(now.plus(REST_MS))),
            (_, None) => {}
        }
    }

    pub(super) fn refresh_answered(
        &mut self,
        store: StoreId,
        need: Option<Need>,
        result: Result<Response, TransportError>,
        now: Millis,
    ) {
        let supabase = &self.config.supabase;
        let outcome = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, supabase.base.origin().as_str())),
            Ok(response) if !response.is_success() => Err(supabase.parse_error(&response)),
            Ok(response) => supabase.parse_session(&response.body, now),
        };
        let Some(record) = self.record.clone() else { return };
        match outcome {
            Ok(session) => {
                self.renewed(&session);
                let change = self.replace(Record {
                    session: Some(session),
                    ..record
                });
                self.end_refresh(store, change, Ok(()), need);
            }
            Err(error) => {
                let refused = need.as_ref().and_then(|need| need.refused.as_ref());
                let ended = record.session.filter(|session| {
                    error.code == ErrorCode::SessionExpired
                        && (session.expires_at <= now || refused == Some(session.access_token.secret()))
                });
                let Some(session) = ended else {
                    self.end_refresh(store, Change::Keep, Err(error), need);
                    return;
                };
                let event = Event::SignedOut(session.account, SignedOutReason::Expired);
                self.outputs.push_back(Output::Emit(event));
                let kept = Record {
                    session: None,
                    model_access: record.model_access,
                };
                let change = if kept.is_empty() {
                    self.record = Some(kept);
                    Change::Erase
                } else {
                    self.replace(kept)
                };
                self.end_refresh(store, change, Err(error), need);
            }
        }
    }
}

/// When the token is to be renewed without anybody asking: at 80 % of its life.
pub(super) fn refresh_at(session: &AuthSession) -> Millis {
    session.issued_at.plus(life(session) / 5 * 4)
}

/// Whether the token is as good as ended.
pub(super) fn ends_soon(session: &AuthSession, now: Millis) -> bool {
    session.expires_at <= now.plus(EXPIRY_MARGIN_MS.min(life(session) / 5))
}

const fn life(session: &AuthSession) -> u64 {
    session.expires_at.0.saturating_sub(session.issued_at.0)
}
