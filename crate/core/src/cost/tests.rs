use super::*;

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn pico(pico: i128) -> Money {
    Money::from_pico(pico).unwrap()
}

fn prices(entry: &str, provider: &str) -> Prices {
    let mut prices = Prices {
        billing: Billing::of_provider(provider),
        ..Prices::default()
    };
    Scanner::new(entry.as_bytes())
        .object(|scanner, key| {
            if prices.read_member(key, scanner)? {
                Ok(())
            } else {
                scanner.skip_value()
            }
        })
        .unwrap();
    prices
}

#[test]
fn decimal_text_is_read_exactly() {
    for (text, expected) in [
        ("0", Some(0)),
        ("-0.0", Some(0)),
        ("0e99999999999", Some(0)),
        ("1", Some(1_000_000_000_000)),
        ("1.5e-07", Some(150_000)),
        ("1.5E-7", Some(150_000)),
        ("0.00000015", Some(150_000)),
        ("2.2e-05", Some(22_000_000)),
        ("6.5999999999999995e-6", Some(6_600_000)),
        ("0.0000000000004999999999", Some(0)),
        ("0.0000000000005", Some(1)),
        ("1e-999999999999", Some(0)),
        (
            "123456789012345678901234567890123456789e-30",
            Some(123_456_789_012_345_678_901),
        ),
        ("0.1234567890123456789012345678901234567890123", Some(123_456_789_012)),
        (".5", Some(500_000_000_000)),
        ("5.", Some(5_000_000_000_000)),
        ("1e40", None),
        ("1e99999999999", None),
        ("-1", None),
        ("", None),
        (".", None),
        ("-", None),
        ("e5", None),
        ("1e", None),
        ("1e+-5", None),
        ("1x", None),
        ("1 ", None),
        ("NaN", None),
        ("١", None),
    ] {
        assert_eq!(Money::parse_usd(text).map(Money::pico), expected, "{text}");
    }
    assert_eq!(price("0.000000000000000000000001").per_million(), Some(Money::ZERO));
    assert_eq!(price("1e-24"), price("0.000000000000000000000001"));
    assert_ne!(price("1e-24"), Price::default());
}

#[test]
fn an_amount_reads_well_and_never_rounds_to_nothing() {
    for (amount, text) in [
        (0, "$0.00"),
        (1, "$0.000000000001"),
        (22_000_000, "$0.000022"),
        (6_600_000, "$0.0000066"),
        (123_456_789, "$0.0001235"),
        (12_300_000_000, "$0.0123"),
        (9_999_949_999, "$0.01"),
        (9_999_400_000, "$0.009999"),
        (10_000_000_000, "$0.01"),
        (123_456_000_000, "$0.1235"),
        (500_000_000_000, "$0.50"),
        (999_999_000_000, "$1.00"),
        (1_000_000_000_000, "$1.00"),
        (12_345_000_000_000, "$12.35"),
        (1_234_567_891_000_000, "$1234.57"),
    ] {
        assert_eq!(pico(amount).format_usd(), text, "{amount}");
    }
    assert_eq!(format_cost(Cost::UNKNOWN), "–");
    assert_eq!(
        format_cost(Cost::known(pico(100_000_000), CostSource::Catalog)),
        "≈ $0.0001"
    );
    assert_eq!(
        format_cost(Cost::known(pico(100_000_000), CostSource::Reported)),
        "$0.0001"
    );
}

#[test]
fn an_amount_crosses_the_boundary_as_text() {
    assert_eq!(pico(12_300_000).to_pico_text(), "12300000");
    assert_eq!(pico(i128::MAX).to_pico_text(), i128::MAX.to_string());
    assert_eq!(Money::ZERO.to_pico_text(), "0");
    assert_eq!(pico(12_345_678).to_usd_text(), "0.000012345678");
    assert_eq!(pico(3_500_000_000_000).to_usd_text(), "3.5");
    assert_eq!(Money::ZERO.to_usd_text(), "0");
}

#[test]
fn the_recorded_call_costs_what_the_proxy_billed() {
    // The prices of `fake-gpt` and the usage of captures/litellm/nonstream.body; its header says 2.2e-05.
    let prices = prices(
        r#"{"input_cost_per_token":1e-6,"output_cost_per_token":"2e-6"}"#,
        "openai",
    );
    let usage = Usage {
        cached: 4,
        reasoning: 2,
        ..Usage::new(12, 5)
    };
    assert_eq!(prices.estimate(&usage), Some(pico(22_000_000)));
}

#[test]
fn parts_of_prompt_and_completion_have_their_own_prices() {
    let entry = r#"{"input_cost_per_token":1e-6,"output_cost_per_token":1e-5,"cache_read_input_token_cost":1e-7,
        "cache_creation_input_token_cost":1.25e-6,"output_cost_per_reasoning_token":2e-5,"input_cost_per_token_priority":9}"#;
    let usage = Usage {
        cached: 40,
        cache_write: 20,
        reasoning: 4,
        ..Usage::new(100, 10)
    };
    // 40 fresh at 1, 40 cached at 0.1, 20 written at 1.25, 6 out at 10, 4 reasoning at 20 (micro-USD).
    assert_eq!(prices(entry, "openai").estimate(&usage), Some(pico(209_000_000)));
    // All prompt at 1; 6 out at 10, 4 reasoning at 20.
    assert_eq!(prices(entry, "perplexity").estimate(&usage), Some(pico(240_000_000)));
    // Reasoning as output.
    assert_eq!(prices(entry, "xai").estimate(&usage), Some(pico(169_000_000)));
    let apart = Usage { total: 114, ..usage };
    assert_eq!(prices(entry, "xai").estimate(&apart), Some(pico(209_000_000)));
    assert_eq!(prices(entry, "lemonade").estimate(&usage), Some(Money::ZERO));
}

#[test]
fn a_long_prompt_is_billed_at_the_highest_tier_it_exceeds() {
    let entry = r#"{"input_cost_per_token_above_272k_tokens":4e-6,"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,
        "input_cost_per_token_above_128000_tokens":2e-6,"output_cost_per_token_above_272k_tokens":null,
        "input_cost_per_token_above_512k_tokens":null,"input_cost_per_token_above_200k_tokens_priority":9e-6}"#;
    for (provider, prompt, micro) in [
        ("openai", 128_000, 128_000_i128),
        ("openai", 128_001, 256_002),
        ("openai", 272_000, 544_000),
        ("openai", 272_001, 1_088_004),
        ("xai", 128_000, 256_000),
        ("xai", 127_999, 127_999),
    ] {
        assert_eq!(
            prices(entry, provider).estimate(&Usage::new(prompt, 0)),
            Some(pico(micro * 1_000_000)),
            "{provider} {prompt}"
        );
    }
    assert_eq!(prices(entry, "openai").tiers.len(), 2);
}

#[test]
fn ranges_bill_the_whole_call_at_one_price() {
    let entry = r#"{"output_cost_per_reasoning_token":7e-6,"tiered_pricing":[
        {"range":[256000.0,1e6],"input_cost_per_token":2e-6,"output_cost_per_token":3e-6},
        {"range":[0,256000.0],"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"output_cost_per_reasoning_token":4e-6}]}"#;
    for (prompt, completion, reasoning, micro) in [
        (1, 1, 0, 3_i128),
        (256_000, 0, 0, 256_000),
        (256_001, 1, 1, 512_005),
        (2_000_000, 0, 0, 4_000_000),
        (1, 1, 1, 5),
    ] {
        let usage = Usage {
            reasoning,
            ..Usage::new(prompt, completion)
        };
        assert_eq!(
            prices(entry, "dashscope").estimate(&usage),
            Some(pico(micro * 1_000_000)),
            "{prompt}"
        );
    }
}

#[test]
fn no_price_is_unknown_and_a_price_of_zero_is_free() {
    assert_eq!(prices("{}", "openai").estimate(&Usage::new(1, 1)), None);
    assert_eq!(
        prices(r#"{"cost_per_second":1,"input_cost_per_token":null}"#, "replicate").estimate(&Usage::new(1, 1)),
        None
    );
    assert_eq!(
        prices(r#"{"input_cost_per_token":0,"output_cost_per_token":0.0}"#, "x").estimate(&Usage::new(1, 1)),
        Some(Money::ZERO)
    );
    assert_eq!(
        prices(r#"{"input_cost_per_token":1e-6}"#, "x").estimate(&Usage::new(1, 1)),
        Some(pico(1_000_000))
    );
}

#[test]
fn an_absurd_usage_gives_no_cost_instead_of_a_wrong_one() {
    let prices = prices(
        r#"{"input_cost_per_token":99999999999,"output_cost_per_token":1}"#,
        "openai",
    );
    assert_eq!(prices.estimate(&Usage::new(u64::MAX, u64::MAX)), None);
}

#[test]
fn a_usage_has_one_shape_for_every_provider() {
    let read = |text: &str| ReportedUsage::read(&mut Scanner::new(text.as_bytes())).unwrap();
    assert_eq!(read("null"), None);
    let rows = [
        (r#"{"prompt_tokens":12,"completion_tokens":5}"#, Usage::new(12, 5), None),
        (
            r#"{"completion_tokens":5,"prompt_tokens":12,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":2},
               "prompt_tokens_details":{"cached_tokens":4},"cost":0.000022}"#,
            Usage {
                cached: 4,
                reasoning: 2,
                ..Usage::new(12, 5)
            },
            Some(pico(22_000_000)),
        ),
        (
            r#"{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_creation_tokens":3},
               "cache_read_input_tokens":4,"cache_creation_input_tokens":3}"#,
            Usage {
                cached: 4,
                cache_write: 3,
                ..Usage::new(12, 5)
            },
            None,
        ),
        (
            r#"{"input_tokens":12.0,"output_tokens":5,"prompt_tokens_details":{"cached_tokens":0},"cache_read_input_tokens":4}"#,
            Usage {
                cached: 4,
                ..Usage::new(12, 5)
            },
            None,
        ),
        (
            r#"{"prompt_tokens":1,"completion_tokens":-1,"total_tokens":"9","prompt_tokens_details":null,"cost":{"total_cost":1e-3}}"#,
            Usage::new(1, 0),
            Some(pico(1_000_000_000)),
        ),
        (
            r#"{"prompt_tokens":99999999999999999999,"cost":-1}"#,
            Usage::new(0, 0),
            None,
        ),
    ];
    for (text, usage, cost) in rows {
        assert_eq!(read(text), Some(ReportedUsage { usage, cost }), "{text}");
    }
}
