//! Captures of every kind give the same frames and the same damage, however reads divide them.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| capture::fuzz_reader(octets));
