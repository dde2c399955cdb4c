//! `ChatDecoder`: the stream decoder by itself, for callers that bring their own bytes (the benchmark, the boundary tests).

use godoty_core::chat::{ChatResult, ChatStream, End, ResponseHead};
use godoty_core::cost::{Cost, Money, Usage};
use wasm_bindgen::prelude::*;

use crate::answers::{outcome, tool_calls};
use crate::value::Object;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What a push of `ChatDecoder` brought: bits of its result. */
export type ChatDecoderFlag =
  | 1 /* reasoning: takeReasoning() has it */
  | 2 /* a comment: the server is alive */
  | 4 /* a piece of a tool call */
  | 8 /* the usage */
  | 16 /* the answer is complete; the usage may still come */
  | 32 /* nothing more comes, or nothing more is taken */
  | 64 /* the server reported an error */
  | 128 /* an event was not JSON; nothing of it was taken */
  | 256 /* text: takeText() has it */;

/** Why no more bytes come. */
export type ChatEnd = 'eof' | 'cancelled' | 'network' | 'timeout';
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `ChatEnd`.
    #[wasm_bindgen(typescript_type = "ChatEnd")]
    pub type ChatEnd;
}

/// The decoder of one answer: bytes in, text out.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ChatDecoder {
    stream: ChatStream,
}

#[wasm_bindgen]
impl ChatDecoder {
    /// A decoder for a response with this status and content type.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(status: u16, content_type: &str) -> Self {
        let mut stream = ChatStream::new();
        stream.on_response(ResponseHead::new(status).header("content-type", content_type));
        Self { stream }
    }

    /// Takes the next bytes and says what they brought: bits of `ChatDecoderFlag`. A number costs no allocation, and most
    /// small pieces bring nothing.
    pub fn push(&mut self, bytes: &[u8]) -> u32 {
        self.stream.feed(bytes).bits()
    }

    /// The text of all events that were completed since the last call.
    #[wasm_bindgen(js_name = takeText)]
    pub fn take_text(&mut self) -> Option<String> {
        self.stream.take_text()
    }

    /// The reasoning that arrived since the last call.
    #[wasm_bindgen(js_name = takeReasoning)]
    pub fn take_reasoning(&mut self) -> Option<String> {
        self.stream.take_reasoning()
    }

    /// No more bytes come: the `ChatResult`. The decoder is used up.
    #[must_use]
    pub fn finish(self, end: ChatEnd) -> JsValue {
        let end = match JsValue::from(end).as_string().as_deref() {
            Some("cancelled") => End::Cancelled,
            Some("network") => End::Network,
            Some("timeout") => End::Timeout,
            _ => End::Eof,
        };
        result(&self.stream.finish(end)).into_js()
    }
}

fn result(result: &ChatResult) -> Object {
    let usage = |usage: Usage| {
        Object::new()
            .with("prompt", usage.prompt)
            .with("completion", usage.completion)
            .with("total", usage.total)
            .with("cached", usage.cached)
            .with("cacheWrite", usage.cache_write)
            .with("reasoning", usage.reasoning)
    };
    let cost = |cost: Cost| {
        Object::new()
            .with_some("amount", cost.amount.map(Money::to_pico_text))
            .with("source", cost.source.as_str())
    };
    Object::new()
        .with("outcome", outcome(&result.outcome))
        .with("text", result.text.as_str())
        .with("tail", result.tail.as_str())
        .with("reasoning", result.reasoning.as_str())
        .with_some("refusal", result.refusal.as_deref())
        .with("toolCalls", tool_calls(&result.tool_calls))
        .with_some("usage", result.usage.map(usage))
        .with_some("reportedCost", result.reported_cost.map(cost))
        .with_some("responseId", result.response_id.as_deref())
        .with_some("model", result.model.as_deref())
        .with_some("callId", result.call_id.as_deref())
}
