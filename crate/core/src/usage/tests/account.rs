//! What the account says, matched with what this window knows.

use super::*;

const SUMS: &str = r#"{"totals":{"requests":7,"prompt_tokens":70,"completion_tokens":7,"total_tokens":77,
    "cached_tokens":1,"cache_write_tokens":2,"reasoning_tokens":3,"cost_usd":"0.000000000700","estimated":false,
    "unknown_costs":2},"buckets":[{"start":"2026-11-01T00:00:00+00:00","deep":[{}]}],"models":[
    {"model":"m","requests":4,"prompt_tokens":40,"completion_tokens":4,"total_tokens":44,"cached_tokens":1,
    "cache_write_tokens":2,"reasoning_tokens":3,"cost_usd":"0.0000000004","estimated":false,"unknown_costs":0},
    {"model":"a","requests":3,"prompt_tokens":30,"completion_tokens":3,"total_tokens":33,"cached_tokens":0,
    "cache_write_tokens":0,"reasoning_tokens":0,"cost_usd":"0.0000000003","estimated":false,"unknown_costs":2}]}"#;

fn rows(numbers: impl Iterator<Item = u64>) -> Vec<Row> {
    numbers.map(|number| Row(call(number, "m", reported(1)))).collect()
}

#[test]
fn the_accounts_calls_are_counted_with_this_windows_and_none_twice() {
    let mut ledger = Ledger::new();
    ledger.book(&call(1, "m", estimated(5))).unwrap();
    ledger.book(&call(2, "m", Cost::UNKNOWN)).unwrap();
    // A stopped answer is billed all the same, and another window has been at work.
    ledger.take(account(&[
        Row::settled(call(2, "m", Cost::UNKNOWN), 30),
        Row(call(3, "n", reported(400))),
    ]));
    let sums = ledger.since(NOON);
    assert!(sums.complete);
    assert_eq!((sums.totals.calls, sums.totals.amount), (3, pico(435)));
    assert_eq!((ledger.here().calls, ledger.here().amount), (2, pico(35)));
    let listed: Vec<_> = ledger.latest().map(|call| call.call_id.clone()).collect();
    assert_eq!(listed, [id(3), id(2), id(1)]);
    assert!(!ledger.has_older());
    assert_eq!(ledger.pending(), 1, "the account does not have the first one yet");
}

/// The questions that a reading asks from here on, each of which the account can't answer.
fn asked(mut reading: Reading) -> Vec<(&'static str, serde_json::Value)> {
    let mut asked = Vec::new();
    while let Some((function, body)) = reading.ask() {
        asked.push((function, serde_json::from_str(&body).unwrap()));
        let _ = reading.answer(Err(Error::new(ErrorCode::NetworkError)));
    }
    asked
}

#[test]
fn sums_are_asked_for_only_where_the_calls_do_not_reach() {
    let mut begins = Reading::new(Periods::at(NOON, &|_| 0));
    assert!(!begins.has_begun());
    let (function, body) = begins.ask().unwrap();
    assert_eq!(
        (function, body.as_str()),
        ("usage_requests", r#"{"before":null,"limit":200}"#)
    );
    assert!(begins.has_begun());

    let page = |count| list(rows(0..count).into_iter().rev().map(|row| row.0));
    let quota = ("quota", serde_json::json!({}));
    let today = Periods::at(NOON, &|_| 60);
    assert_eq!(asked(reading(today, page(199))), core::slice::from_ref(&quota));
    let sums = |from| {
        let body =
            serde_json::json!({"from": from, "to": "2026-11-21T12:00:00.001Z", "bucket": "month", "timezone": "UTC"});
        ("usage_summary", body)
    };
    assert_eq!(
        asked(reading(today, page(200))),
        [
            sums("2026-10-31T23:00:00.000Z"),
            sums("2026-11-14T23:00:00.000Z"),
            sums("2026-11-20T23:00:00.000Z"),
            quota,
        ]
    );
    // The oldest of the page is of yesterday: today is all there.
    let tomorrow = Periods::at(UnixMillis(NOON.0 + 86_400_000), &|_| 60);
    assert_eq!(asked(reading(tomorrow, page(200))).len(), 3);
}

#[test]
fn a_failed_answer_ends_the_reading_unless_it_is_the_quotas() {
    let offline = || Err(Error::new(ErrorCode::NetworkError));
    let mut said = Reading::new(Periods::at(NOON, &|_| 0));
    said.ask();
    assert!(said.answer(offline()).is_err());
    let mut said = account(&rows(0..200));
    said.ask();
    assert!(said.answer(offline()).is_err());
    let mut said = account(&[]);
    assert_eq!(said.ask(), Some(("quota", "{}".to_string())));
    assert_eq!(said.answer(offline()), Ok(()));
    assert_eq!((said.ask(), said.quota), (None, None));
}

/// Answers the questions for sums from one moment on, and no others.
fn add_sums(said: &mut Reading, start: UnixMillis, answer: &str) {
    while let Some((_, body)) = said.ask() {
        let is_asked = body.contains(&rfc3339(start));
        let _ = said.answer(Ok(if is_asked { answer.to_string() } else { String::new() }));
    }
}

#[test]
fn what_is_in_the_sums_is_not_counted_again() {
    let mut ledger = Ledger::new();
    // Of long ago, and sent; and one of long ago that ended just now.
    ledger.book(&call(0, "m", reported(5))).unwrap();
    let batch = ledger.next_batch().unwrap();
    sent(&mut ledger, &batch);
    ledger.book(&call(1, "m", reported(70_000))).unwrap();
    let mut said = account(&rows(2..202));
    let start = Periods::at(NOON, &|_| 0).today;
    add_sums(&mut said, start, SUMS);
    ledger.take(said);
    let sums = ledger.since(start);
    // The page's oldest call lies at the cut, and so in the sums.
    assert_eq!(
        (sums.totals.calls, sums.totals.amount),
        (7 + 1 + 199, pico(700 + 70_000 + 199))
    );
    assert_eq!(sums.totals.unknown, 2);
    let models: Vec<_> = sums
        .models
        .iter()
        .map(|(name, totals)| (name.as_str(), totals.calls))
        .collect();
    assert_eq!(models, [("a", 3), ("m", 4 + 1 + 199)]);
    assert!(sums.complete);
    assert!(ledger.has_older());
    assert_eq!(ledger.latest().count(), 200, "the list has no gaps");

    // Sent later, it is in nobody's sums until the account is asked again.
    let batch = ledger.next_batch().unwrap();
    sent(&mut ledger, &batch);
    assert_eq!(ledger.since(start).totals, sums.totals);

    // A period that begins elsewhere, as after midnight, is not complete until the account is asked again.
    let other = ledger.since(UnixMillis(start.0 - 1));
    assert!(!other.complete);
    assert_eq!(other.totals.calls, 202);
    // One that begins behind the cut needs no sums.
    let (later, calls) = (UnixMillis(NOON.0 + 100), 102);
    assert_eq!(
        (ledger.since(later).complete, ledger.since(later).totals.calls),
        (true, calls)
    );
}

#[test]
fn the_accounts_clock_says_which_calls_are_in_its_sums() {
    // What is settled has the time of the spend log, not this machine's.
    for ahead in [50, -50] {
        let mut ledger = Ledger::new();
        for number in 0..202 {
            ledger.book(&call(number, "m", reported(1))).unwrap();
        }
        while let Some(batch) = ledger.next_batch() {
            sent(&mut ledger, &batch);
        }
        let rows: Vec<_> = (2..202)
            .map(|number| {
                let mut row = Row::settled(call(number, "m", reported(1)), 1);
                row.0.occurred_at.0 += ahead;
                row
            })
            .collect();
        let mut said = account(&rows);
        let start = Periods::at(NOON, &|_| 0).today;
        add_sums(&mut said, start, SUMS);
        ledger.take(said);
        // The first three calls are among the seven.
        assert_eq!(ledger.since(start).totals.calls, 7 + 199, "{ahead}");
    }
}

#[test]
fn a_sum_that_is_estimated_in_part_shows_no_amount_to_those_who_want_no_estimates() {
    let mut said = account(&rows(0..200));
    let start = Periods::at(NOON, &|_| 0).today;
    add_sums(
        &mut said,
        start,
        &SUMS.replace("\"estimated\":false", "\"estimated\":true"),
    );
    let mut ledger = Ledger::new();
    ledger.take(said);
    let totals = ledger.since(start).totals;
    assert!(totals.cost().source.is_estimate());
    let shown = totals.shown(false);
    assert_eq!((shown.amount, shown.unknown), (pico(199), 7));
}

#[test]
fn an_answer_of_another_shape_is_refused_whole() {
    let row = r#"{"call_id":"00000000-0000-4000-8000-000000000001","response_id":null,"model":"m","prompt_tokens":1,
        "completion_tokens":0,"total_tokens":1,"cached_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,
        "cost_usd":"0.01","cost_source":"settled","outcome":"done","occurred_at":"2026-11-21T12:00:00.123456+00:00"}"#;
    let read = |answer: &str| {
        let mut reading = Reading::new(Periods::at(NOON, &|_| 0));
        reading.ask();
        reading.answer(Ok(answer.to_string())).map(|()| reading)
    };
    let said = read(&format!("[{row}]")).unwrap();
    assert_eq!(said.calls[0].occurred_at, UnixMillis(NOON.0 + 123));
    assert_eq!(
        said.calls[0].cost,
        Cost::known(pico(10_000_000_000), CostSource::Settled)
    );
    for (from, to) in [
        ("\"0.01\"", "0.01"),
        ("\"0.01\"", "null"),
        ("settled", "guessed"),
        ("done", "vanished"),
        ("+00:00", ""),
        ("\"model\"", "\"modell\""),
        ("\"total_tokens\":1", "\"total_tokens\":-1"),
    ] {
        let refused = read(&format!("[{}]", row.replace(from, to))).unwrap_err();
        assert_eq!(refused.code, ErrorCode::UnexpectedResponse, "{from} -> {to}");
    }
    for wrong in ["", "{}", "null", "[1]", "[{}]", "[]]"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "{}", "[]", r#"{"totals":{}}"#, r#"{"models":[]}"#] {
        let mut said = account(&rows(0..200));
        said.ask();
        assert!(said.answer(Ok(wrong.to_string())).is_err(), "{wrong}");
        assert!(said.sums.is_empty());
    }
}

#[test]
fn a_quota_says_what_is_left_and_until_when() {
    let quota = r#"{"plan":"free","month":{"used":12,"limit":100,"remaining":88,"resets_at":"2026-12-01T00:00:00+00:00"},
        "hour":{"used":1,"limit":null,"remaining":null,"resets_at":null},"blocked":false,"max_output_tokens":1000}"#;
    let read = Quota::read(quota).unwrap();
    assert_eq!(
        read,
        Quota {
            plan: "free".into(),
            month: Some(Allowance {
                used: 12,
                limit: 100,
                resets_at: parse_rfc3339("2026-12-01T00:00:00Z").unwrap(),
            }),
            hour: None,
            blocked: false,
            max_output_tokens: Some(1000),
        }
    );
    assert!(Quota::read(&quota.replace("false", "true")).unwrap().blocked);
    for none in ["null", "0", "-1", "\"1000\"", "4294967296"] {
        let read = Quota::read(&quota.replace("1000", none)).unwrap();
        assert_eq!(read.max_output_tokens, None, "{none}");
    }
    for wrong in ["", "{}", "[]", r#"{"plan":1}"#] {
        assert_eq!(Quota::read(wrong).unwrap_err().code, ErrorCode::UnexpectedResponse);
    }
}

#[test]
fn a_document_that_is_deep_is_read_without_recursion() {
    let deep = format!(
        "{{\"plan\":\"p\",\"a\":{}1{}}}",
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    assert_eq!(Quota::read(&deep).unwrap().plan, "p");
}

#[test]
fn only_what_outlasts_a_request_is_a_trouble() {
    for (code, trouble) in [
        (ErrorCode::NetworkError, Some("offline")),
        (ErrorCode::KeyRejected, Some("key")),
        (ErrorCode::OriginMismatch, Some("key")),
        (ErrorCode::QuotaExceeded, Some("quota")),
        (ErrorCode::Timeout, None),
        (ErrorCode::RateLimited, None),
    ] {
        assert_eq!(Trouble::of(&code.into()).map(Trouble::as_str), trouble);
    }
}
