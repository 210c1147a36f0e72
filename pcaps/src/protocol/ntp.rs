//! Network time (RFC 5905, section 7.3): a client's question and a server's answer.

use std::time::Duration;

use crate::random::Random;

/// The question of a client that sends it at `now`, a time since 1970.
pub fn request(now: Duration) -> Vec<u8> {
    let mut message = vec![CLIENT, 0, 6, 0xec];
    message.extend([0; 36]);
    message.extend(timestamp(now));
    message
}

/// The answer of a server of stratum 2 to `request`, which it received at `now`.
pub fn response(request: &[u8], now: Duration, random: &mut Random) -> Vec<u8> {
    let mut message = vec![SERVER, 2, 6, 0xe9];
    message.extend([0, 0, 0x01, 0x5c]);
    message.extend([0, 0, 0x03, 0x2a]);
    // The address of its own server, in a documentation network.
    message.extend([203, 0, 113, 250]);
    message
        .extend(timestamp(now.saturating_sub(random.time(Duration::from_secs(20), Duration::from_mins(15)))));
    message.extend(request.get(40..48).unwrap_or(&[0; 8]));
    message.extend(timestamp(now));
    message.extend(timestamp(now + Duration::from_micros(31)));
    message
}

fn timestamp(at: Duration) -> [u8; 8] {
    let seconds = u32::try_from(at.as_secs() + SECONDS_FROM_1900_TO_1970).unwrap_or(u32::MAX);
    let fraction = (u64::from(at.subsec_nanos()) << 32) / 1_000_000_000;
    let mut octets = [0; 8];
    octets[..4].copy_from_slice(&seconds.to_be_bytes());
    octets[4..].copy_from_slice(&u32::try_from(fraction).unwrap_or(u32::MAX).to_be_bytes());
    octets
}

/// Version 4, mode 3.
const CLIENT: u8 = 0x23;
/// Version 4, mode 4.
const SERVER: u8 = 0x24;
const SECONDS_FROM_1900_TO_1970: u64 = 2_208_988_800;
