//! Windows: what their machines ask for, and what happens to them.

use super::*;

impl World {
    pub(super) fn open(&mut self, window: usize) {
        if self.windows[window].machine.is_some() {
            return;
        }
        self.store.open(window);
        let config = Config {
            supabase: Supabase {
                base: BaseUrl::parse("https://example.supabase.co").unwrap(),
                publishable_key: "sb_publishable_x".into(),
            },
            litellm: BaseUrl::parse(ENDPOINT).unwrap(),
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

    pub(super) fn thaw(&mut self, window: usize) {
        for due in std::mem::take(&mut self.windows[window].held) {
            self.due.push(Reverse(Due { at: self.now, ..due }));
        }
    }

    /// The window stands still from now on, for so many milliseconds.
    pub(super) fn freeze(&mut self, window: usize, time: u64) {
        let until = self.windows[window].stands_until.max(self.now + time);
        self.windows[window].stands_until = until;
        self.later(until - self.now, window, What::Thaw);
    }

    pub(super) fn ask(&mut self, window: usize, name: &'static str, ask: Ask) -> Option<u32> {
        self.windows[window].machine.as_ref()?;
        self.requests += 1;
        let request = self.requests;
        self.windows[window].open.insert(request, name);
        let input = Input::Ask(RequestId(request), ask);
        // A window that stands still takes nothing in.
        self.later(0, window, What::Input(input));
        Some(request)
    }

    pub(super) fn input(&mut self, window: usize, input: Input) {
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

    pub(super) fn perform(&mut self, window: usize, output: Output) {
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

    pub(super) fn apply(&mut self, op: Op) {
        let count = self.windows.len();
        let acts = matches!(
            op,
            Op::SignIn(_) | Op::SignOut(_) | Op::Begin(_) | Op::CancelWait(_) | Op::EndSessions
        );
        self.acts += usize::from(acts);
        match op {
            Op::Token(window) => drop(self.ask(window % count, "token", Ask::AccessToken)),
            Op::Call(window) => {
                let ask = Ask::Rpc {
                    function: "profile",
                    body: "{}".into(),
                };
                self.ask(window % count, "call", ask);
            }
            Op::Key(window) => drop(self.ask(window % count, "key", Ask::ModelAccess)),
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
                    self.given_up.extend(self.nonce_of.get(&(window, request.0)).cloned());
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
            Op::BreakWrites(window, times) => self.windows[window % count].writes_break = times,
            Op::EndSessions => self.server.end_all(),
            Op::Clock(by) => {
                self.clock = (self.clock + by).clamp(-40_000_000_000, 400_000_000_000);
                self.jumps += 1;
            }
        }
    }

    pub(super) fn start(&self, way: Way) -> Ask {
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
    pub(super) fn callback(&mut self, window: usize, times: u8) {
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
}
