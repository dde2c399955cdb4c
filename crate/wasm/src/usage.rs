//! The ledgers of a client, one per user, and the records on their way to the account.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use godoty_core::chat::{ChatResult, OutcomeName};
use godoty_core::cost::{Cost, CostSource, Money, Usage, format_cost};
use godoty_core::session::Ask;
use godoty_core::usage::{Call, Ledger, RESEND_AFTER_MS, Totals, UnixMillis};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::driver::Driver;
use crate::error::plain;
use crate::timer::Timer;

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
  readonly tokens: TokenCounts;
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
        spawn_local(async move {
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
        self.driver.emit(&plain(&UsageChanged { kind: "usageChanged" }));
        let this = Rc::clone(self);
        let user_id = user_id.to_owned();
        spawn_local(async move {
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
        spawn_local(async move {
            let done = this.send_all().await;
            this.sending.set(false);
            if !done {
                let weak = Rc::downgrade(&this);
                let timer = Timer::start(this.driver.host(), f64::from(RESEND_AFTER_MS), move || {
                    if let Some(this) = weak.upgrade() {
                        // The timer that runs right now must not be dropped by its own callback.
                        spawn_local(async move { this.send() });
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
        let snapshot = WireSnapshot {
            totals: WireTotals::of(ledger.map_or(&Totals::default(), Ledger::session), show_estimates),
            requests: ledger.map_or_else(Vec::new, |ledger| {
                ledger
                    .recent()
                    .map(|call| WireEntry::of(call, show_estimates))
                    .collect()
            }),
        };
        plain(&snapshot).unchecked_into()
    }
}

fn find<'a>(ledgers: &'a [(String, Ledger)], user_id: &str) -> Option<&'a Ledger> {
    ledgers
        .iter()
        .find(|(user, _)| user == user_id)
        .map(|(_, ledger)| ledger)
}

#[derive(Serialize)]
struct UsageChanged {
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSnapshot {
    totals: WireTotals,
    requests: Vec<WireEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireTotals {
    tokens: WireTokens,
    requests: u64,
    cost_pico_usd: String,
    cost_text: String,
    estimated: bool,
    unknown_costs: u64,
}

impl WireTotals {
    fn of(totals: &Totals, show_estimates: bool) -> Self {
        let totals = totals.shown(show_estimates);
        let cost = totals.cost();
        Self {
            tokens: WireTokens::of(totals.usage),
            requests: totals.calls,
            cost_pico_usd: cost.amount.unwrap_or(Money::ZERO).pico().to_string(),
            cost_text: format_cost(cost),
            estimated: cost.source.is_estimate(),
            unknown_costs: totals.unknown,
        }
    }
}

/// Token counts as TypeScript has them.
#[expect(clippy::struct_field_names, reason = "the names are the fields of the boundary")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
}

impl WireTokens {
    pub(crate) const fn of(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.total,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            reasoning_tokens: usage.reasoning,
        }
    }
}

/// A cost as TypeScript has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireCost {
    #[serde(skip_serializing_if = "Option::is_none")]
    pico_usd: Option<String>,
    text: String,
    source: CostSource,
}

impl WireCost {
    pub(crate) fn of(cost: Cost, show_estimates: bool) -> Self {
        let cost = cost.shown(show_estimates);
        Self {
            pico_usd: cost.amount.map(|amount| amount.pico().to_string()),
            text: format_cost(cost),
            source: cost.source,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    tokens: WireTokens,
    call_id: String,
    model: String,
    started_at: UnixMillis,
    outcome: OutcomeName,
    cost: WireCost,
}

impl WireEntry {
    fn of(call: &Call, show_estimates: bool) -> Self {
        Self {
            tokens: WireTokens::of(call.usage.unwrap_or_default()),
            call_id: call.call_id.clone(),
            model: call.model.clone(),
            started_at: call.occurred_at,
            outcome: call.outcome,
            cost: WireCost::of(call.cost, show_estimates),
        }
    }
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
