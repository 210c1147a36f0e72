//! Frames of every link type end as a packet or as a failure.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wire::fuzz_decode(octets));
