//! The usage ledger: what each call used and cost, and the queue of records that the account has not got yet.
//!
//! A call is known by its call id, which the client makes before the first byte. What is known of a call only improves:
//! an estimate gives way to what the server reported, and that to what the account settled. Nothing is lost and nothing is
//! counted twice: a record stays in the queue until the account has acknowledged it, and sending it again is harmless,
//! because the account is idempotent by call id.
#![warn(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod account;
mod flat;
mod record;
mod time;
mod totals;
mod trouble;

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatResult, OutcomeName};
use crate::cost::{Cost, CostSource, Usage};
use crate::error::{Error, ErrorCode};
pub use account::{Allowance, Quota, Reading};
pub use record::Batch;
pub use time::{Periods, UnixMillis, Zone, parse_rfc3339, rfc3339};
pub use totals::{Sums, Totals};
pub use trouble::Trouble;

/// The account takes so many records at once.
pub const MAX_BATCH: usize = 100;
/// So many calls are known one by one; beyond, the oldest is given up, and its record with it. This window's total keeps
/// it.
pub const MAX_CALLS: usize = 5000;
/// When records could not be sent, the next attempt comes after this time, in milliseconds; a new call tries at once.
pub const RESEND_AFTER_MS: u32 = 60_000;
/// So many calls are listed.
const MAX_LISTED: usize = 500;

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
    /// The call whose answer has ended.
    #[must_use]
    pub fn ended(call_id: &str, model: &str, occurred_at: UnixMillis, result: &ChatResult, cost: Cost) -> Self {
        Self {
            call_id: String::from(call_id),
            response_id: result.response_id.clone(),
            model: String::from(model),
            usage: result.usage,
            cost,
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

/// Where the record of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It waits to be sent.
    Queued,
    /// The account will never take it.
    Refused,
    /// The account has it, and keeps what it got first.
    Sent,
    /// The account has it, and it is in the account's sums.
    Summed,
}

/// A call that is known one by one.
#[derive(Debug, Clone)]
struct Entry {
    call: Call,
    /// Whether this window made it.
    here: bool,
    place: Place,
}

impl Entry {
    /// Takes what is better of what else is known of the call. Says whether anything changed.
    fn improve(&mut self, other: &Call) -> bool {
        let better = if Stage::of(&other.cost) > Stage::of(&self.call.cost) {
            other
        } else {
            &self.call
        };
        let better = Call {
            usage: better.usage.or(self.call.usage).or(other.usage),
            occurred_at: self.call.occurred_at,
            ..better.clone()
        };
        let changed = better != self.call;
        self.call = better;
        changed
    }
}

/// The ledger of one user in one window.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Oldest first. A list beats a tree here: it is short, and a tree is 8 KB of code.
    entries: Vec<Entry>,
    /// This window's calls that were given up.
    given_up: Totals,
    /// Whether the account was asked.
    asked: bool,
    /// Up to this moment the account's calls are in `sums` alone.
    cut: Option<UnixMillis>,
    /// By where they begin; each ends with the cut.
    sums: Vec<(UnixMillis, Sums)>,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
        let (at, changed) = self.put(call, Place::Queued);
        if let Some(entry) = self.entries.get_mut(at) {
            entry.here = true;
        }
        self.bound();
        Ok(changed)
    }

    /// Takes what the account said. Whatever this window knows of the same calls is matched by the ids.
    pub fn take(&mut self, account: Reading) {
        let place = |summed| if summed { Place::Summed } else { Place::Sent };
        for entry in &mut self.entries {
            if matches!(entry.place, Place::Sent | Place::Summed) {
                entry.place = place(account.cut.is_some());
            }
        }
        // Behind the cut or not is by the account's clock: what is settled has the spend log's time there.
        for call in &account.calls {
            let (at, _) = self.put(call, Place::Sent);
            if let Some(entry) = self.entries.get_mut(at) {
                entry.place = place(account.cut.is_some_and(|cut| call.occurred_at <= cut));
            }
        }
        self.asked = true;
        self.cut = account.cut;
        self.sums = account.sums;
        self.bound();
    }

    /// The latest calls, newest first: at most 500. Where the account has more than it said one by one, the list ends
    /// there, so that it has no gaps.
    pub fn latest(&self) -> impl Iterator<Item = &Call> {
        let cut = self.cut;
        self.entries
            .iter()
            .rev()
            .map(|entry| &entry.call)
            .take_while(move |call| cut.is_none_or(|cut| call.occurred_at >= cut))
            .take(MAX_LISTED)
    }

    /// Whether there are older calls than the [`latest`](Self::latest).
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.entries.len() > MAX_LISTED || self.cut.is_some()
    }

    /// The calls of this window.
    #[must_use]
    pub fn here(&self) -> Totals {
        let mut totals = self.given_up;
        for entry in self.entries.iter().filter(|entry| entry.here) {
            totals.add(&entry.call);
        }
        totals
    }

    /// The calls from a moment on, which is one of [`Periods`].
    #[must_use]
    pub fn since(&self, start: UnixMillis) -> Sums {
        let mut sums = Sums::default();
        if self.cut.is_none_or(|cut| cut < start) {
            sums.complete = self.asked;
        } else if let Some((_, known)) = self.sums.iter().find(|(from, _)| *from == start) {
            sums.clone_from(known);
        }
        let complete = sums.complete;
        for entry in &self.entries {
            if entry.call.occurred_at >= start && !(complete && entry.place == Place::Summed) {
                sums.add(&entry.call);
            }
        }
        sums
    }

    /// How many records the account has not got yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue().count()
    }

    /// The oldest records, at most [`MAX_BATCH`]; `None` when there are none. They stay queued until
    /// [`answered`](Self::answered).
    #[must_use]
    pub fn next_batch(&self) -> Option<Batch> {
        let calls: Vec<_> = self.queue().take(MAX_BATCH).cloned().collect();
        (!calls.is_empty()).then_some(Batch { calls })
    }

    /// The account has answered to a batch. What it has is sent, and the account keeps it as it came. When it will never
    /// take one of the records, that one is taken out, or it would keep back all that follow; the error's `records[N]…`
    /// names it. A refusal without a name takes none out: it may come from a server that lacks the function.
    ///
    /// # Errors
    /// The account's, when going on at once is of no use.
    pub fn answered(&mut self, batch: &Batch, answer: Result<(), Error>) -> Result<(), Error> {
        let Err(error) = answer else {
            for call in &batch.calls {
                if let Some(entry) = self.find(&call.call_id) {
                    entry.place = Place::Sent;
                }
            }
            return Ok(());
        };
        let named = error.reasons.iter().find_map(|reason| record_index(reason));
        let refused = named.and_then(|index| batch.calls.get(index));
        if let Some(call) = refused.filter(|_| error.code == ErrorCode::ValidationFailed)
            && let Some(entry) = self.find(&call.call_id).filter(|entry| entry.place == Place::Queued)
        {
            entry.place = Place::Refused;
            return Ok(());
        }
        Err(error)
    }

    /// The queue as text, to be kept where a crash does not reach it. Versioned.
    #[must_use]
    pub fn save_queue(&self) -> String {
        record::save(self.queue())
    }

    /// Puts back the records of a text that [`save_queue`](Self::save_queue) made, unless this ledger has newer ones.
    /// Says how many there were.
    ///
    /// # Errors
    /// `STORE_FAILED` when the text is damaged or of another version; the queue stays as it is.
    pub fn restore_queue(&mut self, text: &str) -> Result<usize, Error> {
        let calls = record::restore(text)?;
        for call in &calls {
            self.put(call, Place::Queued);
        }
        self.bound();
        Ok(calls.len())
    }

    fn queue(&self) -> impl Iterator<Item = &Call> {
        let queued = self.entries.iter().filter(|entry| entry.place == Place::Queued);
        queued.map(|entry| &entry.call)
    }

    fn find(&mut self, call_id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.call.call_id == call_id)
    }

    /// Adds the call, or takes what is better of it. Says where it is, and whether anything changed.
    fn put(&mut self, call: &Call, place: Place) -> (usize, bool) {
        let known = self.entries.iter_mut().enumerate();
        if let Some((at, entry)) = known.into_iter().find(|(_, entry)| entry.call.call_id == call.call_id) {
            return (at, entry.improve(call));
        }
        let at = self
            .entries
            .partition_point(|entry| entry.call.occurred_at <= call.occurred_at);
        let entry = Entry {
            call: call.clone(),
            here: false,
            place,
        };
        self.entries.insert(at, entry);
        (at, true)
    }

    /// Gives up the oldest calls.
    fn bound(&mut self) {
        let excess = self.entries.len().saturating_sub(MAX_CALLS);
        for entry in self.entries.drain(..excess).filter(|entry| entry.here) {
            self.given_up.add(&entry.call);
        }
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
