//! A JSON scanner that reads what it is asked for and checks the rest without building it.
//!
//! It accepts exactly the texts that ECMAScript's `JSON.parse` accepts (ECMA-404 / RFC 8259, lone surrogate escapes
//! included), at any depth, without recursion over the input. Numbers stay text, so that a price keeps every digit.

mod document;
mod object;
mod scanner;
mod string;

pub(crate) use document::{read, text_into};
pub use object::Object;
pub use scanner::Scanner;
pub use string::{Str, Text, write_string};

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON")]
pub struct Malformed;

/// What [`Scanner`]'s methods answer.
pub type Result<T> = core::result::Result<T, Malformed>;

/// Whether `text` is one JSON value with nothing but whitespace around it, exactly as `JSON.parse` sees it.
#[must_use]
pub fn is_json(text: &[u8]) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip_value().and_then(|()| scanner.end()).is_ok()
}
