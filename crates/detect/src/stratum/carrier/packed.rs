use flate2::{Decompress, FlushDecompress};

/// Compressed messages of `WebSocket` (RFC 7692), of which short ones are read.
///
/// Each message may refer to those before it. What is kept of these is less than what it may refer to, which is enough for messages
/// that resemble the latest ones; one that reaches further back cannot be read, and nor can those after it.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// The message that is coming.
    message: Vec<u8>,
    /// The end of what was read.
    history: Vec<u8>,
    /// How many were read.
    pub(super) messages: u32,
}

impl Packed {
    pub(super) fn octets(&mut self, octets: &[u8]) {
        let room = (MAX_PACKED_OCTETS + 1).saturating_sub(self.message.len());
        self.message.extend_from_slice(octets.get(..room.min(octets.len())).unwrap_or_default());
    }

    /// The message, which is whole now; `None` if it is too long or cannot be read.
    pub(super) fn unpack(&mut self) -> Option<Vec<u8>> {
        let mut message = std::mem::take(&mut self.message);
        if message.len() > MAX_PACKED_OCTETS {
            return None;
        }
        message.extend(END);
        let mut stream = Decompress::new(false);
        if !self.history.is_empty() {
            stream.set_dictionary(&self.history).ok()?;
        }
        // It is filled up to its capacity at most.
        let mut text = Vec::with_capacity(MAX_TEXT_OCTETS);
        stream.decompress_vec(&message, &mut text, FlushDecompress::Sync).ok()?;
        if text.len() >= MAX_TEXT_OCTETS {
            return None;
        }
        self.history.extend_from_slice(&text);
        let surplus = self.history.len().saturating_sub(MAX_HISTORY_OCTETS);
        self.history.drain(..surplus);
        self.messages = self.messages.saturating_add(1);
        Some(text)
    }
}

/// What the sender leaves out at the end of each message (RFC 7692, 7.2.2).
const END: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Miners' messages have some hundred octets.
const MAX_PACKED_OCTETS: usize = 4 * 1024;
const MAX_TEXT_OCTETS: usize = 16 * 1024;
/// Some twenty messages.
const MAX_HISTORY_OCTETS: usize = 8 * 1024;
