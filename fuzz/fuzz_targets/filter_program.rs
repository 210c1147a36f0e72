//! Filter programs of every kind end.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| capture::fuzz_filter_program(octets));
