#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| watershed_hostile::check("dialects", input));
