//! The estimates that other parts are held against: `tests/fixtures/cost/estimates.tsv` says what the core says.
//!
//! `GODOTY_WRITE_FIXTURES=1 cargo test -p godoty-core-tests --test cost_fixture` writes the file.

#![allow(clippy::expect_used, reason = "this is a test, where a panic is a failure")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::{env, fs};

use godoty_core::catalog::PriceMap;
use godoty_core::cost::{Billing, Money};
use godoty_core_tests::fixtures;
use godoty_core_tests::random::Random;

const CASES: usize = 1500;
const SEED: u64 = 20_261_121;

#[test]
fn the_estimates_of_the_fixture_are_the_cores() {
    let root = fixtures().join("../..");
    let map = PriceMap::parse(fs::read_to_string(root.join("crate/core/data/price-map.txt")).unwrap()).unwrap();
    let names: Vec<&str> = map.names().collect();
    let of =
        |wanted: &dyn Fn(&str) -> bool| -> Vec<&str> { names.iter().copied().filter(|name| wanted(name)).collect() };
    let tiered = of(&|name| map.entry(name).is_some_and(|model| !model.prices.tiers.is_empty()));
    let ranged = of(&|name| map.entry(name).is_some_and(|model| !model.prices.ranges.is_empty()));
    let special = of(&|name| {
        map.entry(name)
            .is_some_and(|model| model.prices.billing != Billing::Generic)
    });
    let groups = [names.clone(), tiered, ranged, special];

    let mut random = Random(SEED);
    let mut text = String::from("model\tprompt\tcompletion\ttotal\tcached\tcache_write\treasoning\tpico_usd\n");
    let mut kinds = BTreeSet::new();
    for group in groups.iter().cycle().take(CASES) {
        let model = map.entry(random.pick(group)).expect("a model of the map");
        let usage = random.usage();
        let cost = model.prices.estimate(&usage).map(Money::pico);
        kinds.insert(format!("{:?}", model.prices.billing));
        writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            model.name,
            usage.prompt,
            usage.completion,
            usage.total,
            usage.cached,
            usage.cache_write,
            usage.reasoning,
            cost.map_or_else(|| "unknown".to_string(), |pico| pico.to_string()),
        )
        .expect("text takes text");
    }
    assert_eq!(kinds.len(), 6, "every rule of billing: {kinds:?}");

    let path = fixtures().join("cost/estimates.tsv");
    if env::var_os("GODOTY_WRITE_FIXTURES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).expect("the fixture is there");
    assert!(
        kept == text,
        "the core's estimates or the price map have changed: GODOTY_WRITE_FIXTURES=1 writes the file anew"
    );
}
