use wire::{Tcp, TcpFlags, Timestamp};

use crate::Side;

/// What was seen of the opening and closing of a TCP connection (RFC 9293, 3.3.2), in the bits of one octet.
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
