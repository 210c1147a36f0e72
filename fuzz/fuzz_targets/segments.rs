//! Segments of every kind are put in order within bounds.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| detect::fuzz_segments(octets));
