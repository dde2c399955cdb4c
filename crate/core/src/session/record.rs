//! What the session store holds: one versioned JSON text per backend origin.

use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::{Account, AuthSession, Millis, read, text_into};
use crate::device::ModelAccess;
use crate::http::{BaseUrl, Credential};
use crate::json::{self, Object, Scanner};
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
        let text = Object::new()
            .number("version", VERSION)
            .string("origin", backend.origin().as_str())
            .raw("session", &session)
            .raw("model_access", &model_access)
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
            session: wire.session.map(|session| session.into_session(backend)).transpose()?,
            model_access: wire.model_access.map(Fields::into_access).transpose()?,
        })
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.session.is_none() && self.model_access.is_none()
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
            } else {
                scanner.skip_value()?;
            }
            Ok(())
        })?;
        Ok(wire)
    }
}

/// The members of a stored session or model access; which are needed is decided when they are taken out.
#[derive(Default)]
struct Fields {
    texts: Vec<(String, String)>,
    issued_at: Option<Millis>,
    expires_at: Option<Millis>,
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
            } else if let Some(text) = scanner.string_or_skip()? {
                fields
                    .texts
                    .push((key.decode().into_owned(), text.decode().into_owned()));
            }
            Ok(())
        })?;
        Ok(is_object.then_some(fields))
    }

    fn take(&mut self, name: &str) -> Result<String, Unreadable> {
        let at = self.texts.iter().position(|(key, _)| key == name).ok_or(Unreadable)?;
        Ok(self.texts.swap_remove(at).1)
    }

    fn into_session(mut self, backend: &BaseUrl) -> Result<AuthSession, Unreadable> {
        Ok(AuthSession {
            account: Account {
                session_id: self.take("session_id")?,
                user_id: self.take("user_id")?,
                email: self.take("email")?,
            },
            access_token: Credential::new(Secret::new(self.take("access_token")?), backend.origin().clone()),
            refresh_token: Secret::new(self.take("refresh_token")?),
            issued_at: self.issued_at.ok_or(Unreadable)?,
            expires_at: self.expires_at.ok_or(Unreadable)?,
        })
    }

    fn into_access(mut self) -> Result<ModelAccess, Unreadable> {
        let endpoint = BaseUrl::parse(&self.take("endpoint")?).map_err(|_| Unreadable)?;
        let key = Credential::new(Secret::new(self.take("key")?), endpoint.origin().clone());
        Ok(ModelAccess {
            user_id: self.take("user_id")?,
            endpoint,
            key,
            key_id: self.take("key_id")?,
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
