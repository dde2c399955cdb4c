//! Queries: percent-encoding (RFC 3986, section 2.1), and parameters that are added, never glued on.

use alloc::string::String;
use alloc::vec::Vec;

/// The longest address that a browser may be sent back to, in bytes.
const MAX_REDIRECT: usize = 2048;

/// Adds a parameter to an address: behind a `?` or a `&`, whichever is due.
pub(crate) fn append(address: &mut String, name: &str, value: &str) {
    let open = matches!(address.bytes().last(), Some(b'?' | b'&'));
    if !open {
        address.push(if address.bytes().any(|byte| byte == b'?') {
            '&'
        } else {
            '?'
        });
    }
    address.push_str(name);
    address.push('=');
    for byte in value.bytes() {
        if is_unreserved(byte) {
            address.push(char::from(byte));
        } else {
            address.push('%');
            for nibble in [byte >> 4, byte & 15] {
                let digit = if nibble < 10 { b'0' } else { b'A' - 10 };
                address.push(char::from(digit.wrapping_add(nibble)));
            }
        }
    }
}

/// The address with the flow's nonce in its query, which the server keeps; `None` when it can be no address to come back
/// to: it has no scheme, has a fragment, is too long, or holds anything but printable ASCII.
#[must_use]
pub fn with_nonce(redirect_to: &str, nonce: &str) -> Option<String> {
    let printable = redirect_to
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
    let (scheme, rest) = redirect_to.split_once(':')?;
    if !printable || redirect_to.len() > MAX_REDIRECT || scheme.is_empty() || !rest.starts_with("//") {
        return None;
    }
    let mut address = String::from(redirect_to);
    append(&mut address, "nonce", nonce);
    Some(address)
}

/// RFC 3986, section 2.3: what stands for itself everywhere. PKCE's verifiers, nonces and codes are of these alone.
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The text that an encoded one stands for. A `+` is a space, what is no escape stays, and invalid UTF-8 is replaced.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push((nibble(*high) << 4) | nibble(*low));
                after
            }
            [b'+', after @ ..] => {
                bytes.push(b' ');
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// The value of a hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    (digit & 15).wrapping_add(if digit.is_ascii_digit() { 0 } else { 9 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_joins_the_query_that_is_there() {
        for (address, expected) in [
            ("vscode://a/b", "vscode://a/b?x=1"),
            ("vscode://a/b?", "vscode://a/b?x=1"),
            ("vscode://a/b?c=d", "vscode://a/b?c=d&x=1"),
            ("vscode://a/b?c=d&", "vscode://a/b?c=d&x=1"),
        ] {
            let mut address = String::from(address);
            append(&mut address, "x", "1");
            assert_eq!(address, expected);
        }
    }

    #[test]
    fn only_an_address_can_be_come_back_to() {
        for refused in [
            "",
            "vscode",
            "/path",
            "x:y",
            "vscode://a#b",
            "vscode://a b",
            "vscode://ä",
            "vscode://a\\b",
            "://a",
        ] {
            assert_eq!(with_nonce(refused, "n"), None, "{refused}");
        }
        assert_eq!(with_nonce(&("x://".to_owned() + &"a".repeat(MAX_REDIRECT)), "n"), None);
        assert_eq!(
            with_nonce("code-oss://godoty.godoty/auth/callback?windowId=1", "n-1").as_deref(),
            Some("code-oss://godoty.godoty/auth/callback?windowId=1&nonce=n-1")
        );
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (text, expected) in [
            ("a%2", "a%2"),
            ("%zz%", "%zz%"),
            ("a+b", "a b"),
            ("%C3%A4%ff", "ä\u{fffd}"),
            ("%4a%4A", "JJ"),
        ] {
            assert_eq!(decode(text), expected);
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_reads_back(value in ".*") {
            let mut address = String::from("x://y");
            append(&mut address, "v", &value);
            let (_, encoded) = address.split_once("?v=").unwrap();
            prop_assert!(encoded.bytes().all(|byte| is_unreserved(byte) || byte == b'%'));
            prop_assert_eq!(decode(encoded), value);
        }
    }
}
