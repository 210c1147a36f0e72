//! Captures to send: conversations of which everything is known.

use std::{fs, path::Path};

/// Writes a capture of `flows` conversations over UDP, of `rounds` datagrams each, one way and back in turn. All of them go on at
/// the same time.
pub(super) fn write_conversations(path: &Path, flows: u16, rounds: u16) {
    write(path, (0..rounds).flat_map(|round| (0..flows).map(move |flow| datagram(flow, round % 2 == 1))));
}

/// One direction of these conversations.
pub(super) fn write_direction(path: &Path, flows: u16, rounds: u16, is_back: bool) {
    write(path, (0..rounds).flat_map(|_| (0..flows).map(move |flow| datagram(flow, is_back))));
}

/// The same conversations, each packet in VXLAN between two hosts. The outer port depends on the inner packet, as RFC 7348 (4.1) wants it,
/// and so differs from one direction to the other. Inner frames, outer ones or both have a VLAN tag, for some, and some outer packets are IPv6.
pub(super) fn write_tunnelled(path: &Path, flows: u16, rounds: u16) {
    let frame = |flow: u16, is_back: bool| tunnelled(&datagram(flow, is_back), flow, is_back);
    write(path, (0..rounds).flat_map(|round| (0..flows).map(move |flow| frame(flow, round % 2 == 1))));
}

fn write(path: &Path, frames: impl Iterator<Item = Vec<u8>>) {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (frame, micros) in frames.zip(0_u32..) {
        let octets = u32::try_from(frame.len()).unwrap();
        for field in [1_700_000_000, micros, octets, octets] {
            file.extend(field.to_le_bytes());
        }
        file.extend(frame);
    }
    fs::write(path, file).unwrap();
}

/// A datagram of conversation number `flow`: from a client's port of its own to port 4000 of a server.
fn datagram(flow: u16, is_back: bool) -> Vec<u8> {
    let [high, low] = flow.to_be_bytes();
    let (client, server) = ([10, 0, high, low], [192, 0, 2, low % 10 + 1]);
    let (client_port, server_port) = (20_000 + flow, 4_000_u16);
    let (from, to, source, destination) = if is_back {
        (server, client, server_port, client_port)
    } else {
        (client, server, client_port, server_port)
    };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    for field in [source, destination, 26, 0] {
        frame.extend(field.to_be_bytes());
    }
    frame.extend([0; 18]);
    frame
}

fn tunnelled(inner: &[u8], flow: u16, is_back: bool) -> Vec<u8> {
    const TAG: [u8; 4] = [0x81, 0, 0, 7];
    let (is_tagged_inside, is_tagged_outside, is_ipv6) =
        (flow % 2 == 1, flow / 2 % 2 == 1, flow / 4 % 2 == 1);
    let (addresses, rest) = inner.split_at(12);
    let tag: &[u8] = if is_tagged_inside { &TAG } else { &[] };
    let vxlan = [&[8, 0, 0, 0, 0, 1, 2, 0][..], addresses, tag, rest].concat();
    let length = 8 + u16::try_from(vxlan.len()).unwrap();
    let source_port = 49_152 + flow.wrapping_mul(if is_back { 7_919 } else { 104 }) % 16_384;
    let mut udp: Vec<_> = [source_port, 4_789, length, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    udp.extend(vxlan);
    let (from, to) = if is_back { (2, 1) } else { (1, 2) };
    let mut frame = vec![2, 0, 0, 0, 1, to, 2, 0, 0, 0, 1, from];
    frame.extend(if is_tagged_outside { &TAG[..] } else { &[] });
    if is_ipv6 {
        let host = |number| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([17, 64]);
        frame.extend([host(from), host(to)].concat());
    } else {
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + length).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 172, 16, 0, from, 172, 16, 0, to]);
    }
    frame.extend(udp);
    frame
}
