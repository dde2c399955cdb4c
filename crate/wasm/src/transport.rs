//! The one file that fetches.
//!
//! Redirects are refused (`redirect: "error"`): fetch strips `Authorization` on a redirect to another origin, but not
//! `apikey`. No cookies, no cache. Nothing of a request is ever logged.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_net::http::RequestBuilder;
use godoty_core::http::{MAX_BODY, Method, Request, Response, Timing, TransportError, wait_ms};
use godoty_core::network::NetworkCause;
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestRedirect};

use crate::driver::now;
use crate::host::CoreHost;
use crate::task::spawn;
use crate::timer::Timer;

#[wasm_bindgen]
unsafe extern "C" {
    /// gloo-net's own `send` drops what the platform says about a failure; see [`cause`].
    #[wasm_bindgen(js_name = fetch)]
    fn fetch_with_request(request: &web_sys::Request) -> Promise;
}

/// Ends a request from outside, or by its time limit.
pub(crate) struct Abort {
    controller: AbortController,
    reason: Cell<Option<TransportError>>,
    timer: RefCell<Option<Timer>>,
    /// Reads the answer's body. Node's fetch holds its side of a signal weakly: once the garbage collector has been
    /// through, an abort does not reach a body under way any more, so that the reader is cancelled as well.
    reader: RefCell<Option<ReadableStreamDefaultReader>>,
}

impl Abort {
    /// `None` where the host has no `AbortController`; every supported host has one.
    pub(crate) fn new() -> Option<Rc<Self>> {
        let controller = AbortController::new().ok()?;
        Some(Rc::new(Self {
            controller,
            reason: Cell::new(None),
            timer: RefCell::new(None),
            reader: RefCell::new(None),
        }))
    }

    /// Ends the request because the caller gave up.
    pub(crate) fn cancel(&self) {
        self.end(TransportError::Cancelled);
    }

    /// Why the request was ended, if it was.
    pub(crate) fn reason(&self) -> Option<TransportError> {
        self.reason.get()
    }

    /// Ends the request unless [`Abort::limit`] is called again, or [`Abort::unlimit`], within so many milliseconds.
    pub(crate) fn limit(self: &Rc<Self>, host: &CoreHost, milliseconds: u32) {
        let this = Rc::downgrade(self);
        let timer = Timer::start(host, f64::from(milliseconds), move || {
            if let Some(this) = this.upgrade() {
                this.end(TransportError::Timeout);
            }
        });
        self.timer.replace(Some(timer));
    }

    /// Lifts the time limit.
    pub(crate) fn unlimit(&self) {
        self.timer.replace(None);
    }

    fn end(&self, reason: TransportError) {
        if self.reason.get().is_none() {
            self.reason.set(Some(reason));
            self.controller.abort();
            let reader = self.reader.take();
            if let Some(reader) = reader {
                // It rejects when the signal was faster; there is nothing to be done about that.
                spawn(async move { drop(JsFuture::from(reader.cancel()).await) });
            }
        }
    }
}

/// Sends a request and reads the whole answer within the request's time limit.
pub(crate) async fn send(host: &CoreHost, request: &Request, abort: &Rc<Abort>) -> Result<Response, TransportError> {
    abort.limit(host, request.time_limit());
    let result = async {
        let sent = now(host);
        let mut stream = open(request, abort).await?;
        let head = now(host);
        let mut timing = Timing {
            sent,
            head,
            first: head,
            last: head,
        };
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await? {
            timing.last = now(host);
            if bytes.is_empty() {
                timing.first = timing.last;
            }
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_BODY {
                stream.close();
                break;
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let mut response = Response::new(stream.status, body);
        response.retry_after_ms = stream.header("retry-after").and_then(|value| wait_ms(&value, 1000));
        response.error_code = stream.header("x-sb-error-code");
        response.timing = timing;
        Ok(response)
    }
    .await;
    abort.unlimit();
    result
}

/// A streamed answer.
pub(crate) struct Stream {
    /// The HTTP status.
    pub(crate) status: u16,
    response: gloo_net::http::Response,
    reader: Option<ReadableStreamDefaultReader>,
    abort: Rc<Abort>,
}

/// Sends a request and returns as soon as the answer's head is there. The time limits are the caller's.
pub(crate) async fn open(request: &Request, abort: &Rc<Abort>) -> Result<Stream, TransportError> {
    let response = fetch(request, abort).await?;
    let reader: Option<ReadableStreamDefaultReader> = match response.body() {
        Some(body) => Some(body.get_reader().dyn_into().map_err(|_| NO_SAYING)?),
        None => None,
    };
    abort.reader.replace(reader.clone());
    Ok(Stream {
        status: response.status(),
        response,
        reader,
        abort: Rc::clone(abort),
    })
}

impl Stream {
    /// A response header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)
    }

    /// Ends the request: nothing more of it is wanted.
    pub(crate) fn close(&self) {
        self.abort.cancel();
    }

    /// The next bytes; `None` at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let piece = JsFuture::from(reader.read())
            .await
            .map_err(|_| ended(&self.abort, NetworkCause::Lost))?;
        if field(&piece, "done").is_truthy() {
            self.reader = None;
            self.abort.reader.replace(None);
            // A cancelled reader is done, too.
            return self.abort.reason().map_or(Ok(None), Err);
        }
        let bytes: Uint8Array = field(&piece, "value").dyn_into().map_err(|_| NO_SAYING)?;
        Ok(Some(bytes.to_vec()))
    }
}

async fn fetch(request: &Request, abort: &Rc<Abort>) -> Result<gloo_net::http::Response, TransportError> {
    if let Some(reason) = abort.reason() {
        return Err(reason);
    }
    let method = match request.method() {
        Method::Get => gloo_net::http::Method::GET,
        Method::Post => gloo_net::http::Method::POST,
        Method::Put => gloo_net::http::Method::PUT,
    };
    let mut builder = RequestBuilder::new(request.url())
        .method(method)
        .redirect(RequestRedirect::Error)
        .cache(RequestCache::NoStore)
        .credentials(RequestCredentials::Omit)
        .abort_signal(Some(&abort.controller.signal()));
    for (name, value) in request.headers() {
        builder = builder.header(name, value.expose());
    }
    let built = match request.body() {
        Some(body) => builder.body(body.expose()),
        None => builder.build(),
    };
    let built: web_sys::Request = built.map_err(|_| NO_SAYING)?.into();
    let response = JsFuture::from(fetch_with_request(&built))
        .await
        .map_err(|error| ended(abort, cause(error)))?;
    let response: web_sys::Response = response.dyn_into().map_err(|_| NO_SAYING)?;
    Ok(response.into())
}

/// Why a request ended without an answer: our own abort, or the network.
fn ended(abort: &Abort, cause: NetworkCause) -> TransportError {
    abort.reason().unwrap_or(TransportError::Network(cause))
}

const NO_SAYING: TransportError = TransportError::Network(NetworkCause::Other);

/// What the platform says about a fetch that failed. Node hides it in the `cause` of a `TypeError`, sometimes deeper.
fn cause(mut error: JsValue) -> NetworkCause {
    const DEPTH: usize = 4;
    for _ in 0..DEPTH {
        if !error.is_object() {
            break;
        }
        for name in ["code", "message"] {
            if let Some(cause) = field(&error, name)
                .as_string()
                .and_then(|text| NetworkCause::read(&text))
            {
                return cause;
            }
        }
        error = field(&error, "cause");
    }
    NetworkCause::Other
}

fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
