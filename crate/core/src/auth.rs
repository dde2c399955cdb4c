//! Supabase Auth (`GoTrue`) on the wire: requests, sessions and error bodies.
//!
//! Everything that a server sends is bounded and unknown fields are ignored.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::base64url;
use crate::error::{Error, ErrorCode, Server};
use crate::http::{BaseUrl, Credential, Method, Request, Response, bounded};
use crate::json::{self, Object, Scanner};
use crate::secret::Secret;

/// The longest token that is taken, in bytes. Real ones have one to four KiB.
const MAX_TOKEN: usize = 16 * 1024;
const MAX_ID: usize = 128;
const MAX_EMAIL: usize = 320;
const MAX_REASONS: usize = 8;

/// A time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// `ms` milliseconds later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// Where Supabase is, and the publishable key that every call carries.
#[derive(Debug, Clone)]
pub struct Supabase {
    /// The project's address.
    pub base: BaseUrl,
    /// `sb_publishable_…`, or a legacy anon key. It is public.
    pub publishable_key: String,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The JWT's `session_id`: stable across refreshes.
    pub session_id: String,
    /// The user's id (a UUID).
    pub user_id: String,
    /// The user's e-mail address.
    pub email: String,
}

/// A session as this client keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSession {
    /// Who is signed in.
    pub account: Account,
    /// The JWT, bound to Supabase's origin.
    pub access_token: Credential,
    /// Good once.
    pub refresh_token: Secret,
    /// When it was received, by this machine's clock.
    pub issued_at: Millis,
    /// When the access token ends, by this machine's clock (`issued_at + expires_in`), so that a wrong clock does no harm.
    pub expires_at: Millis,
}

/// What signing up led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignUp {
    /// The server confirms by itself: the user is signed in.
    Session(AuthSession),
    /// The server sent an e-mail; the user confirms it and signs in.
    ConfirmEmail,
}

/// The version of the error shape that this client asks for.
const API_VERSION: &str = "2024-01-01";

impl Supabase {
    fn request(&self, path: &str) -> Request {
        let request = Request::new(Method::Post, &self.base, path)
            .header("apikey", &self.publishable_key)
            .header("x-supabase-api-version", API_VERSION);
        // A legacy anon key is a JWT and also goes in `Authorization` while nobody is signed in; sb_publishable_… does not.
        if self.publishable_key.starts_with("eyJ") {
            request.header("authorization", &format!("Bearer {}", self.publishable_key))
        } else {
            request
        }
    }

    /// `POST /auth/v1/signup`.
    #[must_use]
    pub fn sign_up(&self, email: &str, password: &Secret) -> Request {
        self.request("/auth/v1/signup").json(credentials(email, password))
    }

    /// `POST /auth/v1/token?grant_type=password`.
    #[must_use]
    pub fn sign_in(&self, email: &str, password: &Secret) -> Request {
        self.request("/auth/v1/token?grant_type=password")
            .json(credentials(email, password))
    }

    /// `POST /auth/v1/resend`: the confirmation e-mail of a sign-up once more.
    #[must_use]
    pub fn resend_confirmation(&self, email: &str) -> Request {
        let body = Object::new()
            .string("type", "signup")
            .string("email", email.trim())
            .end();
        self.request("/auth/v1/resend").json(body)
    }

    /// `POST /auth/v1/token?grant_type=refresh_token`.
    #[must_use]
    pub fn refresh(&self, refresh_token: &Secret) -> Request {
        let body = Object::new().string("refresh_token", refresh_token.expose()).end();
        self.request("/auth/v1/token?grant_type=refresh_token").json(body)
    }

    /// `POST /auth/v1/logout?scope=local`: this session, not the user's others.
    ///
    /// # Errors
    /// `ORIGIN_MISMATCH` when the token belongs to another server.
    pub fn sign_out(&self, access_token: &Credential) -> Result<Request, Error> {
        self.authorized("/auth/v1/logout?scope=local", access_token)
    }

    /// A call with the user's token.
    ///
    /// # Errors
    /// `ORIGIN_MISMATCH` when the token belongs to another server.
    pub fn authorized(&self, path: &str, access_token: &Credential) -> Result<Request, Error> {
        Request::new(Method::Post, &self.base, path)
            .header("apikey", &self.publishable_key)
            .header("x-supabase-api-version", API_VERSION)
            .bearer(access_token)
    }

    /// The session in a success's body, received at `now`.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is none.
    pub fn parse_session(&self, body: &Secret, now: Millis) -> Result<AuthSession, Error> {
        self.session(body, now).ok_or_else(|| self.unexpected())
    }

    /// The answer to [`Supabase::sign_up`]: a session, or a bare user whose e-mail address is to be confirmed.
    ///
    /// # Errors
    /// `UNEXPECTED_RESPONSE` when it is neither.
    pub fn parse_sign_up(&self, body: &Secret, now: Millis) -> Result<SignUp, Error> {
        if let Some(session) = self.session(body, now) {
            return Ok(SignUp::Session(session));
        }
        let user = read(body.expose().as_bytes(), WireUser::read);
        if user.is_some_and(|user| !user.id.is_empty()) {
            Ok(SignUp::ConfirmEmail)
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> Error {
        Error::new(ErrorCode::UnexpectedResponse).at(Server::Account, self.base.origin().as_str())
    }

    fn session(&self, body: &Secret, now: Millis) -> Option<AuthSession> {
        let wire = read(body.expose().as_bytes(), WireSession::read)?;
        let fits = |token: &str| !token.is_empty() && token.len() <= MAX_TOKEN;
        if !fits(&wire.access_token) || !fits(&wire.refresh_token) || wire.user.id.is_empty() {
            return None;
        }
        let session_id = session_id(&wire.access_token)?;
        let lifetime = wire.expires_in?.checked_mul(1000)?;
        Some(AuthSession {
            account: Account {
                session_id,
                user_id: bounded(&wire.user.id, MAX_ID),
                email: bounded(&wire.user.email, MAX_EMAIL),
            },
            access_token: Credential::new(Secret::new(wire.access_token), self.base.origin().clone()),
            refresh_token: Secret::new(wire.refresh_token),
            issued_at: now,
            expires_at: now.plus(lifetime),
        })
    }

    /// What a refusal means.
    #[must_use]
    pub fn parse_error(&self, response: &Response) -> Error {
        let wire = read(response.body.expose().as_bytes(), WireError::read).unwrap_or_default();
        let named = wire
            .code
            .as_deref()
            .or(wire.error_code.as_deref())
            .or(wire.error.as_deref());
        // The gateway before `GoTrue` refuses an API key with a message alone.
        let key_refused = response.status == 401 && named.is_none() && wire.message.is_some();
        let code = if key_refused {
            ErrorCode::InvalidConfiguration
        } else {
            named
                .and_then(auth_code)
                .unwrap_or_else(|| status_code(response.status, named.is_some() || wire.msg.is_some()))
        };
        let mut error = Error::new(code)
            .with_status(response.status)
            .with_retry_after_ms(response.retry_after_ms);
        if let Some(message) = wire.message.or(wire.msg).or(wire.error_description) {
            error = error.with_server_message(&message);
        }
        error.reasons = wire.reasons;
        if key_refused {
            error.reasons.push("supabaseKey".into());
        }
        error.at(Server::Account, self.base.origin().as_str())
    }
}

fn credentials(email: &str, password: &Secret) -> String {
    Object::new()
        .string("email", email.trim())
        .string("password", password.expose())
        .end()
}

/// The meaning of an error code of `GoTrue` (its `internal/api/apierrors/errorcode.go` lists them).
fn auth_code(code: &str) -> Option<ErrorCode> {
    Some(match code {
        "invalid_credentials" | "invalid_grant" => ErrorCode::InvalidCredentials,
        "email_not_confirmed" | "phone_not_confirmed" => ErrorCode::EmailNotConfirmed,
        "weak_password" => ErrorCode::WeakPassword,
        "user_already_exists" | "email_exists" => ErrorCode::AccountExists,
        "signup_disabled" | "email_provider_disabled" | "email_address_not_authorized" => ErrorCode::SignupDisabled,
        "validation_failed" | "bad_json" | "email_address_invalid" => ErrorCode::ValidationFailed,
        "over_email_send_rate_limit" | "over_request_rate_limit" | "over_sms_send_rate_limit" => ErrorCode::RateLimited,
        "refresh_token_not_found" | "refresh_token_already_used" | "session_not_found" | "session_expired" => {
            ErrorCode::SessionExpired
        }
        "user_banned" | "user_not_found" | "no_authorization" | "bad_jwt" => ErrorCode::NotAuthenticated,
        _ => return None,
    })
}

/// The meaning of a status whose body names no code that is known here.
fn status_code(status: u16, looks_like_supabase: bool) -> ErrorCode {
    match status {
        429 => ErrorCode::RateLimited,
        500..=599 => ErrorCode::ServerError,
        401 | 403 if looks_like_supabase => ErrorCode::NotAuthenticated,
        400..=499 if looks_like_supabase => ErrorCode::ValidationFailed,
        _ => ErrorCode::UnexpectedResponse,
    }
}

/// The `session_id` claim of a JWT (RFC 7519, section 3). The signature is the server's business, not the client's.
fn session_id(access_token: &str) -> Option<String> {
    let payload = access_token.split('.').nth(1)?;
    let bytes = base64url::decode(payload.trim_end_matches('='))?;
    let session_id = read(&bytes, |scanner| {
        let mut session_id = None;
        scanner.object_or_skip(|scanner, key| {
            if key.is("session_id") {
                text_into(scanner, &mut session_id)
            } else {
                scanner.skip_value()
            }
        })?;
        Ok(session_id)
    })??;
    (!session_id.is_empty() && session_id.len() <= MAX_ID).then_some(session_id)
}

/// Reads a whole document; `None` when it is not well formed.
pub(crate) fn read<'a, T>(text: &'a [u8], value: impl FnOnce(&mut Scanner<'a>) -> json::Result<T>) -> Option<T> {
    let mut scanner = Scanner::new(text);
    let value = value(&mut scanner).ok()?;
    scanner.end().ok()?;
    Some(value)
}

/// Takes a string; a value of another kind leaves the slot as it is.
pub(crate) fn text_into(scanner: &mut Scanner<'_>, slot: &mut Option<String>) -> json::Result<()> {
    if let Some(text) = scanner.string_or_skip()? {
        *slot = Some(text.decode().into_owned());
    }
    Ok(())
}

#[derive(Default)]
struct WireSession {
    access_token: String,
    refresh_token: String,
    expires_in: Option<u64>,
    user: WireUser,
}

impl WireSession {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let (mut access_token, mut refresh_token) = (None, None);
        let mut wire = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("access_token") {
                text_into(scanner, &mut access_token)
            } else if key.is("refresh_token") {
                text_into(scanner, &mut refresh_token)
            } else if key.is("expires_in") {
                wire.expires_in = scanner.whole_or_skip()?;
                Ok(())
            } else if key.is("user") {
                wire.user = WireUser::read(scanner)?;
                Ok(())
            } else {
                scanner.skip_value()
            }
        })?;
        wire.access_token = access_token.unwrap_or_default();
        wire.refresh_token = refresh_token.unwrap_or_default();
        Ok(wire)
    }
}

#[derive(Default)]
struct WireUser {
    id: String,
    email: String,
}

impl WireUser {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let (mut id, mut email) = (None, None);
        scanner.object_or_skip(|scanner, key| {
            if key.is("id") {
                text_into(scanner, &mut id)
            } else if key.is("email") {
                text_into(scanner, &mut email)
            } else {
                scanner.skip_value()
            }
        })?;
        Ok(Self {
            id: id.unwrap_or_default(),
            email: email.unwrap_or_default(),
        })
    }
}

/// Both error shapes of `GoTrue`, and OAuth's of RFC 6749, section 5.2.
#[derive(Default)]
struct WireError {
    /// The newer shape's code; the older one has the status here, as a number.
    code: Option<String>,
    error_code: Option<String>,
    error: Option<String>,
    message: Option<String>,
    msg: Option<String>,
    error_description: Option<String>,
    reasons: Vec<String>,
}

impl WireError {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut wire = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("weak_password") {
                scanner.object_or_skip(|scanner, key| {
                    if key.is("reasons") {
                        read_reasons(scanner, &mut wire.reasons)
                    } else {
                        scanner.skip_value()
                    }
                })?;
                return Ok(());
            }
            let slot = if key.is("code") {
                &mut wire.code
            } else if key.is("error_code") {
                &mut wire.error_code
            } else if key.is("error") {
                &mut wire.error
            } else if key.is("message") {
                &mut wire.message
            } else if key.is("msg") {
                &mut wire.msg
            } else if key.is("error_description") {
                &mut wire.error_description
            } else {
                return scanner.skip_value();
            };
            text_into(scanner, slot)
        })?;
        Ok(wire)
    }
}

fn read_reasons(scanner: &mut Scanner<'_>, reasons: &mut Vec<String>) -> json::Result<()> {
    scanner.array_or_skip(|scanner| {
        if let Some(reason) = scanner.string_or_skip()?
            && reasons.len() < MAX_REASONS
        {
            reasons.push(bounded(&reason.decode(), MAX_ID));
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::borrow::ToOwned;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    pub(crate) fn supabase() -> Supabase {
        Supabase {
            base: BaseUrl::parse("https://example.supabase.co").unwrap(),
            publishable_key: "sb_publishable_x".into(),
        }
    }

    /// A session's body as the server sends it, for the tests of this crate.
    pub(crate) fn session_body(session: &str, user: &str, token: &str, refresh: &str, expires_in: u64) -> String {
        let claims = format!("{{\"session_id\":\"{session}\",\"t\":\"{token}\"}}");
        let jwt = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        format!(
            r#"{{"access_token":"{jwt}","token_type":"bearer","expires_in":{expires_in},"expires_at":1,"refresh_token":"{refresh}","user":{{"id":"{user}","email":"{user}@example.org","extra":1}}}}"#
        )
    }

    #[test]
    fn both_error_shapes_mean_the_same() {
        let rows = [
            (
                400,
                r#"{"code":"invalid_credentials","message":"Invalid login credentials"}"#,
                ErrorCode::InvalidCredentials,
            ),
            (
                400,
                r#"{"code":400,"error_code":"invalid_credentials","msg":"x"}"#,
                ErrorCode::InvalidCredentials,
            ),
            (
                400,
                r#"{"code":"email_not_confirmed","message":"x"}"#,
                ErrorCode::EmailNotConfirmed,
            ),
            (
                422,
                r#"{"code":"user_already_exists","message":"x"}"#,
                ErrorCode::AccountExists,
            ),
            (
                400,
                r#"{"code":"refresh_token_already_used","message":"x"}"#,
                ErrorCode::SessionExpired,
            ),
            (
                429,
                r#"{"code":"over_email_send_rate_limit","message":"x"}"#,
                ErrorCode::RateLimited,
            ),
            (
                400,
                r#"{"code":"some_new_code","message":"x"}"#,
                ErrorCode::ValidationFailed,
            ),
            (
                401,
                r#"{"message":"No API key found in request"}"#,
                ErrorCode::InvalidConfiguration,
            ),
            (401, r#"{"code":401,"msg":"x"}"#, ErrorCode::NotAuthenticated),
            (403, r#"{"code":"bad_jwt","message":"x"}"#, ErrorCode::NotAuthenticated),
            (401, "<html>", ErrorCode::UnexpectedResponse),
            (403, "Forbidden", ErrorCode::UnexpectedResponse),
            (404, "404 page not found", ErrorCode::UnexpectedResponse),
            (502, "<html>", ErrorCode::ServerError),
            (418, "{\"code\":[]}", ErrorCode::UnexpectedResponse),
        ];
        for (status, body, expected) in rows {
            assert_eq!(
                supabase().parse_error(&Response::new(status, body.into())).code,
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn a_weak_password_keeps_the_servers_reasons() {
        let body = r#"{"code":"weak_password","message":"too short","weak_password":{"reasons":["length"]}}"#;
        let error = supabase().parse_error(&Response::new(422, body.into()));
        assert_eq!(
            (error.code, error.reasons.as_slice()),
            (ErrorCode::WeakPassword, &["length".to_owned()][..])
        );
    }

    #[test]
    fn a_refused_api_key_names_the_setting() {
        let body = r#"{"message":"Invalid API key","hint":"Double check your API key."}"#;
        let error = supabase().parse_error(&Response::new(401, body.into()));
        assert_eq!(error.code, ErrorCode::InvalidConfiguration);
        assert_eq!(
            (error.reasons.as_slice(), error.status),
            (&["supabaseKey".to_owned()][..], Some(401))
        );
    }

    #[test]
    fn a_sign_up_is_a_session_or_a_bare_user() {
        let session = session_body("s1", "u1", "t1", "r1", 3600);
        let parsed = supabase().parse_sign_up(&Secret::new(session), Millis(1000)).unwrap();
        let SignUp::Session(session) = parsed else {
            panic!("no session")
        };
        assert_eq!(session.account.session_id, "s1");
        assert_eq!(session.expires_at, Millis(3_601_000));
        let bare = supabase().parse_sign_up(&Secret::from(r#"{"id":"u1","email":"u1@example.org"}"#), Millis(0));
        assert_eq!(bare, Ok(SignUp::ConfirmEmail));
        for junk in ["", "{}", "[]", "<html>", r#"{"access_token":"x"}"#, r#"{"id":""}"#] {
            let error = supabase().parse_sign_up(&Secret::from(junk), Millis(0)).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnexpectedResponse, "{junk}");
        }
    }

    #[test]
    fn a_legacy_key_also_goes_in_authorization() {
        let mut legacy = supabase();
        legacy.publishable_key = "eyJhbGciOi".into();
        let names = |request: &Request| request.headers().map(|(name, _)| name).collect::<Vec<_>>();
        assert!(names(&legacy.sign_in("a", &Secret::from("b"))).contains(&"authorization"));
        assert!(!names(&supabase().sign_in("a", &Secret::from("b"))).contains(&"authorization"));
    }
}
