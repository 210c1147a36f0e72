use crate::{LinkType, Timestamp};

/// Captured octets and what the capture says of them. Borrowed from the buffer they were read into.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The octets that were captured, from the link-layer header on.
    pub data: &'a [u8],
    /// When the frame was seen.
    pub timestamp: Timestamp,
    /// The frame's length on the wire, in octets; `data` is shorter where a snap length cut it.
    pub original_length: u32,
    /// What the first octets of `data` are.
    pub link_type: LinkType,
    /// The interface it came from: an index into the interfaces of the source, counted over all its files.
    pub interface: u16,
}
