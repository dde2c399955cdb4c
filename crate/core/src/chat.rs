//! Chat completions: the request, the stream of the answer, and how it ended.
//!
//! [`ChatStream`] is a plain decoder: the caller reads bytes, pushes them, shows the text that comes back, and asks for
//! the [`ChatResult`] at the end. It follows OpenAI's chat completion chunks as LiteLLM 1.106 relays them.

mod chunk;
mod failure;
mod request;
mod stream;

use alloc::string::String;
use alloc::vec::Vec;

use crate::cost::{Cost, CostSource, Prices, Usage};
use crate::error::Error;
pub use failure::classify;
pub use request::{ChatRequest, ImageUrl, Message, Part, Tool, ToolChoice};
pub use stream::{ChatStream, End, Flags, Pushed, ResponseHead};

/// How an answer ended: a closed set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The model said all it had to say.
    Done,
    /// The limit of tokens was reached: the answer is cut.
    Length,
    /// The provider's content filter stepped in.
    Filtered,
    /// The model asks for tools to be called.
    ToolCalls,
    /// It failed; what arrived before is kept.
    Error {
        /// Why.
        error: Error,
    },
    /// The caller stopped it.
    Cancelled,
    /// The stream ended without saying how: the answer is incomplete.
    Truncated,
}

impl Outcome {
    /// The name in a usage record.
    #[must_use]
    pub const fn name(&self) -> OutcomeName {
        match self {
            Self::Done => OutcomeName::Done,
            Self::Length => OutcomeName::Length,
            Self::Filtered => OutcomeName::Filtered,
            Self::ToolCalls => OutcomeName::ToolCalls,
            Self::Error { .. } => OutcomeName::Error,
            Self::Cancelled => OutcomeName::Cancelled,
            Self::Truncated => OutcomeName::Truncated,
        }
    }
}

/// An [`Outcome`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the outcome of the same name")]
pub enum OutcomeName {
    Done,
    Length,
    Filtered,
    ToolCalls,
    Error,
    Cancelled,
    Truncated,
}

impl OutcomeName {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Length,
        Self::Filtered,
        Self::ToolCalls,
        Self::Error,
        Self::Cancelled,
        Self::Truncated,
    ];

    /// The spelling in records and in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Length => "length",
            Self::Filtered => "filtered",
            Self::ToolCalls => "tool_calls",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Truncated => "truncated",
        }
    }

    /// The outcome that is spelled so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// A call of a tool that the model asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// The model's id of the call; the tool's result names it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: meant to be a JSON object, not checked.
    pub arguments: String,
}

/// An answer, when its stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatResult {
    /// How it ended.
    pub outcome: Outcome,
    /// The whole text, complete or not.
    pub text: String,
    /// The end of `text` that no `push` has handed out: all of it when the answer came as one JSON body.
    pub tail: String,
    /// The model's reasoning, where the provider shows it.
    pub reasoning: String,
    /// The model's refusal, if it refused.
    pub refusal: Option<String>,
    /// The tools to call, in the order of their index. Only [`Outcome::ToolCalls`] says that they are complete.
    pub tool_calls: Vec<ToolCall>,
    /// What the call used, if the server said so.
    pub usage: Option<Usage>,
    /// The cost that the server stated, if it did.
    pub reported_cost: Option<Cost>,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// The model that the server names.
    pub model: Option<String>,
    /// The call id as the proxy has it (`x-litellm-call-id`).
    pub call_id: Option<String>,
}

impl ChatResult {
    /// Whether anything of the answer has arrived: then the request must not be sent again.
    #[must_use]
    pub fn has_output(&self) -> bool {
        let silent = self.text.is_empty() && self.reasoning.is_empty() && self.tool_calls.is_empty();
        !silent || self.refusal.is_some()
    }

    /// What the call cost: what the server stated, else an estimate from `prices`, else unknown.
    #[must_use]
    pub fn cost(&self, prices: Option<(&Prices, CostSource)>) -> Cost {
        if let Some(cost) = self.reported_cost {
            return cost;
        }
        prices
            .zip(self.usage)
            .and_then(|((prices, source), usage)| Some(Cost::known(prices.estimate(&usage)?, source)))
            .unwrap_or(Cost::UNKNOWN)
    }
}
