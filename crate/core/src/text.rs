//! Searching in text, for texts that are short.

/// Whether `needle`, which is not empty, stands in `text`. The search of the standard library is quick in long texts, for
/// which it takes six kilobytes of WebAssembly.
pub(crate) fn contains(text: &str, needle: &str) -> bool {
    let needle = needle.as_bytes();
    text.as_bytes()
        .windows(needle.len().max(1))
        .any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_the_standard_library_finds() {
        for text in ["", "a", "ab", "xab", "abx", "aab", "ba", "é€ab"] {
            assert_eq!(contains(text, "ab"), text.contains("ab"), "{text}");
        }
    }
}
