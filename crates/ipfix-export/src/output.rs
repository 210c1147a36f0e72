//! Where messages go.

mod file;
mod memory;
mod outgoing;
mod parcel;
mod rotating;
mod tcp;
mod udp;

use std::io;

#[cfg(feature = "tls")]
pub use self::tcp::TlsSettings;
pub use self::{
    file::FileOutput,
    memory::MemoryOutput,
    rotating::{RotatingOutput, Rotation},
    tcp::{Gap, Notice, TcpOutput, TcpSettings},
    udp::UdpOutput,
};
use crate::Statistics;

/// The transport of a [`Exporter`](crate::Exporter): takes whole messages, in order.
pub trait Output {
    /// Sends or stores one message, or keeps it back for a while.
    ///
    /// # Errors
    ///
    /// The message did not leave, nor will those that were kept back; the exporter counts their records as lost. The
    /// error should say where it happened.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Hands on what the output has kept back.
    ///
    /// # Errors
    ///
    /// What was kept back could not be handed on and is lost. The error should say where it happened.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// How many of the messages that [`send`](Self::send) took, counted from the last, are kept back. After an error,
    /// how many of them are lost.
    fn held_back(&self) -> usize {
        0
    }

    /// Whether messages may be lost on the way, each by itself: then templates are repeated
    /// (RFC 7011 section 8.4).
    fn is_datagram(&self) -> bool;

    /// How often the other side has refused a message, as far as the output can know.
    fn refused(&self) -> u64 {
        0
    }

    /// The largest message that the path is known to carry in one piece (RFC 7011 section 10.3.3), if it matters and is known.
    fn path_octets(&self) -> Option<u16> {
        None
    }

    /// How often the path has dropped a message since it was too long, as far as the output can know.
    fn too_long(&self) -> u64 {
        0
    }

    /// What has become of all messages, if the output itself keeps count: one that sends in the background knows it only later.
    /// Records that were refused are the exporter's to count.
    fn statistics(&self) -> Option<Statistics> {
        None
    }

    /// What has happened in the background since this was asked last.
    fn take_notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// Hands on what is left, if need be after waiting for the other side, and ends: nothing may be sent afterwards.
    ///
    /// # Errors
    ///
    /// Not everything could be handed on. The error should say where it happened, and what becomes of the rest.
    fn close(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl<O: Output + ?Sized> Output for Box<O> {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        (**self).send(message)
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }

    fn held_back(&self) -> usize {
        (**self).held_back()
    }

    fn is_datagram(&self) -> bool {
        (**self).is_datagram()
    }

    fn refused(&self) -> u64 {
        (**self).refused()
    }

    fn path_octets(&self) -> Option<u16> {
        (**self).path_octets()
    }

    fn too_long(&self) -> u64 {
        (**self).too_long()
    }

    fn statistics(&self) -> Option<Statistics> {
        (**self).statistics()
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        (**self).take_notices()
    }

    fn close(&mut self) -> io::Result<()> {
        (**self).close()
    }
}
