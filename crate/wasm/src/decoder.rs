//! `ChatDecoder`: the stream decoder by itself, for callers that bring their own bytes (the benchmark, the boundary tests).

use godoty_core::chat::{ChatStream, End, Flags, ResponseHead};
use wasm_bindgen::prelude::*;

use crate::error::plain;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What a push of `ChatDecoder` brought, as bits of `flags`. */
export type ChatDecoderFlag =
  | 1 /* reasoning: takeReasoning() has it */
  | 2 /* a comment: the server is alive */
  | 4 /* a piece of a tool call */
  | 8 /* the usage */
  | 16 /* the answer is complete; the usage may still come */
  | 32 /* nothing more comes, or nothing more is taken */
  | 64 /* the server reported an error */
  | 128 /* an event was not JSON; nothing of it was taken */;

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
    flags: Flags,
}

#[wasm_bindgen]
impl ChatDecoder {
    /// A decoder for a response with this status and content type.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(status: u16, content_type: &str) -> Self {
        let mut stream = ChatStream::new();
        stream.on_response(ResponseHead::new(status).header("content-type", content_type));
        Self {
            stream,
            flags: Flags::default(),
        }
    }

    /// Takes the next bytes and gives the text of all events that they complete; `undefined` when there is none.
    pub fn push(&mut self, bytes: &[u8]) -> Option<String> {
        let pushed = self.stream.push(bytes);
        self.flags = pushed.flags;
        pushed.text
    }

    /// What the last push brought besides text: bits of `ChatDecoderFlag`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags.bits()
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
        plain(&self.stream.finish(end))
    }
}
