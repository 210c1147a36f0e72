//! What the header of a TCP segment says beside its numbers: flags, options and windows as the families of
//! stacks write them.

use etherparse::TcpOptions;

use crate::{
    host::{Endpoint, Stack},
    packet::length16,
};

/// The flags of a segment that are not always set.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the bits of a header, and combine freely")]
pub(crate) struct Flags {
    pub(crate) synchronize: bool,
    pub(crate) finish: bool,
    pub(crate) reset: bool,
    pub(crate) push: bool,
    /// Clear only in a client's first segment.
    pub(crate) acknowledge: bool,
}

/// The options of a SYN or SYN-ACK in the order in which `from` writes them; an answer holds what both ends know.
pub(crate) fn options_of_syn(
    from: Endpoint,
    to: Endpoint,
    is_answer: bool,
    clock: u32,
    echoed: u32,
) -> TcpOptions {
    let [high, low] = largest_segment(from).to_be_bytes();
    let size = [0x02, 0x04, high, low];
    match (from.host.stack, is_answer && to.host.stack == Stack::Windows) {
        (Stack::Linux, false) => {
            let [kind, length, stamps @ ..] = timestamp_option(clock, echoed);
            let mut options = [0; 20];
            options[..4].copy_from_slice(&size);
            options[4..8].copy_from_slice(&[0x04, 0x02, kind, length]);
            options[8..16].copy_from_slice(&stamps);
            options[16..].copy_from_slice(&[0x01, 0x03, 0x03, LINUX_WINDOW_SCALE]);
            options.into()
        }
        (Stack::Linux, true) => {
            let [a, b, c, d] = size;
            [a, b, c, d, 0x01, 0x01, 0x04, 0x02, 0x01, 0x03, 0x03, LINUX_WINDOW_SCALE].into()
        }
        (Stack::Windows, _) => {
            let [a, b, c, d] = size;
            [a, b, c, d, 0x01, 0x03, 0x03, WINDOWS_WINDOW_SCALE, 0x01, 0x01, 0x04, 0x02].into()
        }
    }
}

/// The timestamps option (RFC 7323, section 3) behind two octets that align it.
pub(crate) fn timestamps(clock: u32, echoed: u32) -> [u8; 12] {
    let mut options = [0x01; 12];
    options[2..].copy_from_slice(&timestamp_option(clock, echoed));
    options
}

fn timestamp_option(clock: u32, echoed: u32) -> [u8; 10] {
    let mut option = [0x08, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0];
    option[2..6].copy_from_slice(&clock.to_be_bytes());
    option[6..].copy_from_slice(&echoed.to_be_bytes());
    option
}

/// The window field. That of a SYN is never scaled (RFC 7323, section 2.2).
pub(crate) fn window(from: Endpoint, flags: Flags) -> u16 {
    match (from.host.stack, flags) {
        (_, Flags { reset: true, .. }) => 0,
        (Stack::Linux, Flags { synchronize: true, acknowledge: true, .. }) => 65_160,
        (_, Flags { synchronize: true, .. }) => 64_240,
        (Stack::Linux, _) => 502,
        (Stack::Windows, _) => 1_026,
    }
}

/// What fits into an Ethernet frame of 1500 octets behind the IP and the TCP header.
pub(crate) fn largest_segment(endpoint: Endpoint) -> u16 {
    let ip_header = if endpoint.host.address.is_ipv6() { 40 } else { 20 };
    length16(1500 - ip_header - 20)
}

/// The selective acknowledgement option (RFC 2018, section 3) of one block, behind two octets that align it.
pub(crate) fn selective_acknowledgement((left, right): (u32, u32)) -> [u8; 12] {
    let mut option = [0x01, 0x01, 0x05, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0];
    option[4..8].copy_from_slice(&left.to_be_bytes());
    option[8..].copy_from_slice(&right.to_be_bytes());
    option
}

const LINUX_WINDOW_SCALE: u8 = 7;
const WINDOWS_WINDOW_SCALE: u8 = 8;
