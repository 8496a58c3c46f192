//! Runs the `document` target under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| memoryd_fuzz::document::run(data));
