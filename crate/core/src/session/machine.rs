//! The machine itself. One job at a time; what a job waits for is its [`Step`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

mod flows;
mod merge;
mod needs;
mod refresh;
mod sign_in;
mod store;

use self::refresh::{Renewal, Rest, ends_soon};
use super::{Answer, Ask, Config, Event, HttpId, Input, Output, Record, RequestId, SignedOutReason, Start, StoreId};
use crate::auth::{Account, AuthSession, Millis, Supabase};
use crate::device::ModelAccess;
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Response, TransportError};
use crate::oauth::{self, Flow, Host, Pasted, Way};
use crate::secret::Secret;

/// The session machine.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// `None` until the store has been read.
    record: Option<Record>,
    /// What the job under way waits for, and the number of the answer.
    step: Option<(u32, Step)>,
    jobs: Vec<Job>,
    calls: Vec<(HttpId, Call)>,
    /// Who waits for the end of which flow.
    waiting: Vec<(RequestId, String)>,
    outputs: Vec<Output>,
    next_id: u32,
    focused: bool,
    rest: Option<Rest>,
    /// When the server last took the session in memory for good.
    validated_at: Millis,
    /// The time of the last [`Output::WakeAt`], until it has come.
    wake: Option<Millis>,
    /// What the store held when it was last read or written. What memory holds beside it could not be stored.
    stored: Option<Record>,
    /// What the update under way writes.
    writing: Option<Record>,
    /// The store was read when the update under way began.
    began: bool,
    /// The job under way has tried a second time to write.
    repeated: bool,
    /// Who has left while their job went on: its answer is nobody's.
    left: Vec<RequestId>,
}

/// A job, in the order in which they were asked for.
#[derive(Debug)]
enum Job {
    Restore(RequestId),
    Authenticate(RequestId, Box<Start>),
    Complete(RequestId, Pasted),
    /// Nobody waits for this flow any more.
    EndFlow(String),
    SignOut(RequestId),
    Serve(Box<Need>),
    Reload,
    Wake,
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
    /// Whether the store was read because memory had no session.
    looked: bool,
}

#[derive(Debug)]
enum What {
    AccessToken,
    ModelAccess { refused_key_id: Option<String> },
    Rpc { function: &'static str, body: String },
    SetPassword(Secret),
}

/// What the job under way waits for. `store` is the exclusive update that is held meanwhile.
#[derive(Debug)]
enum Step {
    Load(Box<Job>),
    Authenticate {
        request: RequestId,
        start: Box<Start>,
    },
    /// The exclusive update that writes this has been asked for.
    Write(Write),
    /// The update has ended.
    Written(Write),
    FlowLock {
        request: RequestId,
        proof: Pasted,
    },
    FlowCall {
        store: StoreId,
        request: RequestId,
        /// Whether a refusal ends the flow: one by its own callback does, one of what was typed does not.
        final_: bool,
    },
    RefreshLock(Renewal),
    RefreshCall {
        store: StoreId,
        need: Option<Box<Need>>,
        sent: Millis,
    },
    RefreshStore {
        result: Result<(), Error>,
        renewal: Renewal,
    },
    /// The lock under which this device's key is asked for has been asked for.
    AccessLock(Box<Need>),
    Provision {
        store: StoreId,
        need: Box<Need>,
    },
    Validate(Box<Need>),
}

/// What is written. It may be done twice: see [`Session::update_ended`].
#[derive(Debug)]
enum Write {
    SignIn {
        request: RequestId,
        session: Box<AuthSession>,
        /// The nonce and the way of the flow that it ends.
        flow: Option<(String, Way)>,
    },
    Flow {
        request: RequestId,
        flow: Box<Flow>,
        url: Option<String>,
    },
    /// The flow of this nonce waits no longer: it failed so, or it was given up.
    EndFlow(String, Option<ErrorCode>),
    SignOut(RequestId),
    Access {
        request: RequestId,
        access: Box<ModelAccess>,
    },
    /// What could not be stored before.
    Again,
    /// What was to be done is done.
    Nothing,
}

/// A call that runs beside the jobs.
#[derive(Debug)]
enum Call {
    Need { need: Box<Need>, token: Secret },
    Settings(RequestId, Host),
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
            jobs: Vec::new(),
            calls: Vec::new(),
            waiting: Vec::new(),
            outputs: Vec::new(),
            next_id: 0,
            focused: true,
            rest: None,
            validated_at: Millis(0),
            wake: None,
            stored: None,
            writing: None,
            began: false,
            repeated: false,
            left: Vec::new(),
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, input: Input, now: Millis) {
        match input {
            Input::Ask(request, ask) => self.ask(request, ask, now),
            Input::Cancel(request) => self.cancel(request),
            Input::StoreChanged => self.jobs.push(Job::Reload),
            Input::Focused(focused) => self.focus(focused),
            Input::Wake => {
                self.wake = None;
                self.jobs.push(Job::Wake);
            }
            Input::Http(http, result) => self.http(http, result, now),
            Input::Loaded(store, result) => self.loaded(store, result, now),
            Input::UpdateBegan(store, result) => self.update_began(store, result, now),
            Input::UpdateEnded(store, result) => self.update_ended(store, result, now),
        }
        while self.step.is_none() {
            if self.jobs.is_empty() {
                self.settle(now);
                self.plan(now);
                break;
            }
            let job = self.jobs.remove(0);
            self.repeated = false;
            self.start(job, now);
        }
    }

    /// The next thing to do, until there is none.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        (!self.outputs.is_empty()).then(|| self.outputs.remove(0))
    }

    /// Who is signed in, as far as memory knows.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.session().map(|session| &session.account)
    }

    /// The access token in memory, when nothing has to be done before it is handed out: what [`Ask::AccessToken`] would
    /// answer, at once, whatever else is under way.
    #[must_use]
    pub fn access_token(&self, now: Millis) -> Option<&Secret> {
        let session = self.session()?;
        let good = !ends_soon(session, now) && !self.is_old_news(now);
        good.then(|| session.access_token.secret())
    }

    /// When the access token in memory ends, by this machine's clock.
    #[must_use]
    pub fn token_ends_at(&self) -> Option<Millis> {
        self.session().map(|session| session.expires_at)
    }

    /// What the machine is set to.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whose key this device still has although nobody is signed in: the server ended the session, and chat goes on. Signing
    /// out leaves no key.
    #[must_use]
    pub fn key_of(&self, now: Millis) -> Option<&str> {
        let access = self.usable_access(None, now).filter(|_| self.session().is_none())?;
        Some(&access.user_id)
    }

    fn session(&self) -> Option<&AuthSession> {
        self.record.as_ref()?.session.as_ref()
    }

    const fn supabase(&self) -> &Supabase {
        &self.config.supabase
    }

    fn ask(&mut self, request: RequestId, ask: Ask, now: Millis) {
        let job = match ask {
            Ask::Restore => Job::Restore(request),
            Ask::Ways(host) => {
                let call = self.supabase().settings();
                let http = self.send(call);
                self.calls.push((http, Call::Settings(request, host)));
                return;
            }
            Ask::Start(start) => Job::Authenticate(request, start),
            Ask::Await { nonce } => {
                self.waiting.push((request, nonce));
                Job::Reload
            }
            Ask::Callback { text, pasted } => {
                let proof = if pasted {
                    oauth::parse_pasted(text.expose())
                } else {
                    oauth::parse(text.expose()).map(Pasted::Callback)
                };
                match proof {
                    Some(proof) => Job::Complete(request, proof),
                    None => return self.reply(request, Err(ErrorCode::CallbackUnknown.into())),
                }
            }
            Ask::SignOut => Job::SignOut(request),
            Ask::AccessToken => Job::serve(request, What::AccessToken),
            Ask::ModelAccess => {
                // A key in memory is good whatever the account's server does, even while a refresh is under way.
                if let Some(access) = self.usable_access(None, now) {
                    let access = access.clone();
                    return self.reply(request, Ok(Answer::ModelAccess(access)));
                }
                Job::serve(request, What::ModelAccess { refused_key_id: None })
            }
            Ask::ReplaceModelKey { key_id } => {
                let refused_key_id = Some(key_id);
                Job::serve(request, What::ModelAccess { refused_key_id })
            }
            Ask::SetPassword { password } => Job::serve(request, What::SetPassword(password)),
            Ask::Rpc { function, body } => Job::serve(request, What::Rpc { function, body }),
        };
        self.jobs.push(job);
    }

    /// Gives up what can be given up without leaving the store or the server half changed.
    fn cancel(&mut self, request: RequestId) {
        let held = match &self.step {
            Some((_, Step::Authenticate { request: asking, .. })) if *asking == request => Some(None),
            Some((
                _,
                Step::FlowCall {
                    request: asking, store, ..
                },
            )) if *asking == request => Some(Some(*store)),
            _ => None,
        };
        if let Some(store) = held {
            if let Some((http, _)) = self.step.take() {
                self.outputs.push(Output::CancelHttp(HttpId(http)));
            }
            if let Some(store) = store {
                self.end_update(store, None, Write::Nothing);
            }
        } else if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == request) {
            let (_, nonce) = self.waiting.swap_remove(at);
            self.jobs.push(Job::EndFlow(nonce));
        } else if let Some(at) = self.jobs.iter().position(|job| job.can_be_left(request)) {
            self.jobs.remove(at);
        } else if !self.step.as_mut().is_some_and(|(_, step)| step.leave(request)) {
            if self.step.as_ref().is_some_and(|(_, step)| step.serves(request)) && !self.left.contains(&request) {
                // What is under way is for whoever comes next.
                self.reply(request, Err(ErrorCode::Cancelled.into()));
                self.left.push(request);
            }
            return;
        }
        self.reply(request, Err(ErrorCode::Cancelled.into()));
    }

    fn start(&mut self, job: Job, now: Millis) {
        if self.record.is_none() {
            self.load(job);
            return;
        }
        match job {
            Job::Restore(request) => {
                let account = self.account().cloned();
                self.reply(request, Ok(Answer::Account(account)));
            }
            Job::Authenticate(request, start) => self.authenticate(request, start, now),
            Job::Complete(request, proof) => {
                self.begin_update(Step::FlowLock { request, proof });
            }
            Job::EndFlow(nonce) => self.begin_write(Write::EndFlow(nonce, None)),
            Job::SignOut(request) => self.begin_write(Write::SignOut(request)),
            Job::Serve(need) => self.serve(need, now),
            // A second load compares with what is in memory; see `loaded`.
            Job::Reload => self.load(Job::Reload),
            Job::Wake => self.woken(now),
        }
    }

    /// Changes memory, and tells what that means for who is signed in.
    fn turn_into(&mut self, record: Record, reason: SignedOutReason) {
        let before = self.record.replace(record).and_then(|record| record.session);
        let after = self.session().cloned();
        let same = |new: &AuthSession, old: &AuthSession| new.account.session_id == old.account.session_id;
        let renewed = matches!((&before, &after), (Some(old), Some(new)) if same(new, old));
        let token = before.as_ref().map(|old| old.access_token.clone());
        if let Some(old) = before.filter(|_| !renewed) {
            self.emit(Event::SignedOut(old.account, reason));
        }
        let Some(new) = after.filter(|new| token.as_ref() != Some(&new.access_token)) else {
            return;
        };
        // A token that was not there before: nothing is known against it.
        self.rest = None;
        self.validated_at = new.issued_at;
        let event = if renewed { Event::Refreshed } else { Event::SignedIn };
        self.emit(event(new.account));
    }

    /// Has the server end a session that nobody wants.
    fn revoke(&mut self, session: &AuthSession) {
        if let Ok(call) = self.supabase().sign_out(&session.access_token) {
            let http = self.send(call);
            self.calls.push((http, Call::Logout));
        }
    }

    fn http(&mut self, http: HttpId, result: Result<Response, TransportError>, now: Millis) {
        if let Some(at) = self.calls.iter().position(|(id, _)| *id == http) {
            match self.calls.swap_remove(at).1 {
                // Signed out is signed out, whatever the server says to it.
                Call::Logout => {}
                Call::Need { need, token } => self.need_answered(need, token, result, now),
                Call::Settings(request, host) => {
                    let settings = result.ok().and_then(|response| Supabase::parse_settings(&response));
                    self.reply(request, Ok(Answer::Ways(oauth::ways(host, settings.as_ref()))));
                }
            }
            return;
        }
        match self.take_step(http.0) {
            Some(Step::Authenticate { request, start }) => self.authenticated(request, &start, result, now),
            Some(Step::FlowCall { store, request, final_ }) => self.flow_answered(store, request, final_, result, now),
            Some(Step::RefreshCall { store, need, sent }) => self.refresh_answered(store, need, sent, result, now),
            Some(Step::Provision { store, need }) => self.provisioned(store, need, result),
            Some(Step::Validate(need)) => self.validated(need, result, now),
            _ => {}
        }
    }

    /// The step that waits for the answer of this number. An answer that nobody waits for any more is dropped.
    fn take_step(&mut self, id: u32) -> Option<Step> {
        self.step.take_if(|(expected, _)| *expected == id).map(|(_, step)| step)
    }

    /// A success of the account's server, or why there is none.
    fn success(&self, result: Result<Response, TransportError>) -> Result<Response, Error> {
        match result {
            Err(error) => Err(Error::from(error).at(Server::Account, self.supabase().base.origin().as_str())),
            Ok(response) if !response.is_success() => Err(self.supabase().parse_error(&response)),
            Ok(response) => Ok(response),
        }
    }

    fn send(&mut self, call: crate::http::Request) -> HttpId {
        let http = HttpId(self.id());
        self.outputs.push(Output::SendHttp(http, call));
        http
    }

    /// Sends a call whose answer the job waits for.
    fn call(&mut self, call: crate::http::Request, step: Step) {
        let http = self.send(call);
        self.step = Some((http.0, step));
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push(Output::Emit(event));
    }

    fn reply(&mut self, request: RequestId, answer: Result<Answer, Error>) {
        if let Some(at) = self.left.iter().position(|left| *left == request) {
            self.left.swap_remove(at);
            return;
        }
        self.outputs.push(Output::Reply(request, answer));
    }

    fn id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

impl Job {
    fn serve(request: RequestId, what: What) -> Self {
        Self::Serve(Box::new(Need {
            request,
            what,
            refused: None,
            conflicted: false,
            looked: false,
        }))
    }

    /// Whether it is this request's, and nobody minds when it is never begun.
    fn can_be_left(&self, request: RequestId) -> bool {
        match self {
            Self::Authenticate(waiting, _) | Self::Complete(waiting, _) => *waiting == request,
            Self::Serve(need) => need.request == request,
            _ => false,
        }
    }
}

impl Step {
    /// Takes back what this caller asked for, if it still waits for the store: then nothing of it has been done.
    fn leave(&mut self, request: RequestId) -> bool {
        match self {
            Self::Load(job) if job.can_be_left(request) => **job = Job::Reload,
            Self::FlowLock { request: asking, .. } if *asking == request => *self = Self::Write(Write::Nothing),
            _ => return false,
        }
        true
    }

    /// Whether this caller waits for a token or a key, which the others get all the same when this one leaves.
    fn serves(&self, request: RequestId) -> bool {
        let need = match self {
            Self::RefreshLock(renewal) | Self::RefreshStore { renewal, .. } => renewal.need.as_ref(),
            Self::RefreshCall { need, .. } => need.as_ref(),
            Self::AccessLock(need) | Self::Provision { need, .. } | Self::Validate(need) => Some(need),
            _ => None,
        };
        need.is_some_and(|need| need.request == request && !matches!(need.what, What::SetPassword(_)))
    }
}

#[cfg(test)]
mod tests;
