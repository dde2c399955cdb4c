//! Moments, and days as users in several zones have them.

use alloc::string::String;

use super::super::{Periods, UnixMillis, parse_rfc3339, rfc3339};

fn at(text: &str) -> UnixMillis {
    parse_rfc3339(text).unwrap()
}

/// A clock with one offset until a moment and another one from then on, in minutes.
fn changing(before: i32, moment: &str, after: i32) -> impl Fn(UnixMillis) -> i32 {
    let moment = at(moment);
    move |now| if now < moment { before } else { after }
}

fn periods(now: &str, zone: impl Fn(UnixMillis) -> i32) -> [String; 4] {
    let periods = Periods::at(at(now), &zone);
    [periods.today, periods.week, periods.month, periods.tomorrow].map(|moment| rfc3339(moment).replace(":00.000Z", ""))
}

#[test]
fn moments_are_written_in_utc_and_read_back() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(rfc3339(UnixMillis(millis)), text);
        assert_eq!(parse_rfc3339(text), Some(UnixMillis(millis)));
    }
    assert_eq!(rfc3339(UnixMillis(-1)), "1970-01-01T00:00:00.000Z");
    assert_eq!(rfc3339(UnixMillis(i64::MAX)), "9999-12-31T23:59:59.999Z");
}

#[test]
fn moments_are_read_as_databases_write_them() {
    for (text, utc) in [
        ("2026-11-21T12:00:00+00:00", "2026-11-21T12:00:00.000Z"),
        ("2026-11-21T12:00:00.5+00:00", "2026-11-21T12:00:00.500Z"),
        ("2026-11-21T12:00:00.123999+00:00", "2026-11-21T12:00:00.123Z"),
        ("2026-11-21 12:00:00.12z", "2026-11-21T12:00:00.120Z"),
        ("2026-01-01T00:15:00+05:45", "2025-12-31T18:30:00.000Z"),
        ("2025-12-31T20:30:00-03:30", "2026-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(parse_rfc3339(text).map(rfc3339).as_deref(), Some(utc), "{text}");
    }
    for wrong in [
        "",
        "2026-11-21",
        "2026-11-21T12:00:00",
        "2026-13-21T12:00:00Z",
        "2026-11-32T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T12:60:00Z",
        "2026/11/21T12:00:00Z",
        "2026-11-21T12.00.00Z",
        "2026-11-21T12:00:00.Z ",
        "2026-11-21T12:00:00x1Z",
        "2026-11-21T12:00:00+0100",
        "2026-11-21T12:00:00+aa:00",
        "+026-11-21T12:00:00Z",
        "2026-11-21T12:00:00é",
        "２026-11-21T12:00:00Z",
    ] {
        assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
    }
}

#[test]
fn a_day_begins_at_the_users_midnight() {
    let utc = [
        "2026-11-21T00:00",
        "2026-11-15T00:00",
        "2026-11-01T00:00",
        "2026-11-22T00:00",
    ];
    assert_eq!(periods("2026-11-21T00:00:00Z", |_| 0), utc);
    assert_eq!(periods("2026-11-21T23:59:59.999Z", |_| 0), utc);
    // One hour ahead, 23:00 in UTC is tomorrow already.
    assert_eq!(
        periods("2026-11-20T23:00:00Z", |_| 60),
        [
            "2026-11-20T23:00",
            "2026-11-14T23:00",
            "2026-10-31T23:00",
            "2026-11-21T23:00"
        ]
    );
    assert_eq!(
        periods("2026-11-20T22:59:59.999Z", |_| 60)[0],
        "2026-11-19T23:00",
        "and a moment before it is not"
    );
    // Kathmandu and Los Angeles.
    assert_eq!(periods("2026-11-21T18:15:00Z", |_| 345)[0], "2026-11-21T18:15");
    assert_eq!(periods("2026-11-21T07:59:00Z", |_| -480)[0], "2026-11-20T08:00");
}

#[test]
fn a_month_begins_with_its_first_day_whatever_its_length() {
    for (now, week, month) in [
        ("2026-03-01T12:00:00Z", "2026-02-23T00:00", "2026-03-01T00:00"),
        ("2024-02-29T12:00:00Z", "2024-02-23T00:00", "2024-02-01T00:00"),
        ("2024-03-01T00:00:00Z", "2024-02-24T00:00", "2024-03-01T00:00"),
        ("2026-12-31T23:59:59Z", "2026-12-25T00:00", "2026-12-01T00:00"),
        ("2027-01-01T00:00:00Z", "2026-12-26T00:00", "2027-01-01T00:00"),
    ] {
        let [_, its_week, its_month, _] = periods(now, |_| 0);
        assert_eq!([its_week.as_str(), its_month.as_str()], [week, month], "{now}");
    }
}

#[test]
fn a_day_of_23_or_25_hours_is_one_day() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00.
    let spring = || changing(60, "2026-03-29T01:00:00Z", 120);
    assert_eq!(
        periods("2026-03-29T10:00:00Z", spring()),
        [
            "2026-03-28T23:00",
            "2026-03-22T23:00",
            "2026-02-28T23:00",
            "2026-03-29T22:00"
        ]
    );
    assert_eq!(periods("2026-03-28T23:00:00Z", spring())[3], "2026-03-29T22:00");
    assert_eq!(periods("2026-03-31T10:00:00Z", spring())[1], "2026-03-24T23:00");
    // Berlin, 25 October 2026: 03:00 becomes 02:00.
    let autumn = || changing(120, "2026-10-25T01:00:00Z", 60);
    assert_eq!(
        periods("2026-10-25T10:00:00Z", autumn()),
        [
            "2026-10-24T22:00",
            "2026-10-18T22:00",
            "2026-09-30T22:00",
            "2026-10-25T23:00"
        ]
    );
}

#[test]
fn where_clocks_change_at_midnight_the_day_begins_with_its_first_moment() {
    // Beirut, 29 March 2026: 00:00 becomes 01:00, so there is no midnight.
    let gap = || changing(120, "2026-03-28T22:00:00Z", 180);
    assert_eq!(periods("2026-03-29T10:00:00Z", gap())[0], "2026-03-28T22:00");
    assert_eq!(periods("2026-03-28T21:59:00Z", gap())[3], "2026-03-28T22:00");
    // Havana, 1 November 2026: 01:00 becomes 00:00, so there are two midnights; the first counts.
    let twice = || changing(-240, "2026-11-01T05:00:00Z", -300);
    assert_eq!(periods("2026-11-01T05:30:00Z", twice())[0], "2026-11-01T04:00");
    assert_eq!(periods("2026-11-01T04:30:00Z", twice())[0], "2026-11-01T04:00");
    // São Paulo, 17 February 2019: 24:00 becomes 23:00 of the day that was about to end.
    let back = || changing(-120, "2019-02-17T02:00:00Z", -180);
    assert_eq!(periods("2019-02-17T12:00:00Z", back())[0], "2019-02-17T03:00");
    assert_eq!(periods("2019-02-17T02:30:00Z", back())[0], "2019-02-16T02:00");
}

#[test]
fn a_clock_beyond_reason_does_no_harm() {
    for now in [i64::MIN, -1, i64::MAX] {
        for offset in [i32::MIN, 0, i32::MAX] {
            let _ = Periods::at(UnixMillis(now), &|_| offset);
        }
    }
}
