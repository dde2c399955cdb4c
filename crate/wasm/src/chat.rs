//! One answer: key, request, bytes, end. What to do next is the core's to say at each step.

use std::cell::RefCell;
use std::rc::Rc;

use godoty_core::auth::Millis;
use godoty_core::catalog::{Catalog, Model, PriceMap};
use godoty_core::chat::{ChatRequest, ChatResult, ChatStream, End, Flags, Outcome, ResponseHead};
use godoty_core::cost::{Cost, CostSource, Prices};
use godoty_core::device::ModelAccess;
use godoty_core::error::{Error, ErrorCode, Server};
use godoty_core::http::{Method, Request, TransportError};
use godoty_core::network::NetworkCause;
use godoty_core::retry::{Attempts, Next, RetryPolicy};
use godoty_core::session::{Answer, Ask};
use godoty_core::usage::{Call, UnixMillis};
use js_sys::Function;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::cancel::OnAbort;
use crate::driver::{Driver, mismatch};
use crate::task::spawn;
use crate::timer::Timer;
use crate::transport::{self, Abort};
use crate::{oneshot, usage};

/// What a request may take, in milliseconds and tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) first_byte_ms: u32,
    pub(crate) idle_ms: u32,
    pub(crate) max_retries: u32,
}

/// The chat of one client.
pub(crate) struct Chats {
    driver: Rc<Driver>,
    /// The models of the endpoint, and the key that they were read with.
    catalog: RefCell<Option<(String, Millis, Rc<Catalog>)>>,
    pub(crate) usage: Rc<usage::Ledgers>,
}

/// Where an answer's pieces go.
pub(crate) struct Deltas<'a>(pub(crate) &'a Function);

impl Deltas<'_> {
    /// Hands a piece over; what the listener throws is its own affair.
    fn hand(&self, text: Option<&str>, reasoning: Option<&str>) {
        let piece = js_sys::Object::new();
        for (name, value) in [("text", text), ("reasoning", reasoning)] {
            if let Some(value) = value {
                // Setting a property of a fresh object can't fail.
                let _ = js_sys::Reflect::set(&piece, &JsValue::from_str(name), &JsValue::from_str(value));
            }
        }
        let _ = self.0.call1(&JsValue::UNDEFINED, &piece);
    }
}

/// An answer that ended, with its cost.
pub(crate) struct Ended {
    pub(crate) result: ChatResult,
    pub(crate) cost: Cost,
}

impl Chats {
    pub(crate) fn new(driver: &Rc<Driver>) -> Rc<Self> {
        Rc::new(Self {
            driver: Rc::clone(driver),
            catalog: RefCell::default(),
            usage: usage::Ledgers::new(driver),
        })
    }

    /// Streams one answer. An `Err` means that nothing was sent.
    pub(crate) async fn run(
        self: &Rc<Self>,
        call_id: &str,
        mut request: ChatRequest,
        limits: Limits,
        deltas: &Deltas<'_>,
        signal: Option<&AbortSignal>,
    ) -> Result<Ended, Error> {
        let access = self.access(Ask::ModelAccess, signal).await;
        let mut access = access.inspect_err(|error| self.usage.not_sent(error))?;
        if signal.is_some_and(AbortSignal::aborted) {
            return Err(ErrorCode::Cancelled.into());
        }
        let known = self.known_catalog(&access);
        let model = known.as_ref().and_then(|(_, catalog)| catalog.find(&request.model));
        self.usage.keep_within_plan(&access.user_id, &mut request, model);
        let mut http = request.to_http(&access.endpoint, &access.key, call_id)?;
        let started_at = UnixMillis(i64::try_from(self.driver.now().0).unwrap_or(i64::MAX));
        let loading = self.load_in_the_background(&access);
        let policy = RetryPolicy {
            max_retries: limits.max_retries,
        };
        let mut attempts = Attempts {
            retries: 0,
            key_replaced: false,
        };
        let result = loop {
            let result = self.attempt(&http, limits, deltas, signal).await;
            let Outcome::Error { error } = &result.outcome else {
                break result;
            };
            match policy.next(error, result.has_output(), attempts, self.driver.host().jitter()) {
                Next::Finish => break result,
                Next::WaitThenRetry(ms) => {
                    attempts.retries = attempts.retries.saturating_add(1);
                    if !self.pause(ms, signal).await {
                        break ChatStream::new().finish(End::Cancelled);
                    }
                }
                Next::ReplaceKeyThenRetry => {
                    attempts.key_replaced = true;
                    let key_id = access.key_id.clone();
                    match self.access(Ask::ReplaceModelKey { key_id }, signal).await {
                        Ok(replaced) => access = replaced,
                        Err(error) if error.code == ErrorCode::Cancelled => {
                            break ChatStream::new().finish(End::Cancelled);
                        }
                        // The refusal itself says more than why there is no other key.
                        Err(_) => break result,
                    }
                    match request.to_http(&access.endpoint, &access.key, call_id) {
                        Ok(rebuilt) => http = rebuilt,
                        Err(_) => break result,
                    }
                }
            }
        };
        // Prices tell something of what was counted alone: who stops an answer does not wait for them.
        let catalog = if result.reported_cost.is_none() && result.usage.is_some() {
            loading.await
        } else {
            None
        };
        let cost = result.cost(catalog.as_deref().and_then(|catalog| priced(catalog, &request.model)));
        // Whose key it is, and not who is signed in: it outlives a session that the server ended.
        self.usage.book(
            &access.user_id,
            &Call::ended(call_id, &request.model, started_at, &result, cost),
            &result,
        );
        Ok(Ended { result, cost })
    }

    /// The models that this device's key may use.
    pub(crate) async fn models(&self) -> Result<Rc<Catalog>, Error> {
        let access = self.access(Ask::ModelAccess, None).await?;
        self.catalog(&access).await
    }

    /// Shows this device's key to the model server.
    pub(crate) async fn try_key(&self) -> Result<(), Error> {
        let access = self.access(Ask::ModelAccess, None).await?;
        let answer = self.get(&access, "/v1/models").await;
        answer
            .map(drop)
            .map_err(|error| error.at(Server::Models, access.endpoint.origin().as_str()))
    }

    async fn access(&self, ask: Ask, signal: Option<&AbortSignal>) -> Result<ModelAccess, Error> {
        match self.driver.ask_until(ask, signal).await? {
            Answer::ModelAccess(access) => Ok(access),
            _ => Err(mismatch()),
        }
    }

    /// Sends the request once.
    async fn attempt(
        &self,
        http: &Request,
        limits: Limits,
        deltas: &Deltas<'_>,
        signal: Option<&AbortSignal>,
    ) -> ChatResult {
        let mut decoder = ChatStream::new();
        let end = match Abort::new() {
            None => Err(TransportError::Network(NetworkCause::Other)),
            Some(abort) => {
                let cancelled = Rc::clone(&abort);
                let listening = OnAbort::listen(signal, move || cancelled.cancel());
                let end = self.read(http, limits, deltas, &mut decoder, &abort).await;
                abort.unlimit();
                drop(listening);
                end
            }
        };
        let mut result = decoder.finish(end.map_or_else(ended, |()| End::Eof));
        if let Outcome::Error { error } = &mut result.outcome {
            // The decoder knows neither the server nor what the transport learned.
            *error =
                core::mem::replace(error, Error::new(ErrorCode::Internal)).at(Server::Models, http.origin().as_str());
            if let (ErrorCode::NetworkError, Err(TransportError::Network(cause))) = (error.code, end) {
                error.network = Some(cause);
                error.retryable = cause.retryable();
            }
        }
        if !result.tail.is_empty() {
            deltas.hand(Some(&result.tail), None);
        }
        result
    }

    async fn read(
        &self,
        http: &Request,
        limits: Limits,
        deltas: &Deltas<'_>,
        decoder: &mut ChatStream,
        abort: &Rc<Abort>,
    ) -> Result<(), TransportError> {
        let host = self.driver.host();
        abort.limit(host, limits.first_byte_ms);
        let mut stream = transport::open(http, abort).await?;
        let mut head = ResponseHead::new(stream.status);
        for name in ResponseHead::HEADERS {
            if let Some(value) = stream.header(name) {
                head = head.header(name, &value);
            }
        }
        decoder.on_response(head);
        loop {
            let Some(bytes) = stream.next().await? else {
                return Ok(());
            };
            // Any byte shows that the server is alive, a comment's too.
            abort.limit(host, limits.idle_ms);
            let pushed = decoder.push(&bytes);
            let reasoning = decoder.take_reasoning();
            if pushed.text.is_some() || reasoning.is_some() {
                deltas.hand(pushed.text.as_deref(), reasoning.as_deref());
            }
            if pushed.flags.has(Flags::CLOSED) {
                stream.close();
                return Ok(());
            }
        }
    }

    /// Waits; `false` when the caller gave up meanwhile.
    async fn pause(&self, milliseconds: u64, signal: Option<&AbortSignal>) -> bool {
        let (sender, waited) = oneshot::channel();
        let sender = Rc::new(RefCell::new(Some(sender)));
        let end = |sender: &Rc<RefCell<Option<oneshot::Sender<bool>>>>, value: bool| {
            let sender = sender.borrow_mut().take();
            if let Some(sender) = sender {
                sender.send(value);
            }
        };
        let by_time = Rc::clone(&sender);
        let milliseconds = f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let _timer = Timer::start(self.driver.host(), milliseconds, move || end(&by_time, true));
        let _listening = OnAbort::listen(signal, move || end(&sender, false));
        waited.await
    }

    /// The endpoint's models for this key, read anew now and then. Those that were read before serve when that fails.
    async fn catalog(&self, access: &ModelAccess) -> Result<Rc<Catalog>, Error> {
        let known = self.known_catalog(access);
        if let Some((read_at, known)) = &known
            && Catalog::is_fresh(*read_at, self.driver.now())
        {
            return Ok(Rc::clone(known));
        }
        let mut catalog = match (self.read_catalog(access).await, known) {
            (Ok(catalog), _) => catalog,
            (Err(_), Some((_, known))) => return Ok(known),
            (Err(error), None) => return Err(error.at(Server::Models, access.endpoint.origin().as_str())),
        };
        let map = if catalog.wants_map() {
            self.price_map().await
        } else {
            None
        };
        catalog.complete(map.as_ref());
        let catalog = Rc::new(catalog);
        let read = (access.key_id.clone(), self.driver.now(), Rc::clone(&catalog));
        self.catalog.replace(Some(read));
        Ok(catalog)
    }

    fn known_catalog(&self, access: &ModelAccess) -> Option<(Millis, Rc<Catalog>)> {
        let known = self.catalog.borrow();
        known
            .as_ref()
            .filter(|(key_id, ..)| *key_id == access.key_id)
            .map(|(_, read_at, catalog)| (*read_at, Rc::clone(catalog)))
    }

    /// `/v1/model/info` has prices and limits; a server that is not LiteLLM may have `/v1/models` alone.
    async fn read_catalog(&self, access: &ModelAccess) -> Result<Catalog, Error> {
        match self.get(access, "/v1/model/info").await {
            Ok(body) => Catalog::from_model_info(body.as_bytes()),
            Err(error) if matches!(error.status, Some(404 | 405 | 410)) => {
                Catalog::from_models(self.get(access, "/v1/models").await?.as_bytes())
            }
            Err(error) => Err(error),
        }
    }

    /// The map that ships with the extension; `None` when it can't be read.
    async fn price_map(&self) -> Option<PriceMap> {
        let promise = self.driver.host().load_price_map().ok()?;
        let text = JsFuture::from(promise).await.ok()?.as_string()?;
        PriceMap::parse(text).ok()
    }

    async fn get(&self, access: &ModelAccess, path: &str) -> Result<String, Error> {
        let request = Request::new(Method::Get, &access.endpoint, path).bearer(&access.key)?;
        let abort = Abort::new().ok_or(TransportError::Network(NetworkCause::Other))?;
        let response = transport::send(self.driver.host(), &request, &abort).await?;
        if response.is_success() {
            return Ok(response.body.expose().to_owned());
        }
        let body = response.body.expose().as_bytes();
        Err(godoty_core::chat::classify(
            response.status,
            body,
            response.retry_after_ms,
        ))
    }

    /// Begins to read the models while the answer streams; the future gives them, or `None` when they can't be read.
    fn load_in_the_background(self: &Rc<Self>, access: &ModelAccess) -> oneshot::Receiver<Option<Rc<Catalog>>> {
        let (sender, receiver) = oneshot::channel();
        let this = Rc::clone(self);
        let access = access.clone();
        spawn(async move { sender.send(this.catalog(&access).await.ok()) });
        receiver
    }
}

fn priced<'a>(catalog: &'a Catalog, model: &str) -> Option<(&'a Prices, CostSource)> {
    catalog.find(model).and_then(Model::priced)
}

const fn ended(error: TransportError) -> End {
    match error {
        TransportError::Network(_) => End::Network,
        TransportError::Timeout => End::Timeout,
        TransportError::Cancelled => End::Cancelled,
    }
}
