//! The scanner takes exactly what `JSON.parse` takes: held against `serde_json`, which agrees with it when it skips values
//! (duplicate keys, lone surrogates and numbers of any size are fine) and has no limit of depth.

use std::collections::BTreeMap;

use godoty_core::json::{Scanner, is_json};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

fn serde_takes(text: &[u8]) -> bool {
    // JSON.parse gets text that a decoder has made valid UTF-8.
    let text = String::from_utf8_lossy(text);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    deserializer.disable_recursion_limit();
    IgnoredAny::deserialize(&mut deserializer)
        .and_then(|_| deserializer.end())
        .is_ok()
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f\"\\\\🌍é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..8)
                .prop_map(|map: BTreeMap<String, Value>| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Text out of the tokens that JSON is made of, well formed or not.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"\\u12\"",
        "\\",
        "\\\"",
        "0",
        "-",
        "1",
        "01",
        "1.5",
        "1.",
        ".",
        "e",
        "e+1",
        "E-",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\r",
        "\u{0}",
        "\u{1f}",
        "\u{7f}",
        "\u{feff}",
        "\u{2028}",
        "é",
        "{\"a\":",
        "}]",
        "\"b\":",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_json_is_taken(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(is_json(text.as_bytes()), "{}", text);
    }

    #[test]
    fn damaged_json_is_judged_as_serde_json_judges_it(
        value in json(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[],:0eE+-. ntu\x00\x1f".to_vec())], 0..3_u8), 1..5),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (at, byte, kind) in damage {
            if text.is_empty() { break; }
            let at = at.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => { text.remove(at); }
            }
        }
        prop_assert_eq!(is_json(&text), serde_takes(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn any_row_of_tokens_is_judged_as_serde_json_judges_it(text in tokens()) {
        prop_assert_eq!(is_json(&text), serde_takes(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(text in prop::collection::vec(any::<u8>(), 0..16)) {
        prop_assert_eq!(is_json(&text), serde_takes(&text));
    }

    #[test]
    fn a_string_has_the_value_that_serde_json_gives_it(text in any::<String>()) {
        let json = serde_json::to_string(&text).unwrap();
        let string = Scanner::new(json.as_bytes()).string_or_skip().unwrap().unwrap();
        prop_assert_eq!(string.decode(), text.as_str());
        prop_assert!(string.is(&text));
        let mut written = String::new();
        godoty_core::json::write_string(&mut written, &text);
        prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn escapes_have_the_value_that_utf16_gives_them(units in prop::collection::vec(any::<u16>(), 0..12)) {
        let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
        let json = format!("\"{}\"", escapes.concat());
        let string = Scanner::new(json.as_bytes()).string_or_skip().unwrap().unwrap();
        prop_assert_eq!(string.decode(), String::from_utf16_lossy(&units));
    }
}
