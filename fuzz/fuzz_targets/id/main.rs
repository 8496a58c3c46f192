//! Runs the `id` target under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| memoryd_fuzz::id::run(data));
