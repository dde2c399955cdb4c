//! What has been put together of an answer, and how it ended.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use super::prediction::{Lane, Prediction, predict};
use super::{End, Flags, ResponseHead, ended, failed};
use crate::chat::chunk::{Chunk, ToolDelta};
use crate::chat::failure::ErrorBody;
use crate::chat::{ChatResult, Outcome, ToolCall};
use crate::cost::{Cost, CostSource, ReportedUsage};
use crate::error::{Error, ErrorCode};
use crate::json::{Scanner, Str, Text};
use crate::sse::{Event, Receiver};

/// The most that is kept of an answer, in bytes of its strings.
const MAX_ANSWER: usize = 64 << 20;
/// The longest id of an answer and the longest name of a model, in characters: as the account's records have them.
const MAX_NAME: usize = 200;
/// The most tools of one answer.
pub(super) const MAX_TOOL_CALLS: usize = 256;

/// What has been put together so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) content: Stream,
    pub(super) reasoning: Stream,
    refusal: Stream,
    tools: Vec<Assembling>,
    finish_reason: Option<String>,
    usage: Option<ReportedUsage>,
    id: Option<String>,
    model: Option<String>,
    error: Option<Error>,
    /// `[DONE]` was seen.
    pub(super) done: bool,
    malformed: bool,
    pub(super) too_large: bool,
    /// Bytes of strings that were taken.
    size: usize,
    pub(super) flags: Flags,
    prediction: Option<Prediction>,
}

/// A text that grows, and how much of it has been handed out.
#[derive(Debug, Default)]
pub(super) struct Stream {
    text: Text,
    handed_out: usize,
}

impl Stream {
    pub(super) const fn has_new(&self) -> bool {
        self.text.as_str().len() > self.handed_out
    }

    pub(super) fn take_new(&mut self) -> Option<String> {
        let text = self.text.as_str();
        let new = text.get(self.handed_out..).filter(|new| !new.is_empty())?.to_owned();
        self.handed_out = text.len();
        Some(new)
    }
}

#[derive(Debug, Default)]
struct Assembling {
    index: u64,
    id: String,
    name: String,
    arguments: Text,
}

impl Assembling {
    fn finish(mut self) -> ToolCall {
        self.arguments.flush();
        ToolCall {
            id: self.id,
            name: self.name,
            arguments: self.arguments.take(),
        }
    }
}

impl Receiver for Answer {
    fn event(&mut self, event: Event<'_>) {
        if self.is_closed() {
            return;
        }
        let is_error = event.name == b"error";
        if !is_error
            && let Some((lane, string)) = self
                .prediction
                .as_ref()
                .and_then(|p| Some((p.lane, p.in_data(event.data)?)))
        {
            self.append(lane, string);
            return;
        }
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.done = true;
            return;
        }
        let Ok(mut chunk) = Chunk::read(event.data) else {
            self.malformed = true;
            self.flags.add(Flags::MALFORMED);
            return;
        };
        if is_error && chunk.error.is_none() {
            chunk.error = ErrorBody::read(&mut Scanner::new(event.data)).ok().flatten();
        }
        self.prediction = predict(event.data, &chunk);
        self.apply(&chunk, None);
    }

    fn comment(&mut self) {
        self.flags.add(Flags::COMMENT);
    }

    #[inline]
    fn whole_events(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        // It is put back below; taken out, it does not stand in the way of appending.
        let Some(prediction) = self.prediction.take() else {
            return 0;
        };
        while !self.is_closed()
            && let Some((string, behind)) = prediction.in_stream(rest)
        {
            self.append(prediction.lane, string);
            rest = behind;
        }
        self.prediction = Some(prediction);
        bytes.len().saturating_sub(rest.len())
    }
}

impl Answer {
    pub(super) const fn is_closed(&self) -> bool {
        self.done || self.too_large
    }

    #[inline]
    fn append(&mut self, lane: Lane, string: Str<'_>) {
        self.size = self.size.saturating_add(string.raw().len());
        if self.size > MAX_ANSWER {
            self.too_large = true;
            return;
        }
        match lane {
            Lane::Content => self.content.text.push(string),
            Lane::Reasoning => {
                self.reasoning.text.push(string);
                if !string.is_empty() {
                    self.flags.add(Flags::REASONING);
                }
            }
        }
    }

    /// Applies a chunk that was read to its end.
    pub(super) fn apply(&mut self, chunk: &Chunk<'_>, head: Option<&ResponseHead>) {
        for (field, value) in [(&mut self.id, chunk.id), (&mut self.model, chunk.model)] {
            if field.is_none() {
                *field = value
                    .filter(|value| !value.is_empty())
                    .map(|value| value.decode().chars().take(MAX_NAME).collect());
            }
        }
        if let Some(choice) = &chunk.choice {
            if let Some(string) = choice.delta.content {
                self.append(Lane::Content, string);
            }
            if let Some(string) = choice.delta.reasoning {
                self.append(Lane::Reasoning, string);
            }
            if let Some(string) = choice.delta.refusal {
                self.size = self.size.saturating_add(string.raw().len());
                self.refusal.text.push(string);
            }
            for delta in &choice.delta.tool_calls {
                self.apply_tool(delta);
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish_reason = Some(reason.decode().chars().take(64).collect());
                self.flags.add(Flags::FINISHED);
            }
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage);
            self.flags.add(Flags::USAGE);
        }
        if let Some(error) = &chunk.error {
            let retry_after = head.and_then(ResponseHead::retry_after_ms);
            self.error.get_or_insert_with(|| error.classify(200, retry_after));
            self.flags.add(Flags::FAILED);
        }
        if self.size > MAX_ANSWER {
            self.too_large = true;
        }
    }

    fn apply_tool(&mut self, delta: &ToolDelta<'_>) {
        self.flags.add(Flags::TOOL_CALLS);
        let at = match delta.index {
            Some(index) => self.tools.binary_search_by_key(&index, |call| call.index),
            // Without an index an id opens the next call, and what has neither belongs to the last one.
            None => match self.tools.last() {
                Some(last) if delta.id.is_none_or(|id| id.is_empty() || id.is(&last.id)) => {
                    Ok(self.tools.len().saturating_sub(1))
                }
                _ => Err(self.tools.len()),
            },
        };
        let at = match at {
            Ok(at) => at,
            Err(at) => {
                if self.tools.len() >= MAX_TOOL_CALLS {
                    self.too_large = true;
                    return;
                }
                let next = self.tools.last().map_or(0, |last| last.index.saturating_add(1));
                self.tools.insert(
                    at,
                    Assembling {
                        index: delta.index.unwrap_or(next),
                        ..Assembling::default()
                    },
                );
                at
            }
        };
        let Some(call) = self.tools.get_mut(at) else { return };
        for (field, value) in [(&mut call.id, delta.id), (&mut call.name, delta.name)] {
            if field.is_empty()
                && let Some(value) = value
            {
                *field = value.decode().chars().take(1024).collect();
            }
        }
        if let Some(arguments) = delta.arguments {
            self.size = self.size.saturating_add(arguments.raw().len());
            call.arguments.push(arguments);
        }
    }

    /// How it ended.
    pub(super) fn outcome(&mut self, end: End, head: Option<&ResponseHead>) -> Outcome {
        if let Some(error) = self.error.take() {
            return Outcome::Error { error };
        }
        if self.too_large || (self.malformed && end != End::Cancelled) {
            // A lost event may have held text: this is no complete answer.
            return failed(ErrorCode::UnexpectedResponse, head);
        }
        let complete = if self.tools.is_empty() {
            Outcome::Done
        } else {
            Outcome::ToolCalls
        };
        match self.finish_reason.as_deref() {
            Some("length" | "max_tokens" | "max_output_tokens") => Outcome::Length,
            Some("content_filter" | "safety" | "SAFETY") => Outcome::Filtered,
            Some("error") => failed(ErrorCode::ServerError, head),
            Some(_) => complete,
            None if self.done => complete,
            None if head.is_none() && end == End::Eof => failed(ErrorCode::UnexpectedResponse, None),
            None => ended(end),
        }
    }

    /// All that arrived, of an answer that ended like this.
    pub(super) fn result(mut self, outcome: Outcome, head: Option<ResponseHead>, in_head: Option<Cost>) -> ChatResult {
        for stream in [&mut self.content, &mut self.reasoning, &mut self.refusal] {
            stream.text.flush();
        }
        let tail = self.content.take_new().unwrap_or_default();
        let refusal = self.refusal.text.take();
        let reported = self.usage.and_then(|usage| usage.cost);
        let reported = reported.map(|cost| Cost::known(cost, CostSource::Reported));
        ChatResult {
            outcome,
            text: self.content.text.take(),
            tail,
            reasoning: self.reasoning.text.take(),
            refusal: (!refusal.is_empty()).then_some(refusal),
            tool_calls: self.tools.into_iter().map(Assembling::finish).collect(),
            usage: self.usage.map(|usage| usage.usage),
            reported_cost: reported.or(in_head),
            response_id: self.id,
            model: self.model,
            call_id: head.and_then(|head| head.call_id),
        }
    }
}
