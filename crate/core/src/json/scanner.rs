//! The cursor that checks a document and reads what it is asked for.

use alloc::vec::Vec;

use super::string::hex;
use super::{Malformed, Result, Str};

/// A cursor over one document.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// A cursor at the start of `text`.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Demands that nothing but whitespace is left.
    ///
    /// # Errors
    /// [`Malformed`] when there is more.
    pub fn end(&mut self) -> Result<()> {
        self.whitespace();
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The first byte of the value that comes next, after any whitespace; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        self.whitespace();
        self.rest.first().copied()
    }

    /// Reads an object, handing each key to `member`, which must read that key's value and nothing more.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not a well-formed object, or when `member` says so.
    #[inline]
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Str<'a>) -> Result<()>) -> Result<()> {
        self.members(&mut member)
    }

    /// Not generic: one loop for all shapes of objects keeps the WebAssembly small.
    fn members(&mut self, member: &mut dyn FnMut(&mut Self, Str<'a>) -> Result<()>) -> Result<()> {
        self.token(b'{')?;
        if self.peek() == Some(b'}') {
            return self.token(b'}');
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            match self.next_token()? {
                b',' => {}
                b'}' => return Ok(()),
                _ => return Err(Malformed),
            }
        }
    }

    /// Reads an array, calling `element` at each element, which it must read and nothing more.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not a well-formed array, or when `element` says so.
    #[inline]
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.elements(&mut element)
    }

    fn elements(&mut self, element: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.token(b'[')?;
        if self.peek() == Some(b']') {
            return self.token(b']');
        }
        loop {
            element(self)?;
            match self.next_token()? {
                b',' => {}
                b']' => return Ok(()),
                _ => return Err(Malformed),
            }
        }
    }

    /// Reads an object as [`object`](Self::object) does; skips a value of any other kind, saying `false`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    #[inline]
    pub fn object_or_skip(&mut self, mut member: impl FnMut(&mut Self, Str<'a>) -> Result<()>) -> Result<bool> {
        self.members_or_skip(&mut member)
    }

    fn members_or_skip(&mut self, member: &mut dyn FnMut(&mut Self, Str<'a>) -> Result<()>) -> Result<bool> {
        if self.peek() == Some(b'{') {
            return self.members(member).map(|()| true);
        }
        self.skip_value().map(|()| false)
    }

    /// Reads an array as [`array`](Self::array) does; skips a value of any other kind, saying `false`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    #[inline]
    pub fn array_or_skip(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        self.elements_or_skip(&mut element)
    }

    fn elements_or_skip(&mut self, element: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        if self.peek() == Some(b'[') {
            return self.elements(element).map(|()| true);
        }
        self.skip_value().map(|()| false)
    }

    /// Reads a string; skips a value of any other kind, giving `None`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    #[inline]
    pub fn string_or_skip(&mut self) -> Result<Option<Str<'a>>> {
        if self.peek() == Some(b'"') {
            self.token(b'"')?;
            return self.string_body().map(Some);
        }
        self.skip_value().map(|()| None)
    }

    /// Reads a number's text; skips a value of any other kind, giving `None`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    pub fn number_or_skip(&mut self) -> Result<Option<&'a str>> {
        let number = matches!(self.peek(), Some(b'-' | b'0'..=b'9'));
        let text = self.value_text()?;
        Ok(if number { core::str::from_utf8(text).ok() } else { None })
    }

    /// Reads a whole number that is not negative; skips any other value, giving `None`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    pub fn whole_or_skip(&mut self) -> Result<Option<u64>> {
        Ok(self.number_or_skip()?.and_then(|number| number.parse().ok()))
    }

    /// Reads `true` or `false`; skips a value of any other kind, giving `None`.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    pub fn bool_or_skip(&mut self) -> Result<Option<bool>> {
        Ok(match self.value_text()? {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        })
    }

    /// Reads any value and gives its text.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    pub fn value_text(&mut self) -> Result<&'a [u8]> {
        self.whitespace();
        let from = self.rest;
        self.skip_value()?;
        from.get(..from.len().saturating_sub(self.rest.len())).ok_or(Malformed)
    }

    /// Checks any value and moves past it.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not well formed.
    pub fn skip_value(&mut self) -> Result<()> {
        let mut open = Nesting::default();
        loop {
            match self.next_token()? {
                b'"' => {
                    self.string_body()?;
                }
                b'{' => {
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        open.push(Container::Object);
                        continue;
                    }
                    self.token(b'}')?;
                }
                b'[' => {
                    if self.peek() != Some(b']') {
                        open.push(Container::Array);
                        continue;
                    }
                    self.token(b']')?;
                }
                b't' => self.literal(b"rue")?,
                b'f' => self.literal(b"alse")?,
                b'n' => self.literal(b"ull")?,
                b'-' => {
                    let first = self.next_byte()?;
                    self.number_body(first)?;
                }
                digit @ b'0'..=b'9' => self.number_body(digit)?,
                _ => return Err(Malformed),
            }
            // A value has ended: close what ends with it.
            loop {
                let Some(container) = open.last() else { return Ok(()) };
                match (container, self.next_token()?) {
                    (Container::Array, b',') => break,
                    (Container::Object, b',') => {
                        self.key()?;
                        break;
                    }
                    (Container::Array, b']') | (Container::Object, b'}') => open.pop(),
                    _ => return Err(Malformed),
                }
            }
        }
    }

    /// Reads the rest of a string whose opening quote has been read, and its closing quote.
    ///
    /// # Errors
    /// [`Malformed`] at a control character, a wrong escape, or the end of the text.
    #[inline]
    pub fn string_body(&mut self) -> Result<Str<'a>> {
        let body = self.rest;
        let mut escaped = false;
        loop {
            self.advance(plain_len(self.rest));
            match self.rest {
                [b'"', after @ ..] => {
                    let raw = body
                        .get(..body.len().saturating_sub(self.rest.len()))
                        .ok_or(Malformed)?;
                    self.rest = after;
                    return Ok(Str { raw, escaped });
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    after @ ..,
                ] => self.rest = after,
                [b'\\', b'u', a, b, c, d, after @ ..]
                    if [a, b, c, d].into_iter().all(|digit| hex(*digit).is_some()) =>
                {
                    self.rest = after;
                }
                _ => return Err(Malformed),
            }
            escaped = true;
        }
    }

    /// Reads a key and its colon.
    #[inline]
    fn key(&mut self) -> Result<Str<'a>> {
        self.token(b'"')?;
        let key = self.string_body()?;
        self.token(b':')?;
        Ok(key)
    }

    #[inline]
    fn token(&mut self, wanted: u8) -> Result<()> {
        if self.next_token()? == wanted {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn next_token(&mut self) -> Result<u8> {
        self.whitespace();
        self.next_byte()
    }

    #[expect(
        clippy::inline_always,
        reason = "built for size, these few instructions would be a call per byte"
    )]
    #[inline(always)]
    fn next_byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    #[expect(
        clippy::inline_always,
        reason = "built for size, these few instructions would be a call per byte"
    )]
    #[inline(always)]
    fn whitespace(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn literal(&mut self, tail: &[u8]) -> Result<()> {
        self.rest = self.rest.strip_prefix(tail).ok_or(Malformed)?;
        Ok(())
    }

    /// Reads a number from behind its first digit; a sign has been read.
    fn number_body(&mut self, first: u8) -> Result<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => {
                self.digits();
            }
            _ => return Err(Malformed),
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            if self.digits() == 0 {
                return Err(Malformed);
            }
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = rest;
            if let [b'+' | b'-', rest @ ..] = self.rest {
                self.rest = rest;
            }
            if self.digits() == 0 {
                return Err(Malformed);
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(count);
        count
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or(&[]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// The containers that are open: the innermost 64 as bits, the others in a vector that few documents need.
#[derive(Debug, Default)]
struct Nesting {
    bits: u64,
    depth: u32,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, container: Container) {
        if self.depth == u64::BITS {
            self.outer.push(self.bits);
            self.depth = 0;
        }
        self.bits = (self.bits << 1) | u64::from(container == Container::Object);
        self.depth = self.depth.saturating_add(1);
    }

    const fn last(&self) -> Option<Container> {
        if self.depth == 0 {
            None
        } else if self.bits & 1 == 1 {
            Some(Container::Object)
        } else {
            Some(Container::Array)
        }
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0
            && let Some(bits) = self.outer.pop()
        {
            self.bits = bits;
            self.depth = u64::BITS;
        }
    }
}

/// How many bytes come before the first quote, backslash or control character. Eight bytes at a time.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    let (words, tail) = bytes.as_chunks::<8>();
    let mut len = 0;
    for chunk in words {
        let word = u64::from_le_bytes(*chunk);
        // A borrow only makes false hits above a true one, so the lowest hit is always true.
        let quote = zero_bytes(word ^ (ONES * 0x22));
        let backslash = zero_bytes(word ^ (ONES * 0x5C));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hits = quote | backslash | control;
        if hits != 0 {
            return len + (hits.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + tail
        .iter()
        .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::is_json;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn it_takes_what_json_parse_takes() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1",
            "-12.5e+10",
            "1E9",
            "1e999",
            "\"\"",
            "[]",
            "{}",
            " [ ] ",
            "[1,2]",
            "{\"a\":1,\"a\":2}",
            "\"\\ud800\"",
            "\"\\u00e9\\/\"",
            "{\"a\":{\"b\":[1,{\"c\":[]}]}}",
            "\t\r\n 1 ",
            "\"\u{7f}\"",
        ] {
            assert!(is_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn it_refuses_what_json_parse_refuses() {
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "--1",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u123\"",
            "\"\n\"",
            "\"\u{1f}\"",
            "[",
            "[1",
            "[1,]",
            "[,]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "[] []",
            "\u{a0}1",
            "'a'",
            "\u{feff}1",
            "]",
            "NaN",
            "Infinity",
            "0x1",
        ] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn depth_has_no_limit() {
        for depth in [63, 64, 65, 128, 129, 100_000] {
            let deep = format!("{}{}", "[{\"a\":".repeat(depth), "}]".repeat(depth)).replace(":}", ":0}");
            assert!(is_json(deep.as_bytes()), "{depth}");
            let wrong = deep.replacen("}]", "]}", 1);
            assert!(!is_json(wrong.as_bytes()), "{depth}");
        }
    }

    #[test]
    fn special_bytes_are_found_at_every_offset() {
        for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
            for at in 0..40 {
                for filler in [b' ', b'a', b'#', b'[', b']', b'!', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut bytes = alloc::vec![filler; 40];
                    bytes[at] = special;
                    assert_eq!(plain_len(&bytes), at);
                }
            }
        }
    }

    #[test]
    fn an_escaped_key_is_its_value() {
        let mut seen = Vec::new();
        Scanner::new(br#"{"cont\u0065nt":1,"b":[true,"x"]}"#)
            .object(|scanner, key| {
                seen.push((key.is("content"), key.decode().to_string()));
                scanner.skip_value()
            })
            .unwrap();
        assert_eq!(seen, [(true, "content".to_string()), (false, "b".to_string())]);
    }
}
