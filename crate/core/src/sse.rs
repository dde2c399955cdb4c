//! Incremental decoder of `text/event-stream`: bytes in, events out, for any split of the bytes.
//!
//! Follows WHATWG HTML, section 9.2.6 "Interpreting an event stream": one byte order mark, LF, CR and CRLF as line
//! ends (a CR that ends a piece ends its line at once), comments, joined `data` lines, `event`, `id` without NUL,
//! `retry` of ASCII digits. Data stay bytes: whoever reads them replaces invalid UTF-8, which gives the same text as
//! decoding the whole stream first, because every delimiter is ASCII.

use alloc::vec::Vec;

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// How much the decoder may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line.
    pub line: usize,
    /// The longest event: its `data` lines together.
    pub event: usize,
}

impl Default for Limits {
    /// 8 MiB each: an image in one delta fits, a stream without line ends does not fill the memory.
    fn default() -> Self {
        Self {
            line: 8 << 20,
            event: 8 << 20,
        }
    }
}

/// A line or an event outgrew its limit. The decoder takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event stream exceeds its size limit")]
pub struct TooLarge;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field, empty when there was none (which means `message`).
    pub name: &'a [u8],
    /// The `data` lines, joined by LF.
    pub data: &'a [u8],
    /// The last `id` of the stream so far.
    pub id: &'a [u8],
}

/// Who receives what the decoder finds.
pub trait Receiver {
    /// An event is complete.
    fn event(&mut self, event: Event<'_>);

    /// A comment line was seen: the sender is alive.
    fn comment(&mut self) {}

    /// The stream asks for this reconnection time, in milliseconds.
    fn retry(&mut self, _milliseconds: u64) {}

    /// A short cut: `bytes` start between two events. A receiver that recognises whole events there (their blank
    /// lines included, and nothing but `data` fields in them) takes them and says how many bytes they were.
    fn whole_events(&mut self, _bytes: &[u8]) -> usize {
        0
    }
}

/// The decoder. It holds an unfinished line and an unfinished event, and nothing else.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    /// How much of a byte order mark was seen.
    start: Start,
    /// The last piece ended with CR: an LF that opens the next one belongs to it.
    after_cr: bool,
    line: Vec<u8>,
    /// The `data` lines of the unfinished event, if it has any.
    data: Vec<u8>,
    has_data: bool,
    name: Vec<u8>,
    id: Vec<u8>,
    too_large: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At the start, after so many bytes of a byte order mark.
    #[default]
    Zero,
    One,
    Two,
    Behind,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes the next piece of the stream, of any size, and hands over what it completes.
    ///
    /// # Errors
    /// [`TooLarge`], from the push that crosses a limit on; events before the limit are handed over.
    pub fn push<R: Receiver>(&mut self, bytes: &[u8], receiver: &mut R) -> Result<(), TooLarge> {
        if self.too_large {
            return Err(TooLarge);
        }
        let result = self.take(bytes, receiver);
        if result.is_err() {
            self.too_large = true;
            self.line = Vec::new();
            self.data = Vec::new();
        }
        result
    }

    fn take<R: Receiver>(&mut self, bytes: &[u8], receiver: &mut R) -> Result<(), TooLarge> {
        let mut rest = if self.start == Start::Behind {
            bytes
        } else {
            self.skip_bom(bytes)
        };
        if self.after_cr
            && let Some(first) = rest.first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                rest = rest.get(1..).unwrap_or(&[]);
            }
        }
        while !rest.is_empty() {
            if self.line.is_empty() && !self.has_data && self.name.is_empty() && self.start == Start::Behind {
                // What fits in here is within both limits, so that they hold for any split of the bytes.
                let window = rest.get(..self.limits.line.min(self.limits.event)).unwrap_or(rest);
                let taken = receiver.whole_events(window);
                if taken > 0 {
                    rest = rest.get(taken..).unwrap_or(&[]);
                    continue;
                }
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                return append(&mut self.line, rest, self.limits.line);
            };
            let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = match after {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => &[],
            };
            if self.line.is_empty() {
                if piece.len() > self.limits.line {
                    return Err(TooLarge);
                }
                self.complete_line(piece, receiver)?;
            } else {
                append(&mut self.line, piece, self.limits.line)?;
                let mut line = core::mem::take(&mut self.line);
                let result = self.complete_line(&line, receiver);
                line.clear();
                self.line = line;
                result?;
            }
        }
        Ok(())
    }

    /// Drops a byte order mark at the start, which may come in pieces; what turns out not to be one opens the line.
    fn skip_bom<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            let (seen, next) = match self.start {
                Start::Zero => (0, Start::One),
                Start::One => (1, Start::Two),
                Start::Two => (2, Start::Behind),
                Start::Behind => break,
            };
            if BOM.get(seen) != Some(first) {
                self.line.extend(BOM.iter().take(seen));
                self.start = Start::Behind;
                break;
            }
            self.start = next;
            rest = after;
        }
        rest
    }

    fn complete_line<R: Receiver>(&mut self, line: &[u8], receiver: &mut R) -> Result<(), TooLarge> {
        if line.is_empty() {
            self.dispatch(receiver);
            return Ok(());
        }
        if let Some(value) = line.strip_prefix(b"data: ") {
            return self.append_data(value);
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = colon.and_then(|at| line.split_at_checked(at)).unwrap_or((line, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"" => receiver.comment(),
            b"data" => return self.append_data(value),
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"id" if !value.contains(&0) => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let milliseconds = value.iter().fold(0_u64, |number, digit| {
                    number
                        .saturating_mul(10)
                        .saturating_add(u64::from(digit.wrapping_sub(b'0')))
                });
                receiver.retry(milliseconds);
            }
            _ => {}
        }
        Ok(())
    }

    fn append_data(&mut self, value: &[u8]) -> Result<(), TooLarge> {
        if self.has_data {
            append(&mut self.data, b"\n", self.limits.event)?;
        }
        self.has_data = true;
        append(&mut self.data, value, self.limits.event)
    }

    fn dispatch<R: Receiver>(&mut self, receiver: &mut R) {
        if self.has_data {
            receiver.event(Event {
                name: &self.name,
                data: &self.data,
                id: &self.id,
            });
        }
        self.has_data = false;
        self.data.clear();
        self.name.clear();
    }
}

fn append(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Result<(), TooLarge> {
    if buffer.len().saturating_add(bytes.len()) > limit {
        return Err(TooLarge);
    }
    buffer.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::{format, vec};

    #[derive(Default)]
    struct Log(Vec<String>);

    impl Receiver for Log {
        fn event(&mut self, event: Event<'_>) {
            let text = |bytes| String::from_utf8_lossy(bytes).to_string();
            self.0
                .push(format!("{}|{}|{}", text(event.name), text(event.data), text(event.id)));
        }
        fn comment(&mut self) {
            self.0.push(":".to_string());
        }
        fn retry(&mut self, milliseconds: u64) {
            self.0.push(format!("retry {milliseconds}"));
        }
    }

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(Limits::default());
        let mut log = Log::default();
        for piece in pieces {
            decoder.push(piece, &mut log).unwrap();
        }
        log.0
    }

    #[test]
    fn the_rules_of_the_standard_hold_for_every_split() {
        let rows: &[(&[u8], &[&str])] = &[
            (b"data: a\n\n", &["|a|"]),
            (b"data:a\r\ndata:  b\r\rdata: c\n\n", &["|a\n b|", "|c|"]),
            (b"\xef\xbb\xbfdata: a\n\n", &["|a|"]),
            (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", &[]),
            (b"\xefdata: a\n\ndata: b\n\n", &["|b|"]),
            (b"data\n\ndata:\n\ndata\ndata\n\n", &["||", "||", "|\n|"]),
            (b": hi\n:\n\n", &[":", ":"]),
            (b"event: x\ndata: a\n\ndata: b\n\n", &["x|a|", "|b|"]),
            (b"event: x\n\ndata: b\n\n", &["|b|"]),
            (
                b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
                &["|a|1", "|b|1", "|c|"],
            ),
            (b"id: 1\n\nid: 2\x00\ndata: a\n\n", &["|a|1"]),
            (b"retry: 10\nretry: 1x\nretry:\nretry: -1\n\n", &["retry 10"]),
            (b"retry: 99999999999999999999999\n\n", &["retry 18446744073709551615"]),
            (b"datax: a\n data: b\nDATA: c\n\n", &[]),
            (b"data: a\n", &[]),
            (b"data: a", &[]),
            (b"data: \xe2\x82\xac\xff\n\n", &["|\u{20ac}\u{fffd}|"]),
            (b"\n\r\r\n\n\ndata: a\n\n\n", &["|a|"]),
        ];
        for (stream, expected) in rows {
            assert_eq!(events(&[stream]), *expected, "{stream:?}");
            for at in 0..=stream.len() {
                let (head, tail) = stream.split_at(at);
                assert_eq!(events(&[head, tail]), *expected, "{stream:?} at {at}");
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(events(&bytes), *expected, "{stream:?} in bytes");
        }
    }

    #[test]
    fn a_cr_at_the_end_of_a_piece_ends_its_line_at_once() {
        assert_eq!(events(&[b"data: a\r\r"]), ["|a|"]);
        assert_eq!(
            events(&[b"data: a\r\n\r", b"", b"\ndata: b\r\r", b"\n"]),
            ["|a|", "|b|"]
        );
    }

    #[test]
    fn a_limit_is_terminal_and_events_before_it_arrive() {
        let limits = Limits { line: 10, event: 12 };
        for stream in [
            &b"data: a\n\ndata: 0123456789\n\n"[..],
            b"data: a\n\ndata: 012\ndata: 345\ndata: 678\ndata: 9\n\n",
        ] {
            for size in [1, 3, 100] {
                let mut decoder = Decoder::new(limits);
                let mut log = Log::default();
                let results: Vec<_> = stream.chunks(size).map(|piece| decoder.push(piece, &mut log)).collect();
                assert_eq!(results.last(), Some(&Err(TooLarge)));
                assert_eq!(decoder.push(b"data: b\n\n", &mut log), Err(TooLarge));
                assert_eq!(log.0, vec!["|a|".to_string()]);
            }
        }
    }

    /// Takes whole events of one letter each, or of many.
    struct Short(usize);

    impl Receiver for Short {
        fn event(&mut self, _: Event<'_>) {}
        fn whole_events(&mut self, bytes: &[u8]) -> usize {
            let end = bytes.windows(2).position(|pair| pair == b"\n\n");
            let taken = end.map_or(0, |end| end + 2);
            self.0 += taken;
            taken
        }
    }

    #[test]
    fn the_short_cut_has_the_same_limit() {
        let limits = Limits { line: 10, event: 12 };
        let mut decoder = Decoder::new(limits);
        let mut receiver = Short(0);
        decoder
            .push(b"data: 0\n\ndata: 1\n\ndata: 2\n\n", &mut receiver)
            .unwrap();
        assert!(receiver.0 > 9, "it is taken");
        assert_eq!(decoder.push(b"data: 012345\n\n", &mut receiver), Err(TooLarge));
    }
}
