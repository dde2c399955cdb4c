//! What a callback says.
//!
//! A browser hands it over, or the user pastes it; hosts encode it once more, drop its fragment, or put their own
//! parameters around it. What is read: the query first, then the fragment, and whatever lies encoded in them.

use alloc::string::String;

use super::query::{decode, is_unreserved};
use crate::auth::meaning;
use crate::error::{Error, ErrorCode};
use crate::secret::Secret;

/// A callback of this many bytes or more is refused unread.
pub const MAX_CALLBACK: usize = 64 * 1024;

/// The longest code and nonce that are taken, in bytes. Supabase's codes are UUIDs.
const MAX_FIELD: usize = 512;

/// A callback that was taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The flow that it says it belongs to.
    pub nonce: Option<String>,
    /// What it brings.
    pub outcome: Outcome,
}

/// What a callback brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A code, good with the flow's verifier alone.
    Code(Secret),
    /// Tokens of OAuth's implicit flow. No flow of this client asks for them, so they are not even read: whoever can
    /// make a browser open an address could sign the user in to an account of their own with them.
    Tokens,
    /// The server's refusal.
    Refused(Error),
}

/// What a user pasted or typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pasted {
    /// An address.
    Callback(Callback),
    /// The code out of such an address.
    Code(Secret),
    /// The digits of an e-mail: who has them and the address is signed in.
    Digits(Secret),
}

/// Takes a callback apart that came to the URI handler (`/auth/callback`) or to the port (`/cb`): a whole address, or a
/// path with its query.
///
/// `None` when it is too long, has a foreign path, names no flow, or says nothing.
#[must_use]
pub fn parse(text: &str) -> Option<Callback> {
    let (path, fields) = take_apart(text)?;
    // VS Code's own callback page hands on to a path that it has in a parameter.
    let path = fields.path.as_deref().unwrap_or(path);
    let ours = path == "/auth/callback" || path == "/cb";
    fields
        .into_callback()
        .filter(|callback| ours && callback.nonce.is_some())
}

/// Takes apart what the user brought: an address (of the operator's site, too, where a browser ends up whose way back
/// was not allowed), the code in it, or the digits of an e-mail.
///
/// `None` when it is none of them.
#[must_use]
pub fn parse_pasted(text: &str) -> Option<Pasted> {
    let text = text.trim_ascii();
    if text.contains(['=', '%']) {
        return take_apart(text)?.1.into_callback().map(Pasted::Callback);
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if (6..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Pasted::Digits(Secret::new(digits)));
    }
    field(text).map(|code| Pasted::Code(Secret::new(code)))
}

/// The path, still encoded, and the parameters.
fn take_apart(text: &str) -> Option<(&str, Fields)> {
    if text.len() >= MAX_CALLBACK {
        return None;
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (address, query) = match rest.split_once('?') {
        Some(parts) => parts,
        // A bare list of parameters, as a user may copy it.
        None if rest.contains('=') => ("", rest),
        None => (rest, ""),
    };
    let path = match address.split_once(':').map(|(_, rest)| rest.strip_prefix("//")) {
        Some(Some(rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""),
        _ => address,
    };
    let mut fields = Fields::default();
    fields.read(query, true);
    fields.read(fragment, false);
    Some((path, fields))
}

/// The parameters that mean something; everything else is ignored.
#[derive(Default)]
struct Fields {
    nonce: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_code: Option<String>,
    description: Option<String>,
    /// `vscode-path`: where VS Code's own callback page hands it on to.
    path: Option<String>,
    tokens: bool,
    /// A field that decides is there twice, or can't be one.
    broken: bool,
}

impl Fields {
    /// `outer` is `false` for what lies inside already.
    fn read(&mut self, list: &str, outer: bool) {
        // A host may have encoded the list as a whole.
        if outer && !list.contains('=') {
            return self.read(&decode(list), false);
        }
        for pair in list.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            let slot = match decode(name).as_str() {
                "nonce" => {
                    self.broken |= !once(&mut self.nonce, value);
                    continue;
                }
                "code" => {
                    self.broken |= !once(&mut self.code, value);
                    continue;
                }
                "access_token" | "refresh_token" => {
                    self.tokens = true;
                    continue;
                }
                "vscode-query" if outer => {
                    self.read(&value, false);
                    continue;
                }
                "error" => &mut self.error,
                "error_code" => &mut self.error_code,
                "error_description" => &mut self.description,
                "vscode-path" => &mut self.path,
                _ => continue,
            };
            if !value.is_empty() {
                slot.get_or_insert(value);
            }
        }
    }

    fn into_callback(self) -> Option<Callback> {
        let outcome = if self.broken {
            return None;
        } else if self.error.is_some() || self.error_code.is_some() {
            Outcome::Refused(self.refusal())
        } else if let Some(code) = self.code {
            Outcome::Code(Secret::new(code))
        } else if self.tokens {
            Outcome::Tokens
        } else {
            return None;
        };
        Some(Callback {
            nonce: self.nonce,
            outcome,
        })
    }

    /// `error_code` says more than `error` (RFC 6749, section 4.1.2.1); a denied consent has the latter alone.
    fn refusal(&self) -> Error {
        let code = [&self.error_code, &self.error]
            .into_iter()
            .find_map(|name| meaning(name.as_deref()?))
            .unwrap_or(ErrorCode::ServerError);
        Error::new(code).with_server_message(self.description.as_deref().unwrap_or_default())
    }
}

/// Takes a field that decides. Doubled is fine, two different ones are not: nobody knows which one another reader takes.
fn once(slot: &mut Option<String>, mut value: String) -> bool {
    // Codes and nonces hold no `%`: one that does was encoded once more on its way.
    if value.contains('%') {
        value = decode(&value);
    }
    if let Some(earlier) = slot {
        return *earlier == value;
    }
    *slot = field(&value);
    slot.is_some()
}

fn field(value: &str) -> Option<String> {
    let taken = !value.is_empty() && value.len() <= MAX_FIELD && value.bytes().all(is_unreserved);
    taken.then(|| value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(nonce: &str, code: &str) -> Callback {
        Callback {
            nonce: (!nonce.is_empty()).then(|| nonce.into()),
            outcome: Outcome::Code(Secret::from(code)),
        }
    }

    fn refused(text: &str) -> Error {
        match parse(text) {
            Some(Callback {
                nonce: Some(_),
                outcome: Outcome::Refused(error),
            }) => error,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_code_is_found_in_every_form_that_hosts_make_of_the_address() {
        for text in [
            "vscode://godoty.godoty/auth/callback?nonce=n-1&code=c-1",
            "vscodium://godoty.godoty/auth/callback?windowId=_blank&code=c-1&nonce=n-1",
            "/auth/callback?nonce=n-1&code=c-1",
            "/cb?nonce=n-1&code=c-1",
            "http://127.0.0.1:49152/cb?nonce=n-1&code=c-1",
            // The fragment, and the same in both.
            "vscode://godoty.godoty/auth/callback?nonce=n-1#code=c-1",
            "vscode://godoty.godoty/auth/callback?nonce=n-1&code=c-1#code=c-1&nonce=n-1",
            // Doubled parameters, parameters without a value or a name.
            "/cb?&&x&=&nonce=n-1&nonce=n-1&code=c-1&state",
            // `Uri.toString()` of VS Code encodes the query as a whole.
            "vscode://godoty.godoty/auth/callback?nonce%3Dn-1%26code%3Dc-1",
            // Encoded twice, in lower case, and names too.
            "/cb?nonce=n%252d1&c%6fde=c%2D1",
            // The address that `asExternalUri` makes on web hosts.
            "http://127.0.0.1:8443/stable-0123/callback?vscode-reqid=1&vscode-authority=godoty.godoty&vscode-path=%2Fauth%2Fcallback&nonce=n-1&code=c-1",
            "https://host/callback?vscode-path=/auth/callback&vscode-query=nonce%3Dn-1%26windowId%3D2&code=c-1",
            "https://vscode.dev/+remote/callback?vscode-reqid=1&vscode-scheme=vscode&vscode-authority=godoty.godoty&vscode-path=%2Fauth%2Fcallback&vscode-query=windowId%3D_blank%26nonce%3Dn-1&code=c-1",
        ] {
            assert_eq!(parse(text), Some(code("n-1", "c-1")), "{text}");
            assert_eq!(parse_pasted(text), Some(Pasted::Callback(code("n-1", "c-1"))), "{text}");
        }
    }

    #[test]
    fn every_error_shape_of_the_server_has_its_meaning() {
        let at = "vscode://godoty.godoty/auth/callback?nonce=n";
        for (query, expected) in [
            // A denied consent, in the query and in the fragment, which ends in `&sb=`.
            (
                "&error=access_denied&error_description=The+user+said+no#error=access_denied&error_description=x&sb=",
                ErrorCode::AccessDenied,
            ),
            (
                "#error=access_denied&error_description=The+user+said+no&sb=",
                ErrorCode::AccessDenied,
            ),
            (
                "&error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid+or+has+expired",
                ErrorCode::CodeRejected,
            ),
            (
                "&error=server_error&error_code=unexpected_failure&error_description=x",
                ErrorCode::ServerError,
            ),
            (
                "&error=access_denied&error_code=signup_disabled",
                ErrorCode::SignupDisabled,
            ),
            (
                "&error=invalid_request&error_code=bad_oauth_state",
                ErrorCode::SignInExpired,
            ),
            (
                "&error=server_error&error_code=bad_oauth_callback",
                ErrorCode::ServerError,
            ),
            ("&error=access_denied&error_code=a_new_one", ErrorCode::AccessDenied),
            ("&error=whatever", ErrorCode::ServerError),
            ("&error_code=flow_state_expired", ErrorCode::SignInExpired),
            // An error beside a code is an error.
            ("&code=c&error=access_denied", ErrorCode::AccessDenied),
        ] {
            assert_eq!(refused(&alloc::format!("{at}{query}")).code, expected, "{query}");
        }
        let said = refused("/cb?nonce=n&error=access_denied&error_description=The+user+said%20no%E2%80%AE%00%0a!");
        assert_eq!(said.server_message.as_deref(), Some("The user said no!"));
    }

    #[test]
    fn a_foreign_or_damaged_callback_is_refused() {
        let long = alloc::format!("/cb?nonce=n&code={}", "c".repeat(MAX_FIELD + 1));
        let sized = |bytes: usize| {
            let start = "/cb?nonce=n&code=c&x=";
            alloc::format!("{start}{}", "y".repeat(bytes - start.len()))
        };
        let huge = sized(MAX_CALLBACK);
        for text in [
            "",
            "?",
            "#",
            "/cb",
            "/cb?nonce=n",
            "/cb?code=c",
            "/cb?nonce=&code=c",
            "/cb?nonce=n&code=",
            "/auth/callback/x?nonce=n&code=c",
            "/x/auth/callback?nonce=n&code=c",
            "vscode://godoty.godoty/doctor?nonce=n&code=c",
            "vscode://godoty.godoty?nonce=n&code=c",
            "https://host/callback?vscode-path=/other&nonce=n&code=c",
            "/cb?nonce=n&nonce=m&code=c",
            "/cb?nonce=n&code=c&code=d",
            "/cb?nonce=n&code=c#code=d",
            "/cb?nonce=n&code=c%00",
            "/cb?nonce=n&code=%E2%80%AEc",
            "/cb?nonce=n&code=c\u{202e}",
            "/cb?nonce=n%00&code=c",
            "/cb?nonce=n\0&code=c",
            "/cb?nonce=%E2%81%A6n&code=c",
            "/cb%00?nonce=n&code=c",
            "/cb\u{2066}?nonce=n&code=c",
            "/cb?nonce=n&code=c c",
            "/cb?nonce=n&code=%2525",
            &long,
            &huge,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse_pasted(&huge), None);
        assert_eq!(parse(&sized(MAX_CALLBACK - 1)), Some(code("n", "c")));
    }

    #[test]
    fn tokens_of_the_implicit_flow_are_recognised_and_not_read() {
        let text = "vscode://godoty.godoty/auth/callback?nonce=n#access_token=a.b.c&refresh_token=r&token_type=bearer";
        let callback = parse(text).unwrap();
        assert_eq!(callback.outcome, Outcome::Tokens);
        assert!(!alloc::format!("{callback:?}").contains("a.b.c"));
    }

    #[test]
    fn what_signs_somebody_in_does_not_print() {
        for text in ["123456", "c-123456", "/cb?nonce=n&code=123456"] {
            let printed = alloc::format!("{:?} {:?}", parse(text), parse_pasted(text));
            assert!(!printed.contains("123456"), "{printed}");
        }
    }

    #[test]
    fn a_user_may_bring_an_address_a_code_or_the_digits_of_an_e_mail() {
        for (text, expected) in [
            (" 123456\n", Pasted::Digits("123456".into())),
            ("123 456", Pasted::Digits("123456".into())),
            ("1234-5678", Pasted::Digits("12345678".into())),
            ("0b5c-11ab", Pasted::Code(Secret::from("0b5c-11ab"))),
            // The operator's site, where a browser lands whose way back was not allowed: no nonce, but the code.
            ("https://shop.example.org/?code=c-1", Pasted::Callback(code("", "c-1"))),
            ("code=c-1", Pasted::Callback(code("", "c-1"))),
            // What the server can't bring back to the editor, it says there.
            (
                "https://shop.example.org/?error=invalid_request&error_code=bad_oauth_state#error=invalid_request&sb=",
                Pasted::Callback(Callback {
                    nonce: None,
                    outcome: Outcome::Refused(Error::new(ErrorCode::SignInExpired)),
                }),
            ),
        ] {
            assert_eq!(parse_pasted(text), Some(expected), "{text}");
        }
        for text in [
            "",
            " ",
            "hello there",
            "https://example.org/",
            "https://example.org/?x=1",
            "12\u{202e}3456",
        ] {
            assert_eq!(parse_pasted(text), None, "{text}");
        }
    }
}
