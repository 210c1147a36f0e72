//! Segments that are lost between the probe and their receiver, and how they are mended.

use std::time::Duration;

use super::{Conversation, KERNEL, SEGMENT_ON_THE_WIRE, Segment, Side, other};
use crate::{
    host::{Endpoint, Path},
    packet::length32,
    recording::Recording,
    segment::Flags,
};

impl<'r> Conversation<'r> {
    /// The client opens a connection at `at`; its first segment is lost behind the probe, and sent again
    /// after a second (RFC 6298, section 2).
    pub fn open_late(
        recording: &'r mut Recording,
        path: Path,
        client: Endpoint,
        server: Endpoint,
        at: Duration,
    ) -> Self {
        let mut conversation = Self::new(recording, path, client, server, at);
        let flags = Flags { synchronize: true, ..Flags::default() };
        let sequence = conversation.client.next_sequence;
        conversation.record(
            Side::Client,
            at,
            Segment { flags, sequence, is_lost: true, ..Segment::default() },
        );
        conversation.shake_hands(at + FIRST_RETRANSMISSION_TIMEOUT);
        conversation
    }

    /// One side writes `data`, and the segment of the number `lost`, counted from 0, is lost behind the probe
    /// and sent again.
    ///
    /// Three acknowledgements of what came before it bring it at once (RFC 5681, section 3.2), else a timer
    /// does (RFC 6298).
    pub fn send_with_loss(&mut self, side: Side, data: &[u8], lost: usize) {
        self.transmit(side, data, Some(lost));
    }

    /// Records a segment that does not arrive.
    pub(super) fn lose(&mut self, side: Side, at: Duration, data: &[u8], push: bool) {
        let sequence = self.peer(side).next_sequence;
        let flags = Flags { acknowledge: true, push, ..Flags::default() };
        self.record(side, at, Segment { flags, sequence, data, is_lost: true, ..Segment::default() });
        self.peer(side).next_sequence = sequence.wrapping_add(length32(data.len()));
        self.gap = Some(Gap { sequence, data: data.to_vec(), push, lost_at: at, duplicates: Vec::new() });
    }

    /// Sends again what was lost, and lets the other side acknowledge all of it.
    pub(super) fn recover(&mut self, side: Side) {
        let Some(gap) = self.gap.take() else { return };
        let at = match gap.duplicates.get(DUPLICATES_THAT_TELL_A_LOSS - 1) {
            Some(&third) => (third + self.round_trip_to(side) + KERNEL).max(self.now + SEGMENT_ON_THE_WIRE),
            None => gap.lost_at + self.path.round_trip() + LEAST_RETRANSMISSION_TIMEOUT,
        };
        let flags = Flags { acknowledge: true, push: gap.push, ..Flags::default() };
        self.record(
            side,
            at,
            Segment { flags, sequence: gap.sequence, data: &gap.data, ..Segment::default() },
        );
        let receiver = other(side);
        self.acknowledge(receiver, at + self.round_trip_to(receiver) + KERNEL);
        self.now = at;
    }
}

/// A segment that was lost between the probe and the receiver.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) sequence: u32,
    pub(super) data: Vec<u8>,
    push: bool,
    lost_at: Duration,
    /// When each duplicate acknowledgement passed the probe.
    pub(super) duplicates: Vec<Duration>,
}

/// RFC 5681, section 3.2.
const DUPLICATES_THAT_TELL_A_LOSS: usize = 3;
/// RFC 6298, section 2.1.
const FIRST_RETRANSMISSION_TIMEOUT: Duration = Duration::from_secs(1);
/// What Linux adds to the round trip at the least.
const LEAST_RETRANSMISSION_TIMEOUT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::{super::tests::segments, *};
    use crate::host::{Host, Stack, TEST_NET_1, ipv4};

    #[test]
    fn a_loss_in_a_burst_is_told_by_duplicates_and_mended_once() {
        let seen = segments(Stack::Windows, |mut conversation| {
            conversation.send_with_loss(Side::Server, &[0; 7300], 1);
            conversation.leave();
        });
        let sent: Vec<_> = seen.iter().filter(|segment| segment.3 > 0).map(|segment| segment.1).collect();
        assert_eq!(sent, [1, 1461, 2921, 4381, 5841, 1461]);
        let acknowledged: Vec<_> =
            seen.iter().skip(3).filter(|s| s.3 == 0).map(|segment| segment.2).collect();
        assert_eq!(acknowledged, [1461, 1461, 1461, 7301]);
    }

    #[test]
    fn a_loss_that_nothing_follows_is_mended_by_the_timer() {
        let seen = segments(Stack::Linux, |mut conversation| {
            conversation.send_with_loss(Side::Client, b"hello", 0);
            conversation.server(b"yes");
            conversation.leave();
        });
        let expected = [("S", 0, 0, 0), ("SA", 0, 1, 0), ("A", 1, 1, 0), ("PA", 1, 1, 5), ("PA", 1, 1, 5)];
        let expected = expected.map(|(flags, sequence, acknowledged, length)| {
            (flags.to_owned(), sequence, acknowledged, length)
        });
        assert_eq!(seen[..5], expected);
        assert_eq!(seen[5..].iter().map(|segment| segment.2).collect::<Vec<_>>(), [6, 6, 4]);
    }

    #[test]
    fn a_lost_beginning_is_repeated_with_the_same_number() {
        let mut recording = Recording::seeded("late");
        let ends = [1, 2].map(|last| Host::here(ipv4(TEST_NET_1, last), Stack::Linux).port(80));
        Conversation::open_late(&mut recording, Path::near(), ends[0], ends[1], Duration::ZERO).leave();
        let frames = recording.into_frames(Duration::MAX);
        let sequence = |number: usize| frames[number].octets[38..42].to_vec();
        assert_eq!((frames.len(), sequence(0)), (4, sequence(1)));
        assert!(frames[1].at > Duration::from_millis(999));
    }
}
