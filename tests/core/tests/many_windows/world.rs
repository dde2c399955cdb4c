//! Windows on one machine, their store, the network and the server, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use godoty_core::auth::{Millis, Supabase};
use godoty_core::device::Device;
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::{BaseUrl, Request, Response, TransportError};
use godoty_core::network::NetworkCause;
use godoty_core::oauth::Way;
use godoty_core::secret::Secret;
use godoty_core::session::{
    Answer, Ask, Change, Config, Event, HttpId, Input, Output, RequestId, Session, SignedOutReason, Start, StoreError,
    StoreId,
};

use crate::history::{History, Op};
use crate::server::{Server, parameter, refresh_token_of};
use crate::store::{Kind, Store, Telling, Ticket};

/// After this time a lock whose holder is gone or stands still is taken over, in milliseconds.
const STALE_MS: u64 = 10_000;
/// The time limit of a call, in milliseconds.
const LIMIT_MS: u64 = 20_000;

/// Why a run failed.
pub(crate) type Failure = String;

#[derive(Debug)]
enum What {
    Input(Input),
    Load(StoreId, bool),
    Begin(StoreId, bool),
    End(StoreId, Change),
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
    /// Whether an update is open, for the stores without a lock.
    updating: bool,
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
    /// Callbacks that were answered with a session, by nonce.
    completed: BTreeMap<String, usize>,
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
            completed: BTreeMap::new(),
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
            What::Timer(timer) if timer == self.windows[due.window].timer => self.input(due.window, Input::Wake),
            What::Thaw if self.windows[due.window].stands_until <= self.now => self.thaw(due.window),
            What::Thaw | What::Timer(_) | What::Arrive(..) => {}
        }
    }

    // ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    fn open(&mut self, window: usize) {
        if self.windows[window].machine.is_some() {
            return;
        }
        self.store.open(window);
        let config = Config {
            supabase: Supabase {
                base: BaseUrl::parse("https://example.supabase.co").unwrap(),
                publishable_key: "sb_publishable_x".into(),
            },
            litellm: BaseUrl::parse("https://models.example.org").unwrap(),
            device: Device {
                id: "d".into(),
                name: "n".into(),
            },
        };
        let epoch = self.windows[window].epoch + 1;
        self.windows[window] = Window {
            machine: Some(Session::new(config)),
            epoch,
            ..Window::default()
        };
        self.input(window, Input::Focused(window == 0));
        self.ask(window, "restore", Ask::Restore);
    }

    fn thaw(&mut self, window: usize) {
        for due in std::mem::take(&mut self.windows[window].held) {
            self.due.push(Reverse(Due { at: self.now, ..due }));
        }
    }

    /// The window stands still from now on, for so many milliseconds.
    fn freeze(&mut self, window: usize, time: u64) {
        let until = self.windows[window].stands_until.max(self.now + time);
        self.windows[window].stands_until = until;
        self.later(until - self.now, window, What::Thaw);
    }

    fn ask(&mut self, window: usize, name: &'static str, ask: Ask) -> Option<u32> {
        self.windows[window].machine.as_ref()?;
        self.requests += 1;
        let request = self.requests;
        self.windows[window].open.insert(request, name);
        let input = Input::Ask(RequestId(request), ask);
        // A window that stands still takes nothing in.
        self.later(0, window, What::Input(input));
        Some(request)
    }

    fn input(&mut self, window: usize, input: Input) {
        let now = self.local();
        let Some(machine) = &mut self.windows[window].machine else {
            return;
        };
        machine.handle(input, now);
        let mut outputs = Vec::new();
        while let Some(output) = machine.poll() {
            outputs.push(output);
        }
        if outputs.len() > 200 {
            self.fail("it does not come to rest");
        }
        for output in outputs {
            self.perform(window, output);
        }
    }

    fn perform(&mut self, window: usize, output: Output) {
        match output {
            Output::SendHttp(id, request) => self.send(window, id, request),
            Output::CancelHttp(_) => {}
            Output::Load(id) => {
                let delay = self.dice(20);
                let fails = std::mem::take(&mut self.windows[window].store_breaks);
                self.store_faults += usize::from(fails);
                self.later(delay, window, What::Load(id, fails));
            }
            Output::BeginUpdate(id) => {
                let fails = std::mem::take(&mut self.windows[window].store_breaks);
                self.store_faults += usize::from(fails);
                if fails || self.history.kind != Kind::Vault {
                    self.later(1, window, What::Begin(id, fails));
                } else {
                    let epoch = self.windows[window].epoch;
                    self.store.waiting.push_back(Ticket { window, epoch, id });
                    self.grant();
                }
            }
            Output::EndUpdate(id, change) => {
                let delay = self.dice(30);
                self.later(delay, window, What::End(id, change));
            }
            Output::WakeAt(at) => {
                let delay = at.0.saturating_sub(self.local().0);
                self.windows[window].timer += 1;
                let timer = self.windows[window].timer;
                self.later(delay, window, What::Timer(timer));
            }
            Output::Emit(event) => self.hear(window, &event),
            Output::Reply(RequestId(request), reply) => self.answered(window, request, reply),
        }
    }

    fn hear(&mut self, window: usize, event: &Event) {
        match event {
            Event::SignedOut(account, reason) => {
                let id = &account.session_id;
                let ended = self.server.ended(id);
                let fine = match reason {
                    SignedOutReason::Expired => ended,
                    SignedOutReason::User => {
                        self.excused.insert(id.clone());
                        true
                    }
                    SignedOutReason::Elsewhere => {
                        ended
                            || self.excused.contains(id)
                            // A store that fails holds other sessions than memory, and so does a window's own copy.
                            || self.store_faults + self.freezes() > 0
                            || self.history.kind == Kind::Private
                    }
                };
                if !fine {
                    self.fail(format!("window {window} lost {id} ({reason:?}) that nobody ended"));
                }
            }
            Event::StoredSessionUnreadable => self.fail("the stored text can't be read"),
            Event::SignedIn(_) | Event::Refreshed(_) | Event::StoreFailed => {}
        }
    }

    fn answered(&mut self, window: usize, request: u32, reply: Result<Answer, Error>) {
        let Some(name) = self.windows[window].open.remove(&request) else {
            return self.fail("an answer that nobody waits for");
        };
        match (name, reply) {
            ("begin", Ok(Answer::Pending { nonce, url })) => {
                self.browser = url;
                let waiting = self.ask(window, "await", Ask::Await { nonce: nonce.clone() });
                if let Some(waiting) = waiting {
                    self.nonce_of.insert((window, waiting), nonce);
                }
            }
            ("callback", Ok(Answer::Completed(_, Way::Github))) => {
                let nonce = self.nonce_of.remove(&(window, request)).unwrap();
                let times = self.completed.entry(nonce).or_default();
                *times += 1;
                // A window whose store fails has only its memory to go by, and one that stood still has lost its lock: either
                // may take a second consent to the same flow.
                if *times > 1 + self.store_faults + self.stood_still() {
                    self.fail("a flow was completed twice");
                }
            }
            (_, Err(error)) if matches!(error.code, ErrorCode::Internal) => self.fail(format!("{name}: {error:?}")),
            _ => {}
        }
    }

    // ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Gives the vault's lock to the next one that waits and still lives.
    fn grant(&mut self) {
        while self.store.holder.is_none() {
            let Some(next) = self.store.waiting.pop_front() else {
                return;
            };
            if self.windows[next.window].epoch == next.epoch && self.windows[next.window].machine.is_some() {
                self.store.holder = Some(next);
                self.later(2, next.window, What::Begin(next.id, false));
                self.watch(next);
            }
        }
    }

    /// A holder that is gone or stands still loses the lock after a while.
    fn watch(&mut self, holder: Ticket) {
        let window = &self.windows[holder.window];
        let gone = window.epoch != holder.epoch || window.machine.is_none();
        if gone || window.stands_until > self.now + STALE_MS {
            // Another window finds out when it wants the lock: here, whoever looks next.
            self.store.holder = None;
            self.grant();
        }
    }

    fn begin(&mut self, window: usize, id: StoreId, fails: bool) {
        let ticket = Ticket {
            window,
            epoch: self.windows[window].epoch,
            id,
        };
        let lost = self.history.kind == Kind::Vault && self.store.holder != Some(ticket);
        if fails || lost {
            self.windows[window].failed_begin = Some(id);
            return self.input(window, Input::UpdateBegan(id, Err(StoreError)));
        }
        self.windows[window].updating = true;
        let value = self.store.read(window);
        self.input(window, Input::UpdateBegan(id, Ok(value)));
    }

    fn end(&mut self, window: usize, id: StoreId, change: Change) {
        self.windows[window].updating = false;
        if self.windows[window].failed_begin.take() == Some(id) {
            return self.input(window, Input::UpdateEnded(id, Err(StoreError)));
        }
        if self.history.kind == Kind::Vault {
            let ticket = Ticket {
                window,
                epoch: self.windows[window].epoch,
                id,
            };
            if self.store.holder != Some(ticket) {
                return self.input(window, Input::UpdateEnded(id, Err(StoreError)));
            }
            self.store.holder = None;
        }
        if change != Change::Keep
            && self.history.kind == Kind::Shared
            && self.windows.iter().any(|other| other.updating)
        {
            // Without a lock the later of two updates undoes the earlier one.
            self.excuse();
        }
        if self.store.write(window, change) {
            self.tell(window);
        }
        self.grant();
        self.input(window, Input::UpdateEnded(id, Ok(())));
    }

    /// Whoever loses a session of now does so with a reason.
    fn excuse(&mut self) {
        self.excused
            .extend((0..self.server.known()).map(|number| format!("s{number}")));
    }

    fn tell(&mut self, writer: usize) {
        for window in 0..self.windows.len() {
            if window == writer || self.windows[window].machine.is_none() {
                continue;
            }
            let times = match self.history.telling {
                Telling::Delayed => 1,
                Telling::Doubled => 2,
                Telling::Missing => self.dice(2),
            };
            for _ in 0..times {
                let delay = self.dice(3_000);
                self.later(delay, window, What::Input(Input::StoreChanged));
            }
        }
    }

    // ── the network ──────────────────────────────────────────────────────────────────────────────────────────────────

    fn send(&mut self, window: usize, id: HttpId, request: Request) {
        if let Some(token) = refresh_token_of(&request) {
            self.refresh_sent(window, &token);
        }
        if !self.online {
            self.lost += 1;
            let error = TransportError::Network(NetworkCause::Offline);
            return self.later(50, window, What::Input(Input::Http(id, Err(error))));
        }
        if std::mem::take(&mut self.lose_request) {
            self.lost += 1;
            return self.later(
                LIMIT_MS,
                window,
                What::Input(Input::Http(id, Err(TransportError::Timeout))),
            );
        }
        let delay = 10 + self.dice(400);
        self.later(delay, window, What::Arrive(id, Box::new(request)));
    }

    /// The rule for refreshes on the vault: one at a time, and with the token that the store holds now.
    fn refresh_sent(&mut self, window: usize, token: &str) {
        // A window that stood still may have lost the lock before it could write: then its memory is ahead of the store.
        if self.history.kind != Kind::Vault || self.store_faults + self.freezes() > 0 {
            return;
        }
        let stored = self.store.read(window);
        if !stored.is_some_and(|text| text.expose().contains(&format!("\"refresh_token\":\"{token}\""))) {
            self.fail(format!(
                "window {window} sent {token}, which is not what the store holds"
            ));
        }
        if self.store.holder.is_none_or(|holder| holder.window != window) {
            self.fail(format!("window {window} refreshes without the lock"));
        }
    }

    fn arrive(&mut self, window: usize, epoch: u32, id: HttpId, request: &Request) {
        let before = self.server.known();
        let response = self.server.answer(request, self.now);
        if self.server.known() > before {
            // Who signs in leaves what was there.
            self.excused.extend((0..before).map(|number| format!("s{number}")));
        }
        if self.windows[window].epoch != epoch {
            return;
        }
        let lost = std::mem::take(&mut self.lose_reply);
        self.lost += usize::from(lost || response.status == 503);
        let (delay, result): (_, Result<Response, _>) = if lost {
            (LIMIT_MS - 500, Err(TransportError::Timeout))
        } else {
            (10 + self.dice(400), Ok(response))
        };
        self.later(delay, window, What::Input(Input::Http(id, result)));
    }

    // ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn apply(&mut self, op: Op) {
        let count = self.windows.len();
        match op {
            Op::Token(window) => drop(self.ask(window % count, "token", Ask::AccessToken)),
            Op::Call(window) => {
                let ask = Ask::Rpc {
                    function: "profile",
                    body: "{}".into(),
                };
                self.ask(window % count, "call", ask);
            }
            Op::SignIn(window) => drop(self.ask(window % count, "sign in", self.start(Way::Password))),
            Op::SignOut(window) => {
                self.excuse();
                self.ask(window % count, "sign out", Ask::SignOut);
            }
            Op::Begin(window) => drop(self.ask(window % count, "begin", self.start(Way::Github))),
            Op::Callback(window, times) => self.callback(window % count, times),
            Op::CancelWait(window) => {
                let window = window % count;
                let waiting = self.windows[window].open.iter().find(|(_, name)| **name == "await");
                if let Some((request, _)) = waiting {
                    let request = RequestId(*request);
                    self.later(0, window, What::Input(Input::Cancel(request)));
                }
            }
            Op::Focus(focused) => {
                for window in 0..count {
                    self.later(0, window, What::Input(Input::Focused(window == focused % count)));
                }
            }
            Op::Kill(window) => {
                let window = window % count;
                self.kills += usize::from(self.windows[window].machine.is_some());
                self.windows[window].machine = None;
                self.windows[window].epoch += 1;
                self.windows[window].updating = false;
                if let Some(holder) = self.store.holder.filter(|holder| holder.window == window) {
                    self.now += STALE_MS;
                    self.watch(holder);
                }
            }
            Op::Open(window) => self.open(window % count),
            Op::Sleep(time) => {
                for window in 0..count {
                    self.freeze(window, time);
                }
                self.run_until(self.now + time);
            }
            Op::Freeze(window, time) => {
                let window = window % count;
                self.freeze(window, time);
                if let Some(holder) = self.store.holder.filter(|holder| holder.window == window) {
                    self.watch(holder);
                }
            }
            Op::Online(online) => self.online = online,
            Op::Down(down) => self.server.down = down,
            Op::LoseRequest => self.lose_request = true,
            Op::LoseReply => self.lose_reply = true,
            Op::BreakStore(window) => self.windows[window % count].store_breaks = true,
            Op::EndSessions => self.server.end_all(),
            Op::Clock(by) => {
                self.clock = (self.clock + by).clamp(-40_000_000_000, 400_000_000_000);
                self.jumps += 1;
            }
        }
    }

    fn start(&self, way: Way) -> Ask {
        let number = self.requests;
        Ask::Start(Box::new(Start {
            way,
            email: "u1@example.org".into(),
            password: Secret::from("p"),
            redirect_to: Some("vscode://godoty.godoty/auth/callback".into()),
            create_user: false,
            user_id: String::new(),
            nonce: format!("nonce-{number}"),
            verifier: Secret::new(format!("{number:-<60}")),
        }))
    }

    /// The user consents, and the same callback reaches a window, so many times; and another one.
    fn callback(&mut self, window: usize, times: u8) {
        let Some(url) = self.browser.clone() else { return };
        // Without a lock, only the server's single use of a code keeps two windows apart: there the user consents once.
        let (server, now) = (&mut self.server, self.now);
        let code = if self.history.kind == Kind::Vault {
            server.consent(&url, now)
        } else {
            self.codes
                .entry(url.clone())
                .or_insert_with(|| server.consent(&url, now))
                .clone()
        };
        let redirect = parameter(&url, "redirect_to");
        let (_, nonce) = redirect.rsplit_once("nonce%3D").unwrap();
        let text = format!("vscode://godoty.godoty/auth/callback?nonce={nonce}&code={code}");
        for turn in 0..times {
            let window = (window + usize::from(turn)) % self.windows.len();
            let ask = Ask::Callback {
                text: Secret::from(text.as_str()),
                pasted: false,
            };
            if let Some(request) = self.ask(window, "callback", ask) {
                self.nonce_of.insert((window, request), nonce.to_owned());
            }
        }
    }

    // ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// All is well again: whoever is signed in must be so in every window, and every caller must have had an answer.
    fn heal(mut self) -> Result<Tally, Failure> {
        self.online = true;
        self.server.down = false;
        (self.lose_request, self.lose_reply) = (false, false);
        for window in 0..self.windows.len() {
            self.windows[window].store_breaks = false;
            self.windows[window].stands_until = self.now;
            self.thaw(window);
        }
        // What is under way comes to its end; what waits for a browser is given up.
        self.run_until(self.now + 70_000.max(2 * self.history.life));
        for window in 0..self.windows.len() {
            let awaited = self.windows[window].open.iter().filter(|(_, name)| **name == "await");
            for request in awaited.map(|(request, _)| *request).collect::<Vec<_>>() {
                self.later(1, window, What::Input(Input::Cancel(RequestId(request))));
            }
        }
        for _ in 0..2 {
            for window in 0..self.windows.len() {
                self.open(window);
                self.ask(window, "last token", Ask::AccessToken);
            }
            self.run_until(self.now + 65_000);
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        for (window, state) in self.windows.iter().enumerate() {
            if let Some(name) = state.open.values().next() {
                return Err(format!("window {window} never answered: {name}"));
            }
        }
        let faults = self.lost + self.kills + self.store_faults + self.jumps + self.freezes();
        let guaranteed = match self.history.kind {
            // A window that stood still with a request under way has lost its lock to others.
            Kind::Vault => self.store_faults < 2 && self.stood_still() == 0,
            // Without a lock, a window that is late may send a token that others have used twice meanwhile.
            Kind::Shared => faults == 0,
            Kind::Private => false,
        };
        if guaranteed && self.server.reuse_revocations > 0 {
            return Err("a used refresh token was sent, and the server ended the session".into());
        }
        let accounts: BTreeSet<_> = self
            .windows
            .iter()
            .map(|window| {
                window
                    .machine
                    .as_ref()
                    .and_then(Session::account)
                    .map(|account| account.session_id.clone())
            })
            .collect();
        let agreeing = self.history.kind != Kind::Private && self.store_faults == 0 && self.stood_still() == 0;
        if agreeing && accounts.len() != 1 {
            return Err(format!("the windows do not agree: {accounts:?}"));
        }
        if self.server.redeemed.values().any(|times| *times > 1) {
            return Err("a code was redeemed twice".into());
        }
        // One new token for each that was due; a repeat only where something was lost on the way.
        if self.history.kind == Kind::Vault && self.server.repeats > faults {
            return Err(format!("{} repeats with {faults} faults", self.server.repeats));
        }
        Ok(Tally {
            rotations: self.server.rotations,
            repeats: self.server.repeats,
            revocations: if guaranteed { self.server.reuse_revocations } else { 0 },
            completed: self.completed.len(),
        })
    }

    /// How often a single window stood still while the others went on.
    fn stood_still(&self) -> usize {
        let alone = |op: &&(u64, Op)| matches!(op.1, Op::Freeze(..));
        self.history.steps.iter().filter(alone).count()
    }

    fn freezes(&self) -> usize {
        let stands = |op: &&(u64, Op)| matches!(op.1, Op::Freeze(..) | Op::Sleep(_));
        self.history.steps.iter().filter(stands).count()
    }
}
