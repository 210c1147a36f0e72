use wire::{Packet, Timestamp};

use crate::{FlowKey, Side};

/// A packet that knows its flow: all that the meter works out before it looks for it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// The key of its flow.
    pub key: FlowKey,
    /// The end that sent it.
    pub sender: Side,
    /// The meter's clock when it came: no earlier than the time of any packet before it.
    pub clock: Timestamp,
    /// The key's hash.
    pub(crate) hash: u32,
}

#[cfg(test)]
pub(crate) mod testing {
    use wire::{Address, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

    pub(crate) fn tcp(source: u16, destination: u16, flags: u16) -> Transport {
        Transport::Tcp(Tcp { ports: Ports { source, destination }, flags: TcpFlags(flags), ..Tcp::default() })
    }

    pub(crate) fn udp(source: u16, destination: u16) -> Transport {
        Transport::Ports(Ports { source, destination })
    }

    /// A packet of 100 octets at the beginning of time.
    pub(crate) fn packet(source: [u8; 4], destination: [u8; 4], transport: Transport) -> Packet<'static> {
        let protocol = match transport {
            Transport::Tcp(_) => 6,
            Transport::Icmp(_) => 1,
            Transport::Ports(_) | Transport::Unseen => 17,
            Transport::Other => 50,
        };
        let (source, destination) = (Address::from_v4(source), Address::from_v4(destination));
        let ip =
            Ip { source, destination, version: 4, protocol, tos: 0, ttl: 64, octets: 100, fragment: None };
        Packet {
            timestamp: Timestamp::ZERO,
            interface: 0,
            link: Link::default(),
            segment: None,
            ip,
            transport,
            payload: &[],
            payload_offset: 0,
            carrier: None,
        }
    }
}
