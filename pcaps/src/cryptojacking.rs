//! Not yet.

/// Not yet.
pub fn capture() -> Vec<u8> {
    Vec::new()
}
