//! Sessions as the server sends them, and the one claim of a token that is read.

use alloc::string::String;

use super::{Account, AuthSession, MAX_ID, Millis, SignUp, Supabase};
use crate::base64url;
use crate::error::{Error, ErrorCode, Server};
use crate::http::{Credential, bounded};
use crate::json::{self, Scanner, read, text_into};
use crate::secret::Secret;

/// The longest token that is taken, in bytes. Real ones have one to four KiB.
const MAX_TOKEN: usize = 16 * 1024;
const MAX_EMAIL: usize = 320;

impl Supabase {
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
            generation: 1,
        })
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
