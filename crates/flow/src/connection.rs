use wire::{Tcp, TcpFlags, Timestamp};

use crate::Side;

/// What was seen of a TCP connection, in the bits of one octet: of its opening and closing (RFC 9293, 3.3.2), and what is known of its
/// sequence numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Connection(u8);

impl Connection {
    /// Takes in a segment that `sender` sent.
    #[inline]
    pub(crate) const fn observe(&mut self, flags: TcpFlags, sender: Side) {
        if flags.0 & (TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0) == 0 {
            return;
        }
        if flags.is_syn() {
            self.0 |= SYN;
        }
        if flags.contains(TcpFlags::FIN) {
            self.0 |= match sender {
                Side::Low => FIN_LOW,
                Side::High => FIN_HIGH,
            };
        }
        if flags.contains(TcpFlags::RST) {
            self.0 |= RST;
        }
    }

    /// Whether it is over: both ends have sent FIN, or one RST.
    #[inline]
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & RST != 0 || self.0 & (FIN_LOW | FIN_HIGH) == FIN_LOW | FIN_HIGH
    }

    /// Whether an end has begun to close it.
    const fn is_closing(self) -> bool {
        self.0 & (RST | FIN_LOW | FIN_HIGH) != 0
    }

    /// Whether a request to open it was seen.
    pub(crate) const fn has_syn(self) -> bool {
        self.0 & SYN != 0
    }

    /// Whether the sequence numbers of both ends are known, and nothing else has to be looked at: then a segment that goes on where the
    /// one before it ended needs no more.
    #[inline]
    pub(crate) const fn is_regular(self) -> bool {
        self.0 & (KNOWN_LOW | KNOWN_HIGH | AWAITS) == KNOWN_LOW | KNOWN_HIGH
    }

    /// Whether the sequence number is known that a segment of `side` has next.
    pub(crate) const fn knows(self, side: Side) -> bool {
        self.0 & known(side) != 0
    }

    pub(crate) const fn set_known(&mut self, side: Side, is_known: bool) {
        self.set(known(side), is_known);
    }

    /// Whether the next acknowledgment says something: it completes the handshake, or it covers a gap.
    pub(crate) const fn awaits_acknowledgment(self) -> bool {
        self.0 & AWAITS != 0
    }

    pub(crate) const fn set_awaits_acknowledgment(&mut self, awaits: bool) {
        self.set(AWAITS, awaits);
    }

    /// Whether an account is kept of segments that did not come in order.
    pub(crate) const fn is_irregular(self) -> bool {
        self.0 & IRREGULAR != 0
    }

    pub(crate) const fn set_irregular(&mut self, is_irregular: bool) {
        self.set(IRREGULAR, is_irregular);
    }

    const fn set(&mut self, bit: u8, is_set: bool) {
        self.0 = if is_set { self.0 | bit } else { self.0 & !bit };
    }

    /// Whether `tcp`, which is a SYN and not a SYN-ACK, opens a new connection between the same ports.
    ///
    /// A repeated SYN does not: it has the sequence number of the first. With another one it is new if the old connection was
    /// being closed, or if nothing was heard of it for longer than a peer would wait for an answer.
    pub(crate) fn is_followed_by(
        self,
        tcp: &Tcp,
        syn_sequence: u32,
        seen: Timestamp,
        clock: Timestamp,
    ) -> bool {
        if self.has_syn() && tcp.sequence == syn_sequence {
            return false;
        }
        self.is_closing() || clock.nanos_since(seen) >= QUIET_NANOS
    }
}

const SYN: u8 = 1;
const FIN_LOW: u8 = 1 << 1;
const FIN_HIGH: u8 = 1 << 2;
const RST: u8 = 1 << 3;
const KNOWN_LOW: u8 = 1 << 4;
const KNOWN_HIGH: u8 = 1 << 5;
const AWAITS: u8 = 1 << 6;
const IRREGULAR: u8 = 1 << 7;

const fn known(side: Side) -> u8 {
    match side {
        Side::Low => KNOWN_LOW,
        Side::High => KNOWN_HIGH,
    }
}

/// A SYN is repeated after 1, 3 and 7 seconds (RFC 6298, 2 and 5.5); a client that starts anew after this long has given up.
const QUIET_NANOS: u64 = 10_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn syn(sequence: u32) -> Tcp {
        Tcp { sequence, flags: TcpFlags::SYN, ..Tcp::default() }
    }

    fn connection(segments: &[(u16, Side)]) -> Connection {
        let mut connection = Connection::default();
        for &(flags, sender) in segments {
            connection.observe(TcpFlags(flags), sender);
        }
        connection
    }

    #[test]
    fn both_ends_must_finish_but_one_can_reset() {
        assert!(!connection(&[(0x11, Side::Low), (0x11, Side::Low)]).is_closed());
        assert!(connection(&[(0x11, Side::Low), (0x10, Side::Low), (0x11, Side::High)]).is_closed());
        assert!(connection(&[(0x14, Side::High)]).is_closed());
    }

    #[test]
    fn a_repeated_syn_opens_nothing() {
        let at = Timestamp::from_parts;
        let open = connection(&[(0x02, Side::Low)]);
        assert!(!open.is_followed_by(&syn(5), 5, at(0, 0), at(100, 0)), "the same SYN, late");
        assert!(!open.is_followed_by(&syn(6), 5, at(0, 0), at(9, 0)), "another SYN, soon");
        assert!(open.is_followed_by(&syn(6), 5, at(0, 0), at(10, 0)), "another SYN, long after");
        let closing = connection(&[(0x02, Side::Low), (0x11, Side::High)]);
        assert!(closing.is_followed_by(&syn(6), 5, at(0, 0), at(0, 1)), "another SYN after FIN");
        assert!(!closing.is_followed_by(&syn(5), 5, at(0, 0), at(0, 1)), "the old SYN, delayed");
    }
}
