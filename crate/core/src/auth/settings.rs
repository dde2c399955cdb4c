//! What the operator of an auth server switched on.

use alloc::vec::Vec;

use super::Supabase;
use crate::http::Response;
use crate::json::{self, Scanner, read};
use crate::oauth::Way;

/// The part of `GET /auth/v1/settings` that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The ways of signing in that work.
    pub ways: Vec<Way>,
}

impl Supabase {
    /// The settings in an answer; `None` when it is none, which tells nothing about them.
    #[must_use]
    pub fn parse_settings(response: &Response) -> Option<Settings> {
        if !response.is_success() {
            return None;
        }
        read(response.body.expose().as_bytes(), Settings::read)?
    }
}

impl Settings {
    /// `None` when the document does not say which providers there are.
    fn read(scanner: &mut Scanner<'_>) -> json::Result<Option<Self>> {
        let (mut ways, mut email, mut sign_up, mut named) = (Vec::new(), false, true, false);
        scanner.object_or_skip(|scanner, key| {
            if key.is("disable_signup") {
                sign_up = scanner.bool_or_skip()? != Some(true);
                return Ok(());
            }
            if !key.is("external") {
                return scanner.skip_value();
            }
            named = scanner.object_or_skip(|scanner, key| {
                let on = scanner.bool_or_skip()? == Some(true);
                if key.is("email") {
                    email = on;
                }
                ways.extend(
                    [Way::Github, Way::Google]
                        .into_iter()
                        .filter(|way| on && key.is(way.as_str())),
                );
                Ok(())
            })?;
            Ok(())
        })?;
        if email {
            ways.extend([Way::EmailCode, Way::Password, Way::ResetPassword]);
        }
        if email && sign_up {
            ways.push(Way::CreateAccount);
        }
        Ok(named.then_some(Self { ways }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(status: u16, body: &str) -> Option<Settings> {
        Supabase::parse_settings(&Response::new(status, body.into()))
    }

    #[test]
    fn what_is_switched_on_is_read() {
        let body = r#"{"external":{"anonymous_users":false,"email":true,"github":true,"google":false},"disable_signup":true,"mailer_autoconfirm":false}"#;
        let ways = [Way::Github, Way::EmailCode, Way::Password, Way::ResetPassword].to_vec();
        assert_eq!(parse(200, body), Some(Settings { ways }));
        let open = parse(200, r#"{"external":{"email":true}}"#).unwrap();
        assert!(open.ways.contains(&Way::CreateAccount));
    }

    #[test]
    fn an_answer_that_names_no_providers_tells_nothing() {
        for (status, body) in [
            (200, "{}"),
            (200, "<html>"),
            (200, r#"{"external":[]}"#),
            (500, r#"{"external":{}}"#),
        ] {
            assert_eq!(parse(status, body), None, "{body}");
        }
    }
}
