//! What the server sends and what it means; and what other tests of this crate need of a server.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::error::ErrorCode;
use crate::http::Response;

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
fn each_code_means_the_same_wherever_the_server_puts_it() {
    use ErrorCode as E;
    for (status, name, expected) in [
        (400, "invalid_credentials", E::InvalidCredentials),
        (400, "email_not_confirmed", E::EmailNotConfirmed),
        (422, "weak_password", E::WeakPassword),
        (422, "same_password", E::WeakPassword),
        (422, "user_already_exists", E::AccountExists),
        (422, "otp_disabled", E::AccountUnknown),
        (422, "signup_disabled", E::SignupDisabled),
        (403, "otp_expired", E::CodeRejected),
        (400, "bad_code_verifier", E::CallbackUnknown),
        (404, "flow_state_not_found", E::CallbackUsed),
        (400, "flow_state_expired", E::SignInExpired),
        (400, "bad_oauth_state", E::SignInExpired),
        (400, "bad_oauth_callback", E::ServerError),
        (400, "validation_failed", E::ValidationFailed),
        (400, "bad_json", E::ValidationFailed),
        (429, "over_email_send_rate_limit", E::RateLimited),
        (400, "refresh_token_not_found", E::SessionExpired),
        (400, "refresh_token_already_used", E::SessionExpired),
        (400, "session_expired", E::SessionExpired),
        (403, "session_not_found", E::SessionExpired),
        (401, "no_authorization", E::NotAuthenticated),
        (403, "bad_jwt", E::NotAuthenticated),
        (403, "user_not_found", E::NotAuthenticated),
    ] {
        let mut header = Response::new(status, String::new());
        header.error_code = Some(name.to_owned());
        for response in [
            Response::new(status, format!(r#"{{"code":"{name}","message":"m"}}"#)),
            Response::new(
                status,
                format!(r#"{{"code":{status},"error_code":"{name}","msg":"m"}}"#),
            ),
            Response::new(status, format!(r#"{{"error":"{name}","error_description":"m"}}"#)),
            header,
        ] {
            let error = supabase().parse_error(&response);
            assert_eq!((error.code, error.status), (expected, Some(status)), "{response:?}");
        }
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
fn of_a_claim_that_stands_twice_the_last_one_counts() {
    for (claims, expected) in [
        (r#"{"session_id":"s1","session_id":"s2"}"#, Some("s2")),
        (r#"{"session_id":1,"session_id":"s2"}"#, Some("s2")),
        (r#"{"session_id":"s1","session_id":1}"#, None),
    ] {
        let body = session_body("s", "u", "t", "r", 60);
        let (before, rest) = body.split_once("e30.").unwrap();
        let (_, after) = rest.split_once(".sig").unwrap();
        let body = [before, "e30.", &URL_SAFE_NO_PAD.encode(claims), ".sig", after].concat();
        let session = supabase().parse_session(&Secret::new(body), Millis(0));
        let session_id = session.ok().map(|session| session.account.session_id);
        assert_eq!(session_id.as_deref(), expected, "{claims}");
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
