//! Connections with what is said on them, shown to a meter and an observer as a worker does it.

use detect::{
    Observation,
    observe::{Observer, ObserverConfig, ObserverCounts},
};
use flow::{Meter, MeterConfig, Placed};
use wire::{Address, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

/// Who sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum From {
    Client,
    Server,
}

/// Client and server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) client: ([u8; 4], u16),
    pub(crate) server: ([u8; 4], u16),
}

/// A worker whose packets are made here.
pub(crate) struct Desk {
    meter: Meter,
    observer: Observer,
    now: Timestamp,
    observations: Vec<Observation>,
    /// The sequence number of SYN, of both sides.
    pub(crate) sequence: u32,
}

pub(crate) const SYN: TcpFlags = TcpFlags(0x02);
pub(crate) const DATA: TcpFlags = TcpFlags(0x18);
pub(crate) const FIN: TcpFlags = TcpFlags(0x11);

impl Desk {
    pub(crate) fn new(listening_octets: usize) -> Self {
        let config = ObserverConfig { listening_octets, ..ObserverConfig::default() };
        Self {
            meter: Meter::new(MeterConfig::default()),
            observer: Observer::new(config),
            now: Timestamp::ZERO,
            observations: Vec::new(),
            sequence: 1_000,
        }
    }

    /// Shows a segment that begins so many octets after the SYN's.
    pub(crate) fn segment(
        &mut self,
        second: u64,
        pair: Pair,
        from: From,
        flags: TcpFlags,
        at: u32,
        text: &str,
    ) {
        let (source, destination) = match from {
            From::Client => (pair.client, pair.server),
            From::Server => (pair.server, pair.client),
        };
        let tcp = Tcp {
            ports: Ports { source: source.1, destination: destination.1 },
            sequence: self.sequence + at,
            acknowledgment: 0,
            flags,
            window: 1_024,
            data_octets: u32::try_from(text.len()).unwrap(),
        };
        self.packet(second, (source.0, destination.0), Transport::Tcp(tcp), text.as_bytes());
    }

    /// The handshake, then turns of one octet after the other, one each second.
    pub(crate) fn talk(&mut self, second: u64, pair: Pair, turns: &[(From, &str)]) -> [u32; 2] {
        self.segment(second, pair, From::Client, SYN, 0, "");
        self.segment(second, pair, From::Server, TcpFlags(0x12), 0, "");
        self.go_on(second, pair, [1, 1], turns)
    }

    /// Further turns, from the places where the last ones ended.
    pub(crate) fn go_on(
        &mut self,
        second: u64,
        pair: Pair,
        places: [u32; 2],
        turns: &[(From, &str)],
    ) -> [u32; 2] {
        let [mut client, mut server] = places;
        for ((from, text), wait) in turns.iter().zip(1..) {
            let place = if *from == From::Client { &mut client } else { &mut server };
            self.segment(second + wait, pair, *from, DATA, *place, text);
            *place += u32::try_from(text.len()).unwrap();
        }
        [client, server]
    }

    pub(crate) fn datagram(
        &mut self,
        second: u64,
        (source, destination): ([u8; 4], [u8; 4]),
        ports: Ports,
        octets: &[u8],
    ) {
        self.packet(second, (source, destination), Transport::Ports(ports), octets);
    }

    /// Everything that was observed before a time, or by the end.
    pub(crate) fn observed_until(&mut self, second: Option<u64>) -> Vec<Observation> {
        match second {
            Some(second) => {
                self.now = self.now.max(Timestamp::from_parts(second, 0));
                self.observer.take_before(self.now, &mut self.observations);
            }
            None => self.observer.close(self.now, &mut self.observations),
        }
        std::mem::take(&mut self.observations)
    }

    pub(crate) fn counts(&self) -> ObserverCounts {
        self.observer.counts()
    }

    fn packet(&mut self, second: u64, ends: ([u8; 4], [u8; 4]), transport: Transport, payload: &[u8]) {
        let protocol = if matches!(transport, Transport::Tcp(_)) { 6 } else { 17 };
        let (source, destination) = (Address::from_v4(ends.0), Address::from_v4(ends.1));
        let octets = u32::try_from(payload.len()).unwrap() + 40;
        let packet = Packet {
            timestamp: Timestamp::from_parts(second, 0),
            interface: 0,
            link: Link::default(),
            segment: None,
            ip: Ip { source, destination, version: 4, protocol, tos: 0, ttl: 64, octets, fragment: None },
            transport,
            payload,
            payload_offset: 0,
            carrier: None,
        };
        self.now = self.now.max(packet.timestamp);
        let Placed::InFlow(placement) = self.meter.place(&packet, self.now) else { panic!("no fragment") };
        let accounted = self.meter.account(&packet, &placement);
        self.observer.packet(&packet, &placement, accounted, &mut self.meter);
        if self.meter.advance(self.now) {
            self.observer.take_before(self.now, &mut self.observations);
            while self.meter.take_records(&mut Vec::new(), usize::MAX) {}
        }
    }
}
