//! Invariant 3: any split of a stream's bytes gives the same result.

use godoty_core::chat::{ChatResult, End, Outcome, ResponseHead};
use godoty_core_tests::{Seen, cut, decode, files, stream_head};
use proptest::prelude::*;

/// Every fixture with the head that it came with.
fn answers() -> Vec<(String, ResponseHead, Vec<u8>)> {
    let recorded = files("litellm", ".body")
        .into_iter()
        .filter(|(name, _)| name.starts_with("stream_") || name.starts_with("err_") || name == "nonstream.body");
    let written = files("sse", ".txt");
    recorded
        .chain(written)
        .map(|(name, bytes)| {
            let is_json = bytes.starts_with(b"{");
            let json = ResponseHead::new(if name.starts_with("err_") { 400 } else { 200 });
            let head = if is_json {
                json.header("content-type", "application/json")
            } else {
                stream_head()
            };
            (name, head, bytes)
        })
        .collect()
}

#[test]
fn every_cut_in_two_gives_the_same_result() {
    for (name, head, bytes) in answers() {
        let whole = decode(&head, [bytes.as_slice()], End::Eof);
        for at in 0..=bytes.len() {
            assert_eq!(decode(&head, cut(&bytes, &[at]), End::Eof), whole, "{name} cut at {at}");
        }
    }
}

#[test]
fn bytes_one_by_one_give_the_same_result() {
    for (name, head, bytes) in answers() {
        let whole = decode(&head, [bytes.as_slice()], End::Eof);
        for size in 1..=7 {
            assert_eq!(
                decode(&head, bytes.chunks(size), End::Eof),
                whole,
                "{name} in pieces of {size}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_result(which in any::<prop::sample::Index>(), places in prop::collection::vec(0..5000_usize, 0..40)) {
        let answers = answers();
        let (name, head, bytes) = &answers[which.index(answers.len())];
        let whole = decode(head, [bytes.as_slice()], End::Eof);
        prop_assert_eq!(decode(head, cut(bytes, &places), End::Eof), whole, "{}", name);
    }

    /// Bytes that no server sends: the decoder must still not care how they are cut, nor panic.
    #[test]
    fn any_cut_of_a_damaged_stream_gives_the_same_result(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"\r\n:\"\\{}[],0u".to_vec())], 0..3_u8), 1..8),
        places in prop::collection::vec(0..5000_usize, 0..20),
    ) {
        let answers = answers();
        let (name, head, bytes) = &answers[which.index(answers.len())];
        let mut bytes = bytes.clone();
        for (at, byte, kind) in damage {
            if bytes.is_empty() { break; }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let whole = decode(head, [bytes.as_slice()], End::Eof);
        prop_assert_eq!(decode(head, cut(&bytes, &places), End::Eof), whole, "{}", name);
    }

    /// Invariant 4: whatever is missing at the end, it is never shown as complete.
    #[test]
    fn a_stream_that_is_cut_off_before_its_end_is_never_a_success(share in 0.0..1.0_f64) {
        for (name, head, bytes) in answers().into_iter().filter(|(name, ..)| name.starts_with("stream_")) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let finish = text.find("\"finish_reason\":\"").unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
            let at = (finish as f64 * share) as usize;
            let Seen { result: ChatResult { outcome, .. }, .. } = decode(&head, [&bytes[..at]], End::Eof);
            prop_assert_eq!(outcome, Outcome::Truncated, "{} cut off at {}", name, at);
        }
    }
}
