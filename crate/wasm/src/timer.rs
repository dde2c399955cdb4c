//! A timer of the host that is cleared when it is dropped.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::host::CoreHost;

/// Calls back once unless it is dropped before.
pub(crate) struct Timer {
    host: CoreHost,
    id: f64,
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    pub(crate) fn start(host: &CoreHost, milliseconds: f64, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(callback);
        let id = host.set_timer(milliseconds, callback.as_ref().unchecked_ref());
        Self {
            host: host.clone(),
            id,
            _callback: callback,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.host.clear_timer(self.id);
    }
}
