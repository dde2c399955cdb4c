//! What a call used, in one shape for every provider.

use super::Money;
use crate::json::{self, Scanner};

/// The greatest count that is believed; what is above it is treated as not reported.
const MAX_TOKENS: u64 = 1_000_000_000_000;

/// Token counts of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt, cached ones and cache writes included.
    pub prompt: u64,
    /// Tokens of the completion, reasoning included.
    pub completion: u64,
    /// As reported, else prompt and completion together.
    pub total: u64,
    /// Prompt tokens that were read from the provider's cache.
    pub cached: u64,
    /// Prompt tokens that were written into the provider's cache.
    pub cache_write: u64,
    /// Completion tokens that were reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Counts of a prompt and a completion, nothing else known.
    #[must_use]
    pub const fn new(prompt: u64, completion: u64) -> Self {
        Self {
            prompt,
            completion,
            total: prompt.saturating_add(completion),
            cached: 0,
            cache_write: 0,
            reasoning: 0,
        }
    }

    /// The sum of two usages.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            total: self.total.saturating_add(other.total),
            cached: self.cached.saturating_add(other.cached),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

/// A `usage` object: the counts, and the cost if the proxy put it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportedUsage {
    /// The counts.
    pub usage: Usage,
    /// `usage.cost` (LiteLLM, `OpenRouter`) or `usage.cost.total_cost` (Perplexity).
    pub cost: Option<Money>,
}

impl ReportedUsage {
    /// Reads a `usage` value; `None` when it is not an object (`null` on every chunk but the last).
    ///
    /// OpenAI's names, and Anthropic's beside them: `cached_tokens` and `cache_read_input_tokens` tell the same thing and
    /// are never added.
    ///
    /// # Errors
    /// [`json::Malformed`] when the value is not well formed.
    pub(crate) fn read(scanner: &mut Scanner<'_>) -> json::Result<Option<Self>> {
        let mut prompt = None;
        let mut completion = None;
        let mut total = None;
        let mut cached = [None; 2];
        let mut cache_write = [None; 3];
        let mut reasoning = None;
        let mut cost = None;
        let [cached_detail, cached_input] = &mut cached;
        let [write_detail, creation_detail, creation_input] = &mut cache_write;
        let is_object = scanner.object_or_skip(|scanner, key| {
            if key.is("prompt_tokens") || key.is("input_tokens") {
                prompt = count(scanner)?.or(prompt);
            } else if key.is("completion_tokens") || key.is("output_tokens") {
                completion = count(scanner)?.or(completion);
            } else if key.is("total_tokens") {
                total = count(scanner)?;
            } else if key.is("cache_read_input_tokens") {
                *cached_input = count(scanner)?;
            } else if key.is("cache_creation_input_tokens") {
                *creation_input = count(scanner)?;
            } else if key.is("prompt_tokens_details") || key.is("input_tokens_details") {
                scanner.object_or_skip(|scanner, key| {
                    if key.is("cached_tokens") {
                        *cached_detail = count(scanner)?;
                    } else if key.is("cache_write_tokens") {
                        *write_detail = count(scanner)?;
                    } else if key.is("cache_creation_tokens") {
                        *creation_detail = count(scanner)?;
                    } else {
                        scanner.skip_value()?;
                    }
                    Ok(())
                })?;
            } else if key.is("completion_tokens_details") || key.is("output_tokens_details") {
                scanner.object_or_skip(|scanner, key| {
                    if key.is("reasoning_tokens") {
                        reasoning = count(scanner)?;
                        return Ok(());
                    }
                    scanner.skip_value()
                })?;
            } else if key.is("cost") {
                cost = read_cost(scanner)?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        if !is_object {
            return Ok(None);
        }
        // A zero in one place says nothing against a count in the other.
        let first = |counts: &[Option<u64>]| counts.iter().flatten().copied().find(|count| *count > 0).unwrap_or(0);
        let prompt = prompt.unwrap_or(0);
        let completion = completion.unwrap_or(0);
        let usage = Usage {
            prompt,
            completion,
            total: total.unwrap_or_else(|| prompt.saturating_add(completion)),
            cached: first(&cached),
            cache_write: first(&cache_write),
            reasoning: reasoning.unwrap_or(0),
        };
        Ok(Some(Self { usage, cost }))
    }
}

fn count(scanner: &mut Scanner<'_>) -> json::Result<Option<u64>> {
    Ok(scanner
        .number_or_skip()?
        .and_then(|text| {
            text.parse()
                .ok()
                .or_else(|| super::Price::parse(text).map(super::Price::whole))
        })
        .filter(|count| *count <= MAX_TOKENS))
}

fn read_cost(scanner: &mut Scanner<'_>) -> json::Result<Option<Money>> {
    if scanner.peek() != Some(b'{') {
        return Ok(scanner.number_or_skip()?.and_then(Money::parse_usd));
    }
    let mut total = None;
    scanner.object(|scanner, key| {
        if key.is("total_cost") {
            total = scanner.number_or_skip()?.and_then(Money::parse_usd);
            return Ok(());
        }
        scanner.skip_value()
    })?;
    Ok(total)
}
