//! What was used, as TypeScript sees it.

use godoty_core::cost::{Cost, Money, Usage, format_cost};
use godoty_core::usage::{Allowance, Call, Ledger, Periods, Quota, Sums, Totals, UnixMillis};
use wasm_bindgen::prelude::*;

use crate::value::{Object, Value};

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

/** One request. */
export interface UsageEntry {
  /** Absent when the server did not say. */
  readonly tokens?: TokenCounts;
  readonly callId: string;
  readonly model: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly outcome: OutcomeName;
  readonly cost: CostFact;
  /** The cost as a decimal number of USD, for example '0.000012'; absent when it is not known. */
  readonly usd?: string;
}

/** A sum over requests. */
export interface UsageTotals {
  readonly tokens: TokenCounts;
  readonly requests: number;
  /** Whole pico-USD of all requests whose cost is known. */
  readonly costPicoUsd: string;
  readonly costText: string;
  /** Whether a part of the cost is an estimate. */
  readonly estimated: boolean;
  /** How many requests have no known cost and are not in the sum. */
  readonly unknownCosts: number;
}

/** A sum over the requests of a period that ends now. */
export interface PeriodUsage {
  /** Milliseconds since the Unix epoch. */
  readonly startsAt: number;
  /** Whether the account's requests of all windows and devices are in it; else it is this window's. */
  readonly complete: boolean;
  readonly totals: UsageTotals;
  /** In the order of the names. */
  readonly models: readonly { readonly model: string; readonly totals: UsageTotals }[];
}

/** How much of something may be used until when. */
export interface Allowance {
  readonly used: number;
  readonly limit: number;
  /** Milliseconds since the Unix epoch. */
  readonly resetsAt: number;
}

/** What the account's plan allows. What has no limit is absent. */
export interface Quota {
  readonly plan: string;
  /** Tokens in this month. */
  readonly month?: Allowance;
  /** Requests in this hour. */
  readonly hour?: Allowance;
  /** Whether the account's keys are blocked for now. */
  readonly blocked: boolean;
}

/** What stands in the way of the next request, as far as the last one tells. */
export type Trouble = 'offline' | 'key' | 'quota';

/** What the user who is signed in has used, as far as this window knows; made without a call. */
export interface UsageSnapshot {
  /** The requests of this window. */
  readonly window: UsageTotals;
  readonly today: PeriodUsage;
  readonly week: PeriodUsage;
  readonly month: PeriodUsage;
  /** The model of the latest request. */
  readonly lastModel?: string;
  readonly quota?: Quota;
  readonly trouble?: Trouble;
  /** When this snapshot's days are over, in milliseconds from now. */
  readonly msToTomorrow: number;
  /** How many requests the account has not been told of yet. They are in all sums. */
  readonly unsent: number;
}

/** A snapshot with its requests. */
export interface UsageOverview extends UsageSnapshot {
  /** Newest first. */
  readonly requests: readonly UsageEntry[];
  /** Whether there are older ones, which are in the sums alone. */
  readonly older: boolean;
  /** Why the account could not be asked. */
  readonly unread?: ErrorDetail;
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `UsageSnapshot`.
    #[wasm_bindgen(typescript_type = "UsageSnapshot")]
    pub type UsageSnapshot;
}

/// TypeScript's `UsageSnapshot`.
pub(crate) fn snapshot(ledger: &Ledger, now: UnixMillis, periods: &Periods, show_estimates: bool) -> Object {
    let period = |start: UnixMillis| period(start, &ledger.since(start), show_estimates);
    let latest = ledger.latest().next();
    Object::new()
        .with("window", totals(&ledger.here(), show_estimates))
        .with("today", period(periods.today))
        .with("week", period(periods.week))
        .with("month", period(periods.month))
        .with_some("lastModel", latest.map(|call| call.model.as_str()))
        .with(
            "msToTomorrow",
            millis(UnixMillis(periods.tomorrow.0.saturating_sub(now.0))),
        )
        .with("unsent", count(ledger.pending()))
}

/// The requests of TypeScript's `UsageOverview`.
pub(crate) fn requests(ledger: &Ledger, show_estimates: bool) -> Vec<Value> {
    ledger.latest().map(|call| entry(call, show_estimates).into()).collect()
}

/// TypeScript's `Quota`.
pub(crate) fn quota(quota: &Quota) -> Object {
    let allowance = |allowance: Allowance| {
        Object::new()
            .with("used", allowance.used)
            .with("limit", allowance.limit)
            .with("resetsAt", millis(allowance.resets_at))
    };
    Object::new()
        .with("plan", quota.plan.as_str())
        .with_some("month", quota.month.map(allowance))
        .with_some("hour", quota.hour.map(allowance))
        .with("blocked", quota.blocked)
}

fn period(start: UnixMillis, sums: &Sums, show_estimates: bool) -> Object {
    let models = sums.models.iter().map(|(model, sum)| {
        Object::new()
            .with("model", model.as_str())
            .with("totals", totals(sum, show_estimates))
            .into()
    });
    Object::new()
        .with("startsAt", millis(start))
        .with("complete", sums.complete)
        .with("totals", totals(&sums.totals, show_estimates))
        .with("models", models.collect::<Vec<_>>())
}

fn millis(moment: UnixMillis) -> u64 {
    u64::try_from(moment.0).unwrap_or(0)
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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
    let usd = call.cost.shown(show_estimates).amount.map(Money::to_usd_text);
    Object::new()
        .with_some("usd", usd)
        .with_some("tokens", call.usage.as_ref().map(tokens))
        .with("callId", call.call_id.as_str())
        .with("model", call.model.as_str())
        .with("startedAt", millis(call.occurred_at))
        .with("outcome", call.outcome.as_str())
        .with("cost", cost(call.cost, show_estimates))
}
