//! IP packets in pieces (RFC 791, section 3.2; RFC 8200, section 4.5).

use etherparse::{
    IpFragOffset, IpNumber, Ipv4Header, Ipv4HeaderSlice, Ipv6FragmentHeader, Ipv6Header, Ipv6HeaderSlice,
};

use crate::packet::{joined, length16};

/// The pieces of an IPv4 `packet` that are `largest` octets long at the most, in order; the packet itself if
/// it is no longer.
pub(super) fn fragments_v4(packet: &[u8], largest: usize) -> Vec<Vec<u8>> {
    let Ok(slice) = Ipv4HeaderSlice::from_slice(packet) else { return vec![packet.to_vec()] };
    if packet.len() <= largest {
        return vec![packet.to_vec()];
    }
    let whole = slice.to_header();
    pieces(&packet[Ipv4Header::MIN_LEN..], largest - Ipv4Header::MIN_LEN)
        .map(|(offset, more, piece)| {
            let mut header = whole.clone();
            header.total_len = length16(Ipv4Header::MIN_LEN + piece.len());
            header.dont_fragment = false;
            header.more_fragments = more;
            header.fragment_offset = offset;
            header.header_checksum = header.calc_header_checksum();
            joined(&header.to_bytes(), piece)
        })
        .collect()
}

/// The pieces of an IPv6 `packet` without extension headers, in order; the packet itself if it is no longer
/// than `largest`.
pub(super) fn fragments_v6(packet: &[u8], largest: usize, identification: u32) -> Vec<Vec<u8>> {
    let Ok(slice) = Ipv6HeaderSlice::from_slice(packet) else { return vec![packet.to_vec()] };
    if packet.len() <= largest {
        return vec![packet.to_vec()];
    }
    let whole = slice.to_header();
    pieces(&packet[Ipv6Header::LEN..], largest - Ipv6Header::LEN - Ipv6FragmentHeader::LEN)
        .map(|(offset, more, piece)| {
            let fragment =
                Ipv6FragmentHeader::new(whole.next_header, offset, more, identification).to_bytes();
            let mut header = whole.clone();
            header.next_header = IpNumber::IPV6_FRAGMENTATION_HEADER;
            header.payload_length = length16(fragment.len() + piece.len());
            [&header.to_bytes()[..], &fragment, piece].concat()
        })
        .collect()
}

/// Pieces of `payload`, each with its offset and whether more follow. All but the last are as long as a
/// multiple of eight octets permits.
fn pieces(payload: &[u8], largest: usize) -> impl Iterator<Item = (IpFragOffset, bool, &[u8])> {
    let length = largest / FRAGMENT_UNIT * FRAGMENT_UNIT;
    let count = payload.len().div_ceil(length);
    payload.chunks(length).enumerate().map(move |(number, piece)| {
        let offset = IpFragOffset::try_new(length16(number * length / FRAGMENT_UNIT)).unwrap_or_default();
        (offset, number + 1 < count, piece)
    })
}

/// Offsets count in eight octets.
const FRAGMENT_UNIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Host, Stack, ipv4, ipv6},
        packet::Ip,
    };

    #[test]
    fn pieces_make_the_whole() {
        let v4 =
            [Host::here(ipv4([192, 0, 2], 1), Stack::Linux), Host::here(ipv4([192, 0, 2], 2), Stack::Linux)];
        let v6 = [Host::here(ipv6(1, 1), Stack::Linux), Host::here(ipv6(1, 2), Stack::Linux)];
        let data: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let packet = Ip::between(&v4[0], &v4[1], 7).udp(7, 7, &data);
        let pieces = fragments_v4(&packet, 1500);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [1500, 1500, 68]);
        assert_eq!(pieces.iter().flat_map(|piece| &piece[20..]).copied().collect::<Vec<_>>(), packet[20..]);
        assert_eq!(pieces.iter().map(|piece| piece[6] & 0x20).collect::<Vec<_>>(), [0x20, 0x20, 0]);

        let packet = Ip::between(&v6[0], &v6[1], 7).udp(7, 7, &data);
        let pieces = fragments_v6(&packet, 1500, 9);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [1496, 1496, 160]);
        assert_eq!(pieces.iter().flat_map(|piece| &piece[48..]).copied().collect::<Vec<_>>(), packet[40..]);
    }
}
