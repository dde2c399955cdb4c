//! The ledgers of a client, one per user, and the records on their way to the account.

use alloc::borrow::ToOwned as _;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use godoty_core::chat::ChatResult;
use godoty_core::cost::{Cost, Money, Usage, format_cost};
use godoty_core::session::Ask;
use godoty_core::usage::{Call, Ledger, RESEND_AFTER_MS, Totals, UnixMillis};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::driver::Driver;
use crate::task::spawn;
use crate::timer::Timer;
use crate::value::{Object, kind};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What a cost rests on, best first. */
export type CostSource = 'settled' | 'reported' | 'header' | 'proxy_price' | 'catalog' | 'unknown';

/** A cost: exact for programs, short for people. */
export interface CostFact {
  /** Whole pico-USD (10⁻¹² USD); absent when it is not known. */
  readonly picoUsd?: string;
  /** For example '$0.0123', '≈ $0.0001', or '–' when it is not known. */
  readonly text: string;
  readonly source: CostSource;
}

/** Token counts; cached and written ones are part of the prompt's, reasoning tokens part of the completion's. */
export interface TokenCounts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
}

/** How an answer ended. */
export type OutcomeName = 'done' | 'length' | 'filtered' | 'tool_calls' | 'error' | 'cancelled' | 'truncated';

/** One request of this window. */
export interface UsageEntry {
  /** Absent when the server did not say. */
  readonly tokens?: TokenCounts;
  readonly callId: string;
  readonly model: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly outcome: OutcomeName;
  readonly cost: CostFact;
}

/** The requests of this window and their sum. */
export interface UsageSnapshot {
  readonly totals: {
    readonly tokens: TokenCounts;
    readonly requests: number;
    /** Whole pico-USD of all requests whose cost is known. */
    readonly costPicoUsd: string;
    readonly costText: string;
    /** Whether a part of the cost is an estimate. */
    readonly estimated: boolean;
    /** How many requests have no known cost and are not in the sum. */
    readonly unknownCosts: number;
  };
  /** Oldest first. */
  readonly requests: readonly UsageEntry[];
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `UsageSnapshot`.
    #[wasm_bindgen(typescript_type = "UsageSnapshot")]
    pub type UsageSnapshot;
}

/// One ledger per user of this window.
pub(crate) struct Ledgers {
    driver: Rc<Driver>,
    by_user: RefCell<Vec<(String, Ledger)>>,
    /// Whether batches are on their way: one at a time.
    sending: Cell<bool>,
    resend: RefCell<Option<Timer>>,
}

impl Ledgers {
    pub(crate) fn new(driver: &Rc<Driver>) -> Rc<Self> {
        Rc::new(Self {
            driver: Rc::clone(driver),
            by_user: RefCell::default(),
            sending: Cell::new(false),
            resend: RefCell::default(),
        })
    }

    /// Takes up what earlier windows of the user who is signed in could not send, and sends it.
    pub(crate) fn resume(self: &Rc<Self>) {
        let Some(account) = self.driver.account() else { return };
        let this = Rc::clone(self);
        spawn(async move {
            let host = this.driver.host();
            let loaded = match host.load_usage_queues(&account.user_id) {
                Ok(promise) => JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            let Ok(texts) = loaded else { return };
            this.with_ledger(&account.user_id, |ledger| {
                for text in js_sys::Array::from(&texts).iter().filter_map(|text| text.as_string()) {
                    // A damaged queue can't be read by anybody: it is given up.
                    let _ = ledger.restore_queue(&text);
                }
            });
            this.save(&account.user_id).await;
            this.send();
        });
    }

    /// Books a call that has ended, tells the host, keeps it where a crash does not reach it, and sends it.
    pub(crate) fn book(self: &Rc<Self>, user_id: &str, call: &Call) {
        // `run` refuses a call without a UUID before it is sent, so the ledger takes this one.
        self.with_ledger(user_id, |ledger| ledger.book(call).is_ok());
        self.driver.emit(&kind("usageChanged").into_js());
        let this = Rc::clone(self);
        let user_id = user_id.to_owned();
        spawn(async move {
            this.save(&user_id).await;
            this.send();
        });
    }

    /// Sends the queue of the user who is signed in, a batch after another. A failure leaves the rest queued.
    fn send(self: &Rc<Self>) {
        if self.sending.replace(true) {
            return;
        }
        self.resend.replace(None);
        let this = Rc::clone(self);
        spawn(async move {
            let done = this.send_all().await;
            this.sending.set(false);
            if !done {
                let weak = Rc::downgrade(&this);
                let timer = Timer::start(this.driver.host(), f64::from(RESEND_AFTER_MS), move || {
                    if let Some(this) = weak.upgrade() {
                        // The timer that runs right now must not be dropped by its own callback.
                        spawn(async move { this.send() });
                    }
                });
                this.resend.replace(Some(timer));
            }
        });
    }

    /// Whether the queue is empty now.
    async fn send_all(&self) -> bool {
        while let Some(account) = self.driver.account() {
            let batch = find(&self.by_user.borrow(), &account.user_id).and_then(Ledger::next_batch);
            let Some(batch) = batch else { return true };
            let body = batch.body();
            let sent = self
                .driver
                .ask(Ask::Rpc {
                    function: "record_usage",
                    body,
                })
                .await;
            let goes_on = self.with_ledger(&account.user_id, |ledger| match &sent {
                Ok(_) => {
                    ledger.acknowledge(&batch);
                    true
                }
                Err(error) => ledger.refuse(&batch, error),
            });
            if !goes_on {
                return false;
            }
            self.save(&account.user_id).await;
        }
        true
    }

    async fn save(&self, user_id: &str) {
        let text = self.with_ledger(user_id, |ledger| ledger.save_queue());
        if let Ok(promise) = self.driver.host().save_usage_queue(user_id, &text) {
            // The host reports a disk that does not take it; the queue in memory goes on.
            let _ = JsFuture::from(promise).await;
        }
    }

    fn with_ledger<T>(&self, user_id: &str, run: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledgers = self.by_user.borrow_mut();
        if let Some((_, ledger)) = ledgers.iter_mut().find(|(user, _)| user == user_id) {
            return run(ledger);
        }
        let mut ledger = Ledger::new(0);
        let result = run(&mut ledger);
        ledgers.push((user_id.to_owned(), ledger));
        result
    }

    /// What the user who is signed in used in this window.
    pub(crate) fn snapshot(&self, show_estimates: bool) -> UsageSnapshot {
        let ledgers = self.by_user.borrow();
        let ledger = self
            .driver
            .account()
            .and_then(|account| find(&ledgers, &account.user_id));
        let session = ledger.map_or_else(Totals::default, |ledger| *ledger.session());
        let recent = ledger.into_iter().flat_map(Ledger::recent);
        let requests = recent.map(|call| entry(call, show_estimates).into());
        Object::new()
            .with("totals", totals(&session, show_estimates))
            .with("requests", requests.collect::<Vec<_>>())
            .into_js()
            .unchecked_into()
    }
}

fn find<'a>(ledgers: &'a [(String, Ledger)], user_id: &str) -> Option<&'a Ledger> {
    ledgers
        .iter()
        .find(|(user, _)| user == user_id)
        .map(|(_, ledger)| ledger)
}

fn totals(totals: &Totals, show_estimates: bool) -> Object {
    let totals = totals.shown(show_estimates);
    let cost = totals.cost();
    Object::new()
        .with("tokens", tokens(&totals.usage))
        .with("requests", totals.calls)
        .with("costPicoUsd", cost.amount.unwrap_or(Money::ZERO).to_pico_text())
        .with("costText", format_cost(cost))
        .with("estimated", cost.source.is_estimate())
        .with("unknownCosts", totals.unknown)
}

/// TypeScript's `TokenCounts`.
pub(crate) fn tokens(usage: &Usage) -> Object {
    Object::new()
        .with("promptTokens", usage.prompt)
        .with("completionTokens", usage.completion)
        .with("totalTokens", usage.total)
        .with("cachedTokens", usage.cached)
        .with("cacheWriteTokens", usage.cache_write)
        .with("reasoningTokens", usage.reasoning)
}

/// TypeScript's `CostFact`.
pub(crate) fn cost(cost: Cost, show_estimates: bool) -> Object {
    let cost = cost.shown(show_estimates);
    Object::new()
        .with_some("picoUsd", cost.amount.map(Money::to_pico_text))
        .with("text", format_cost(cost))
        .with("source", cost.source.as_str())
}

/// TypeScript's `UsageEntry`.
fn entry(call: &Call, show_estimates: bool) -> Object {
    Object::new()
        .with_some("tokens", call.usage.as_ref().map(tokens))
        .with("callId", call.call_id.as_str())
        .with("model", call.model.as_str())
        .with("startedAt", u64::try_from(call.occurred_at.0).unwrap_or(0))
        .with("outcome", call.outcome.as_str())
        .with("cost", cost(call.cost, show_estimates))
}

/// A call as the ledger keeps it.
pub(crate) fn call(call_id: &str, model: &str, at: UnixMillis, result: &ChatResult, cost: Cost) -> Call {
    Call {
        call_id: call_id.to_owned(),
        response_id: result.response_id.clone(),
        model: model.to_owned(),
        usage: result.usage,
        cost,
        outcome: result.outcome.name(),
        occurred_at: at,
    }
}
