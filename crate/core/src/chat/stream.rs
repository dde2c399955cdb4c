//! The decoder of an answer: bytes in, text and flags out, a [`ChatResult`] at the end.

mod answer;
mod head;
mod prediction;

use alloc::string::String;
use alloc::vec::Vec;

use self::answer::Answer;
pub use self::head::ResponseHead;
use super::chunk::Chunk;
use super::failure::classify;
use super::{ChatResult, Outcome};
use crate::cost::{Cost, CostSource};
use crate::error::{Error, ErrorCode};
use crate::http::MAX_BODY;
use crate::sse::{Decoder, Limits};
use crate::text::contains;

/// As much of an error's body is read.
const MAX_ERROR_BODY: usize = 256 << 10;

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
        let outcome = body_outcome.unwrap_or_else(|| self.answer.outcome(end, self.head.as_ref()));
        // An error's head says that it cost nothing, which is no statement about an answer.
        let in_head = self
            .head
            .as_ref()
            .filter(|head| head.is_success() && self.mode == Mode::Body)
            .and_then(|head| head.cost)
            .map(|cost| Cost::known(cost, CostSource::Header));
        self.answer.result(outcome, self.head, in_head)
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
