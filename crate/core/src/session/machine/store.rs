//! What comes back from the session store, and what is written there.

use alloc::boxed::Box;

use super::{Job, Session, Step, Write};
use crate::auth::{AuthSession, Millis};
use crate::error::{Error, ErrorCode};
use crate::oauth::FlowState;
use crate::secret::Secret;
use crate::session::{Answer, Change, Event, Output, Record, SignedOutReason, StoreError, StoreId};

impl Session {
    pub(super) fn loaded(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        let Some(Step::Load(then)) = self.take_step(store.0) else {
            return;
        };
        let stored = self.read_record(result);
        match (&mut self.record, stored) {
            (None, stored) => {
                let record = stored.unwrap_or_default();
                self.validated_at = record.session.as_ref().map_or(Millis(0), |session| session.issued_at);
                self.record = Some(record);
                // The job that needed the store; a reload has nothing more to do.
                if !matches!(*then, Job::Reload) {
                    self.start(*then, now);
                }
            }
            // An unreadable or failing store tells nothing about other windows.
            (Some(_), None) => {}
            (Some(_), Some(stored)) => self.adopt(stored),
        }
    }

    /// The stored record; `None` when the store failed. What does not parse counts as empty, and is said once.
    fn read_record(&mut self, result: Result<Option<Secret>, StoreError>) -> Option<Record> {
        match result {
            Ok(None) => Some(Record::default()),
            Ok(Some(text)) => Some(
                Record::from_text(&text, &self.config.supabase.base).unwrap_or_else(|_| {
                    self.emit(Event::StoredSessionUnreadable);
                    Record::default()
                }),
            ),
            Err(StoreError) => {
                self.emit(Event::StoreFailed);
                None
            }
        }
    }

    /// Takes over what the store holds now, if it works.
    pub(super) fn adopt_current(&mut self, current: Result<Option<Secret>, StoreError>) {
        if let Some(stored) = self.read_record(current) {
            self.adopt(stored);
        }
    }

    /// Takes over what another window stored.
    fn adopt(&mut self, mut stored: Record) {
        let before = self.session().cloned();
        let outdated = match (&before, &stored.session) {
            // A text from before our last renewal: what it names was used up.
            (Some(old), Some(new)) if old.account.session_id == new.account.session_id => {
                (1..old.generation).contains(&new.generation)
            }
            _ => before.is_some() && self.unsaved,
        };
        if outdated {
            stored.session.clone_from(&before);
        } else {
            self.unsaved = false;
        }
        let after = stored.session.clone();
        self.record = Some(stored);
        match (before, after) {
            (None, Some(new)) => self.began(&new),
            (Some(old), None) => self.lost(old),
            (Some(old), Some(new)) if old.account != new.account => {
                self.lost(old);
                self.began(&new);
            }
            (Some(old), Some(new)) if old.access_token != new.access_token => self.renewed(&new),
            (_, _) => {}
        }
    }

    /// Another window ended this session.
    fn lost(&mut self, session: AuthSession) {
        let event = Event::SignedOut(session.account, SignedOutReason::Elsewhere);
        self.emit(event);
    }

    pub(super) fn update_began(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        match self.take_step(store.0) {
            Some(Step::Write(write)) => self.write(store, write, result),
            Some(Step::RefreshLock(renewal)) => self.refresh_locked(store, renewal, result, now),
            Some(Step::AccessLock(need)) => self.access_locked(store, need, result, now),
            Some(Step::FlowLock { request, proof }) => self.flow_locked(store, request, proof, result, now),
            _ => {}
        }
    }

    /// Reads the store; then the job goes on.
    pub(super) fn load(&mut self, then: Job) {
        let store = StoreId(self.id());
        self.outputs.push(Output::Load(store));
        self.step = Some((store.0, Step::Load(Box::new(then))));
    }

    /// Asks for an exclusive update of the store, for this step.
    pub(super) fn begin_update(&mut self, step: Step) {
        let store = StoreId(self.id());
        self.outputs.push(Output::BeginUpdate(store));
        self.step = Some((store.0, step));
    }

    pub(super) fn begin_write(&mut self, write: Write) {
        self.begin_update(Step::Write(write));
    }

    /// The update is ours: change memory and store together.
    fn write(&mut self, store: StoreId, mut write: Write, current: Result<Option<Secret>, StoreError>) {
        self.adopt_current(current);
        let mut record = self.record.take().unwrap_or_default();
        let change = match &mut write {
            Write::SignOut { was, .. } => {
                *was = record.session.take().map(Box::new);
                record = Record::default();
                None
            }
            Write::SignIn { session, .. } => {
                // Whatever else was begun is over.
                record.flow = None;
                self.record = Some(record);
                let change = self.take_up(session);
                return self.end_update(store, change, write);
            }
            Write::Flow { flow, .. } => {
                record.flow = Some((**flow).clone());
                None
            }
            Write::EndFlow(nonce) => {
                let flow = record.flow.as_ref();
                if flow.is_some_and(|flow| flow.nonce == *nonce && matches!(flow.state, FlowState::Pending(_))) {
                    record.flow = None;
                    None
                } else {
                    Some(Change::Keep)
                }
            }
            Write::Access { .. } | Write::Nothing => Some(Change::Keep),
        };
        self.record = Some(record);
        let change = change.unwrap_or_else(|| self.keep());
        self.end_update(store, change, write);
    }

    /// Puts a session in the place of the one that is there. The same user keeps this device's key; anybody else starts
    /// without one.
    pub(super) fn take_up(&mut self, session: &AuthSession) -> Change {
        if let Some(old) = self.session().filter(|old| old.account != session.account).cloned() {
            self.left(&old);
        }
        let kept = self.record.take().unwrap_or_default();
        self.record = Some(Record {
            session: Some(session.clone()),
            model_access: kept
                .model_access
                .filter(|access| access.user_id == session.account.user_id),
            flow: kept.flow,
        });
        self.keep()
    }

    pub(super) fn end_update(&mut self, store: StoreId, change: Change, write: Write) {
        self.finish_update(store, change, Step::Written(write));
    }

    pub(super) fn finish_update(&mut self, store: StoreId, change: Change, step: Step) {
        self.saving = change != Change::Keep;
        self.outputs.push(Output::EndUpdate(store, change));
        self.step = Some((store.0, step));
    }

    /// What the store is to hold: what memory holds.
    pub(super) fn keep(&self) -> Change {
        match &self.record {
            Some(record) if !record.is_empty() => Change::Replace(record.to_text(&self.supabase().base)),
            _ => Change::Erase,
        }
    }

    pub(super) fn update_ended(&mut self, store: StoreId, stored: Result<(), StoreError>, now: Millis) {
        let step = self.take_step(store.0);
        if step.is_some() && self.saving {
            self.unsaved = stored.is_err() && self.session().is_some();
        }
        match step {
            Some(Step::Written(write)) => self.written(write, stored),
            Some(Step::RefreshStore { result, renewal }) => {
                if stored.is_err() {
                    self.emit(Event::StoreFailed);
                }
                self.refreshed(result, renewal, now);
            }
            _ => {}
        }
    }

    fn written(&mut self, write: Write, stored: Result<(), StoreError>) {
        if stored.is_err() && !matches!(write, Write::SignOut { .. }) {
            self.emit(Event::StoreFailed);
        }
        match write {
            Write::SignIn { request, session, way } => {
                self.began(&session);
                let account = session.account;
                let answer = match way {
                    Some(way) => Answer::Completed(account, way),
                    None => Answer::SignedIn(account),
                };
                self.reply(request, Ok(answer));
            }
            Write::Flow { request, flow, url } => {
                let nonce = flow.nonce;
                self.reply(request, Ok(Answer::Pending { nonce, url }));
            }
            Write::Access { request, access } => self.reply(request, Ok(Answer::ModelAccess(*access))),
            Write::SignOut { request, was } => {
                if let Some(session) = was {
                    self.left(&session);
                }
                let failed = |StoreError| Error::new(ErrorCode::StoreFailed);
                self.reply(request, stored.map(|()| Answer::Done).map_err(failed));
            }
            Write::EndFlow(_) | Write::Nothing => {}
        }
    }
}
