//! Supabase Auth (`GoTrue`) on the wire: requests, sessions and error bodies.
//!
//! Everything that a server sends is bounded and unknown fields are ignored.

mod refusal;
mod session;
mod settings;

use alloc::string::String;

pub(crate) use refusal::{meaning, status_code};
pub use settings::Settings;

use crate::error::Error;
use crate::http::{BaseUrl, Credential, Method, Request};
use crate::json::Object;
use crate::oauth::{Way, query};
use crate::secret::Secret;

const MAX_ID: usize = 128;

/// A time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// `ms` milliseconds later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The milliseconds since `earlier`; 0 when it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
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
    /// The how manieth token of the session it is, from 1 on: which of two is the newer one, whatever the clock did.
    /// 0 where that was not written down.
    pub generation: u64,
}

/// What signing up led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignUp {
    /// The server confirms by itself: the user is signed in.
    Session(AuthSession),
    /// The server sent an e-mail; the user confirms it and signs in.
    ConfirmEmail,
}

/// How the link in an e-mail leads back into the flow that had it sent.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Where the browser goes; without it, to the operator's site.
    pub redirect_to: Option<&'a str>,
    /// The PKCE challenge: what comes back is a code that is good only with its verifier.
    pub challenge: &'a str,
}

/// The version of the error shape that this client asks for.
const API_VERSION: &str = "2024-01-01";

/// The time limit for what a picker waits for, in milliseconds.
const SETTINGS_TIMEOUT_MS: u32 = 4_000;

impl Supabase {
    fn request(&self, path: &str) -> Request {
        let request = self.plain(Method::Post, path);
        // A legacy anon key is a JWT and also goes in `Authorization` while nobody is signed in; sb_publishable_… does not.
        if self.publishable_key.starts_with("eyJ") {
            request.header("authorization", &["Bearer ", &self.publishable_key].concat())
        } else {
            request
        }
    }

    fn plain(&self, method: Method, path: &str) -> Request {
        Request::new(method, &self.base, path)
            .header("apikey", &self.publishable_key)
            .header("x-supabase-api-version", API_VERSION)
    }

    /// A call that has an e-mail with a link and a code sent.
    fn mail(&self, path: &str, link: Link<'_>, body: Object) -> Request {
        let body = body
            .string("code_challenge", link.challenge)
            .string("code_challenge_method", "s256")
            .end();
        let mut path = String::from(path);
        if let Some(redirect_to) = link.redirect_to {
            query::append(&mut path, "redirect_to", redirect_to);
        }
        self.request(&path).json(body)
    }

    /// `POST /auth/v1/signup`.
    #[must_use]
    pub fn sign_up(&self, email: &str, password: &Secret, link: Link<'_>) -> Request {
        self.mail("/auth/v1/signup", link, credentials(email, password))
    }

    /// `POST /auth/v1/otp`: a link and a code for signing in.
    #[must_use]
    pub fn send_code(&self, email: &str, create_user: bool, link: Link<'_>) -> Request {
        let body = address(email).raw("create_user", if create_user { "true" } else { "false" });
        self.mail("/auth/v1/otp", link, body)
    }

    /// `POST /auth/v1/recover`: a link and a code for choosing another password.
    #[must_use]
    pub fn recover(&self, email: &str, link: Link<'_>) -> Request {
        self.mail("/auth/v1/recover", link, address(email))
    }

    /// `POST /auth/v1/token?grant_type=password`.
    #[must_use]
    pub fn sign_in(&self, email: &str, password: &Secret) -> Request {
        self.request("/auth/v1/token?grant_type=password")
            .json(credentials(email, password).end())
    }

    /// `POST /auth/v1/verify`: the code of an e-mail, which this way of signing in had sent.
    #[must_use]
    pub fn verify(&self, way: Way, email: &str, code: &str) -> Request {
        let kind = match way {
            Way::CreateAccount => "signup",
            Way::ResetPassword => "recovery",
            _ => "email",
        };
        let body = address(email).string("type", kind).string("token", code).end();
        self.request("/auth/v1/verify").json(body)
    }

    /// `POST /auth/v1/token?grant_type=pkce`: a code for a session (RFC 7636, section 4.5).
    #[must_use]
    pub fn exchange(&self, code: &Secret, verifier: &Secret) -> Request {
        let body = Object::new()
            .string("auth_code", code.expose())
            .string("code_verifier", verifier.expose())
            .end();
        self.request("/auth/v1/token?grant_type=pkce").json(body)
    }

    /// The address that a browser is sent to for signing in with a provider.
    #[must_use]
    pub fn authorize_url(&self, provider: &str, redirect_to: &str, challenge: &str) -> String {
        let mut url = self.base.join("/auth/v1/authorize");
        for (name, value) in [
            ("provider", provider),
            ("redirect_to", redirect_to),
            ("code_challenge", challenge),
            ("code_challenge_method", "s256"),
        ] {
            query::append(&mut url, name, value);
        }
        url
    }

    /// `POST /auth/v1/token?grant_type=refresh_token`.
    #[must_use]
    pub fn refresh(&self, refresh_token: &Secret) -> Request {
        let body = Object::new().string("refresh_token", refresh_token.expose()).end();
        self.request("/auth/v1/token?grant_type=refresh_token").json(body)
    }

    /// `GET /auth/v1/settings`: what the operator switched on.
    #[must_use]
    pub fn settings(&self) -> Request {
        self.plain(Method::Get, "/auth/v1/settings")
            .timeout_ms(SETTINGS_TIMEOUT_MS)
    }

    /// `GET /auth/v1/user`: whether the session still lives.
    ///
    /// # Errors
    /// `ORIGIN_MISMATCH` when the token belongs to another server.
    pub fn user(&self, access_token: &Credential) -> Result<Request, Error> {
        self.plain(Method::Get, "/auth/v1/user").bearer(access_token)
    }

    /// `PUT /auth/v1/user`: another password.
    ///
    /// # Errors
    /// `ORIGIN_MISMATCH` when the token belongs to another server.
    pub fn set_password(&self, password: &Secret, access_token: &Credential) -> Result<Request, Error> {
        let body = Object::new().string("password", password.expose()).end();
        Ok(self
            .plain(Method::Put, "/auth/v1/user")
            .bearer(access_token)?
            .json(body))
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
        self.plain(Method::Post, path).bearer(access_token)
    }
}

fn address(email: &str) -> Object {
    Object::new().string("email", email.trim_ascii())
}

fn credentials(email: &str, password: &Secret) -> Object {
    address(email).string("password", password.expose())
}

#[cfg(test)]
pub(crate) mod tests;
