//! The request of a chat completion.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::ToolCall;
use crate::catalog::Model;
use crate::cost::Money;
use crate::error::{Error, ErrorCode};
use crate::http::{BaseUrl, Credential, Method, Request};
use crate::json::{self, Scanner, is_json, write_string};
use crate::usage::{Quota, is_uuid};

/// The most messages of one request.
const MAX_MESSAGES: usize = 10_000;

/// What is asked of a model. It comes from the shell as JSON in camel case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatRequest {
    /// The model, as `/v1/models` names it.
    pub model: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may ask for.
    pub tools: Vec<Tool>,
    /// Whether it may or must; the provider decides when this is absent.
    pub tool_choice: Option<ToolChoice>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// The sampling temperature, 0 to 2, as its decimal text: it is passed on and never calculated with.
    pub temperature: Option<String>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Instructions.
    System {
        /// Their text.
        text: String,
    },
    /// What the user says.
    User {
        /// Text and images, in order.
        parts: Vec<Part>,
    },
    /// What the model said.
    Assistant {
        /// Its text; may be empty when it called tools.
        text: String,
        /// The tools that it called.
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool {
        /// The call that this answers.
        tool_call_id: String,
        /// The result.
        text: String,
    },
}

/// A part of a user's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    ImageUrl {
        /// Where it is.
        image_url: ImageUrl,
    },
}

/// An image by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUrl {
    /// `data:image/…;base64,…` or an `https` address.
    pub url: String,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, as JSON text; empty for a tool without arguments.
    pub parameters: String,
}

/// Whether the model may or must call tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is OpenAI's value of the same name")]
pub enum ToolChoice {
    Auto,
    None,
    Required,
}

impl ChatRequest {
    /// Reads the JSON that the shell hands over: the members of this type in camel case.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` when it is not that.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text.as_bytes());
        let request = read_request(&mut scanner).map_err(|_| invalid())?;
        scanner.end().map_err(|_| invalid())?;
        Ok(request)
    }

    /// Asks for no longer answer than the account's plan allows. Where nothing was asked for, the plan's number is sent only to a
    /// model that is known to write more: a provider refuses one that is larger than the model's own.
    pub fn keep_within(&mut self, quota: &Quota, model: Option<&Model>) {
        let Some(most) = quota.max_output_tokens else { return };
        let writes_more = model
            .and_then(|model| model.abilities.max_output_tokens)
            .is_some_and(|own| own > u64::from(most));
        self.max_tokens = match self.max_tokens {
            Some(asked) => Some(asked.min(most)),
            None => writes_more.then_some(most),
        };
    }

    /// The HTTP request: `POST {base}/v1/chat/completions`.
    ///
    /// `call_id` is sent as `x-litellm-call-id`, and so the call has its id before its first byte.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` as [`body`](Self::body) says, and for a `call_id` that is no UUID, since
    /// the ledger could not book the call;
    /// `ORIGIN_MISMATCH` when the credential belongs to another origin.
    pub fn to_http(&self, base: &BaseUrl, credential: &Credential, call_id: &str) -> Result<Request, Error> {
        if !is_uuid(call_id) {
            return Err(invalid());
        }
        Ok(Request::new(Method::Post, base, "/v1/chat/completions")
            .header("accept", "text/event-stream")
            .header("x-litellm-call-id", call_id)
            .bearer(credential)?
            .json(self.body()?))
    }

    /// The JSON body: a stream with its usage at the end.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` when there is no model or no message, a user's message has no part, an image's address is
    /// neither `data:image/…` nor `https://…`, a tool has no name or its schema is no JSON, or the temperature is not
    /// between 0 and 2.
    pub fn body(&self) -> Result<String, Error> {
        if self.model.is_empty() || self.messages.is_empty() || self.messages.len() > MAX_MESSAGES {
            return Err(invalid());
        }
        let mut out = String::from("{\"model\":");
        write_string(&mut out, &self.model);
        out.push_str(",\"messages\":");
        write_list(&mut out, &self.messages, write_message)?;
        if !self.tools.is_empty() {
            out.push_str(",\"tools\":");
            write_list(&mut out, &self.tools, write_tool)?;
            if let Some(choice) = self.tool_choice {
                out.push_str(match choice {
                    ToolChoice::Auto => ",\"tool_choice\":\"auto\"",
                    ToolChoice::None => ",\"tool_choice\":\"none\"",
                    ToolChoice::Required => ",\"tool_choice\":\"required\"",
                });
            }
        }
        if let Some(max_tokens) = self.max_tokens {
            write!(out, ",\"max_tokens\":{max_tokens}").map_err(|_| invalid())?;
        }
        if let Some(temperature) = &self.temperature {
            if !is_temperature(temperature) {
                return Err(invalid());
            }
            out.push_str(",\"temperature\":");
            out.push_str(temperature);
        }
        out.push_str(",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        Ok(out)
    }
}

/// Whether a decimal text lies between 0 and 2.
fn is_temperature(text: &str) -> bool {
    /// 10⁻¹² of a degree is more than anybody asks for: the reader of money does.
    const UNIT: i128 = 1_000_000_000_000;
    Money::parse_usd(text).is_some_and(|value| (0..=2 * UNIT).contains(&value.pico()))
}

fn read_request(scanner: &mut Scanner<'_>) -> json::Result<ChatRequest> {
    let mut request = ChatRequest::default();
    scanner.object(|scanner, key| {
        if key.is("model") {
            request.model = string(scanner)?;
        } else if key.is("messages") {
            scanner.array(|scanner| {
                request.messages.push(read_message(scanner)?);
                Ok(())
            })?;
        } else if key.is("tools") {
            scanner.array(|scanner| {
                request.tools.push(read_tool(scanner)?);
                Ok(())
            })?;
        } else if key.is("toolChoice") {
            request.tool_choice = Some(match string(scanner)?.as_str() {
                "auto" => ToolChoice::Auto,
                "none" => ToolChoice::None,
                "required" => ToolChoice::Required,
                _ => return Err(json::Malformed),
            });
        } else if key.is("maxTokens") {
            let count = scanner.whole_or_skip()?.and_then(|count| u32::try_from(count).ok());
            request.max_tokens = Some(count.ok_or(json::Malformed)?);
        } else if key.is("temperature") {
            request.temperature = Some(String::from(scanner.number_or_skip()?.ok_or(json::Malformed)?));
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    Ok(request)
}

fn read_message(scanner: &mut Scanner<'_>) -> json::Result<Message> {
    let (mut role, mut text, mut tool_call_id) = (String::new(), None, None);
    let (mut parts, mut tool_calls) = (Vec::new(), Vec::new());
    scanner.object(|scanner, key| {
        if key.is("role") {
            role = string(scanner)?;
        } else if key.is("text") {
            text = Some(string(scanner)?);
        } else if key.is("toolCallId") {
            tool_call_id = Some(string(scanner)?);
        } else if key.is("parts") {
            scanner.array(|scanner| {
                parts.push(read_part(scanner)?);
                Ok(())
            })?;
        } else if key.is("toolCalls") {
            scanner.array(|scanner| {
                tool_calls.push(read_tool_call(scanner)?);
                Ok(())
            })?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    let text = text.ok_or(json::Malformed);
    match role.as_str() {
        "system" => Ok(Message::System { text: text? }),
        "user" => Ok(Message::User { parts }),
        "assistant" => Ok(Message::Assistant {
            text: text.unwrap_or_default(),
            tool_calls,
        }),
        "tool" => Ok(Message::Tool {
            tool_call_id: tool_call_id.ok_or(json::Malformed)?,
            text: text?,
        }),
        _ => Err(json::Malformed),
    }
}

fn read_part(scanner: &mut Scanner<'_>) -> json::Result<Part> {
    let (mut kind, mut text, mut url) = (String::new(), None, None);
    scanner.object(|scanner, key| {
        if key.is("type") {
            kind = string(scanner)?;
        } else if key.is("text") {
            text = Some(string(scanner)?);
        } else if key.is("imageUrl") {
            scanner.object(|scanner, key| {
                if key.is("url") {
                    url = Some(string(scanner)?);
                    return Ok(());
                }
                scanner.skip_value()
            })?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    match (kind.as_str(), text, url) {
        ("text", Some(text), _) => Ok(Part::Text { text }),
        ("image_url", _, Some(url)) => Ok(Part::ImageUrl {
            image_url: ImageUrl { url },
        }),
        _ => Err(json::Malformed),
    }
}

fn read_tool_call(scanner: &mut Scanner<'_>) -> json::Result<ToolCall> {
    let mut call = ToolCall::default();
    scanner.object(|scanner, key| {
        let slot = if key.is("id") {
            &mut call.id
        } else if key.is("name") {
            &mut call.name
        } else if key.is("arguments") {
            &mut call.arguments
        } else {
            return scanner.skip_value();
        };
        *slot = string(scanner)?;
        Ok(())
    })?;
    Ok(call)
}

fn read_tool(scanner: &mut Scanner<'_>) -> json::Result<Tool> {
    let mut tool = Tool::default();
    scanner.object(|scanner, key| {
        let slot = if key.is("name") {
            &mut tool.name
        } else if key.is("description") {
            &mut tool.description
        } else if key.is("parameters") {
            &mut tool.parameters
        } else {
            return scanner.skip_value();
        };
        *slot = string(scanner)?;
        Ok(())
    })?;
    Ok(tool)
}

/// A string, and nothing else.
fn string(scanner: &mut Scanner<'_>) -> json::Result<String> {
    Ok(scanner.string_or_skip()?.ok_or(json::Malformed)?.decode().into_owned())
}

fn write_message(out: &mut String, message: &Message) -> Result<(), Error> {
    match message {
        Message::System { text } => {
            out.push_str("{\"role\":\"system\",\"content\":");
            write_string(out, text);
        }
        Message::User { parts } => {
            out.push_str("{\"role\":\"user\",\"content\":");
            match parts.as_slice() {
                [] => return Err(invalid()),
                // A plain text is understood by every server, a list of parts is not.
                [Part::Text { text }] => write_string(out, text),
                parts => write_list(out, parts, write_part)?,
            }
        }
        Message::Assistant { text, tool_calls } => {
            out.push_str("{\"role\":\"assistant\",\"content\":");
            if text.is_empty() && !tool_calls.is_empty() {
                out.push_str("null");
            } else {
                write_string(out, text);
            }
            if !tool_calls.is_empty() {
                out.push_str(",\"tool_calls\":");
                write_list(out, tool_calls, |out, call| {
                    out.push_str("{\"id\":");
                    write_string(out, &call.id);
                    out.push_str(",\"type\":\"function\",\"function\":{\"name\":");
                    write_string(out, &call.name);
                    out.push_str(",\"arguments\":");
                    write_string(out, &call.arguments);
                    out.push_str("}}");
                    Ok(())
                })?;
            }
        }
        Message::Tool { tool_call_id, text } => {
            out.push_str("{\"role\":\"tool\",\"tool_call_id\":");
            write_string(out, tool_call_id);
            out.push_str(",\"content\":");
            write_string(out, text);
        }
    }
    out.push('}');
    Ok(())
}

fn write_part(out: &mut String, part: &Part) -> Result<(), Error> {
    match part {
        Part::Text { text } => {
            out.push_str("{\"type\":\"text\",\"text\":");
            write_string(out, text);
            out.push('}');
        }
        Part::ImageUrl {
            image_url: ImageUrl { url },
        } => {
            if !url.starts_with("data:image/") && !url.starts_with("https://") {
                return Err(invalid());
            }
            out.push_str("{\"type\":\"image_url\",\"image_url\":{\"url\":");
            write_string(out, url);
            out.push_str("}}");
        }
    }
    Ok(())
}

fn write_tool(out: &mut String, tool: &Tool) -> Result<(), Error> {
    if tool.name.is_empty() {
        return Err(invalid());
    }
    out.push_str("{\"type\":\"function\",\"function\":{\"name\":");
    write_string(out, &tool.name);
    if !tool.description.is_empty() {
        out.push_str(",\"description\":");
        write_string(out, &tool.description);
    }
    if !tool.parameters.is_empty() {
        let schema = tool.parameters.trim_ascii();
        if !schema.starts_with('{') || !is_json(schema.as_bytes()) {
            return Err(invalid());
        }
        out.push_str(",\"parameters\":");
        out.push_str(schema);
    }
    out.push_str("}}");
    Ok(())
}

fn write_list<T>(
    out: &mut String,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut separator = '[';
    for item in items {
        out.push(separator);
        write(out, item)?;
        separator = ',';
    }
    out.push_str(if items.is_empty() { "[]" } else { "]" });
    Ok(())
}

fn invalid() -> Error {
    Error::new(ErrorCode::ValidationFailed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::secret::Secret;
    use serde_json::{Value, json};

    const CALL_ID: &str = "00000000-0000-4000-8000-000000000001";

    fn request(value: &Value) -> ChatRequest {
        ChatRequest::from_json(&value.to_string()).unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the rows read better with a bare json!")]
    fn body(value: Value) -> Value {
        serde_json::from_str(&request(&value).body().unwrap()).unwrap()
    }

    #[test]
    fn a_text_becomes_a_stream_with_usage() {
        let sent = body(
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi \"\n🌍"}]}]}),
        );
        assert_eq!(
            sent,
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi \"\n🌍"}],
                "stream": true, "stream_options": {"include_usage": true}})
        );
    }

    #[test]
    fn an_answer_is_asked_for_no_longer_than_the_plan_allows() {
        let model_of = |max_output_tokens: Value| {
            let info = json!({"data": [{"model_name": "m", "model_info": {"max_output_tokens": max_output_tokens}}]});
            Catalog::from_model_info(info.to_string().as_bytes()).unwrap()
        };
        for (asked, allowed, own, sent) in [
            (json!(null), json!(1000), json!(4096), json!(1000)),
            (json!(null), json!(1000), json!(1000), json!(null)),
            (json!(null), json!(8000), json!(4096), json!(null)),
            (json!(null), json!(1000), json!(null), json!(null)),
            (json!(7), json!(1000), json!(4096), json!(7)),
            (json!(5000), json!(1000), json!(null), json!(1000)),
            (json!(5000), json!(null), json!(4096), json!(5000)),
            (json!(null), json!(null), json!(4096), json!(null)),
        ] {
            let mut call = json!({"model": "m", "messages": [{"role": "system", "text": "s"}]});
            if !asked.is_null() {
                call["maxTokens"] = asked.clone();
            }
            let mut ask = request(&call);
            let quota = json!({"plan": "free", "blocked": false, "max_output_tokens": allowed});
            ask.keep_within(
                &Quota::read(&quota.to_string()).unwrap(),
                model_of(own.clone()).find("m"),
            );
            let body: Value = serde_json::from_str(&ask.body().unwrap()).unwrap();
            assert_eq!(body["max_tokens"], sent, "{asked} of {allowed}, a model of {own}");
        }
    }

    #[test]
    fn images_tools_and_results_take_openais_shape() {
        let image = "data:image/png;base64,AA==";
        let sent = body(json!({
            "model": "m", "maxTokens": 7, "temperature": 0.7, "toolChoice": "required",
            "tools": [{"name": "read", "description": "Reads.", "parameters": "{\"type\": \"object\"}"}, {"name": "now"}],
            "messages": [
                {"role": "system", "text": "s"},
                {"role": "user", "parts": [{"type": "text", "text": "t"}, {"type": "image_url", "imageUrl": {"url": image}}]},
                {"role": "assistant", "toolCalls": [{"id": "c1", "name": "read", "arguments": "{\"p\":1}"}]},
                {"role": "tool", "toolCallId": "c1", "text": "r"},
                {"role": "assistant", "text": ""},
            ],
        }));
        assert_eq!(
            sent,
            json!({
                "model": "m", "max_tokens": 7, "temperature": 0.7, "tool_choice": "required",
                "tools": [
                    {"type": "function", "function": {"name": "read", "description": "Reads.", "parameters": {"type": "object"}}},
                    {"type": "function", "function": {"name": "now"}},
                ],
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": image}}]},
                    {"role": "assistant", "content": null,
                        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{\"p\":1}"}}]},
                    {"role": "tool", "tool_call_id": "c1", "content": "r"},
                    {"role": "assistant", "content": ""},
                ],
                "stream": true, "stream_options": {"include_usage": true},
            })
        );
    }

    #[test]
    fn what_no_server_takes_is_refused_here() {
        let user = json!([{"role": "user", "parts": [{"type": "text", "text": "t"}]}]);
        for wrong in [
            json!({"model": "", "messages": user}),
            json!({"model": "m", "messages": []}),
            json!({"model": "m", "messages": [{"role": "user", "parts": []}]}),
            json!({"model": "m", "messages": [{"role": "user", "parts": [
                {"type": "text", "text": "t"}, {"type": "image_url", "imageUrl": {"url": "file:///etc/passwd"}}]}]}),
            json!({"model": "m", "messages": user, "temperature": 2.1}),
            json!({"model": "m", "messages": user, "tools": [{"name": ""}]}),
            json!({"model": "m", "messages": user, "tools": [{"name": "a", "parameters": "{"}]}),
            json!({"model": "m", "messages": user, "tools": [{"name": "a", "parameters": "[]"}]}),
        ] {
            assert_eq!(
                request(&wrong).body().unwrap_err().code,
                ErrorCode::ValidationFailed,
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_call_has_its_id_and_its_key_and_goes_to_the_keys_origin_alone() {
        let base = BaseUrl::parse("https://models.example").unwrap();
        let credential = Credential::new(Secret::new("sk-1".into()), base.origin().clone());
        let ask = request(&json!({"model": "m", "messages": [{"role": "system", "text": "s"}]}));
        let sent = ask.to_http(&base, &credential, CALL_ID).unwrap();
        assert_eq!(sent.url(), "https://models.example/v1/chat/completions");
        let headers: Vec<_> = sent.headers().map(|(name, value)| (name, value.expose())).collect();
        assert!(headers.contains(&("x-litellm-call-id", CALL_ID)));
        assert!(headers.contains(&("authorization", "Bearer sk-1")));
        let other = BaseUrl::parse("https://other.example").unwrap();
        assert_eq!(
            ask.to_http(&other, &credential, CALL_ID).unwrap_err().code,
            ErrorCode::OriginMismatch
        );
        assert_eq!(
            ask.to_http(&base, &credential, "a\r\nb: c").unwrap_err().code,
            ErrorCode::ValidationFailed
        );
    }

    #[test]
    fn a_call_that_the_ledger_could_not_book_is_not_sent() {
        let base = BaseUrl::parse("https://models.example").unwrap();
        let credential = Credential::new(Secret::new("sk-1".into()), base.origin().clone());
        let ask = request(&json!({"model": "m", "messages": [{"role": "system", "text": "s"}]}));
        for id in [
            "",
            "0a-b",
            "00000000-0000-4000-8000-00000000000A",
            "00000000-0000-4000-8000-000000000001\r\n",
        ] {
            let refused = ask.to_http(&base, &credential, id).unwrap_err();
            assert_eq!(refused.code, ErrorCode::ValidationFailed, "{id}");
        }
    }
}
