//! Strings: their values, texts that are put together from several, and writing one.

use alloc::borrow::Cow;
use alloc::string::String;

/// A string of the document, still escaped; its syntax has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Str<'a> {
    pub(super) raw: &'a [u8],
    pub(super) escaped: bool,
}

impl<'a> Str<'a> {
    /// The bytes between the quotes, as they stand in the document.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether the string is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Whether the string's value equals `text`.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        if self.escaped {
            self.decode() == text
        } else {
            self.raw == text.as_bytes()
        }
    }

    /// The value. Invalid UTF-8 and lone surrogates become U+FFFD.
    #[must_use]
    pub fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw);
        }
        let mut text = Text::default();
        text.push(self);
        text.flush();
        Cow::Owned(text.take())
    }
}

/// Text put together from JSON strings. A surrogate pair whose halves lie in two strings is joined.
#[derive(Debug, Clone, Default)]
pub struct Text {
    out: String,
    /// A high surrogate that ended the last string: its other half may open the next one.
    high: Option<u16>,
}

impl Text {
    /// Appends a string's value.
    #[inline]
    pub fn push(&mut self, string: Str<'_>) {
        if string.escaped || self.high.is_some() {
            self.push_escaped(string.raw);
        } else {
            self.push_plain(string.raw);
        }
    }

    /// Ends a lone surrogate that waited for its other half: it becomes U+FFFD.
    pub fn flush(&mut self) {
        if self.high.take().is_some() {
            self.out.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// What was appended since the last `take`. A waiting high surrogate keeps waiting.
    #[must_use]
    pub fn take(&mut self) -> String {
        core::mem::take(&mut self.out)
    }

    /// What was appended and not taken.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        self.out.as_str()
    }

    #[inline]
    fn push_plain(&mut self, raw: &[u8]) {
        match core::str::from_utf8(raw) {
            Ok(text) => self.out.push_str(text),
            Err(_) => self.out.push_str(&String::from_utf8_lossy(raw)),
        }
    }

    fn push_escaped(&mut self, mut raw: &[u8]) {
        while !raw.is_empty() {
            let plain = memchr::memchr(b'\\', raw).unwrap_or(raw.len());
            if plain > 0 {
                self.flush();
            }
            let (text, rest) = raw.split_at_checked(plain).unwrap_or((raw, &[]));
            self.push_plain(text);
            raw = match rest {
                [b'\\', b'u', digits @ ..] => {
                    let (unit, rest) = digits.split_at_checked(4).unwrap_or((digits, &[]));
                    self.push_unit(
                        unit.iter()
                            .fold(0, |unit, digit| (unit << 4) | u16::from(hex(*digit).unwrap_or(0))),
                    );
                    rest
                }
                [b'\\', letter, rest @ ..] => {
                    self.flush();
                    self.out.push(match letter {
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        other => char::from(*other),
                    });
                    rest
                }
                _ => &[],
            };
        }
    }

    /// Appends one UTF-16 code unit.
    fn push_unit(&mut self, unit: u16) {
        match (self.high.take(), unit) {
            (Some(high), 0xDC00..=0xDFFF) => {
                self.out
                    .extend(char::decode_utf16([high, unit]).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            (waiting, _) => {
                if waiting.is_some() {
                    self.out.push(char::REPLACEMENT_CHARACTER);
                }
                if matches!(unit, 0xD800..=0xDBFF) {
                    self.high = Some(unit);
                } else {
                    self.out
                        .push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
    }
}

/// Appends `text` as a JSON string, quotes included.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let code = u32::from(c);
                out.push_str("\\u00");
                out.extend([code >> 4, code & 15].map(|digit| char::from_digit(digit, 16).unwrap_or('0')));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// The value of a hexadecimal digit.
pub(super) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    #[test]
    fn a_string_decodes_to_its_value() {
        for (text, value) in [
            (r#""plain""#, "plain"),
            (r#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{c}\n\r\t"),
            (r#""\u0041\u00e9\u4e2d""#, "A\u{e9}\u{4e2d}"),
            (r#""\ud83c\udf0d!""#, "\u{1f30d}!"),
            (r#""\ud83c!""#, "\u{fffd}!"),
            (r#""\udf0d\ud83c""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83c\ud83c\udf0d""#, "\u{fffd}\u{1f30d}"),
            (r#""\ud83c\n""#, "\u{fffd}\n"),
        ] {
            let mut scanner = Scanner::new(text.as_bytes());
            assert_eq!(scanner.string_or_skip().unwrap().unwrap().decode(), value, "{text}");
            assert_eq!(scanner.end(), Ok(()));
        }
    }

    #[test]
    fn a_surrogate_pair_split_over_strings_is_joined() {
        let mut text = Text::default();
        for part in [
            r#""a\ud83c""#,
            r#""""#,
            r#""\udf0db""#,
            r#""\ud83c""#,
            r#""c""#,
            r#""\ud83c""#,
        ] {
            text.push(Scanner::new(part.as_bytes()).string_or_skip().unwrap().unwrap());
        }
        assert_eq!(text.take(), "a\u{1f30d}b\u{fffd}c");
        text.flush();
        assert_eq!(text.take(), "\u{fffd}");
    }

    #[test]
    fn invalid_utf8_is_replaced_as_a_decoder_would() {
        let raw = b"\"a\xff\xe2\x82b\xf0\x9f\x8c\x8d\"";
        let string = Scanner::new(raw).string_or_skip().unwrap().unwrap();
        assert_eq!(string.decode(), "a\u{fffd}\u{fffd}b\u{1f30d}");
    }

    #[test]
    fn a_written_string_reads_back() {
        let text = "a\"\\\n\r\t\u{0}\u{1f}\u{7f}é🌍/";
        let mut out = String::new();
        write_string(&mut out, text);
        assert_eq!(
            Scanner::new(out.as_bytes()).string_or_skip().unwrap().unwrap().decode(),
            text
        );
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
