//! The store as the windows have it: who holds the lock, and what a write does.

use super::*;

impl World {
    /// Gives the vault's lock to the next one that waits and still lives.
    pub(super) fn grant(&mut self) {
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
    pub(super) fn watch(&mut self, holder: Ticket) {
        let window = &self.windows[holder.window];
        let gone = window.epoch != holder.epoch || window.machine.is_none();
        if gone || window.stands_until > self.now + STALE_MS {
            // Another window finds out when it wants the lock: here, whoever looks next.
            self.store.holder = None;
            self.grant();
        }
    }

    pub(super) fn begin(&mut self, window: usize, id: StoreId, fails: bool) {
        if fails || !self.may_write(window, id) {
            self.windows[window].failed_begin = Some(id);
            return self.input(window, Input::UpdateBegan(id, Err(StoreError)));
        }
        let value = self.store.read(window);
        self.windows[window].began_with.clone_from(&value);
        self.input(window, Input::UpdateBegan(id, Ok(value)));
    }

    /// Whether nobody took over this update's lock; where there is none, always.
    fn may_write(&self, window: usize, id: StoreId) -> bool {
        let epoch = self.windows[window].epoch;
        self.history.kind != Kind::Vault || self.store.holder == Some(Ticket { window, epoch, id })
    }

    pub(super) fn end(&mut self, window: usize, id: StoreId, change: Change) {
        let state = &mut self.windows[window];
        if state.failed_begin.take() == Some(id) {
            return self.input(window, Input::UpdateEnded(id, Err(StoreError)));
        }
        let writes = change != Change::Keep;
        let full = writes && state.writes_break > 0;
        if full {
            state.writes_break -= 1;
            self.store_faults += 1;
        }
        // A store looks once more before it writes: where no lock reaches the other windows, that is what there is.
        let outdated = writes && self.store.read(window) != self.windows[window].began_with;
        if full || outdated || !self.may_write(window, id) {
            return self.ended(window, id, Err(StoreError));
        }
        let gap = if self.history.kind == Kind::Vault {
            0
        } else {
            self.dice(4)
        };
        if writes && gap > 0 {
            self.later(gap, window, What::Write(id, change));
        } else {
            self.write(window, id, change);
        }
    }

    pub(super) fn write(&mut self, window: usize, id: StoreId, change: Change) {
        if change != Change::Keep && self.store.read(window) != self.windows[window].began_with {
            // Without a lock the later of two writes undoes the earlier one.
            self.collisions += 1;
            self.excuse();
        }
        if self.store.write(window, change) {
            self.tell(window);
        }
        self.ended(window, id, Ok(()));
    }

    /// The update is over; whoever waits for the lock has it.
    fn ended(&mut self, window: usize, id: StoreId, result: Result<(), StoreError>) {
        if self.history.kind == Kind::Vault && self.may_write(window, id) {
            self.store.holder = None;
            self.grant();
        }
        self.input(window, Input::UpdateEnded(id, result));
    }

    /// Whoever loses a session of now does so with a reason.
    pub(super) fn excuse(&mut self) {
        self.excused
            .extend((0..self.server.known()).map(|number| format!("s{number}")));
    }

    pub(super) fn tell(&mut self, writer: usize) {
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
}
