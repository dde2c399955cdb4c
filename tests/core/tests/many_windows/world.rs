//! Windows on one machine, their store, the network and the server, in virtual time.

mod locks;
mod network;
mod rules;
mod windows;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use godoty_core::auth::{Millis, Supabase};
use godoty_core::device::Device;
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::{BaseUrl, Request, Response, TransportError};
use godoty_core::network::NetworkCause;
use godoty_core::oauth::{LIFETIME_MS, Way};
use godoty_core::secret::Secret;
use godoty_core::session::{
    Answer, Ask, Change, Config, Event, HttpId, Input, Output, RequestId, Session, SignedOutReason, Start, StoreError,
    StoreId,
};
use serde_json::Value;

use crate::history::{History, Op};
use crate::server::{ENDPOINT, Server, claims_of, parameter, refresh_token_of};
use crate::store::{Kind, Store, Telling, Ticket};

/// After this time a lock whose holder is gone or stands still is taken over, in milliseconds.
const STALE_MS: u64 = 10_000;
/// The time limit of a call, in milliseconds.
const LIMIT_MS: u64 = 20_000;

/// What a refresh takes at most when nothing goes wrong, from the look at the store to the write, in milliseconds.
const ROUND_TRIP_MS: u64 = 1_000;

/// Why a run failed.
pub(crate) type Failure = String;

#[derive(Debug)]
enum What {
    Input(Input),
    Load(StoreId, bool),
    Begin(StoreId, bool),
    End(StoreId, Change),
    /// What was compared with the store a moment ago is written.
    Write(StoreId, Change),
    Arrive(HttpId, Box<Request>),
    Timer(u64),
    /// The window may go on.
    Thaw,
}

struct Due {
    at: u64,
    order: u64,
    window: usize,
    epoch: u32,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

#[derive(Default)]
struct Window {
    machine: Option<Session>,
    epoch: u32,
    stands_until: u64,
    /// What came while it stood still.
    held: Vec<Due>,
    timer: u64,
    /// Callers that wait: what they asked, and the nonce of what they wait for.
    open: BTreeMap<u32, &'static str>,
    store_breaks: bool,
    /// So many writes fail, as on a full disk.
    writes_break: u8,
    /// What the update that is open began with.
    began_with: Option<Secret>,
    failed_begin: Option<StoreId>,
}

pub(crate) struct World {
    history: History,
    now: u64,
    clock: i64,
    order: u64,
    random: u64,
    due: BinaryHeap<Reverse<Due>>,
    windows: Vec<Window>,
    store: Store,
    server: Server,
    online: bool,
    lose_request: bool,
    lose_reply: bool,
    requests: u32,
    /// Where a browser waits for consent: the last nonce and address.
    browser: Option<String>,
    /// The codes that the browser came back with, by address.
    codes: BTreeMap<String, String>,
    /// Sessions that a user left, or that had to make way: their loss is no fault.
    excused: BTreeSet<String>,
    /// The flows that somebody who waits has given up, by nonce.
    given_up: BTreeSet<String>,
    /// When a flow began, by this machine's clock and the flow's nonce.
    begun: BTreeMap<String, Millis>,
    /// The flows that led to a session, by nonce: to which, and how much users had done by then.
    completed: BTreeMap<String, (String, usize)>,
    /// How often a user signed in or out, began or gave up a flow, or an operator ended sessions.
    acts: usize,
    /// Who signed out last: how much users had done by then, and how many sessions had begun.
    left: Option<(usize, usize)>,
    /// Writes that met in the moment between a store's look and its write, which only a lock prevents.
    collisions: usize,
    /// Who sent a refresh token last, and when.
    sent: BTreeMap<String, (usize, u64)>,
    /// Refreshes that were sent while another window's with the same token was under way, which only a lock prevents.
    meetings: usize,
    nonce_of: BTreeMap<(usize, u32), String>,
    lost: usize,
    kills: usize,
    store_faults: usize,
    jumps: usize,
    failure: Option<Failure>,
}

/// Runs a history; says what went wrong.
pub(crate) fn run(history: &History) -> Result<Tally, Failure> {
    let mut world = World::new(history.clone());
    for (pause, op) in history.steps.clone() {
        world.run_until(world.now + pause);
        world.apply(op);
        if let Some(failure) = world.failure.take() {
            return Err(failure);
        }
    }
    world.heal()
}

/// What a run was like.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rotations: usize,
    pub(crate) repeats: usize,
    pub(crate) revocations: usize,
    pub(crate) completed: usize,
    pub(crate) collisions: usize,
}

impl World {
    fn new(history: History) -> Self {
        let mut world = Self {
            now: 1_800_000_000_000,
            clock: 0,
            order: 0,
            random: history.salt | 1,
            due: BinaryHeap::new(),
            windows: (0..history.windows).map(|_| Window::default()).collect(),
            store: Store::new(history.kind),
            server: Server::new(history.life),
            online: true,
            lose_request: false,
            lose_reply: false,
            requests: 0,
            browser: None,
            codes: BTreeMap::new(),
            excused: BTreeSet::new(),
            given_up: BTreeSet::new(),
            begun: BTreeMap::new(),
            completed: BTreeMap::new(),
            acts: 0,
            left: None,
            collisions: 0,
            sent: BTreeMap::new(),
            meetings: 0,
            nonce_of: BTreeMap::new(),
            lost: 0,
            kills: 0,
            store_faults: 0,
            jumps: 0,
            failure: None,
            history,
        };
        for window in 0..world.windows.len() {
            world.open(window);
        }
        world.apply(Op::SignIn(0));
        world.run_until(world.now + 5_000);
        world
    }

    fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert(why.into());
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % sides
    }

    fn local(&self) -> Millis {
        Millis(self.now.saturating_add_signed(self.clock))
    }

    fn later(&mut self, delay: u64, window: usize, what: What) {
        self.order += 1;
        let epoch = self.windows[window].epoch;
        self.due.push(Reverse(Due {
            at: self.now + delay,
            order: self.order,
            window,
            epoch,
            what,
        }));
    }

    fn run_until(&mut self, end: u64) {
        while self.failure.is_none() {
            let Some(Reverse(due)) = self.due.pop() else { break };
            if due.at > end {
                self.due.push(Reverse(due));
                break;
            }
            self.now = self.now.max(due.at);
            self.happen(due);
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, due: Due) {
        let window = &self.windows[due.window];
        if let What::Arrive(id, request) = due.what {
            // A server works whatever became of its caller.
            self.arrive(due.window, due.epoch, id, &request);
            return;
        }
        if window.epoch != due.epoch {
            return;
        }
        if window.stands_until > due.at && !matches!(due.what, What::Thaw) {
            self.windows[due.window].held.push(due);
            return;
        }
        match due.what {
            What::Input(input) => self.input(due.window, input),
            What::Load(id, fails) => {
                let value = if fails {
                    Err(StoreError)
                } else {
                    Ok(self.store.read(due.window))
                };
                self.input(due.window, Input::Loaded(id, value));
            }
            What::Begin(id, fails) => self.begin(due.window, id, fails),
            What::End(id, change) => self.end(due.window, id, change),
            What::Write(id, change) => self.write(due.window, id, change),
            What::Timer(timer) if timer == self.windows[due.window].timer => self.input(due.window, Input::Wake),
            What::Thaw if self.windows[due.window].stands_until <= self.now => self.thaw(due.window),
            What::Thaw | What::Timer(_) | What::Arrive(..) => {}
        }
    }
}
