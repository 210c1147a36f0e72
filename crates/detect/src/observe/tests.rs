use flow::{Meter, MeterConfig, Placed};
use wire::{Address, Ip, Link, Ports};

use super::*;
use crate::tls::sample::client_hello;

/// A packet of connection `number`, from its client or its server.
fn packet(number: u16, from_client: bool, flags: TcpFlags, next: [u32; 2], payload: &[u8]) -> Packet<'_> {
    let [high, low] = number.to_be_bytes();
    let ends = [(Address::from_v4([10, 0, high, low]), 40_000), (Address::from_v4([192, 0, 2, 1]), 443)];
    let [(source, source_port), (destination, destination_port)] =
        if from_client { ends } else { [ends[1], ends[0]] };
    let ports = Ports { source: source_port, destination: destination_port };
    let [sequence, acknowledgment] = next;
    let octets = 40 + u32::try_from(payload.len()).unwrap();
    Packet {
        timestamp: Timestamp::ZERO,
        interface: 0,
        link: Link::default(),
        segment: None,
        ip: Ip { source, destination, version: 4, protocol: 6, ttl: 64, octets, ..Ip::default() },
        transport: Transport::Tcp(Tcp { ports, flags, sequence, acknowledgment, ..Tcp::default() }),
        payload,
        payload_offset: 0,
        carrier: None,
    }
}

/// A handshake, a hello that asks for a web site, and what cannot be read.
fn ordinary_connection(number: u16, hello: &[u8]) -> Vec<Packet<'_>> {
    let ack = TcpFlags::ACK;
    let said = 101 + u32::try_from(hello.len()).unwrap();
    vec![
        packet(number, true, TcpFlags::SYN, [100, 0], &[]),
        packet(number, false, TcpFlags(TcpFlags::SYN.0 | ack.0), [500, 101], &[]),
        packet(number, true, ack, [101, 501], &[]),
        packet(number, true, ack, [101, 501], hello),
        packet(number, false, ack, [501, said], b"\x55 no record"),
        packet(number, true, ack, [said, 512], b"\x55 nor here"),
        packet(number, false, ack, [512, said + 10], b"\x55 nor here"),
    ]
}

#[test]
fn a_flow_of_no_interest_keeps_its_mark_alone() {
    const FLOWS: u16 = 1_000;
    let mut meter = Meter::new(MeterConfig::default());
    let config = ObserverConfig { listening_octets: 1 << 20, ..ObserverConfig::default() };
    let mut observer = Observer::new(config);
    let hello = client_hello(Some("www.example.org"));
    for number in 0..FLOWS {
        for packet in ordinary_connection(number, &hello) {
            let Placed::InFlow(placement) = meter.place(&packet, Timestamp::ZERO) else { unreachable!() };
            let accounted = meter.account(&packet, &placement);
            observer.packet(&packet, &placement, accounted, &mut meter);
        }
    }
    assert_eq!(meter.counts().live, u64::from(FLOWS));
    assert_eq!(observer.listeners.len(), 0);
    assert_eq!(observer.handshakes.followed(), 0);
    // What is counted of handshakes is of the second, not of the flow, and leaves with it.
    let mut observations = Vec::new();
    observer.take_before(Timestamp::from_parts(10, 0), &mut observations);
    assert!(matches!(observations[..], [Observation::Handshakes(_)]));
    assert_eq!(observer.handshakes.entries(), 0);
}
