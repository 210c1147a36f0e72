//! What the numbers of TCP segments tell of a flow (RFC 9293, 3.4): what was sent again, what came late, what the capture has missed, and
//! how long the ends took to answer in the handshake.
//!
//! Of each direction it is known which sequence number comes next. A segment that has it, and acknowledges nothing unseen, is counted
//! without coming here. Of others, the account is kept beside the flow, and only where there is something to account for.

use wire::{Packet, Tcp, TcpFlags};

use crate::{
    Side,
    biflow::{Biflow, of, of_mut},
    gaps::{Gaps, Range, is_before},
};

/// What is kept of a connection whose segments did not all come in order, by side.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Irregular {
    sides: [Account; 2],
}

/// The same of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) retransmitted: u32,
    pub(crate) out_of_order: u32,
    pub(crate) missed_octets: u32,
    gaps: Gaps,
}

/// What a segment shows that did not simply go on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Shown {
    sequence: Sequence,
    acknowledged: Option<Acknowledged>,
    /// How long its sender took to answer the other one's part of the handshake.
    pub(crate) round_trip_us: Option<u32>,
}

/// Where a segment lies in the sequence space of its direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Sequence {
    /// Where it belongs, or nothing can be said.
    #[default]
    Next,
    /// Where it begins, as far as is known: what was skipped before has no place any more.
    Anew,
    /// It opens the connection, as one before it.
    Again,
    /// It opens the connection, and others overtook it.
    Overtaken,
    /// Behind something that was skipped.
    Ahead(Range),
    /// Before the end of what was seen; this is the part of it that is.
    Behind(Range),
    /// The last octet that was seen, and nothing else: it is most likely a keep-alive (RFC 9293, 3.8.4).
    Probe(Range),
}

/// What a segment acknowledges of the other direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Acknowledged {
    /// What it has not seen.
    unseen: Option<Range>,
    to: u32,
}

impl Shown {
    /// Whether an account has to be opened for it.
    pub(crate) const fn is_irregular(&self) -> bool {
        let is_in_order = matches!(self.sequence, Sequence::Next | Sequence::Anew | Sequence::Probe(_));
        !is_in_order || matches!(self.acknowledged, Some(Acknowledged { unseen: Some(_), .. }))
    }
}

impl Biflow {
    /// Takes in a segment that goes on where the one before it ended, and acknowledges what was seen. `false` if it is another.
    #[inline]
    pub(crate) fn goes_on(&mut self, packet: &Packet<'_>, tcp: &Tcp, sender: Side) -> bool {
        let seen = *of(&self.next, sender.opposite());
        let next = of_mut(&mut self.next, sender);
        let is_usual = tcp.flags.0 & (TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0) == TcpFlags::ACK.0;
        let follows = tcp.sequence == *next;
        let acknowledges_unseen = is_before(seen, tcp.acknowledgment);
        let goes_on =
            self.connection.is_regular() && is_usual && follows && !acknowledges_unseen && is_whole(packet);
        if goes_on {
            *next = end(tcp);
        }
        goes_on
    }

    /// Looks at a segment that was counted and does not simply go on. `flags_before` are those of its direction before it.
    pub(crate) fn examine(&mut self, packet: &Packet<'_>, flags_before: TcpFlags, sender: Side) -> Shown {
        let wire::Transport::Tcp(tcp) = &packet.transport else { return Shown::default() };
        if tcp.flags.contains(TcpFlags::RST) {
            // Its numbers are those of what it answers, or nobody's.
            return Shown::default();
        }
        if !is_whole(packet) {
            // How much it carries is not known.
            self.connection.set_known(sender, false);
            return Shown::default();
        }
        // Before what it says of itself changes what is known of its direction.
        let round_trip_us = self.round_trip_us(packet, tcp, flags_before, sender);
        let acknowledged = self.acknowledge(tcp, sender);
        let sequence = self.follow(tcp, flags_before, sender);
        if tcp.flags.is_syn_ack() {
            // Of the acknowledgment that completes the handshake, the time is of interest.
            self.connection.set_awaits_acknowledgment(true);
        } else if tcp.flags.contains(TcpFlags::ACK) {
            self.connection.set_awaits_acknowledgment(false);
        }
        Shown { sequence, acknowledged, round_trip_us }
    }

    /// Finds the place of a segment in the sequence space of its direction, and moves on what comes next.
    fn follow(&mut self, tcp: &Tcp, flags_before: TcpFlags, sender: Side) -> Sequence {
        let next = of_mut(&mut self.next, sender);
        let (from, to) = (tcp.sequence, end(tcp));
        if !self.connection.knows(sender) {
            self.connection.set_known(sender, true);
            *next = to;
            return Sequence::Anew;
        }
        if tcp.flags.contains(TcpFlags::SYN) {
            if next.wrapping_sub(to) > MOST_BEFORE_HANDSHAKE {
                // Another connection between the same ports.
                self.connection.set_known(sender, false);
                self.connection.set_known(sender.opposite(), false);
                return Sequence::Next;
            }
            return if flags_before.contains(TcpFlags::SYN) { Sequence::Again } else { Sequence::Overtaken };
        }
        let (before, ahead) = (*next, from.wrapping_sub(*next));
        if ahead != 0 && is_far(from, before) {
            *next = to;
            return Sequence::Anew;
        }
        if !is_before(to, before) {
            *next = to;
        }
        if ahead == 0 || from == to && is_before(from, before) {
            // An acknowledgment may be late, or ask whether the other end is still there.
            Sequence::Next
        } else if is_before(from, before) {
            let part = Range { from, to: if is_before(to, before) { to } else { before } };
            let is_probe = part.octets() == 1 && to == before && tcp.data_octets == 1;
            if is_probe { Sequence::Probe(part) } else { Sequence::Behind(part) }
        } else {
            Sequence::Ahead(Range { from: before, to: from })
        }
    }

    /// Takes in what a segment acknowledges: what the other end must have sent, seen or not.
    fn acknowledge(&mut self, tcp: &Tcp, sender: Side) -> Option<Acknowledged> {
        let (other, to) = (sender.opposite(), tcp.acknowledgment);
        if !tcp.flags.contains(TcpFlags::ACK) || !self.connection.knows(other) {
            return None;
        }
        let next = of_mut(&mut self.next, other);
        if is_far(to, *next) {
            return None;
        }
        let unseen = is_before(*next, to).then_some(Range { from: *next, to });
        if unseen.is_some() {
            *next = to;
        }
        (unseen.is_some() || self.connection.awaits_acknowledgment()).then_some(Acknowledged { unseen, to })
    }

    /// How long the sender of this segment took to answer the other end's part of the handshake: a SYN-ACK that answers the only SYN, the
    /// acknowledgment of the only SYN-ACK. Where what it answers was sent more than once, it is not known which was answered (RFC 6298, 3).
    fn round_trip_us(
        &self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        flags_before: TcpFlags,
        sender: Side,
    ) -> Option<u32> {
        let other = sender.opposite();
        let asked = *of(&self.tcp_flags, other);
        let is_answer = if tcp.flags.contains(TcpFlags::SYN) {
            asked.is_syn() && *of(&self.packets, sender) == 1
        } else {
            asked.is_syn_ack() && !flags_before.contains(TcpFlags::ACK)
        };
        let is_only = *of(&self.packets, other) == 1 && self.connection.knows(other);
        let is_acknowledged =
            tcp.flags.contains(TcpFlags::ACK) && tcp.acknowledgment == *of(&self.next, other);
        if !(is_answer && is_only && is_acknowledged) {
            return None;
        }
        let nanos = packet.timestamp.nanos().checked_sub(of(&self.last, other).nanos())?;
        Some(u32::try_from(nanos / 1_000).unwrap_or(u32::MAX).max(1))
    }
}

impl Irregular {
    pub(crate) const fn of(&self, side: Side) -> &Account {
        of(&self.sides, side)
    }

    /// Accounts for what a segment of `sender` has shown.
    pub(crate) fn take(&mut self, shown: &Shown, sender: Side) {
        if let Some(Acknowledged { unseen, to }) = shown.acknowledged {
            of_mut(&mut self.sides, sender.opposite()).acknowledge(unseen, to);
        }
        let own = of_mut(&mut self.sides, sender);
        match shown.sequence {
            Sequence::Next => {}
            Sequence::Anew => own.gaps = Gaps::default(),
            Sequence::Again => own.retransmitted = own.retransmitted.saturating_add(1),
            Sequence::Overtaken => own.out_of_order = own.out_of_order.saturating_add(1),
            Sequence::Ahead(gap) => own.miss(|gaps| gaps.skip(gap)),
            Sequence::Behind(part) => own.take_late(part, false),
            Sequence::Probe(part) => own.take_late(part, true),
        }
    }

    /// Whether an acknowledgment to come would say more.
    pub(crate) fn awaits_acknowledgment(&self) -> bool {
        self.sides.iter().any(|account| account.gaps.await_acknowledgment())
    }

    /// Begins a record: counters back to nothing. `true` if something has to be kept: gaps that may be filled.
    pub(crate) fn begin_record(&mut self) -> bool {
        let mut has_gaps = false;
        for account in &mut self.sides {
            let mut gaps = account.gaps;
            has_gaps |= gaps.forget_missed();
            *account = Account { gaps, ..Account::default() };
        }
        has_gaps
    }
}

impl Account {
    /// Octets that were skipped, and neither came nor were acknowledged.
    pub(crate) fn open_octets(&self) -> u32 {
        self.gaps.open_octets()
    }

    fn acknowledge(&mut self, unseen: Option<Range>, to: u32) {
        if let Some(unseen) = unseen {
            self.miss(|gaps| gaps.skip(unseen));
        }
        self.miss(|gaps| gaps.acknowledge(to));
    }

    /// Takes in octets before the end of what was seen.
    fn take_late(&mut self, part: Range, is_probe: bool) {
        let filled = self.gaps.fill(part);
        if is_probe && filled.octets == 0 {
            return;
        }
        self.missed_octets =
            self.missed_octets.saturating_sub(filled.were_missed).saturating_add(filled.forgotten);
        let counter =
            if filled.octets < part.octets() { &mut self.retransmitted } else { &mut self.out_of_order };
        *counter = counter.saturating_add(1);
    }

    fn miss(&mut self, octets: impl FnOnce(&mut Gaps) -> u32) {
        self.missed_octets = self.missed_octets.saturating_add(octets(&mut self.gaps));
    }
}

/// The sequence number behind a segment: SYN and FIN take one each.
#[inline]
fn end(tcp: &Tcp) -> u32 {
    let controls = (tcp.flags.0 & TcpFlags::FIN.0) + (tcp.flags.0 & TcpFlags::SYN.0) / TcpFlags::SYN.0;
    tcp.sequence.wrapping_add(tcp.data_octets).wrapping_add(controls.into())
}

/// Whether all of a segment is in the packet.
#[inline]
const fn is_whole(packet: &Packet<'_>) -> bool {
    packet.ip.fragment.is_none() && packet.carrier.is_none()
}

/// Whether two sequence numbers are further apart than anything in flight: no window is larger (RFC 7323, 2.3). What is beyond is not of
/// the same connection, or the capture was blind for long.
const fn is_far(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed().unsigned_abs() > MOST_IN_FLIGHT
}

const MOST_IN_FLIGHT: u32 = 1 << 30;
/// What may be sent before the handshake is complete: windows of SYN segments are not scaled (RFC 7323, 2.2).
const MOST_BEFORE_HANDSHAKE: u32 = u16::MAX as u32;
