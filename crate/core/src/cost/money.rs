//! Amounts and prices as integers, their decimal text, and the text for people.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Cost;

/// Decimals of a price: those in use have up to 24.
const PRICE_DECIMALS: i32 = 24;
/// Decimals of an amount.
const MONEY_DECIMALS: i32 = 12;
/// One pico-USD in a price's unit, and one USD in an amount's.
const TRILLION: i128 = 1_000_000_000_000;

/// An amount of money, a whole number of pico-USD (10⁻¹² USD), never negative.
///
/// Serialised as the decimal text of that number, for example `"12300000"`: a JavaScript number would not hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many pico-USD; `None` when negative.
    #[must_use]
    pub const fn from_pico(pico: i128) -> Option<Self> {
        if pico < 0 { None } else { Some(Self(pico)) }
    }

    /// The whole number of pico-USD.
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// Reads decimal text in USD (`0.0123`, `6.5999999999999995e-6`), rounded half up to 10⁻¹² USD; `None` when it is no
    /// number, negative, or out of range.
    #[must_use]
    pub fn parse_usd(text: &str) -> Option<Self> {
        parse_scaled(text, MONEY_DECIMALS).map(Self)
    }

    /// The sum, exact; stays at the greatest amount where it would not fit.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, or zero when `other` is greater.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        let difference = self.0.saturating_sub(other.0);
        Self(if difference < 0 { 0 } else { difference })
    }

    /// Tokens times their prices, added up exactly and rounded once, half up; `None` when out of range.
    pub(super) fn sum_of<const N: usize>(lines: [(u64, Price); N]) -> Option<Self> {
        let exact = lines.iter().try_fold(0_i128, |sum, (tokens, price)| {
            i128::from(*tokens).checked_mul(price.0)?.checked_add(sum)
        })?;
        divide_half_up(exact, TRILLION).map(Self)
    }

    /// Decimal text in USD without trailing zeros, for example `0.000012345678`.
    #[must_use]
    pub fn to_usd_text(self) -> String {
        let whole = self.0.checked_div(TRILLION).unwrap_or(0);
        let fraction = self.0.checked_rem(TRILLION).unwrap_or(0);
        let digits = format!("{fraction:012}");
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            whole.to_string()
        } else {
            format!("{whole}.{digits}")
        }
    }

    /// For people: `$12.35` from one dollar on, `$0.0123` (four decimals) from one cent on, four significant digits
    /// below. Zero is `$0.00`, and nothing else is.
    #[must_use]
    pub fn format_usd(self) -> String {
        let decimals = if self.0 >= TRILLION || self.0 == 0 {
            2
        } else if self.0 >= TRILLION.checked_div(100).unwrap_or(1) {
            4
        } else {
            // The pico digits that are there, and so the zeros that lead.
            let digits = self.0.checked_ilog10().unwrap_or(0).saturating_add(1);
            16_u32.saturating_sub(digits).min(12)
        };
        let unit = 10_i128.checked_pow(12_u32.saturating_sub(decimals)).unwrap_or(1);
        let scaled = divide_half_up(self.0, unit).unwrap_or(0);
        let one = 10_i128.checked_pow(decimals).unwrap_or(1);
        let whole = scaled.checked_div(one).unwrap_or(0);
        let fraction = scaled.checked_rem(one).unwrap_or(0);
        let width = usize::try_from(decimals).unwrap_or(2);
        let mut text = format!("${whole}.{fraction:0width$}");
        while text.ends_with('0') && text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 2) {
            text.pop();
        }
        text
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format_usd())
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("an amount is a whole number of pico-USD as text"))
    }
}

/// A price per token, a whole number of 10⁻²⁴ USD, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(i128);

impl Price {
    /// Reads decimal text in USD per token (`1.5e-07`), exactly up to 24 decimals and rounded half up beyond; `None` when
    /// it is no number, negative, or out of range.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_scaled(text, PRICE_DECIMALS).map(Self)
    }

    /// Half of it, rounded half up.
    pub(super) fn half(self) -> Self {
        Self(divide_half_up(self.0, 2).unwrap_or(0))
    }

    /// Its whole part, for numbers that are no prices.
    pub(super) fn whole(self) -> u64 {
        let unit = TRILLION.saturating_mul(TRILLION);
        self.0
            .checked_div(unit)
            .and_then(|whole| u64::try_from(whole).ok())
            .unwrap_or(u64::MAX)
    }

    /// What a million tokens cost: whole pico-USD, rounded half up.
    #[must_use]
    pub fn per_million(self) -> Option<Money> {
        Money::sum_of([(1_000_000, self)])
    }
}

/// What stands for a cost that nobody knows.
pub const UNKNOWN_COST: &str = "–";

/// A cost for people: `$0.0123`, `≈ $0.0123` when it is an estimate, `–` when there is no price.
#[must_use]
pub fn format_cost(cost: Cost) -> String {
    match cost.amount {
        None => UNKNOWN_COST.to_string(),
        Some(amount) if cost.source.is_estimate() => format!("≈ {amount}"),
        Some(amount) => amount.to_string(),
    }
}

fn divide_half_up(number: i128, by: i128) -> Option<i128> {
    let quotient = number.checked_div(by)?;
    let rest = number.checked_rem(by)?;
    if rest >= by.checked_sub(rest)? {
        quotient.checked_add(1)
    } else {
        Some(quotient)
    }
}

/// Reads a decimal number as a whole number of 10^-decimals, rounded half up.
fn parse_scaled(text: &str, decimals: i32) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (down, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    if exponent.is_empty() || !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A million is as good as infinite, and so is what does not fit.
    let exponent = exponent
        .parse::<i32>()
        .map_or(1_000_000, |exponent| exponent.min(1_000_000));
    let exponent = if down { exponent.checked_neg()? } else { exponent };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0_i128;
    let mut shift = decimals.checked_add(exponent)?;
    let mut kept = 0;
    for (fractional, digit) in whole
        .bytes()
        .map(|digit| (false, digit))
        .chain(fraction.bytes().map(|digit| (true, digit)))
    {
        if !digit.is_ascii_digit() {
            return None;
        }
        let step = if kept < 36 {
            number = number
                .checked_mul(10)?
                .checked_add(i128::from(digit.wrapping_sub(b'0')))?;
            if number > 0 {
                kept = i32::checked_add(kept, 1)?;
            }
            i32::from(fractional).checked_neg()?
        } else {
            // Digits beyond the 36th significant one are below anything that a price can mean.
            i32::from(!fractional)
        };
        shift = shift.checked_add(step)?;
    }
    if number == 0 {
        return Some(0);
    }
    if negative {
        return None;
    }
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        number.checked_mul(power?)
    } else {
        power.map_or(Some(0), |power| divide_half_up(number, power))
    }
}
