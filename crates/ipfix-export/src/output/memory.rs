use std::io;

use super::Output;

/// Keeps the messages in memory, one after the other, as a file would: for tests, benches and other transports.
#[derive(Clone, Debug, Default)]
pub struct MemoryOutput {
    octets: Vec<u8>,
    datagram: bool,
}

impl MemoryOutput {
    /// An empty output that behaves as a stream.
    pub fn stream() -> Self {
        Self::default()
    }

    /// An empty output that behaves as datagrams: the exporter repeats its templates.
    pub fn datagram() -> Self {
        Self { octets: Vec::new(), datagram: true }
    }

    /// All messages so far.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Forgets the messages and keeps their memory.
    pub fn clear(&mut self) {
        self.octets.clear();
    }

    /// All messages.
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

impl Output for MemoryOutput {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.octets.extend_from_slice(message);
        Ok(())
    }

    fn is_datagram(&self) -> bool {
        self.datagram
    }
}
