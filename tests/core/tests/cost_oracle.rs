//! Our estimates against the library that bills: 1,000 random usages over the chat models of its price map, new ones in
//! each run.
//!
//! Needs LiteLLM, and so runs by `npm test -- --only cost` alone (`tests/live/cost-oracle.mjs`).

#![allow(clippy::expect_used, reason = "this is a test, where a panic is a failure")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use godoty_core::catalog::PriceMap;
use godoty_core::cost::Money;
use godoty_core_tests::fixtures;
use godoty_core_tests::random::Random;
use serde_json::{Value, json};

const CASES: usize = 1000;

#[test]
#[ignore = "needs LiteLLM: npm test -- --only cost"]
fn an_estimate_equals_what_litellm_bills() {
    let python = env::var("GODOTY_LITELLM_PYTHON").expect("GODOTY_LITELLM_PYTHON names a Python with litellm");
    let seed = env::var("GODOTY_SEED")
        .ok()
        .map(|seed| seed.parse().expect("GODOTY_SEED is a whole number"));
    let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("seed {seed}: GODOTY_SEED={seed} repeats this run");
    let mut random = Random(seed);

    let root = fixtures().join("../..");
    let map = PriceMap::parse(fs::read_to_string(root.join("crate/core/data/price-map.txt")).unwrap()).unwrap();
    let names: Vec<&str> = map.names().collect();
    assert!(names.len() > 3000, "{} models", names.len());
    let cases: Vec<_> = (0..CASES)
        .map(|_| (map.entry(random.pick(&names)).unwrap(), random.usage()))
        .collect();

    let questions: Vec<String> = cases
        .iter()
        .map(|(model, usage)| {
            let usage = json!({"prompt": usage.prompt, "completion": usage.completion, "total": usage.total,
                "cached": usage.cached, "cache_write": usage.cache_write, "reasoning": usage.reasoning});
            json!({"model": model.name, "provider": model.provider, "usage": usage}).to_string()
        })
        .collect();
    let mut oracle = Command::new(python)
        .arg(root.join("tests/live/litellm_cost_oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = oracle.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all((questions.join("\n") + "\n").as_bytes()));
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), CASES);

    let (mut compared, mut wrong) = (0, Vec::new());
    for ((model, usage), answer) in cases.iter().zip(&answers) {
        let billed = answer["cost"].as_str().and_then(Money::parse_usd);
        match (model.prices.estimate(usage), billed) {
            (Some(ours), Some(billed)) => {
                compared += 1;
                // The library adds floats: it may be off by a pico-USD, and by its own relative error on great amounts.
                let allowed = 1 + billed.pico() / 100_000_000_000_000;
                if (ours.pico() - billed.pico()).abs() > allowed {
                    wrong.push(format!(
                        "{} ({:?}) {usage:?}: {} but LiteLLM {}",
                        model.name,
                        model.provider,
                        ours.pico(),
                        billed.pico()
                    ));
                }
            }
            // No price for each token: LiteLLM bills seconds, or nothing.
            (None, Some(billed)) if billed == Money::ZERO => {}
            (ours, _) => wrong.push(format!("{} {usage:?}: {ours:?} but {answer}", model.name)),
        }
    }
    println!("{compared} of {CASES} compared, {} differ", wrong.len());
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    assert!(compared > CASES * 9 / 10, "only {compared} models had a price");
}
