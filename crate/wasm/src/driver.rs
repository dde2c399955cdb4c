//! Carries out what the session machine asks for, and reports what came of it.
//!
//! The machine is borrowed only while [`Session::handle`] or [`Session::poll`] runs, so that an effect which calls back
//! into this instance finds it free.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use godoty_core::auth::{Account, Millis};
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::TransportError;
use godoty_core::network::NetworkCause;
use godoty_core::secret::Secret;
use godoty_core::session::{
    Answer, Ask, Change, Event, HttpId, Input, Output, RequestId, Session, SignedOutReason, StoreError, StoreId,
};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::cancel::OnAbort;
use crate::host::CoreHost;
use crate::oneshot::{self, Sender};
use crate::table::Table;
use crate::task::spawn;
use crate::timer::Timer;
use crate::transport::{self, Abort};
use crate::value::{Object, kind};

type Reply = Result<Answer, Error>;

/// The session machine, driven.
pub(crate) struct Driver {
    host: CoreHost,
    session: RefCell<Session>,
    waiting: Table<RequestId, Sender<Reply>>,
    calls: Table<HttpId, Rc<Abort>>,
    /// The exclusive updates under way: what resolves the promise that the store waits for.
    updates: Table<StoreId, Function>,
    wake: RefCell<Option<Timer>>,
    next_request: Cell<u32>,
}

impl Driver {
    pub(crate) fn new(session: Session, host: CoreHost) -> Rc<Self> {
        Rc::new(Self {
            host,
            session: RefCell::new(session),
            waiting: Table::new(),
            calls: Table::new(),
            updates: Table::new(),
            wake: RefCell::default(),
            next_request: Cell::new(0),
        })
    }

    pub(crate) const fn host(&self) -> &CoreHost {
        &self.host
    }

    pub(crate) fn now(&self) -> Millis {
        now(&self.host)
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.session.borrow().account().cloned()
    }

    /// The user whose key this device still has although nobody is signed in.
    pub(crate) fn key_of(&self) -> Option<String> {
        self.session.borrow().key_of(self.now()).map(str::to_owned)
    }

    /// The access token, when memory has one that can be handed out as it is.
    pub(crate) fn access_token(&self) -> Option<JsValue> {
        let session = self.session.borrow();
        session.access_token(self.now()).map(|token| token.expose().into())
    }

    /// The machine, to be read.
    pub(crate) fn session(&self) -> Ref<'_, Session> {
        self.session.borrow()
    }

    /// Asks the machine; the answer comes when it has one.
    pub(crate) async fn ask(self: &Rc<Self>, ask: Ask) -> Reply {
        let (_, answer) = self.begin(ask);
        answer.await
    }

    /// The same, until the caller gives up.
    pub(crate) async fn ask_until(self: &Rc<Self>, ask: Ask, signal: Option<&AbortSignal>) -> Reply {
        let (request, answer) = self.begin(ask);
        let this = Rc::clone(self);
        let listening = OnAbort::listen(signal, move || this.feed(Input::Cancel(request)));
        let answer = answer.await;
        drop(listening);
        answer
    }

    /// Asks the machine and names the request, so that it can be cancelled.
    fn begin(self: &Rc<Self>, ask: Ask) -> (RequestId, oneshot::Receiver<Reply>) {
        let id = RequestId(self.next_request.get());
        self.next_request.set(id.0.wrapping_add(1));
        let (sender, receiver) = oneshot::channel();
        self.waiting.put(id, sender);
        self.feed(Input::Ask(id, ask));
        (id, receiver)
    }

    /// Reports what happened and carries out what follows.
    pub(crate) fn feed(self: &Rc<Self>, input: Input) {
        let now = self.now();
        self.session.borrow_mut().handle(input, now);
        loop {
            let output = self.session.borrow_mut().poll();
            let Some(output) = output else { break };
            self.perform(output);
        }
    }

    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::SendHttp(id, request) => {
                let Some(abort) = Abort::new() else {
                    self.later(Input::Http(id, Err(TransportError::Network(NetworkCause::Other))));
                    return;
                };
                self.calls.put(id, Rc::clone(&abort));
                let this = Rc::clone(self);
                spawn(async move {
                    let result = transport::send(&this.host, &request, &abort).await;
                    // A cancelled call was taken out of the table: nobody waits for it.
                    if this.calls.take(&id).is_some() {
                        this.feed(Input::Http(id, result));
                    }
                });
            }
            Output::CancelHttp(id) => {
                let call = self.calls.take(&id);
                if let Some(abort) = call {
                    abort.cancel();
                }
            }
            Output::Load(id) => {
                let this = Rc::clone(self);
                spawn(async move {
                    let result = match this.host.read_store() {
                        Ok(promise) => JsFuture::from(promise).await.map_err(|_| StoreError),
                        Err(_) => Err(StoreError),
                    };
                    this.feed(Input::Loaded(id, result.map(|value| text(&value))));
                });
            }
            Output::BeginUpdate(id) => self.begin_update(id),
            Output::EndUpdate(id, change) => {
                let resolve = self.updates.take(&id);
                match resolve {
                    Some(resolve) => {
                        // The promise's own resolve function does not throw.
                        let _ = resolve.call1(&JsValue::UNDEFINED, &change_to_js(&change));
                    }
                    // The update never began; that it failed was reported.
                    None => self.later(Input::UpdateEnded(id, Err(StoreError))),
                }
            }
            Output::WakeAt(at) => self.wake_at(at),
            Output::Emit(event) => self.emit(&event_to_js(&event)),
            Output::Reply(id, reply) => {
                let sender = self.waiting.take(&id);
                if let Some(sender) = sender {
                    sender.send(reply);
                }
            }
        }
    }

    /// Tells the host; what its handler throws is its own affair.
    pub(crate) fn emit(&self, event: &JsValue) {
        let _ = self.host.on_event(event);
    }

    /// Reports an input once the present one has been worked off.
    fn later(self: &Rc<Self>, input: Input) {
        let this = Rc::clone(self);
        spawn(async move { this.feed(input) });
    }

    fn begin_update(self: &Rc<Self>, id: StoreId) {
        let began = Rc::new(Cell::new(false));
        let change = {
            let this = Rc::clone(self);
            let began = Rc::clone(&began);
            // Freed with the update: one that a failing store never calls would keep this driver, and its timers, for good.
            Closure::once(move |current: JsValue| {
                began.set(true);
                let promise = Promise::new(&mut |resolve, _| {
                    this.updates.put(id, resolve);
                });
                this.later(Input::UpdateBegan(id, Ok(text(&current))));
                promise
            })
        };
        let this = Rc::clone(self);
        spawn(async move {
            let result = match this.host.update_store(change.as_ref()) {
                Ok(promise) => JsFuture::from(promise).await.map(|_| ()).map_err(|_| StoreError),
                Err(_) => Err(StoreError),
            };
            match (began.get(), result) {
                (true, result) => {
                    this.updates.take(&id);
                    this.feed(Input::UpdateEnded(id, result));
                }
                // A store that resolves without calling back broke its contract; it did not work either.
                (false, _) => this.feed(Input::UpdateBegan(id, Err(StoreError))),
            }
        });
    }

    fn wake_at(self: &Rc<Self>, at: Millis) {
        /// Timers of JavaScript end at 2³¹−1 ms; a longer wait is cut and asked for again.
        const LONGEST_MS: u64 = 2_147_483_647;
        let wait = at.0.saturating_sub(self.now().0).min(LONGEST_MS);
        let this = Rc::downgrade(self);
        let timer = Timer::start(&self.host, milliseconds(wait), move || {
            if let Some(this) = this.upgrade() {
                this.later(Input::Wake);
            }
        });
        self.wake.replace(Some(timer));
    }
}

/// The host's clock.
#[inline(never)]
pub(crate) fn now(host: &CoreHost) -> Millis {
    let now = host.now();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a clock's milliseconds fit; `as` saturates"
    )]
    Millis(now as u64)
}

fn milliseconds(ms: u64) -> f64 {
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX))
}

fn text(value: &JsValue) -> Option<Secret> {
    value.as_string().map(Secret::new)
}

fn change_to_js(change: &Change) -> JsValue {
    match change {
        Change::Keep => kind("keep"),
        Change::Erase => kind("erase"),
        Change::Replace(text) => kind("replace").with("text", text.expose()),
    }
    .into_js()
}

/// TypeScript's `CoreEvent`.
fn event_to_js(event: &Event) -> JsValue {
    match event {
        Event::SignedIn(account) => kind("signedIn").with("account", Object::from(account)),
        Event::Refreshed(account) => kind("refreshed").with("account", Object::from(account)),
        Event::SignedOut(account, reason) => kind("signedOut").with("account", Object::from(account)).with(
            "reason",
            match reason {
                SignedOutReason::User => "user",
                SignedOutReason::Expired => "expired",
                SignedOutReason::Elsewhere => "elsewhere",
            },
        ),
        Event::StoredSessionUnreadable => kind("storedSessionUnreadable"),
        Event::StoreFailed => kind("storeFailed"),
    }
    .into_js()
}

/// An answer of a kind that was not asked for is a defect of the machine.
pub(crate) fn mismatch() -> Error {
    Error::new(ErrorCode::Internal)
}
