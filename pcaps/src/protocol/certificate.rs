//! X.509 certificates (RFC 5280) that are right in form. Keys and signatures are random octets: nobody could
//! verify them.

use crate::random::Random;

/// A certificate in DER that a server made for itself, as a Windows server does for remote desktop.
///
/// `not_before` and `not_after` are UTC times of the form `YYMMDDhhmmssZ`.
pub fn self_signed(random: &mut Random, common_name: &str, not_before: &str, not_after: &str) -> Vec<u8> {
    let name = sequence(&[tlv(SET, &sequence(&[tlv(OBJECT_IDENTIFIER, &COMMON_NAME), text(common_name)]))]);
    let algorithm = sequence(&[tlv(OBJECT_IDENTIFIER, &SHA256_WITH_RSA), tlv(NULL, &[])]);
    let validity = sequence(&[tlv(UTC_TIME, not_before.as_bytes()), tlv(UTC_TIME, not_after.as_bytes())]);
    let mut serial = random.octets(16);
    serial[0] = 0x2a;
    let to_be_signed = sequence(&[
        tlv(VERSION_TAG, &tlv(INTEGER, &[2])),
        tlv(INTEGER, &serial),
        algorithm.clone(),
        name.clone(),
        validity,
        name,
        public_key(random),
        tlv(EXTENSIONS_TAG, &sequence(&[extended_key_usage(), key_usage()])),
    ]);
    sequence(&[to_be_signed, algorithm, bit_string(&random.octets(KEY_LENGTH))])
}

/// A tag, a length and a value (X.690, section 8.1).
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    let length = value.len();
    let [.., high, low] = length.to_be_bytes();
    match length {
        0..=127 => whole.push(low),
        128..=255 => whole.extend([0x81, low]),
        _ => whole.extend([0x82, high, low]),
    }
    whole.extend(value);
    whole
}

fn public_key(random: &mut Random) -> Vec<u8> {
    let mut modulus = vec![0];
    modulus.extend(random.octets(KEY_LENGTH));
    // An RSA modulus has its highest and its lowest bit set.
    modulus[1] |= 0x80;
    modulus[KEY_LENGTH] |= 1;
    let key = sequence(&[tlv(INTEGER, &modulus), tlv(INTEGER, &[1, 0, 1])]);
    sequence(&[sequence(&[tlv(OBJECT_IDENTIFIER, &RSA_ENCRYPTION), tlv(NULL, &[])]), bit_string(&key)])
}

fn extended_key_usage() -> Vec<u8> {
    let usage = sequence(&[tlv(OBJECT_IDENTIFIER, &SERVER_AUTHENTICATION)]);
    sequence(&[tlv(OBJECT_IDENTIFIER, &EXTENDED_KEY_USAGE), tlv(OCTET_STRING, &usage)])
}

fn key_usage() -> Vec<u8> {
    // Key encipherment and data encipherment: bits 2 and 3, and four bits unused.
    let usage = tlv(BIT_STRING, &[4, 0x30]);
    sequence(&[tlv(OBJECT_IDENTIFIER, &KEY_USAGE), tlv(OCTET_STRING, &usage)])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

fn text(text: &str) -> Vec<u8> {
    tlv(UTF8_STRING, text.as_bytes())
}

fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], octets].concat())
}

/// RSA with 2048 bits.
const KEY_LENGTH: usize = 256;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION_TAG: u8 = 0xa0;
const EXTENSIONS_TAG: u8 = 0xa3;

/// 2.5.4.3
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.11
const SHA256_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// 2.5.29.37
const EXTENDED_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x25];
/// 2.5.29.15
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTHENTICATION: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
