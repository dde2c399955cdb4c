//! Sums over calls.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Call, Stage};
use crate::cost::{Cost, CostSource, Money, Usage};

/// A sum over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many calls.
    pub calls: u64,
    /// What the calls of a known cost cost together.
    pub amount: Money,
    /// How many of the amounts are estimates.
    pub estimates: u64,
    /// The part of the amount that is estimated.
    pub estimated_amount: Money,
    /// How many calls have no known cost and are not in the amount.
    pub unknown: u64,
    /// What they used.
    pub usage: Usage,
}

impl Totals {
    /// The sum as a cost: an estimate if any part of it is one, unknown if there is nothing but unknown costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        if self.calls > 0 && self.calls == self.unknown {
            return Cost::UNKNOWN;
        }
        let source = if self.estimates > 0 {
            CostSource::ProxyPrice
        } else {
            CostSource::Reported
        };
        Cost::known(self.amount, source)
    }

    /// The sum as it is shown; without estimates, those calls count as calls of an unknown cost.
    #[must_use]
    pub const fn shown(&self, show_estimates: bool) -> Self {
        if show_estimates {
            return *self;
        }
        Self {
            amount: self.amount.saturating_sub(self.estimated_amount),
            estimates: 0,
            estimated_amount: Money::ZERO,
            unknown: self.unknown.saturating_add(self.estimates),
            ..*self
        }
    }

    pub(super) fn add(&mut self, call: &Call) {
        let amount = call.cost.amount.unwrap_or_default();
        let stage = Stage::of(&call.cost);
        if stage == Stage::Estimate {
            self.estimated_amount = self.estimated_amount.saturating_add(amount);
        }
        self.calls = self.calls.saturating_add(1);
        self.estimates = self.estimates.saturating_add(u64::from(stage == Stage::Estimate));
        self.unknown = self.unknown.saturating_add(u64::from(stage == Stage::Unknown));
        self.amount = self.amount.saturating_add(amount);
        self.usage = self.usage.saturating_add(call.usage.unwrap_or_default());
    }
}

/// A sum over calls, and over those of each model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// Over all.
    pub totals: Totals,
    /// By the model's name, in the order of the names.
    pub models: Vec<(String, Totals)>,
    /// Whether the account's calls are in it; else it is this window's, and what else this window happens to know.
    pub complete: bool,
}

impl Sums {
    pub(super) fn add(&mut self, call: &Call) {
        self.totals.add(call);
        self.model(&call.model).add(call);
    }

    /// The totals of a model.
    pub(super) fn model(&mut self, name: &str) -> &mut Totals {
        let at = match self.models.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                self.models.insert(at, (String::from(name), Totals::default()));
                at
            }
        };
        // The index was just found; the fallback keeps the function total.
        let last = self.models.len().saturating_sub(1);
        match self.models.get_mut(at.min(last)) {
            Some((_, totals)) => totals,
            None => &mut self.totals,
        }
    }
}
