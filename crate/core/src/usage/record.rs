//! Calls as the account takes and gives them, and as they are kept on disk.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::flat::Flat;
use super::{Call, parse_rfc3339, rfc3339};
use crate::chat::OutcomeName;
use crate::cost::{Cost, CostSource, Money, Usage};
use crate::error::{Error, ErrorCode};
use crate::json::{self, Malformed, Object, Scanner};

/// The version of the saved text.
const VERSION: u64 = 1;
/// The longest saved text that is read, in bytes.
const MAX_SAVED: usize = 8 << 20;

fn to_json(call: &Call) -> String {
    let usage = call.usage.unwrap_or_default();
    Object::new()
        .string("call_id", &call.call_id)
        .string_or_null("response_id", call.response_id.as_deref())
        .string("model", &call.model)
        .number("prompt_tokens", usage.prompt)
        .number("completion_tokens", usage.completion)
        .number("total_tokens", usage.total)
        .number("cached_tokens", usage.cached)
        .number("cache_write_tokens", usage.cache_write)
        .number("reasoning_tokens", usage.reasoning)
        .string_or_null("cost_usd", call.cost.amount.map(Money::to_usd_text).as_deref())
        .string("cost_source", call.cost.source.as_str())
        .string("outcome", call.outcome.as_str())
        .string("occurred_at", &rfc3339(call.occurred_at))
        .end()
}

/// A record has zeros where nobody counted: no model was ever asked with nothing.
fn of_flat(flat: &Flat) -> Option<Call> {
    let usage = flat.usage()?;
    let source = CostSource::parse(flat.text("cost_source")?)?;
    Some(Call {
        call_id: flat.text("call_id")?.to_string(),
        response_id: flat.text("response_id").map(ToString::to_string),
        model: flat.text("model")?.to_string(),
        usage: (usage != Usage::default()).then_some(usage),
        cost: if source == CostSource::Unknown {
            Cost::UNKNOWN
        } else {
            Cost::known(Money::parse_usd(flat.text("cost_usd")?)?, source)
        },
        outcome: OutcomeName::parse(flat.text("outcome")?)?,
        occurred_at: parse_rfc3339(flat.text("occurred_at")?)?,
    })
}

/// Reads a list of records; one with a member missing counts as malformed.
pub(super) fn read_list(scanner: &mut Scanner<'_>) -> json::Result<Vec<Call>> {
    let mut calls = Vec::new();
    scanner.array(|scanner| {
        calls.push(of_flat(&Flat::read(scanner)?).ok_or(Malformed)?);
        Ok(())
    })?;
    Ok(calls)
}

fn write_list<'a>(calls: impl Iterator<Item = &'a Call>) -> String {
    let mut text = String::from("[");
    for call in calls {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&to_json(call));
    }
    text.push(']');
    text
}

/// Some records on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub(super) calls: Vec<Call>,
}

impl Batch {
    /// The body of `record_usage`.
    #[must_use]
    pub fn body(&self) -> String {
        Object::new().raw("records", &write_list(self.calls.iter())).end()
    }

    /// The calls in it.
    pub fn call_ids(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(|call| call.call_id.as_str())
    }
}

pub(super) fn save<'a>(queue: impl Iterator<Item = &'a Call>) -> String {
    Object::new()
        .number("version", VERSION)
        .raw("records", &write_list(queue))
        .end()
}

/// Reads what [`save`] wrote.
pub(super) fn restore(text: &str) -> Result<Vec<Call>, Error> {
    let read = |scanner: &mut Scanner<'_>| -> json::Result<Vec<Call>> {
        let mut version = None;
        let mut calls = Vec::new();
        scanner.object(|scanner, key| {
            if key.is("version") {
                version = scanner.whole_or_skip()?;
            } else if key.is("records") {
                calls = read_list(scanner)?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        scanner.end()?;
        if version == Some(VERSION) {
            Ok(calls)
        } else {
            Err(Malformed)
        }
    };
    if text.len() > MAX_SAVED {
        return Err(ErrorCode::StoreFailed.into());
    }
    read(&mut Scanner::new(text.as_bytes())).map_err(|_| ErrorCode::StoreFailed.into())
}
