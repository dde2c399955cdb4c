//! What must hold, during a history and after it.

use super::*;

impl World {
    pub(super) fn hear(&mut self, window: usize, event: &Event) {
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
                            // Of two sign-ins the one that the store has stands, and not the one that it never took.
                            || (self.store.is_signed_in() && !self.store.has_held(id))
                            // A window's own copy holds another session than memory.
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

    pub(super) fn answered(&mut self, window: usize, request: u32, reply: Result<Answer, Error>) {
        let Some(name) = self.windows[window].open.remove(&request) else {
            return self.fail("an answer that nobody waits for");
        };
        match (name, reply) {
            ("begin", Ok(Answer::Pending { nonce, url })) => {
                self.browser = url;
                self.begun.insert(nonce.clone(), self.local());
                let waiting = self.ask(window, "await", Ask::Await { nonce: nonce.clone() });
                if let Some(waiting) = waiting {
                    self.nonce_of.insert((window, waiting), nonce);
                }
            }
            ("callback", Ok(Answer::Completed(account, Way::Github))) => {
                let nonce = self.nonce_of.remove(&(window, request)).unwrap();
                let acts = if self.is_busy() { usize::MAX } else { self.acts };
                if self.completed.insert(nonce, (account.session_id, acts)).is_some() {
                    self.fail("a flow was completed twice");
                }
            }
            ("sign out", Ok(Answer::Done)) => {
                let left = !self.is_busy() && !self.has_unstored();
                self.left = left.then(|| (self.acts, self.server.known()));
            }
            // Who waits learns how the flow ended, unless a user has gone on meanwhile.
            ("await", Err(error)) => {
                let nonce = self.nonce_of.remove(&(window, request)).unwrap();
                // By the clock of this machine its time may end while the code is on its way.
                let (began, now) = (self.begun[&nonce], self.local());
                let over = now.since(began) >= LIFETIME_MS || began.since(now) > 60_000;
                let led_here = self
                    .completed
                    .get(&nonce)
                    .filter(|_| !over && !self.given_up.contains(&nonce));
                let stands = led_here.is_some_and(|(id, acts)| *acts == self.acts && !self.server.ended(id));
                if stands && self.history.kind != Kind::Private && self.collisions == 0 {
                    self.fail(format!("{nonce} led to a session, and window {window} heard {error:?}"));
                }
            }
            (_, Err(error)) if matches!(error.code, ErrorCode::Internal) => self.fail(format!("{name}: {error:?}")),
            _ => {}
        }
    }

    /// Whether a window is just doing what a user told it to.
    fn is_busy(&self) -> bool {
        let acting = |name: &&str| matches!(*name, "sign in" | "sign out" | "begin");
        self.windows.iter().any(|window| window.open.values().any(acting))
    }

    /// Whether a window holds a sign-in that the store never took. Nobody else knows of it: it stands until it is stored, or
    /// somebody signs in elsewhere.
    fn has_unstored(&self) -> bool {
        self.windows.iter().any(|window| {
            let account = window.machine.as_ref().and_then(Session::account);
            account.is_some_and(|account| !self.store.has_held(&account.session_id))
        })
    }

    /// Who signed out, and did nothing since, has left nothing: no session and no key, in no window and not in the store.
    fn is_left(&self) -> bool {
        let key = |text: Secret| text.expose().contains("\"sk-");
        let left = |machine: &Session| machine.account().is_none() && machine.key_of(self.local()).is_none();
        !self.store.read(0).is_some_and(key)
            && self
                .windows
                .iter()
                .all(|window| window.machine.as_ref().is_none_or(left))
    }

    /// All is well again: whoever is signed in must be so in every window, and every caller must have had an answer.
    pub(super) fn heal(mut self) -> Result<Tally, Failure> {
        self.online = true;
        self.server.down = false;
        (self.lose_request, self.lose_reply) = (false, false);
        for window in 0..self.windows.len() {
            self.windows[window].store_breaks = false;
            self.windows[window].writes_break = 0;
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
            Kind::Vault => true,
            // Without a lock a write may bring back a token that others have used twice meanwhile.
            Kind::Shared => self.collisions == 0,
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
        if self.history.kind != Kind::Private && accounts.len() != 1 {
            return Err(format!("the windows do not agree: {accounts:?}"));
        }
        if self.history.kind == Kind::Vault && self.left == Some((self.acts, self.server.known())) && !self.is_left() {
            return Err("somebody signed out, and something is left".into());
        }
        if self.server.redeemed.values().any(|times| *times > 1) {
            return Err("a code was redeemed twice".into());
        }
        // One new token for each that was due; a repeat only where something was lost on the way, or where no lock keeps apart the
        // windows that meet.
        let repeats = match self.history.kind {
            Kind::Vault => faults,
            Kind::Shared => faults + self.meetings + self.collisions,
            Kind::Private => usize::MAX,
        };
        if self.server.repeats > repeats {
            return Err(format!("{} repeats with {faults} faults", self.server.repeats));
        }
        Ok(Tally {
            rotations: self.server.rotations,
            repeats: self.server.repeats,
            revocations: if guaranteed { self.server.reuse_revocations } else { 0 },
            completed: self.completed.len(),
            collisions: self.collisions,
        })
    }

    pub(super) fn freezes(&self) -> usize {
        let stands = |op: &&(u64, Op)| matches!(op.1, Op::Freeze(..) | Op::Sleep(_));
        self.history.steps.iter().filter(stands).count()
    }
}
