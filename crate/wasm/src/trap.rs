//! A defect ends the module's instance in the midst of a call, with all that is under way: a panic is a trap here (`optimize.mjs`),
//! and nothing of what has trapped may be used again. The glue code tells the host (`traps.mjs`), which can have a new instance.

use wasm_bindgen::prelude::*;

use crate::client::GodotyClient;

#[wasm_bindgen]
impl GodotyClient {
    /// Has the next call begin with a new instance of the module. All objects of this one are dead.
    #[wasm_bindgen(js_name = startAnew)]
    pub fn start_anew() {
        wasm_bindgen::handler::schedule_reinit();
    }
}
