//! The bytes of a frame become a [`Packet`].
//!
//! A frame is what a capture gives: octets, a time, a length on the wire, a link type. This crate walks its headers
//! (link layer, tags, labels, tunnels, IP, transport) once, without allocating, and says what it found, or why it
//! could not go on. It keeps no state: every frame is judged by itself.
//!
//! It must never know of flows, files, interfaces or clocks.

mod frame;
mod link_type;
mod timestamp;

pub use frame::Frame;
pub use link_type::LinkType;
pub use timestamp::Timestamp;
