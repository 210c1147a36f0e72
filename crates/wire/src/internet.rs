//! IP headers, IPv6 extension headers, fragments.

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, err,
};

use crate::{
    Address, DecodeFailure, Fragment, Ip, Layer, Transport,
    decode::{Header, Step, Walk},
};

impl Walk<'_, '_> {
    pub(crate) fn ip(&mut self) -> Result<Step, DecodeFailure> {
        match self.rest.peek().ok_or(DecodeFailure::Truncated(Layer::Ip))? >> 4 {
            4 => Ok(Step::On(Header::Ipv4)),
            6 => Ok(Step::On(Header::Ipv6)),
            _ => Err(DecodeFailure::Malformed(Layer::Ip)),
        }
    }

    #[inline]
    pub(crate) fn ipv4(&mut self) -> Result<Step, DecodeFailure> {
        let header = Ipv4HeaderSlice::from_slice(self.rest.captured).map_err(|error| match error {
            err::ipv4::HeaderSliceError::Len(_) => DecodeFailure::Truncated(Layer::Ipv4),
            err::ipv4::HeaderSliceError::Content(_) => DecodeFailure::Malformed(Layer::Ipv4),
        })?;
        let header_length = header.slice().len();
        let total = u32::from(header.total_len());
        if total != 0 && usize::from(header.total_len()) < header_length {
            return Err(DecodeFailure::Malformed(Layer::Ipv4));
        }
        let (offset, more) = (header.fragments_offset().value(), header.more_fragments());
        let fragment = (offset != 0 || more).then(|| Fragment {
            identification: u32::from(header.identification()),
            offset,
            more,
        });
        let ip = Ip {
            source: Address::from_v4(header.source()),
            destination: Address::from_v4(header.destination()),
            version: 4,
            protocol: header.protocol().0,
            tos: header.slice().get(1).copied().unwrap_or_default(),
            ttl: header.ttl(),
            octets: self.octets(total),
            fragment,
        };
        self.rest.limit(ip.octets);
        self.rest.skip(header_length);
        self.enter(ip);
        Ok(self.above(&ip))
    }

    #[inline]
    pub(crate) fn ipv6(&mut self) -> Result<Step, DecodeFailure> {
        let header = Ipv6HeaderSlice::from_slice(self.rest.captured).map_err(|error| match error {
            err::ipv6::HeaderSliceError::Len(_) => DecodeFailure::Truncated(Layer::Ipv6),
            err::ipv6::HeaderSliceError::Content(_) => DecodeFailure::Malformed(Layer::Ipv6),
        })?;
        let total = match u32::from(header.payload_length()) {
            // RFC 8200, 4.7: there is nothing to be had, and what follows in the frame is padding.
            0 if header.next_header() == IpNumber::IPV6_NO_NEXT_HEADER => IPV6_HEADER_LENGTH,
            0 => 0, // a jumbogram (RFC 2675), or segmentation offload
            length => length + IPV6_HEADER_LENGTH,
        };
        let mut ip = Ip {
            source: Address(header.source()),
            destination: Address(header.destination()),
            version: 6,
            protocol: header.next_header().0,
            tos: header.traffic_class(),
            ttl: header.hop_limit(),
            octets: self.octets(total),
            fragment: None,
        };
        self.rest.limit(ip.octets);
        self.rest.skip(header.slice().len());
        let seen = self.extension_headers(&mut ip);
        self.enter(ip);
        Ok(if seen { self.above(&ip) } else { self.end(Transport::Unseen) })
    }

    /// Goes on to what `ip` carries, if that is in this frame.
    #[inline]
    fn above(&mut self, ip: &Ip) -> Step {
        match ip.fragment {
            Some(fragment) if fragment.offset != 0 => self.end(Transport::Unseen),
            _ => self.protocol(ip.protocol),
        }
    }

    /// Octets of an IP packet that says it has `total`: never more than there were on the wire, and these if it says 0.
    fn octets(&self, total: u32) -> u32 {
        match (total, self.rest.wire) {
            // Within the first fragment of a carrier the end of the frame is not the end of the packet.
            (0, u32::MAX) => u32::try_from(self.rest.captured.len()).unwrap_or(u32::MAX),
            (0, wire) => wire,
            (total, wire) => total.min(wire),
        }
    }

    /// Walks over the extension headers of RFC 8200, 4 and stops at the upper layer, or at the first header that was not
    /// captured whole, whose number then stands as the protocol. `false` if what comes behind them was not seen.
    fn extension_headers(&mut self, ip: &mut Ip) -> bool {
        for _ in 0..MAX_EXTENSION_HEADERS {
            let captured = self.rest.captured;
            let length = match IpNumber(ip.protocol) {
                IpNumber::IPV6_HEADER_HOP_BY_HOP
                | IpNumber::IPV6_DESTINATION_OPTIONS
                | IpNumber::IPV6_ROUTE_HEADER => {
                    let Ok(header) = Ipv6RawExtHeaderSlice::from_slice(captured) else { return false };
                    ip.protocol = header.next_header().0;
                    header.slice().len()
                }
                IpNumber::AUTHENTICATION_HEADER => {
                    let Ok(header) = IpAuthHeaderSlice::from_slice(captured) else { return false };
                    ip.protocol = header.next_header().0;
                    header.slice().len()
                }
                IpNumber::IPV6_FRAGMENTATION_HEADER => {
                    let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(captured) else { return false };
                    ip.protocol = header.next_header().0;
                    // RFC 6946: offset 0 and nothing to follow is a whole packet. A second such header hides no first one.
                    if header.is_fragmenting_payload() {
                        ip.fragment = Some(Fragment {
                            identification: header.identification(),
                            offset: header.fragment_offset().value(),
                            more: header.more_fragments(),
                        });
                    }
                    header.slice().len()
                }
                _ => return true,
            };
            self.rest.skip(length);
            if ip.fragment.is_some_and(|fragment| fragment.offset != 0) {
                return true;
            }
        }
        false
    }
}

const IPV6_HEADER_LENGTH: u32 = 40;

/// More than RFC 8200, 4.1 has kinds of.
const MAX_EXTENSION_HEADERS: usize = 8;
