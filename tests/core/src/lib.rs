//! Property tests of the core over the recorded fixtures: what they share.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are parts of tests, where a panic is a failure"
)]

pub mod fuzz;
pub mod random;

use std::fs;
use std::path::{Path, PathBuf};

use godoty_core::chat::{ChatResult, ChatStream, End, Flags, ResponseHead};

/// The folder of the fixtures.
#[must_use]
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// The files of a folder of fixtures whose names end so: name and bytes, in the order of the names.
///
/// # Panics
/// When the folder can't be read or holds no such file: a test over nothing would prove nothing.
#[must_use]
pub fn files(folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let path = fixtures().join(folder);
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.to_str().is_some_and(|path| path.ends_with(ending)))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no *{ending} in {}", path.display());
    files
}

/// What an answer that came in pieces led to: the result, the text and reasoning as they were handed out, all flags.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// The result.
    pub result: ChatResult,
    /// All text of all pushes, and the tail.
    pub text: String,
    /// All reasoning of all pushes.
    pub reasoning: String,
    /// The bits of all pushes.
    pub flags: u32,
}

/// Decodes an answer that comes in these pieces.
pub fn decode<'a>(head: &ResponseHead, pieces: impl IntoIterator<Item = &'a [u8]>, end: End) -> Seen {
    let mut stream = ChatStream::new();
    stream.on_response(head.clone());
    let (mut text, mut reasoning, mut flags) = (String::new(), String::new(), Flags::default().bits());
    for piece in pieces {
        let pushed = stream.push(piece);
        text.push_str(&pushed.text.unwrap_or_default());
        reasoning.push_str(&stream.take_reasoning().unwrap_or_default());
        flags |= pushed.flags.bits();
    }
    let result = stream.finish(end);
    text.push_str(&result.tail);
    // How much of the text was left for the end depends on the pieces; all of it together does not.
    let result = ChatResult {
        tail: String::new(),
        ..result
    };
    Seen {
        result,
        text,
        reasoning,
        flags,
    }
}

/// A head as a model endpoint sends it with a stream.
#[must_use]
pub fn stream_head() -> ResponseHead {
    ResponseHead::new(200).header("content-type", "text/event-stream; charset=utf-8")
}

/// The pieces of `bytes` when it is cut at these places (in any order, out of range ones ignored).
#[must_use]
pub fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().copied().filter(|at| *at <= bytes.len()).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[from..at]);
        from = at;
    }
    pieces
}
