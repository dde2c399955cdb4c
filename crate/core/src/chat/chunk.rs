//! One chunk of a stream, or one whole completion: only what is needed is read, the rest is checked and skipped.

use alloc::vec::Vec;

use super::failure::ErrorBody;
use crate::cost::ReportedUsage;
use crate::json::{self, Scanner, Str};

/// What a `chat.completion.chunk` or a `chat.completion` says. Nothing of it is applied before all of it was read.
#[derive(Debug, Default)]
pub(super) struct Chunk<'a> {
    pub id: Option<Str<'a>>,
    pub model: Option<Str<'a>>,
    /// The choice of index 0: one answer is asked for.
    pub choice: Option<Choice<'a>>,
    pub usage: Option<ReportedUsage>,
    pub error: Option<ErrorBody>,
}

#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    pub delta: Delta<'a>,
    pub finish_reason: Option<Str<'a>>,
}

/// `choices[0].delta` of a chunk, `choices[0].message` of a completion.
#[derive(Debug, Default)]
pub(super) struct Delta<'a> {
    pub content: Option<Str<'a>>,
    pub reasoning: Option<Str<'a>>,
    pub refusal: Option<Str<'a>>,
    pub tool_calls: Vec<ToolDelta<'a>>,
}

#[derive(Debug, Default)]
pub(super) struct ToolDelta<'a> {
    pub index: Option<u64>,
    pub id: Option<Str<'a>>,
    pub name: Option<Str<'a>>,
    pub arguments: Option<Str<'a>>,
}

impl<'a> Chunk<'a> {
    /// Reads the data of one event, or a body. A value that is no object is an empty chunk.
    pub(super) fn read(data: &'a [u8]) -> json::Result<Self> {
        let mut scanner = Scanner::new(data);
        let mut chunk = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("choices") {
                chunk.choice = read_choices(scanner)?;
            } else if key.is("id") {
                chunk.id = scanner.string_or_skip()?;
            } else if key.is("model") {
                chunk.model = scanner.string_or_skip()?;
            } else if key.is("usage") {
                chunk.usage = ReportedUsage::read(scanner)?;
            } else if key.is("error") {
                chunk.error = ErrorBody::read(scanner)?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        scanner.end()?;
        Ok(chunk)
    }
}

fn read_choices<'a>(scanner: &mut Scanner<'a>) -> json::Result<Option<Choice<'a>>> {
    let mut first = None;
    scanner.array_or_skip(|scanner| {
        let mut choice = Choice::default();
        let mut index = None;
        let is_object = scanner.object_or_skip(|scanner, key| {
            if key.is("delta") || key.is("message") {
                choice.delta = read_delta(scanner)?;
            } else if key.is("finish_reason") {
                choice.finish_reason = scanner.string_or_skip()?;
            } else if key.is("index") {
                index = scanner.number_or_skip()?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        if is_object && first.is_none() && index.is_none_or(|index| index == "0") {
            first = Some(choice);
        }
        Ok(())
    })?;
    Ok(first)
}

fn read_delta<'a>(scanner: &mut Scanner<'a>) -> json::Result<Delta<'a>> {
    let mut delta = Delta::default();
    let mut reasoning = None;
    scanner.object_or_skip(|scanner, key| {
        if key.is("content") {
            delta.content = scanner.string_or_skip()?;
        } else if key.is("tool_calls") {
            delta.tool_calls = read_tool_calls(scanner)?;
        } else if key.is("reasoning_content") {
            delta.reasoning = scanner.string_or_skip()?;
        } else if key.is("reasoning") {
            // OpenRouter's name for it; where both are there, they tell the same.
            reasoning = scanner.string_or_skip()?;
        } else if key.is("refusal") {
            delta.refusal = scanner.string_or_skip()?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    delta.reasoning = delta.reasoning.or(reasoning);
    Ok(delta)
}

fn read_tool_calls<'a>(scanner: &mut Scanner<'a>) -> json::Result<Vec<ToolDelta<'a>>> {
    let mut calls = Vec::new();
    scanner.array_or_skip(|scanner| {
        let mut call = ToolDelta::default();
        let is_object = scanner.object_or_skip(|scanner, key| {
            if key.is("index") {
                call.index = scanner.number_or_skip()?.and_then(|index| index.parse().ok());
            } else if key.is("id") {
                call.id = scanner.string_or_skip()?;
            } else if key.is("function") {
                scanner.object_or_skip(|scanner, key| {
                    if key.is("name") {
                        call.name = scanner.string_or_skip()?;
                    } else if key.is("arguments") {
                        call.arguments = scanner.string_or_skip()?;
                    } else {
                        scanner.skip_value()?;
                    }
                    Ok(())
                })?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        if is_object {
            calls.push(call);
        }
        Ok(())
    })?;
    Ok(calls)
}
