//! This device's access to the models: the `vscode-config` call and its answer.

use alloc::string::String;

use crate::auth::{Millis, Supabase};
use crate::error::{Error, ErrorCode};
use crate::http::{BaseUrl, Credential, Request, Response, bounded};
use crate::json::{self, Object, Scanner, read, text_into};
use crate::secret::Secret;

const MAX_KEY: usize = 512;
const MAX_ID: usize = 128;

/// The installation for which the backend issues a key.
#[derive(Debug, Clone)]
pub struct Device {
    /// A UUID that this installation made once.
    pub id: String,
    /// What the user sees in a list of devices, for example the machine's name.
    pub name: String,
}

/// A key and the endpoint that it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAccess {
    /// Whose key it is: another user of this machine must not inherit it.
    pub user_id: String,
    /// The LiteLLM proxy that takes the key.
    pub endpoint: BaseUrl,
    /// The virtual key, bound to the endpoint's origin.
    pub key: Credential,
    /// LiteLLM's `token`: the key's SHA-256, in hex.
    pub key_id: String,
    /// When the key ends, if it does.
    pub expires_at: Option<Millis>,
}

impl ModelAccess {
    /// Whether the key can be used by this user at `now`.
    #[must_use]
    pub fn usable(&self, user_id: &str, now: Millis) -> bool {
        self.user_id == user_id && self.expires_at.is_none_or(|end| end > now)
    }
}

/// `POST /functions/v1/vscode-config`.
///
/// # Errors
/// `ORIGIN_MISMATCH` when the token belongs to another server.
pub fn request(supabase: &Supabase, device: &Device, access_token: &Credential) -> Result<Request, Error> {
    let body = Object::new()
        .string("device_id", &device.id)
        .string("device_name", &device.name)
        .end();
    Ok(supabase
        .authorized("/functions/v1/vscode-config", access_token)?
        .json(body))
}

/// The key in the answer, held against the model endpoint that this client is set to.
///
/// # Errors
/// `ORIGIN_MISMATCH` when the backend issued the key for another origin than `litellm`, so that neither a setting nor a
/// server can lead the key astray; `UNEXPECTED_RESPONSE` when the answer has another shape.
pub fn parse(body: &Secret, user_id: &str, litellm: &BaseUrl) -> Result<ModelAccess, Error> {
    let unexpected = || Error::new(ErrorCode::UnexpectedResponse);
    let wire = read(body.expose().as_bytes(), WireAccess::read_config).ok_or_else(unexpected)?;
    let plain = |key: &str| key.starts_with("sk-") && key.len() <= MAX_KEY && key.bytes().all(|b| b.is_ascii_graphic());
    if !plain(&wire.key) {
        return Err(unexpected());
    }
    let issued_for = BaseUrl::parse(&wire.endpoint).map_err(|_| unexpected())?;
    if issued_for.origin() != litellm.origin() {
        return Err(Error::new(ErrorCode::OriginMismatch).with_origin(issued_for.origin().as_str()));
    }
    Ok(ModelAccess {
        user_id: user_id.into(),
        key: Credential::new(Secret::new(wire.key), issued_for.origin().clone()),
        endpoint: litellm.clone(),
        key_id: bounded(&wire.key_id, MAX_ID),
        expires_at: wire.expires_at.map(|seconds| Millis(seconds.saturating_mul(1000))),
    })
}

/// What a refusal of one of our own functions means.
#[must_use]
pub fn parse_error(response: &Response) -> Error {
    let wire = read(response.body.expose().as_bytes(), WireError::read).unwrap_or_default();
    let code = match (response.status, wire.code.is_empty()) {
        (401, _) => ErrorCode::NotAuthenticated,
        (429, _) => ErrorCode::RateLimited,
        (402, _) => ErrorCode::QuotaExceeded,
        (500..=599, _) => ErrorCode::ServerError,
        (_, false) => ErrorCode::ValidationFailed,
        (_, true) => ErrorCode::UnexpectedResponse,
    };
    let mut error = Error::new(code)
        .with_status(response.status)
        .with_retry_after_ms(response.retry_after_ms)
        .with_server_message(&wire.message);
    error
        .reasons
        .extend(wire.details.map(|details| bounded(&details, MAX_ID)));
    error
}

#[derive(Default)]
struct WireAccess {
    endpoint: String,
    key: String,
    key_id: String,
    expires_at: Option<u64>,
}

impl WireAccess {
    fn read_config(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut access = Self::default();
        scanner.object_or_skip(|scanner, key| {
            if key.is("model_access") {
                access = Self::read(scanner)?;
                Ok(())
            } else {
                scanner.skip_value()
            }
        })?;
        Ok(access)
    }

    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let (mut endpoint, mut key, mut key_id, mut expires_at) = (None, None, None, None);
        scanner.object_or_skip(|scanner, name| {
            if name.is("endpoint") {
                text_into(scanner, &mut endpoint)
            } else if name.is("key") {
                text_into(scanner, &mut key)
            } else if name.is("key_id") {
                text_into(scanner, &mut key_id)
            } else if name.is("expires_at") {
                expires_at = scanner.whole_or_skip()?;
                Ok(())
            } else {
                scanner.skip_value()
            }
        })?;
        Ok(Self {
            endpoint: endpoint.unwrap_or_default(),
            key: key.unwrap_or_default(),
            key_id: key_id.unwrap_or_default(),
            expires_at,
        })
    }
}

#[derive(Default)]
struct WireError {
    code: String,
    message: String,
    /// `PostgREST`'s `details`: which field was refused.
    details: Option<String>,
}

impl WireError {
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let (mut code, mut message, mut details) = (None, None, None);
        scanner.object_or_skip(|scanner, key| {
            if key.is("code") {
                text_into(scanner, &mut code)
            } else if key.is("message") {
                text_into(scanner, &mut message)
            } else if key.is("details") {
                text_into(scanner, &mut details)
            } else {
                scanner.skip_value()
            }
        })?;
        Ok(Self {
            code: code.unwrap_or_default(),
            message: message.unwrap_or_default(),
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn answer(endpoint: &str, key: &str) -> Secret {
        Secret::new(format!(
            r#"{{"user":{{}},"model_access":{{"endpoint":"{endpoint}","key":"{key}","key_id":"abc","expires_at":null}}}}"#
        ))
    }

    #[test]
    fn a_key_for_another_origin_is_refused() {
        let litellm = BaseUrl::parse("https://models.example.org").unwrap();
        assert!(parse(&answer("https://models.example.org/", "sk-1"), "u", &litellm).is_ok());
        let error = parse(&answer("https://evil.example.org", "sk-1"), "u", &litellm).unwrap_err();
        assert_eq!(error.code, ErrorCode::OriginMismatch);
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        let litellm = BaseUrl::parse("https://models.example.org").unwrap();
        for body in [
            answer("https://models.example.org", "sk-1\\n"),
            answer("nowhere", "sk-1"),
            Secret::from("{}"),
        ] {
            assert_eq!(
                parse(&body, "u", &litellm).unwrap_err().code,
                ErrorCode::UnexpectedResponse
            );
        }
    }
}
