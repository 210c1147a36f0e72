//! `tunnels.pcap`: one conversation in each thing that can be wrapped around IP, so that what is inside can
//! be told to be right.
//!
//! Every conversation has addresses and ports of its own, except the two that differ in nothing but their
//! VXLAN network.

pub mod carrier;
mod fragment;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use self::carrier::{Carrier, Passage};
use crate::{
    capture_file,
    capture_file::Frame,
    datagram,
    host::{Endpoint, Host, Path, Stack, TEST_NET_1, TEST_NET_2, ipv4, ipv6},
    protocol::http,
    recording::Recording,
    scenes::web::{Loss, Visit},
};

/// The capture, and what is in it.
#[derive(Clone, Debug)]
pub struct Exhibition {
    /// The capture, in pcap format.
    pub capture: Vec<u8>,
    /// Its conversations, in the order of their beginning.
    pub exhibits: Vec<Exhibit>,
}

/// One conversation.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// What it travels in.
    pub carrier: Carrier,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// Whether it is TCP; else it is UDP.
    pub is_tcp: bool,
    /// When its first frame was seen, since the capture began.
    pub first: Duration,
    /// Frames on the wire.
    pub frames: usize,
    /// Packets of the innermost IP from the client to the server, and back. Each fragment of such a packet is one.
    pub packets: (usize, usize),
    /// Their octets, from the innermost IP header on.
    pub octets: (usize, usize),
}

/// Plays all conversations.
pub fn exhibition() -> Exhibition {
    let mut recording = Recording::seeded("tunnels");
    let mut exhibits = Vec::new();
    for (number, &(carrier, talk)) in (1_u8..).zip(PROGRAMME) {
        // The second network repeats the first, and at the same time: a meter that forgets the network mixes them up.
        let is_repetition = carrier == Carrier::Vxlan(SECOND_VNI);
        let cast = number - u8::from(is_repetition);
        let at = INTERVAL * u32::from(cast - 1) + Duration::from_millis(u64::from(is_repetition));
        let (client, server) = ends(talk, cast);
        let mut inside = Recording::seeded(&format!("tunnel {number}"));
        talk.play(&mut inside, client, server, at);
        exhibits.push(wrap(&mut recording, inside, carrier, talk, (client, server)));
    }
    let frames = recording.into_frames(Duration::MAX);
    Exhibition { capture: capture_file::write(&frames, EPOCH, capture_file::SNAP_LENGTH), exhibits }
}

impl Exhibition {
    /// The page that is kept beside the capture.
    pub fn page(&self) -> String {
        let mut page = String::from(HEAD);
        for exhibit in &self.exhibits {
            let Exhibit { carrier, client, server, is_tcp, first, frames, packets, octets } = exhibit;
            let protocol = if *is_tcp { "TCP" } else { "UDP" };
            let row = format!(
                "| {} | {} | {protocol} `{client}` | `{server}` | {frames} | {} / {} | {} / {} |",
                first.as_secs(),
                carrier.title(),
                packets.0,
                packets.1,
                octets.0,
                octets.1,
            );
            page.push_str(&row);
            page.push('\n');
        }
        page
    }
}

/// What is said in a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Talk {
    /// A visit to a web server over IPv4, with an answer that fits into one segment.
    Page,
    /// The same with a shorter answer.
    ShortPage,
    /// The first over IPv6.
    PageV6,
    /// A visit with full segments.
    LargePage,
    /// A datagram of three thousand octets to the echo service (RFC 862) and back.
    Echo,
    /// The same over IPv6.
    EchoV6,
}

impl Talk {
    fn play(self, recording: &mut Recording, client: Endpoint, server: Endpoint, at: Duration) {
        let path = Path::near();
        match self {
            Self::Page | Self::ShortPage | Self::PageV6 | Self::LargePage => {
                let length = match self {
                    Self::LargePage => 4000,
                    Self::ShortPage => 300,
                    _ => 1100,
                };
                let visit = Visit { path, client, server, host_name: HOST_NAME, agent: http::BROWSER };
                visit.plain(recording, &[("/", length)], Loss::None, at);
            }
            Self::Echo | Self::EchoV6 => {
                let data = recording.random.octets(3000);
                datagram::send(recording, path, client, server, at, &data);
                datagram::send(recording, path, server, client, at + Duration::from_millis(20), &data);
            }
        }
    }
}

fn ends(talk: Talk, number: u8) -> (Endpoint, Endpoint) {
    // Hardware addresses follow from the last octet, so both ends must not have the same.
    let other = number + 100;
    let (client, server): (IpAddr, IpAddr) = match talk {
        Talk::PageV6 | Talk::EchoV6 => (ipv6(1, number.into()).into(), ipv6(2, other.into()).into()),
        _ => (ipv4(TEST_NET_1, number).into(), ipv4(TEST_NET_2, other).into()),
    };
    let port = match talk {
        Talk::Echo | Talk::EchoV6 => 7,
        _ => 80,
    };
    let client = Host::here(client, Stack::Linux).port(40_000 + u16::from(number));
    (client, Host::here(server, Stack::Linux).port(port))
}

/// Records the frames of `inside` as they travel in `carrier`.
fn wrap(
    recording: &mut Recording,
    inside: Recording,
    carrier: Carrier,
    talk: Talk,
    (client, server): (Endpoint, Endpoint),
) -> Exhibit {
    let address = |endpoint: Endpoint| SocketAddr::new(endpoint.host.address, endpoint.port);
    let frames = inside.into_frames(Duration::MAX);
    let mut exhibit = Exhibit {
        carrier,
        client: address(client),
        server: address(server),
        is_tcp: !matches!(talk, Talk::Echo | Talk::EchoV6),
        first: frames.first().map_or(Duration::ZERO, |frame| frame.at),
        frames: 0,
        packets: (0, 0),
        octets: (0, 0),
    };
    for (number, Frame { at, octets }) in (1..).zip(&frames) {
        let packet = internet_packet(octets);
        let is_from_client = octets[SOURCE_MAC] == client.host.mac;
        let pieces = carrier.frames(octets, packet, Passage { is_from_client, number });
        let (packets, length) = match carrier {
            Carrier::Fragments | Carrier::FragmentsReversed | Carrier::ExtensionHeaders => {
                (pieces.len(), pieces.iter().map(|piece| internet_packet(piece).len()).sum())
            }
            _ => (1, packet.len()),
        };
        let (counted, lengths) = if is_from_client {
            (&mut exhibit.packets.0, &mut exhibit.octets.0)
        } else {
            (&mut exhibit.packets.1, &mut exhibit.octets.1)
        };
        *counted += packets;
        *lengths += length;
        exhibit.frames += pieces.len();
        for (place, piece) in (0..).zip(pieces) {
            recording.push(*at + Duration::from_micros(3) * place, piece);
        }
    }
    exhibit
}

/// The IP packet in an Ethernet frame without a tag, without the padding behind it.
fn internet_packet(frame: &[u8]) -> &[u8] {
    let packet = &frame[14..];
    let length = match packet[0] >> 4 {
        6 => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
        _ => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
    };
    &packet[..length]
}

/// What travels in what, one behind the other.
const PROGRAMME: &[(Carrier, Talk)] = &[
    (Carrier::Vlan(20), Talk::Page),
    (Carrier::QinQ(100, 20), Talk::Page),
    (Carrier::Mpls(&[16_001], &[16_002]), Talk::Page),
    (Carrier::Mpls(&[24_001, 24_002, 16], &[24_003, 17]), Talk::PageV6),
    (Carrier::PppoE(0x1234), Talk::Page),
    (Carrier::PppoE(0x1235), Talk::PageV6),
    (Carrier::Gre(None), Talk::Page),
    (Carrier::Gre(Some(77)), Talk::PageV6),
    (Carrier::GreBridge, Talk::Page),
    (Carrier::IpInIp, Talk::Page),
    (Carrier::IpInIp, Talk::PageV6),
    (Carrier::Vxlan(FIRST_VNI), Talk::Page),
    (Carrier::Vxlan(SECOND_VNI), Talk::ShortPage),
    (Carrier::Geneve(300), Talk::Page),
    (Carrier::GtpUser(4001, 4002), Talk::Page),
    (Carrier::Fragments, Talk::Echo),
    (Carrier::FragmentsReversed, Talk::Echo),
    (Carrier::Fragments, Talk::EchoV6),
    (Carrier::FragmentsReversed, Talk::EchoV6),
    (Carrier::FragmentedGre, Talk::LargePage),
    (Carrier::FragmentedVxlan(400), Talk::LargePage),
    (Carrier::ExtensionHeaders, Talk::PageV6),
];

const FIRST_VNI: u32 = 100;
const SECOND_VNI: u32 = 200;
/// Longer than any conversation lasts.
const INTERVAL: Duration = Duration::from_secs(5);
/// 2026-03-04 12:00:00 UTC.
const EPOCH: Duration = Duration::from_hours(492_396);
const HOST_NAME: &str = "www.example.org";
/// In an Ethernet header, behind the destination.
const SOURCE_MAC: std::ops::Range<usize> = 6..12;

const HEAD: &str = "# tunnels.pcap

Written by `cargo run -p pcaps --bin write-pcaps`, like this page: what it says is what was played. Change the code, not this file.

The capture begins at 2026-03-04 12:00:00 UTC. Tunnels over IPv4 lead from `203.0.113.1`, on the client's side, to `203.0.113.2`. The
conversations are a visit to a web server over TCP or a datagram to the echo service and back. Packets and octets are those of the
innermost IP packet, header included, from the client / from the server; a fragment of such a packet counts as a packet, and a
fragment of the packet of a tunnel does not. Tools that do not tell VXLAN networks apart take the two with the same ends for one.

| second | travels in | client | server | frames | packets | octets |
|---:|---|---|---|---:|---:|---:|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_speak_in_every_tunnel_and_only_one_pair_has_the_same_ends() {
        let exhibits = exhibition().exhibits;
        assert_eq!(exhibits.len(), PROGRAMME.len());
        for exhibit in &exhibits {
            assert!(exhibit.packets.0 > 0 && exhibit.packets.1 > 0, "{exhibit:?}");
        }
        let same = |one: &Exhibit, other: &Exhibit| one.client == other.client && one.server == other.server;
        let pairs: Vec<_> = exhibits
            .iter()
            .enumerate()
            .flat_map(|(n, one)| exhibits[n + 1..].iter().map(move |other| (one, other)))
            .filter(|(one, other)| same(one, other))
            .map(|(one, other)| (one.carrier, other.carrier))
            .collect();
        assert_eq!(pairs, [(Carrier::Vxlan(FIRST_VNI), Carrier::Vxlan(SECOND_VNI))]);
    }

    #[test]
    fn conversations_do_not_overlap_but_for_the_two_networks() {
        for exhibits in exhibition().exhibits.windows(2) {
            let apart = exhibits[1].first.saturating_sub(exhibits[0].first);
            let is_pair = exhibits[1].carrier == Carrier::Vxlan(SECOND_VNI);
            assert!(is_pair || apart > INTERVAL * 9 / 10, "{exhibits:?}");
        }
    }
}
