//! Listening to a caller's `AbortSignal`.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

/// Calls back when the signal aborts, until it is dropped.
pub(crate) struct OnAbort {
    signal: AbortSignal,
    callback: Closure<dyn FnMut()>,
}

impl OnAbort {
    /// Calls back at once when the signal has aborted already.
    pub(crate) fn listen(signal: Option<&AbortSignal>, mut callback: impl FnMut() + 'static) -> Option<Self> {
        let signal = signal?;
        if signal.aborted() {
            callback();
            return None;
        }
        let callback = Closure::<dyn FnMut()>::new(callback);
        signal
            .add_event_listener_with_callback("abort", callback.as_ref().unchecked_ref())
            .ok()?;
        Some(Self {
            signal: signal.clone(),
            callback,
        })
    }
}

impl Drop for OnAbort {
    fn drop(&mut self) {
        // Removing a listener that is gone already does nothing.
        let _ = self
            .signal
            .remove_event_listener_with_callback("abort", self.callback.as_ref().unchecked_ref());
    }
}
