//! Most chunks of a stream differ in one string only. So the bytes around the last such string are remembered and compared:
//! where they are the same, only the string itself is scanned, and the rest is known to be well formed.

use alloc::vec::Vec;

use crate::chat::chunk::Chunk;
use crate::json::{Scanner, Str};

/// Which text a chunk's only string belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Content,
    Reasoning,
}

/// The bytes around the one string of the last chunk, which the next chunk most likely has too.
#[derive(Debug)]
pub(super) struct Prediction {
    pub(super) lane: Lane,
    /// From `data: ` to the string's opening quote.
    before: Vec<u8>,
    /// From behind the closing quote to the end of the blank line.
    after: Vec<u8>,
}

const FIELD: &[u8] = b"data: ";
const BLANK: &[u8] = b"\n\n";

impl Prediction {
    /// The string of the event that starts here, and what comes behind the event.
    #[inline]
    pub(super) fn in_stream<'a>(&self, bytes: &'a [u8]) -> Option<(Str<'a>, &'a [u8])> {
        let mut scanner = Scanner::new(strip_prefix(bytes, &self.before)?);
        let string = scanner.string_body().ok()?;
        Some((string, strip_prefix(scanner.rest(), &self.after)?))
    }

    /// The string of an event with these data.
    pub(super) fn in_data<'a>(&self, data: &'a [u8]) -> Option<Str<'a>> {
        let before = self.before.strip_prefix(FIELD)?;
        let after = self.after.strip_suffix(BLANK)?;
        let mut scanner = Scanner::new(strip_prefix(data, before)?);
        let string = scanner.string_body().ok()?;
        (scanner.rest() == after).then_some(string)
    }
}

/// `bytes` without `prefix`, compared eight bytes at a time: a WASM build has no fast `memcmp`.
#[inline]
fn strip_prefix<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(prefix.len())?;
    let (head_words, head_tail) = head.as_chunks::<8>();
    let (prefix_words, prefix_tail) = prefix.as_chunks::<8>();
    let same = head_words
        .iter()
        .zip(prefix_words)
        .all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && head_tail.iter().zip(prefix_tail).all(|(a, b)| a == b);
    same.then_some(rest)
}

/// What the next chunk most likely looks like, if this one has one string and nothing else that matters.
pub(super) fn predict(data: &[u8], chunk: &Chunk<'_>) -> Option<Prediction> {
    let choice = chunk.choice.as_ref()?;
    let delta = &choice.delta;
    let (lane, string) = match (delta.content, delta.reasoning) {
        (Some(content), None) => (Lane::Content, content),
        (None, Some(reasoning)) => (Lane::Reasoning, reasoning),
        _ => return None,
    };
    let plain = choice.finish_reason.is_none()
        && delta.refusal.is_none()
        && delta.tool_calls.is_empty()
        && chunk.usage.is_none()
        && chunk.error.is_none()
        && memchr::memchr(b'\n', data).is_none();
    if !plain {
        return None;
    }
    let from = string.raw().as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let (before, rest) = data.split_at_checked(from)?;
    let after = rest.get(string.raw().len()..)?.strip_prefix(b"\"")?;
    Some(Prediction {
        lane,
        before: [FIELD, before].concat(),
        after: [after, BLANK].concat(),
    })
}
