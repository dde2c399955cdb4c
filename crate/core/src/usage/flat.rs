//! Small JSON objects as lists of their members: one reader for records, sums and quotas keeps the WebAssembly small.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cost::Usage;
use crate::json::{self, Scanner};

enum Member {
    Text(String),
    /// A whole number; `true` counts as 1.
    Count(u64),
}

/// An object's texts, whole numbers and truths. Those of an object within it are named `outer.inner`; everything else is
/// left out.
#[derive(Default)]
pub(super) struct Flat(Vec<(String, Member)>);

impl Flat {
    pub(super) fn read(scanner: &mut Scanner<'_>) -> json::Result<Self> {
        let mut flat = Self::default();
        flat.members(scanner, "")?;
        Ok(flat)
    }

    /// One object within the object is entered and no more: a stranger's document may be deep.
    fn members(&mut self, scanner: &mut Scanner<'_>, outer: &str) -> json::Result<()> {
        scanner.object(|scanner, key| {
            let mut name = String::from(outer);
            name.push_str(&key.decode());
            match scanner.peek() {
                Some(b'"') => {
                    let text = scanner.string_or_skip()?;
                    self.0
                        .extend(text.map(|text| (name, Member::Text(text.decode().into_owned()))));
                }
                Some(b'{') if outer.is_empty() => {
                    name.push('.');
                    self.members(scanner, &name)?;
                }
                Some(b't') => {
                    scanner.skip_value()?;
                    self.0.push((name, Member::Count(1)));
                }
                _ => {
                    let count = scanner.whole_or_skip()?;
                    self.0.extend(count.map(|count| (name, Member::Count(count))));
                }
            }
            Ok(())
        })
    }

    fn get(&self, name: &str) -> Option<&Member> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, member)| member)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Member::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Member::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// The six token counts, under the names of a usage record.
    pub(super) fn usage(&self) -> Option<Usage> {
        Some(Usage {
            prompt: self.count("prompt_tokens")?,
            completion: self.count("completion_tokens")?,
            total: self.count("total_tokens")?,
            cached: self.count("cached_tokens")?,
            cache_write: self.count("cache_write_tokens")?,
            reasoning: self.count("reasoning_tokens")?,
        })
    }
}
