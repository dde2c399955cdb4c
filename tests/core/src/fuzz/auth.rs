//! What strangers say to the sign-in: callbacks, the stored text, tokens, and refusals of the auth server.

use godoty_core::auth::{Millis, Supabase};
use godoty_core::error::MAX_SERVER_MESSAGE;
use godoty_core::http::{BaseUrl, Response};
use godoty_core::json::is_json;
use godoty_core::oauth::{Callback, FlowState, MAX_CALLBACK, Outcome, Pasted, parse, parse_pasted};
use godoty_core::secret::Secret;
use godoty_core::session::Record;

/// The backend that everything here belongs to.
fn supabase() -> Supabase {
    Supabase {
        base: BaseUrl::parse("https://example.supabase.co").unwrap(),
        publishable_key: "sb_publishable_x".into(),
    }
}

/// A callback of any text is refused, or has a nonce and a code of harmless characters and a bounded message; and what
/// came to the handler could have been pasted as well.
///
/// # Panics
/// When something else gets through.
pub fn callback(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (came, pasted) = (parse(&text), parse_pasted(&text));
    if text.len() >= MAX_CALLBACK {
        assert_eq!((came, pasted), (None, None));
        return;
    }
    if let Some(callback) = &came {
        assert!(callback.nonce.is_some());
        let trimmed = text.trim_ascii() == text;
        assert!(
            !trimmed || pasted == Some(Pasted::Callback(callback.clone())),
            "{text:?}"
        );
    }
    match pasted {
        Some(Pasted::Callback(callback)) => check(&callback),
        Some(Pasted::Code(code)) => assert_harmless(code.expose()),
        Some(Pasted::Digits(digits)) => {
            let digits = digits.expose();
            assert!((6..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
        }
        None => {}
    }
    if let Some(callback) = came {
        check(&callback);
    }
}

fn check(callback: &Callback) {
    if let Some(nonce) = &callback.nonce {
        assert_harmless(nonce);
    }
    match &callback.outcome {
        Outcome::Code(code) => assert_harmless(code.expose()),
        Outcome::Tokens => {}
        Outcome::Refused(error) => assert_message(error.server_message.as_deref()),
    }
}

fn assert_harmless(field: &str) {
    assert!(!field.is_empty() && field.len() <= 512);
    assert!(
        field
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    );
}

fn assert_message(message: Option<&str>) {
    let Some(message) = message else { return };
    assert!(!message.is_empty() && message.chars().count() <= MAX_SERVER_MESSAGE);
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!message.chars().any(|c| c.is_control() || turns(c)));
}

/// A stored text of any bytes is refused, or reads back as what was written out of it; it belongs to its own backend.
///
/// # Panics
/// When something is lost or made up.
pub fn stored_session(data: &[u8]) {
    let supabase = supabase();
    let text = Secret::new(String::from_utf8_lossy(data).into_owned());
    let Ok(record) = Record::from_text(&text, &supabase.base) else {
        return;
    };
    assert!(is_json(text.expose().as_bytes()));
    let written = record.to_text(&supabase.base);
    assert_eq!(Record::from_text(&written, &supabase.base).as_ref(), Ok(&record));
    let other = BaseUrl::parse("https://other.supabase.co").unwrap();
    assert!(Record::from_text(&text, &other).is_err());
    if let Some(session) = &record.session {
        assert_eq!(session.access_token.origin(), supabase.base.origin());
    }
    if let Some(access) = &record.model_access {
        assert_eq!(access.key.origin(), access.endpoint.origin());
    }
    if let Some(FlowState::Pending(verifier)) = record.flow.map(|flow| flow.state) {
        assert!(written.expose().contains("verifier") && format!("{verifier:?}") == "[redacted]");
    }
}

/// A token with claims of any bytes gives a bounded session id that stands in the claims, or no session. An odd first
/// byte takes the rest for the token as it is.
///
/// # Panics
/// When an id is made up.
pub fn jwt_claims(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let token = if kind % 2 == 1 {
        if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            return;
        }
        text.clone().into_owned()
    } else {
        format!("e30.{}.s", base64url(rest))
    };
    let body = format!(
        r#"{{"access_token":"{token}","refresh_token":"r","expires_in":60,"user":{{"id":"u","email":"u@example.org"}}}}"#
    );
    let Ok(session) = supabase().parse_session(&Secret::new(body), Millis(5)) else {
        return;
    };
    let id = &session.account.session_id;
    assert!(!id.is_empty() && id.len() <= 128);
    assert_eq!((session.issued_at, session.expires_at), (Millis(5), Millis(60_005)));
    if kind % 2 == 0 {
        let claims: Result<serde_json::Value, _> = serde_json::from_slice(rest);
        // Escapes and invalid UTF-8 are read leniently, as they are in the rest of the document.
        if let Ok(claims) = claims {
            assert_eq!(claims["session_id"].as_str(), Some(id.as_str()));
        }
    }
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let padded = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for place in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// A refusal of any bytes has a code, a bounded message without anything that hides or turns text, and few reasons. The
/// first two bytes are the status, the third says whether a header names a code.
///
/// # Panics
/// When something is not bounded.
pub fn auth_error(data: &[u8]) {
    let Some(([high, low, header], body)) = data.split_first_chunk::<3>() else {
        return;
    };
    let status = 400 + u16::from_be_bytes([*high, *low]) % 200;
    let mut response = Response::new(status, String::from_utf8_lossy(body).into_owned());
    if header % 2 == 1 {
        response.error_code = Some("session_not_found".into());
    }
    let error = supabase().parse_error(&response);
    assert_eq!(error.status, Some(status));
    assert_message(error.server_message.as_deref());
    assert!(error.reasons.len() <= 10 && error.reasons.iter().all(|reason| reason.chars().count() <= 128));
    assert_eq!(error.origin.as_deref(), Some("https://example.supabase.co"));
}
