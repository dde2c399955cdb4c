//! What comes back from the session store, and what is written there.

use super::refresh::refresh_at;
use super::{Job, Session, Step, Write};
use crate::auth::Millis;
use crate::error::{Error, ErrorCode};
use crate::secret::Secret;
use crate::session::{Answer, Change, Event, Output, Record, SignedOutReason, StoreError, StoreId};

impl Session {
    pub(super) fn loaded(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        let then = match self.step.take() {
            Some(Step::Load { store: expected, then }) if expected == store => then,
            other => {
                self.step = other;
                return;
            }
        };
        let stored = self.read_record(result);
        match (&mut self.record, stored) {
            (None, stored) => {
                let record = stored.unwrap_or_default();
                if let Some(session) = &record.session {
                    self.outputs.push_back(Output::WakeAt(refresh_at(session)));
                }
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
    pub(super) fn read_record(&mut self, result: Result<Option<Secret>, StoreError>) -> Option<Record> {
        match result {
            Ok(None) => Some(Record::default()),
            Ok(Some(text)) => Some(
                Record::from_text(&text, &self.config.supabase.base).unwrap_or_else(|_| {
                    self.outputs.push_back(Output::Emit(Event::StoredSessionUnreadable));
                    Record::default()
                }),
            ),
            Err(StoreError) => {
                self.outputs.push_back(Output::Emit(Event::StoreFailed));
                None
            }
        }
    }

    /// Takes over what another window stored.
    pub(super) fn adopt(&mut self, stored: Record) {
        let before = self.session().cloned();
        let after = stored.session.clone();
        self.record = Some(stored);
        match (before, after) {
            (None, Some(new)) => self.began(&new),
            (Some(old), None) => {
                let event = Event::SignedOut(old.account, SignedOutReason::Elsewhere);
                self.outputs.push_back(Output::Emit(event));
            }
            (Some(old), Some(new)) if old.account != new.account => {
                let event = Event::SignedOut(old.account, SignedOutReason::Elsewhere);
                self.outputs.push_back(Output::Emit(event));
                self.began(&new);
            }
            (Some(old), Some(new)) if old.access_token != new.access_token => self.renewed(&new),
            (_, _) => {}
        }
    }

    pub(super) fn update_began(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
        match self.step.take() {
            Some(Step::Write {
                store: expected,
                write,
                ending: false,
            }) if expected == store => {
                self.write(store, write, result);
            }
            Some(Step::RefreshLock { store: expected, need }) if expected == store => {
                self.refresh_locked(store, need, result, now);
            }
            other => self.step = other,
        }
    }

    pub(super) fn begin_write(&mut self, write: Write) {
        let store = StoreId(self.id());
        self.outputs.push_back(Output::BeginUpdate(store));
        self.step = Some(Step::Write {
            store,
            write,
            ending: false,
        });
    }

    /// The update is ours: change memory and store together.
    pub(super) fn write(&mut self, store: StoreId, write: Write, current: Result<Option<Secret>, StoreError>) {
        let change = match &write {
            Write::SignOut { .. } => {
                self.record = Some(Record::default());
                Change::Erase
            }
            Write::SignIn { session, .. } => {
                if let Some(old) = self.session().filter(|old| old.account != session.account).cloned() {
                    self.left(&old);
                }
                // The same user keeps this device's key; anybody else starts without one.
                let kept = self
                    .read_record(current)
                    .or_else(|| self.record.take())
                    .unwrap_or_default();
                let model_access = kept
                    .model_access
                    .filter(|access| access.user_id == session.account.user_id);
                let record = Record {
                    session: Some((**session).clone()),
                    model_access,
                };
                self.replace(record)
            }
            Write::Access { access, .. } => {
                let session = match self.read_record(current) {
                    Some(stored) => stored.session,
                    None => self.session().cloned(),
                };
                // Signed out elsewhere, or somebody else signed in, while the key was issued: it is not theirs.
                match session {
                    Some(session) if session.account.user_id == access.user_id => {
                        let model_access = Some((**access).clone());
                        self.replace(Record {
                            session: Some(session),
                            model_access,
                        })
                    }
                    _ => Change::Keep,
                }
            }
        };
        self.outputs.push_back(Output::EndUpdate(store, change));
        self.step = Some(Step::Write {
            store,
            write,
            ending: true,
        });
    }

    pub(super) fn replace(&mut self, record: Record) -> Change {
        let text = record.to_text(&self.config.supabase.base);
        self.record = Some(record);
        Change::Replace(text)
    }

    pub(super) fn update_ended(&mut self, store: StoreId, stored: Result<(), StoreError>, now: Millis) {
        match self.step.take() {
            Some(Step::Write {
                store: expected,
                write,
                ending: true,
            }) if expected == store => {
                self.written(write, stored);
            }
            Some(Step::RefreshStore {
                store: expected,
                result,
                need,
            }) if expected == store => {
                if stored.is_err() {
                    self.outputs.push_back(Output::Emit(Event::StoreFailed));
                }
                self.refreshed(result, need, now);
            }
            other => self.step = other,
        }
    }

    pub(super) fn written(&mut self, write: Write, stored: Result<(), StoreError>) {
        match write {
            Write::SignIn { request, session } => {
                if stored.is_err() {
                    self.outputs.push_back(Output::Emit(Event::StoreFailed));
                }
                self.began(&session);
                self.reply(request, Ok(Answer::SignedIn(session.account)));
            }
            Write::Access { request, access } => {
                if stored.is_err() {
                    self.outputs.push_back(Output::Emit(Event::StoreFailed));
                }
                self.reply(request, Ok(Answer::ModelAccess(*access)));
            }
            Write::SignOut { request, was } => {
                if let Some(session) = was {
                    self.left(&session);
                }
                let failed = |StoreError| Error::new(ErrorCode::StoreFailed);
                self.reply(request, stored.map(|()| Answer::Done).map_err(failed));
            }
        }
    }
}
