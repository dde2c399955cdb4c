//! Histories: what users, machines and networks do, at random.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::store::{Kind, Telling};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    /// Somebody needs an access token.
    Token(usize),
    /// Somebody calls the backend.
    Call(usize),
    /// Somebody chats, which takes this device's key.
    Key(usize),
    SignIn(usize),
    SignOut(usize),
    /// A sign-in in the browser begins, and the window waits for it.
    Begin(usize),
    /// The user consents; the callback reaches this window, so many times.
    Callback(usize, u8),
    CancelWait(usize),
    Focus(usize),
    /// `kill -9`, and later a new window in its place.
    Kill(usize),
    Open(usize),
    /// The machine sleeps for so many milliseconds.
    Sleep(u64),
    /// One window stands still for so many milliseconds.
    Freeze(usize, u64),
    Online(bool),
    /// The auth server answers 503, or works again.
    Down(bool),
    LoseRequest,
    LoseReply,
    /// The store fails this window once.
    BreakStore(usize),
    /// The store takes nothing from this window for so many writes.
    BreakWrites(usize, u8),
    /// The operator ends all sessions.
    EndSessions,
    /// The clock is set by so many milliseconds.
    Clock(i64),
}

/// All that decides how a run goes.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) kind: Kind,
    pub(crate) telling: Telling,
    pub(crate) windows: usize,
    /// How long an access token lives, in milliseconds.
    pub(crate) life: u64,
    /// For delays on the way.
    pub(crate) salt: u64,
    /// Milliseconds since the step before, and what happens then.
    pub(crate) steps: Vec<(u64, Op)>,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn op() -> impl Strategy<Value = Op> {
    let window = || 0..20_usize;
    prop_oneof![
        8 => window().prop_map(Op::Token),
        4 => window().prop_map(Op::Call),
        2 => window().prop_map(Op::Key),
        2 => window().prop_map(Op::SignIn),
        1 => window().prop_map(Op::SignOut),
        3 => window().prop_map(Op::Begin),
        4 => (window(), 1..3_u8).prop_map(|(window, times)| Op::Callback(window, times)),
        1 => window().prop_map(Op::CancelWait),
        3 => window().prop_map(Op::Focus),
        2 => window().prop_map(Op::Kill),
        2 => window().prop_map(Op::Open),
        2 => (1..12 * HOUR).prop_map(Op::Sleep),
        2 => (window(), 1..4 * HOUR).prop_map(|(window, time)| Op::Freeze(window, time)),
        2 => any::<bool>().prop_map(Op::Online),
        1 => any::<bool>().prop_map(Op::Down),
        2 => Just(Op::LoseRequest),
        3 => Just(Op::LoseReply),
        1 => window().prop_map(Op::BreakStore),
        1 => (window(), 1..5_u8).prop_map(|(window, times)| Op::BreakWrites(window, times)),
        1 => Just(Op::EndSessions),
        1 => prop_oneof![-400 * 24 * 3_600_000_i64..400 * 24 * 3_600_000_i64, -120_000..120_000_i64].prop_map(Op::Clock),
    ]
}

/// A few steps: milliseconds, thousandths of a token's life, and what happens then. A sign-in in the browser takes two, with
/// little time between them.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, Op)>> {
    let moment = || prop_oneof![4 => 0..500_u64, 3 => 500..30_000_u64];
    let flow = (moment(), 0..20_usize, moment(), 0..20_usize, 1..3_u8);
    prop_oneof![
        12 => (moment(), lives(), op()).prop_map(|step| vec![step]),
        1 => flow.prop_map(|(pause, begun, wait, ended, times)| vec![
            (pause, 0, Op::Begin(begun)),
            (wait, 0, Op::Callback(ended, times)),
        ]),
    ]
}

/// In thousandths of a token's life.
fn lives() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 2 => 700..1100_u64, 1 => 1100..4000_u64]
}

/// Histories on a store of this kind.
pub(crate) fn history(kind: Kind) -> impl Strategy<Value = History> {
    let telling = prop_oneof![Just(Telling::Delayed), Just(Telling::Doubled), Just(Telling::Missing)];
    let life = prop_oneof![Just(5_000_u64), Just(5 * MINUTE), Just(HOUR), Just(24 * HOUR)];
    (telling, 2..=20_usize, life, any::<u64>(), vec(steps(), 5..60)).prop_map(
        move |(telling, windows, life, salt, steps)| History {
            kind,
            telling,
            windows,
            life,
            salt,
            steps: steps
                .into_iter()
                .flatten()
                .map(|(moment, lives, op)| (moment + lives * (life / 1000), op))
                .collect(),
        },
    )
}
