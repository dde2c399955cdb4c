//! What the session store holds: one versioned JSON text per backend origin.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::auth::{Account, AuthSession, Millis};
use crate::device::ModelAccess;
use crate::http::{BaseUrl, Credential};
use crate::secret::Secret;

/// The version that this code writes.
const VERSION: u32 = 1;

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
        let wire = Wire {
            version: VERSION,
            origin: String::from(backend.origin().as_str()),
            session: self.session.as_ref().map(|session| WireSession {
                account: session.account.clone(),
                access_token: session.access_token.secret().expose().into(),
                refresh_token: session.refresh_token.expose().into(),
                issued_at: session.issued_at,
                expires_at: session.expires_at,
            }),
            model_access: self.model_access.as_ref().map(|access| WireAccess {
                user_id: access.user_id.clone(),
                endpoint: access.endpoint.join(""),
                key: access.key.secret().expose().into(),
                key_id: access.key_id.clone(),
                expires_at: access.expires_at,
            }),
        };
        // Serialising plain strings and numbers can't fail; an empty text would read back as unreadable.
        Secret::new(serde_json::to_string(&wire).unwrap_or_default())
    }

    /// Reads the stored text back.
    ///
    /// # Errors
    /// [`Unreadable`]: it means "signed out", never a failure at start-up.
    pub fn from_text(text: &Secret, backend: &BaseUrl) -> Result<Self, Unreadable> {
        let wire: Wire = serde_json::from_str(text.expose()).map_err(|_| Unreadable)?;
        if wire.version != VERSION || wire.origin != backend.origin().as_str() {
            return Err(Unreadable);
        }
        let session = wire.session.map(|stored| AuthSession {
            account: stored.account,
            access_token: Credential::new(Secret::new(stored.access_token), backend.origin().clone()),
            refresh_token: Secret::new(stored.refresh_token),
            issued_at: stored.issued_at,
            expires_at: stored.expires_at,
        });
        let model_access = wire.model_access.map(WireAccess::into_access).transpose()?;
        Ok(Self { session, model_access })
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.session.is_none() && self.model_access.is_none()
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    origin: String,
    session: Option<WireSession>,
    model_access: Option<WireAccess>,
}

#[derive(Serialize, Deserialize)]
struct WireSession {
    account: Account,
    access_token: String,
    refresh_token: String,
    issued_at: Millis,
    expires_at: Millis,
}

#[derive(Serialize, Deserialize)]
struct WireAccess {
    user_id: String,
    endpoint: String,
    key: String,
    key_id: String,
    expires_at: Option<Millis>,
}

impl WireAccess {
    fn into_access(self) -> Result<ModelAccess, Unreadable> {
        let endpoint = BaseUrl::parse(&self.endpoint).map_err(|_| Unreadable)?;
        let key = Credential::new(Secret::new(self.key), endpoint.origin().clone());
        Ok(ModelAccess {
            user_id: self.user_id,
            endpoint,
            key,
            key_id: self.key_id,
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
