use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::*;

/// A frame as the kernel has it when the program runs.
#[derive(Clone, Debug)]
struct Held {
    /// From the link header on, without the VLAN tag that was taken out.
    octets: Vec<u8>,
    protocol: u32,
    goes_out: bool,
}

#[test]
fn both_directions_in_a_tunnel_give_the_number_of_their_flow_without_it() {
    for inner in [ipv4, ipv6] {
        let there = inner([10, 0, 0, 7], [192, 0, 2, 1], 6, &[0; 20]);
        let back = inner([192, 0, 2, 1], [10, 0, 0, 7], 6, &[0; 20]);
        let bare = number(&in_frame(&there));
        for outer in [ipv4, ipv6] {
            for port in [4_789, 8_472] {
                for tag in [&[][..], &[0x81, 0, 0, 7], &[0x88, 0xa8, 0, 7]] {
                    let carry = |packet: &Packet, host, source| {
                        let datagram = udp(source, port, &vxlan(tag, packet));
                        in_frame(&outer([172, 16, 0, host], [172, 16, 0, 3 - host], 17, &datagram))
                    };
                    let (there, back) = (carry(&there, 1, 50_000), carry(&back, 2, 60_000));
                    assert_eq!([number(&there), number(&back)], [bare, bare], "{there:x?}");
                    for frame in [there, back] {
                        assert_eq!(number(&tagged(&frame)), bare);
                        assert_eq!(number(&out(&frame)), bare);
                    }
                }
            }
        }
    }
}

/// So the test above could fail: without a look inside, each direction would have the number of the outer hosts, whatever is inside.
#[test]
fn flows_between_the_same_two_ends_of_a_tunnel_are_spread() {
    let numbers = (0..64).map(|host| {
        let inner = ipv4([10, 0, 0, host], [192, 0, 2, 1], 6, &[0; 20]);
        number(&in_frame(&ipv4(
            [172, 16, 0, 1],
            [172, 16, 0, 2],
            17,
            &udp(50_000, 4_789, &vxlan(&[], &inner)),
        )))
    });
    let distinct: BTreeSet<_> = numbers.collect();
    assert_eq!(distinct.len(), 64);
}

#[test]
fn what_is_no_vxlan_goes_by_its_outer_addresses() {
    let inner = ipv4([10, 0, 0, 7], [192, 0, 2, 1], 6, &[0; 20]);
    let tunnel = vxlan(&[], &inner);
    let changed = |at: usize, octet: u8| {
        let mut octets = tunnel.clone();
        octets[at] = octet;
        udp(50_000, 4_789, &octets)
    };
    let mut short = udp(50_000, 4_789, &tunnel);
    short[5] = 49;
    for outer in [ipv4, ipv6] {
        let (one, other) = ([172, 16, 0, 1], [172, 16, 0, 2]);
        let expected = number(&in_frame(&outer(one, other, 6, &[0; 20])));
        assert_eq!(number(&in_frame(&outer(other, one, 6, &[0; 20]))), expected);
        let cases = [
            ("another port", udp(4_789, 53, &tunnel)),
            ("no I flag", changed(0, 0)),
            ("a flag that has to be zero", changed(0, 0x18)),
            ("another one", changed(1, 1)),
            ("the last octet", changed(7, 1)),
            ("inner ARP", changed(21, 6)),
            ("an inner version that is not that of the type", changed(22, 0x65)),
            ("too short a datagram", short.clone()),
            ("no data at all", udp(50_000, 53, &[])),
        ];
        for (what, datagram) in &cases {
            assert_eq!(number(&in_frame(&outer(one, other, 17, datagram))), expected, "{what}");
        }
        // GRE, which carries another packet.
        assert_eq!(
            number(&in_frame(&outer(
                one,
                other,
                47,
                &[[0, 0, 8, 0].to_vec(), inner.octets.clone()].concat()
            ))),
            expected
        );
    }
}

#[test]
fn all_pieces_of_a_packet_go_where_its_addresses_go() {
    let tunnel = udp(50_000, 4_789, &vxlan(&[], &ipv4([10, 0, 0, 7], [192, 0, 2, 1], 6, &[0; 20])));
    let (one, other) = ([172, 16, 0, 1], [172, 16, 0, 2]);
    let expected = number(&in_frame(&ipv4(one, other, 6, &[])));
    // The first, one between, the last.
    for fragment in [0x2000_u16, 0x2010, 0x0020] {
        let mut packet = ipv4(one, other, 17, &tunnel);
        packet.octets[6..8].copy_from_slice(&fragment.to_be_bytes());
        assert_eq!(number(&in_frame(&packet)), expected, "{fragment:x}");
    }
    // That it may not be fragmented makes it no fragment.
    let mut packet = ipv4(one, other, 17, &tunnel);
    packet.octets[6] = 0x40;
    assert_ne!(number(&in_frame(&packet)), expected);

    // IPv6 has a header between (RFC 8200, 4.5).
    let expected = number(&in_frame(&ipv6(one, other, 6, &[])));
    let piece = [[17, 0, 0, 1, 0, 0, 0, 9].to_vec(), tunnel].concat();
    assert_eq!(number(&in_frame(&ipv6(one, other, 44, &piece))), expected);
}

#[test]
fn a_header_with_options_is_passed_over() {
    let inner = ipv4([10, 0, 0, 7], [192, 0, 2, 1], 6, &[0; 20]);
    let datagram = udp(50_000, 4_789, &vxlan(&[], &inner));
    let mut packet = ipv4([172, 16, 0, 1], [172, 16, 0, 2], 17, &[vec![1; 40], datagram].concat());
    packet.octets[0] = 0x4f;
    assert_eq!(number(&in_frame(&packet)), number(&in_frame(&inner)));
}

#[test]
fn what_is_no_ip_goes_by_the_addresses_of_its_link() {
    let frame = |one: [u8; 6], other: [u8; 6]| Held {
        octets: [&one[..], &other, &[0x88, 0x47], &[0; 46]].concat(),
        protocol: 0x8847,
        goes_out: false,
    };
    let (one, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    assert_eq!(number(&frame(one, other)), number(&frame(other, one)));
    assert_ne!(number(&frame(one, other)), number(&frame(one, [2, 0, 0, 0, 0, 3])));
    assert_ne!(number(&frame(one, other)), number(&frame(one, [2, 1, 0, 0, 0, 2])));
    // Two tags are one more than the kernel takes away and this program passes over.
    assert_eq!(
        number(&tagged(&tagged(&in_frame(&ipv4([10, 0, 0, 1], [10, 0, 0, 2], 6, &[]))))),
        number(&frame(MAC, MAC))
    );
}

/// Wherever a frame ends, the program ends, and gives one of the three numbers that there are.
#[test]
fn frames_that_are_cut_go_to_the_first_worker_or_by_what_is_there() {
    for (outer, inner) in [(ipv4 as Build, ipv4 as Build), (ipv4, ipv6), (ipv6, ipv4), (ipv6, ipv6)] {
        let packet = inner([10, 0, 0, 7], [192, 0, 2, 1], 6, &[0; 20]);
        let datagram = udp(50_000, 4_789, &vxlan(&[], &packet));
        let whole = in_frame(&outer([172, 16, 0, 1], [172, 16, 0, 2], 17, &datagram));
        let possible =
            [0, number(&whole), number(&in_frame(&outer([172, 16, 0, 1], [172, 16, 0, 2], 6, &[])))];
        for frame in [whole.clone(), out(&whole)] {
            for length in 0..frame.octets.len() {
                let mut cut = frame.clone();
                cut.octets.truncate(length);
                assert!(possible.contains(&number(&cut)), "{length} octets");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_frame_has_a_number(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for protocol in [ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN, 0x0806] {
            for goes_out in [false, true] {
                number(&Held { octets: octets.clone(), protocol, goes_out });
            }
        }
    }
}

/// However regular addresses are, no worker has less than two thirds of its share, or more than four thirds.
#[test]
fn addresses_as_networks_have_them_are_spread() {
    type Pair = fn(u16) -> ([u8; 4], [u8; 4]);
    let patterns: [Pair; 4] = [
        |n| ([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], [192, 0, 2, 1]),
        // Neighbours, whose difference is always the same.
        |n| {
            ([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], [10, 1, n.to_be_bytes()[0], n.to_be_bytes()[1]])
        },
        // Those whose sum is always the same.
        |n| {
            (
                [10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]],
                [10, 0, 255 - n.to_be_bytes()[0], 255 - n.to_be_bytes()[1]],
            )
        },
        |n| ([10, n.to_be_bytes()[0], n.to_be_bytes()[1], 4], [172, 16, 0, 8]),
    ];
    for build in [ipv4, ipv6] {
        for (place, pattern) in patterns.iter().enumerate() {
            for workers in [2, 3, 4, 8, 16] {
                let mut shares = BTreeMap::<u32, u32>::new();
                for pair in (0..4_096).map(pattern) {
                    *shares
                        .entry(number(&in_frame(&build(pair.0, pair.1, 6, &[]))) % workers)
                        .or_default() += 1;
                }
                let share = 4_096 / workers;
                let is_fair = |count: &u32| (share * 2 / 3..=share * 4 / 3).contains(count);
                assert!(
                    (0..workers).all(|worker| shares.get(&worker).is_some_and(is_fair)),
                    "pattern {place}, {workers} workers: {shares:?}"
                );
            }
        }
    }
}

type Build = fn([u8; 4], [u8; 4], u8, &[u8]) -> Packet;

struct Packet {
    ethertype: [u8; 2],
    octets: Vec<u8>,
}

fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Packet {
    let [high, low] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
    let octets = [&header[..], &source, &destination, payload].concat();
    Packet { ethertype: [8, 0], octets }
}

/// Between addresses that have the four octets at their end.
fn ipv6(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Packet {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let network = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0];
    let header = [0x60, 0, 0, 0, high, low, protocol, 64];
    let octets = [&header[..], &network, &source, &network, &destination, payload].concat();
    Packet { ethertype: [0x86, 0xdd], octets }
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let header = [source, destination, length, 0].map(u16::to_be_bytes).concat();
    [header, payload.to_vec()].concat()
}

/// VXLAN and the frame in it, behind its addresses `tag`.
fn vxlan(tag: &[u8], packet: &Packet) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 1, 2, 0][..], &MAC, &MAC, tag, &packet.ethertype, &packet.octets].concat()
}

/// One that came in.
fn in_frame(packet: &Packet) -> Held {
    let protocol = u32::from(u16::from_be_bytes(packet.ethertype));
    let octets = [&MAC[..], &MAC, &packet.ethertype, &packet.octets].concat();
    Held { octets, protocol, goes_out: false }
}

/// The same behind a further tag: of two, the kernel takes the first away.
fn tagged(frame: &Held) -> Held {
    let octets = [&frame.octets[..12], &[0x81, 0, 0x20, 7], &frame.octets[12..]].concat();
    Held { octets, protocol: ETHERTYPE_VLAN, ..*frame }
}

/// The same, going out.
fn out(frame: &Held) -> Held {
    Held { goes_out: true, ..frame.clone() }
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

static PROGRAM: LazyLock<Vec<sock_filter>> = LazyLock::new(|| program().unwrap());

/// What the program returns for a frame: runs it as the kernel does, with the loads that only the kernel has.
fn number(frame: &Held) -> u32 {
    let program = &*PROGRAM;
    let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; 16]);
    let mut at = 0;
    loop {
        let sock_filter { code, jt, jf, k } = program[at];
        let code = u32::from(code);
        let operand = if code & BPF_X == 0 { k } else { x };
        let jump = |is_so: bool| usize::from(if is_so { jt } else { jf });
        at += 1;
        match code & 0x07 {
            BPF_LD => {
                let loaded = match code & 0xe0 {
                    BPF_IMM => Some(k),
                    BPF_MEM => Some(memory[usize::try_from(k).unwrap()]),
                    BPF_ABS => load(frame, k, code),
                    BPF_IND => load(frame, x.wrapping_add(k), code),
                    _ => panic!("load {code:x}"),
                };
                let Some(loaded) = loaded else { return 0 };
                a = loaded;
            }
            BPF_LDX if code & 0xe0 == BPF_IMM => x = k,
            BPF_LDX if code & 0xe0 == BPF_MEM => x = memory[usize::try_from(k).unwrap()],
            BPF_ST => memory[usize::try_from(k).unwrap()] = a,
            BPF_STX => memory[usize::try_from(k).unwrap()] = x,
            BPF_ALU => {
                a = match code & 0xf0 {
                    BPF_ADD => a.wrapping_add(operand),
                    BPF_AND => a & operand,
                    BPF_LSH => a << operand,
                    BPF_MUL => a.wrapping_mul(operand),
                    BPF_RSH => a >> operand,
                    BPF_XOR => a ^ operand,
                    _ => panic!("operation {code:x}"),
                };
            }
            BPF_JMP => {
                at += match code & 0xf0 {
                    BPF_JA => usize::try_from(k).unwrap(),
                    BPF_JEQ => jump(a == operand),
                    BPF_JGE => jump(a >= operand),
                    BPF_JSET => jump(a & operand != 0),
                    _ => panic!("jump {code:x}"),
                }
            }
            BPF_RET if code & 0x18 == BPF_A => return a,
            BPF_MISC if code & 0xf8 == BPF_TAX => x = a,
            _ => panic!("instruction {code:x}"),
        }
    }
}

/// What is at `place`: net/core/filter.c, `bpf_internal_load_pointer_neg_helper`.
fn load(frame: &Held, place: u32, code: u32) -> Option<u32> {
    const KERNEL: i32 = libc::SKF_AD_OFF;
    const NETWORK: i32 = libc::SKF_NET_OFF;
    let (place, network_header) = (place.cast_signed(), 14);
    let data = if frame.goes_out { 0 } else { network_header };
    let from = match place {
        0.. => data + place,
        _ if place == KERNEL + libc::SKF_AD_PROTOCOL => return Some(frame.protocol),
        _ if place == KERNEL + libc::SKF_AD_PKTTYPE => return Some(if frame.goes_out { 4 } else { 0 }),
        KERNEL.. => panic!("{place}"),
        NETWORK.. => network_header + (place - NETWORK),
        _ => place - libc::SKF_LL_OFF,
    };
    let octets = frame.octets.get(usize::try_from(from).unwrap()..)?;
    let value = |octets: &[u8]| octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet));
    let size = match code & 0x18 {
        BPF_W => 4,
        BPF_H => 2,
        _ => 1,
    };
    octets.get(..size).map(value)
}
