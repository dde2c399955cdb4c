//! The usage ledger: what each call used and cost, and the queue of records that the account has not got yet.
//!
//! A call is known by its call id, which the client makes before the first byte. What is known of a call only improves:
//! an estimate gives way to what the server reported, and that to what the account settled. Nothing is lost and nothing is
//! counted twice: a record stays in the queue until the account has acknowledged it, and sending it again is harmless,
//! because the account is idempotent by call id.
#![warn(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod queue;
mod time;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatResult, OutcomeName};
use crate::cost::{Cost, CostSource, Money, Prices, Usage};
use crate::error::{Error, ErrorCode};
pub use queue::{Batch, MAX_BATCH, MAX_QUEUE, UsageRecord};
use time::Day;
pub use time::{UnixMillis, rfc3339};

/// So many calls can still improve; the totals of older ones stand.
const MAX_CALLS: usize = 4096;
/// When records could not be sent, the next attempt comes after this time, in milliseconds; a new call tries at once.
pub const RESEND_AFTER_MS: u32 = 60_000;
/// So many calls are listed.
const MAX_RECENT: usize = 500;
/// The most models that have totals of their own.
const MAX_MODELS: usize = 1000;
/// The most days that have totals of their own.
const MAX_DAYS: usize = 62;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The client's id, a UUID in lower case.
    pub call_id: String,
    /// The provider's id of the answer, if it became known.
    pub response_id: Option<String>,
    /// The model that was asked for.
    pub model: String,
    /// What it used, if it became known.
    pub usage: Option<Usage>,
    /// What it cost.
    pub cost: Cost,
    /// How it ended.
    pub outcome: OutcomeName,
    /// When it was asked.
    pub occurred_at: UnixMillis,
}

impl Call {
    /// The call whose answer has ended, with its cost from the server or else from `prices`.
    #[must_use]
    pub fn ended(
        call_id: &str,
        model: &str,
        occurred_at: UnixMillis,
        result: &ChatResult,
        prices: Option<(&Prices, CostSource)>,
    ) -> Self {
        Self {
            call_id: String::from(call_id),
            response_id: result.response_id.clone(),
            model: String::from(model),
            usage: result.usage,
            cost: result.cost(prices),
            outcome: result.outcome.name(),
            occurred_at,
        }
    }
}

/// How good the knowledge of a call's cost is; better replaces worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Unknown,
    Estimate,
    Reported,
    Settled,
}

impl Stage {
    const fn of(cost: &Cost) -> Self {
        match (cost.amount, cost.source) {
            (None, _) | (_, CostSource::Unknown) => Self::Unknown,
            (_, CostSource::ProxyPrice | CostSource::Catalog) => Self::Estimate,
            (_, CostSource::Header | CostSource::Reported) => Self::Reported,
            (_, CostSource::Settled) => Self::Settled,
        }
    }
}

/// A sum over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many calls.
    pub calls: u64,
    /// What the calls of a known cost cost together.
    pub amount: Money,
    /// How many of the amounts are estimates.
    pub estimates: u64,
    /// The part of the amount that is estimated.
    pub estimated_amount: Money,
    /// How many calls have no known cost and are not in the amount.
    pub unknown: u64,
    /// What they used.
    pub usage: Usage,
}

impl Totals {
    /// The sum as a cost: an estimate if any part of it is one, unknown if there is nothing but unknown costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        if self.calls > 0 && self.calls == self.unknown {
            return Cost::UNKNOWN;
        }
        let source = if self.estimates > 0 {
            CostSource::ProxyPrice
        } else {
            CostSource::Reported
        };
        Cost::known(self.amount, source)
    }

    /// The sum as it is shown; without estimates, those calls count as calls of an unknown cost.
    #[must_use]
    pub const fn shown(&self, show_estimates: bool) -> Self {
        if show_estimates {
            return *self;
        }
        Self {
            amount: self.amount.saturating_sub(self.estimated_amount),
            estimates: 0,
            estimated_amount: Money::ZERO,
            unknown: self.unknown.saturating_add(self.estimates),
            ..*self
        }
    }

    fn add(&mut self, entry: &Entry) {
        if entry.stage == Stage::Estimate {
            self.estimated_amount = self.estimated_amount.saturating_add(entry.amount);
        }
        self.calls = self.calls.saturating_add(1);
        self.estimates = self.estimates.saturating_add(u64::from(entry.stage == Stage::Estimate));
        self.unknown = self.unknown.saturating_add(u64::from(entry.stage == Stage::Unknown));
        self.amount = self.amount.saturating_add(entry.amount);
        self.usage = self.usage.saturating_add(entry.usage);
    }

    fn remove(&mut self, entry: &Entry) {
        if entry.stage == Stage::Estimate {
            self.estimated_amount = self.estimated_amount.saturating_sub(entry.amount);
        }
        self.calls = self.calls.saturating_sub(1);
        self.estimates = self.estimates.saturating_sub(u64::from(entry.stage == Stage::Estimate));
        self.unknown = self.unknown.saturating_sub(u64::from(entry.stage == Stage::Unknown));
        self.amount = self.amount.saturating_sub(entry.amount);
        self.usage = self.usage.saturating_sub(entry.usage);
    }
}

/// What the totals hold of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    stage: Stage,
    amount: Money,
    usage: Usage,
    model: String,
    day: Day,
}

/// The ledger of one session of the extension.
#[derive(Debug, Clone)]
pub struct Ledger {
    utc_offset_minutes: i32,
    /// By call id, oldest first. Lists beat trees here: they are short, and a tree of each kind is 8 KB of code.
    entries: VecDeque<(String, Entry)>,
    /// The latest calls, oldest first.
    recent: VecDeque<Call>,
    session: Totals,
    /// Oldest first.
    days: Vec<(Day, Totals)>,
    /// In the order of the names.
    models: Vec<(String, Totals)>,
    queue: queue::Queue,
}

impl Ledger {
    /// An empty ledger; days begin at midnight of a clock that is so many minutes ahead of UTC.
    #[must_use]
    pub fn new(utc_offset_minutes: i32) -> Self {
        Self {
            utc_offset_minutes,
            entries: VecDeque::new(),
            recent: VecDeque::new(),
            session: Totals::default(),
            days: Vec::new(),
            models: Vec::new(),
            queue: queue::Queue::default(),
        }
    }

    /// Books a call and queues its record for the account. A call that is known is improved, never counted again; what
    /// is worse than what is known is ignored. Says whether anything changed.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` when the call id is not a UUID in lower case, or the model has no name: the account would
    /// refuse the record for ever.
    pub fn book(&mut self, call: &Call) -> Result<bool, Error> {
        if !is_uuid(&call.call_id) || call.model.is_empty() {
            return Err(Error::new(ErrorCode::ValidationFailed));
        }
        let entry = Entry {
            stage: Stage::of(&call.cost),
            amount: call.cost.amount.unwrap_or_default(),
            usage: call.usage.unwrap_or_default(),
            model: call.model.clone(),
            day: Day::of(call.occurred_at, self.utc_offset_minutes),
        };
        let changed = self.put(&call.call_id, &entry);
        if changed {
            self.list(call);
            self.queue.put(UsageRecord::of(call));
        }
        Ok(changed)
    }

    /// The account has settled a call's cost. It is final, and there is nothing to send. Says whether the call is known.
    pub fn settle(&mut self, call_id: &str, amount: Money) -> bool {
        let Some(entry) = self.entry(call_id) else {
            return false;
        };
        let entry = Entry {
            stage: Stage::Settled,
            amount,
            ..entry.clone()
        };
        self.put(call_id, &entry);
        if let Some(listed) = self.recent.iter_mut().find(|listed| listed.call_id == call_id) {
            listed.cost = Cost::known(amount, CostSource::Settled);
        }
        true
    }

    /// The latest calls, oldest first: at most 500.
    pub fn recent(&self) -> impl Iterator<Item = &Call> {
        self.recent.iter()
    }

    fn list(&mut self, call: &Call) {
        match self.recent.iter_mut().find(|listed| listed.call_id == call.call_id) {
            Some(listed) => listed.clone_from(call),
            None => self.recent.push_back(call.clone()),
        }
        while self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
    }

    /// The calls of this session.
    #[must_use]
    pub const fn session(&self) -> &Totals {
        &self.session
    }

    /// The calls of the day that `now` lies in.
    #[must_use]
    pub fn day(&self, now: UnixMillis) -> Totals {
        let at = self.day_at(Day::of(now, self.utc_offset_minutes)).ok();
        at.and_then(|at| self.days.get(at))
            .map(|(_, totals)| *totals)
            .unwrap_or_default()
    }

    /// The calls of each model, in the order of the names.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Totals)> {
        self.models.iter().map(|(name, totals)| (name.as_str(), totals))
    }

    /// How many records the account has not got yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// The oldest records, at most [`MAX_BATCH`]; `None` when there are none. They stay queued until
    /// [`acknowledge`](Self::acknowledge).
    #[must_use]
    pub fn next_batch(&self) -> Option<Batch> {
        self.queue.next_batch()
    }

    /// The account has this batch. A record that has changed since stays queued.
    pub fn acknowledge(&mut self, batch: &Batch) {
        self.queue.acknowledge(batch);
    }

    /// The account refused a batch. When it will never take one of the records, that one is taken out, or it would keep
    /// back all that follow; the error's `records[N]…` names it, else it is the oldest. Says whether to go on at once.
    pub fn refuse(&mut self, batch: &Batch, error: &Error) -> bool {
        if error.code != ErrorCode::ValidationFailed {
            return false;
        }
        let named = error.reasons.iter().find_map(|reason| record_index(reason));
        let Some(call_id) = batch.call_ids().nth(named.unwrap_or(0)) else {
            return false;
        };
        self.queue.remove(call_id).is_some()
    }

    /// The queue as text, to be kept where a crash does not reach it. Versioned.
    #[must_use]
    pub fn save_queue(&self) -> String {
        self.queue.save()
    }

    /// Puts back the records of a text that [`save_queue`](Self::save_queue) made, unless this ledger has newer ones.
    /// Says how many there were.
    ///
    /// # Errors
    /// `STORE_FAILED` when the text is damaged or of another version; the queue stays as it is.
    pub fn restore_queue(&mut self, text: &str) -> Result<usize, Error> {
        self.queue.restore(text)
    }

    fn entry(&self, call_id: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|(id, _)| id == call_id)
            .map(|(_, entry)| entry)
    }

    fn put(&mut self, call_id: &str, entry: &Entry) -> bool {
        if let Some((_, known)) = self.entries.iter_mut().find(|(id, _)| id == call_id) {
            if entry.stage < known.stage || *entry == *known {
                return false;
            }
            let known = core::mem::replace(known, entry.clone());
            self.session.remove(&known);
            if let Ok(at) = self.day_at(known.day)
                && let Some((_, totals)) = self.days.get_mut(at)
            {
                totals.remove(&known);
            }
            if let Ok(at) = self.model_at(&known.model)
                && let Some((_, totals)) = self.models.get_mut(at)
            {
                totals.remove(&known);
            }
            self.models.retain(|(_, totals)| totals.calls > 0);
        } else {
            self.entries.push_back((String::from(call_id), entry.clone()));
            while self.entries.len() > MAX_CALLS {
                self.entries.pop_front();
            }
        }
        self.session.add(entry);
        self.add_to_day(entry);
        self.add_to_model(entry);
        true
    }

    fn add_to_day(&mut self, entry: &Entry) {
        let at = self.day_at(entry.day).unwrap_or_else(|at| {
            self.days.insert(at, (entry.day, Totals::default()));
            at
        });
        if let Some((_, totals)) = self.days.get_mut(at) {
            totals.add(entry);
        }
        let excess = self.days.len().saturating_sub(MAX_DAYS);
        self.days.drain(..excess);
    }

    fn add_to_model(&mut self, entry: &Entry) {
        let at = match self.model_at(&entry.model) {
            Ok(at) => at,
            Err(_) if self.models.len() >= MAX_MODELS => return,
            Err(at) => {
                self.models.insert(at, (entry.model.clone(), Totals::default()));
                at
            }
        };
        if let Some((_, totals)) = self.models.get_mut(at) {
            totals.add(entry);
        }
    }

    fn day_at(&self, day: Day) -> Result<usize, usize> {
        self.days.binary_search_by(|(known, _)| known.cmp(&day))
    }

    fn model_at(&self, model: &str) -> Result<usize, usize> {
        self.models.binary_search_by(|(known, _)| known.as_str().cmp(model))
    }
}

/// The index in `records[N]` or `records[N].field`.
fn record_index(details: &str) -> Option<usize> {
    details.strip_prefix("records[")?.split_once(']')?.0.parse().ok()
}

/// Whether this is a UUID as `crypto.randomUUID` writes it.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests;
