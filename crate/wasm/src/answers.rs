//! `GodotyClient`: models, answers and usage as TypeScript sees them.

use std::rc::Rc;

use godoty_core::catalog::Model;
use godoty_core::chat::{ChatRequest, ChatResult, Outcome, ToolCall};
use godoty_core::cost::Price;
use godoty_core::error::{Error, ErrorCode};
use js_sys::{Function, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use crate::chat::{Deltas, Ended, Limits};
use crate::client::GodotyClient;
use crate::error::{plain, to_js};
use crate::usage::{UsageSnapshot, WireCost, WireTokens};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** A model of the endpoint. */
export interface ModelInfo {
  readonly id: string;
  /** Whether it can be chatted with. */
  readonly chat: boolean;
  readonly provider?: string;
  readonly maxInputTokens?: number;
  readonly maxOutputTokens?: number;
  readonly vision?: boolean;
  readonly tools?: boolean;
  /** For example '$0.15'; absent when nobody knows. */
  readonly inputPerMillion?: string;
  readonly outputPerMillion?: string;
}

export type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly imageUrl: { readonly url: string } };

export interface ChatToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model wrote them: meant to be a JSON object, not checked. */
  readonly arguments: string;
}

export type ChatMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly parts: readonly ChatPart[] }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ChatToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly text: string };

export interface ChatCall {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly { readonly name: string; readonly description?: string; readonly parameters?: string }[];
  readonly toolChoice?: 'auto' | 'none' | 'required';
  readonly maxTokens?: number;
  readonly temperature?: number;
}

export interface ChatOptions {
  /** How long to wait for the head of the answer, in milliseconds. */
  readonly firstByteMs: number;
  /** How long to wait for each further byte, in milliseconds. */
  readonly idleMs: number;
  /** The most retries; nothing is sent again once the first token has arrived. */
  readonly maxRetries: number;
  /** Whether a cost that is an estimate is shown. */
  readonly showEstimates: boolean;
}

/** How an answer ended: a closed set. */
export type ChatOutcome =
  | { readonly kind: 'done' | 'length' | 'filtered' | 'tool_calls' | 'cancelled' | 'truncated' }
  | { readonly kind: 'error'; readonly error: ErrorDetail };

export interface ChatAnswer {
  readonly outcome: ChatOutcome;
  /** The tools to call; complete only when the outcome is 'tool_calls'. */
  readonly toolCalls: readonly ChatToolCall[];
  readonly refusal?: string;
  /** Absent when the server did not say. */
  readonly usage?: TokenCounts;
  readonly cost: CostFact;
  /** The provider's id of the answer. */
  readonly responseId?: string;
}

/** A piece of the answer, in the order of arrival. */
export interface ChatPiece {
  readonly text?: string;
  readonly reasoning?: string;
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `ChatCall`.
    #[wasm_bindgen(typescript_type = "ChatCall")]
    pub type ChatCall;
    /// TypeScript's `ChatOptions`.
    #[wasm_bindgen(typescript_type = "ChatOptions")]
    pub type ChatOptions;
    /// The listener for pieces.
    #[wasm_bindgen(typescript_type = "(piece: ChatPiece) => void")]
    pub type OnPiece;
}

#[wasm_bindgen]
impl GodotyClient {
    /// The models that this device's key may use, in the order of their names.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NETWORK_ERROR`, `UNEXPECTED_RESPONSE`, …
    #[wasm_bindgen(unchecked_return_type = "Promise<ModelInfo[]>")]
    pub fn models(&self) -> Promise {
        let chats = Rc::clone(&self.chats);
        future_to_promise(async move {
            let catalog = chats.models().await.map_err(|error| to_js(&error))?;
            let models: Vec<WireModel> = catalog.models().iter().map(WireModel::of).collect();
            Ok(plain(&models))
        })
    }

    /// Streams one answer. `call_id` is a UUID under which the request is counted. What is thrown was never sent; how a
    /// request that was sent ended is in the result.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `VALIDATION_FAILED`, `ORIGIN_MISMATCH`, `NETWORK_ERROR` of the account's server, …
    #[wasm_bindgen(unchecked_return_type = "Promise<ChatAnswer>")]
    pub fn chat(
        &self,
        call_id: String,
        call: ChatCall,
        options: ChatOptions,
        on_piece: OnPiece,
        signal: Option<AbortSignal>,
    ) -> Promise {
        let chats = Rc::clone(&self.chats);
        future_to_promise(async move {
            let (request, limits) = parse_call(&call, &options).map_err(|error| to_js(&error))?;
            let on_piece: Function = on_piece.unchecked_into();
            let ended = chats
                .run(&call_id, &request, limits, &Deltas(&on_piece), signal.as_ref())
                .await
                .map_err(|error| to_js(&error))?;
            Ok(plain(&WireEnd::of(
                ended,
                member(&options, "showEstimates").is_truthy(),
            )))
        })
    }

    /// What the user who is signed in used in this window.
    #[must_use]
    pub fn usage(&self, show_estimates: bool) -> UsageSnapshot {
        self.chats.usage.snapshot(show_estimates)
    }
}

fn parse_call(call: &ChatCall, options: &ChatOptions) -> Result<(ChatRequest, Limits), Error> {
    let invalid = || Error::new(ErrorCode::ValidationFailed);
    let text = js_sys::JSON::stringify(call).ok().and_then(|text| text.as_string());
    let request = ChatRequest::from_json(&text.ok_or_else(invalid)?)?;
    let whole = |name: &str| whole(options, name).ok_or_else(invalid);
    let limits = Limits {
        first_byte_ms: whole("firstByteMs")?,
        idle_ms: whole("idleMs")?,
        max_retries: whole("maxRetries")?,
    };
    Ok((request, limits))
}

fn member(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A whole number from 0 to 2³²−1.
fn whole(object: &JsValue, name: &str) -> Option<u32> {
    let number = member(object, name).as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the comparison finds what does not fit"
    )]
    let whole = number as u32;
    (f64::from(whole).to_bits() == number.to_bits()).then_some(whole)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireModel {
    id: String,
    chat: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vision: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_per_million: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_per_million: Option<String>,
}

impl WireModel {
    fn of(model: &Model) -> Self {
        let per_million = |price: Option<Price>| price.and_then(Price::per_million).map(|money| money.to_string());
        let rates = model.priced().map(|(prices, _)| prices.base).unwrap_or_default();
        Self {
            id: model.name.clone(),
            chat: model.is_chat(),
            provider: model.provider.clone(),
            max_input_tokens: model.abilities.max_input_tokens,
            max_output_tokens: model.abilities.max_output_tokens,
            vision: model.abilities.vision,
            tools: model.abilities.tools,
            input_per_million: per_million(rates.input),
            output_per_million: per_million(rates.output),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEnd {
    outcome: Outcome,
    tool_calls: Vec<ToolCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireTokens>,
    cost: WireCost,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_id: Option<String>,
}

impl WireEnd {
    fn of(ended: Ended, show_estimates: bool) -> Self {
        let ChatResult {
            outcome,
            tool_calls,
            refusal,
            usage,
            response_id,
            ..
        } = ended.result;
        Self {
            outcome,
            tool_calls,
            refusal,
            usage: usage.map(WireTokens::of),
            cost: WireCost::of(ended.cost, show_estimates),
            response_id,
        }
    }
}
