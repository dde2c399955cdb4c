//! Requests and responses as data, and credentials that know their origin.
//!
//! A [`Credential`] is bound to the [`Origin`] that issued it; [`Request::bearer`] refuses to attach it to any other
//! (invariant 1). URLs are held to a narrow grammar so that this parser and the platform's `fetch` can't disagree.

#[cfg(test)]
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::auth::Millis;
use crate::error::{Error, ErrorCode};
use crate::network::NetworkCause;
use crate::secret::Secret;

/// The reason of an `INVALID_CONFIGURATION`: plain `http` is taken on this machine only.
pub const PLAIN_HTTP: &str = "plainHttp";

/// So much of an answer is read, in bytes. The rest is not: what was cut off is no JSON any more.
pub const MAX_BODY: usize = 32 << 20;
/// The longest wait that a server may ask for, in milliseconds: a day.
const MAX_WAIT_MS: u64 = 86_400_000;

/// The longest URL that is taken, in bytes.
const MAX_URL: usize = 2048;

/// Scheme, host and port of a server: `https`, or `http` on a loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The serialisation of RFC 6454, section 6.2, for example `https://example.org` or `http://127.0.0.1:4000`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a server, with an optional path prefix and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: Origin,
    path: String,
}

impl BaseUrl {
    /// Parses an address out of the settings or of the backend's answer.
    ///
    /// # Errors
    /// `INVALID_CONFIGURATION` when it is not `https://host[:port][/path]`, or `http://` on a loopback host; user
    /// information, query, fragment and anything but plain ASCII are refused. The reason [`PLAIN_HTTP`] tells the
    /// address that would do with `https`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim_ascii();
        Self::parse_parts(text).ok_or_else(|| {
            let mut error = Error::new(ErrorCode::InvalidConfiguration);
            if let Some((scheme, rest)) = text.split_once(':')
                && scheme.eq_ignore_ascii_case("http")
                && Self::parse_parts(&["https:", rest].concat()).is_some()
            {
                error.reasons.push(PLAIN_HTTP.into());
            }
            error
        })
    }

    fn parse_parts(text: &str) -> Option<Self> {
        if text.len() > MAX_URL || !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains(['?', '#', '\\', '@']) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let rest = rest.strip_prefix("//")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let scheme = scheme.to_ascii_lowercase();
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_port(&authority)?;
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" if is_loopback(host) => 80,
            _ => return None,
        };
        let origin = match port {
            Some(port) if port != default_port => {
                [scheme.as_str(), "://", host, ":", &u64::from(port).to_string()].concat()
            }
            _ => [scheme.as_str(), "://", host].concat(),
        };
        let path = path.trim_end_matches('/');
        let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~');
        if !path.bytes().all(safe) || path.split('/').any(|part| part == "." || part == "..") {
            return None;
        }
        let path = if path.is_empty() {
            String::new()
        } else {
            ["/", path].concat()
        };
        Some(Self {
            origin: Origin(origin),
            path,
        })
    }

    /// Where the server is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The address without a `/v1` at its end, with which the paths of a model server's interface begin.
    #[must_use]
    pub fn without_v1(mut self) -> Self {
        if let Some(path) = self.path.strip_suffix("/v1") {
            self.path.truncate(path.len());
        }
        self
    }

    /// The address of a resource below this one; `path` begins with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        [self.origin.as_str(), &self.path, path].concat()
    }
}

/// `host` and port of an authority in lower case; a bracketed IPv6 address keeps its brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
    };
    let valid = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|inner| inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        }
    };
    valid.then_some((host, port))
}

fn is_loopback(host: &str) -> bool {
    if host == "localhost" || host == "[::1]" {
        return true;
    }
    let mut parts = host.split('.');
    let first = parts.next() == Some("127");
    first && parts.clone().count() == 3 && parts.all(|part| !part.is_empty() && part.parse::<u8>().is_ok())
}

/// A bearer credential, bound to the origin that it was issued for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    secret: Secret,
    origin: Origin,
}

impl Credential {
    /// A credential that `origin`, and nobody else, may be shown.
    #[must_use]
    pub const fn new(secret: Secret, origin: Origin) -> Self {
        Self { secret, origin }
    }

    /// The secret itself, for the session store.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The origin that issued it.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The methods that Godoty uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A request as data. Redirects are not followed (`redirect: "error"`).
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    method: Method,
    url: String,
    origin: Origin,
    headers: Vec<(&'static str, Secret)>,
    body: Option<Secret>,
    timeout_ms: u32,
}

/// The time limit of a request that is not a stream, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 20_000;

impl Request {
    /// A request for `path` (which begins with a slash) below `base`.
    #[must_use]
    pub fn new(method: Method, base: &BaseUrl, path: &str) -> Self {
        Self {
            method,
            url: base.join(path),
            origin: base.origin().clone(),
            headers: Vec::new(),
            body: None,
            timeout_ms: DEFAULT_TIMEOUT_MS,
        }
    }

    /// With a header that is no credential.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, Secret::from(value)));
        self
    }

    /// With `Authorization: Bearer …`.
    ///
    /// # Errors
    /// `ORIGIN_MISMATCH` when the credential was issued for another origin than the one this request goes to.
    pub fn bearer(mut self, credential: &Credential) -> Result<Self, Error> {
        if credential.origin != self.origin {
            return Err(Error::new(ErrorCode::OriginMismatch).with_origin(self.origin.as_str()));
        }
        self.headers.push((
            "authorization",
            Secret::new(["Bearer ", credential.secret.expose()].concat()),
        ));
        Ok(self)
    }

    /// With a JSON body, which may hold a secret (a password, a refresh token).
    #[must_use]
    pub fn json(mut self, body: String) -> Self {
        self.headers.push(("content-type", Secret::from("application/json")));
        self.body = Some(Secret::new(body));
        self
    }

    /// With another time limit than [`DEFAULT_TIMEOUT_MS`].
    #[must_use]
    pub const fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The whole URL. It never holds a secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it goes.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Names and values; the values are for the transport alone.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        self.headers.iter().map(|(name, value)| (*name, value))
    }

    /// The body, for the transport alone.
    #[must_use]
    pub const fn body(&self) -> Option<&Secret> {
        self.body.as_ref()
    }

    /// The time until the answer must have come, in milliseconds.
    #[must_use]
    pub const fn time_limit(&self) -> u32 {
        self.timeout_ms
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.url)
    }
}

/// When an answer came, by this machine's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// The request was sent.
    pub sent: Millis,
    /// The head of the answer was there.
    pub head: Millis,
    /// The first piece of the body was there.
    pub first: Millis,
    /// The last piece of the body was there.
    pub last: Millis,
}

/// A whole answer. `Debug` shows the status alone, since bodies hold tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body; invalid UTF-8 is replaced.
    pub body: Secret,
    /// `retry-after` in milliseconds, when the server sent it as seconds.
    pub retry_after_ms: Option<u64>,
    /// `x-sb-error-code`, which Supabase Auth sends beside the body.
    pub error_code: Option<String>,
    /// When it came.
    pub timing: Timing,
}

impl Response {
    /// An answer as the transport read it.
    #[must_use]
    pub const fn new(status: u16, body: String) -> Self {
        Self {
            status,
            body: Secret::new(body),
            retry_after_ms: None,
            error_code: None,
            timing: Timing {
                sent: Millis(0),
                head: Millis(0),
                first: Millis(0),
                last: Millis(0),
            },
        }
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportError {
    /// The connection could not be made, or broke.
    Network(NetworkCause),
    /// The time limit passed.
    Timeout,
    /// The caller cancelled.
    Cancelled,
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Network(cause) => Self::new(ErrorCode::NetworkError).with_network(cause),
            TransportError::Timeout => Self::new(ErrorCode::Timeout),
            TransportError::Cancelled => Self::new(ErrorCode::Cancelled),
        }
    }
}

/// The wait in a `Retry-After` (RFC 9110, section 10.2.3), which counts units of so many milliseconds, rounded up and a day
/// at most. An HTTP date is not read, since the core has no clock.
#[must_use]
pub fn wait_ms(value: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let extra = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    let number = whole.parse::<u64>().unwrap_or(u64::MAX).saturating_add(extra);
    Some(number.saturating_mul(unit).min(MAX_WAIT_MS))
}

/// Cuts a text to at most `max` characters, for a field that a stranger filled.
#[must_use]
pub fn bounded(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    fn origin(url: &str) -> Option<String> {
        BaseUrl::parse(url).ok().map(|base| base.origin().as_str().to_owned())
    }

    #[test]
    fn addresses_are_https_or_loopback() {
        let rows: &[(&str, Option<&str>)] = &[
            ("https://Example.org", Some("https://example.org")),
            ("https://example.org:443/", Some("https://example.org")),
            ("https://example.org:8443/base/", Some("https://example.org:8443")),
            ("http://127.0.0.1:4000", Some("http://127.0.0.1:4000")),
            ("http://127.8.9.1", Some("http://127.8.9.1")),
            ("http://localhost:80", Some("http://localhost")),
            ("http://[::1]:4000", Some("http://[::1]:4000")),
            (" https://example.org ", Some("https://example.org")),
            ("http://example.org", None),
            ("http://127.0.0.1.example.org", None),
            ("http://localhost.example.org", None),
            ("http://127.1", None),
            ("https://user:pass@example.org", None),
            ("https://example.org\\@evil.org", None),
            ("https://example.org?x=1", None),
            ("https://example.org/#x", None),
            ("https://example.org:0", None),
            ("https://example.org:99999", None),
            ("https://example.org:", None),
            ("https://", None),
            ("https://exämple.org", None),
            ("https://example.org/a/../b", None),
            ("ftp://example.org", None),
            ("javascript://example.org", None),
            ("", None),
        ];
        for (url, expected) in rows {
            assert_eq!(origin(url).as_deref(), *expected, "{url}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused_for_that_reason() {
        for (url, plain) in [
            ("HTTP://example.org", true),
            ("http://10.0.0.1:4000", true),
            ("http://127.0.0.1:99999", false),
            ("http://user@example.org", false),
            ("ftp://example.org", false),
            ("example.org", false),
            ("", false),
        ] {
            let error = BaseUrl::parse(url).unwrap_err();
            assert_eq!(error.reasons.iter().any(|reason| reason == PLAIN_HTTP), plain, "{url}");
        }
    }

    #[test]
    fn a_path_prefix_is_kept() {
        assert_eq!(
            BaseUrl::parse("https://example.org/llm/").unwrap().join("/v1/models"),
            "https://example.org/llm/v1/models"
        );
        for (written, meant) in [
            ("https://example.org/v1/", "https://example.org"),
            ("https://example.org/llm/v1", "https://example.org/llm"),
            ("https://example.org/llmv1", "https://example.org/llmv1"),
            ("https://example.org/v1/llm", "https://example.org/v1/llm"),
        ] {
            assert_eq!(BaseUrl::parse(written).unwrap().without_v1().join(""), meant);
        }
    }

    #[test]
    fn a_credential_leaves_for_its_own_origin_only() {
        let home = BaseUrl::parse("https://example.org").unwrap();
        let other = BaseUrl::parse("https://example.org:8443").unwrap();
        let credential = Credential::new(Secret::from("t"), home.origin().clone());
        assert!(Request::new(Method::Get, &home, "/x").bearer(&credential).is_ok());
        let refused = Request::new(Method::Get, &other, "/x").bearer(&credential).unwrap_err();
        assert_eq!(refused.code, ErrorCode::OriginMismatch);
    }

    #[test]
    fn nothing_secret_prints() {
        let base = BaseUrl::parse("https://example.org").unwrap();
        let credential = Credential::new(Secret::from("hunter2"), base.origin().clone());
        let request = Request::new(Method::Post, &base, "/x")
            .bearer(&credential)
            .unwrap()
            .json("hunter2".into());
        let printed = format!("{request:?} {credential:?} {:?}", Response::new(200, "hunter2".into()));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
