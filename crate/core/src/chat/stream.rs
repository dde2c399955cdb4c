//! The decoder of an answer: bytes in, text and flags out, a [`ChatResult`] at the end.
//!
//! Most chunks of a stream differ in one string only. So the decoder remembers the bytes around the last such string and
//! compares: where they are the same, only the string itself is scanned, and the rest is known to be well formed.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use super::chunk::{Chunk, ToolDelta};
use super::failure::{ErrorBody, classify};
use super::{ChatResult, Outcome, ToolCall};
use crate::cost::{Cost, CostSource, Money, ReportedUsage};
use crate::error::{Error, ErrorCode};
use crate::http::{MAX_BODY, wait_ms};
use crate::json::{Scanner, Str, Text};
use crate::sse::{Decoder, Event, Limits, Receiver};
use crate::text::contains;

/// The most that is kept of an answer, in bytes of its strings.
const MAX_ANSWER: usize = 64 << 20;
/// As much of an error's body is read.
const MAX_ERROR_BODY: usize = 256 << 10;
/// The longest id of an answer and the longest name of a model, in characters: as the account's records have them.
const MAX_NAME: usize = 200;
/// The most tools of one answer.
const MAX_TOOL_CALLS: usize = 256;

/// What of a response's head matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    status: u16,
    content_type: String,
    retry_after_ms: Option<u64>,
    upstream_retry_after_ms: Option<u64>,
    cost: Option<Money>,
    call_id: Option<String>,
}

impl ResponseHead {
    /// The names of the headers that [`header`](Self::header) looks at.
    pub const HEADERS: [&'static str; 6] = [
        "content-type",
        "retry-after",
        "retry-after-ms",
        "llm_provider-retry-after",
        "x-litellm-response-cost",
        "x-litellm-call-id",
    ];

    /// A head with this status and no header.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// With one more header; those that don't matter are ignored, and the case of the name is.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let value = value.trim_ascii();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("content-type") {
            self.content_type = value.to_ascii_lowercase();
        } else if is("retry-after-ms") {
            self.retry_after_ms = wait_ms(value, 1).or(self.retry_after_ms);
        } else if is("retry-after") {
            self.retry_after_ms = self.retry_after_ms.or_else(|| wait_ms(value, 1000));
        } else if is("llm_provider-retry-after") {
            self.upstream_retry_after_ms = wait_ms(value, 1000);
        } else if is("x-litellm-response-cost") {
            self.cost = Money::parse_usd(value);
        } else if is("x-litellm-call-id") && value.len() <= 64 {
            self.call_id = Some(value.to_owned());
        }
        self
    }

    /// How long the server, or else the provider behind it, asks to wait.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms.or(self.upstream_retry_after_ms)
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Why no more bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The body is complete as far as HTTP is concerned.
    Eof,
    /// The caller stopped it.
    Cancelled,
    /// The connection failed.
    Network,
    /// No byte came in time.
    Timeout,
}

/// What one push brought, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// Reasoning arrived: [`ChatStream::take_reasoning`] has it.
    pub const REASONING: Self = Self(1);
    /// A comment was seen: the server is alive, though it has nothing to say.
    pub const COMMENT: Self = Self(1 << 1);
    /// A piece of a tool call arrived.
    pub const TOOL_CALLS: Self = Self(1 << 2);
    /// The usage arrived.
    pub const USAGE: Self = Self(1 << 3);
    /// The answer is complete; the usage may still come.
    pub const FINISHED: Self = Self(1 << 4);
    /// Nothing more comes (`[DONE]`), or nothing more is taken: reading on is pointless.
    pub const CLOSED: Self = Self(1 << 5);
    /// The server reported an error in mid-stream.
    pub const FAILED: Self = Self(1 << 6);
    /// An event was not JSON. Nothing of it was taken.
    pub const MALFORMED: Self = Self(1 << 7);
    /// Text is there: [`ChatStream::take_text`] has it.
    pub const TEXT: Self = Self(1 << 8);

    /// The bits, for the boundary.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What one push brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pushed {
    /// The text of all events that the push completed, if they had any.
    pub text: Option<String>,
    /// What else there was.
    pub flags: Flags,
}

/// The decoder of one answer.
#[derive(Debug, Default)]
pub struct ChatStream {
    head: Option<ResponseHead>,
    mode: Mode,
    decoder: Decoder,
    answer: Answer,
    body: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The first byte decides: servers are careless with the content type.
    #[default]
    Unknown,
    Events,
    /// A JSON body: a completion, or an error.
    Body,
    /// A page of something that is no model endpoint.
    Foreign,
}

impl ChatStream {
    /// A decoder for an answer of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(Limits::default()),
            ..Self::default()
        }
    }

    /// The response's head has arrived. Comes before the first push.
    pub fn on_response(&mut self, head: ResponseHead) {
        self.mode = if !head.is_success() || contains(&head.content_type, "json") {
            Mode::Body
        } else if head.content_type.starts_with("text/html") {
            Mode::Foreign
        } else {
            Mode::Unknown
        };
        self.head = Some(head);
    }

    /// Takes the next bytes of the body, as they come, and gives the text that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Pushed {
        let flags = self.feed(bytes);
        Pushed {
            text: self.take_text(),
            flags,
        }
    }

    /// Takes the next bytes of the body and says what they brought. [`push`](Self::push) in two steps, for callers to whom
    /// a text that is not there costs something.
    pub fn feed(&mut self, bytes: &[u8]) -> Flags {
        if self.mode == Mode::Unknown
            && let Some(first) = bytes.first()
        {
            self.mode = match first {
                b'{' => Mode::Body,
                b'<' => Mode::Foreign,
                _ => Mode::Events,
            };
        }
        self.answer.flags = Flags::default();
        match self.mode {
            Mode::Events => {
                if self.decoder.push(bytes, &mut self.answer).is_err() {
                    self.answer.too_large = true;
                }
            }
            Mode::Body => self.push_body(bytes),
            Mode::Unknown | Mode::Foreign => {}
        }
        if self.answer.is_closed() || self.mode == Mode::Foreign {
            self.answer.flags.add(Flags::CLOSED);
        }
        if self.answer.content.has_new() {
            self.answer.flags.add(Flags::TEXT);
        }
        self.answer.flags
    }

    /// The text that arrived since the last call.
    #[must_use]
    pub fn take_text(&mut self) -> Option<String> {
        self.answer.content.take_new()
    }

    /// The reasoning that arrived since the last call.
    #[must_use]
    pub fn take_reasoning(&mut self) -> Option<String> {
        self.answer.reasoning.take_new()
    }

    /// No more bytes come: how it ended, and all that arrived.
    #[must_use]
    pub fn finish(mut self, end: End) -> ChatResult {
        let body_outcome = match self.mode {
            Mode::Body => Some(self.read_body(end)),
            Mode::Foreign => Some(failed(ErrorCode::UnexpectedResponse, self.head.as_ref())),
            Mode::Unknown | Mode::Events => None,
        };
        let head = self.head;
        let mut answer = self.answer;
        for stream in [&mut answer.content, &mut answer.reasoning, &mut answer.refusal] {
            stream.text.flush();
        }
        let outcome = body_outcome.unwrap_or_else(|| answer.outcome(end, head.as_ref()));
        let tail = answer.content.take_new().unwrap_or_default();
        let refusal = answer.refusal.text.take();
        let reported = answer.usage.and_then(|usage| usage.cost);
        let reported = reported.map(|cost| Cost::known(cost, CostSource::Reported));
        // An error's head says that it cost nothing, which is no statement about an answer.
        let in_head = head
            .as_ref()
            .filter(|head| head.is_success() && self.mode == Mode::Body);
        let in_head = in_head
            .and_then(|head| head.cost)
            .map(|cost| Cost::known(cost, CostSource::Header));
        ChatResult {
            outcome,
            text: answer.content.text.take(),
            tail,
            reasoning: answer.reasoning.text.take(),
            refusal: (!refusal.is_empty()).then_some(refusal),
            tool_calls: answer.tools.into_iter().map(Assembling::finish).collect(),
            usage: answer.usage.map(|usage| usage.usage),
            reported_cost: reported.or(in_head),
            response_id: answer.id,
            model: answer.model,
            call_id: head.and_then(|head| head.call_id),
        }
    }

    fn push_body(&mut self, bytes: &[u8]) {
        let success = self.head.as_ref().is_none_or(ResponseHead::is_success);
        let room = if success { MAX_BODY } else { MAX_ERROR_BODY }.saturating_sub(self.body.len());
        if bytes.len() > room {
            self.answer.too_large = true;
        }
        self.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn read_body(&mut self, end: End) -> Outcome {
        let body = core::mem::take(&mut self.body);
        let head = self.head.as_ref();
        if let Some(head) = head.filter(|head| !head.is_success()) {
            if end == End::Cancelled {
                return Outcome::Cancelled;
            }
            return Outcome::Error {
                error: classify(head.status, &body, head.retry_after_ms()),
            };
        }
        if self.answer.too_large {
            return failed(ErrorCode::UnexpectedResponse, head);
        }
        let Ok(chunk) = Chunk::read(&body) else {
            return match end {
                End::Eof => failed(ErrorCode::UnexpectedResponse, head),
                _ => ended(end),
            };
        };
        let answered = chunk.choice.is_some() || chunk.error.is_some();
        self.answer.apply(&chunk, head);
        // The body is whole, whatever happened to the connection afterwards.
        self.answer.done = answered;
        if answered {
            self.answer.outcome(End::Eof, head)
        } else {
            failed(ErrorCode::UnexpectedResponse, head)
        }
    }
}

/// What has been put together so far.
#[derive(Debug, Default)]
struct Answer {
    content: Stream,
    reasoning: Stream,
    refusal: Stream,
    tools: Vec<Assembling>,
    finish_reason: Option<String>,
    usage: Option<ReportedUsage>,
    id: Option<String>,
    model: Option<String>,
    error: Option<Error>,
    /// `[DONE]` was seen.
    done: bool,
    malformed: bool,
    too_large: bool,
    /// Bytes of strings that were taken.
    size: usize,
    flags: Flags,
    prediction: Option<Prediction>,
}

/// A text that grows, and how much of it has been handed out.
#[derive(Debug, Default)]
struct Stream {
    text: Text,
    handed_out: usize,
}

impl Stream {
    const fn has_new(&self) -> bool {
        self.text.as_str().len() > self.handed_out
    }

    fn take_new(&mut self) -> Option<String> {
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

/// Which text a chunk's only string belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Content,
    Reasoning,
}

/// The bytes around the one string of the last chunk, which the next chunk most likely has too.
#[derive(Debug)]
struct Prediction {
    lane: Lane,
    /// From `data: ` to the string's opening quote.
    before: Vec<u8>,
    /// From behind the closing quote to the end of the blank line.
    after: Vec<u8>,
}

const FIELD: &[u8] = b"data: ";
const BLANK: &[u8] = b"\n\n";

impl Prediction {
    /// The string of the event that starts here, and what comes behind the event.
    #[inline]
    fn in_stream<'a>(&self, bytes: &'a [u8]) -> Option<(Str<'a>, &'a [u8])> {
        let mut scanner = Scanner::new(strip_prefix(bytes, &self.before)?);
        let string = scanner.string_body().ok()?;
        Some((string, strip_prefix(scanner.rest(), &self.after)?))
    }

    /// The string of an event with these data.
    fn in_data<'a>(&self, data: &'a [u8]) -> Option<Str<'a>> {
        let before = self.before.strip_prefix(FIELD)?;
        let after = self.after.strip_suffix(BLANK)?;
        let mut scanner = Scanner::new(strip_prefix(data, before)?);
        let string = scanner.string_body().ok()?;
        (scanner.rest() == after).then_some(string)
    }
}

/// `bytes` without `prefix`, compared eight bytes at a time: a WASM build has no fast `memcmp`.
#[inline]
fn strip_prefix<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(prefix.len())?;
    let (head_words, head_tail) = head.as_chunks::<8>();
    let (prefix_words, prefix_tail) = prefix.as_chunks::<8>();
    let same = head_words
        .iter()
        .zip(prefix_words)
        .all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && head_tail.iter().zip(prefix_tail).all(|(a, b)| a == b);
    same.then_some(rest)
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
    const fn is_closed(&self) -> bool {
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
    fn apply(&mut self, chunk: &Chunk<'_>, head: Option<&ResponseHead>) {
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

    fn outcome(&mut self, end: End, head: Option<&ResponseHead>) -> Outcome {
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
}

/// What the next chunk most likely looks like, if this one has one string and nothing else that matters.
fn predict(data: &[u8], chunk: &Chunk<'_>) -> Option<Prediction> {
    let choice = chunk.choice.as_ref()?;
    let delta = &choice.delta;
    let (lane, string) = match (delta.content, delta.reasoning) {
        (Some(content), None) => (Lane::Content, content),
        (None, Some(reasoning)) => (Lane::Reasoning, reasoning),
        _ => return None,
    };
    let plain = choice.finish_reason.is_none()
        && delta.refusal.is_none()
        && delta.tool_calls.is_empty()
        && chunk.usage.is_none()
        && chunk.error.is_none()
        && memchr::memchr(b'\n', data).is_none();
    if !plain {
        return None;
    }
    let from = string.raw().as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let (before, rest) = data.split_at_checked(from)?;
    let after = rest.get(string.raw().len()..)?.strip_prefix(b"\"")?;
    Some(Prediction {
        lane,
        before: [FIELD, before].concat(),
        after: [after, BLANK].concat(),
    })
}

fn ended(end: End) -> Outcome {
    match end {
        End::Eof => Outcome::Truncated,
        End::Cancelled => Outcome::Cancelled,
        End::Network => failed(ErrorCode::NetworkError, None),
        End::Timeout => failed(ErrorCode::Timeout, None),
    }
}

fn failed(code: ErrorCode, head: Option<&ResponseHead>) -> Outcome {
    let error = Error::new(code);
    Outcome::Error {
        error: head.map_or(error.clone(), |head| error.with_status(head.status)),
    }
}

#[cfg(test)]
mod tests;
