use alloc::string::ToString;
use alloc::{format, vec};

use super::answer::MAX_TOOL_CALLS;
use super::*;
use crate::chat::ToolCall;
use crate::cost::Money;
use crate::cost::Usage;

fn head(status: u16, content_type: &str) -> ResponseHead {
    ResponseHead::new(status).header("Content-Type", content_type)
}

fn events() -> ResponseHead {
    head(200, "text/event-stream; charset=utf-8")
}

/// The result, the text that pushes handed out, and all flags.
fn run(head: ResponseHead, pieces: &[&[u8]], end: End) -> (ChatResult, String, Flags) {
    let mut stream = ChatStream::new();
    stream.on_response(head);
    let (mut text, mut flags) = (String::new(), Flags::default());
    for piece in pieces {
        let pushed = stream.push(piece);
        text.push_str(&pushed.text.unwrap_or_default());
        flags.add(pushed.flags);
    }
    (stream.finish(end), text, flags)
}

fn stream(body: &str, end: End) -> ChatResult {
    run(events(), &[body.as_bytes()], end).0
}

fn text_chunk(content: &str) -> String {
    format!("data: {{\"id\":\"c1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}}}}]}}\n\n")
}

fn finish_chunk(reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n")
}

const DONE: &str = "data: [DONE]\n\n";

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../tests/fixtures/litellm/", $name)).as_slice()
    };
}

fn code(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Error { error } => Some(error.code),
        _ => None,
    }
}

#[test]
fn the_recorded_stream_gives_text_usage_and_cost() {
    let (result, text, flags) = run(
        events().header("x-litellm-call-id", "cf5e"),
        &[fixture!("stream_usage_true.body")],
        End::Eof,
    );
    assert_eq!(result.outcome, Outcome::Done);
    assert_eq!(
        (result.text.as_str(), result.tail.as_str(), text.as_str()),
        ("Hello wörld 🌍", "", "Hello wörld 🌍")
    );
    assert_eq!(
        result.usage,
        Some(Usage {
            cached: 4,
            reasoning: 2,
            ..Usage::new(12, 5)
        })
    );
    assert_eq!(
        result.reported_cost,
        Some(Cost::known(Money::from_pico(22_000_000).unwrap(), CostSource::Reported))
    );
    assert_eq!(result.response_id.as_deref(), Some("chatcmpl-fake1"));
    assert_eq!(result.model.as_deref(), Some("fake-gpt"));
    assert_eq!(result.call_id.as_deref(), Some("cf5e"));
    assert!(flags.has(Flags::USAGE) && flags.has(Flags::FINISHED) && flags.has(Flags::CLOSED));
}

#[test]
fn recorded_tools_reasoning_and_errors_are_understood() {
    let (tools, ..) = run(events(), &[fixture!("stream_tools.body")], End::Eof);
    assert_eq!(tools.outcome, Outcome::ToolCalls);
    let call = ToolCall {
        id: "call_1".into(),
        name: "read_file".into(),
        arguments: r#"{"path":"a.txt"}"#.into(),
    };
    assert_eq!(tools.tool_calls, [call]);

    let (reason, _, flags) = run(events(), &[fixture!("stream_reason.body")], End::Eof);
    assert_eq!(
        (reason.reasoning.as_str(), reason.text.as_str()),
        ("thinking", "Hello wörld 🌍")
    );
    assert!(flags.has(Flags::REASONING));

    for body in [fixture!("err_midstream.body"), fixture!("err_cut.body")] {
        let (result, _, flags) = run(events(), &[body], End::Eof);
        assert_eq!(
            (code(&result.outcome), result.text.as_str()),
            (Some(ErrorCode::ServerError), "par")
        );
        assert!(flags.has(Flags::FAILED));
    }
}

#[test]
fn a_json_body_instead_of_a_stream_is_the_whole_answer() {
    let header = head(200, "application/json").header("x-litellm-response-cost", "2.2e-05");
    for head in [
        header.clone(),
        head(200, "text/plain").header("x-litellm-response-cost", "2.2e-05"),
    ] {
        let (result, text, _) = run(head, &[fixture!("nonstream.body")], End::Eof);
        assert_eq!(
            (result.outcome, text.as_str(), result.tail.as_str()),
            (Outcome::Done, "", "Hello wörld 🌍")
        );
        assert_eq!(result.text, result.tail);
        assert_eq!(
            result.reported_cost,
            Some(Cost::known(Money::from_pico(22_000_000).unwrap(), CostSource::Header))
        );
    }
    let cut = fixture!("nonstream.body").split_last().unwrap().1;
    assert_eq!(
        code(&run(header.clone(), &[cut], End::Eof).0.outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
    assert_eq!(
        code(&run(header.clone(), &[cut], End::Network).0.outcome),
        Some(ErrorCode::NetworkError)
    );
    assert_eq!(
        code(&run(header.clone(), &[b"{\"ok\":true}"], End::Eof).0.outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
    let error = br#"{"error":{"message":"no","type":"throttling_error","code":"429"}}"#;
    assert_eq!(
        code(&run(header, &[error], End::Eof).0.outcome),
        Some(ErrorCode::RateLimited)
    );
}

#[test]
fn an_errors_body_is_classified_with_the_wait() {
    let head = head(429, "application/json")
        .header("llm_provider-retry-after", "7")
        .header("x-litellm-response-cost", "0");
    let (result, ..) = run(head, &[fixture!("err_upstream_429_stream.body")], End::Eof);
    let Outcome::Error { error } = result.outcome else {
        panic!()
    };
    assert_eq!(
        (error.code, error.retryable, error.status, error.retry_after_ms),
        (ErrorCode::RateLimited, true, Some(429), Some(7000))
    );
    assert_eq!(result.reported_cost, None);
}

#[test]
fn a_wait_is_read_from_either_server_and_bounded() {
    let wait = |name: &str, value: &str| ResponseHead::new(429).header(name, value).retry_after_ms();
    assert_eq!(wait("Retry-After", "7"), Some(7000));
    assert_eq!(wait("retry-after", "0.2"), Some(1000));
    assert_eq!(wait("retry-after-ms", "250"), Some(250));
    assert_eq!(wait("retry-after", "99999999999999999999"), Some(86_400_000));
    assert_eq!(wait("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
    assert_eq!(wait("retry-after", "-1"), None);
    let both = ResponseHead::new(429)
        .header("llm_provider-retry-after", "9")
        .header("retry-after", "3");
    assert_eq!(both.retry_after_ms(), Some(3000));
}

#[test]
fn how_it_ends_is_one_of_a_closed_set() {
    let text = text_chunk("\"a\"");
    let with = |reason: &str| format!("{text}{}{DONE}", finish_chunk(reason));
    for (body, end, outcome) in [
        (with("stop"), End::Eof, Outcome::Done),
        (with("eos"), End::Eof, Outcome::Done),
        (with("length"), End::Eof, Outcome::Length),
        (with("content_filter"), End::Eof, Outcome::Filtered),
        (format!("{text}{DONE}"), End::Eof, Outcome::Done),
        (format!("{text}{}", finish_chunk("stop")), End::Eof, Outcome::Done),
        (format!("{text}{}", finish_chunk("stop")), End::Network, Outcome::Done),
        (format!("{text}{}", finish_chunk("stop")), End::Cancelled, Outcome::Done),
        (text.clone(), End::Eof, Outcome::Truncated),
        (String::new(), End::Eof, Outcome::Truncated),
        (text.clone(), End::Cancelled, Outcome::Cancelled),
        (String::new(), End::Cancelled, Outcome::Cancelled),
    ] {
        assert_eq!(stream(&body, end).outcome, outcome, "{body} {end:?}");
    }
    for (body, end, expected) in [
        (text.clone(), End::Network, ErrorCode::NetworkError),
        (text.clone(), End::Timeout, ErrorCode::Timeout),
        (with("error"), End::Eof, ErrorCode::ServerError),
        (
            format!("event: error\ndata: {{\"message\":\"no\",\"code\":429}}\n\n{DONE}"),
            End::Eof,
            ErrorCode::RateLimited,
        ),
    ] {
        assert_eq!(code(&stream(&body, end).outcome), Some(expected), "{body} {end:?}");
    }
    assert_eq!(
        code(&ChatStream::new().finish(End::Network).outcome),
        Some(ErrorCode::NetworkError)
    );
    assert_eq!(
        code(&ChatStream::new().finish(End::Eof).outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
    assert_eq!(
        code(&run(head(200, "text/html"), &[b"<html>"], End::Eof).0.outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
    assert_eq!(
        code(&run(head(200, ""), &[b"<html>"], End::Eof).0.outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
}

#[test]
fn a_malformed_event_leaves_nothing_behind_and_is_no_success() {
    let broken = [
        r#"data: {"choices":[{"index":0,"delta":{"content":"lost"}}]"#,
        r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"n","arguments":"{"}}]}},]}"#,
        r#"data: {"choices":[{"index":0,"delta":{"content":"lost\x"}}]}"#,
        r#"data: {"id":"c1","choices":[{"index":0,"delta":{"content":"lost"}}]}}"#,
        "data: ping",
    ];
    for event in broken {
        let body = format!(
            "{}{event}\n\n{}{}{DONE}",
            text_chunk("\"a\""),
            text_chunk("\"b\""),
            finish_chunk("stop")
        );
        let (result, text, flags) = run(events(), &[body.as_bytes()], End::Eof);
        assert_eq!((text.as_str(), result.tool_calls.len()), ("ab", 0), "{event}");
        assert!(flags.has(Flags::MALFORMED));
        assert_eq!(code(&result.outcome), Some(ErrorCode::UnexpectedResponse));
        assert_eq!(stream(&body, End::Cancelled).outcome, Outcome::Done);
    }
}

#[test]
fn events_without_a_message_are_no_harm() {
    let body = format!(
        "data:\n\n: ping\n\nevent: ping\ndata: {{\"type\":\"ping\"}}\n\ndata: 1\n\ndata: null\n\ndata: [{{}}]\n\n{}data: {{\"choices\":[]}}\n\n{}{DONE}ignored",
        text_chunk("\"a\""),
        finish_chunk("stop"),
    );
    let (result, text, flags) = run(events(), &[body.as_bytes()], End::Eof);
    assert_eq!((result.outcome, text.as_str()), (Outcome::Done, "a"));
    assert!(flags.has(Flags::COMMENT) && !flags.has(Flags::MALFORMED));
}

#[test]
fn what_comes_after_done_is_ignored() {
    let body = format!(
        "{}{DONE}{}{}",
        text_chunk("\"a\""),
        text_chunk("\"b\""),
        text_chunk("\"c\"")
    );
    assert_eq!(stream(&body, End::Eof).text, "a");
}

#[test]
fn prediction_never_changes_what_a_chunk_means() {
    // Each of these follows a plain chunk, and differs from it somewhere.
    let plain = text_chunk("\"a\"");
    let rows = [
        (plain.replace("\"a\"", "\"b\\\"\\u00e9\\n\""), "ab\"é\n"),
        (plain.replace("\"a\"", "\"b\",\"content\":\"c\""), "ac"),
        (plain.replace("\"a\"", "null"), "a"),
        (plain.replace("\"a\"", "5"), "a"),
        (plain.replace("\"index\":0", "\"index\":1"), "a"),
        (plain.replace("}]}\n\n", "}],\"x\":1}\n\n"), "aa"),
        (plain.replace("\n\n", "\r\n\r\n"), "aa"),
        (plain.replace("\n\n", "\ndata:\n\n"), "aa"),
        (plain.replace("data: ", "data:"), "aa"),
        (plain.replace("data: ", "data: \ndata: "), "aa"),
        (plain.replace("\n\n", "\n\n\n\n"), "aa"),
        (plain.trim_end().to_string() + "\n", "a"),
    ];
    for (event, text) in rows {
        let (result, ..) = run(events(), &[plain.as_bytes(), event.as_bytes()], End::Eof);
        assert_eq!(result.text, text, "{event}");
        let whole = plain.clone() + &event;
        assert_eq!(stream(&whole, End::Eof).text, text, "{event} in one piece");
    }
    // Line ends inside the data are JSON's white space, but not the stream's.
    let lines = "data: {\ndata: \"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let cut = "data: {\n\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n";
    assert_eq!(stream(&format!("{lines}{lines}{cut}"), End::Eof).text, "aa");
}

#[test]
fn a_surrogate_pair_split_over_two_deltas_is_healed() {
    let body = format!(
        "{}{}{}{}{}",
        text_chunk("\"x\\ud83c\""),
        text_chunk("\"\\udf0dy\""),
        text_chunk("\"\\ud83c\""),
        text_chunk("\"z\""),
        text_chunk("\"\\ud83c\""),
    );
    let (result, text, _) = run(events(), &[body.as_bytes()], End::Eof);
    assert_eq!((text.as_str(), result.tail.as_str()), ("x🌍y\u{fffd}z", "\u{fffd}"));
}

#[test]
fn tool_calls_are_put_together_by_index() {
    let delta = |calls: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{calls}]}}}}]}}\n\n");
    let body = [
        delta(r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}"#),
        delta(r#"{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"","function":{"name":"","arguments":"}"}}"#),
        delta(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"[]"}}"#),
        finish_chunk("stop"),
    ]
    .concat();
    let result = stream(&body, End::Eof);
    let calls: vec::Vec<_> = result
        .tool_calls
        .iter()
        .map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("a", "f", "[]"), ("b", "g", "{}")]);
    assert_eq!(result.outcome, Outcome::ToolCalls);
    // Some servers send no index: an id opens a call.
    let body = [
        delta(r#"{"id":"a","function":{"name":"f","arguments":"1"}}"#),
        delta(r#"{"function":{"arguments":"2"}}"#),
        delta(r#"{"id":"b","function":{"name":"g","arguments":"3"}}"#),
    ]
    .concat();
    let calls: vec::Vec<_> = stream(&body, End::Eof)
        .tool_calls
        .into_iter()
        .map(|c| c.arguments)
        .collect();
    assert_eq!(calls, ["12", "3"]);
    let many: String = (0..=MAX_TOOL_CALLS)
        .map(|i| delta(&format!(r#"{{"index":{i},"id":"a"}}"#)))
        .collect();
    assert_eq!(
        code(&stream(&many, End::Eof).outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
}

#[test]
fn a_refusal_is_kept() {
    let body = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"refusal\":\"I can't.\"}}}}]}}\n\n{}",
        finish_chunk("stop")
    );
    assert_eq!(stream(&body, End::Eof).refusal.as_deref(), Some("I can't."));
}

#[test]
fn a_stream_without_line_ends_is_stopped() {
    let mut stream = ChatStream::new();
    stream.on_response(events());
    let piece = vec![b'x'; 1 << 20];
    let closed = (0..10)
        .map(|_| stream.push(&piece).flags.has(Flags::CLOSED))
        .collect::<Vec<_>>();
    assert_eq!(closed.iter().position(|closed| *closed), Some(8));
    assert_eq!(
        code(&stream.finish(End::Eof).outcome),
        Some(ErrorCode::UnexpectedResponse)
    );
}

#[test]
fn an_error_without_an_end_is_stopped_and_has_the_meaning_of_its_status() {
    let mut stream = ChatStream::new();
    stream.on_response(head(500, "text/plain"));
    let piece = vec![b'x'; MAX_ERROR_BODY / 2];
    let closed = [(); 3].map(|()| stream.push(&piece).flags.has(Flags::CLOSED));
    assert_eq!(closed, [false, false, true]);
    assert_eq!(code(&stream.finish(End::Eof).outcome), Some(ErrorCode::ServerError));
}

#[test]
fn an_id_is_no_longer_than_the_account_takes_it() {
    let body = text_chunk("\"a\"").replace("c1", &"x".repeat(300)) + DONE;
    assert_eq!(stream(&body, End::Eof).response_id.map(|id| id.len()), Some(200));
}
