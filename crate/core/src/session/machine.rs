//! The machine itself. One job at a time; what a job waits for is its [`Step`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

mod needs;
mod refresh;
mod store;

use self::refresh::refresh_at;
use super::{Answer, Ask, Config, Event, HttpId, Input, Output, Record, RequestId, SignedOutReason, StoreId};
use crate::auth::{Account, AuthSession, Millis, SignUp};
use crate::device::ModelAccess;
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::secret::Secret;

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
    /// Whether another window of this device got a key at the same moment: the store is read once more, and a second
    /// conflict stands.
    conflicted: bool,
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
                conflicted: false,
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
                    conflicted: false,
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
                    conflicted: false,
                })
            }
            Ask::Rpc { function, body } => Job::Serve(Need {
                request,
                what: What::Rpc { function, body },
                refused: None,
                conflicted: false,
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

    fn reply(&mut self, request: RequestId, answer: Result<Answer, Error>) {
        self.outputs.push_back(Output::Reply(request, answer));
    }

    fn id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

#[cfg(test)]
mod tests;
