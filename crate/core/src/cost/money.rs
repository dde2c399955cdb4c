//! Amounts and prices as integers, their decimal text, and the text for people.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::Cost;

/// Decimals of a price: those in use have up to 24.
const PRICE_DECIMALS: i32 = 24;
/// Decimals of an amount.
const MONEY_DECIMALS: i32 = 12;
/// One pico-USD in a price's unit, and one USD in an amount's.
const TRILLION: i128 = 1_000_000_000_000;

/// An amount of money, a whole number of pico-USD (10⁻¹² USD), never negative.
///
/// It crosses the boundary as the decimal text of that number, for example `12300000`: a JavaScript number would not
/// hold it.
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
    pub(super) fn sum_of(lines: &[(u64, Price)]) -> Option<Self> {
        let exact = lines.iter().try_fold(0_i128, |sum, (tokens, price)| {
            i128::from(*tokens).checked_mul(price.0)?.checked_add(sum)
        })?;
        divide_half_up(exact, TRILLION).map(Self)
    }

    /// The whole number of pico-USD as text, which is how an amount crosses the boundary.
    #[must_use]
    pub fn to_pico_text(self) -> String {
        decimal(self.0, 0)
    }

    /// Decimal text in USD without trailing zeros, for example `0.000012345678`.
    #[must_use]
    pub fn to_usd_text(self) -> String {
        let text = decimal(self.0, 12);
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }

    /// For people: `$12.35` from one dollar on, `$0.0123` (four decimals) from one cent on, four significant digits
    /// below. Zero is `$0.00`, and nothing else is.
    #[must_use]
    pub fn format_usd(self) -> String {
        let mut decimals = if self.0 >= TRILLION || self.0 == 0 {
            2
        } else if self.0 >= TRILLION.checked_div(100).unwrap_or(1) {
            4
        } else {
            // The pico digits that are there, and so the zeros that lead.
            16_usize.saturating_sub(decimal(self.0, 0).len()).min(12)
        };
        let unit = power_of_ten(12_usize.saturating_sub(decimals)).unwrap_or(1);
        let mut text = decimal(divide_half_up(self.0, unit).unwrap_or(0), decimals);
        while decimals > 2 && text.ends_with('0') {
            text.pop();
            decimals = decimals.saturating_sub(1);
        }
        text.insert(0, '$');
        text
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format_usd())
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
        Money::sum_of(&[(1_000_000, self)])
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

/// A whole number of 10^-decimals as decimal text.
fn decimal(number: i128, decimals: usize) -> String {
    let mut rest = number;
    let mut backwards = String::new();
    let mut places = 0_usize;
    loop {
        let digit = rest.checked_rem(10).and_then(|digit| u8::try_from(digit).ok());
        backwards.push(char::from(b'0'.saturating_add(digit.unwrap_or(0))));
        rest = rest.checked_div(10).unwrap_or(0);
        places = places.saturating_add(1);
        if rest == 0 && places > decimals {
            return backwards.chars().rev().collect();
        }
        if places == decimals {
            backwards.push('.');
        }
    }
}

fn power_of_ten(exponent: usize) -> Option<i128> {
    (0..exponent).try_fold(1_i128, |power, _| power.checked_mul(10))
}

/// Takes a sign off; says whether it was a minus.
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Reads a decimal number as a whole number of 10^-decimals, rounded half up.
fn parse_scaled(text: &str, decimals: i32) -> Option<i128> {
    let (negative, mut rest) = sign(text.as_bytes());
    let mut number = 0_i128;
    let mut shift = decimals;
    let mut kept = 0_i32;
    let (mut any, mut fractional) = (false, false);
    while let [byte, after @ ..] = rest {
        rest = after;
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'.' if !fractional => {
                fractional = true;
                continue;
            }
            b'e' | b'E' => {
                shift = shift.checked_add(exponent(rest)?)?;
                break;
            }
            _ => return None,
        };
        any = true;
        let step = if kept < 36 {
            number = number.checked_mul(10)?.checked_add(i128::from(digit))?;
            kept = kept.saturating_add(i32::from(number > 0));
            i32::from(fractional).checked_neg()?
        } else {
            // Digits beyond the 36th significant one are below anything that a price can mean.
            i32::from(!fractional)
        };
        shift = shift.checked_add(step)?;
    }
    if !any || (negative && number > 0) {
        return None;
    }
    if number == 0 {
        return Some(0);
    }
    let power = power_of_ten(usize::try_from(shift.unsigned_abs()).ok()?);
    if shift >= 0 {
        number.checked_mul(power?)
    } else {
        power.map_or(Some(0), |power| divide_half_up(number, power))
    }
}

/// The digits behind an `e`. A million is as good as infinite.
fn exponent(text: &[u8]) -> Option<i32> {
    let (down, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0_i32, |size, digit| {
        let digit = i32::from(digit.wrapping_sub(b'0'));
        size.saturating_mul(10).saturating_add(digit).min(1_000_000)
    });
    if down { size.checked_neg() } else { Some(size) }
}
