//! `GodotyClient`: models, answers and usage as TypeScript sees them.

use std::rc::Rc;

use godoty_core::catalog::Model;
use godoty_core::chat::{ChatRequest, Outcome, ToolCall};
use godoty_core::cost::{Money, Price};
use godoty_core::error::{Error, ErrorCode};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::chat::{Deltas, Ended, Limits};
use crate::client::GodotyClient;
use crate::error::{detail, to_js};
use crate::overview::{UsageSnapshot, cost, tokens};
use crate::task::promise;
use crate::value::{Object, Value};

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
        promise(async move {
            let catalog = chats.models().await.map_err(|error| to_js(&error))?;
            let models = catalog.models().iter().map(|model| model_info(model).into());
            Ok(models.collect::<Value>().into_js())
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
        promise(async move {
            let (request, limits) = parse_call(&call, &options).map_err(|error| to_js(&error))?;
            let on_piece: Function = on_piece.unchecked_into();
            let ended = chats
                .run(&call_id, request, limits, &Deltas(&on_piece), signal.as_ref())
                .await
                .map_err(|error| to_js(&error))?;
            let show_estimates = member(&options, "showEstimates").is_truthy();
            Ok(answer(&ended, show_estimates).into_js())
        })
    }

    /// What the user who is signed in has used, as far as this window knows. Makes no call.
    #[must_use]
    pub fn usage(&self, show_estimates: bool) -> UsageSnapshot {
        self.chats.usage.snapshot(show_estimates).into_js().unchecked_into()
    }

    /// The same with the requests. `ask` asks the account first; why that did not work is in the result.
    #[wasm_bindgen(js_name = usageOverview, unchecked_return_type = "Promise<UsageOverview>")]
    pub fn usage_overview(&self, show_estimates: bool, ask: bool) -> Promise {
        let usage = Rc::clone(&self.chats.usage);
        promise(async move { Ok(usage.overview(show_estimates, ask).await.into_js()) })
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

/// TypeScript's `ModelInfo`.
fn model_info(model: &Model) -> Object {
    let per_million = |price: Option<Price>| price.and_then(Price::per_million).map(Money::format_usd);
    let rates = model.priced().map(|(prices, _)| prices.base).unwrap_or_default();
    Object::new()
        .with("id", model.name.as_str())
        .with("chat", model.is_chat())
        .with_some("provider", model.provider.as_deref())
        .with_some("maxInputTokens", model.abilities.max_input_tokens)
        .with_some("maxOutputTokens", model.abilities.max_output_tokens)
        .with_some("vision", model.abilities.vision)
        .with_some("tools", model.abilities.tools)
        .with_some("inputPerMillion", per_million(rates.input))
        .with_some("outputPerMillion", per_million(rates.output))
}

/// TypeScript's `ChatAnswer`.
fn answer(ended: &Ended, show_estimates: bool) -> Object {
    let result = &ended.result;
    Object::new()
        .with("outcome", outcome(&result.outcome))
        .with("toolCalls", tool_calls(&result.tool_calls))
        .with_some("refusal", result.refusal.as_deref())
        .with_some("usage", result.usage.map(|usage| tokens(&usage)))
        .with("cost", cost(ended.cost, show_estimates))
        .with_some("responseId", result.response_id.as_deref())
}

/// TypeScript's `ChatOutcome`.
pub(crate) fn outcome(outcome: &Outcome) -> Object {
    let object = Object::new().with("kind", outcome.name().as_str());
    match outcome {
        Outcome::Error { error } => object.with("error", detail(error)),
        _ => object,
    }
}

/// TypeScript's `ChatToolCall[]`.
pub(crate) fn tool_calls(calls: &[ToolCall]) -> Vec<Value> {
    let object = |call: &ToolCall| {
        Object::new()
            .with("id", call.id.as_str())
            .with("name", call.name.as_str())
            .with("arguments", call.arguments.as_str())
            .into()
    };
    calls.iter().map(object).collect()
}
