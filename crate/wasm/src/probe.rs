//! `GodotyClient`: looking at the servers from outside.

use std::rc::Rc;

use godoty_core::error::ErrorCode;
use godoty_core::probe::{Clock, Finding, Probe, came_at_once};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::cancel::OnAbort;
use crate::client::GodotyClient;
use crate::error::to_js;
use crate::task::promise;
use crate::transport::{self, Abort};
use crate::value::Object;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What can be looked at. */
export type ProbeId = 'account' | 'backend' | 'readiness' | 'models' | 'key';

/** How a service of the backend is; `string` because it is a server's word. */
export type ServiceState = 'ok' | 'misconfigured' | 'unreachable' | (string & {});

/** What an answer shows. */
export interface ProbeFinding {
  /** From sending to the head of the answer, in milliseconds. */
  readonly tookMs: number;
  /** Of 'backend'. */
  readonly version?: string;
  /** Of 'backend': this machine's clock beside the server's; `wrong` when no network explains the difference. */
  readonly clock?: { readonly offMs: number; readonly ahead: boolean; readonly wrong: boolean };
  /** Of 'backend': whether something on the way keeps the pieces of a stream and hands them over together. */
  readonly heldBack?: boolean;
  /** Of 'readiness'. */
  readonly database?: ServiceState;
  /** Of 'readiness'. */
  readonly models?: ServiceState;
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `ProbeId`.
    #[wasm_bindgen(typescript_type = "ProbeId")]
    pub type ProbeId;
}

#[wasm_bindgen]
impl GodotyClient {
    /// Looks at a server: one call that changes nothing. All but 'key' go without a credential. Of 'key', which shows this
    /// device's key to the model server, nothing is to be known but that it works; a device without a key gets one.
    ///
    /// # Errors
    /// `NETWORK_ERROR`, `TIMEOUT`, `INVALID_CONFIGURATION` for a publishable key that is not known there,
    /// `UNEXPECTED_RESPONSE` from another server than the one that should be there; of 'key' also `NOT_AUTHENTICATED`,
    /// `KEY_REJECTED`, `QUOTA_EXCEEDED`, …
    #[wasm_bindgen(unchecked_return_type = "Promise<ProbeFinding>")]
    pub fn probe(&self, id: ProbeId, signal: Option<AbortSignal>) -> Promise {
        let driver = Rc::clone(&self.driver);
        let chats = Rc::clone(&self.chats);
        promise(async move {
            let id = JsValue::from(id).as_string();
            let judged = match id.and_then(|id| Probe::parse(&id)) {
                None => chats.try_key().await.map(|()| Finding::default()),
                Some(probe) => {
                    let request = probe.request(driver.session().config());
                    let abort = Abort::new().ok_or_else(no_abort)?;
                    let cancelled = Rc::clone(&abort);
                    let _listening = OnAbort::listen(signal.as_ref(), move || cancelled.cancel());
                    let response = transport::send(driver.host(), &request, &abort).await;
                    probe.judge(driver.session().config(), response)
                }
            };
            judged
                .map(|finding| Object::from(&finding).into_js())
                .map_err(|error| to_js(&error))
        })
    }

    /// When the access token in memory ends, in milliseconds since the Unix epoch by this machine's clock.
    #[must_use]
    #[wasm_bindgen(js_name = tokenEndsAt)]
    pub fn token_ends_at(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a clock's milliseconds are well below 2⁵³")]
        self.driver.session().token_ends_at().map(|at| at.0 as f64)
    }

    /// The version of the core.
    #[must_use]
    #[wasm_bindgen(js_name = coreVersion)]
    pub fn core_version() -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    /// Whether an answer whose pieces came within `spread_ms`, out of `whole_ms` since it was asked for, was kept on the
    /// way.
    #[must_use]
    #[wasm_bindgen(js_name = cameAtOnce)]
    pub fn came_at_once(spread_ms: u32, whole_ms: u32) -> bool {
        came_at_once(u64::from(spread_ms), u64::from(whole_ms))
    }
}

/// Every supported host has an `AbortController`.
fn no_abort() -> JsValue {
    to_js(&ErrorCode::Internal.into())
}

/// TypeScript's `ProbeFinding`.
impl From<&Finding> for Object {
    fn from(finding: &Finding) -> Self {
        let clock = |clock: Clock| {
            Self::new()
                .with("offMs", clock.off_ms)
                .with("ahead", clock.ahead)
                .with("wrong", clock.wrong())
        };
        Self::new()
            .with("tookMs", finding.took_ms)
            .with_some("version", finding.version.as_deref())
            .with_some("clock", finding.clock.map(clock))
            .with_some("heldBack", finding.held_back)
            .with_some("database", finding.database.as_deref())
            .with_some("models", finding.models.as_deref())
    }
}
