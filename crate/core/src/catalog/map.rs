//! The price map that ships with the extension: the chat models of LiteLLM's, in a compact text.
//!
//! `crate/core/data/price_map.py` generates it from LiteLLM's wheel. The first line names the format; then comes one line
//! a model, of fields parted by tabs: name, provider, `v` and `t` for images and tools, input tokens, output tokens, and
//! prices parted by spaces. A price is `letter=number` in USD per token, with the letters `i` input, `o` output, `r`
//! cache read, `w` cache write, `h` reasoning; `i>200000=…` is the price of a prompt longer than that, `i@0-256000=…` of
//! one in that range. What is unknown is left empty. The lines are in the order of the names' bytes.

use alloc::string::{String, ToString};
use core::cmp::Ordering;

use super::{Abilities, Model};
use crate::cost::{Billing, CostSource, Price, Prices, Range, Rates, Tier};
use crate::error::{Error, ErrorCode};

/// The first word of the first line.
const FORMAT: &str = "godoty-price-map/1";
/// The longest map that is taken, in bytes.
const MAX_MAP: usize = 4 << 20;

/// The map, as text: an entry is read when it is asked for.
#[derive(Debug, Clone, Default)]
pub struct PriceMap {
    text: String,
}

impl PriceMap {
    /// Takes the text of the asset.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is not such a map.
    pub fn parse(text: String) -> Result<Self, Error> {
        if text.len() > MAX_MAP || text.split_whitespace().next() != Some(FORMAT) {
            return Err(Error::new(ErrorCode::UnexpectedResponse));
        }
        Ok(Self { text })
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .skip(1)
            .filter_map(|line| line.split('\t').next())
            .filter(|name| !name.is_empty())
    }

    /// The entry of exactly this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<Model> {
        let (_, mut rest) = self.text.split_once('\n')?;
        // The middle of what is left lies in a line: that one, or all before it, or all behind it.
        while !rest.is_empty() {
            let middle = rest.len() / 2;
            let before = rest.as_bytes().iter().take(middle);
            let start = before.rev().position(|byte| *byte == b'\n');
            let (earlier, later) = rest.split_at_checked(middle.saturating_sub(start.unwrap_or(middle)))?;
            let (line, later) = later.split_once('\n').unwrap_or((later, ""));
            let (known, _) = line.split_once('\t')?;
            rest = match known.cmp(name) {
                Ordering::Equal => return Some(read_line(line)),
                Ordering::Less => later,
                Ordering::Greater => earlier,
            };
        }
        None
    }

    /// The entry for a model of a proxy: by the model behind it, else by its name; with the provider before the name or
    /// without it.
    pub(super) fn find(&self, name: &str, upstream: Option<&str>, provider: Option<&str>) -> Option<Model> {
        [upstream, Some(name)].into_iter().flatten().find_map(|name| {
            self.entry(name)
                .or_else(|| {
                    let (prefix, rest) = name.split_once('/')?;
                    self.entry(rest)
                        .filter(|entry| entry.provider.as_deref() == Some(prefix))
                })
                .or_else(|| self.entry(&[provider?, "/", name].concat()))
        })
    }
}

fn read_line(line: &str) -> Model {
    let mut fields = line.split('\t');
    let mut next = || fields.next().unwrap_or_default();
    let mut model = Model::named(next());
    let provider = next();
    model.provider = (!provider.is_empty()).then(|| provider.to_string());
    model.mode = Some("chat".to_string());
    let flags = next();
    model.abilities = Abilities {
        max_input_tokens: next().parse().ok(),
        max_output_tokens: next().parse().ok(),
        vision: Some(flags.contains('v')),
        tools: Some(flags.contains('t')),
    };
    model.prices.billing = Billing::of_provider(provider);
    for item in next().split(' ') {
        // What this version does not know is no price of it.
        let _known = read_item(&mut model.prices, item);
    }
    if model.prices.is_known() {
        model.price_source = CostSource::Catalog;
    }
    model
}

fn read_item(prices: &mut Prices, item: &str) -> Option<()> {
    let (key, number) = item.split_once('=')?;
    let price = Price::parse(number)?;
    let mut key = key.chars();
    let letter = key.next()?;
    let condition = key.as_str();
    let rates = if condition.is_empty() {
        &mut prices.base
    } else if let Some(above) = condition.strip_prefix('>') {
        let above = above.parse().ok()?;
        let at = match prices.tiers.binary_search_by_key(&above, |tier| tier.above) {
            Ok(at) => at,
            Err(at) => {
                prices.tiers.insert(
                    at,
                    Tier {
                        above,
                        rates: Rates::default(),
                    },
                );
                at
            }
        };
        &mut prices.tiers.get_mut(at)?.rates
    } else {
        let (above, up_to) = condition.strip_prefix('@')?.split_once('-')?;
        let (above, up_to) = (above.parse().ok()?, up_to.parse().ok()?);
        let at = match prices.ranges.binary_search_by_key(&above, |range| range.above) {
            Ok(at) => at,
            Err(at) => {
                prices.ranges.insert(
                    at,
                    Range {
                        above,
                        up_to,
                        rates: Rates::default(),
                    },
                );
                at
            }
        };
        &mut prices.ranges.get_mut(at)?.rates
    };
    let field = match letter {
        'i' => &mut rates.input,
        'o' => &mut rates.output,
        'r' => &mut rates.cache_read,
        'w' => &mut rates.cache_write,
        'h' => &mut rates.reasoning,
        _ => return None,
    };
    *field = Some(price);
    Some(())
}
