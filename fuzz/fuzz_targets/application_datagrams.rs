//! Whatever datagrams say, what is known of their application is bounded and can be shown.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| application::fuzz_datagrams(octets));
