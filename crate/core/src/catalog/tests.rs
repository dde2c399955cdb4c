use alloc::string::ToString;

use super::*;
use crate::cost::{Cost, Money, Usage};

fn pico(pico: i128) -> Money {
    Money::from_pico(pico).unwrap()
}

fn cost(catalog: &Catalog, name: &str, usage: &Usage) -> Cost {
    let priced = catalog.find(name).and_then(Model::priced);
    priced.map_or(Cost::UNKNOWN, |(prices, source)| {
        Cost::known(prices.estimate(usage).unwrap(), source)
    })
}

const MAP: &str = "godoty-price-map/1 litellm 0\n\
    big/model\tbig\tv\t10\t\ti=1e-6 o=2e-6 r=1e-7 w=3e-6 h=4e-6 i>5=2e-6 x=1\n\
    gpt-4o-mini\topenai\tvt\t128000\t16384\ti=9e-6 o=9e-6\n\
    other\topenai\tt\t\t\t\n\
    ranged\tdashscope\t\t\t\ti@0-5=1e-6 o@0-5=1e-6 i@5-9=2e-6 o@5-9=3e-6\n";

#[test]
fn the_recorded_answer_of_the_proxy_is_read() {
    let catalog =
        Catalog::from_model_info(include_bytes!("../../../../tests/fixtures/litellm/v1_model_info.body")).unwrap();
    assert_eq!(catalog.models().len(), 11);
    let mock = catalog.find("mock-model").unwrap();
    assert_eq!(
        (mock.provider.as_deref(), mock.mode.as_deref(), mock.is_chat()),
        (Some("openai"), Some("chat"), true)
    );
    let abilities = Abilities {
        max_input_tokens: Some(128_000),
        max_output_tokens: Some(16_384),
        vision: Some(true),
        tools: Some(true),
    };
    assert_eq!(mock.abilities, abilities);
    // captures/litellm/stream_mock.body: 8 tokens in, 9 out, and the proxy says 6.5999999999999995e-6.
    let estimate = cost(&catalog, "mock-model", &Usage::new(8, 9));
    assert_eq!(estimate, Cost::known(pico(6_600_000), CostSource::ProxyPrice));
    assert_eq!(cost(&catalog, "fake-tools", &Usage::new(8, 9)), Cost::UNKNOWN);
    assert_eq!(catalog.find("nope"), None);
}

#[test]
fn a_list_of_names_is_enough() {
    let catalog = Catalog::from_models(include_bytes!("../../../../tests/fixtures/litellm/models.body")).unwrap();
    assert_eq!(catalog.models().len(), 11);
    assert_eq!(catalog.find("fake-gpt").unwrap().abilities.max_input_tokens, Some(8000));
}

#[test]
fn what_is_no_list_of_models_is_an_error() {
    for body in [
        "",
        "{}",
        "[]",
        "{\"data\":{}}",
        "{\"data\":[]}x",
        "<html>",
        "{\"data\":[{]}",
    ] {
        assert_eq!(
            Catalog::from_model_info(body.as_bytes()).unwrap_err().code,
            ErrorCode::UnexpectedResponse,
            "{body}"
        );
    }
    let odd = br#"{"data":[1,null,{},{"model_name":5},{"model_name":"a","model_info":[]},{"model_name":"a"}]}"#;
    assert_eq!(Catalog::from_model_info(odd).unwrap().models().len(), 1);
}

#[test]
fn the_first_deployment_of_a_name_counts() {
    let body = br#"{"data":[{"model_name":"b","model_info":{"input_cost_per_token":1e-6}},
        {"model_name":"a"},{"model_name":"b","model_info":{"input_cost_per_token":2e-6}}]}"#;
    let catalog = Catalog::from_model_info(body).unwrap();
    assert_eq!(cost(&catalog, "b", &Usage::new(1, 0)).amount, Some(pico(1_000_000)));
}

#[test]
fn the_proxy_wins_over_the_map_and_the_map_over_the_built_in_entries() {
    let body = br#"{"data":[{"model_name":"gpt-4o","model_info":{"input_cost_per_token":0,"output_cost_per_token":0,"max_input_tokens":7}},
        {"model_name":"gpt-4o-mini"},{"model_name":"gemini/gemini-1.5-pro"},{"model_name":"other"}]}"#;
    let mut catalog = Catalog::from_model_info(body).unwrap();
    let usage = Usage::new(1000, 1000);
    let costs = |catalog: &Catalog| {
        ["gpt-4o", "gpt-4o-mini", "gemini/gemini-1.5-pro", "other"].map(|name| cost(catalog, name, &usage))
    };
    let mut mapped = catalog.clone();
    assert!(catalog.wants_map());
    catalog.complete(None);
    let free = Cost::known(Money::ZERO, CostSource::ProxyPrice);
    let pro = Cost::known(pico(6_250_000_000), CostSource::Catalog);
    assert_eq!(
        costs(&catalog),
        [
            free,
            Cost::known(pico(750_000_000), CostSource::Catalog),
            pro,
            Cost::UNKNOWN
        ]
    );
    assert_eq!(catalog.find("gpt-4o").unwrap().abilities.max_input_tokens, Some(7));
    assert_eq!(catalog.find("gpt-4o").unwrap().abilities.vision, Some(true));

    mapped.complete(Some(&PriceMap::parse(MAP.to_string()).unwrap()));
    assert_eq!(
        costs(&mapped),
        [
            free,
            Cost::known(pico(18_000_000_000), CostSource::Catalog),
            pro,
            Cost::UNKNOWN
        ]
    );
    assert_eq!(
        mapped.find("gpt-4o-mini").unwrap().abilities.max_output_tokens,
        Some(16_384)
    );
    assert_eq!(mapped.find("other").unwrap().abilities.tools, Some(true));
}

#[test]
fn the_map_is_searched_by_the_model_behind_the_name() {
    let map = PriceMap::parse(MAP.to_string()).unwrap();
    assert_eq!(map.names().count(), 4);
    let name =
        |name: &str, upstream: Option<&str>, provider: Option<&str>| Some(map.find(name, upstream, provider)?.name);
    assert_eq!(
        name("alias", Some("openai/gpt-4o-mini"), None).as_deref(),
        Some("gpt-4o-mini")
    );
    assert_eq!(
        name("gpt-4o-mini", Some("openai/unknown"), None).as_deref(),
        Some("gpt-4o-mini")
    );
    assert_eq!(name("model", None, Some("big")).as_deref(), Some("big/model"));
    assert_eq!(name("azure/gpt-4o-mini", None, None), None);
    assert_eq!(name("4o-mini", None, None), None);
    assert_eq!(name("", Some("\n"), None), None);
}

#[test]
fn a_line_of_the_map_holds_tiers_and_ranges() {
    let map = PriceMap::parse(MAP.to_string()).unwrap();
    let cost = |name: &str, usage: Usage| map.entry(name).unwrap().prices.estimate(&usage).unwrap();
    assert_eq!(
        cost(
            "big/model",
            Usage {
                cached: 1,
                cache_write: 1,
                reasoning: 1,
                ..Usage::new(5, 2)
            }
        ),
        pico(12_100_000)
    );
    assert_eq!(cost("big/model", Usage::new(6, 0)), pico(12_000_000));
    assert_eq!(cost("ranged", Usage::new(6, 1)), pico(15_000_000));
    assert_eq!(map.entry("big/model").unwrap().abilities.vision, Some(true));
    assert_eq!(map.entry("big/model").unwrap().abilities.tools, Some(false));
    assert!(PriceMap::parse("something else".to_string()).is_err());
}

#[test]
fn what_the_endpoint_says_of_limits_stands() {
    let body = br#"{"data":[{"id":"gpt-4o-mini","max_input_tokens":7}]}"#;
    let mut catalog = Catalog::from_models(body).unwrap();
    catalog.complete(Some(&PriceMap::parse(MAP.to_string()).unwrap()));
    let model = catalog.find("gpt-4o-mini").unwrap();
    assert_eq!(
        (model.abilities.max_input_tokens, model.abilities.max_output_tokens),
        (Some(7), Some(16_384))
    );
}

#[test]
fn the_map_is_wanted_when_it_can_help() {
    let wants = |info: &str| {
        let body = alloc::format!(r#"{{"data":[{{"model_name":"a","model_info":{info}}}]}}"#);
        Catalog::from_model_info(body.as_bytes()).unwrap().wants_map()
    };
    let limits = r#""max_input_tokens":1,"max_output_tokens":1"#;
    let price = r#""input_cost_per_token":1e-6"#;
    assert!(!wants(&alloc::format!(r#"{{"mode":"chat",{limits},{price}}}"#)));
    assert!(wants(&alloc::format!(r#"{{"mode":"chat",{limits}}}"#)));
    assert!(wants(&alloc::format!(
        r#"{{"mode":"chat",{price},"max_input_tokens":1}}"#
    )));
    assert!(wants(&alloc::format!(
        r#"{{"mode":"chat",{price},"max_output_tokens":1}}"#
    )));
    assert!(wants("{}"));
    assert!(!wants(r#"{"mode":"embedding"}"#));
    assert!(!Catalog::from_models(br#"{"data":[]}"#).unwrap().wants_map());
}

#[test]
fn every_model_of_the_map_that_ships_is_found() {
    let map = PriceMap::parse(include_str!("../../data/price-map.txt").to_string()).unwrap();
    let mut count = 0;
    for name in map.names() {
        assert_eq!(map.entry(name).map(|model| model.name).as_deref(), Some(name));
        count += 1;
    }
    assert!(count > 1000, "{count}");
    for name in ["", "\t", "\n", "gpt", "gpt-4o\topenai", "zzz", "\u{10ffff}"] {
        assert_eq!(map.entry(name), None, "{name}");
    }
}

#[test]
fn models_are_good_for_ten_minutes() {
    let read_at = Millis(1_000_000);
    let fresh = |now| Catalog::is_fresh(read_at, Millis(now));
    assert_eq!([1_000_000, 1_599_999, 1_600_000].map(fresh), [true, true, false]);
    assert!(!fresh(999_999), "a clock that was set back");
}
