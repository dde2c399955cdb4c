//! Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it.

use alloc::string::String;

use super::query::is_unreserved;
use crate::base64url;
use crate::secret::Secret;

/// Whether a text can be a verifier: 43 to 128 unreserved characters (section 4.1).
#[must_use]
pub fn is_verifier(text: &Secret) -> bool {
    let text = text.expose();
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

/// `S256`: the SHA-256 of the verifier, in base64url (section 4.2).
#[must_use]
pub fn challenge(verifier: &Secret) -> String {
    base64url::encode(&hmac_sha256::Hash::hash(verifier.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_standards_example() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(is_verifier(&verifier));
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        for (text, taken) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            ("+".repeat(43), false),
        ] {
            assert_eq!(is_verifier(&Secret::new(text)), taken);
        }
    }
}
