//! Looking at the servers from outside, for somebody who asks what is wrong.
//!
//! Each probe is one request that needs no session and changes nothing; what its answer means is decided here.

use alloc::string::String;

use crate::auth::{Supabase, status_code};
use crate::error::{Error, Server};
use crate::http::{Method, Request, Response, Timing, TransportError, bounded};
use crate::json::{read, text_into};
use crate::session::Config;
use crate::text::contains;

/// The time limit of a probe, in milliseconds.
const TIMEOUT_MS: u32 = 10_000;
/// A clock that is off by more is a wrong one, in milliseconds: a slow network can look like some seconds of it.
const CLOCK_TOLERANCE_MS: u64 = 60_000;
const MAX_TEXT: usize = 40;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Whether Supabase Auth answers, and takes the publishable key.
    Account,
    /// The functions of the backend: their version, their clock, and whether a stream of theirs flows.
    Backend,
    /// Whether the backend reaches its database and the model server.
    Readiness,
    /// Whether `LiteLLM` answers.
    Models,
}

/// What an answer shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// From sending to the head of the answer, in milliseconds.
    pub took_ms: u64,
    /// The version of the backend's functions.
    pub version: Option<String>,
    /// How this machine's clock stands to the server's.
    pub clock: Option<Clock>,
    /// Whether something on the way keeps the pieces of a stream and hands them over together.
    pub held_back: Option<bool>,
    /// How the backend's database is: `ok`, `unreachable` or `misconfigured`.
    pub database: Option<String>,
    /// The same of the model server, as the backend sees it.
    pub models: Option<String>,
}

/// This machine's clock beside a server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The difference, in milliseconds.
    pub off_ms: u64,
    /// Whether this machine's clock is the one that is ahead.
    pub ahead: bool,
}

impl Clock {
    /// Whether the difference is more than a network can make.
    #[must_use]
    pub const fn wrong(self) -> bool {
        self.off_ms > CLOCK_TOLERANCE_MS
    }
}

impl Probe {
    /// The probe of this name in TypeScript.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "account" => Self::Account,
            "backend" => Self::Backend,
            "readiness" => Self::Readiness,
            "models" => Self::Models,
            _ => return None,
        })
    }

    /// The request that is sent.
    #[must_use]
    pub fn request(self, config: &Config) -> Request {
        let function = |path| Request::new(Method::Get, &config.supabase.base, path);
        let request = match self {
            Self::Account => config.supabase.settings(),
            Self::Backend => function("/functions/v1/health?stream=1"),
            Self::Readiness => function("/functions/v1/ready"),
            Self::Models => Request::new(Method::Get, &config.litellm, "/health/liveliness"),
        };
        request.timeout_ms(TIMEOUT_MS)
    }

    /// What an answer means.
    ///
    /// # Errors
    /// `INVALID_CONFIGURATION` for a publishable key that the server does not know, `UNEXPECTED_RESPONSE` when it is not
    /// the server that should be there, `SERVER_ERROR`, `RATE_LIMITED`.
    pub fn judge(self, config: &Config, response: Result<Response, TransportError>) -> Result<Finding, Error> {
        let (server, base) = match self {
            Self::Models => (Server::Models, &config.litellm),
            _ => (Server::Account, &config.supabase.base),
        };
        response
            .map_err(Error::from)
            .and_then(|response| self.read(&config.supabase, &response))
            .map_err(|error| error.at(server, base.origin().as_str()))
    }

    fn read(self, supabase: &Supabase, response: &Response) -> Result<Finding, Error> {
        let body = response.body.expose();
        let said = match self {
            Self::Account if !response.is_success() => return Err(supabase.parse_error(response)),
            Self::Account => Supabase::parse_settings(response).map(|_| Said::default()),
            Self::Models => (response.is_success() && contains(body, "alive")).then(Said::default),
            Self::Backend => Said::last(body).filter(|said| said.version.is_some()),
            Self::Readiness => Said::last(body).filter(|said| said.database.is_some()),
        };
        said.map(|said| said.finding(response.timing))
            .ok_or_else(|| Error::new(status_code(response.status, false)).with_status(response.status))
    }
}

/// Whether an answer whose pieces came within `spread_ms`, out of `whole_ms` since it was asked for, was kept on the way: a
/// model takes its time for each word.
#[must_use]
pub const fn came_at_once(spread_ms: u64, whole_ms: u64) -> bool {
    spread_ms.saturating_mul(10) < whole_ms
}

/// What the functions `health` and `ready` say.
#[derive(Default)]
struct Said {
    version: Option<String>,
    database: Option<String>,
    models: Option<String>,
    /// The time of its clock when it wrote this, in milliseconds since the Unix epoch.
    now: Option<u64>,
    /// The time between its first event and this one, in milliseconds.
    took: Option<u64>,
}

impl Said {
    /// The last event of a stream, or a document by itself.
    fn last(body: &str) -> Option<Self> {
        let line = body.trim_ascii_end().as_bytes().rsplit(|byte| *byte == b'\n').next()?;
        read(line.strip_prefix(b"data:").unwrap_or(line), |scanner| {
            let mut said = Self::default();
            scanner.object_or_skip(|scanner, key| {
                let (text, number) = match key.raw() {
                    b"version" => (Some(&mut said.version), None),
                    b"database" => (Some(&mut said.database), None),
                    b"models" => (Some(&mut said.models), None),
                    b"now" => (None, Some(&mut said.now)),
                    b"took" => (None, Some(&mut said.took)),
                    _ => (None, None),
                };
                match (text, number) {
                    (Some(slot), _) => text_into(scanner, slot)?,
                    (_, Some(slot)) => *slot = scanner.whole_or_skip()?,
                    _ => scanner.skip_value()?,
                }
                Ok(())
            })?;
            Ok(said)
        })
    }

    fn finding(self, timing: Timing) -> Finding {
        let Timing {
            sent,
            head,
            first,
            last,
        } = timing;
        let short = |text: String| bounded(&text, MAX_TEXT);
        let took_ms = head.since(sent);
        let clock = self.now.map(|server| {
            // What it wrote was half a round trip on its way.
            let here = last.0.saturating_sub(took_ms / 2);
            Clock {
                off_ms: here.abs_diff(server),
                ahead: here > server,
            }
        });
        Finding {
            took_ms,
            version: self.version.map(short),
            clock,
            held_back: self.took.map(|took| last.since(first).saturating_mul(2) < took),
            database: self.database.map(short),
            models: self.models.map(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::format;

    use super::*;
    use crate::auth::Millis;
    use crate::device::Device;
    use crate::error::ErrorCode;
    use crate::http::BaseUrl;

    /// The server's clock in these tests.
    const SERVER: u64 = 1_800_000_000_000;

    fn config() -> Config {
        Config {
            supabase: Supabase {
                base: BaseUrl::parse("https://account.example").unwrap(),
                publishable_key: "sb_publishable_x".to_owned(),
            },
            litellm: BaseUrl::parse("https://models.example").unwrap(),
            device: Device {
                id: "d".to_owned(),
                name: "n".to_owned(),
            },
        }
    }

    fn judged(probe: Probe, status: u16, body: &str, timing: Timing) -> Result<Finding, Error> {
        let mut response = Response::new(status, body.to_owned());
        response.timing = timing;
        probe.judge(&config(), Ok(response))
    }

    fn code(probe: Probe, status: u16, body: &str) -> Option<ErrorCode> {
        judged(probe, status, body, Timing::default())
            .err()
            .map(|error| error.code)
    }

    /// An answer that took 100 ms to begin, with pieces from `first` to `last` milliseconds after that.
    fn timing(sent: u64, first: u64, last: u64) -> Timing {
        let head = sent + 100;
        Timing {
            sent: Millis(sent),
            head: Millis(head),
            first: Millis(head + first),
            last: Millis(head + last),
        }
    }

    fn stream(now: u64) -> alloc::string::String {
        let opening = "data: {\"status\":\"ok\",\"version\":\"1.2.3\"}\n\n";
        let last = format!("data: {{\"status\":\"ok\",\"version\":\"1.2.3\",\"now\":{now},\"took\":750}}\n\n");
        format!("{opening}{opening}{opening}{last}")
    }

    #[test]
    fn each_probe_asks_its_server_without_a_credential() {
        let rows = [
            ("account", "https://account.example/auth/v1/settings"),
            ("backend", "https://account.example/functions/v1/health?stream=1"),
            ("readiness", "https://account.example/functions/v1/ready"),
            ("models", "https://models.example/health/liveliness"),
        ];
        for (name, url) in rows {
            let request = Probe::parse(name).unwrap().request(&config());
            assert_eq!(request.url(), url);
            assert!(request.headers().all(|(name, _)| name != "authorization"), "{url}");
        }
        assert_eq!(Probe::parse("key"), None);
    }

    #[test]
    fn the_right_server_is_told_from_another_one() {
        let rows = [
            (Probe::Account, 200, r#"{"external":{"email":true}}"#, None),
            (Probe::Account, 200, "<html>", Some(ErrorCode::UnexpectedResponse)),
            (
                Probe::Account,
                401,
                r#"{"message":"Invalid API key"}"#,
                Some(ErrorCode::InvalidConfiguration),
            ),
            (Probe::Models, 200, "\"I'm alive!\"", None),
            (
                Probe::Models,
                200,
                "Welcome to nginx!",
                Some(ErrorCode::UnexpectedResponse),
            ),
            (Probe::Models, 404, "", Some(ErrorCode::UnexpectedResponse)),
            (Probe::Models, 502, "", Some(ErrorCode::ServerError)),
            (Probe::Backend, 200, r#"{"status":"ok","version":"1"}"#, None),
            (Probe::Backend, 200, "{}", Some(ErrorCode::UnexpectedResponse)),
            (
                Probe::Backend,
                404,
                r#"{"code":"NOT_FOUND"}"#,
                Some(ErrorCode::UnexpectedResponse),
            ),
            (
                Probe::Readiness,
                503,
                r#"{"database":"ok","models":"unreachable"}"#,
                None,
            ),
            (Probe::Readiness, 503, "busy", Some(ErrorCode::ServerError)),
            (Probe::Readiness, 429, "", Some(ErrorCode::RateLimited)),
        ];
        for (probe, status, body, expected) in rows {
            assert_eq!(code(probe, status, body), expected, "{probe:?} {status} {body}");
        }
    }

    #[test]
    fn an_error_names_the_server_that_was_looked_at() {
        let error = |probe: Probe| probe.judge(&config(), Err(TransportError::Timeout)).unwrap_err();
        assert_eq!(error(Probe::Models).origin.as_deref(), Some("https://models.example"));
        assert_eq!(error(Probe::Readiness).server, Some(Server::Account));
    }

    #[test]
    fn what_the_backend_reaches_is_handed_on() {
        let body = r#"{"status":"not_ready","database":"ok","models":"unreachable"}"#;
        let finding = judged(Probe::Readiness, 503, body, Timing::default()).unwrap();
        assert_eq!(
            (finding.database.as_deref(), finding.models.as_deref()),
            (Some("ok"), Some("unreachable"))
        );
    }

    #[test]
    fn a_stream_whose_pieces_come_together_was_held_back() {
        let held = |first, last| {
            judged(Probe::Backend, 200, &stream(SERVER), timing(SERVER, first, last))
                .unwrap()
                .held_back
        };
        assert_eq!(held(0, 750), Some(false));
        assert_eq!(held(200, 760), Some(false));
        assert_eq!(held(750, 750), Some(true));
        assert_eq!(held(700, 760), Some(true));
        let whole = judged(Probe::Backend, 200, r#"{"version":"1"}"#, timing(SERVER, 0, 0)).unwrap();
        assert_eq!((whole.held_back, whole.clock), (None, None));
    }

    #[test]
    fn the_clocks_are_compared_at_the_moment_the_server_wrote() {
        // Sent at `sent`, the head came 100 ms later and the end 750 ms after it: the server wrote it 50 ms before that.
        let clock = |sent: u64| {
            judged(Probe::Backend, 200, &stream(SERVER), timing(sent, 0, 750))
                .unwrap()
                .clock
                .unwrap()
        };
        assert_eq!(clock(SERVER - 800).off_ms, 0);
        let behind = clock(SERVER - 800 - 61_000);
        assert_eq!((behind.off_ms, behind.ahead, behind.wrong()), (61_000, false, true));
        let ahead = clock(SERVER - 800 + 60_000);
        assert_eq!((ahead.off_ms, ahead.ahead, ahead.wrong()), (60_000, true, false));
    }

    #[test]
    fn a_servers_words_are_bounded() {
        let long = "9".repeat(100);
        let body = format!(r#"{{"version":"{long}","database":"{long}","models":"{long}"}}"#);
        let finding = judged(Probe::Backend, 200, &body, Timing::default()).unwrap();
        for text in [finding.version, finding.database, finding.models] {
            assert_eq!(text.unwrap().len(), MAX_TEXT);
        }
    }

    #[test]
    fn an_answer_that_comes_at_once_was_held_back() {
        assert!(came_at_once(10, 900));
        assert!(came_at_once(0, 1));
        assert!(!came_at_once(400, 900));
        assert!(!came_at_once(0, 0));
    }
}
