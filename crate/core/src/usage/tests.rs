use alloc::format;
use alloc::string::ToString;

use super::*;

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
        occurred_at: NOON,
    }
}

fn reported(amount: i128) -> Cost {
    Cost::known(pico(amount), CostSource::Reported)
}

fn estimated(amount: i128) -> Cost {
    Cost::known(pico(amount), CostSource::Catalog)
}

#[test]
fn totals_are_kept_by_session_day_and_model() {
    let mut ledger = Ledger::new(60);
    ledger.book(&call(1, "a", reported(10))).unwrap();
    ledger.book(&call(2, "b", estimated(5))).unwrap();
    ledger.book(&call(3, "b", Cost::UNKNOWN)).unwrap();
    // Noon is in the day that began at 23:00 UTC by a clock one hour ahead.
    ledger
        .book(&Call {
            occurred_at: UnixMillis(NOON.0 - 13 * 3_600_000),
            ..call(4, "a", reported(100))
        })
        .unwrap();
    ledger
        .book(&Call {
            occurred_at: UnixMillis(NOON.0 - 13 * 3_600_000 - 1),
            ..call(5, "a", reported(1000))
        })
        .unwrap();
    assert_eq!(
        (
            ledger.session().calls,
            ledger.session().amount,
            ledger.session().unknown
        ),
        (5, pico(1115), 1)
    );
    assert_eq!((ledger.day(NOON).calls, ledger.day(NOON).amount), (4, pico(115)));
    assert_eq!(ledger.session().usage, Usage::new(50, 25));
    let models: Vec<_> = ledger
        .models()
        .map(|(name, totals)| (name, totals.amount.pico(), totals.estimates))
        .collect();
    assert_eq!(models, [("a", 1110, 0), ("b", 5, 1)]);
    assert!(ledger.session().cost().source.is_estimate());
    assert_eq!(Totals::default().cost(), Cost::known(Money::ZERO, CostSource::Reported));
    assert_eq!(
        Totals {
            calls: 1,
            unknown: 1,
            ..Totals::default()
        }
        .cost(),
        Cost::UNKNOWN
    );
}

#[test]
fn a_call_is_improved_and_never_counted_twice() {
    let mut ledger = Ledger::new(0);
    assert!(ledger.book(&call(1, "a", Cost::UNKNOWN)).unwrap());
    assert!(ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert!(!ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert!(ledger.book(&call(1, "a2", reported(9))).unwrap());
    assert!(!ledger.book(&call(1, "a", estimated(7))).unwrap());
    assert_eq!((ledger.session().calls, ledger.session().amount), (1, pico(9)));
    assert!(ledger.settle(&id(1), pico(8)));
    assert!(!ledger.settle(&id(2), pico(8)));
    assert!(!ledger.book(&call(1, "a", reported(9))).unwrap());
    let totals = Totals {
        calls: 1,
        amount: pico(8),
        usage: Usage::new(10, 5),
        ..Totals::default()
    };
    assert_eq!((*ledger.session(), ledger.day(NOON)), (totals, totals));
    assert_eq!(ledger.models().collect::<Vec<_>>(), [("a2", &totals)]);
    assert_eq!(ledger.pending(), 1);
}

#[test]
fn a_record_has_the_shape_that_the_account_takes() {
    let mut ledger = Ledger::new(0);
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
             "occurred_at": "2026-11-21T12:00:00.000Z"},
            {"call_id": id(2), "response_id": null, "model": "m", "prompt_tokens": 0, "completion_tokens": 0,
             "total_tokens": 0, "cached_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0,
             "cost_usd": null, "cost_source": "unknown", "outcome": "tool_calls",
             "occurred_at": "2026-11-21T12:00:00.000Z"},
        ]})
    );
}

#[test]
fn a_record_stays_until_it_is_acknowledged_as_it_is_now() {
    let mut ledger = Ledger::new(0);
    for number in 0..150 {
        ledger.book(&call(number, "m", estimated(1))).unwrap();
    }
    let first = ledger.next_batch().unwrap();
    assert_eq!(first.call_ids().count(), MAX_BATCH);
    // While the batch is under way, one of its calls is improved.
    ledger.book(&call(7, "m", reported(2))).unwrap();
    ledger.acknowledge(&first);
    assert_eq!(ledger.pending(), 51);
    assert_eq!(ledger.next_batch().unwrap().call_ids().next(), Some(id(7).as_str()));
    let second = ledger.next_batch().unwrap();
    ledger.acknowledge(&second);
    ledger.acknowledge(&second);
    assert_eq!((ledger.pending(), ledger.next_batch()), (0, None));
}

#[test]
fn a_record_that_the_account_will_never_take_does_not_keep_back_the_others() {
    let mut ledger = Ledger::new(0);
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
    assert!(
        !ledger.refuse(&batch, &Error::new(ErrorCode::NetworkError)),
        "only a refusal for good counts"
    );
    assert!(ledger.refuse(&batch, &refused));
    assert_eq!(ids(&ledger), Some(alloc::vec![id(0), id(2)]));
    // Without a name it is the oldest.
    let batch = ledger.next_batch().unwrap();
    assert!(ledger.refuse(&batch, &Error::new(ErrorCode::ValidationFailed)));
    assert_eq!(ids(&ledger), Some(alloc::vec![id(2)]));
    // A refusal that names nothing of the batch does not go on for ever.
    refused.reasons = alloc::vec!["records[9]".into()];
    let batch = ledger.next_batch().unwrap();
    assert!(!ledger.refuse(&batch, &refused));
}

#[test]
fn the_queue_survives_and_newer_records_win() {
    let mut before = Ledger::new(0);
    before.book(&call(1, "m", estimated(1))).unwrap();
    before.book(&call(2, "m", estimated(1))).unwrap();
    let saved = before.save_queue();

    let mut after = Ledger::new(0);
    after.book(&call(2, "m", reported(3))).unwrap();
    after.book(&call(3, "m", reported(4))).unwrap();
    assert_eq!(after.restore_queue(&saved), Ok(2));
    assert_eq!(after.restore_queue(&saved), Ok(2));
    let batch = after.next_batch().unwrap();
    assert_eq!(batch.call_ids().collect::<Vec<_>>(), [id(1), id(2), id(3)]);
    assert!(batch.body().contains("0.000000000003"));
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
    let mut ledger = Ledger::new(0);
    for number in 0..6000 {
        ledger.book(&call(number, &format!("m{number}"), reported(1))).unwrap();
    }
    assert_eq!((ledger.session().calls, ledger.session().amount), (6000, pico(6000)));
    assert_eq!(
        (ledger.pending(), ledger.models().count(), ledger.entries.len()),
        (MAX_QUEUE, MAX_MODELS, MAX_CALLS)
    );
}

#[test]
fn what_the_account_would_refuse_is_refused_here() {
    let mut ledger = Ledger::new(0);
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
fn moments_are_written_in_utc() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (-1, "1970-01-01T00:00:00.000Z"),
        (i64::MAX, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(rfc3339(UnixMillis(millis)), text);
    }
}

#[test]
fn estimates_are_hidden_from_those_who_do_not_want_them() {
    let mut ledger = Ledger::new(0);
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
    assert_eq!(ledger.session().shown(true).cost().amount, Money::parse_usd("0.5"));
    assert_eq!(ledger.session().shown(false).cost(), Cost::UNKNOWN);
    // What the server stated in the meantime is no estimate.
    estimated.cost = Cost::known(Money::parse_usd("0.25").unwrap(), CostSource::Reported);
    ledger.book(&estimated).unwrap();
    assert_eq!(
        ledger.session().shown(false).cost(),
        Cost::known(Money::parse_usd("0.25").unwrap(), CostSource::Reported)
    );
    assert_eq!(ledger.recent().count(), 1);
}
