use wire::Timestamp;

use crate::{FlowKey, Side};

/// Which flow a packet belongs to: all that the meter works out before it looks for the flow.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// The key of its flow.
    pub key: FlowKey,
    /// The end that sent it.
    pub sender: Side,
    /// The meter's clock when it came: no earlier than the time of any packet before it.
    pub clock: Timestamp,
    /// The key's hash.
    pub(crate) hash: u32,
    /// Whether it is the first fragment of its packet, and others have waited for it.
    pub(crate) releases: bool,
    pub(crate) sighting: Sighting,
}

/// Where a flow was when somebody looked for it: there it still is, if none has ended since.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sighting {
    /// The number of a flow with the same hash, if there was one.
    pub(crate) number: Option<u32>,
    /// How many flows had ended.
    pub(crate) ended: u64,
}

impl Placement {
    /// The key's hash, with a key of the meter's own: for whoever keeps something of the flow elsewhere, and need not hash again.
    #[inline]
    pub const fn hash(&self) -> u32 {
        self.hash
    }
}

impl Default for Placement {
    /// Of a packet that is not known yet: to be filled in.
    fn default() -> Self {
        Self {
            key: FlowKey::default(),
            sender: Side::Low,
            clock: Timestamp::ZERO,
            hash: 0,
            releases: false,
            sighting: Sighting::default(),
        }
    }
}

/// What a meter does with a packet.
#[derive(Clone, Copy, Debug)]
pub enum Placed<P = Placement> {
    /// It belongs to a flow: account it.
    InFlow(P),
    /// It holds the rest of a packet in a tunnel that was metered whole when its first fragment came.
    Carried,
    /// It is a fragment that came before its first one. The meter keeps it, and accounts it by itself.
    Waiting,
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
