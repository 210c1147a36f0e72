//! Questions to a resolver and its answers (RFC 1035, section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::length16;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// A question, as a client with EDNS (RFC 6891) asks it.
pub fn query(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut message = header(id, RECURSION_DESIRED, 0);
    message.extend(question(name, kind));
    message.extend(EDNS);
    message
}

/// The answer with those of `addresses` that are of `kind`, each for `seconds`.
pub fn answer(id: u16, name: &str, kind: Kind, addresses: &[IpAddr], seconds: u32) -> Vec<u8> {
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match (kind, address) {
            (Kind::A, IpAddr::V4(address)) => Some(record_v4(*address, seconds)),
            (Kind::Aaaa, IpAddr::V6(address)) => Some(record_v6(*address, seconds)),
            _ => None,
        })
        .collect();
    let mut message = header(id, RESPONSE, length16(records.len()));
    message.extend(question(name, kind));
    message.extend(records.concat());
    message.extend(EDNS);
    message
}

/// The answer that there is no such name.
pub fn name_error(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut message = header(id, RESPONSE | NAME_ERROR, 0);
    message.extend(question(name, kind));
    message.extend(EDNS);
    message
}

fn header(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    [id, flags, 1, answers, 0, 1].iter().flat_map(|field| field.to_be_bytes()).collect()
}

fn question(name: &str, kind: Kind) -> Vec<u8> {
    let mut question = Vec::new();
    for label in name.split('.') {
        let [.., length] = label.len().to_be_bytes();
        question.push(length);
        question.extend(label.as_bytes());
    }
    question.push(0);
    question.extend(number(kind).to_be_bytes());
    question.extend(INTERNET.to_be_bytes());
    question
}

fn record_v4(address: Ipv4Addr, seconds: u32) -> Vec<u8> {
    record(Kind::A, seconds, &address.octets())
}

fn record_v6(address: Ipv6Addr, seconds: u32) -> Vec<u8> {
    record(Kind::Aaaa, seconds, &address.octets())
}

/// A record of the name in the question, which a pointer names (RFC 1035, section 4.1.4).
fn record(kind: Kind, seconds: u32, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 12];
    record.extend(number(kind).to_be_bytes());
    record.extend(INTERNET.to_be_bytes());
    record.extend(seconds.to_be_bytes());
    record.extend(length16(data.len()).to_be_bytes());
    record.extend(data);
    record
}

fn number(kind: Kind) -> u16 {
    match kind {
        Kind::A => 1,
        Kind::Aaaa => 28,
    }
}

const INTERNET: u16 = 1;
const RECURSION_DESIRED: u16 = 0x0100;
/// A response with recursion desired and available.
const RESPONSE: u16 = 0x8180;
const NAME_ERROR: u16 = 3;
/// An OPT record with a payload size of 1232 octets.
const EDNS: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_points_at_its_question() {
        let message =
            answer(7, "a.example", Kind::A, &["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()], 60);
        assert_eq!(message[..12], [0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 1]);
        assert_eq!(message[12..27], *b"\x01a\x07example\x00\x00\x01\x00\x01");
        assert_eq!(message[27..43], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
}
