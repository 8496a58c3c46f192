//! Runs the `journal` target under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| memoryd_fuzz::journal::run(data));
