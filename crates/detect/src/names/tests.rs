use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const RESPONSE: [u8; 2] = [0x81, 0x80];

fn encoded(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}

enum Data {
    Alias(&'static str),
    Address(IpAddr),
    Other(u16),
}

/// A message with one question and answers; an empty owner points to the question's name.
fn message(flags: [u8; 2], question: &str, answers: &[(&str, Data)]) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, flags[0], flags[1], 0, 1];
    octets.extend(u16::try_from(answers.len()).unwrap().to_be_bytes());
    octets.extend([0; 4]);
    octets.extend(encoded(question));
    octets.extend([0, 1, 0, 1]);
    for (owner, data) in answers {
        octets.extend(if owner.is_empty() { vec![0xc0, 12] } else { encoded(owner) });
        let (kind, data) = match data {
            Data::Alias(name) => (5_u16, encoded(name)),
            Data::Address(IpAddr::V4(address)) => (1, address.octets().to_vec()),
            Data::Address(IpAddr::V6(address)) => (28, address.octets().to_vec()),
            Data::Other(kind) => (*kind, vec![1, 2, 3, 4]),
        };
        octets.extend(kind.to_be_bytes());
        octets.extend([0, 1, 0, 0, 0, 60]);
        octets.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        octets.extend(data);
    }
    octets
}

fn heard(message: &[u8]) -> Vec<(IpAddr, String)> {
    let mut heard = Vec::new();
    answers(message, |address, name| heard.push((address, name.to_owned())));
    heard
}

fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn named(name: &str, addresses: &[IpAddr]) -> Vec<(IpAddr, String)> {
    addresses.iter().map(|address| (*address, name.to_owned())).collect()
}

#[test]
fn addresses_get_the_name_that_was_asked_for() {
    let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let answer = message(
        RESPONSE,
        "Pool.Example.ORG",
        &[("", Data::Address(v4(1))), ("", Data::Other(46)), ("pool.example.org", Data::Address(v6))],
    );
    assert_eq!(heard(&answer), named("pool.example.org", &[v4(1), v6]));
}

#[test]
fn aliases_are_followed_and_strangers_are_not() {
    let answer = message(
        RESPONSE,
        "www.example.org",
        &[
            ("", Data::Alias("edge.example.net")),
            ("edge.example.net", Data::Alias("a.cdn.example")),
            ("www.example.com", Data::Address(v4(9))),
            ("A.CDN.example", Data::Address(v4(2))),
            ("a.cdn.example", Data::Address(v4(3))),
        ],
    );
    assert_eq!(heard(&answer), named("www.example.org", &[v4(2), v4(3)]));
}

#[test]
fn aliases_in_a_circle_end() {
    let circle = [("", Data::Alias("b.example")), ("b.example", Data::Alias("a.example"))];
    assert_eq!(heard(&message(RESPONSE, "a.example", &circle)), []);
}

#[test]
fn only_answers_that_succeed_count() {
    for flags in [[0x01, 0], [0x81, 0x83], [0x81, 0x82], [0xa8, 0]] {
        assert_eq!(heard(&message(flags, "a.example", &[("", Data::Address(v4(1)))])), [], "{flags:?}");
    }
}

#[test]
fn addresses_of_nobody_are_no_answer() {
    let blocked = [Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into()];
    let answers = blocked.map(|address| ("", Data::Address(address)));
    assert_eq!(heard(&message(RESPONSE, "a.example", &answers)), []);
}

#[test]
fn what_stands_before_a_cut_counts() {
    let answers = [("", Data::Address(v4(1))), ("", Data::Address(v4(2)))];
    let whole = message(RESPONSE, "a.example", &answers);
    assert_eq!(heard(&whole[..whole.len() - 1]), named("a.example", &[v4(1)]));
    for end in 0..whole.len() - 16 {
        assert_eq!(heard(&whole[..end]), [], "{end}");
    }
}

#[test]
fn pointers_in_a_circle_end() {
    let mut octets = message(RESPONSE, "", &[]);
    octets.truncate(12);
    octets.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(heard(&octets), []);
}

#[test]
fn names_are_harmless() {
    let answer = message(RESPONSE, "a\u{1b}[2Jb.exa mple", &[("", Data::Address(v4(1)))]);
    assert_eq!(heard(&answer), named("a?[2jb.exa?mple", &[v4(1)]));
    let mut dotted = message(RESPONSE, "evilqsupportxmrqcom", &[("", Data::Address(v4(1)))]);
    dotted.iter_mut().filter(|octet| **octet == b'q').for_each(|octet| *octet = b'.');
    assert_eq!(heard(&dotted), named("evil?supportxmr?com", &[v4(1)]));
}

#[test]
fn a_crowd_of_records_is_cut() {
    let answers: Vec<_> = (0..200).map(|last| ("", Data::Address(v4(last)))).collect();
    assert_eq!(heard(&message(RESPONSE, "a.example", &answers)).len(), MAX_RECORDS);
}

fn numbered(number: usize) -> IpAddr {
    Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
}

#[test]
fn the_name_of_a_pool_counts_and_else_the_first_in_the_alphabet() {
    let mut names = Names::new();
    for name in ["b.example", "a.example", "b.example"] {
        names.learn(v4(1), name);
    }
    assert_eq!((names.of(v4(1)), names.of(v4(2)), names.len()), (Some("a.example"), None, 3));
    names.learn(v4(1), "xmr.nanopool.org");
    assert_eq!(names.of(v4(1)), Some("xmr.nanopool.org"));
}

#[test]
fn order_and_repetition_make_no_difference() {
    let all = ["c.example", "a.example", "pool.example", "b.example"];
    let of = |order: &[usize]| {
        let mut names = Names::new();
        for place in order {
            names.learn(v4(1), all[*place]);
        }
        names.of(v4(1)).map(ToOwned::to_owned)
    };
    assert_eq!(of(&[0, 1, 2, 3]).as_deref(), Some("pool.example"));
    assert_eq!(of(&[3, 3, 2, 1, 0, 2]), of(&[0, 1, 2, 3]));
}

#[test]
fn what_was_learnt_longest_ago_makes_room() {
    let mut names = Names::new();
    for number in 0..MAX_NAMES {
        names.learn(numbered(number), "first.example");
    }
    names.learn(numbered(MAX_NAMES), "last.example");
    assert_eq!((names.len(), names.evicted()), (MAX_NAMES, 1));
    assert_eq!(names.of(numbered(0)), None);
    assert!([1, 2, MAX_NAMES].iter().all(|number| names.of(numbered(*number)).is_some()));
}

#[test]
fn what_was_told_is_remembered_for_a_while() {
    let mut told = Told::new();
    assert!(!told.note(v4(1), "a.example"));
    assert!(told.note(v4(1), "a.example"));
    assert!(!told.note(v4(2), "a.example") && !told.note(v4(1), "b.example"));
}

proptest! {
    #[test]
    fn anything_can_come(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _heard = heard(&octets);
    }

    #[test]
    fn damage_does_no_harm(place in 0..200_usize, octet: u8) {
        let mut octets = message(
            RESPONSE,
            "www.example.org",
            &[("", Data::Alias("b.example")), ("b.example", Data::Address(v4(1))), ("", Data::Other(16))],
        );
        if let Some(damaged) = octets.get_mut(place) {
            *damaged = octet;
        }
        for (_, name) in heard(&octets) {
            prop_assert!(name.len() <= 253 && name.chars().all(|c| c.is_ascii_graphic()));
        }
    }

    #[test]
    fn what_was_written_is_read(
        name in "[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,20}){0,8}",
        addresses in proptest::collection::vec(any::<[u8; 16]>(), 0..20),
    ) {
        let addresses: Vec<IpAddr> = addresses
            .iter()
            .map(|octets| match octets {
                [first, a, b, c, ..] if first % 2 == 0 => IpAddr::V4(Ipv4Addr::new(first | 1, *a, *b, *c)),
                _ => IpAddr::V6(Ipv6Addr::from(*octets)),
            })
            .filter(|address| !address.is_loopback() && !address.is_unspecified())
            .collect();
        let records: Vec<_> = addresses.iter().map(|address| ("", Data::Address(*address))).collect();
        prop_assert_eq!(heard(&message(RESPONSE, &name, &records)), named(&name, &addresses));
    }
}
