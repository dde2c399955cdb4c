//! Renewing the session: under the store's lock, so that no sibling renews at the same time.

use alloc::boxed::Box;

use super::merge::{holds, is_same};
use super::{Need, Session, Step, Write};
use crate::auth::{AuthSession, Millis};
use crate::error::{Error, ErrorCode};
use crate::http::{Response, TransportError};
use crate::secret::Secret;
use crate::session::{Output, Record, StoreError, StoreId};

/// An access token that ends within this time counts as ended, in milliseconds (the reference client's margin); one
/// whose whole life is short, within a fifth of it.
const EXPIRY_MARGIN_MS: u64 = 90_000;
/// After a failed refresh the machine does not refresh by itself for this long, in milliseconds.
const REST_MS: u64 = 60_000;
/// A rest that a server asked for is not longer than this, in milliseconds.
const LONGEST_REST_MS: u64 = 600_000;
/// A clock that was set back by less than this leaves a token's times as they are, in milliseconds.
const CLOCK_SLACK_MS: u64 = 60_000;
/// An answer that took longer than this is a lost one, in milliseconds: the time limit of a call is well below.
const LATE_MS: u64 = 30_000;
/// Two renewals ahead of time lie at least this far apart, whatever life a server gives, in milliseconds.
const SHORTEST_LIFE_MS: u64 = 1_000;

/// A renewal and what it is for.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    pub(super) need: Option<Box<Need>>,
    /// The refresh token that the server refused for good, and how: what stands in the store now decides.
    refused: Option<Box<(Secret, Error)>>,
    /// What the server answered, and the store did not take.
    answer: Option<Box<AuthSession>>,
}

/// The rest after a renewal that failed.
#[derive(Debug)]
pub(super) struct Rest {
    until: Millis,
    /// What a server answered. Without an answer there may be a connection again: who needs a token may try.
    answer: Option<Error>,
}

impl Session {
    pub(super) fn begin_refresh(&mut self, need: Option<Box<Need>>) {
        self.begin_renewal(need.into());
    }

    pub(super) fn begin_renewal(&mut self, renewal: Renewal) {
        self.begin_update(Step::RefreshLock(renewal));
    }

    /// The refresh is ours alone: adopt what a sibling stored, or ask the server.
    pub(super) fn refresh_locked(
        &mut self,
        store: StoreId,
        renewal: Renewal,
        current: Result<Option<Secret>, StoreError>,
        now: Millis,
    ) {
        let readable = current.is_ok();
        self.adopt_current(current);
        let Renewal { need, refused, answer } = renewal;
        let Some(session) = self.session() else {
            let error = refused.map_or_else(|| ErrorCode::NotAuthenticated.into(), |refused| refused.1);
            return self.end_refresh(store, None, Err(error), need.into());
        };
        if !readable && self.stored.as_ref().is_some_and(|stored| holds(stored, session)) {
            // Others may have renewed it: the token in memory could be one that ends the session for all.
            return self.end_refresh(store, None, Err(ErrorCode::StoreFailed.into()), need.into());
        }
        if let Some(refused) = refused
            && refused.0 == session.refresh_token
        {
            // The store was read a second time, and nobody renewed it: the server ended the session. The device's key stays.
            let record = self.with_session(None);
            return self.end_refresh(store, record, Err(refused.1), need.into());
        }
        let rejected = need.as_ref().and_then(|need| need.refused.as_ref());
        let fresh_enough = match &need {
            Some(_) => !ends_soon(session, now),
            None => !is_due(session, now),
        };
        if fresh_enough && rejected != Some(session.access_token.secret()) {
            let record = self.record.clone().filter(|_| self.is_unsaved());
            return self.end_refresh(store, record, Ok(()), need.into());
        }
        if let Some(answer) = answer
            && is_child(&answer, session)
        {
            return self.store_renewed(store, *answer, need);
        }
        let call = self.supabase().refresh(&session.refresh_token);
        self.call(call, Step::RefreshCall { store, need, sent: now });
    }

    fn with_session(&self, session: Option<AuthSession>) -> Option<Record> {
        let record = self.record.clone()?;
        Some(Record { session, ..record })
    }

    fn store_renewed(&mut self, store: StoreId, session: AuthSession, need: Option<Box<Need>>) {
        let record = self.with_session(Some(session.clone()));
        let renewal = Renewal {
            need,
            answer: Some(Box::new(session)),
            ..Renewal::default()
        };
        self.end_refresh(store, record, Ok(()), renewal);
    }

    fn end_refresh(&mut self, store: StoreId, record: Option<Record>, result: Result<(), Error>, renewal: Renewal) {
        self.finish_update(store, record, Step::RefreshStore { result, renewal });
    }

    /// The store refused this for good. What it does not hold is not built upon: the server answers to the parent of the newest
    /// token as to that one, but others send what is stored, and had this window used up a later one, that would end the session.
    pub(super) fn stay_behind(&self, record: &mut Record) {
        if let (Some(new), Some(old)) = (&mut record.session, self.session()) {
            new.refresh_token.clone_from(&old.refresh_token);
            new.generation = old.generation;
        }
    }

    /// The update around a refresh has ended: serve the need that it was for.
    pub(super) fn refreshed(&mut self, result: Result<(), Error>, renewal: Renewal, now: Millis) {
        if renewal.refused.is_some() {
            return self.begin_renewal(renewal);
        }
        if let Err(error) = &result
            && self.session().is_some()
        {
            let pause = error.retry_after_ms.unwrap_or(0).clamp(REST_MS, LONGEST_REST_MS);
            self.rest = Some(Rest {
                until: now.plus(pause),
                answer: error.status.map(|_| error.clone()),
            });
        }
        let Some(need) = renewal.need else { return };
        match result {
            Ok(()) => self.serve_with_token(need),
            // A token that still lives serves, unless the server refused that very one.
            Err(_) if self.lives(&need, now) => self.serve_with_token(need),
            Err(error) => self.reply(need.request, Err(error)),
        }
    }

    pub(super) fn refresh_answered(
        &mut self,
        store: StoreId,
        need: Option<Box<Need>>,
        sent: Millis,
        result: Result<Response, TransportError>,
        now: Millis,
    ) {
        // A window that was asleep meanwhile may have lost the lock: what came may be older than what others stored.
        let late = now.since(sent) > LATE_MS;
        let outcome = self
            .success(if late { Err(TransportError::Timeout) } else { result })
            .and_then(|response| self.supabase().parse_session(&response.body, now));
        let Some(old) = self.session() else { return };
        match outcome {
            Ok(mut session) => {
                session.generation = old.generation.saturating_add(1);
                self.store_renewed(store, session, need);
            }
            Err(error) => {
                let rejected = need.as_ref().and_then(|need| need.refused.as_ref());
                let ended = error.code == ErrorCode::SessionExpired
                    && (old.expires_at <= now || rejected == Some(old.access_token.secret()));
                let refused = ended.then(|| Box::new((old.refresh_token.clone(), error.clone())));
                let renewal = Renewal {
                    need,
                    refused,
                    ..Renewal::default()
                };
                self.end_refresh(store, None, Err(error), renewal);
            }
        }
    }

    /// Whether the token in memory serves this need although a newer one could not be had.
    pub(super) fn lives(&self, need: &Need, now: Millis) -> bool {
        self.session().is_some_and(|session| {
            session.expires_at > now && need.refused.as_ref() != Some(session.access_token.secret())
        })
    }

    /// The rest, unless it is over, or the clock was set back.
    fn resting(&self, now: Millis) -> Option<&Rest> {
        let rest = self.rest.as_ref()?;
        (1..=LONGEST_REST_MS).contains(&rest.until.since(now)).then_some(rest)
    }

    /// Renews for a need, or does what the rest after a failure allows.
    pub(super) fn renew_for(&mut self, need: Box<Need>, now: Millis) {
        match self.resting(now).map(|rest| rest.answer.clone()) {
            Some(_) if self.lives(&need, now) => self.serve_with_token(need),
            Some(Some(error)) => self.reply(need.request, Err(error)),
            _ => self.begin_refresh(Some(need)),
        }
    }

    pub(super) fn woken(&mut self, now: Millis) {
        self.look();
        let due = self.session().is_some_and(|session| is_due(session, now));
        if self.focused && due && self.resting(now).is_none() {
            self.begin_refresh(None);
        } else if self.is_unsaved() {
            self.begin_write(Write::Again);
        }
    }

    pub(super) fn focus(&mut self, focused: bool) {
        self.focused = focused;
        if focused {
            self.look();
        }
    }

    /// Asks to be woken when something is due. An earlier wake does no harm; a later one is replaced.
    pub(super) fn plan(&mut self, now: Millis) {
        let renewal = self.session().filter(|_| self.focused).map(|session| {
            let at = if is_due(session, now) { now } else { refresh_at(session) };
            self.resting(now).map_or(at, |rest| at.max(rest.until))
        });
        let look = self.next_look(now);
        let again = self.is_unsaved().then(|| now.plus(REST_MS));
        let Some(next) = renewal.into_iter().chain(look).chain(again).min() else {
            return;
        };
        if self.wake.is_none_or(|wake| wake > next) {
            self.wake = Some(next);
            self.outputs.push(Output::WakeAt(next));
        }
    }
}

impl From<Option<Box<Need>>> for Renewal {
    fn from(need: Option<Box<Need>>) -> Self {
        Self {
            need,
            ..Self::default()
        }
    }
}

/// When the token is to be renewed without anybody asking: at 80 % of its life.
fn refresh_at(session: &AuthSession) -> Millis {
    session.issued_at.plus((life(session) / 5 * 4).max(SHORTEST_LIFE_MS))
}

fn is_due(session: &AuthSession, now: Millis) -> bool {
    now >= refresh_at(session) || was_set_back(session, now)
}

/// Whether the token is as good as ended.
pub(super) fn ends_soon(session: &AuthSession, now: Millis) -> bool {
    session.expires_at <= now.plus(EXPIRY_MARGIN_MS.min(life(session) / 5)) || was_set_back(session, now)
}

/// Whether the clock was set back since the token came, so that nobody knows how old it is.
const fn was_set_back(session: &AuthSession, now: Millis) -> bool {
    session.issued_at.since(now) > CLOCK_SLACK_MS
}

/// Whether a refresh of this parent gave this session.
fn is_child(session: &AuthSession, parent: &AuthSession) -> bool {
    is_same(session, parent) && parent.generation.saturating_add(1) == session.generation
}

const fn life(session: &AuthSession) -> u64 {
    session.expires_at.since(session.issued_at)
}
