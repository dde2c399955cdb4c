//! Writing JSON objects.

use alloc::string::String;
use core::fmt::Write as _;

use super::write_string;

/// An object that is being written, member by member.
#[derive(Debug)]
pub struct Object {
    text: String,
}

impl Default for Object {
    fn default() -> Self {
        Self {
            text: String::from("{"),
        }
    }
}

impl Object {
    /// An empty object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a string.
    #[must_use]
    pub fn string(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        write_string(&mut self.text, value);
        self
    }

    /// With a string, or `null`.
    #[must_use]
    pub fn string_or_null(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.string(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// With a whole number.
    #[must_use]
    pub fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        // Writing into a string can't fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// With a member that is JSON already.
    #[must_use]
    pub fn raw(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.text.push_str(value);
        self
    }

    /// The text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        write_string(&mut self.text, key);
        self.text.push(':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_reads_back() {
        let text = Object::new()
            .string("a\"b", "line\nbreak")
            .string_or_null("none", None)
            .number("n", u64::MAX)
            .raw("o", &Object::new().end())
            .end();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["a\"b"], "line\nbreak");
        assert!(value["none"].is_null());
        assert_eq!(value["n"], u64::MAX);
        assert_eq!(value["o"], serde_json::json!({}));
    }
}
