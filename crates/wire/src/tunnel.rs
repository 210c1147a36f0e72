//! Headers between an outer and an inner packet.
//!
//! All of these are strict: a wrong guess (someone else's protocol on a tunnel's port) must end the walk, so that the outer
//! packet stands, and not lead into octets that only look like a header.

use crate::{
    DecodeFailure, Layer, NotIp, Segment,
    decode::{Header, Step, Walk},
};

impl Walk<'_, '_> {
    /// GRE (RFC 2784, RFC 2890) and the enhanced GRE of PPTP (RFC 2637).
    pub(crate) fn gre(&mut self) -> Result<Step, DecodeFailure> {
        let &[flags, version, high, low] = self.take(Layer::Gre)?;
        let (checksum, routing, key, sequence) =
            (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x20 != 0, flags & 0x10 != 0);
        let acknowledgment = version & 0x80 != 0;
        // Source routing (RFC 1701) has no use and no users; RFC 2784 has such packets discarded.
        if routing || version & 0x07 > 1 {
            return Err(DecodeFailure::Malformed(Layer::Gre));
        }
        let optional = [checksum, key, sequence, acknowledgment && version & 0x07 == 1];
        for _ in optional.into_iter().filter(|&present| present) {
            self.take::<4>(Layer::Gre)?;
        }
        Ok(Step::On(match u16::from_be_bytes([high, low]) {
            // Transparent Ethernet bridging, as NVGRE uses it (RFC 7637).
            0x6558 => Header::Ethernet,
            // ERSPAN: type I has no header of its own and no sequence number, type II has both.
            0x88be if !sequence => Header::Ethernet,
            0x88be => Header::Erspan2,
            0x22eb => Header::Erspan3,
            number @ 0..=1500 => return Err(DecodeFailure::NotIp(NotIp::EtherType(number))),
            number => Header::EtherType(number),
        }))
    }

    /// ERSPAN type II: eight octets, then the mirrored frame.
    pub(crate) fn erspan2(&mut self) -> Result<Step, DecodeFailure> {
        let &[version, ..] = self.take::<8>(Layer::Gre)?;
        if version >> 4 != 1 {
            return Err(DecodeFailure::Malformed(Layer::Gre));
        }
        Ok(Step::On(Header::Ethernet))
    }

    /// ERSPAN type III: twelve octets, eight more if the last bit says so, then the mirrored frame.
    pub(crate) fn erspan3(&mut self) -> Result<Step, DecodeFailure> {
        let &[version, .., last] = self.take::<12>(Layer::Gre)?;
        if version >> 4 != 2 {
            return Err(DecodeFailure::Malformed(Layer::Gre));
        }
        if last & 1 == 1 {
            self.take::<8>(Layer::Gre)?;
        }
        Ok(Step::On(Header::Ethernet))
    }

    /// VXLAN (RFC 7348, 5): the I flag must be set; the other flags are read as reserved, but for those of its group-policy
    /// extension, which leave the layout as it is.
    pub(crate) fn vxlan(&mut self) -> Result<Step, DecodeFailure> {
        let &[flags, policy, _, _, a, b, c, reserved] = self.take::<8>(Layer::Vxlan)?;
        if flags & 0x7f != 0x08 || policy & 0xb7 != 0 || reserved != 0 {
            return Err(DecodeFailure::Malformed(Layer::Vxlan));
        }
        self.segment = Some(Segment::Vxlan(u32::from_be_bytes([0, a, b, c])));
        Ok(Step::On(Header::Ethernet))
    }

    /// The generic protocol extension of VXLAN (draft-ietf-nvo3-vxlan-gpe, 3): version 0, and what it carries if the P flag says that it is told.
    pub(crate) fn vxlan_extension(&mut self) -> Result<Step, DecodeFailure> {
        let &[flags, reserved0, reserved1, next, a, b, c, reserved2] = self.take::<8>(Layer::Vxlan)?;
        // But for the flag of frames that go to many.
        let (flags, reserved) = (flags & !0x02, (reserved0, reserved1, reserved2));
        if reserved != (0, 0, 0) {
            return Err(DecodeFailure::Malformed(Layer::Vxlan));
        }
        let header = match (flags, next) {
            (0x08, 0) | (0x0c, 3) => Header::Ethernet,
            (0x0c, 1) => Header::Ipv4,
            (0x0c, 2) => Header::Ipv6,
            (0x0c, 4) => Header::ServiceFunction,
            (0x0c, 5) => Header::Mpls,
            _ => return Err(DecodeFailure::Malformed(Layer::Vxlan)),
        };
        self.segment = Some(Segment::Vxlan(u32::from_be_bytes([0, a, b, c])));
        Ok(Step::On(header))
    }

    /// The network service header (RFC 8300, 2.2): version 0, no packet of its own (O), a length in words, and what follows.
    pub(crate) fn service_function(&mut self) -> Result<Step, DecodeFailure> {
        let &[flags, words, _, next] = self.take::<4>(Layer::ServiceFunction)?;
        let rest = (usize::from(words & 0x3f) * 4).checked_sub(4).filter(|rest| *rest >= 4);
        let Some(rest) = rest.filter(|_| flags & 0xe0 == 0) else {
            return Err(DecodeFailure::Malformed(Layer::ServiceFunction));
        };
        if rest > self.rest.captured.len() {
            return Err(DecodeFailure::Truncated(Layer::ServiceFunction));
        }
        self.rest.skip(rest);
        Ok(Step::On(match next {
            1 => Header::Ipv4,
            2 => Header::Ipv6,
            3 => Header::Ethernet,
            5 => Header::Mpls,
            _ => return Err(DecodeFailure::Malformed(Layer::ServiceFunction)),
        }))
    }

    /// L2TP, version 2 (RFC 2661, 3.1): of data messages, whose first bit is 0; the other ones are the tunnel's own.
    pub(crate) fn layer2_tunnel(&mut self) -> Result<Step, DecodeFailure> {
        const LENGTH: u16 = 0x4000;
        const SEQUENCE: u16 = 0x0800;
        const OFFSET: u16 = 0x0200;
        const PRIORITY: u16 = 0x0100;
        const DATA_OF_VERSION_2: u16 = 2;
        let layer = Layer::Layer2Tunnel;
        let flags = u16::from_be_bytes(*self.take::<2>(layer)?);
        if flags & !(LENGTH | SEQUENCE | OFFSET | PRIORITY) != DATA_OF_VERSION_2 {
            return Err(DecodeFailure::Malformed(layer));
        }
        if flags & LENGTH != 0 {
            let length = u16::from_be_bytes(*self.take::<2>(layer)?);
            self.rest.limit(length.checked_sub(4).ok_or(DecodeFailure::Malformed(layer))?.into());
        }
        let _tunnel_and_session = self.take::<4>(layer)?;
        if flags & SEQUENCE != 0 {
            let _sent_and_received = self.take::<4>(layer)?;
        }
        if flags & OFFSET != 0 {
            let padding = u16::from_be_bytes(*self.take::<2>(layer)?);
            self.rest.skip(padding.into());
        }
        Ok(Step::On(Header::Ppp))
    }

    /// `EtherIP` (RFC 3378, 3): version 3, and nothing else in two octets.
    pub(crate) fn ether_ip(&mut self) -> Result<Step, DecodeFailure> {
        match self.take::<2>(Layer::EtherIp)? {
            [0x30, 0] => Ok(Step::On(Header::Ethernet)),
            _ => Err(DecodeFailure::Malformed(Layer::EtherIp)),
        }
    }

    /// An authentication header of IPv4 in tunnel mode (RFC 4302, 3.1.2). In transport mode it is what the packet carries.
    pub(crate) fn authentication(&mut self) -> Result<Step, DecodeFailure> {
        let &[next, words] = self.take::<2>(Layer::Authentication)?;
        let header = match next {
            4 => Header::Ipv4,
            41 => Header::Ipv6,
            _ => return Ok(Step::Done),
        };
        let rest = (usize::from(words) + 2) * 4 - 2;
        if rest > self.rest.captured.len() {
            return Err(DecodeFailure::Truncated(Layer::Authentication));
        }
        self.rest.skip(rest);
        Ok(Step::On(header))
    }

    /// Geneve (RFC 8926, 3.4): version 0, options skipped, Ethernet or IP inside.
    pub(crate) fn geneve(&mut self) -> Result<Step, DecodeFailure> {
        let &[version_length, flags, high, low, a, b, c, reserved] = self.take::<8>(Layer::Geneve)?;
        if version_length >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
            return Err(DecodeFailure::Malformed(Layer::Geneve));
        }
        let options = usize::from(version_length & 0x3f) * 4;
        if options > self.rest.captured.len() {
            return Err(DecodeFailure::Truncated(Layer::Geneve));
        }
        self.rest.skip(options);
        self.segment = Some(Segment::Geneve(u32::from_be_bytes([0, a, b, c])));
        match u16::from_be_bytes([high, low]) {
            0x6558 => Ok(Step::On(Header::Ethernet)),
            number @ (0x0800 | 0x86dd) => Ok(Step::On(Header::EtherType(number))),
            number => Err(DecodeFailure::NotIp(NotIp::EtherType(number))),
        }
    }

    /// GTP-U (3GPP TS 29.281, 5): a G-PDU carries a user's IP packet; all other messages are the tunnel's own.
    pub(crate) fn gtp(&mut self) -> Result<Step, DecodeFailure> {
        const G_PDU: u8 = 255;
        let &[flags, message, high, low, ..] = self.take::<8>(Layer::Gtp)?;
        // Version 1, protocol type GTP.
        if flags >> 4 != 0b0011 || message != G_PDU {
            return Err(DecodeFailure::Malformed(Layer::Gtp));
        }
        self.rest.limit(u32::from(u16::from_be_bytes([high, low])));
        if flags & 0x07 != 0 {
            // Sequence number, N-PDU number and next extension header stand together if any of them is there.
            let &[_, _, _, extension] = self.take::<4>(Layer::Gtp)?;
            // The last of them has a meaning only if its own flag is set.
            if flags & 0x04 != 0 {
                self.gtp_extensions(extension)?;
            }
        }
        Ok(Step::On(Header::Ip))
    }

    fn gtp_extensions(&mut self, mut extension: u8) -> Result<(), DecodeFailure> {
        for _ in 0..MAX_GTP_EXTENSIONS {
            if extension == 0 {
                return Ok(());
            }
            extension = self.gtp_extension()?;
        }
        if extension == 0 { Ok(()) } else { Err(DecodeFailure::TooDeep) }
    }

    /// One extension header: its length in units of four octets first, the kind of the next one last.
    fn gtp_extension(&mut self) -> Result<u8, DecodeFailure> {
        let units = usize::from(self.rest.peek().ok_or(DecodeFailure::Truncated(Layer::Gtp))?);
        let length = units * 4;
        let next = length.checked_sub(1).ok_or(DecodeFailure::Malformed(Layer::Gtp))?;
        let next = *self.rest.captured.get(next).ok_or(DecodeFailure::Truncated(Layer::Gtp))?;
        self.rest.skip(length);
        Ok(next)
    }

    fn take<const N: usize>(&mut self, layer: Layer) -> Result<&[u8; N], DecodeFailure> {
        self.rest.take::<N>().ok_or(DecodeFailure::Truncated(layer))
    }
}

/// A G-PDU has one or two of them (PDCP number, PDU session container).
const MAX_GTP_EXTENSIONS: usize = 8;
