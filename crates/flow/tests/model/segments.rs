//! What the numbers of segments tell, octet by octet: each sequence number that was skipped is an entry of a map.

use std::collections::BTreeMap;

use flow::{Segments, Side};
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

/// What is known of a connection; pairs are of the low and the high end.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelSegments {
    streams: [Stream; 2],
}

#[derive(Clone, Debug, Default)]
struct Stream {
    next: Option<i64>,
    /// Numbers that were skipped, and whether they were acknowledged.
    skipped: BTreeMap<i64, bool>,
    retransmitted: u32,
    out_of_order: u32,
    missed: u32,
    round_trip_us: u32,
    /// Of the record: packets, joined flags, time of the latest.
    packets: u32,
    flags: TcpFlags,
    last: Timestamp,
    /// Something has come, in whatever record.
    speaks: bool,
}

impl ModelSegments {
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, sender: Side) {
        let (own, other) = (sender as usize, sender.opposite() as usize);
        let stream = &mut self.streams[own];
        stream.speaks = true;
        stream.packets += 1;
        stream.last = stream.last.max(packet.timestamp);
        let Transport::Tcp(tcp) = &packet.transport else { return };
        let before = stream.flags;
        stream.flags.0 |= tcp.flags.0;
        if tcp.flags.contains(TcpFlags::RST) {
            return;
        }
        self.handshake(packet.timestamp, tcp, before, own, other);
        if tcp.flags.contains(TcpFlags::ACK) {
            self.streams[other].acknowledge(number(tcp.acknowledgment));
        }
        if self.streams[own].follow(tcp, before) {
            self.streams[own].next = None;
            self.streams[other].next = None;
        }
        self.streams[own].shorten();
        self.streams[other].shorten();
    }

    fn handshake(&mut self, now: Timestamp, tcp: &Tcp, before: TcpFlags, own: usize, other: usize) {
        let (one, two) = (&self.streams[own], &self.streams[other]);
        let is_answer = if tcp.flags.contains(TcpFlags::SYN) {
            one.packets == 1 && two.flags.is_syn()
        } else {
            !before.contains(TcpFlags::ACK) && two.flags.is_syn_ack()
        };
        let acknowledges = tcp.flags.contains(TcpFlags::ACK) && two.next == Some(number(tcp.acknowledgment));
        if is_answer && acknowledges && two.packets == 1 && now >= two.last {
            let nanos = now.nanos() - two.last.nanos();
            self.streams[own].round_trip_us = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX).max(1);
        }
    }

    /// What a record says of a side; `is_last` if it is the last one of its flow.
    pub(crate) fn of(&self, side: Side, is_last: bool) -> Segments {
        let stream = &self.streams[side as usize];
        let is_one_way = self.streams.iter().any(|stream| !stream.speaks);
        let open = stream.skipped.values().filter(|acknowledged| !**acknowledged).count();
        let open = if is_last && is_one_way { u32::try_from(open).unwrap() } else { 0 };
        Segments {
            retransmitted: stream.retransmitted,
            out_of_order: stream.out_of_order,
            missed_octets: stream.missed + open,
            handshake_rtt_us: stream.round_trip_us,
        }
    }

    pub(crate) fn begin_record(&mut self) {
        for stream in &mut self.streams {
            let Stream { next, round_trip_us, speaks, .. } = *stream;
            let mut skipped = std::mem::take(&mut stream.skipped);
            skipped.retain(|_, acknowledged| !*acknowledged);
            *stream = Stream { next, skipped, round_trip_us, speaks, ..Stream::default() };
        }
    }
}

impl Stream {
    fn acknowledge(&mut self, to: i64) {
        let Some(next) = self.next else { return };
        for number in next..to {
            self.skipped.insert(number, false);
        }
        self.next = Some(next.max(to));
        for (_, acknowledged) in self.skipped.range_mut(..to).filter(|(_, acknowledged)| !**acknowledged) {
            *acknowledged = true;
            self.missed += 1;
        }
    }

    /// `true` if it is of another connection.
    fn follow(&mut self, tcp: &Tcp, before: TcpFlags) -> bool {
        let takes = |flag| i64::from(tcp.flags.contains(flag));
        let from = number(tcp.sequence);
        let to = from + i64::from(tcp.data_octets) + takes(TcpFlags::SYN) + takes(TcpFlags::FIN);
        let Some(next) = self.next else {
            (self.next, self.skipped) = (Some(to), BTreeMap::new());
            return false;
        };
        if tcp.flags.contains(TcpFlags::SYN) {
            if !(0..=65_535).contains(&(next - to)) {
                return true;
            }
            if before.contains(TcpFlags::SYN) {
                self.retransmitted += 1;
            } else {
                self.out_of_order += 1;
            }
            return false;
        }
        self.next = Some(next.max(to));
        for number in next..from {
            self.skipped.insert(number, false);
        }
        let late: Vec<_> = (from..to.min(next)).map(|number| self.skipped.remove(&number)).collect();
        let filled = late.iter().flatten().count();
        self.missed -= u32::try_from(late.iter().flatten().filter(|missed| **missed).count()).unwrap();
        let is_keep_alive = tcp.data_octets == 1 && to == next && from + 1 == next;
        match late.len() {
            0 => {}
            all if all == filled => self.out_of_order += 1,
            _ if is_keep_alive => {}
            _ => self.retransmitted += 1,
        }
        false
    }

    /// Three gaps are remembered.
    fn shorten(&mut self) {
        let begins = |skipped: &BTreeMap<i64, bool>| -> Vec<i64> {
            skipped.keys().copied().filter(|number| !skipped.contains_key(&(number - 1))).collect()
        };
        while let [_, second, _, _, ..] = begins(&self.skipped)[..] {
            let rest = self.skipped.split_off(&second);
            self.missed += u32::try_from(self.skipped.values().filter(|missed| !**missed).count()).unwrap();
            self.skipped = rest;
        }
    }
}

/// As far from where the numbers of tests begin, so that they do not begin anew.
fn number(sequence: u32) -> i64 {
    sequence.wrapping_sub(FIRST).cast_signed().into()
}

/// Close to where sequence numbers begin anew.
pub(crate) const FIRST: u32 = u32::MAX - 20;
