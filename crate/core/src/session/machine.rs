//! The machine itself. One job at a time; what a job waits for is its [`Step`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{
    Answer, Ask, Change, Config, Event, HttpId, Input, Output, Record, RequestId, SignedOutReason, StoreError, StoreId,
};
use crate::auth::{Account, AuthSession, Millis, SignUp};
use crate::device::{self, ModelAccess};
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::secret::Secret;

/// An access token that ends within this time counts as ended, in milliseconds (the reference client's margin); one
/// whose whole life is short, within a fifth of it.
const EXPIRY_MARGIN_MS: u64 = 90_000;
/// After a failed refresh the machine does not refresh by itself for this long, in milliseconds.
const REST_MS: u64 = 60_000;

/// The session machine.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// `None` until the store has been read.
    record: Option<Record>,
    step: Option<Step>,
    jobs: VecDeque<Job>,
    calls: Vec<(HttpId, Call)>,
    outputs: VecDeque<Output>,
    next_id: u32,
}

/// A job, in the order in which they were asked for.
#[derive(Debug)]
enum Job {
    Restore(RequestId),
    Authenticate(RequestId, Credentials),
    SignOut(RequestId),
    Serve(Need),
    Reload,
    ScheduledRefresh,
}

#[derive(Debug)]
struct Credentials {
    kind: Kind,
    email: String,
    password: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SignUp,
    SignIn,
    /// Another confirmation e-mail; it has no password.
    Resend,
}

/// Something that needs a token.
#[derive(Debug)]
struct Need {
    request: RequestId,
    what: What,
    /// The access token that the server refused for this need: it is replaced once, and a second refusal stands.
    refused: Option<Secret>,
}

#[derive(Debug)]
enum What {
    AccessToken,
    ModelAccess { refused_key_id: Option<String> },
    Rpc { function: &'static str, body: String },
}

/// What the job under way waits for.
#[derive(Debug)]
enum Step {
    Load {
        store: StoreId,
        then: Box<Job>,
    },
    Authenticate {
        request: RequestId,
        kind: Kind,
        http: HttpId,
    },
    /// The exclusive update that writes `write` has been asked for, or (`ending`) ended.
    Write {
        store: StoreId,
        write: Write,
        ending: bool,
    },
    RefreshLock {
        store: StoreId,
        need: Option<Need>,
    },
    RefreshCall {
        store: StoreId,
        http: HttpId,
        need: Option<Need>,
    },
    RefreshStore {
        store: StoreId,
        result: Result<(), Error>,
        need: Option<Need>,
    },
    Provision {
        http: HttpId,
        need: Need,
    },
}

#[derive(Debug)]
enum Write {
    SignIn {
        request: RequestId,
        session: Box<AuthSession>,
    },
    SignOut {
        request: RequestId,
        was: Option<Box<AuthSession>>,
    },
    Access {
        request: RequestId,
        access: Box<ModelAccess>,
    },
}

/// A call that runs beside the jobs.
#[derive(Debug)]
enum Call {
    Rpc { need: Need, token: Secret },
    Logout,
}

impl Session {
    /// A machine that has not looked into the store yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            record: None,
            step: None,
            jobs: VecDeque::new(),
            calls: Vec::new(),
            outputs: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, input: Input, now: Millis) {
        match input {
            Input::Ask(request, ask) => self.ask(request, ask, now),
            Input::Cancel(request) => self.cancel(request),
            Input::StoreChanged => self.jobs.push_back(Job::Reload),
            Input::Wake => self.jobs.push_back(Job::ScheduledRefresh),
            Input::Http(http, result) => self.http(http, result, now),
            Input::Loaded(store, result) => self.loaded(store, result, now),
            Input::UpdateBegan(store, result) => self.update_began(store, result, now),
            Input::UpdateEnded(store, result) => self.update_ended(store, result, now),
        }
        while self.step.is_none() {
            let Some(job) = self.jobs.pop_front() else { break };
            self.start(job, now);
        }
    }

    /// The next thing to do, until there is none.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Who is signed in, as far as memory knows.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.session().map(|session| &session.account)
    }

    fn session(&self) -> Option<&AuthSession> {
        self.record.as_ref()?.session.as_ref()
    }

    fn ask(&mut self, request: RequestId, ask: Ask, now: Millis) {
        let job = match ask {
            Ask::Restore => Job::Restore(request),
            Ask::SignUp { email, password } => Job::Authenticate(
                request,
                Credentials {
                    kind: Kind::SignUp,
                    email,
                    password,
                },
            ),
            Ask::SignIn { email, password } => Job::Authenticate(
                request,
                Credentials {
                    kind: Kind::SignIn,
                    email,
                    password,
                },
            ),
            Ask::ResendConfirmation { email } => Job::Authenticate(
                request,
                Credentials {
                    kind: Kind::Resend,
                    email,
                    password: Secret::from(""),
                },
            ),
            Ask::SignOut => Job::SignOut(request),
            Ask::AccessToken => Job::Serve(Need {
                request,
                what: What::AccessToken,
                refused: None,
            }),
            Ask::ModelAccess => {
                // A key in memory is good whatever the account's server does, even while a refresh is under way.
                if let Some(access) = self.usable_access(None, now) {
                    let access = access.clone();
                    self.reply(request, Ok(Answer::ModelAccess(access)));
                    return;
                }
                Job::Serve(Need {
                    request,
                    what: What::ModelAccess { refused_key_id: None },
                    refused: None,
                })
            }
            Ask::ReplaceModelKey { key_id } => {
                let what = What::ModelAccess {
                    refused_key_id: Some(key_id),
                };
                Job::Serve(Need {
                    request,
                    what,
                    refused: None,
                })
            }
            Ask::Rpc { function, body } => Job::Serve(Need {
                request,
                what: What::Rpc { function, body },
                refused: None,
            }),
        };
        self.jobs.push_back(job);
    }

    /// Gives up what can be given up without leaving the store or the server half changed.
    fn cancel(&mut self, request: RequestId) {
        if let Some(Step::Authenticate {
            request: current, http, ..
        }) = &self.step
            && *current == request
        {
            let http = *http;
            self.step = None;
            self.outputs.push_back(Output::CancelHttp(http));
            self.reply(request, Err(ErrorCode::Cancelled.into()));
            return;
        }
        let waiting = self.jobs.iter().position(|job| match job {
            Job::Authenticate(waiting, _) => *waiting == request,
            Job::Serve(need) => need.request == request,
            _ => false,
        });
        if let Some(index) = waiting {
            self.jobs.remove(index);
            self.reply(request, Err(ErrorCode::Cancelled.into()));
        }
    }

    fn start(&mut self, job: Job, now: Millis) {
        if self.record.is_none() {
            let store = StoreId(self.id());
            self.outputs.push_back(Output::Load(store));
            self.step = Some(Step::Load {
                store,
                then: Box::new(job),
            });
            return;
        }
        match job {
            Job::Restore(request) => {
                let account = self.account().cloned();
                self.reply(request, Ok(Answer::Account(account)));
            }
            Job::Authenticate(request, credentials) => self.authenticate(request, &credentials),
            Job::SignOut(request) => {
                let was = self.session().cloned().map(Box::new);
                self.begin_write(Write::SignOut { request, was });
            }
            Job::Serve(need) => self.serve(need, now),
            Job::Reload => {
                // A second load compares with what is in memory; see `loaded`.
                let store = StoreId(self.id());
                self.outputs.push_back(Output::Load(store));
                self.step = Some(Step::Load {
                    store,
                    then: Box::new(Job::Reload),
                });
            }
            Job::ScheduledRefresh => match self.session() {
                Some(session) if now >= refresh_at(session) => self.begin_refresh(None),
                Some(session) => {
                    let at = refresh_at(session);
                    self.outputs.push_back(Output::WakeAt(at));
                }
                None => {}
            },
        }
    }

    fn authenticate(&mut self, request: RequestId, credentials: &Credentials) {
        let Credentials { kind, email, password } = credentials;
        if email.trim().is_empty() || (password.is_empty() && *kind != Kind::Resend) {
            self.reply(request, Err(ErrorCode::ValidationFailed.into()));
            return;
        }
        let call = match kind {
            Kind::SignUp => self.config.supabase.sign_up(email, password),
            Kind::SignIn => self.config.supabase.sign_in(email, password),
            Kind::Resend => self.config.supabase.resend_confirmation(email),
        };
        let http = HttpId(self.id());
        self.outputs.push_back(Output::SendHttp(http, call));
        self.step = Some(Step::Authenticate {
            request,
            kind: *kind,
            http,
        });
    }

    /// Serves a need from memory, or begins what it takes.
    fn serve(&mut self, need: Need, now: Millis) {
        if let What::ModelAccess { refused_key_id } = &need.what
            && let Some(access) = self.usable_access(refused_key_id.as_deref(), now)
        {
            let access = access.clone();
            self.reply(need.request, Ok(Answer::ModelAccess(access)));
            return;
        }
        let Some(session) = self.session() else {
            self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            return;
        };
        let token = session.access_token.secret();
        if need.refused.as_ref() == Some(token) || ends_soon(session, now) {
            self.begin_refresh(Some(need));
            return;
        }
        self.serve_with_token(need);
    }

    /// Serves a need with the access token in memory, which the caller found good enough.
    fn serve_with_token(&mut self, need: Need) {
        let Some(session) = self.session() else {
            self.reply(need.request, Err(ErrorCode::NotAuthenticated.into()));
            return;
        };
        let credential = session.access_token.clone();
        match &need.what {
            What::AccessToken => self.reply(need.request, Ok(Answer::AccessToken(credential.secret().clone()))),
            What::ModelAccess { .. } => {
                match device::request(&self.config.supabase, &self.config.device, &credential) {
                    Ok(call) => {
                        let http = HttpId(self.id());
                        self.outputs.push_back(Output::SendHttp(http, call));
                        self.step = Some(Step::Provision { http, need });
                    }
                    Err(error) => self.reply(need.request, Err(error)),
                }
            }
            What::Rpc { function, body } => {
                let path = format!("/rest/v1/rpc/{function}");
                match self.config.supabase.authorized(&path, &credential) {
                    Ok(call) => {
                        let call = call.json(body.clone());
                        let http = HttpId(self.id());
                        self.outputs.push_back(Output::SendHttp(http, call));
                        self.calls.push((
                            http,
                            Call::Rpc {
                                need,
                                token: credential.secret().clone(),
                            },
                        ));
                    }
                    Err(error) => self.reply(need.request, Err(error)),
                }
            }
        }
    }

    /// The model key in memory, if this user can use it at the endpoint that is set, and it was not refused.
    fn usable_access(&self, refused_key_id: Option<&str>, now: Millis) -> Option<&ModelAccess> {
        let record = self.record.as_ref()?;
        let access = record.model_access.as_ref()?;
        let user = &record.session.as_ref()?.account.user_id;
        let usable = access.usable(user, now)
            && access.endpoint.origin() == self.config.litellm.origin()
            && refused_key_id != Some(access.key_id.as_str());
        usable.then_some(access)
    }

    fn begin_refresh(&mut self, need: Option<Need>) {
        let store = StoreId(self.id());
        self.outputs.push_back(Output::BeginUpdate(store));
        self.step = Some(Step::RefreshLock { store, need });
    }

    fn begin_write(&mut self, write: Write) {
        let store = StoreId(self.id());
        self.outputs.push_back(Output::BeginUpdate(store));
        self.step = Some(Step::Write {
            store,
            write,
            ending: false,
        });
    }

    // What comes back from the store.

    fn loaded(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
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
    fn read_record(&mut self, result: Result<Option<Secret>, StoreError>) -> Option<Record> {
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
    fn adopt(&mut self, stored: Record) {
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

    fn began(&mut self, session: &AuthSession) {
        self.outputs.push_back(Output::WakeAt(refresh_at(session)));
        self.outputs
            .push_back(Output::Emit(Event::SignedIn(session.account.clone())));
    }

    fn renewed(&mut self, session: &AuthSession) {
        self.outputs.push_back(Output::WakeAt(refresh_at(session)));
        self.outputs
            .push_back(Output::Emit(Event::Refreshed(session.account.clone())));
    }

    /// The user left this session: say so, here and to the server.
    fn left(&mut self, session: &AuthSession) {
        let event = Event::SignedOut(session.account.clone(), SignedOutReason::User);
        self.outputs.push_back(Output::Emit(event));
        if let Ok(call) = self.config.supabase.sign_out(&session.access_token) {
            let http = HttpId(self.id());
            self.calls.push((http, Call::Logout));
            self.outputs.push_back(Output::SendHttp(http, call));
        }
    }

    fn update_began(&mut self, store: StoreId, result: Result<Option<Secret>, StoreError>, now: Millis) {
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

    /// The update is ours: change memory and store together.
    fn write(&mut self, store: StoreId, write: Write, current: Result<Option<Secret>, StoreError>) {
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

    fn replace(&mut self, record: Record) -> Change {
        let text = record.to_text(&self.config.supabase.base);
        self.record = Some(record);
        Change::Replace(text)
    }

    /// The refresh is ours alone: adopt what a sibling stored, or ask the server.
    fn refresh_locked(
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

    fn end_refresh(&mut self, store: StoreId, change: Change, result: Result<(), Error>, need: Option<Need>) {
        self.outputs.push_back(Output::EndUpdate(store, change));
        self.step = Some(Step::RefreshStore { store, result, need });
    }

    fn update_ended(&mut self, store: StoreId, stored: Result<(), StoreError>, now: Millis) {
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

    fn written(&mut self, write: Write, stored: Result<(), StoreError>) {
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

    /// The refresh is over: serve the need that it was for.
    fn refreshed(&mut self, result: Result<(), Error>, need: Option<Need>, now: Millis) {
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

    // What comes back from servers.

    fn http(&mut self, http: HttpId, result: Result<Response, TransportError>, now: Millis) {
        if let Some(at) = self.calls.iter().position(|(id, _)| *id == http) {
            match self.calls.swap_remove(at).1 {
                // Signed out is signed out, whatever the server says to it.
                Call::Logout => {}
                Call::Rpc { need, token } => self.rpc_answered(need, token, result),
            }
            return;
        }
        match self.step.take() {
            Some(Step::Authenticate {
                request,
                kind,
                http: expected,
            }) if expected == http => {
                self.authenticated(request, kind, result, now);
            }
            Some(Step::RefreshCall {
                store,
                http: expected,
                need,
            }) if expected == http => {
                self.refresh_answered(store, need, result, now);
            }
            Some(Step::Provision { http: expected, need }) if expected == http => self.provisioned(need, result),
            other => self.step = other,
        }
    }

    fn authenticated(&mut self, request: RequestId, kind: Kind, result: Result<Response, TransportError>, now: Millis) {
        let supabase = &self.config.supabase;
        let outcome = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, supabase.base.origin().as_str())),
            Ok(response) if !response.is_success() => Err(supabase.parse_error(&response)),
            Ok(response) => match kind {
                Kind::SignIn => supabase.parse_session(&response.body, now).map(SignUp::Session),
                Kind::SignUp => supabase.parse_sign_up(&response.body, now),
                // The answer says nothing, so that nobody learns which addresses have an account.
                Kind::Resend => Ok(SignUp::ConfirmEmail),
            },
        };
        match outcome {
            Ok(SignUp::Session(session)) => self.begin_write(Write::SignIn {
                request,
                session: Box::new(session),
            }),
            Ok(SignUp::ConfirmEmail) => self.reply(request, Ok(Answer::ConfirmEmail)),
            Err(error) => self.reply(request, Err(error)),
        }
    }

    fn refresh_answered(
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

    fn provisioned(&mut self, need: Need, result: Result<Response, TransportError>) {
        let origin = self.config.supabase.base.origin().as_str();
        let outcome = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, origin)),
            Ok(response) if response.status == 401 && need.refused.is_none() => {
                let refused = self.session().map(|session| session.access_token.secret().clone());
                self.jobs.push_front(Job::Serve(Need { refused, ..need }));
                return;
            }
            Ok(response) if !response.is_success() => Err(device::parse_error(&response).at(Server::Account, origin)),
            Ok(response) => match self.session() {
                Some(session) => device::parse(&response.body, &session.account.user_id, &self.config.litellm)
                    .map_err(|error| error.at(Server::Account, origin)),
                None => Err(ErrorCode::NotAuthenticated.into()),
            },
        };
        match outcome {
            Ok(access) => {
                self.begin_write(Write::Access {
                    request: need.request,
                    access: Box::new(access),
                });
            }
            Err(error) => self.reply(need.request, Err(error)),
        }
    }

    fn rpc_answered(&mut self, need: Need, token: Secret, result: Result<Response, TransportError>) {
        let origin = self.config.supabase.base.origin().as_str();
        let answer = match result {
            Err(error) => Err(Error::from(error).at(Server::Account, origin)),
            Ok(response) if response.is_success() => Ok(Answer::Json(response.body.expose().into())),
            Ok(response) if response.status == 401 && need.refused.is_none() => {
                self.jobs.push_back(Job::Serve(Need {
                    refused: Some(token),
                    ..need
                }));
                return;
            }
            Ok(response) => Err(device::parse_error(&response).at(Server::Account, origin)),
        };
        self.reply(need.request, answer);
    }

    fn reply(&mut self, request: RequestId, answer: Result<Answer, Error>) {
        self.outputs.push_back(Output::Reply(request, answer));
    }

    fn id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

/// When the token is to be renewed without anybody asking: at 80 % of its life.
fn refresh_at(session: &AuthSession) -> Millis {
    session.issued_at.plus(life(session) / 5 * 4)
}

/// Whether the token is as good as ended.
fn ends_soon(session: &AuthSession, now: Millis) -> bool {
    session.expires_at <= now.plus(EXPIRY_MARGIN_MS.min(life(session) / 5))
}

const fn life(session: &AuthSession) -> u64 {
    session.expires_at.0.saturating_sub(session.issued_at.0)
}

#[cfg(test)]
mod tests;
