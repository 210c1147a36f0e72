//! The pcapng format: sections of blocks, each section with its own byte order and its own interfaces.
//!
//! Source: draft-ietf-opsawg-pcapng; section numbers below are its. Size limits are libpcap's.

use std::sync::Arc;

use wire::{LinkType, Timestamp};

use crate::{
    DamageKind, Interface, MAX_INTERFACES,
    frames::FrameIndex,
    interface::{effective_snap_length, link_type_in_file, longest_packet},
    octets::{ByteOrder, size},
    stream::{Indexed, Stop},
    timescale::Timescale,
};

/// What is known of a pcapng stream at some point of it.
#[derive(Debug)]
pub(crate) struct Pcapng {
    order: ByteOrder,
    /// The interfaces of the section that is being read.
    section: Vec<SectionInterface>,
    /// The number of the section's first interface among those of the capture.
    first_interface: usize,
    longest_block: u32,
    /// The time of the packet before.
    latest: Timestamp,
}

/// What turns a block's fields into a frame.
#[derive(Debug)]
struct SectionInterface {
    link_type: LinkType,
    snap_length: u32,
    timescale: Timescale,
}

/// The fields of a packet that all kinds of packet blocks come down to.
struct PacketFields {
    interface: u32,
    /// In the interface's units; simple packet blocks have none.
    time: Option<u64>,
    captured: u32,
    original: u32,
    /// Where its octets begin in the block.
    data: usize,
}

/// Where the blocks' contents go.
pub(crate) struct Sink<'a> {
    pub(crate) index: &'a mut Vec<FrameIndex>,
    pub(crate) interfaces: &'a mut Vec<Interface>,
    /// What is added to the capture's interface numbers.
    pub(crate) first_interface: u16,
    pub(crate) capture: &'a Arc<str>,
}

impl Pcapng {
    /// Before the first section.
    pub(crate) fn new() -> Self {
        Self {
            order: ByteOrder::Little,
            section: Vec::new(),
            first_interface: 0,
            longest_block: LONGEST_BLOCK,
            latest: Timestamp::ZERO,
        }
    }

    /// Whether a stream that begins with these four octets is pcapng.
    pub(crate) fn detect(magic: [u8; 4]) -> bool {
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    /// Enters the packets in `octets`, from `at` on, into the sink.
    pub(crate) fn index(&mut self, octets: &[u8], mut at: usize, sink: &mut Sink<'_>) -> Indexed {
        let stop = loop {
            let rest = octets.get(at..).unwrap_or_default();
            match self.next_block(rest, at, sink) {
                Ok(length) => at += length,
                Err(stop) => break stop,
            }
        };
        Indexed { consumed: at, stop }
    }

    /// Takes in the block that `rest` begins with, which is at `at` in its batch, and gives its length.
    fn next_block(&mut self, rest: &[u8], at: usize, sink: &mut Sink<'_>) -> Result<usize, Stop> {
        let Some(beginning) = rest.get(..BLOCK_OCTETS) else {
            return Err(Stop::Short(DamageKind::CutRecordHeader {
                expected: BLOCK_OCTETS,
                present: rest.len(),
            }));
        };
        // A section header's type reads the same in both byte orders; the order mark follows its length.
        if self.order.u32(beginning, 0) == Some(SECTION_HEADER) {
            self.order = byte_order(beginning).ok_or(Stop::Damaged(DamageKind::ByteOrderMark))?;
        }
        let (block, length) = (self.field(beginning, 0), self.field(beginning, 4));
        if let Some(fault) = self.length_fault(length) {
            return Err(Stop::Damaged(DamageKind::BlockLength { block, length, fault }));
        }
        let Some(whole) = rest.get(..size(length)) else {
            let kind = DamageKind::CutBlock { block, expected: size(length), present: rest.len() };
            return Err(Stop::Short(kind));
        };
        let (body, trailing) = whole.split_at(whole.len() - 4);
        let trailing = self.field(trailing, 0);
        if trailing != length {
            return Err(Stop::Damaged(DamageKind::BlockLengthsDiffer { block, leading: length, trailing }));
        }
        self.take_block(block, length, body, at, sink).map_err(Stop::Damaged)?;
        Ok(whole.len())
    }

    /// Acts on a block that is complete; `body` is the block without its trailing length.
    fn take_block(
        &mut self,
        block: u32,
        length: u32,
        body: &[u8],
        at: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), DamageKind> {
        let fields = match block {
            ENHANCED_PACKET => self.enhanced_packet(body),
            SIMPLE_PACKET => self.simple_packet(body),
            PACKET => self.packet(body),
            SECTION_HEADER => return self.begin_section(length, body, sink),
            INTERFACE_DESCRIPTION => return self.describe_interface(length, body, sink),
            INTERFACE_STATISTICS => {
                self.take_statistics(body, sink);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(fields) = fields else {
            return Err(DamageKind::BlockLength { block, length, fault: "too short for its kind" });
        };
        self.take_packet(&fields, body, at, sink)
    }

    /// Section 4.1: what was said of interfaces before holds no longer.
    fn begin_section(&mut self, length: u32, body: &[u8], sink: &Sink<'_>) -> Result<(), DamageKind> {
        let (Some(major), Some(minor), Some(_)) =
            (self.order.u16(body, 12), self.order.u16(body, 14), self.order.u64(body, 16))
        else {
            return Err(DamageKind::BlockLength {
                block: SECTION_HEADER,
                length,
                fault: "too short for its kind",
            });
        };
        // Version 1.2 is written by some programs and means 1.0.
        if !matches!((major, minor), (1, 0 | 2)) {
            return Err(DamageKind::Version { format: "pcapng", major, minor });
        }
        self.section.clear();
        self.first_interface = sink.interfaces.len();
        self.longest_block = LONGEST_BLOCK;
        Ok(())
    }

    /// Section 4.2.
    fn describe_interface(
        &mut self,
        length: u32,
        body: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), DamageKind> {
        let (Some(link_type), Some(stated)) = (self.order.u16(body, 8), self.order.u32(body, 12)) else {
            return Err(DamageKind::BlockLength {
                block: INTERFACE_DESCRIPTION,
                length,
                fault: "too short for its kind",
            });
        };
        if sink.interfaces.len() >= MAX_INTERFACES {
            return Err(DamageKind::TooManyInterfaces(MAX_INTERFACES));
        }
        let link_type = link_type_in_file(link_type);
        let mut interface = Interface::new(Arc::clone(sink.capture), link_type, stated);
        let (mut resolution, mut offset_seconds) = (MICROSECOND_RESOLUTION, 0_i64);
        for option in (Options { order: self.order, rest: body.get(16..).unwrap_or_default() }) {
            let (code, value) = option.map_err(DamageKind::InterfaceOption)?;
            match (code, value) {
                (OPTION_IF_NAME, name) => {
                    let name = name.get(..NAME_OCTETS).unwrap_or(name);
                    interface.name = Some(String::from_utf8_lossy(name).into());
                }
                (OPTION_IF_TSRESOL, &[octet]) => resolution = octet,
                (OPTION_IF_TSOFFSET, value) if value.len() == 8 => {
                    offset_seconds = self.order.u64(value, 0).unwrap_or_default().cast_signed();
                }
                (OPTION_IF_TSRESOL | OPTION_IF_TSOFFSET, _) => return Err(DamageKind::InterfaceOption(code)),
                _ => {}
            }
        }
        self.longest_block =
            self.longest_block.max(longest_packet(link_type).saturating_add(PACKET_BLOCK_EXTRA));
        self.section.push(SectionInterface {
            link_type,
            snap_length: effective_snap_length(link_type, stated),
            timescale: Timescale::new(resolution, offset_seconds),
        });
        sink.interfaces.push(interface);
        Ok(())
    }

    /// Section 4.6. The last block of an interface counts: its numbers are totals. What cannot be read is left out.
    fn take_statistics(&self, body: &[u8], sink: &mut Sink<'_>) {
        let Some(interface) = self.order.u32(body, 8).map(size).filter(|&i| i < self.section.len()) else {
            return;
        };
        let Some(interface) = sink.interfaces.get_mut(self.first_interface.saturating_add(interface)) else {
            return;
        };
        for (code, value) in
            (Options { order: self.order, rest: body.get(20..).unwrap_or_default() }).flatten()
        {
            let Some(count) = self.order.u64(value, 0) else { continue };
            match code {
                OPTION_ISB_IFRECV => interface.received = Some(count),
                OPTION_ISB_IFDROP => interface.dropped = Some(count),
                OPTION_ISB_OSDROP => interface.dropped_by_system = Some(count),
                _ => {}
            }
        }
    }

    /// Section 4.3.
    fn enhanced_packet(&self, body: &[u8]) -> Option<PacketFields> {
        let header: &[u8; 28] = body.first_chunk()?;
        Some(PacketFields {
            interface: self.field(header, 8),
            time: Some(self.time(header, 12)),
            captured: self.field(header, 20),
            original: self.field(header, 24),
            data: header.len(),
        })
    }

    /// Section 4.4: of the first interface, without a time, and with the original length only.
    fn simple_packet(&self, body: &[u8]) -> Option<PacketFields> {
        let original = self.order.u32(body, 8)?;
        let snap_length = self.section.first().map_or(u32::MAX, |interface| interface.snap_length);
        Some(PacketFields {
            interface: 0,
            time: None,
            captured: original.min(snap_length),
            original,
            data: 12,
        })
    }

    /// Appendix A: the obsolete packet block, with a drop count next to a shorter interface number.
    fn packet(&self, body: &[u8]) -> Option<PacketFields> {
        let header: &[u8; 28] = body.first_chunk()?;
        Some(PacketFields {
            interface: u32::from(self.order.u16(header, 8)?),
            time: Some(self.time(header, 12)),
            captured: self.field(header, 20),
            original: self.field(header, 24),
            data: header.len(),
        })
    }

    #[inline]
    fn take_packet(
        &mut self,
        fields: &PacketFields,
        body: &[u8],
        at: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), DamageKind> {
        let &PacketFields { interface: number, captured, original, data, time } = fields;
        let Some(interface) = self.section.get(size(number)) else {
            return Err(DamageKind::UnknownInterface { interface: number, described: self.section.len() });
        };
        let limit = longest_packet(interface.link_type);
        if captured > limit {
            return Err(DamageKind::PacketTooLong { length: captured, limit });
        }
        let room = body.len().saturating_sub(data);
        if size(captured) > room {
            return Err(DamageKind::PacketBeyondBlock { length: captured, room });
        }
        if let Some(time) = time {
            self.latest = interface.timescale.timestamp(time);
        }
        let number = u16::try_from(self.first_interface.saturating_add(size(number))).unwrap_or(u16::MAX);
        sink.index.push(FrameIndex {
            timestamp: self.latest,
            offset: u32::try_from(at + data).unwrap_or(u32::MAX),
            captured: captured.min(interface.snap_length),
            original,
            link_type: interface.link_type,
            interface: sink.first_interface.saturating_add(number),
        });
        Ok(())
    }

    /// What is impossible about a block's stated length.
    fn length_fault(&self, length: u32) -> Option<&'static str> {
        if size(length) < BLOCK_OCTETS {
            Some("too short")
        } else if !length.is_multiple_of(4) {
            Some("not a multiple of four")
        } else if length > self.longest_block {
            Some("too long")
        } else {
            None
        }
    }

    /// A field that is known to be there.
    fn field(&self, octets: &[u8], at: usize) -> u32 {
        self.order.u32(octets, at).unwrap_or_default()
    }

    /// A time, whose upper half comes first in both byte orders.
    fn time(&self, octets: &[u8], at: usize) -> u64 {
        u64::from(self.field(octets, at)) << 32 | u64::from(self.field(octets, at + 4))
    }
}

/// The byte order of the section that these octets begin.
fn byte_order(beginning: &[u8]) -> Option<ByteOrder> {
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|order| order.u32(beginning, 8) == Some(BYTE_ORDER_MARK))
}

/// The options of a block (section 3.5): their codes and values, or once the code of one that reaches beyond the block.
struct Options<'a> {
    order: ByteOrder,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), u16>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        let code = self.order.u16(rest, 0).filter(|&code| code != OPTION_END)?;
        let value = self.order.u16(rest, 2).and_then(|length| rest.get(4..)?.get(..usize::from(length)));
        let Some(value) = value else { return Some(Err(code)) };
        self.rest = rest.get(4 + value.len().next_multiple_of(4)..).unwrap_or_default();
        Some(Ok((code, value)))
    }
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MARK: u32 = 0x1a2b_3c4d;

const OPTION_END: u16 = 0;
const OPTION_IF_NAME: u16 = 2;
const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_IF_TSOFFSET: u16 = 14;
const OPTION_ISB_IFRECV: u16 = 4;
const OPTION_ISB_IFDROP: u16 = 5;
const OPTION_ISB_OSDROP: u16 = 7;

/// Type and two lengths: the least a block has.
const BLOCK_OCTETS: usize = 12;
/// How long a block may be before an interface says that its packets are longer.
const LONGEST_BLOCK: u32 = 16 << 20;
/// What a packet block may have besides its packet: fixed fields, and options as long as libpcap accepts.
const PACKET_BLOCK_EXTRA: u32 = 32 + 131_072;
/// `if_tsresol` where the option is missing: ten to the power of minus six.
const MICROSECOND_RESOLUTION: u8 = 6;
/// How much of an interface's name is kept.
const NAME_OCTETS: usize = 255;

#[cfg(test)]
mod tests;
