//! Reading a whole document.

use alloc::string::String;

use super::{Result, Scanner};

/// Reads a whole document; `None` when it is not well formed.
pub(crate) fn read<'a, T>(text: &'a [u8], value: impl FnOnce(&mut Scanner<'a>) -> Result<T>) -> Option<T> {
    let mut scanner = Scanner::new(text);
    let value = value(&mut scanner).ok()?;
    scanner.end().ok()?;
    Some(value)
}

/// Takes a string. Of a name that stands twice the last value counts, as in `JSON.parse`: one of another kind is no string.
pub(crate) fn text_into(scanner: &mut Scanner<'_>, slot: &mut Option<String>) -> Result<()> {
    *slot = scanner.string_or_skip()?.map(|text| text.decode().into_owned());
    Ok(())
}
