#![no_main]

#[path = "../../tests/common/inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::csv(bytes));
