//! What the fuzz targets of `crate/core/fuzz` check; the test `fuzz_corpus` replays their corpus.
//!
//! Each takes arbitrary bytes and panics when an invariant is broken.

mod auth;

use godoty_core::catalog::Catalog;
use godoty_core::chat::{End, Outcome, classify};
use godoty_core::cost::Usage;
use godoty_core::error::MAX_SERVER_MESSAGE;
use godoty_core::json::is_json;
use godoty_core::sse::{Decoder, Event, Limits, Receiver, TooLarge};
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use crate::{cut, decode, stream_head};

pub use auth::{auth_error, callback, jwt_claims, stored_session};

/// What a target does with its bytes.
pub type Target = fn(&[u8]);

/// The targets by name; each has a folder of that name in `tests/fixtures/fuzz`.
pub const TARGETS: [(&str, Target); 8] = [
    ("sse", sse),
    ("chat_stream", chat_stream),
    ("error_body", error_body),
    ("model_info", model_info),
    ("callback", callback),
    ("stored_session", stored_session),
    ("jwt_claims", jwt_claims),
    ("auth_error", auth_error),
];

/// Any split of a stream gives the same events and the same refusal. The first four bytes say where to cut.
///
/// # Panics
/// When a cut changes anything.
pub fn sse(data: &[u8]) {
    let Some((places, stream)) = data.split_first_chunk::<4>() else {
        return;
    };
    for limits in [Limits::default(), Limits { line: 24, event: 32 }] {
        let whole = events(limits, [stream]);
        let places = places.map(usize::from);
        assert_eq!(events(limits, cut(stream, &places)), whole);
        assert_eq!(events(limits, stream.chunks(1)), whole);
    }
}

/// Any split of an answer gives the same result, and an answer without an end is no success. The first four bytes say
/// where to cut, the fifth how the reading ends.
///
/// # Panics
/// When a cut changes anything, or an end is made up.
pub fn chat_stream(data: &[u8]) {
    let Some(([places @ .., end], stream)) = data.split_first_chunk::<5>() else {
        return;
    };
    let end = [End::Eof, End::Cancelled, End::Network, End::Timeout][usize::from(end % 4)];
    let whole = decode(&stream_head(), [stream], end);
    let places: Vec<_> = places.iter().copied().map(usize::from).collect();
    assert_eq!(decode(&stream_head(), cut(stream, &places), end), whole);
    assert_eq!(decode(&stream_head(), stream.chunks(1), end), whole);
    assert_eq!(whole.text, whole.result.text);
    // Half of a surrogate pair whose other half never came is only in the result.
    let left = whole.result.reasoning.strip_prefix(whole.reasoning.as_str());
    assert!(matches!(left, Some("" | "\u{fffd}")), "{:?}", whole.result.reasoning);
    let named = |word: &[u8]| stream.windows(word.len()).any(|window| window == word);
    // An escape may hide a name.
    if !named(b"finish") && !named(b"[DONE]") && !named(b"\\u") && !named(b"message") {
        assert!(!matches!(
            whole.result.outcome,
            Outcome::Done | Outcome::ToolCalls | Outcome::Length | Outcome::Filtered
        ));
    }
}

/// An error's body of any bytes has a code and a bounded message, and the scanner judges it as `serde_json` does. The
/// first two bytes are the status.
///
/// # Panics
/// When the message is not bounded, or the scanner errs.
pub fn error_body(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk::<2>() else {
        return;
    };
    let status = 400 + u16::from_be_bytes(*status) % 200;
    let error = classify(status, body, Some(5));
    assert!(
        error
            .server_message
            .is_none_or(|message| message.chars().count() <= MAX_SERVER_MESSAGE)
    );
    assert!(error.status.is_some_and(|status| (400..600).contains(&status)));
    let text = String::from_utf8_lossy(body);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    deserializer.disable_recursion_limit();
    // serde_json recurses, whatever its limit: what is nested deeply is left out.
    if body.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() < 1000 {
        let taken = IgnoredAny::deserialize(&mut deserializer)
            .and_then(|_| deserializer.end())
            .is_ok();
        assert_eq!(is_json(body), taken);
    }
}

/// A list of models of any bytes is refused or gives names in order, each once, whose prices can be asked.
///
/// # Panics
/// When the list is not in order, or a price is made up.
pub fn model_info(data: &[u8]) {
    for catalog in [Catalog::from_model_info(data), Catalog::from_models(data)] {
        let Ok(catalog) = catalog else { continue };
        assert!(is_json(data));
        assert!(catalog.models().is_sorted_by(|a, b| a.name < b.name));
        for model in catalog.models() {
            assert_eq!(catalog.find(&model.name), Some(model));
            for usage in [
                Usage::default(),
                Usage {
                    cached: 3,
                    ..Usage::new(300_000, 1000)
                },
                Usage::new(u64::MAX, u64::MAX),
            ] {
                assert!(model.priced().is_some() || model.prices.estimate(&usage).is_none());
            }
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Log {
    events: Vec<[Vec<u8>; 3]>,
    comments: usize,
    retries: Vec<u64>,
    end: Option<TooLarge>,
}

impl Receiver for Log {
    fn event(&mut self, event: Event<'_>) {
        self.events.push([event.name, event.data, event.id].map(<[u8]>::to_vec));
    }
    fn comment(&mut self) {
        self.comments += 1;
    }
    fn retry(&mut self, milliseconds: u64) {
        self.retries.push(milliseconds);
    }
}

fn events<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Log {
    let mut decoder = Decoder::new(limits);
    let mut log = Log::default();
    for piece in pieces {
        if let Err(error) = decoder.push(piece, &mut log) {
            log.end = Some(error);
        }
    }
    log
}
