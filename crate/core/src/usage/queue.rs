//! The records that the account has not got yet.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Call, rfc3339};
use crate::chat::OutcomeName;
use crate::cost::CostSource;
use crate::error::{Error, ErrorCode};

/// The account takes so many records at once.
pub const MAX_BATCH: usize = 100;
/// So many records wait at most; beyond, the oldest is given up.
pub const MAX_QUEUE: usize = 5000;
/// The version of the saved text.
const VERSION: u32 = 1;
/// The longest saved text that is read, in bytes.
const MAX_SAVED: usize = 8 << 20;

/// One record as `record_usage` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The call.
    pub call_id: String,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// The model that was asked for.
    pub model: String,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the completion.
    pub completion_tokens: u64,
    /// As reported, else both together.
    pub total_tokens: u64,
    /// Prompt tokens from the cache.
    pub cached_tokens: u64,
    /// Prompt tokens into the cache.
    pub cache_write_tokens: u64,
    /// Completion tokens that were reasoning.
    pub reasoning_tokens: u64,
    /// Decimal text in USD; `null` when unknown.
    pub cost_usd: Option<String>,
    /// What the cost rests on.
    pub cost_source: CostSource,
    /// How the call ended.
    pub outcome: OutcomeName,
    /// When it was asked, RFC 3339.
    pub occurred_at: String,
}

impl UsageRecord {
    pub(super) fn of(call: &Call) -> Self {
        let usage = call.usage.unwrap_or_default();
        Self {
            call_id: call.call_id.clone(),
            response_id: call.response_id.clone(),
            model: call.model.clone(),
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.total,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            reasoning_tokens: usage.reasoning,
            cost_usd: call.cost.amount.map(super::Money::to_usd_text),
            cost_source: call.cost.source,
            outcome: call.outcome,
            occurred_at: rfc3339(call.occurred_at),
        }
    }
}

/// Some records on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    records: Vec<UsageRecord>,
}

impl Batch {
    /// The body of `record_usage`.
    #[must_use]
    pub fn body(&self) -> String {
        // Serialising strings and integers into a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The calls in it.
    pub fn call_ids(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|record| record.call_id.as_str())
    }
}

/// The queue, oldest first, one record a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    records: Vec<UsageRecord>,
}

#[derive(Deserialize)]
struct Saved {
    version: u32,
    records: Vec<UsageRecord>,
}

impl Queue {
    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn put(&mut self, record: UsageRecord) {
        if let Some(queued) = self.records.iter_mut().find(|queued| queued.call_id == record.call_id) {
            *queued = record;
            return;
        }
        self.records.push(record);
        let excess = self.records.len().saturating_sub(MAX_QUEUE);
        self.records.drain(..excess);
    }

    pub(super) fn next_batch(&self) -> Option<Batch> {
        let records: Vec<_> = self.records.iter().take(MAX_BATCH).cloned().collect();
        (!records.is_empty()).then_some(Batch { records })
    }

    pub(super) fn acknowledge(&mut self, batch: &Batch) {
        self.records.retain(|queued| !batch.records.contains(queued));
    }

    pub(super) fn remove(&mut self, call_id: &str) -> Option<UsageRecord> {
        let at = self.records.iter().position(|queued| queued.call_id == call_id)?;
        Some(self.records.remove(at))
    }

    pub(super) fn save(&self) -> String {
        let records = serde_json::to_string(&self.records).unwrap_or_else(|_| String::from("[]"));
        format!("{{\"version\":{VERSION},\"records\":{records}}}")
    }

    pub(super) fn restore(&mut self, text: &str) -> Result<usize, Error> {
        let damaged = || Error::new(ErrorCode::StoreFailed);
        if text.len() > MAX_SAVED {
            return Err(damaged());
        }
        let saved: Saved = serde_json::from_str(text).map_err(|_| damaged())?;
        if saved.version != VERSION {
            return Err(damaged());
        }
        let count = saved.records.len();
        let newer = core::mem::take(&mut self.records);
        for record in saved.records.into_iter().chain(newer) {
            self.put(record);
        }
        Ok(count)
    }
}
