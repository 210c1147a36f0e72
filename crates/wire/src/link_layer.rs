//! From the first octet of a frame to its IP header: link layers, tags and labels.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use crate::{
    DecodeFailure, Layer, Link, MPLS_ENTRIES, MplsEntry, NotIp,
    decode::{Header, Step, Walk},
};

impl Walk<'_, '_> {
    #[inline]
    pub(crate) fn ethernet(&mut self) -> Result<Step, DecodeFailure> {
        let ether_type = self.ethernet_header()?;
        self.ether_type(ether_type)
    }

    /// Takes the addresses, and gives the `EtherType`.
    #[inline]
    fn ethernet_header(&mut self) -> Result<u16, DecodeFailure> {
        let header = Ethernet2HeaderSlice::from_slice(self.rest.captured)
            .map_err(|_| DecodeFailure::Truncated(Layer::Ethernet))?;
        *self.link() = Link { source: header.source(), destination: header.destination(), ..Link::default() };
        self.rest.skip(header.slice().len());
        Ok(header.ether_type().0)
    }

    #[inline]
    pub(crate) fn ether_type(&mut self, number: u16) -> Result<Step, DecodeFailure> {
        match number {
            0x0800 => self.ipv4(),
            0x86dd => self.ipv6(),
            other => self.other_ether_type(other),
        }
    }

    fn other_ether_type(&mut self, number: u16) -> Result<Step, DecodeFailure> {
        Ok(Step::On(match number {
            // 802.1Q, 802.1ad, and what vendors used before 802.1ad.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => Header::VirtualLan,
            0x8847 | 0x8848 => Header::Mpls,
            0x8864 => Header::PppoE,
            0x88e7 => Header::BackboneTag,
            0x8926 => Header::VirtualNicTag,
            0x893f => Header::BridgePortExtension,
            0x880b => Header::Ppp,
            0x8909 => Header::SecurityGroupTag,
            0x894f => Header::ServiceFunction,
            // IEEE 802.3: a number up to 1500 is a length, and LLC follows.
            length @ 0..=1500 => {
                self.rest.limit(u32::from(length));
                Header::Llc
            }
            other => return Err(DecodeFailure::NotIp(NotIp::EtherType(other))),
        }))
    }

    pub(crate) fn virtual_lan(&mut self) -> Result<Step, DecodeFailure> {
        let header = SingleVlanHeaderSlice::from_slice(self.rest.captured)
            .map_err(|_| DecodeFailure::Truncated(Layer::VirtualLan))?;
        let (identifier, ether_type) = (header.vlan_identifier().value(), header.ether_type().0);
        let link = self.link();
        if let Some(slot) = link.vlans.get_mut(usize::from(link.vlan_count)) {
            *slot = identifier;
            link.vlan_count += 1;
        }
        self.rest.skip(header.slice().len());
        Ok(Step::On(Header::EtherType(ether_type)))
    }

    /// IEEE 802.1ah: a service tag of four octets (flags and I-SID), then the customer's Ethernet frame.
    pub(crate) fn backbone_tag(&mut self) -> Result<Step, DecodeFailure> {
        self.rest.take::<4>().ok_or(DecodeFailure::Truncated(Layer::BackboneTag))?;
        Ok(Step::On(Header::Ethernet))
    }

    /// Cisco VN-tag: four octets, then an `EtherType`.
    pub(crate) fn virtual_nic_tag(&mut self) -> Result<Step, DecodeFailure> {
        let &[.., high, low] = self.rest.take::<6>().ok_or(DecodeFailure::Truncated(Layer::VirtualNicTag))?;
        Ok(Step::On(Header::EtherType(u16::from_be_bytes([high, low]))))
    }

    /// IEEE 802.1BR E-tag: six octets, then an `EtherType`.
    pub(crate) fn bridge_port_extension(&mut self) -> Result<Step, DecodeFailure> {
        let &[.., high, low] = self.rest.take::<8>().ok_or(DecodeFailure::Truncated(Layer::VirtualNicTag))?;
        Ok(Step::On(Header::EtherType(u16::from_be_bytes([high, low]))))
    }

    /// Cisco `MetaData`, which carries a security group tag: version 1, one option of four octets, then an `EtherType`.
    pub(crate) fn security_group_tag(&mut self) -> Result<Step, DecodeFailure> {
        let &[version, length, _, _, _, _, high, low] =
            self.rest.take::<8>().ok_or(DecodeFailure::Truncated(Layer::SecurityGroupTag))?;
        if (version, length) != (1, 1) {
            return Err(DecodeFailure::Malformed(Layer::SecurityGroupTag));
        }
        Ok(Step::On(Header::EtherType(u16::from_be_bytes([high, low]))))
    }

    /// IEEE 802.2; the SNAP form carries an `EtherType` (RFC 1042).
    pub(crate) fn llc(&mut self) -> Result<Step, DecodeFailure> {
        let &[destination, source, control] =
            self.rest.take::<3>().ok_or(DecodeFailure::Truncated(Layer::Llc))?;
        match (destination, source, control) {
            (0xaa, 0xaa, 0x03) => {}
            // IP without SNAP (RFC 948).
            (0x06, 0x06, 0x03) => return Ok(Step::On(Header::Ip)),
            _ => return Err(DecodeFailure::NotIp(NotIp::Llc(destination))),
        }
        let &[_, _, _, high, low] = self.rest.take::<5>().ok_or(DecodeFailure::Truncated(Layer::Llc))?;
        let number = u16::from_be_bytes([high, low]);
        if number <= 1500 {
            return Err(DecodeFailure::NotIp(NotIp::EtherType(number)));
        }
        Ok(Step::On(Header::EtherType(number)))
    }

    /// `LINKTYPE_LINUX_SLL`: sixteen octets, the last two an `EtherType`.
    pub(crate) fn cooked(&mut self) -> Result<Step, DecodeFailure> {
        let truncated = DecodeFailure::Truncated(Layer::LinuxCooked);
        let &[.., length] = self.rest.take::<6>().ok_or(truncated)?;
        self.cooked_address(length).ok_or(truncated)?;
        let &protocol = self.rest.take::<2>().ok_or(truncated)?;
        cooked_protocol(u16::from_be_bytes(protocol))
    }

    /// `LINKTYPE_LINUX_SLL2`: twenty octets, the first two an `EtherType`.
    pub(crate) fn cooked2(&mut self) -> Result<Step, DecodeFailure> {
        let truncated = DecodeFailure::Truncated(Layer::LinuxCooked);
        let &[high, low, .., length] = self.rest.take::<12>().ok_or(truncated)?;
        self.cooked_address(length).ok_or(truncated)?;
        cooked_protocol(u16::from_be_bytes([high, low]))
    }

    /// Eight octets, of which `length` are the sender's address.
    fn cooked_address(&mut self, length: u8) -> Option<()> {
        let address = self.rest.take::<8>()?;
        if let (6, Some(address)) = (length, address.first_chunk()) {
            self.link().source = *address;
        }
        Some(())
    }

    /// `LINKTYPE_NULL` and `LINKTYPE_LOOP`: an address family in one byte order or the other.
    pub(crate) fn loopback(&mut self) -> Result<Step, DecodeFailure> {
        let family = *self.rest.take::<4>().ok_or(DecodeFailure::Truncated(Layer::Loopback))?;
        let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
        address_family(family)
    }

    /// `LINKTYPE_ENC`: an address family, two fields of four octets, then IP.
    pub(crate) fn encrypted_interface(&mut self) -> Result<Step, DecodeFailure> {
        let step = self.loopback()?;
        self.rest.take::<8>().ok_or(DecodeFailure::Truncated(Layer::EncryptedInterface))?;
        Ok(step)
    }

    /// `LINKTYPE_PFLOG`: the length of the header, without the octets that make it a multiple of four, then an address family.
    pub(crate) fn packet_filter_log(&mut self) -> Result<Step, DecodeFailure> {
        let truncated = DecodeFailure::Truncated(Layer::PacketFilterLog);
        let &[length, family] = self.rest.captured.first_chunk::<2>().ok_or(truncated)?;
        let length = usize::from(length).next_multiple_of(4);
        if self.rest.captured.len() < length {
            return Err(truncated);
        }
        self.rest.skip(length);
        address_family(family.into())
    }

    /// `LINKTYPE_NFLOG`: family, version and resource, then attributes, one of which is the packet. Their numbers are in the byte order of the
    /// capturing host, which follows from their types: none is above 255.
    pub(crate) fn netfilter_log(&mut self) -> Result<Step, DecodeFailure> {
        const PAYLOAD: u8 = 9;
        let truncated = DecodeFailure::Truncated(Layer::NetfilterLog);
        let &[_family, version, ..] = self.rest.take::<4>().ok_or(truncated)?;
        if version != 0 {
            return Err(DecodeFailure::Malformed(Layer::NetfilterLog));
        }
        loop {
            let (length, kind) = match *self.rest.take::<4>().ok_or(truncated)? {
                [a, b, kind, 0] => (u16::from_le_bytes([a, b]), kind),
                [a, b, 0, kind] => (u16::from_be_bytes([a, b]), kind),
                _ => return Err(DecodeFailure::Malformed(Layer::NetfilterLog)),
            };
            let content = length.checked_sub(4).ok_or(DecodeFailure::Malformed(Layer::NetfilterLog))?;
            if kind == PAYLOAD {
                self.rest.limit(content.into());
                return Ok(Step::On(Header::Ip));
            }
            self.rest.skip(usize::from(content).next_multiple_of(4));
        }
    }

    /// An octet that says whether the frame was sent or received, then `header`.
    pub(crate) fn direction(&mut self, layer: Layer, header: Header) -> Result<Step, DecodeFailure> {
        self.rest.take::<1>().ok_or(DecodeFailure::Truncated(layer))?;
        Ok(Step::On(header))
    }

    /// `PPPoE` session data (RFC 2516): version and type 1, code 0, session, length.
    pub(crate) fn pppoe(&mut self) -> Result<Step, DecodeFailure> {
        let &[version_type, code, _, _, high, low] =
            self.rest.take::<6>().ok_or(DecodeFailure::Truncated(Layer::PppoE))?;
        if version_type != 0x11 || code != 0 {
            return Err(DecodeFailure::Malformed(Layer::PppoE));
        }
        self.rest.limit(u32::from(u16::from_be_bytes([high, low])));
        Ok(Step::On(Header::Ppp))
    }

    /// `LINKTYPE_PPP_HDLC`: an address octet of 0x0f or 0x8f means Cisco's framing.
    pub(crate) fn ppp_hdlc(&self) -> Step {
        match self.rest.peek() {
            Some(0x0f | 0x8f) => Step::On(Header::CiscoHdlc),
            _ => Step::On(Header::Ppp),
        }
    }

    /// PPP (RFC 1661), with or without the address and control octets of RFC 1662, and with the protocol field in two octets or
    /// compressed to one.
    pub(crate) fn ppp(&mut self) -> Result<Step, DecodeFailure> {
        let truncated = DecodeFailure::Truncated(Layer::Ppp);
        if self.rest.captured.starts_with(&[0xff, 0x03]) {
            self.rest.skip(2);
        }
        let &[first] = self.rest.take::<1>().ok_or(truncated)?;
        // An odd octet ends the field.
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            let &[second] = self.rest.take::<1>().ok_or(truncated)?;
            u16::from_be_bytes([first, second])
        };
        Ok(Step::On(match protocol {
            0x0021 => Header::Ipv4,
            0x0057 => Header::Ipv6,
            0x0281 | 0x0283 => Header::Mpls,
            other => return Err(DecodeFailure::NotIp(NotIp::Ppp(other))),
        }))
    }

    /// Cisco HDLC: address, control, `EtherType`.
    pub(crate) fn cisco_hdlc(&mut self) -> Result<Step, DecodeFailure> {
        let &[_, _, high, low] = self.rest.take::<4>().ok_or(DecodeFailure::Truncated(Layer::CiscoHdlc))?;
        Ok(Step::On(Header::EtherType(u16::from_be_bytes([high, low]))))
    }

    /// A label stack (RFC 3032), and a guess at what it carries, since nothing says: IP by its version, else a pseudowire's
    /// Ethernet frame, with a control word (RFC 4448) if the first nibble is 0.
    pub(crate) fn mpls(&mut self) -> Result<Step, DecodeFailure> {
        for _ in 0..MAX_LABELS {
            let &[a, b, c, _ttl] = self.rest.take::<4>().ok_or(DecodeFailure::Truncated(Layer::Mpls))?;
            let link = self.link();
            if let Some(slot) = link.mpls.get_mut(usize::from(link.mpls_count)) {
                *slot = MplsEntry([a, b, c]);
                link.mpls_count += 1;
            }
            if c & 1 == 1 {
                return self.mpls_payload();
            }
        }
        Err(DecodeFailure::TooDeep)
    }

    fn mpls_payload(&mut self) -> Result<Step, DecodeFailure> {
        let not_ip = DecodeFailure::NotIp(NotIp::Mpls);
        let control_word = match self.rest.peek().ok_or(DecodeFailure::Truncated(Layer::Mpls))? >> 4 {
            4 => return Ok(Step::On(Header::Ipv4)),
            6 => return Ok(Step::On(Header::Ipv6)),
            // A control word, but many MAC addresses begin with this nibble too. A tag behind them looks like what follows behind a
            // control word, so that they come first.
            0 if !self.ip_seems_to_follow_ethernet(0) => CONTROL_WORD_OCTETS,
            _ => 0,
        };
        // Anything may stand here: go on only where the frame says that IP follows, and keep the labels, which belong to the
        // carrier but are what tells one customer's addresses from another's.
        if !self.ip_seems_to_follow_ethernet(control_word) {
            return Err(not_ip);
        }
        self.rest.skip(control_word);
        let Link { mpls, mpls_count, .. } = *self.link();
        let ether_type = self.ethernet_header()?;
        let link = self.link();
        (link.mpls, link.mpls_count) = (mpls, mpls_count);
        Ok(Step::On(Header::EtherType(ether_type)))
    }

    /// Whether an Ethernet header `ahead` octets from here would announce IP or a VLAN tag.
    fn ip_seems_to_follow_ethernet(&self, ahead: usize) -> bool {
        let ether_type = self.rest.captured.get(ahead..).and_then(|frame| frame.get(12..14));
        matches!(ether_type, Some([0x08 | 0x81, 0x00] | [0x86, 0xdd] | [0x88, 0xa8]))
    }
}

/// IPv6 has a number per system.
fn address_family(family: u32) -> Result<Step, DecodeFailure> {
    match family {
        2 => Ok(Step::On(Header::Ipv4)),
        10 | 24 | 28 | 30 => Ok(Step::On(Header::Ipv6)),
        other => Err(DecodeFailure::NotIp(NotIp::AddressFamily(other))),
    }
}

/// Linux puts a few numbers of its own where an `EtherType` is expected (`linux/if_ether.h`).
fn cooked_protocol(number: u16) -> Result<Step, DecodeFailure> {
    match number {
        0x0004 => Ok(Step::On(Header::Llc)),
        0x0007..=0x0009 => Ok(Step::On(Header::Ppp)),
        0..=1500 => Err(DecodeFailure::NotIp(NotIp::EtherType(number))),
        _ => Ok(Step::On(Header::EtherType(number))),
    }
}

/// A stack of more labels than this is taken for garbage; also the bound of the loop.
const MAX_LABELS: usize = 16;

/// RFC 4385, 3.
const CONTROL_WORD_OCTETS: usize = 4;

const _: () = assert!(MPLS_ENTRIES <= MAX_LABELS);
