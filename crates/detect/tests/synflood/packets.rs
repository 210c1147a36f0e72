//! A little network to write packets with.

use std::net::IpAddr;

use flow::{Meter, Placed, Placement};
use wire::{Address, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

/// Where everything begins, so that there is something before.
pub(crate) const BEGINNING_MS: u64 = 1_700_000_000_000;

/// Where a packet belongs that comes when the clock shows `clock`, if it is no fragment that has to wait for others.
pub(crate) fn place(meter: &mut Meter, packet: &Packet<'_>, clock: Timestamp) -> Option<Placement> {
    match meter.place(packet, clock) {
        Placed::InFlow(placement) => Some(placement),
        Placed::Carried | Placed::Waiting => None,
    }
}

/// A connection's two ends.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) client: ([u8; 4], u16),
    pub(crate) server: ([u8; 4], u16),
    /// The sequence number of the client's SYN.
    pub(crate) sequence: u32,
    pub(crate) options: bool,
}

pub(crate) fn ends(client: [u8; 4], port: u16, server: [u8; 4], server_port: u16) -> Ends {
    let sequence = u32::from_be_bytes(client).wrapping_mul(2_654_435_761) ^ u32::from(port);
    Ends { client: (client, port), server: (server, server_port), sequence, options: true }
}

impl Ends {
    pub(crate) fn without_options(self) -> Self {
        Self { options: false, ..self }
    }

    pub(crate) fn syn(self, ms: u64) -> Packet<'static> {
        let mut packet = self.there(ms, 0x02, 0, 0);
        packet.ip.octets = if self.options { 60 } else { 40 };
        packet
    }

    pub(crate) fn syn_ack(self, ms: u64) -> Packet<'static> {
        self.back(ms, 0x12, 0, 1)
    }

    pub(crate) fn ack(self, ms: u64) -> Packet<'static> {
        self.there(ms, 0x10, 1, 1)
    }

    pub(crate) fn server_data(self, ms: u64) -> Packet<'static> {
        self.back(ms, 0x18, 1, 100)
    }

    pub(crate) fn server_reset(self, ms: u64) -> Packet<'static> {
        self.back(ms, 0x14, 0, 1)
    }

    pub(crate) fn client_reset(self, ms: u64) -> Packet<'static> {
        self.there(ms, 0x04, 1, 0)
    }

    /// SYN, SYN-ACK, ACK and an answer.
    pub(crate) fn handshake(self, ms: u64) -> Vec<Packet<'static>> {
        vec![self.syn(ms), self.syn_ack(ms + 20), self.ack(ms + 40), self.server_data(ms + 70)]
    }

    fn there(self, ms: u64, flags: u16, sequence: u32, acknowledgment: u32) -> Packet<'static> {
        let numbers =
            (self.sequence.wrapping_add(sequence), self.server_sequence().wrapping_add(acknowledgment));
        packet(ms, self.client, self.server, flags, numbers)
    }

    fn back(self, ms: u64, flags: u16, sequence: u32, acknowledgment: u32) -> Packet<'static> {
        let numbers =
            (self.server_sequence().wrapping_add(sequence), self.sequence.wrapping_add(acknowledgment));
        packet(ms, self.server, self.client, flags, numbers)
    }

    const fn server_sequence(self) -> u32 {
        self.sequence ^ 0x5555_5555
    }
}

fn packet(
    ms: u64,
    (source, source_port): ([u8; 4], u16),
    (destination, destination_port): ([u8; 4], u16),
    flags: u16,
    (sequence, acknowledgment): (u32, u32),
) -> Packet<'static> {
    Packet {
        timestamp: Timestamp::from_nanos((BEGINNING_MS + ms) * 1_000_000),
        interface: 0,
        link: Link::default(),
        segment: None,
        ip: Ip {
            source: Address::from_v4(source),
            destination: Address::from_v4(destination),
            version: 4,
            protocol: 6,
            tos: 0,
            ttl: 57,
            octets: 40,
            fragment: None,
        },
        transport: Transport::Tcp(Tcp {
            ports: Ports { source: source_port, destination: destination_port },
            sequence,
            acknowledgment,
            flags: TcpFlags(flags),
            window: 1_024,
            data_octets: 0,
        }),
        payload: &[],
        payload_offset: 0,
        carrier: None,
    }
}

/// Numbers that look drawn by lot and are the same each time.
pub(crate) struct Lot(pub(crate) u64);

impl Lot {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 32).unwrap()
    }

    pub(crate) fn address(&mut self) -> [u8; 4] {
        self.next().to_be_bytes()
    }

    pub(crate) fn port(&mut self) -> u16 {
        1_024 + u16::try_from(self.next() % 60_000).unwrap()
    }
}

pub(crate) fn v4(address: [u8; 4]) -> IpAddr {
    IpAddr::from(address)
}
