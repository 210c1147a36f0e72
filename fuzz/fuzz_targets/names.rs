//! Messages of DNS give clean names or none.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| detect::fuzz_names(octets));
