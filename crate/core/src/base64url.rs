//! Base64url without padding (RFC 4648, section 5), which is how a JWT carries its claims and PKCE its challenge.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The encoding, without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut letters = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
        letters <<= 8_usize.saturating_mul(3_usize.saturating_sub(group.len()));
        for place in 0..=group.len() {
            let at = letters >> 18_usize.saturating_sub(place.saturating_mul(6)) & 63;
            let letter = ALPHABET.get(usize::try_from(at).unwrap_or(0)).copied().unwrap_or(b'A');
            text.push(char::from(letter));
        }
    }
    text
}

/// The bytes; `None` when `text` is anything else than an encoding as the standard makes it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bits = 0_u16;
    let mut count = 0_u8;
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter.wrapping_sub(b'A'),
            b'a'..=b'z' => letter.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => letter.wrapping_sub(b'0').wrapping_add(52),
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u16::from(value);
        count = count.wrapping_add(6);
        if count >= 8 {
            count = count.wrapping_sub(8);
            let [_, byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
            bits &= (1_u16 << count).wrapping_sub(1);
        }
    }
    // What is left over is less than a letter, and zero.
    (count < 6 && bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(encode(&bytes), text.clone());
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn any_text_is_judged_as_the_base64_crate_judges_it(text in "[A-Za-z0-9_=+/ -]{0,12}") {
            prop_assert_eq!(decode(&text), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }
}
