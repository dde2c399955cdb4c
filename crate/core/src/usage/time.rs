//! Moments and days, without a clock.

use alloc::format;
use alloc::string::String;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

/// A day: so many days after 1970-01-01, by the ledger's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i64);

impl Day {
    pub(super) fn of(moment: UnixMillis, utc_offset_minutes: i32) -> Self {
        let local = moment
            .0
            .saturating_add(i64::from(utc_offset_minutes).saturating_mul(60_000));
        Self(local.div_euclid(MILLIS_PER_DAY))
    }
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
        part(60_000, 60),
        part(1000, 60),
        part(1, 1000)
    )
}

/// Year, month and day of a count of days since 1970-01-01 (Howard Hinnant's `civil_from_days`).
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the caller clamps days to the years 1970 to 9999"
)]
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}
