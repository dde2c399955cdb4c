//! The way to the server and back.

use super::*;

impl World {
    pub(super) fn send(&mut self, window: usize, id: HttpId, request: Request) {
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

    /// The rule for refreshes: with the token that the store holds now, as far as this window sees, and none before it is due. On
    /// the vault one at a time. A session that never got into the store is its window's alone.
    pub(super) fn refresh_sent(&mut self, window: usize, token: &str) {
        let family = token.split('.').next().unwrap_or_default();
        let holds = |text: &str| {
            let stored = self.store.read(window);
            stored.is_some_and(|stored| stored.expose().contains(&format!("\"refresh_token\":\"{text}")))
        };
        if !holds(&format!("{family}.")) {
            return;
        }
        let held = holds(&format!("{token}\""));
        let locked = self.store.holder.is_some_and(|holder| holder.window == window);
        if self.history.kind == Kind::Vault && !locked {
            self.fail(format!("window {window} refreshes without the lock"));
        }
        if !held {
            // Of two writes that met the later one stands, and may have brought an older token back.
            if self.collisions == 0 {
                self.fail(format!(
                    "window {window} sent {token}, which is not what the store holds"
                ));
            }
        } else if !self.is_due(window) && !self.server.ended(family) {
            self.fail(format!("window {window} refreshes {token}, which is good for a while"));
        }
        let before = self.sent.insert(token.to_owned(), (window, self.now));
        if before.is_some_and(|(other, at)| other != window && self.now - at <= ROUND_TRIP_MS) {
            self.meetings += 1;
        }
    }

    /// Whether the stored token has come to 80 % of its life, was refused by the server, or came at a time that is still to come
    /// by this machine's clock.
    fn is_due(&self, window: usize) -> bool {
        let stored = self.store.read(window).unwrap();
        let record: Value = serde_json::from_str(stored.expose()).unwrap();
        let time = |name: &str| record["session"][name].as_u64().unwrap();
        let (issued, expires, now) = (time("issued_at"), time("expires_at"), self.local().0);
        let token = record["session"]["access_token"].as_str().unwrap();
        let dead = claims_of(token).unwrap()["until"].as_u64().unwrap() <= self.now;
        dead || now >= issued + (expires - issued) / 5 * 4 || issued.saturating_sub(now) > 60_000
    }

    pub(super) fn arrive(&mut self, window: usize, epoch: u32, id: HttpId, request: &Request) {
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
}
