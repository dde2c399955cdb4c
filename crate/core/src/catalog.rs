//! Models: what they are called, what they can do, and what they cost.
//!
//! The proxy's `/v1/model/info` says it best; what it leaves open comes from the [`PriceMap`] that ships with the
//! extension, and at last from a few entries that are always there. Where sources differ, the first wins.

mod map;

use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::Millis;
use crate::cost::{Billing, CostSource, Prices};
use crate::error::{Error, ErrorCode};
use crate::json::{self, Scanner, Str};
pub use map::PriceMap;

/// The most models that one endpoint may list.
const MAX_MODELS: usize = 20_000;
/// The longest name of a model, in characters.
const MAX_NAME: usize = 256;

/// What a model can take and give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Tokens of the prompt at most.
    pub max_input_tokens: Option<u64>,
    /// Tokens of the answer at most.
    pub max_output_tokens: Option<u64>,
    /// Whether it takes images; `None` when nobody says.
    pub vision: Option<bool>,
    /// Whether it calls tools; `None` when nobody says.
    pub tools: Option<bool>,
}

impl Abilities {
    fn or(self, other: Self) -> Self {
        Self {
            max_input_tokens: self.max_input_tokens.or(other.max_input_tokens),
            max_output_tokens: self.max_output_tokens.or(other.max_output_tokens),
            vision: self.vision.or(other.vision),
            tools: self.tools.or(other.tools),
        }
    }
}

/// One model of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name to ask for.
    pub name: String,
    /// LiteLLM's name of the provider, for example `openai`.
    pub provider: Option<String>,
    /// What it is for: `chat`, `embedding`, …; `None` when nobody says.
    pub mode: Option<String>,
    /// What it can take and give.
    pub abilities: Abilities,
    /// What it costs; [`Prices::is_known`] says whether anybody knows.
    pub prices: Prices,
    /// Where the prices come from: the proxy, or the catalogue.
    pub price_source: CostSource,
    /// The model behind the name, for example `openai/gpt-4o-mini`.
    upstream: Option<String>,
}

impl Model {
    /// A model of which only the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.chars().take(MAX_NAME).collect(),
            provider: None,
            mode: None,
            abilities: Abilities::default(),
            prices: Prices::default(),
            price_source: CostSource::Unknown,
            upstream: None,
        }
    }

    /// Whether it can be chatted with, as far as anybody says.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        self.mode
            .as_deref()
            .is_none_or(|mode| matches!(mode, "chat" | "completion" | "responses"))
    }

    /// The prices and what they rest on, for [`ChatResult::cost`](crate::chat::ChatResult::cost).
    #[must_use]
    pub fn priced(&self) -> Option<(&Prices, CostSource)> {
        self.prices.is_known().then_some((&self.prices, self.price_source))
    }

    /// Fills in what is not known from an entry of the catalogue.
    fn complete(&mut self, entry: &Self) {
        self.abilities = self.abilities.or(entry.abilities);
        if !self.prices.is_known() && entry.prices.is_known() {
            self.prices = entry.prices.clone();
            self.price_source = CostSource::Catalog;
        }
        if self.provider.is_none() {
            self.provider.clone_from(&entry.provider);
        }
        if self.mode.is_none() {
            self.mode.clone_from(&entry.mode);
        }
    }
}

/// How long the models that were read are good, in milliseconds: an operator adds models and changes prices meanwhile.
const FRESH_MS: u64 = 600_000;

/// The models of one endpoint, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    models: Vec<Model>,
}

impl Catalog {
    /// Whether models that were read then need not be read again. A clock that was set back says nothing.
    #[must_use]
    pub const fn is_fresh(read_at: Millis, now: Millis) -> bool {
        now.0 >= read_at.0 && now.since(read_at) < FRESH_MS
    }

    /// Reads the body of LiteLLM's `/v1/model/info`; [`complete`](Self::complete) adds what it leaves open.
    ///
    /// A name with several deployments has the first one's data: the proxy chooses among them, and bills what it chose.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is not that.
    pub fn from_model_info(body: &[u8]) -> Result<Self, Error> {
        Self::read(body, read_deployment)
    }

    /// Reads the body of `/v1/models`: the names, and little else; [`complete`](Self::complete) adds the rest.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is not that.
    pub fn from_models(body: &[u8]) -> Result<Self, Error> {
        Self::read(body, |scanner| {
            let mut model = Model::named("");
            scanner.object_or_skip(|scanner, key| {
                if key.is("id") {
                    model.name = name_of(scanner)?.unwrap_or_default();
                } else if key.is("mode") {
                    model.mode = name_of(scanner)?;
                } else if key.is("max_input_tokens") {
                    model.abilities.max_input_tokens = count(scanner)?;
                } else if key.is("max_output_tokens") {
                    model.abilities.max_output_tokens = count(scanner)?;
                } else {
                    scanner.skip_value()?;
                }
                Ok(())
            })?;
            Ok(model)
        })
    }

    /// Whether the price map could add prices or limits of a model that can be chatted with.
    #[must_use]
    pub fn wants_map(&self) -> bool {
        self.models.iter().any(|model| {
            let Abilities {
                max_input_tokens,
                max_output_tokens,
                ..
            } = model.abilities;
            model.is_chat() && (!model.prices.is_known() || max_input_tokens.is_none() || max_output_tokens.is_none())
        })
    }

    /// Completes every model from the price map, if it was wanted and could be loaded, and then from the built-in entries.
    pub fn complete(&mut self, map: Option<&PriceMap>) {
        for model in &mut self.models {
            let known = map.and_then(|map| map.find(&model.name, model.upstream.as_deref(), model.provider.as_deref()));
            if let Some(entry) = known {
                model.complete(&entry);
            }
            complete_always(model);
        }
    }

    /// The models, in the order of their names.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Model> {
        let at = self
            .models
            .binary_search_by(|model| model.name.as_str().cmp(name))
            .ok()?;
        self.models.get(at)
    }

    fn read(body: &[u8], item: fn(&mut Scanner<'_>) -> json::Result<Model>) -> Result<Self, Error> {
        let mut scanner = Scanner::new(body);
        let mut models = Vec::new();
        let mut has_list = false;
        let mut read = |scanner: &mut Scanner<'_>, key: Str<'_>| {
            if !key.is("data") {
                return scanner.skip_value();
            }
            models.clear();
            has_list = scanner.array_or_skip(|scanner| {
                let model = item(scanner)?;
                if !model.name.is_empty() && models.len() < MAX_MODELS {
                    models.push(model);
                }
                Ok(())
            })?;
            Ok(())
        };
        let result = scanner.object_or_skip(&mut read).and_then(|_| scanner.end());
        if result.is_err() || !has_list {
            return Err(Error::new(ErrorCode::UnexpectedResponse));
        }
        // Of models of one name the first stays.
        let mut order: Vec<usize> = Vec::new();
        let name = |index: usize| models.get(index).map(|model: &Model| model.name.as_str());
        for index in 0..models.len() {
            if let Err(at) = order.binary_search_by(|known| name(*known).cmp(&name(index))) {
                order.insert(at, index);
            }
        }
        let mut slots: Vec<Option<Model>> = models.into_iter().map(Some).collect();
        let models = order
            .into_iter()
            .filter_map(|index| slots.get_mut(index).and_then(Option::take))
            .collect();
        Ok(Self { models })
    }
}

fn read_deployment(scanner: &mut Scanner<'_>) -> json::Result<Model> {
    let mut model = Model::named("");
    scanner.object_or_skip(|scanner, key| {
        if key.is("model_name") {
            model.name = name_of(scanner)?.unwrap_or_default();
        } else if key.is("litellm_params") {
            scanner.object_or_skip(|scanner, key| {
                if key.is("model") {
                    model.upstream = name_of(scanner)?;
                    return Ok(());
                }
                scanner.skip_value()
            })?;
        } else if key.is("model_info") {
            scanner.object_or_skip(|scanner, key| read_info(&mut model, key, scanner))?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    model.prices.billing = Billing::of_provider(model.provider.as_deref().unwrap_or_default());
    if model.prices.is_known() {
        model.price_source = CostSource::ProxyPrice;
    }
    Ok(model)
}

/// Reads one member of a `model_info` object, which is also an entry of LiteLLM's price map.
fn read_info(model: &mut Model, key: Str<'_>, scanner: &mut Scanner<'_>) -> json::Result<()> {
    let abilities = &mut model.abilities;
    if key.is("litellm_provider") {
        model.provider = name_of(scanner)?;
    } else if key.is("mode") {
        model.mode = name_of(scanner)?;
    } else if key.is("max_input_tokens") {
        abilities.max_input_tokens = count(scanner)?;
    } else if key.is("max_output_tokens") {
        abilities.max_output_tokens = count(scanner)?;
    } else if key.is("supports_vision") {
        abilities.vision = scanner.bool_or_skip()?;
    } else if key.is("supports_function_calling") {
        abilities.tools = scanner.bool_or_skip()?;
    } else if !model.prices.read_member(key, scanner)? {
        scanner.skip_value()?;
    }
    Ok(())
}

fn name_of(scanner: &mut Scanner<'_>) -> json::Result<Option<String>> {
    let text = scanner
        .string_or_skip()?
        .map(|text| text.decode().chars().take(MAX_NAME).collect());
    Ok(text.filter(|text: &String| !text.is_empty()))
}

fn count(scanner: &mut Scanner<'_>) -> json::Result<Option<u64>> {
    let number = scanner.number_or_skip()?;
    Ok(number
        .and_then(|text| text.strip_suffix(".0").unwrap_or(text).parse().ok())
        .filter(|count| *count > 0))
}

/// The entries that are always there: name, USD per token in and out, context window. All take images and tools.
const ALWAYS: [(&str, &str, &str, u64); 6] = [
    ("gpt-4o", "5e-6", "1.5e-5", 128_000),
    ("gpt-4o-mini", "1.5e-7", "6e-7", 128_000),
    ("claude-3-5-sonnet-20241022", "3e-6", "1.5e-5", 200_000),
    ("claude-3-5-haiku-20241022", "8e-7", "4e-6", 200_000),
    ("gemini/gemini-2.0-flash", "0", "0", 1_000_000),
    ("gemini/gemini-1.5-pro", "1.25e-6", "5e-6", 2_000_000),
];

fn complete_always(model: &mut Model) {
    use crate::cost::Price;
    let Some((_, input, output, window)) = ALWAYS.iter().find(|(name, ..)| *name == model.name) else {
        return;
    };
    let Some((input, output)) = Price::parse(input).zip(Price::parse(output)) else {
        return;
    };
    let mut entry = Model::named(&model.name);
    entry.mode = Some(String::from("chat"));
    entry.abilities = Abilities {
        max_input_tokens: Some(*window),
        max_output_tokens: None,
        vision: Some(true),
        tools: Some(true),
    };
    entry.prices = Prices::flat(input, output);
    model.complete(&entry);
}

#[cfg(test)]
mod tests;
