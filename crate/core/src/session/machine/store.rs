//! What comes back from the session store, and what is written there.

use alloc::boxed::Box;

use super::merge::merge;
use super::{Job, Session, Step, Write};
use crate::auth::Millis;
use crate::error::{Error, ErrorCode};
use crate::oauth::{Flow, FlowState};
use crate::secret::Secret;
use crate::session::{Answer, Change, Event, Output, Record, SignedOutReason, StoreError, StoreId};

impl Session {
    pub(super) fn loaded(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        let Some(Step::Load(then)) = self.take_step(store.0) else {
            return;
        };
        let stored = self.read_record(result);
        if self.record.is_some() {
            // A failing store tells nothing about other windows.
            if let Some(stored) = stored {
                self.adopt(stored);
            }
            return;
        }
        self.stored.clone_from(&stored);
        let record = stored.unwrap_or_default();
        self.validated_at = record.session.as_ref().map_or(Millis(0), |session| session.issued_at);
        self.record = Some(record);
        // The job that needed the store; a reload has nothing more to do.
        if !matches!(*then, Job::Reload) {
            self.start(*then, now);
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

    /// Takes over what other windows stored.
    fn adopt(&mut self, stored: Record) {
        let mine = self.record.clone().unwrap_or_default();
        let merged = merge(mine, self.stored.as_ref(), &stored);
        self.stored = Some(stored);
        self.turn_into(merged, SignedOutReason::Elsewhere);
    }

    /// Whether memory holds what the store did not take.
    pub(super) fn is_unsaved(&self) -> bool {
        match (&self.record, &self.stored) {
            (Some(record), Some(stored)) => record != stored,
            (Some(record), None) => !record.is_empty(),
            (None, _) => false,
        }
    }

    pub(super) fn update_began(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        self.began = result.is_ok();
        match self.take_step(store.0) {
            Some(Step::Write(write)) => {
                self.adopt_current(result);
                self.write(store, write);
            }
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

    /// The update is ours, and memory is what the store holds: change both together.
    pub(super) fn write(&mut self, store: StoreId, write: Write) {
        let mut record = self.record.clone().unwrap_or_default();
        let writes = match &write {
            Write::SignOut(_) => {
                record = Record::default();
                true
            }
            Write::SignIn { request, session, flow } => {
                if let Some((nonce, _)) = flow {
                    let Some(flow) = pending(&mut record.flow, nonce) else {
                        // Another window ended it while this one stood still.
                        self.revoke(session);
                        self.reply(*request, Err(ErrorCode::CallbackUsed.into()));
                        return self.end_update(store, None, Write::Nothing);
                    };
                    flow.state = FlowState::Completed;
                } else {
                    // Whatever else was begun is over.
                    record.flow = None;
                }
                // The same user keeps this device's key; anybody else starts without one.
                let user_id = &session.account.user_id;
                record.model_access = record.model_access.filter(|access| access.user_id == *user_id);
                record.session = Some((**session).clone());
                true
            }
            Write::Flow { flow, .. } => {
                record.flow = Some((**flow).clone());
                true
            }
            Write::EndFlow(nonce, failed) => match (pending(&mut record.flow, nonce), failed) {
                (None, _) => false,
                (Some(flow), Some(code)) => {
                    flow.state = FlowState::Failed(*code);
                    true
                }
                (Some(_), None) => {
                    record.flow = None;
                    true
                }
            },
            Write::Access { access, .. } => {
                // Signed out elsewhere, or somebody else signed in, while the key was issued: it is not theirs.
                let user = record.session.as_ref().map(|session| session.account.user_id.as_str());
                let theirs = user == Some(access.user_id.as_str());
                if theirs {
                    record.model_access = Some((**access).clone());
                }
                theirs
            }
            Write::Again => true,
            Write::Nothing => false,
        };
        self.end_update(store, writes.then_some(record), write);
    }

    pub(super) fn end_update(&mut self, store: StoreId, record: Option<Record>, write: Write) {
        self.finish_update(store, record, Step::Written(write));
    }

    /// Ends the update with this record, or leaves the store as it is.
    pub(super) fn finish_update(&mut self, store: StoreId, record: Option<Record>, step: Step) {
        let change = match &record {
            None => Change::Keep,
            Some(record) if record.is_empty() => Change::Erase,
            Some(record) => Change::Replace(record.to_text(&self.supabase().base)),
        };
        self.writing = record;
        self.outputs.push(Output::EndUpdate(store, change));
        self.step = Some((store.0, step));
    }

    /// The fence: what the store refused was perhaps decided under a lock that is lost. Then the job looks at the store once
    /// more and decides again; what is refused twice holds in this window.
    pub(super) fn update_ended(&mut self, store: StoreId, result: Result<(), StoreError>, now: Millis) {
        let Some(step) = self.take_step(store.0) else { return };
        let writing = self.writing.take();
        if result.is_err() && writing.is_some() && self.began && !self.repeated {
            self.repeated = true;
            return match step {
                Step::RefreshStore { renewal, .. } => self.begin_renewal(renewal),
                Step::Written(write) => self.begin_write(write),
                _ => {}
            };
        }
        if result.is_err() {
            self.emit(Event::StoreFailed);
        }
        match step {
            Step::Written(write) => self.written(write, writing, result),
            Step::RefreshStore {
                result: renewed,
                renewal,
            } => {
                if let Some(mut record) = writing {
                    if result.is_err() {
                        self.stay_behind(&mut record);
                    }
                    self.hold(record, result, SignedOutReason::Expired);
                }
                self.refreshed(renewed, renewal, now);
            }
            _ => {}
        }
    }

    /// Memory holds this from now on, and the store as well, unless it failed.
    fn hold(&mut self, record: Record, result: Result<(), StoreError>, reason: SignedOutReason) {
        if result.is_ok() {
            self.stored = Some(record.clone());
        }
        self.turn_into(record, reason);
    }

    fn written(&mut self, write: Write, writing: Option<Record>, result: Result<(), StoreError>) {
        if let (
            Err(StoreError),
            Write::SignIn {
                flow: Some((nonce, _)), ..
            }
            | Write::EndFlow(nonce, Some(_)),
        ) = (result, &write)
            && self.is_shared(nonce)
        {
            // The others have this flow too, and would not know that it is over.
            if let Write::SignIn { request, session, .. } = &write {
                self.revoke(session);
                self.reply(*request, Err(ErrorCode::StoreFailed.into()));
            }
            return;
        }
        let before = self.session().cloned();
        if let Some(record) = writing {
            self.hold(record, result, SignedOutReason::User);
        }
        // The session that the user left. One that the store still holds is the others', unless they are to sign out.
        if let Some(left) = before
            && (matches!(write, Write::SignOut(_)) || (result.is_ok() && matches!(write, Write::SignIn { .. })))
        {
            self.revoke(&left);
        }
        match write {
            Write::SignIn { request, session, flow } => {
                let account = session.account;
                let answer = match flow {
                    Some((_, way)) => Answer::Completed(account, way),
                    None => Answer::SignedIn(account),
                };
                self.reply(request, Ok(answer));
            }
            Write::Flow { request, flow, url } => {
                let nonce = flow.nonce;
                self.reply(request, Ok(Answer::Pending { nonce, url }));
            }
            Write::Access { request, access } => self.reply(request, Ok(Answer::ModelAccess(*access))),
            Write::SignOut(request) => {
                let failed = |StoreError| Error::new(ErrorCode::StoreFailed);
                self.reply(request, result.map(|()| Answer::Done).map_err(failed));
            }
            Write::EndFlow(..) | Write::Again | Write::Nothing => {}
        }
    }

    /// Whether the store has the flow of this nonce, so that any window can end it.
    pub(super) fn is_shared(&self, nonce: &str) -> bool {
        let flow = self.stored.as_ref().and_then(|stored| stored.flow.as_ref());
        flow.is_some_and(|flow| flow.nonce == nonce)
    }
}

/// The flow of this nonce, if it waits.
fn pending<'a>(flow: &'a mut Option<Flow>, nonce: &str) -> Option<&'a mut Flow> {
    flow.as_mut()
        .filter(|flow| flow.nonce == nonce && matches!(flow.state, FlowState::Pending(_)))
}
