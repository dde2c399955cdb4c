//! Invariant: a call is counted exactly once, whatever happens in whatever order.

use alloc::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// How many calls there are; so many, and the account does not say all of them one by one.
const CALLS: u64 = 260;

#[derive(Debug, Clone)]
enum Step {
    /// A call of this window ends; it may be booked again, better known.
    Book(u64, u8),
    /// Another window has recorded one of its own.
    Elsewhere(u64, u8),
    /// A batch is sent. Its acknowledgement may be lost, or it was another window that took up the records.
    Send(bool),
    /// The account settles a call.
    Settle(u64),
    /// The window is killed, and a new one takes up what was kept.
    Restart,
    /// The queue is sent, and the account is asked.
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = || 0..CALLS;
    let step = prop_oneof![
        8 => (number(), 0_u8..3).prop_map(|(number, stage)| Step::Book(number | 1, stage)),
        4 => (number(), 0_u8..3).prop_map(|(number, stage)| Step::Elsewhere(number & !1, stage)),
        2 => any::<bool>().prop_map(Step::Send),
        2 => number().prop_map(Step::Settle),
        1 => Just(Step::Restart),
        1 => Just(Step::Ask),
    ];
    prop::collection::vec(step, 0..120)
}

/// The same call, as well known as somebody knows it.
fn known(number: u64, stage: u8) -> Call {
    let amount = i128::from(number) + 1;
    let cost = match stage {
        0 => Cost::UNKNOWN,
        1 => estimated(amount * 1_000),
        _ => reported(amount * 1_000_000),
    };
    let model = if number.is_multiple_of(3) { "a" } else { "b" };
    call(number, model, cost)
}

/// The account: it keeps what it got first, and what it settled.
#[derive(Default)]
struct Account(BTreeMap<String, Call>);

impl Account {
    fn record(&mut self, batch: &Batch) {
        for call in &batch.calls {
            self.0.entry(call.call_id.clone()).or_insert_with(|| call.clone());
        }
    }

    fn settle(&mut self, number: u64) {
        if let Some(call) = self.0.get_mut(&id(number)) {
            call.cost = Cost::known(pico(i128::from(number) + 7), CostSource::Settled);
            // The spend log has a clock of its own.
            call.occurred_at = UnixMillis(NOON.0 + i64::try_from(number * 37 % 300).unwrap());
        }
    }

    /// As the database does it: the newest one by one, and sums over what is asked for.
    fn answer(&self, function: &str, body: &str) -> String {
        let asked: serde_json::Value = serde_json::from_str(body).unwrap();
        if function == "usage_requests" {
            let mut calls: Vec<Call> = self.0.values().cloned().collect();
            calls.sort_by_key(|call| core::cmp::Reverse(call.occurred_at));
            let limit = usize::try_from(asked["limit"].as_u64().unwrap()).unwrap();
            // Those of one moment are never parted.
            let last = calls.get(limit - 1).map(|call| call.occurred_at);
            calls.retain(|call| last.is_none_or(|last| call.occurred_at >= last));
            return list(calls.into_iter());
        }
        if function == "quota" {
            return String::new();
        }
        let moment = |name: &str| parse_rfc3339(asked[name].as_str().unwrap()).unwrap();
        let range = moment("from")..moment("to");
        let mut sums = Sums::default();
        for call in self.0.values().filter(|call| range.contains(&call.occurred_at)) {
            sums.add(call);
        }
        let models = sums.models.iter().map(|(model, totals)| sum(totals, Some(model)));
        let models: Vec<_> = models.collect();
        serde_json::json!({"totals": sum(&sums.totals, None), "buckets": [], "models": models}).to_string()
    }
}

fn sum(totals: &Totals, model: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "model": model, "requests": totals.calls, "prompt_tokens": totals.usage.prompt,
        "completion_tokens": totals.usage.completion, "total_tokens": totals.usage.total, "cached_tokens": 0,
        "cache_write_tokens": 0, "reasoning_tokens": 0, "cost_usd": totals.amount.to_usd_text(),
        "estimated": totals.estimates > 0, "unknown_costs": totals.unknown,
    })
}

fn send(ledger: &mut Ledger, account: &mut Account, is_told: bool) {
    if let Some(batch) = ledger.next_batch() {
        account.record(&batch);
        if is_told {
            sent(ledger, &batch);
        }
    }
}

fn ask(ledger: &mut Ledger, account: &mut Account) {
    while ledger.pending() > 0 {
        send(ledger, account, true);
    }
    let mut reading = Reading::new(Periods::at(NOON, &|_| 0));
    while let Some((function, body)) = reading.ask() {
        reading.answer(Ok(account.answer(function, &body))).unwrap();
    }
    ledger.take(reading);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_events_counts_each_call_once(mut steps in steps(), many in any::<bool>()) {
        let mut account = Account::default();
        let mut ledger = Ledger::new();
        let mut all: BTreeSet<u64> = BTreeSet::new();
        // Calls end once: those of windows that are gone do not end again.
        let mut gone: BTreeSet<u64> = BTreeSet::new();
        if many {
            // More than one page before anything happens.
            for number in 0..CALLS - 20 {
                account.record(&Batch { calls: alloc::vec![known(number, 2)] });
            }
            all.extend(0..CALLS - 20);
            gone.extend(0..CALLS - 20);
        }
        steps.push(Step::Ask);
        for step in steps {
            match step {
                Step::Book(number, _) if gone.contains(&number) => {}
                Step::Book(number, stage) => {
                    ledger.book(&known(number, stage)).unwrap();
                    all.insert(number);
                }
                Step::Elsewhere(number, stage) => {
                    account.record(&Batch { calls: alloc::vec![known(number, stage)] });
                    all.insert(number);
                }
                Step::Send(is_told) => send(&mut ledger, &mut account, is_told),
                Step::Settle(number) => account.settle(number),
                Step::Restart => {
                    gone.extend(&all);
                    let kept = ledger.save_queue();
                    ledger = Ledger::new();
                    ledger.restore_queue(&kept).unwrap();
                    // Another window may hand over the same file.
                    ledger.restore_queue(&kept).unwrap();
                }
                Step::Ask => {
                    ask(&mut ledger, &mut account);
                    prop_assert_eq!(ledger.pending(), 0);
                    for start in [UnixMillis(0), Periods::at(NOON, &|_| 0).today] {
                        let sums = ledger.since(start);
                        let expected = u64::try_from(all.len()).unwrap();
                        if sums.complete {
                            prop_assert_eq!(sums.totals.calls, expected);
                            prop_assert_eq!(sums.totals.usage, Usage::new(10 * expected, 5 * expected));
                            let by_model: u64 = sums.models.iter().map(|(_, totals)| totals.calls).sum();
                            prop_assert_eq!(by_model, expected);
                        }
                    }
                }
            }
            let sums = ledger.since(Periods::at(NOON, &|_| 0).today);
            prop_assert!(sums.totals.calls <= u64::try_from(all.len()).unwrap());
        }
        // A window that begins now hears from the account what this one knows, but for what this one knows better.
        let mut fresh = Ledger::new();
        ask(&mut fresh, &mut account);
        let start = Periods::at(NOON, &|_| 0).today;
        let (here, there) = (ledger.since(start), fresh.since(start));
        prop_assert!(here.complete && there.complete);
        prop_assert_eq!(here.totals.calls, there.totals.calls);
        // Once everything is settled, there is nothing to know better, whoever asks.
        for number in 0..CALLS {
            account.settle(number);
        }
        let billed: i128 = all.iter().map(|number| i128::from(*number) + 7).sum();
        for mut ledger in [ledger, fresh] {
            ask(&mut ledger, &mut account);
            let totals = ledger.since(start).totals;
            prop_assert_eq!(totals.amount.pico(), billed);
            prop_assert_eq!((totals.estimates, totals.unknown), (0, 0));
        }
    }
}
