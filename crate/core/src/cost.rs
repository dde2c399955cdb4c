//! Exact money: what a call costs, from prices and a usage.
//!
//! Prices are parsed from their decimal text, sums are integers, and one rounding at the end gives whole pico-USD. The
//! arithmetic equals `litellm.cost_per_token` of LiteLLM 1.106.2, which is what a proxy bills, for text tokens at the
//! standard service tier and outside off-peak windows.
#![warn(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod money;
mod tokens;

use alloc::vec::Vec;

use crate::json::{self, Scanner, Str};
pub use money::{Money, Price, UNKNOWN_COST, format_cost};
pub use tokens::{ReportedUsage, Usage};

/// What a cost rests on, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostSource {
    /// The account's backend settled it from the proxy's spend log.
    Settled,
    /// `usage.cost` of the answer's last chunk.
    Reported,
    /// The proxy's `x-litellm-response-cost` header.
    Header,
    /// Our arithmetic over the proxy's own prices (`/v1/model/info`): an estimate.
    ProxyPrice,
    /// Our arithmetic over the built-in price map: an estimate.
    Catalog,
    /// There is no price.
    Unknown,
}

impl CostSource {
    const ALL: [Self; 6] = [
        Self::Settled,
        Self::Reported,
        Self::Header,
        Self::ProxyPrice,
        Self::Catalog,
        Self::Unknown,
    ];

    /// The spelling in records and in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Reported => "reported",
            Self::Header => "header",
            Self::ProxyPrice => "proxy_price",
            Self::Catalog => "catalog",
            Self::Unknown => "unknown",
        }
    }

    /// The source that is spelled so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }

    /// Whether a cost of this source is marked `≈`.
    #[must_use]
    pub const fn is_estimate(self) -> bool {
        matches!(self, Self::ProxyPrice | Self::Catalog)
    }
}

/// A cost and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The amount; `None` exactly when the source is [`CostSource::Unknown`].
    pub amount: Option<Money>,
    /// What the amount rests on.
    pub source: CostSource,
}

impl Cost {
    /// No price is known.
    pub const UNKNOWN: Self = Self {
        amount: None,
        source: CostSource::Unknown,
    };

    /// The cost as it is shown to somebody who may not want estimates: those count as unknown then.
    #[must_use]
    pub const fn shown(self, show_estimates: bool) -> Self {
        if self.source.is_estimate() && !show_estimates {
            return Self::UNKNOWN;
        }
        self
    }

    /// An amount with its source.
    #[must_use]
    pub const fn known(amount: Money, source: CostSource) -> Self {
        Self {
            amount: Some(amount),
            source,
        }
    }
}

/// Who bills, where that changes the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Billing {
    /// LiteLLM's `generic_cost_per_token`.
    #[default]
    Generic,
    /// xAI: a tier starts at its threshold, and reasoning is billed as output.
    Xai,
    /// Fireworks: cached tokens cost half of the input price when no price is given for them.
    Fireworks,
    /// Perplexity: cached tokens cost what other input does, and there are no tiers.
    Perplexity,
    /// Alibaba: the length of a prompt is what it was made of, even where that is more than the prompt as reported.
    Dashscope,
    /// Lemonade runs on the user's own machine.
    Free,
}

impl Billing {
    /// The rule for LiteLLM's name of a provider.
    #[must_use]
    pub fn of_provider(provider: &str) -> Self {
        match provider {
            "xai" => Self::Xai,
            "fireworks_ai" => Self::Fireworks,
            "perplexity" => Self::Perplexity,
            "dashscope" | "qwencloud" | "qwen_ai_platform" => Self::Dashscope,
            "lemonade" => Self::Free,
            _ => Self::Generic,
        }
    }
}

/// Prices per token of one size of prompt; what is absent falls back as [`Prices::estimate`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// `input_cost_per_token`
    pub input: Option<Price>,
    /// `output_cost_per_token`
    pub output: Option<Price>,
    /// `cache_read_input_token_cost`
    pub cache_read: Option<Price>,
    /// `cache_creation_input_token_cost`
    pub cache_write: Option<Price>,
    /// `output_cost_per_reasoning_token`
    pub reasoning: Option<Price>,
}

impl Rates {
    fn or(self, base: Self) -> Self {
        Self {
            input: self.input.or(base.input),
            output: self.output.or(base.output),
            cache_read: self.cache_read.or(base.cache_read),
            cache_write: self.cache_write.or(base.cache_write),
            reasoning: self.reasoning.or(base.reasoning),
        }
    }

    const fn is_empty(&self) -> bool {
        self.input.is_none() && self.output.is_none()
    }
}

/// Prices of prompts longer than so many tokens (`…_above_Nk_tokens`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The threshold, in prompt tokens.
    pub above: u64,
    /// What differs from the lower tier.
    pub rates: Rates,
}

/// Prices of prompts of a range of lengths (`tiered_pricing`): the whole call is billed at one range's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The range starts above so many prompt tokens…
    pub above: u64,
    /// …and ends with so many.
    pub up_to: u64,
    /// Its prices.
    pub rates: Rates,
}

/// The prices of one model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// Prices of a prompt of any length.
    pub base: Rates,
    /// Tiers in ascending order.
    pub tiers: Vec<Tier>,
    /// Ranges in ascending order; where there are any, they replace base and tiers.
    pub ranges: Vec<Range>,
    /// Who bills.
    pub billing: Billing,
}

/// The most tiers or ranges that one model may have.
const MAX_TIERS: usize = 16;

impl Prices {
    /// Flat prices per token.
    #[must_use]
    pub fn flat(input: Price, output: Price) -> Self {
        Self {
            base: Rates {
                input: Some(input),
                output: Some(output),
                ..Rates::default()
            },
            ..Self::default()
        }
    }

    /// Whether there is any price per token.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.billing == Billing::Free || !self.base.is_empty() || !self.ranges.is_empty()
    }

    /// What a call costs, exact and rounded once to 10⁻¹² USD; `None` when nothing is known about the price.
    ///
    /// Cached tokens and cache writes are part of the prompt and cost the input price where they have none of their own;
    /// reasoning tokens are part of the completion and cost the output price where they have none. One of input and
    /// output may be absent: it is free, as LiteLLM has it.
    #[must_use]
    pub fn estimate(&self, usage: &Usage) -> Option<Money> {
        if !self.is_known() {
            return None;
        }
        if self.billing == Billing::Free {
            return Some(Money::ZERO);
        }
        let length = match self.billing {
            Billing::Dashscope => usage.prompt.max(usage.cached.saturating_add(usage.cache_write)),
            _ => usage.prompt,
        };
        let rates = self.rates_for(length);
        let input = rates.input.unwrap_or_default();
        let output = rates.output.unwrap_or_default();
        let (cache_read, cache_write) = match self.billing {
            Billing::Perplexity => (input, input),
            // The proxy halves the base price, whatever the length of the prompt.
            Billing::Fireworks => {
                let half = self.base.input.map(Price::half);
                (
                    rates.cache_read.or(half).unwrap_or(input),
                    rates.cache_write.unwrap_or(input),
                )
            }
            _ => (rates.cache_read.unwrap_or(input), rates.cache_write.unwrap_or(input)),
        };
        let (text_in, cached, written) = if self.billing == Billing::Perplexity {
            (usage.prompt, 0, 0)
        } else {
            let apart = usage.cached.saturating_add(usage.cache_write);
            (usage.prompt.saturating_sub(apart), usage.cached, usage.cache_write)
        };
        let (text_out, reasoning) = match self.billing {
            Billing::Xai => {
                let counted_apart = usage.total != usage.prompt.saturating_add(usage.completion);
                (
                    usage
                        .completion
                        .saturating_add(if counted_apart { usage.reasoning } else { 0 }),
                    0,
                )
            }
            Billing::Perplexity if rates.reasoning.is_none() => (usage.completion, 0),
            _ => (usage.completion.saturating_sub(usage.reasoning), usage.reasoning),
        };
        let reasoning_rate = rates.reasoning.unwrap_or(output);
        Money::sum_of(&[
            (text_in, input),
            (cached, cache_read),
            (written, cache_write),
            (text_out, output),
            (reasoning, reasoning_rate),
        ])
    }

    /// The prices for a prompt of this length.
    fn rates_for(&self, prompt: u64) -> Rates {
        if prompt > 0
            && let Some(range) = self
                .ranges
                .iter()
                .find(|range| range.above < prompt && prompt <= range.up_to)
                .or_else(|| self.ranges.last())
            && let Some(input) = range.rates.input
        {
            let rates = range.rates;
            let output = rates.output.or(self.base.output);
            return Rates {
                input: Some(input),
                output,
                cache_read: rates.cache_read.or(Some(input)),
                cache_write: rates.cache_write.or(Some(input)),
                reasoning: rates.reasoning.or(if rates.output.is_some() {
                    None
                } else {
                    self.base.reasoning
                }),
            };
        }
        let reached = |tier: &&Tier| prompt > tier.above || (self.billing == Billing::Xai && prompt == tier.above);
        self.tiers
            .iter()
            .filter(reached)
            .fold(self.base, |base, tier| tier.rates.or(base))
    }

    /// Takes the member `key` of a LiteLLM model entry if it is one of the prices; says whether it was.
    ///
    /// # Errors
    /// [`json::Malformed`] when the value is not well formed.
    pub(crate) fn read_member(&mut self, key: Str<'_>, scanner: &mut Scanner<'_>) -> json::Result<bool> {
        let name = key.decode();
        if name == "tiered_pricing" {
            self.ranges = read_ranges(scanner)?;
            return Ok(true);
        }
        let Some((field, above)) = price_field(&name) else {
            return Ok(false);
        };
        let price = read_price(scanner)?;
        let rates = match above {
            None => &mut self.base,
            Some(above) => match self.tiers.binary_search_by_key(&above, |tier| tier.above) {
                Ok(at) => match self.tiers.get_mut(at) {
                    Some(tier) => &mut tier.rates,
                    None => return Ok(true),
                },
                // `null` stands for "no such tier" in the proxy's answers.
                Err(_) if price.is_none() || self.tiers.len() >= MAX_TIERS => return Ok(true),
                Err(at) => {
                    self.tiers.insert(
                        at,
                        Tier {
                            above,
                            rates: Rates::default(),
                        },
                    );
                    match self.tiers.get_mut(at) {
                        Some(tier) => &mut tier.rates,
                        None => return Ok(true),
                    }
                }
            },
        };
        *field.of(rates) = price;
        Ok(true)
    }
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Reasoning,
}

impl Field {
    const NAMES: [(&'static str, Self); 5] = [
        ("input_cost_per_token", Self::Input),
        ("output_cost_per_token", Self::Output),
        ("cache_read_input_token_cost", Self::CacheRead),
        ("cache_creation_input_token_cost", Self::CacheWrite),
        ("output_cost_per_reasoning_token", Self::Reasoning),
    ];

    const fn of(self, rates: &mut Rates) -> &mut Option<Price> {
        match self {
            Self::Input => &mut rates.input,
            Self::Output => &mut rates.output,
            Self::CacheRead => &mut rates.cache_read,
            Self::CacheWrite => &mut rates.cache_write,
            Self::Reasoning => &mut rates.reasoning,
        }
    }
}

/// The price that a member's name stands for, and the tier's threshold; `None` for anything else (service tiers too).
fn price_field(name: &str) -> Option<(Field, Option<u64>)> {
    let (field, suffix) = Field::NAMES
        .iter()
        .find_map(|(base, field)| Some((*field, name.strip_prefix(base)?)))?;
    if suffix.is_empty() {
        return Some((field, None));
    }
    let number = suffix.strip_prefix("_above_")?.strip_suffix("_tokens")?;
    let (digits, factor) = number.strip_suffix('k').map_or((number, 1), |digits| (digits, 1000));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((field, Some(digits.parse::<u64>().ok()?.checked_mul(factor)?)))
}

/// A price as a number, or as a string that holds one (an operator's YAML gives such); anything else is no price.
pub(crate) fn read_price(scanner: &mut Scanner<'_>) -> json::Result<Option<Price>> {
    if scanner.peek() == Some(b'"') {
        return Ok(scanner
            .string_or_skip()?
            .and_then(|text| Price::parse(text.decode().trim_ascii())));
    }
    Ok(scanner.number_or_skip()?.and_then(Price::parse))
}

fn read_ranges(scanner: &mut Scanner<'_>) -> json::Result<Vec<Range>> {
    let mut ranges = Vec::new();
    scanner.array_or_skip(|scanner| {
        let mut rates = Rates::default();
        let mut bounds = Vec::new();
        scanner.object_or_skip(|scanner, key| {
            if key.is("range") {
                bounds.clear();
                scanner.array_or_skip(|scanner| {
                    let bound = scanner.number_or_skip()?.and_then(Price::parse).map(Price::whole);
                    if bounds.len() < 3 {
                        bounds.push(bound);
                    }
                    Ok(())
                })?;
                return Ok(());
            }
            match price_field(&key.decode()) {
                Some((field, None)) => *field.of(&mut rates) = read_price(scanner)?,
                _ => scanner.skip_value()?,
            }
            Ok(())
        })?;
        if let [Some(above), Some(up_to)] = *bounds.as_slice()
            && ranges.len() < MAX_TIERS
        {
            let at = ranges.partition_point(|range: &Range| range.above <= above);
            ranges.insert(at, Range { above, up_to, rates });
        }
        Ok(())
    })?;
    Ok(ranges)
}

#[cfg(test)]
mod tests;
