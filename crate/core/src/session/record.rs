//! What the session store holds: one versioned JSON text per backend origin.

use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::{Account, AuthSession, Millis};
use crate::device::ModelAccess;
use crate::error::ErrorCode;
use crate::http::{BaseUrl, Credential};
use crate::json::{self, Object, Scanner, read, text_into};
use crate::oauth::{Flow, FlowState, Way};
use crate::secret::Secret;

/// The version that this code writes.
const VERSION: u64 = 1;

/// The account as stored. The model access outlives the session: an expired session keeps the device's key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The session, unless it ended.
    pub session: Option<AuthSession>,
    /// This device's model key and who it belongs to.
    pub model_access: Option<ModelAccess>,
    /// The sign-in that waits, or that ended last.
    pub flow: Option<Flow>,
}

/// The stored text was not written by this version, was damaged, or belongs to another backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl Record {
    /// The text for the store. It holds secrets: this is the one place that writes them out.
    #[must_use]
    pub fn to_text(&self, backend: &BaseUrl) -> Secret {
        let session = self.session.as_ref().map_or_else(null, |session| {
            Object::new()
                .string("session_id", &session.account.session_id)
                .string("user_id", &session.account.user_id)
                .string("email", &session.account.email)
                .string("access_token", session.access_token.secret().expose())
                .string("refresh_token", session.refresh_token.expose())
                .number("issued_at", session.issued_at.0)
                .number("expires_at", session.expires_at.0)
                .number("generation", session.generation)
                .end()
        });
        let model_access = self.model_access.as_ref().map_or_else(null, |access| {
            let object = Object::new()
                .string("user_id", &access.user_id)
                .string("endpoint", &access.endpoint.join(""))
                .string("key", access.key.secret().expose())
                .string("key_id", &access.key_id);
            match access.expires_at {
                Some(end) => object.number("expires_at", end.0).end(),
                None => object.end(),
            }
        });
        let flow = self.flow.as_ref().map_or_else(null, |flow| {
            let object = Object::new()
                .string("nonce", &flow.nonce)
                .string("way", flow.way.as_str())
                .string("email", &flow.email)
                .string("user_id", &flow.user_id)
                .number("issued_at", flow.began_at.0);
            match &flow.state {
                FlowState::Pending(verifier) => object.string("verifier", verifier.expose()),
                FlowState::Completed => object,
                FlowState::Failed(code) => object.number("failed", *code as u64),
            }
            .end()
        });
        let text = Object::new()
            .number("version", VERSION)
            .string("origin", backend.origin().as_str())
            .raw("session", &session)
            .raw("model_access", &model_access)
            .raw("flow", &flow)
            .end();
        Secret::new(text)
    }

    /// Reads the stored text back.
    ///
    /// # Errors
    /// [`Unreadable`]: it means "signed out", never a failure at start-up.
    pub fn from_text(text: &Secret, backend: &BaseUrl) -> Result<Self, Unreadable> {
        let wire = read(text.expose().as_bytes(), Wire::read).ok_or(Unreadable)?;
        if wire.version != Some(VERSION) || wire.origin.as_deref() != Some(backend.origin().as_str()) {
            return Err(Unreadable);
        }
        Ok(Self {
            session: match wire.session {
                Some(session) => Some(session.into_session(backend).ok_or(Unreadable)?),
                None => None,
            },
            model_access: match wire.model_access {
                Some(access) => Some(access.into_access().ok_or(Unreadable)?),
                None => None,
            },
            // One that can't be read is a sign-in that has to be begun again, and no more.
            flow: wire.flow.and_then(Fields::into_flow),
        })
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.session.is_none() && self.model_access.is_none() && self.flow.is_none()
    }
}

fn null() -> String {
    String::from("null")
}

#[derive(Default)]
struct Wire {
    version: Option<u64>,
    origin: Option<String>,
    session: Option<Fields>,
    model_access: Option<Fields>,
    flow: Option<Fields>,
}

impl Wire {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut wire = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("version") {
                wire.version = scanner.whole_or_skip()?;
            } else if key.is("origin") {
                text_into(scanner, &mut wire.origin)?;
            } else if key.is("session") {
                wire.session = Fields::read(scanner)?;
            } else if key.is("model_access") {
                wire.model_access = Fields::read(scanner)?;
            } else if key.is("flow") {
                wire.flow = Fields::read(scanner)?;
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        Ok(wire)
    }
}

/// The members of a stored session, model access or flow; which are needed is decided when they are taken out.
#[derive(Default)]
struct Fields {
    texts: Vec<(String, String)>,
    issued_at: Option<Millis>,
    expires_at: Option<Millis>,
    generation: u64,
    failed: Option<ErrorCode>,
    lacking: bool,
}

impl Fields {
    /// `None` when the next value is not an object.
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Option<Self>> {
        let mut fields = Self::default();
        let is_object = scanner.object_or_skip(|scanner, key| {
            if key.is("issued_at") {
                fields.issued_at = scanner.whole_or_skip()?.map(Millis);
            } else if key.is("expires_at") {
                fields.expires_at = scanner.whole_or_skip()?.map(Millis);
            } else if key.is("generation") {
                fields.generation = scanner.whole_or_skip()?.unwrap_or_default();
            } else if key.is("failed") {
                let at = scanner.whole_or_skip()?.and_then(|at| usize::try_from(at).ok());
                fields.failed = at.and_then(|at| ErrorCode::ALL.get(at).copied());
            } else if let Some(text) = scanner.string_or_skip()? {
                fields
                    .texts
                    .push((key.decode().into_owned(), text.decode().into_owned()));
            }
            Ok(())
        })?;
        Ok(is_object.then_some(fields))
    }

    /// A text that has to be there. One look at `lacking` after the last one is a third of the code of a look at each.
    fn take(&mut self, name: &str) -> String {
        let Some(at) = self.texts.iter().position(|(key, _)| key == name) else {
            self.lacking = true;
            return String::new();
        };
        self.texts.swap_remove(at).1
    }

    fn into_session(mut self, backend: &BaseUrl) -> Option<AuthSession> {
        let account = Account {
            session_id: self.take("session_id"),
            user_id: self.take("user_id"),
            email: self.take("email"),
        };
        let access_token = Secret::new(self.take("access_token"));
        let refresh_token = Secret::new(self.take("refresh_token"));
        let (issued_at, expires_at) = self.issued_at.zip(self.expires_at).filter(|_| !self.lacking)?;
        Some(AuthSession {
            account,
            access_token: Credential::new(access_token, backend.origin().clone()),
            refresh_token,
            issued_at,
            expires_at,
            generation: self.generation,
        })
    }

    fn into_flow(mut self) -> Option<Flow> {
        let (nonce, email, user_id) = (self.take("nonce"), self.take("email"), self.take("user_id"));
        let way = Way::parse(&self.take("way"))?;
        let began_at = self.issued_at.filter(|_| !self.lacking)?;
        let verifier = self.take("verifier");
        let state = match self.failed {
            Some(code) => FlowState::Failed(code),
            None if self.lacking => FlowState::Completed,
            None => FlowState::Pending(Secret::new(verifier)),
        };
        Some(Flow {
            nonce,
            way,
            state,
            began_at,
            email,
            user_id,
        })
    }

    fn into_access(mut self) -> Option<ModelAccess> {
        let (user_id, key_id) = (self.take("user_id"), self.take("key_id"));
        let key = Secret::new(self.take("key"));
        let endpoint = BaseUrl::parse(&self.take("endpoint")).ok().filter(|_| !self.lacking)?;
        Some(ModelAccess {
            user_id,
            key: Credential::new(key, endpoint.origin().clone()),
            endpoint,
            key_id,
            expires_at: self.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{session_body, supabase};

    #[test]
    fn a_record_reads_back_and_only_for_its_own_backend() {
        let supabase = supabase();
        let body = Secret::new(session_body("s", "u", "t", "r", 60));
        let session = supabase.parse_session(&body, Millis(5)).unwrap();
        let endpoint = BaseUrl::parse("https://models.example.org/llm").unwrap();
        let record = Record {
            session: Some(session),
            model_access: Some(ModelAccess {
                user_id: "u".into(),
                key: Credential::new(Secret::from("sk-1"), endpoint.origin().clone()),
                endpoint,
                key_id: "k".into(),
                expires_at: None,
            }),
            flow: None,
        };
        let text = record.to_text(&supabase.base);
        assert_eq!(Record::from_text(&text, &supabase.base), Ok(record));
        let other = BaseUrl::parse("https://other.supabase.co").unwrap();
        assert_eq!(Record::from_text(&text, &other), Err(Unreadable));
    }

    #[test]
    fn junk_is_unreadable() {
        for junk in [
            "",
            "null",
            "{}",
            "[1]",
            r#"{"version":2,"origin":"https://example.supabase.co"}"#,
            "\u{0}",
        ] {
            assert_eq!(
                Record::from_text(&Secret::from(junk), &supabase().base),
                Err(Unreadable),
                "{junk}"
            );
        }
    }
}
