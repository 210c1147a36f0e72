use std::hash::{Hash, Hasher};

use wire::{Address, Packet, Ports, Segment, Transport};

use crate::Endpoint;

/// What the packets of a flow have in common: addresses, ports, protocol and virtual network, in an order that is the same for
/// both directions.
///
/// VLAN tags, MPLS labels, GRE keys and tunnel endpoint identifiers are no part of it, since they may differ by direction. ICMP
/// has no ports: what two hosts say to each other over ICMP is one flow.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[repr(C)]
pub struct FlowKey {
    low: Address,
    high: Address,
    low_port: u16,
    high_port: u16,
    segment: SegmentNumber,
    protocol: u8,
    version: u8,
}

/// One of the two ends of a flow: the key's low or high one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Side {
    /// The end whose address and port are the smaller ones.
    Low = 0,
    /// The other one.
    High = 1,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl FlowKey {
    /// The key of the flow that `packet` belongs to, and the end that sent it.
    #[inline]
    pub fn of(packet: &Packet<'_>) -> (Self, Side) {
        Self::with_ports(packet, ports(&packet.transport))
    }

    #[inline]
    fn with_ports(packet: &Packet<'_>, ports: Ports) -> (Self, Side) {
        let mut key = Self::default();
        let sender = key.set(packet, ports);
        (key, sender)
    }

    /// The key of a packet of which it is known from elsewhere what stands above its IP header: of a later fragment the first one says it.
    pub(crate) fn of_fragment(packet: &Packet<'_>, Above { protocol, ports }: Above) -> (Self, Side) {
        let (key, sender) = Self::with_ports(packet, ports);
        (Self { protocol, ..key }, sender)
    }

    /// Makes it the key of `packet`, and returns the end that sent it.
    #[inline]
    pub(crate) fn set(&mut self, packet: &Packet<'_>, ports: Ports) -> Side {
        // Numbers, which are compared in two steps, are still in registers when the key is written. Addresses would be read back from memory in
        // other pieces than were just written there, for which a processor has to wait.
        let (source, destination) = (halves(packet.ip.source), halves(packet.ip.destination));
        let is_low = (source, ports.source) <= (destination, ports.destination);
        let (low, high) = if is_low { (source, destination) } else { (destination, source) };
        (self.low, self.high) = (joined(low), joined(high));
        (self.low_port, self.high_port) =
            if is_low { (ports.source, ports.destination) } else { (ports.destination, ports.source) };
        self.segment = SegmentNumber::new(packet.segment);
        self.protocol = packet.ip.protocol;
        self.version = packet.ip.version;
        if is_low { Side::Low } else { Side::High }
    }

    /// The IP protocol number.
    pub const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// 4 or 6.
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// The virtual network that both ends are in, if an overlay carries it.
    pub fn segment(&self) -> Option<Segment> {
        self.segment.get()
    }

    /// The address and port of an end. The port is 0 where the protocol has none, or where none was seen.
    pub fn endpoint(&self, side: Side) -> Endpoint {
        let (address, port) = match side {
            Side::Low => (self.low, self.low_port),
            Side::High => (self.high, self.high_port),
        };
        Endpoint { address: address.to_ip(self.version), port }
    }

    /// The port of an end, 0 if there is none.
    pub(crate) const fn port(&self, side: Side) -> u16 {
        match side {
            Side::Low => self.low_port,
            Side::High => self.high_port,
        }
    }

    /// All of the key in six numbers.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 6] {
        let [a, b] = halves(self.low);
        let [c, d] = halves(self.high);
        let ports = u64::from(self.low_port) << 16 | u64::from(self.high_port);
        let network =
            u64::from(self.segment.0) << 32 | u64::from(self.version) << 8 | u64::from(self.protocol);
        [a, b, c, d, ports, network]
    }
}

impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, ports, network] = self.words();
        let segment = network >> 32;
        // Each by itself: two of them joined by anything but the keyed hash would let a sender make keys collide at will. The first says
        // which follow: the upper halves of IPv4 addresses are all the same, and most packets are in no virtual network.
        state.write_u64(ports << 32 | u64::from(segment != 0) << 16 | network & 0xffff);
        if self.version != 4 {
            state.write_u64(a);
            state.write_u64(c);
        }
        state.write_u64(b);
        state.write_u64(d);
        if segment != 0 {
            state.write_u64(segment);
        }
    }
}

/// A virtual network in one number: 0 for none, else its kind above the 24 bits of its identifier.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct SegmentNumber(u32);

impl SegmentNumber {
    #[inline]
    fn new(segment: Option<Segment>) -> Self {
        Self(match segment {
            None => 0,
            Some(Segment::Vxlan(identifier)) => VXLAN | identifier,
            Some(Segment::Geneve(identifier)) => GENEVE | identifier,
        })
    }

    fn get(self) -> Option<Segment> {
        let identifier = self.0 & IDENTIFIER;
        match self.0 & !IDENTIFIER {
            VXLAN => Some(Segment::Vxlan(identifier)),
            GENEVE => Some(Segment::Geneve(identifier)),
            _ => None,
        }
    }
}

/// What of a key stands above the IP header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Above {
    pub(crate) protocol: u8,
    pub(crate) ports: Ports,
}

impl Above {
    /// What a packet says itself.
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        Self { protocol: packet.ip.protocol, ports: ports(&packet.transport) }
    }
}

#[inline]
pub(crate) fn ports(transport: &Transport) -> Ports {
    match transport {
        Transport::Tcp(tcp) => tcp.ports,
        Transport::Ports(ports) => *ports,
        Transport::Icmp(_) | Transport::Other | Transport::Unseen => Ports::default(),
    }
}

/// An address as two numbers, which are in the same order as addresses.
#[inline]
fn halves(address: Address) -> [u64; 2] {
    let all = u128::from_be_bytes(address.0);
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
    [(all >> 64) as u64, all as u64]
}

/// The address of two such numbers.
#[inline]
fn joined([high, low]: [u64; 2]) -> Address {
    Address((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

const IDENTIFIER: u32 = 0x00ff_ffff;
const VXLAN: u32 = 1 << 24;
const GENEVE: u32 = 2 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::testing::{packet, tcp, udp};

    #[test]
    fn both_directions_have_one_key() {
        let there = packet([10, 0, 0, 9], [10, 0, 0, 2], tcp(4_000, 80, 0x02));
        let back = packet([10, 0, 0, 2], [10, 0, 0, 9], tcp(80, 4_000, 0x12));
        let ((key, sender), (same, answerer)) = (FlowKey::of(&there), FlowKey::of(&back));
        assert_eq!(key, same);
        assert_eq!((sender, answerer), (Side::High, Side::Low));
        assert_eq!(key.endpoint(Side::High).to_string(), "10.0.0.9:4000");
        assert_eq!(key.endpoint(Side::Low).to_string(), "10.0.0.2:80");
    }

    #[test]
    fn ports_order_the_ends_of_a_host_that_talks_to_itself() {
        let there = packet([127, 0, 0, 1], [127, 0, 0, 1], tcp(9, 5, 0));
        let back = packet([127, 0, 0, 1], [127, 0, 0, 1], tcp(5, 9, 0));
        assert_eq!(FlowKey::of(&there).0, FlowKey::of(&back).0);
        assert_ne!(FlowKey::of(&there).1, FlowKey::of(&back).1);
    }

    #[test]
    fn no_part_of_a_key_makes_up_for_another_in_the_hash() {
        let state = ahash::RandomState::new();
        let plain = packet([10, 0, 0, 1], [10, 0, 0, 2], udp(0, 0));
        let hashes: std::collections::BTreeSet<_> = (0..1_000_u16)
            .map(|i| {
                let (transport, segment) = (udp(0x0100, i), Some(Segment::Vxlan(u32::from(i))));
                state.hash_one(FlowKey::of(&Packet { transport, segment, ..plain }).0)
            })
            .collect();
        assert_eq!(hashes.len(), 1_000);
    }

    #[test]
    fn networks_and_versions_tell_flows_apart() {
        let plain = packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0));
        let mut keys = vec![FlowKey::of(&plain).0];
        for segment in [Segment::Vxlan(0), Segment::Vxlan(7), Segment::Geneve(7)] {
            let key = FlowKey::of(&Packet { segment: Some(segment), ..plain }).0;
            assert_eq!(key.segment(), Some(segment));
            keys.push(key);
        }
        let mut mapped = plain;
        mapped.ip.version = 6;
        keys.push(FlowKey::of(&mapped).0);
        let words: std::collections::BTreeSet<_> = keys.iter().map(FlowKey::words).collect();
        assert_eq!(words.len(), 5);
        keys.dedup();
        assert_eq!(keys.len(), 5);
    }
}
