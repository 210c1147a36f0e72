use std::fmt;

/// One message while it is being assembled (RFC 7011 section 3).
///
/// A record is written behind what is already there, even if it runs past the maximum: then the message before it is
/// sent, and the record moves to the beginning of the next one. So a record is encoded once, and its size need not be
/// known before.
///
/// A limit below the maximum is what a path carries: a record that alone is larger gets a message of its own, so that none is refused
/// for it.
///
/// HEADER <= end <= maximum; every set before `end` is complete except for the length of the open one.
pub(crate) struct Message {
    buffer: Box<[u8]>,
    end: usize,
    maximum: usize,
    limit: usize,
    open_set: Option<OpenSet>,
}

#[derive(Clone, Copy, Debug)]
struct OpenSet {
    id: u16,
    start: usize,
}

impl Message {
    /// An empty message that never grows beyond `maximum` octets, which must lie within
    /// [`MINIMUM_MESSAGE`] and [`MAXIMUM_MESSAGE`].
    pub(crate) fn new(maximum: u16) -> Self {
        let maximum = usize::from(maximum);
        Self { buffer: vec![0; 2 * maximum].into(), end: HEADER, maximum, limit: maximum, open_set: None }
    }

    /// Keeps messages within so many octets from now on, if their records let it. Only while there is nothing to send.
    pub(crate) fn limit_to(&mut self, octets: u16) {
        self.limit = usize::from(octets).min(self.maximum);
    }

    /// Whether there is nothing to send.
    pub(crate) const fn is_empty(&self) -> bool {
        self.end == HEADER
    }

    /// The largest record that a message can hold.
    pub(crate) const fn largest_record(&self) -> usize {
        self.maximum - HEADER - SET_HEADER
    }

    /// The largest record that a message within the limit can hold.
    pub(crate) const fn largest_within_limit(&self) -> usize {
        self.limit - HEADER - SET_HEADER
    }

    /// Where the last record ends.
    pub(crate) const fn end(&self) -> usize {
        self.end
    }

    /// Where the next record of this set would begin.
    #[inline]
    pub(crate) fn next_record(&self, set_id: u16) -> usize {
        match self.open_set {
            Some(set) if set.id == set_id => self.end,
            _ => self.end + SET_HEADER,
        }
    }

    /// The octets for a record that begins at `start`.
    #[inline]
    pub(crate) fn room(&mut self, start: usize) -> &mut [u8] {
        let largest = self.largest_record();
        let (_, room) = self.buffer.split_at_mut(start);
        room.get_mut(..largest).unwrap_or_default()
    }

    /// Whether a record at `start` ends within this message.
    #[inline]
    pub(crate) const fn holds(&self, start: usize, octets: usize) -> bool {
        let end = start + octets;
        end <= self.limit || self.is_empty() && end <= self.maximum
    }

    /// The octets of a record that begins at `start`, whether or not it ends within this message.
    pub(crate) fn beyond_end(&self, start: usize, octets: usize) -> &[u8] {
        self.buffer.get(start..start + octets).unwrap_or_default()
    }

    /// Makes the octets at `start`, which [`next_record`](Self::next_record) gave, a record of this message.
    #[inline]
    pub(crate) fn accept(&mut self, set_id: u16, start: usize, octets: usize) {
        if start != self.end {
            self.close_set();
            let header = set_id.to_be_bytes();
            self.write(self.end, &header);
            self.open_set = Some(OpenSet { id: set_id, start: self.end });
        }
        self.end = start + octets;
    }

    /// Empties the message, and makes the octets that stand at `start`, beyond its end, its first record.
    pub(crate) fn carry_over(&mut self, set_id: u16, start: usize, octets: usize) {
        self.clear();
        let first = self.next_record(set_id);
        self.buffer.copy_within(start..start + octets, first);
        self.accept(set_id, first, octets);
    }

    /// Ends the open set: the next record begins a new one.
    pub(crate) fn close_set(&mut self) {
        if let Some(set) = self.open_set.take() {
            // The maximum of a message bounds the length of its sets.
            let length = u16::try_from(self.end - set.start).unwrap_or(u16::MAX);
            self.write(set.start + 2, &length.to_be_bytes());
        }
    }

    /// Completes the message and returns its octets.
    pub(crate) fn complete(
        &mut self,
        export_time: u32,
        sequence_number: u32,
        observation_domain: u32,
    ) -> &[u8] {
        self.close_set();
        let length = u16::try_from(self.end).unwrap_or(u16::MAX);
        self.write(0, &VERSION.to_be_bytes());
        self.write(2, &length.to_be_bytes());
        self.write(4, &export_time.to_be_bytes());
        self.write(8, &sequence_number.to_be_bytes());
        self.write(12, &observation_domain.to_be_bytes());
        self.buffer.get(..self.end).unwrap_or_default()
    }

    /// Empties the message.
    pub(crate) fn clear(&mut self) {
        self.end = HEADER;
        self.open_set = None;
    }

    fn write(&mut self, at: usize, octets: &[u8]) {
        if let Some(place) = self.buffer.get_mut(at..at + octets.len()) {
            place.copy_from_slice(octets);
        }
    }
}

impl fmt::Debug for Message {
    /// Leaves the octets out: there may be 130000 of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("end", &self.end)
            .field("open_set", &self.open_set)
            .finish_non_exhaustive()
    }
}

/// The set that holds Template Records (RFC 7011 section 3.3.2).
pub(crate) const TEMPLATE_SET: u16 = 2;
/// The set that holds Options Template Records (RFC 7011 section 3.3.2).
pub(crate) const OPTIONS_TEMPLATE_SET: u16 = 3;
/// The smallest maximum that leaves room for records.
pub const MINIMUM_MESSAGE: u16 = 64;
/// What the length in a message's header can say (RFC 7011 section 3.1).
pub const MAXIMUM_MESSAGE: u16 = 65_535;
/// RFC 7011 section 3.1.
const VERSION: u16 = 10;
pub(crate) const HEADER: usize = 16;
pub(crate) const SET_HEADER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn append(message: &mut Message, set_id: u16, record: &[u8]) {
        let start = message.next_record(set_id);
        message.room(start)[..record.len()].copy_from_slice(record);
        message.accept(set_id, start, record.len());
    }

    #[test]
    fn records_of_one_id_share_a_set() {
        let mut message = Message::new(64);
        append(&mut message, 256, &[1]);
        append(&mut message, 256, &[2]);
        append(&mut message, 257, &[3]);
        assert_eq!(
            message.complete(0x0102_0304, 5, 6),
            [
                0, 10, 0, 27, 1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6, // header
                1, 0, 0, 6, 1, 2, // set 256
                1, 1, 0, 5, 3, // set 257
            ]
        );
    }

    #[test]
    fn a_record_that_runs_over_begins_the_next_message() {
        let mut message = Message::new(64);
        append(&mut message, 256, &[7; 40]);
        let start = message.next_record(256);
        message.room(start)[..30].copy_from_slice(&[9; 30]);
        assert!(!message.holds(start, 30));
        assert_eq!(message.complete(0, 0, 0).len(), 60);
        message.carry_over(256, start, 30);
        let octets = message.complete(0, 0, 0);
        assert_eq!(octets[16..20], [1, 0, 0, 34]);
        assert_eq!(octets[20..], [9; 30]);
    }

    #[test]
    fn a_message_is_full_at_its_maximum_and_not_before() {
        let mut message = Message::new(64);
        append(&mut message, 256, &[0; 4]);
        let start = message.next_record(256);
        assert!(message.holds(start, 40));
        assert!(!message.holds(start, 41));
        message.accept(256, start, 40);
        assert_eq!(message.complete(0, 0, 0).len(), 64);
    }

    #[test]
    fn a_record_beyond_the_limit_has_a_message_to_itself() {
        let mut message = Message::new(64);
        message.limit_to(40);
        let start = message.next_record(256);
        assert!(message.holds(start, 44) && !message.holds(start, 45));
        append(&mut message, 256, &[0; 4]);
        let start = message.next_record(256);
        assert!(message.holds(start, 16) && !message.holds(start, 17));
        message.limit_to(u16::MAX);
        assert!(message.holds(start, 40) && !message.holds(start, 41));
    }

    #[test]
    fn the_largest_record_fills_a_message() {
        let mut message = Message::new(MAXIMUM_MESSAGE);
        append(&mut message, 256, &[0]);
        let start = message.next_record(300);
        assert_eq!(message.room(start).len(), 65_515);
        message.carry_over(300, start, 65_515);
        assert_eq!(message.complete(0, 0, 0)[..4], [0, 10, 0xff, 0xff]);
    }
}
