//! The flows of the project's own captures: as they are kept beside them, and as the crate that wrote them says they must be.

use std::net::SocketAddr;

use pcaps::{
    cryptojacking,
    tunnels::{self, Exhibit, carrier::Carrier},
};

use crate::program::{Flow, Replay, own_capture, replay};

#[test]
fn flows_of_cryptojacking_are_as_kept() {
    assert_as_kept("cryptojacking");
}

#[test]
fn flows_of_tunnels_are_as_kept() {
    assert_as_kept("tunnels");
}

#[test]
fn every_tunnel_is_seen_through() {
    let replay = Replay::of([own_capture("tunnels.pcap")], &[]);
    let mut flows = replay.flows.clone();
    for exhibit in &tunnels::exhibition().exhibits {
        let (inside, others) = flows.into_iter().partition(|flow| is_of(flow, exhibit));
        flows = others;
        assert_seen(exhibit, &inside);
    }
    // Pieces of tunnel packets that came before the piece with the headers. Nothing says that they are a tunnel's until that comes,
    // so that they are a flow of the tunnel's own ends.
    let [outer] = &flows[..] else { panic!("flows that nobody played: {flows:?}") };
    let ends = ["src_ip", "dest_ip", "proto"].map(|column| outer.text(column));
    assert_eq!(ends, ["203.0.113.2", "203.0.113.1", "UDP"]);
    assert_eq!((outer.number("packets"), outer.number("reverse_packets")), (2, 0));
}

#[test]
fn what_carries_a_flow_is_told() {
    let replay = Replay::of([own_capture("tunnels.pcap")], &[]);
    let mut told = 0;
    for exhibit in &tunnels::exhibition().exhibits {
        let labels = |labels: &[u32]| labels.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let flows = replay.flows.iter().filter(|flow| is_of(flow, exhibit));
        for flow in flows {
            let numbers = |columns: [&str; 4]| columns.map(|column| flow.optional_number(column));
            let vlans = numbers(["vlan", "inner_vlan", "reverse_vlan", "reverse_inner_vlan"]);
            let mpls = ["mpls_labels", "reverse_mpls_labels"].map(|column| flow.optional_text(column));
            let overlay = (flow.optional_text("overlay"), flow.optional_number("vni"));
            let expected_vlans = match exhibit.carrier {
                Carrier::Vlan(id) => [Some(id), None].map(|id| id.map(u64::from)),
                Carrier::QinQ(outer, inner) => [Some(outer), Some(inner)].map(|id| id.map(u64::from)),
                _ => [None, None],
            };
            assert_eq!(vlans, [expected_vlans, expected_vlans].concat()[..], "{flow:?}");
            match exhibit.carrier {
                Carrier::Mpls(there, back) => {
                    assert_eq!(mpls, [Some(&*labels(there)), Some(&*labels(back))], "{flow:?}");
                }
                _ => assert_eq!(mpls, [None, None], "{flow:?}"),
            }
            let expected_overlay = match exhibit.carrier {
                Carrier::Vxlan(vni) | Carrier::FragmentedVxlan(vni) => (Some("vxlan"), Some(vni.into())),
                Carrier::Geneve(vni) => (Some("geneve"), Some(vni.into())),
                _ => (None, None),
            };
            assert_eq!(overlay, expected_overlay, "{flow:?}");
            told += 1;
        }
    }
    assert_eq!(told, replay.flows.len() - 1, "all but the flow of early pieces");
}

#[test]
fn the_attack_is_metered_as_it_was_played() {
    let truth = cryptojacking::story().truth;
    let cast = &truth.cast;
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let between = |flow: &Flow, client: std::net::IpAddr, server: SocketAddr| {
        flow.text("src_ip") == client.to_string() && is_end(flow, "dest_ip", "dest_port", server)
    };

    // The dictionary attack: a connection for each guess, and one for the session.
    let desktop = SocketAddr::new(cast.victim.address, 3_389);
    let logons: Vec<_> =
        replay.flows.iter().filter(|flow| between(flow, cast.attacker.address, desktop)).collect();
    assert_eq!(logons.len(), truth.guessing.failures + 2);
    for logon in &logons {
        assert_eq!(logon.text("direction_reason"), "syn");
        assert!(logon.number("tcp_flags") & logon.number("reverse_tcp_flags") & SYN != 0, "{logon:?}");
    }

    // The miner's connection is open for so long that the active timeout cuts it into slices of one flow.
    let pool = SocketAddr::new(cast.pool.address, cryptojacking::cast::POOL_PORT);
    let mining: Vec<_> =
        replay.flows.iter().filter(|flow| between(flow, cast.victim.address, pool)).collect();
    let id = mining.first().map(|flow| flow.number("flow_id"));
    assert!(mining.iter().all(|flow| Some(flow.number("flow_id")) == id), "{mining:?}");
    let slices =
        (truth.mining.last_share.as_secs() - truth.mining.connected.as_secs()) / ACTIVE_TIMEOUT_S + 1;
    assert_eq!(u64::try_from(mining.len()).unwrap(), slices);
    assert_eq!(mining.last().map(|flow| flow.text("end_reason")), Some("forced_end"));
    let rest = &mining[..mining.len() - 1];
    assert!(rest.iter().all(|flow| flow.text("end_reason") == "active_timeout"), "{rest:?}");
}

#[test]
fn the_flood_is_metered_as_it_was_played() {
    let story = cryptojacking::story();
    let (cast, flood) = (&story.truth.cast, &story.truth.flood);
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let web = SocketAddr::new(cast.victim.address, 80);
    let spoofed: std::collections::BTreeSet<_> =
        cryptojacking::cast::Cast::spoofed().iter().map(ToString::to_string).collect();
    let is_flood = |flow: &&Flow| {
        is_end(flow, "dest_ip", "dest_port", web)
            && spoofed.contains(flow.text("src_ip"))
            && flow.number("tcp_flags") & !RST == SYN
    };
    let flows: Vec<_> = replay.flows.iter().filter(is_flood).collect();
    let packets: u64 = flows.iter().map(|flow| flow.number("packets")).sum();
    let answers: u64 = flows.iter().map(|flow| flow.number("reverse_packets")).sum();
    assert_eq!(answers, u64::try_from(flood.answers).unwrap());
    assert_eq!(packets, u64::try_from(flood.synchronizes + flood.resets).unwrap());
    let sources: std::collections::BTreeSet<_> = flows.iter().map(|flow| flow.text("src_ip")).collect();
    assert_eq!(sources.len(), flood.sources);
    for flow in flows {
        assert_eq!(flow.text("direction_reason"), "syn", "{flow:?}");
        assert!(matches!(flow.optional_number("reverse_tcp_flags"), Some(SYN_ACK)), "{flow:?}");
    }
}

#[test]
fn the_totals_are_those_of_the_frames() {
    let totals = cryptojacking::story().truth.summary;
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let packets = |proto: &[&str]| -> u64 {
        let flows = replay.flows.iter().filter(|flow| proto.contains(&flow.text("proto")));
        flows.map(|flow| flow.number("packets") + flow.number("reverse_packets")).sum()
    };
    let as_u64 = |number: usize| u64::try_from(number).unwrap();
    assert_eq!(packets(&["TCP"]), as_u64(totals.tcp_frames));
    assert_eq!(packets(&["UDP"]), as_u64(totals.udp_frames));
    assert_eq!(packets(&["ICMP", "IPv6-ICMP"]), as_u64(totals.icmp_frames));
    assert_eq!(replay.packets("undecoded"), i64::try_from(totals.other_frames).unwrap());
    let ends = |proto: &str| {
        let flows = replay.flows.iter().filter(|flow| flow.text("proto") == proto);
        let end = |flow: &Flow, address, port| (flow.text(address).to_owned(), flow.number(port));
        let pairs = flows.map(|flow| {
            let ends = [end(flow, "src_ip", "src_port"), end(flow, "dest_ip", "dest_port")];
            let [one, other] = ends;
            if one < other { (one, other) } else { (other, one) }
        });
        pairs.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((ends("TCP"), ends("UDP")), (totals.tcp_conversations, totals.udp_conversations));
}

/// Whether `flow` lies between the ends of `exhibit`, and in its virtual network if it has one.
fn is_of(flow: &Flow, exhibit: &Exhibit) -> bool {
    let vni = match exhibit.carrier {
        Carrier::Vxlan(vni) | Carrier::FragmentedVxlan(vni) | Carrier::Geneve(vni) => Some(vni.into()),
        _ => None,
    };
    let ends = [flow.text("src_ip"), flow.text("dest_ip")];
    let ports = (flow.number("src_port"), flow.number("dest_port"));
    let expected = (exhibit.client.port().into(), exhibit.server.port().into());
    ends == [exhibit.client, exhibit.server].map(|end| end.ip().to_string())
        && ports == expected
        && flow.optional_number("vni") == vni
}

/// `flows` are what `exhibit` must yield: one record with all that was played.
fn assert_seen(exhibit: &Exhibit, flows: &[Flow]) {
    let [flow] = flows else { panic!("{exhibit:?}: {flows:?}") };
    let counts = ["packets", "reverse_packets", "octets", "reverse_octets"].map(|column| flow.number(column));
    let Exhibit { packets, octets, .. } = exhibit;
    let expected = [packets.0, packets.1, octets.0, octets.1].map(|count| u64::try_from(count).unwrap());
    assert_eq!(counts, expected, "{exhibit:?}: {flow:?}");
    assert_eq!(flow.text("proto"), if exhibit.is_tcp { "TCP" } else { "UDP" }, "{flow:?}");
    if exhibit.is_tcp {
        assert_eq!(
            (flow.number("tcp_flags"), flow.number("reverse_tcp_flags")),
            (CLOSED, CLOSED),
            "{flow:?}"
        );
        assert_eq!(flow.text("end_reason"), "end_of_flow_detected");
    }
}

fn is_end(flow: &Flow, address: &str, port: &str, end: SocketAddr) -> bool {
    flow.text(address) == end.ip().to_string() && flow.number(port) == u64::from(end.port())
}

/// The flows of `NAME.pcap` are those in `NAME.flows.jsonl`.
#[track_caller]
fn assert_as_kept(name: &str) {
    let mut command = replay([own_capture(&format!("{name}.pcap"))]);
    command.args(["--flows", "-", "--summary", "none"]);
    let ended = crate::program::Ended::of(&mut command);
    let kept = own_capture(&format!("{name}.flows.jsonl"));
    crate::kept::assert_as_kept(&kept, &ended.assert_status(0).stdout);
}

/// TCP control bits (RFC 9293, 3.1).
const SYN: u64 = 0x02;
const RST: u64 = 0x04;
const SYN_ACK: u64 = 0x12;
/// SYN, ACK, PSH and FIN.
const CLOSED: u64 = 0x1b;
/// The default.
const ACTIVE_TIMEOUT_S: u64 = 300;
