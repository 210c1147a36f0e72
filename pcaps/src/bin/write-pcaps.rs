//! Writes the captures.
fn main() {}
