//! The records that the account has not got yet.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Call, rfc3339};
use crate::chat::OutcomeName;
use crate::cost::CostSource;
use crate::error::{Error, ErrorCode};
use crate::json::{self, Object, Scanner};

/// The account takes so many records at once.
pub const MAX_BATCH: usize = 100;
/// So many records wait at most; beyond, the oldest is given up.
pub const MAX_QUEUE: usize = 5000;
/// The version of the saved text.
const VERSION: u64 = 1;
/// The longest saved text that is read, in bytes.
const MAX_SAVED: usize = 8 << 20;

/// One record as `record_usage` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    fn to_json(&self) -> String {
        Object::new()
            .string("call_id", &self.call_id)
            .string_or_null("response_id", self.response_id.as_deref())
            .string("model", &self.model)
            .number("prompt_tokens", self.prompt_tokens)
            .number("completion_tokens", self.completion_tokens)
            .number("total_tokens", self.total_tokens)
            .number("cached_tokens", self.cached_tokens)
            .number("cache_write_tokens", self.cache_write_tokens)
            .number("reasoning_tokens", self.reasoning_tokens)
            .string_or_null("cost_usd", self.cost_usd.as_deref())
            .string("cost_source", self.cost_source.as_str())
            .string("outcome", self.outcome.as_str())
            .string("occurred_at", &self.occurred_at)
            .end()
    }

    /// Reads what [`to_json`](Self::to_json) wrote; a record with a member missing counts as malformed.
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut texts: Vec<(String, String)> = Vec::new();
        let mut counts: Vec<(String, u64)> = Vec::new();
        scanner.object(|scanner, key| {
            if let Some(b'"') = scanner.peek() {
                if let Some(text) = scanner.string_or_skip()? {
                    texts.push((key.decode().into_owned(), text.decode().into_owned()));
                }
            } else if let Some(count) = scanner.whole_or_skip()? {
                counts.push((key.decode().into_owned(), count));
            }
            Ok(())
        })?;
        let mut text = |name: &str| {
            let at = texts.iter().position(|(key, _)| key == name)?;
            Some(texts.swap_remove(at).1)
        };
        let count = |name: &str| counts.iter().find(|(key, _)| key == name).map(|(_, count)| *count);
        let missing = || json::Malformed;
        Ok(Self {
            call_id: text("call_id").ok_or_else(missing)?,
            response_id: text("response_id"),
            model: text("model").ok_or_else(missing)?,
            prompt_tokens: count("prompt_tokens").ok_or_else(missing)?,
            completion_tokens: count("completion_tokens").ok_or_else(missing)?,
            total_tokens: count("total_tokens").ok_or_else(missing)?,
            cached_tokens: count("cached_tokens").ok_or_else(missing)?,
            cache_write_tokens: count("cache_write_tokens").ok_or_else(missing)?,
            reasoning_tokens: count("reasoning_tokens").ok_or_else(missing)?,
            cost_usd: text("cost_usd"),
            cost_source: text("cost_source")
                .as_deref()
                .and_then(CostSource::parse)
                .ok_or_else(missing)?,
            outcome: text("outcome")
                .as_deref()
                .and_then(OutcomeName::parse)
                .ok_or_else(missing)?,
            occurred_at: text("occurred_at").ok_or_else(missing)?,
        })
    }
}

/// Some records on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<UsageRecord>,
}

impl Batch {
    /// The body of `record_usage`.
    #[must_use]
    pub fn body(&self) -> String {
        Object::new().raw("records", &write_records(&self.records)).end()
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

fn write_records(records: &[UsageRecord]) -> String {
    let mut text = String::from("[");
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&record.to_json());
    }
    text.push(']');
    text
}

#[derive(Default)]
struct Saved {
    version: Option<u64>,
    records: Vec<UsageRecord>,
}

impl Saved {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut saved = Self::default();
        scanner.object(|scanner, key| {
            if key.is("version") {
                saved.version = scanner.whole_or_skip()?;
            } else if key.is("records") {
                scanner.array(|scanner| {
                    saved.records.push(UsageRecord::read(scanner)?);
                    Ok(())
                })?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        scanner.end()?;
        Ok(saved)
    }
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
        Object::new()
            .number("version", VERSION)
            .raw("records", &write_records(&self.records))
            .end()
    }

    pub(super) fn restore(&mut self, text: &str) -> Result<usize, Error> {
        let damaged = || Error::new(ErrorCode::StoreFailed);
        if text.len() > MAX_SAVED {
            return Err(damaged());
        }
        let saved = Saved::read(&mut Scanner::new(text.as_bytes())).map_err(|_| damaged())?;
        if saved.version != Some(VERSION) {
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
