//! Where messages go.

mod file;
mod memory;
mod udp;

use std::io;

pub use self::{file::FileOutput, memory::MemoryOutput, udp::UdpOutput};

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
}
