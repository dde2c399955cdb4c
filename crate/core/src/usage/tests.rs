#![expect(clippy::arithmetic_side_effects, reason = "small numbers of tests")]

mod account;
mod once;
mod time;

use alloc::format;
use alloc::string::ToString;

use super::*;
use crate::cost::Money;

const NOON: UnixMillis = UnixMillis(1_795_262_400_000);

fn pico(pico: i128) -> Money {
    Money::from_pico(pico).unwrap()
}

fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn call(number: u64, model: &str, cost: Cost) -> Call {
    Call {
        call_id: id(number),
        response_id: Some("r".to_string()),
        model: model.to_string(),
        usage: Some(Usage::new(10, 5)),
        cost,
        outcome: OutcomeName::Done,
        occurred_at: UnixMillis(NOON.0 + i64::try_from(number).unwrap()),
    }
}

fn reported(amount: i128) -> Cost {
    Cost::known(pico(amount), CostSource::Reported)
}

fn estimated(amount: i128) -> Cost {
    Cost::known(pico(amount), CostSource::Catalog)
}

/// A row of `usage_requests`.
struct Row(Call);

impl Row {
    fn settled(call: Call, amount: i128) -> Self {
        Self(Call {
            cost: Cost::known(pico(amount), CostSource::Settled),
            ..call
        })
    }
}

/// The account's answer of all calls, which it has in this order.
fn list(calls: impl Iterator<Item = Call>) -> String {
    let body = Batch { calls: calls.collect() }.body();
    let list = body.strip_prefix("{\"records\":").unwrap();
    list.strip_suffix('}').unwrap().to_string()
}

/// A reading whose first answer has come.
fn reading(periods: Periods, list: String) -> Reading {
    let mut reading = Reading::new(periods);
    assert_eq!(reading.ask().unwrap().0, "usage_requests");
    reading.answer(Ok(list)).unwrap();
    reading
}

/// What the account says when these are all its calls.
fn account(rows: &[Row]) -> Reading {
    let newest_first = rows.iter().rev().map(|row| row.0.clone());
    reading(Periods::at(NOON, &|_| 0), list(newest_first))
}

/// The account has a batch.
fn sent(ledger: &mut Ledger, batch: &Batch) {
    ledger.answered(batch, Ok(())).unwrap();
}

#[test]
fn totals_are_kept_by_window_period_and_model() {
    let mut ledger = Ledger::new();
    ledger.book(&call(1, "a", reported(10))).unwrap();
    ledger.book(&call(2, "b", estimated(5))).unwrap();
    ledger.book(&call(3, "b", Cost::UNKNOWN)).unwrap();
    let today = Periods::at(NOON, &|_| 60).today;
    ledger
        .book(&Call {
            occurred_at: today,
            ..call(4, "a", reported(100))
        })
        .unwrap();
    ledger
        .book(&Call {
            occurred_at: UnixMillis(today.0 - 1),
            ..call(5, "a", reported(1000))
        })
        .unwrap();
    let here = ledger.here();
    assert_eq!((here.calls, here.amount, here.unknown), (5, pico(1115), 1));
    assert_eq!(here.usage, Usage::new(50, 25));
    let sums = ledger.since(today);
    assert!(!sums.complete, "nobody has asked the account");
    assert_eq!((sums.totals.calls, sums.totals.amount), (4, pico(115)));
    let models: Vec<_> = sums
        .models
        .iter()
        .map(|(name, totals)| (name.as_str(), totals.amount.pico(), totals.estimates))
        .collect();
    assert_eq!(models, [("a", 110, 0), ("b", 5, 1)]);
    assert!(here.cost().source.is_estimate());
    assert_eq!(Totals::default().cost(), Cost::known(Money::ZERO, CostSource::Reported));
    let unknown = Totals {
        calls: 1,
        unknown: 1,
        ..Totals::default()
    };
    assert_eq!(unknown.cost(), Cost::UNKNOWN);
}

#[test]
fn a_call_is_improved_and_never_counted_twice() {
    let mut ledger = Ledger::new();
    assert!(ledger.book(&call(1, "a", Cost::UNKNOWN)).unwrap());
    assert!(ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert!(!ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert!(ledger.book(&call(1, "a2", reported(9))).unwrap());
    assert!(!ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert_eq!((ledger.here().calls, ledger.here().amount), (1, pico(9)));
    ledger.take(account(&[Row::settled(call(1, "a2", reported(9)), 8)]));
    assert!(!ledger.book(&call(1, "a", reported(9))).unwrap());
    let totals = Totals {
        calls: 1,
        amount: pico(8),
        usage: Usage::new(10, 5),
        ..Totals::default()
    };
    let sums = ledger.since(UnixMillis(0));
    assert_eq!((ledger.here(), sums.totals), (totals, totals));
    assert_eq!(sums.models, [("a2".to_string(), totals)]);
    assert_eq!(ledger.pending(), 0, "the account has it");
}

#[test]
fn a_record_has_the_shape_that_the_account_takes() {
    let mut ledger = Ledger::new();
    let usage = Usage {
        cached: 4,
        cache_write: 3,
        reasoning: 2,
        ..Usage::new(12, 5)
    };
    ledger
        .book(&Call {
            usage: Some(usage),
            ..call(1, "m", reported(12_345_678))
        })
        .unwrap();
    ledger
        .book(&Call {
            usage: None,
            response_id: None,
            outcome: OutcomeName::ToolCalls,
            ..call(2, "m", Cost::UNKNOWN)
        })
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&ledger.next_batch().unwrap().body()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"records": [
            {"call_id": id(1), "response_id": "r", "model": "m", "prompt_tokens": 12, "completion_tokens": 5,
             "total_tokens": 17, "cached_tokens": 4, "cache_write_tokens": 3, "reasoning_tokens": 2,
             "cost_usd": "0.000012345678", "cost_source": "reported", "outcome": "done",
             "occurred_at": "2026-11-21T12:00:00.001Z"},
            {"call_id": id(2), "response_id": null, "model": "m", "prompt_tokens": 0, "completion_tokens": 0,
             "total_tokens": 0, "cached_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0,
             "cost_usd": null, "cost_source": "unknown", "outcome": "tool_calls",
             "occurred_at": "2026-11-21T12:00:00.002Z"},
        ]})
    );
}

#[test]
fn a_record_stays_until_the_account_has_it() {
    let mut ledger = Ledger::new();
    for number in 0..150 {
        ledger.book(&call(number, "m", estimated(1))).unwrap();
    }
    let first = ledger.next_batch().unwrap();
    assert_eq!(first.call_ids().count(), MAX_BATCH);
    assert_eq!(ledger.next_batch().as_ref(), Some(&first), "nobody has answered yet");
    // While the batch is under way, one of its calls is improved. The account keeps what it got first.
    ledger.book(&call(7, "m", reported(2))).unwrap();
    sent(&mut ledger, &first);
    assert_eq!(ledger.pending(), 50);
    assert_eq!(ledger.here().amount, pico(151));
    let second = ledger.next_batch().unwrap();
    assert_eq!(second.call_ids().next(), Some(id(100).as_str()));
    sent(&mut ledger, &second);
    sent(&mut ledger, &second);
    assert_eq!((ledger.pending(), ledger.next_batch()), (0, None));
}

#[test]
fn a_record_that_the_account_will_never_take_does_not_keep_back_the_others() {
    let mut ledger = Ledger::new();
    for number in 0..3 {
        ledger.book(&call(number, "m", estimated(1))).unwrap();
    }
    let ids = |ledger: &Ledger| {
        ledger
            .next_batch()
            .map(|batch| batch.call_ids().map(String::from).collect::<Vec<_>>())
    };
    let batch = ledger.next_batch().unwrap();
    let mut refused = Error::new(ErrorCode::ValidationFailed);
    refused.reasons.push("records[1].prompt_tokens".into());
    let offline = Error::new(ErrorCode::NetworkError);
    assert_eq!(
        ledger.answered(&batch, Err(offline.clone())),
        Err(offline),
        "only a refusal for good counts"
    );
    assert_eq!(ledger.answered(&batch, Err(refused.clone())), Ok(()));
    assert_eq!(ids(&ledger), Some(alloc::vec![id(0), id(2)]));
    // A server that says no without naming a record, as one does that lacks the function, refuses none of them.
    let batch = ledger.next_batch().unwrap();
    let unnamed = Error::new(ErrorCode::ValidationFailed);
    assert_eq!(ledger.answered(&batch, Err(unnamed.clone())), Err(unnamed));
    assert_eq!(ids(&ledger), Some(alloc::vec![id(0), id(2)]));
    // Nor does one that names nothing of the batch.
    refused.reasons = alloc::vec!["records[9]".into()];
    let batch = ledger.next_batch().unwrap();
    assert_eq!(ledger.answered(&batch, Err(refused.clone())), Err(refused));
}

#[test]
fn the_queue_survives_and_newer_records_win() {
    let mut before = Ledger::new();
    before.book(&call(1, "m", estimated(1))).unwrap();
    before.book(&call(2, "m", estimated(1))).unwrap();
    let saved = before.save_queue();

    let mut after = Ledger::new();
    after.book(&call(2, "m", reported(3))).unwrap();
    after.book(&call(3, "m", reported(4))).unwrap();
    assert_eq!(after.restore_queue(&saved), Ok(2));
    assert_eq!(after.restore_queue(&saved), Ok(2));
    let batch = after.next_batch().unwrap();
    assert_eq!(batch.call_ids().collect::<Vec<_>>(), [id(1), id(2), id(3)]);
    assert!(batch.body().contains("0.000000000003"));
    // Some servers say the sum alone.
    let total = Usage {
        total: 7,
        ..Usage::default()
    };
    let usage = Some(total);
    let mut one = Ledger::new();
    one.book(&Call {
        usage,
        ..call(1, "m", estimated(1))
    })
    .unwrap();
    let mut other = Ledger::new();
    other.restore_queue(&one.save_queue()).unwrap();
    assert_eq!(other.next_batch(), one.next_batch());
    for damaged in [
        "",
        "{}",
        "{\"version\":2,\"records\":[]}",
        "{\"version\":1,\"records\":[{}]}",
        saved.strip_prefix('{').unwrap(),
    ] {
        assert_eq!(
            after.restore_queue(damaged).unwrap_err().code,
            ErrorCode::StoreFailed,
            "{damaged}"
        );
    }
    assert_eq!(after.pending(), 3);
}

#[test]
fn everything_is_bounded() {
    let mut ledger = Ledger::new();
    for number in 0..6000 {
        ledger.book(&call(number, &format!("m{number}"), reported(1))).unwrap();
    }
    assert_eq!((ledger.here().calls, ledger.here().amount), (6000, pico(6000)));
    assert_eq!(
        (ledger.pending(), ledger.entries.len(), ledger.latest().count()),
        (MAX_CALLS, MAX_CALLS, MAX_LISTED)
    );
    assert!(ledger.has_older());
}

#[test]
fn what_the_account_would_refuse_is_refused_here() {
    let mut ledger = Ledger::new();
    for wrong in [
        "",
        "x",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-00000000000G",
        "0000000000004000800000000000000000",
    ] {
        let call = Call {
            call_id: wrong.to_string(),
            ..call(1, "m", reported(1))
        };
        assert_eq!(ledger.book(&call).unwrap_err().code, ErrorCode::ValidationFailed);
    }
    assert!(ledger.book(&call(1, "", reported(1))).is_err());
    assert_eq!(ledger.pending(), 0);
}

#[test]
fn estimates_are_hidden_from_those_who_do_not_want_them() {
    let mut ledger = Ledger::new();
    let mut estimated = Call {
        call_id: "00000000-0000-4000-8000-000000000001".into(),
        response_id: None,
        model: "m".into(),
        usage: None,
        cost: Cost::known(Money::parse_usd("0.5").unwrap(), CostSource::ProxyPrice),
        outcome: OutcomeName::Done,
        occurred_at: UnixMillis(0),
    };
    ledger.book(&estimated).unwrap();
    assert_eq!(ledger.here().shown(true).cost().amount, Money::parse_usd("0.5"));
    assert_eq!(ledger.here().shown(false).cost(), Cost::UNKNOWN);
    // What the server stated in the meantime is no estimate.
    estimated.cost = Cost::known(Money::parse_usd("0.25").unwrap(), CostSource::Reported);
    ledger.book(&estimated).unwrap();
    assert_eq!(
        ledger.here().shown(false).cost(),
        Cost::known(Money::parse_usd("0.25").unwrap(), CostSource::Reported)
    );
    assert_eq!(ledger.latest().count(), 1);
}
