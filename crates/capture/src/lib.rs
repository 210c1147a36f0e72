//! Where frames come from: capture files, standard input, and interfaces ([`live`]).
//!
//! A [`CaptureReader`] turns one stream (pcap or pcapng, plain or compressed with gzip or zstd, told apart by content)
//! into [`Batch`]es: stretches of the stream in one buffer each, with an index of the frames in them. [`CaptureFiles`]
//! reads many of them in the order of their first packets. A [`Filter`] says which frames an expression of libpcap's
//! language asks for.
//!
//! ```
//! use capture::{Batch, CaptureReader, Fill};
//!
//! // The header of a pcap file (little-endian, microseconds, Ethernet), then one packet of three octets.
//! let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
//! file.extend([7, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 0xaa, 0xbb, 0xcc]);
//!
//! let mut reader = CaptureReader::from_stream("example", std::io::Cursor::new(file))?;
//! let mut batch = Batch::new();
//! let mut octets_on_the_wire = 0;
//! while reader.fill(&mut batch)? == Fill::Frames {
//!     for frame in batch.frames() {
//!         octets_on_the_wire += frame.original_length;
//!     }
//! }
//! assert_eq!((reader.packets_read(), octets_on_the_wire), (1, 60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! - Per packet nothing is allocated and nothing is copied: octets go from the file into the batch, and are indexed there. Frames of a
//!   single Ethernet interface stay where the kernel wrote them; those that libpcap reads, and those of several interfaces, are copied.
//! - A stream that is cut or damaged gives every packet before the damage, then one [`Damage`] that says where and what.
//!   No content of a stream panics.
//! - Buffers grow only as far as octets really arrive, and never beyond one record of the largest size that its link type
//!   allows ([`MAX_PACKET_OCTETS`], and more for three link types) or one pcapng block of the same order. Besides that, a
//!   zstd stream may ask for a window of 128 MiB, and a capture may describe up to [`MAX_INTERFACES`] interfaces.
//! - The same octets give the same frames, however reads divide them.
//!
//! # What it must never know
//!
//! Flows, protocols above the link type, and clocks: a frame's time is what the capture or the kernel says.

#![deny(clippy::indexing_slicing)]

mod batch;
mod bpf;
mod compression;
mod error;
mod files;
mod filter;
mod frames;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod interface;
pub mod live;
mod octets;
mod pcap_format;
mod pcapng;
mod reader;
#[cfg(test)]
mod sample;
mod stream;
mod timescale;

pub use batch::Batch;
pub use error::{Damage, DamageKind, OpenError};
pub use files::CaptureFiles;
pub use filter::{Filter, FilterError, Inapplicable, MAX_FILTERED_LINK_TYPES};
pub use frames::{Frames, IndexedFrames};
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use fuzz::{fuzz_filter_program, fuzz_reader};
pub use interface::{Interface, MAX_INTERFACES, MAX_PACKET_OCTETS};
pub use reader::{CaptureReader, Fill};
