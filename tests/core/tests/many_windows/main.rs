//! Many windows, one session: random histories of windows over each kind of store, against a server that rotates its
//! refresh tokens (invariant 6).
//!
//! `GODOTY_HISTORIES` says how many histories run (10,000 if it is silent), a third of them on each kind of store;
//! `GODOTY_SEED` says which: a number repeats a run, `random` draws new ones, and silence takes the same ones in every run, so
//! that a change is judged by what it does and not by luck.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this is a test, where a panic is a failure"
)]

mod history;
mod server;
mod store;
mod world;

use std::cell::RefCell;
use std::env;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::history::history;
use crate::store::Kind;
use crate::world::{Tally, run};

/// Runs histories on this kind of store. A failing one is shrunk to what it takes.
fn explore(kind: Kind) -> Tally {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let histories = number("GODOTY_HISTORIES").unwrap_or(10_000).div_ceil(3);
    let seed = match env::var("GODOTY_SEED") {
        Ok(text) if text == "random" => RandomState::new().build_hasher().finish(),
        _ => number("GODOTY_SEED").unwrap_or(1),
    };
    println!("{kind:?}: {histories} histories, GODOTY_SEED={seed}");
    let config = Config {
        cases: u32::try_from(histories).unwrap(),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let sum = RefCell::new(Tally::default());
    let result = TestRunner::new(config).run(&history(kind), |history| {
        let one = run(&history).map_err(TestCaseError::fail)?;
        let mut sum = sum.borrow_mut();
        sum.rotations += one.rotations;
        sum.repeats += one.repeats;
        sum.revocations += one.revocations;
        sum.completed += one.completed;
        sum.collisions += one.collisions;
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, history)) => panic!("GODOTY_SEED={seed}: {why}\n{history:?}"),
        Err(TestError::Abort(why)) => panic!("GODOTY_SEED={seed}: {why}"),
    }
    let sum = sum.into_inner();
    println!("{kind:?}: {sum:?}");
    sum
}

#[test]
fn on_a_vault_nobody_is_signed_out_and_nothing_is_refreshed_twice() {
    let seen = explore(Kind::Vault);
    assert_eq!(seen.revocations, 0);
    assert!(seen.rotations > 0 && seen.completed > 0, "nothing happened: {seen:?}");
}

#[test]
fn on_shared_storage_without_a_lock_nobody_is_signed_out() {
    let seen = explore(Kind::Shared);
    assert!(seen.rotations > 0 && seen.completed > 0, "nothing happened: {seen:?}");
}

/// Windows that can't see each other's writes use up each other's refresh tokens, and the server then ends the session:
/// no client can prevent that. What holds: nobody is signed out while the server still keeps the session, every caller
/// gets an answer, and no flow is completed twice.
#[test]
fn on_private_copies_only_the_server_ends_a_session() {
    let seen = explore(Kind::Private);
    assert!(seen.rotations > 0 && seen.completed > 0, "nothing happened: {seen:?}");
}
