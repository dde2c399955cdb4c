//! Moments, days and months, without a clock.

use alloc::format;
use alloc::string::String;

const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

/// How many minutes the user's clock is ahead of UTC at a moment. It differs through the year where clocks are changed.
pub type Zone<'a> = &'a dyn Fn(UnixMillis) -> i32;

/// The beginnings of what usage is added up over, in the user's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// Midnight, or the first moment after it where clocks skip midnight.
    pub today: UnixMillis,
    /// The same of six days before: seven days with today.
    pub week: UnixMillis,
    /// The same of the month's first day.
    pub month: UnixMillis,
    /// The end of today.
    pub tomorrow: UnixMillis,
}

impl Periods {
    /// The periods that `now` lies in.
    #[must_use]
    pub fn at(now: UnixMillis, zone: Zone<'_>) -> Self {
        let day = local(now, zone).div_euclid(MILLIS_PER_DAY);
        let (_, _, of_month) = civil(day);
        let back = |days: i64| start_of_day(day.saturating_sub(days), zone);
        Self {
            today: back(0),
            week: back(6),
            month: back(of_month.saturating_sub(1)),
            tomorrow: back(-1),
        }
    }
}

/// What the user's clock shows, in milliseconds since its own 1970.
fn local(moment: UnixMillis, zone: Zone<'_>) -> i64 {
    moment.0.saturating_add(offset(moment, zone))
}

fn offset(moment: UnixMillis, zone: Zone<'_>) -> i64 {
    i64::from(zone(moment)).saturating_mul(MILLIS_PER_MINUTE)
}

/// The first moment of a day, given as the count of days since 1970-01-01. Where clocks change about midnight, the clock
/// of the day before and that of the day after give two candidates; the first that lies in the day begins it.
fn start_of_day(day: i64, zone: Zone<'_>) -> UnixMillis {
    let midnight = day.saturating_mul(MILLIS_PER_DAY);
    let before = offset(UnixMillis(midnight.saturating_sub(MILLIS_PER_DAY)), zone);
    let after = offset(UnixMillis(midnight.saturating_add(MILLIS_PER_DAY)), zone);
    let first = UnixMillis(midnight.saturating_sub(before.max(after)));
    if local(first, zone) >= midnight {
        return first;
    }
    UnixMillis(midnight.saturating_sub(before.min(after)))
}

/// A moment as RFC 3339 in UTC with milliseconds. Moments outside the years 1970 to 9999 are moved to the nearest end.
#[must_use]
pub fn rfc3339(moment: UnixMillis) -> String {
    // 9999-12-31T23:59:59.999Z
    let millis = moment.0.clamp(0, 253_402_300_799_999);
    let days = millis.div_euclid(MILLIS_PER_DAY);
    let rest = millis.rem_euclid(MILLIS_PER_DAY);
    let (year, month, day) = civil(days);
    let part = |unit: i64, count: i64| rest.div_euclid(unit).rem_euclid(count);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        part(3_600_000, 24),
        part(MILLIS_PER_MINUTE, 60),
        part(1000, 60),
        part(1, 1000)
    )
}

/// Reads RFC 3339, as `PostgreSQL` writes it in JSON too: with any number of decimals, which are cut to milliseconds.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<UnixMillis> {
    /// The least and the greatest of year, month, day, hour, minute and second, and what follows each.
    const PARTS: [(i64, i64, &[u8]); 6] = [
        (0, 9999, b"-"),
        (1, 12, b"-"),
        (1, 31, b"Tt "),
        (0, 23, b":"),
        (0, 59, b":"),
        (0, 60, b".Zz+-"),
    ];
    let rest = &mut text.as_bytes();
    let mut parts = [0_i64; 6];
    let mut mark = 0;
    for (part, (least, greatest, marks)) in parts.iter_mut().zip(PARTS) {
        *part = number(rest, if greatest > 60 { 4 } else { 2 })?;
        mark = next(rest)?;
        if *part < least || *part > greatest || !marks.contains(&mark) {
            return None;
        }
    }
    let mut millis = 0_i64;
    let mut unit = 100_i64;
    if mark == b'.' {
        mark = next(rest).filter(u8::is_ascii_digit)?;
        while let Some(digit) = digit(mark) {
            millis = millis.wrapping_add(digit.wrapping_mul(unit));
            unit /= 10;
            mark = next(rest)?;
        }
    }
    let [year, month, day, hour, minute, second] = parts;
    let mut minutes = days(year, month, day)
        .wrapping_mul(1440)
        .wrapping_add(hour.wrapping_mul(60))
        .wrapping_add(minute);
    if matches!(mark, b'+' | b'-') {
        let hours = number(rest, 2)?;
        next(rest).filter(|mark| *mark == b':')?;
        let ahead = hours.wrapping_mul(60).wrapping_add(number(rest, 2)?);
        minutes = minutes.wrapping_sub(if mark == b'+' { ahead } else { ahead.wrapping_neg() });
    } else if !matches!(mark, b'Z' | b'z') {
        return None;
    }
    let seconds = minutes.wrapping_mul(60).wrapping_add(second);
    rest.is_empty()
        .then(|| UnixMillis(seconds.wrapping_mul(1000).wrapping_add(millis)))
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))
}

/// Reads a number of so many digits: four at most, so that nothing wraps.
fn number(rest: &mut &[u8], digits: u8) -> Option<i64> {
    let mut number = 0_i64;
    for _ in 0..digits {
        number = number.wrapping_mul(10).wrapping_add(next(rest).and_then(digit)?);
    }
    Some(number)
}

/// Year, month and day of a count of days since 1970-01-01 (Howard Hinnant's `civil_from_days`).
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    civil_of_era(era, of_era)
}

#[expect(clippy::arithmetic_side_effects, reason = "a day of an era is below 146 097")]
const fn civil_of_era(era: i64, of_era: i64) -> (i64, i64, i64) {
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era.saturating_add(era.saturating_mul(400)) + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The count of days since 1970-01-01 (after Howard Hinnant's `days_from_civil`), of a year from 0 to 9999.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the caller has bounded year, month and day"
)]
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, and an era earlier, so that nothing is negative.
    let year = year + 400 - if month <= 2 { 1 } else { 0 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468 - 146_097
}
