#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| godoty_core_tests::fuzz::stored_session(data));
