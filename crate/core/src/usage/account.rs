//! What the account says of its calls: the latest of them one by one, and the sums of those before.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::flat::Flat;
use super::record::read_list;
use super::{Call, Periods, Sums, Totals, UnixMillis, parse_rfc3339, rfc3339};
use crate::cost::Money;
use crate::error::{Error, ErrorCode};
use crate::json::{self, Malformed, Object, Scanner};

/// So many calls are asked for one by one; the account gives no more at once.
const PAGE: usize = 200;

/// The next question to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Requests,
    /// The sums from a moment on.
    Sums(UnixMillis),
    Quota,
}

/// Asks the account what was used, question by question.
///
/// The latest calls come one by one, so that they can be matched with this window's by their ids. Where a period reaches
/// further back than these, the account is asked for the sums of what lies before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The last one comes first.
    questions: Vec<Question>,
    periods: Periods,
    begun: bool,
    pub(super) calls: Vec<Call>,
    /// Calls up to this moment are in `sums` alone; `None` when `calls` has all that there are.
    pub(super) cut: Option<UnixMillis>,
    /// By where they begin; each ends with the cut.
    pub(super) sums: Vec<(UnixMillis, Sums)>,
    /// What the plan allows; `None` when the account has no plans.
    pub quota: Option<Quota>,
}

impl Reading {
    /// What to ask for these periods.
    #[must_use]
    pub fn new(periods: Periods) -> Self {
        Self {
            questions: [Question::Quota, Question::Requests].into(),
            periods,
            begun: false,
            calls: Vec::new(),
            cut: None,
            sums: Vec::new(),
            quota: None,
        }
    }

    /// Whether anything was asked. From then on nothing may be sent: what is queued is on no list of the account's.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// The function to call and its body; `None` when everything was answered.
    pub fn ask(&mut self) -> Option<(&'static str, String)> {
        let question = *self.questions.last()?;
        self.begun = true;
        Some(match question {
            Question::Requests => {
                let limit = u64::try_from(PAGE).unwrap_or(u64::MAX);
                let body = Object::new().raw("before", "null").number("limit", limit);
                ("usage_requests", body.end())
            }
            Question::Sums(start) => {
                let to = self.cut.map_or(0, |cut| cut.0).saturating_add(1);
                let body = Object::new()
                    .string("from", &rfc3339(start))
                    .string("to", &rfc3339(UnixMillis(to)))
                    .string("bucket", "month")
                    .string("timezone", "UTC");
                ("usage_summary", body.end())
            }
            Question::Quota => ("quota", Object::new().end()),
        })
    }

    /// Takes the answer to the question that [`ask`](Self::ask) gave.
    ///
    /// # Errors
    /// That of the answer, or `UNEXPECTED_RESPONSE`. The quota alone may be missing.
    pub fn answer(&mut self, answer: Result<String, Error>) -> Result<(), Error> {
        match self.questions.pop() {
            Some(Question::Requests) => {
                self.calls = parse(&answer?, read_list)?;
                if self.calls.len() >= PAGE {
                    self.cut = self.calls.iter().map(|call| call.occurred_at).min();
                }
                let Periods { today, week, month, .. } = self.periods;
                let before = |start: &UnixMillis| self.cut.is_some_and(|cut| *start <= cut);
                let starts = [today, week, month].into_iter().filter(before);
                self.questions.extend(starts.map(Question::Sums));
            }
            Some(Question::Sums(start)) => self.sums.push((start, parse(&answer?, read_sums)?)),
            Some(Question::Quota) => self.quota = answer.and_then(|body| Quota::read(&body)).ok(),
            None => {}
        }
        Ok(())
    }
}

fn read_sums(scanner: &mut Scanner<'_>) -> json::Result<Sums> {
    let mut sums = Sums::default();
    scanner.object(|scanner, key| {
        if key.is("totals") {
            sums.totals = totals(&Flat::read(scanner)?)?;
            sums.complete = true;
        } else if key.is("models") {
            scanner.array(|scanner| {
                let flat = Flat::read(scanner)?;
                *sums.model(flat.text("model").ok_or(Malformed)?) = totals(&flat)?;
                Ok(())
            })?;
        } else {
            scanner.skip_value()?;
        }
        Ok(())
    })?;
    if sums.complete { Ok(sums) } else { Err(Malformed) }
}

/// The account says only whether any part of a sum is an estimate, so the whole of it counts as one.
fn totals(flat: &Flat) -> json::Result<Totals> {
    let read = || {
        let calls = flat.count("requests")?;
        let unknown = flat.count("unknown_costs")?;
        let amount = Money::parse_usd(flat.text("cost_usd")?)?;
        let estimated = flat.count("estimated").is_some_and(|estimated| estimated > 0);
        Some(Totals {
            calls,
            amount,
            estimates: if estimated { calls.saturating_sub(unknown) } else { 0 },
            estimated_amount: if estimated { amount } else { Money::ZERO },
            unknown,
            usage: flat.usage()?,
        })
    };
    read().ok_or(Malformed)
}

/// How much of something may be used until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// So much was used.
    pub used: u64,
    /// So much may be used.
    pub limit: u64,
    /// When it begins anew.
    pub resets_at: UnixMillis,
}

/// What the account's plan allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The plan's name.
    pub plan: String,
    /// Tokens in this month.
    pub month: Option<Allowance>,
    /// Requests in this hour.
    pub hour: Option<Allowance>,
    /// Whether the account's keys are blocked for now.
    pub blocked: bool,
    /// The most tokens of an answer.
    pub max_output_tokens: Option<u32>,
}

impl Quota {
    /// Reads the answer of `quota`. What has no limit has no allowance.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is not that.
    pub fn read(body: &str) -> Result<Self, Error> {
        let flat = parse(body, Flat::read)?;
        let allowance = |used: &str, limit: &str, resets_at: &str| {
            Some(Allowance {
                used: flat.count(used)?,
                limit: flat.count(limit)?,
                resets_at: parse_rfc3339(flat.text(resets_at)?)?,
            })
        };
        Ok(Self {
            plan: flat.text("plan").ok_or(ErrorCode::UnexpectedResponse)?.to_string(),
            month: allowance("month.used", "month.limit", "month.resets_at"),
            hour: allowance("hour.used", "hour.limit", "hour.resets_at"),
            blocked: flat.count("blocked") == Some(1),
            max_output_tokens: flat
                .count("max_output_tokens")
                .and_then(|most| u32::try_from(most).ok())
                .filter(|most| *most > 0),
        })
    }
}

fn parse<T>(body: &str, read: fn(&mut Scanner<'_>) -> json::Result<T>) -> Result<T, Error> {
    let mut scanner = Scanner::new(body.as_bytes());
    let value = read(&mut scanner).and_then(|value| scanner.end().map(|()| value));
    value.map_err(|_| ErrorCode::UnexpectedResponse.into())
}
