//! Running futures. Each is boxed first: the machinery around one is in the module once, not once for each future.

use std::future::Future;
use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs a future to its end.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    let boxed: Local<()> = Box::pin(future);
    spawn_local(boxed);
}

/// Runs a future whose result is a promise's.
pub(crate) fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let boxed: Local<_> = Box::pin(future);
    future_to_promise(boxed)
}
