//! The bytes of a frame become a [`Packet`].
//!
//! A frame is what a capture gives: octets, a time, a length on the wire, a link type. This crate walks its headers
//! (link layer, tags, labels, tunnels, IP, transport) once, without allocating, and says what it found, or why it
//! could not go on. It keeps no state: every frame is judged by itself.
//!
//! It must never know of flows, files, interfaces or clocks.
//!
//! Invariants:
//! - Every frame ends as a [`Packet`] or as a [`DecodeFailure`]; nothing panics and nothing allocates.
//! - Every octet is read through a checked slice.
//! - The packet is the innermost IP packet that could be reached. A tunnel that leads nowhere leaves its carrier standing.
//! - [`Ip::octets`] never exceeds what was on the wire, except within the first fragment of a tunnel's packet, whose other
//!   fragments carry the rest ([`Packet::carrier`]).
//! - [`Packet::payload`] is a part of the frame, at [`Packet::payload_offset`].
//!
//! ```
//! use wire::{Frame, LinkType, Timestamp, Transport};
//!
//! let data = [
//!     0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4, 28 octets, UDP
//!     0, 53, 0x30, 0x39, 0, 8, 0, 0, // port 53 to 12345
//! ];
//! let frame = Frame {
//!     data: &data,
//!     timestamp: Timestamp::from_parts(1_700_000_000, 0),
//!     original_length: 28,
//!     link_type: LinkType::RAW,
//!     interface: 0,
//! };
//! let packet = wire::decode(&frame)?;
//! assert_eq!(packet.ip.octets, 28);
//! assert!(matches!(packet.transport, Transport::Ports(ports) if ports.source == 53));
//! # Ok::<(), wire::DecodeFailure>(())
//! ```

#![deny(clippy::indexing_slicing)]

mod decode;
mod failure;
mod frame;
mod internet;
mod link_layer;
mod link_type;
mod packet;
mod plain;
mod rest;
mod timestamp;
mod transport;
mod tunnel;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use decode::fuzz_decode;
pub use decode::{decode, decode_into};
pub use failure::{DecodeFailure, Layer, NotIp};
pub use frame::Frame;
pub use link_type::LinkType;
pub use packet::{
    Address, Fragment, FragmentId, Icmp, Ip, Link, MPLS_ENTRIES, MplsEntry, Packet, Ports, Segment, Tcp,
    TcpFlags, Transport,
};
pub use timestamp::Timestamp;
