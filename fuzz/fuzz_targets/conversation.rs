//! Whatever two ends say, listeners end, and how it is cut makes no difference.
#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| detect::fuzz_conversation(octets));
