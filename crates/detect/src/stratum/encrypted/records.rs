//! Where TLS records begin and end in the octets of one end (RFC 8446, 5.1).

use crate::tls::{
    APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, LONGEST_RECORD_OCTETS, MAJOR_VERSION,
    RECORD_HEADER_OCTETS,
};

/// Cuts the octets of one end into records. Their content is let go at once, but for that of a
/// hello at the beginning.
#[derive(Clone, Debug)]
pub(super) struct Records {
    header: [u8; RECORD_HEADER_OCTETS],
    /// How much of the header has come.
    header_octets: u8,
    /// How much of the record's content is still to come; `None` in a header.
    rest: Option<u16>,
    /// What was passed over in search of a header; `None` while there is no doubt where records begin.
    searched: Option<u32>,
    /// The first record, if it is of a handshake.
    first: Option<Vec<u8>>,
    is_lost: bool,
}

/// A record, by its outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) content_type: u8,
    /// With its header.
    pub(super) octets: usize,
}

impl Records {
    /// An end whose first record is kept until it is taken.
    pub(super) fn from_the_beginning() -> Self {
        Self { searched: None, ..Self::midstream() }
    }

    /// An end that may have begun before the capture: a record may begin anywhere.
    pub(super) fn midstream() -> Self {
        Self {
            header: [0; RECORD_HEADER_OCTETS],
            header_octets: 0,
            rest: None,
            searched: Some(0),
            first: Some(Vec::new()),
            is_lost: false,
        }
    }

    /// Takes octets until a record is complete. `None` once they are used up.
    pub(super) fn next(&mut self, octets: &mut &[u8]) -> Option<Record> {
        while !self.is_lost {
            if let Some(rest) = self.rest {
                return self.take_content(usize::from(rest), octets);
            }
            self.skip(octets);
            let (octet, after) = octets.split_first()?;
            *octets = after;
            self.take_header_octet(*octet);
        }
        None
    }

    /// In search of a header, passes over what cannot begin one: a search goes through kilobytes.
    fn skip(&mut self, octets: &mut &[u8]) {
        let Some(searched @ 1..) = self.searched.as_mut().filter(|_| self.header_octets == 0) else { return };
        let skipped = memchr::memchr(APPLICATION_DATA, octets).unwrap_or(octets.len());
        *octets = octets.get(skipped..).unwrap_or_default();
        *searched = searched.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
        self.is_lost = *searched > MAX_SEARCHED_OCTETS;
    }

    /// The first record, as much of it as is kept. It is given once.
    pub(super) fn take_first(&mut self) -> Option<Vec<u8>> {
        self.first.take()
    }

    /// `missing` octets were not captured. A record that they lie within goes on; otherwise what follows may begin with a header,
    /// or one is searched for.
    pub(super) fn gap(&mut self, missing: u32) {
        self.first = None;
        match self.rest.map(|rest| u32::from(rest).checked_sub(missing)) {
            Some(Some(rest)) if rest > 0 => self.rest = u16::try_from(rest).ok(),
            _ => {
                self.header_octets = 0;
                self.rest = None;
                self.searched.get_or_insert(0);
            }
        }
    }

    /// This end does not speak TLS.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What is held of octets.
    pub(super) fn held_octets(&self) -> usize {
        self.first.as_ref().map_or(0, Vec::capacity)
    }

    fn take_content(&mut self, rest: usize, octets: &mut &[u8]) -> Option<Record> {
        let (content, after) = octets.split_at_checked(rest).unwrap_or((*octets, &[]));
        self.keep(content);
        *octets = after;
        let rest = rest - content.len();
        if rest > 0 {
            self.rest = u16::try_from(rest).ok();
            return None;
        }
        self.rest = None;
        self.header_octets = 0;
        let [content_type, _, _, high, low] = self.header;
        let octets = RECORD_HEADER_OCTETS + usize::from(u16::from_be_bytes([high, low]));
        Some(Record { content_type, octets })
    }

    fn take_header_octet(&mut self, octet: u8) {
        self.push(octet);
        while !is_plausible(self.known_header(), self.searched.is_some_and(|searched| searched > 0)) {
            let Some(searched) = self.searched.as_mut() else {
                self.is_lost = true;
                return;
            };
            *searched += 1;
            if *searched > MAX_SEARCHED_OCTETS {
                self.is_lost = true;
                return;
            }
            self.first = None;
            self.header.rotate_left(1);
            self.header_octets -= 1;
        }
        if let [_, _, _, high, low] = *self.known_header() {
            let header = self.header;
            if header.first() == Some(&HANDSHAKE) {
                self.keep(&header);
            } else {
                self.first = None;
            }
            self.searched = None;
            self.rest = Some(u16::from_be_bytes([high, low]));
        }
    }

    fn push(&mut self, octet: u8) {
        if let Some(place) = self.header.get_mut(usize::from(self.header_octets)) {
            *place = octet;
            self.header_octets += 1;
        }
    }

    fn known_header(&self) -> &[u8] {
        self.header.get(..usize::from(self.header_octets)).unwrap_or_default()
    }

    fn keep(&mut self, octets: &[u8]) {
        if let Some(first) = &mut self.first {
            let room = FIRST_RECORD_OCTETS.saturating_sub(first.len());
            first.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
    }
}

/// Can a record's header begin so? In a search, only one of application data can: noise has its three first octets once in
/// sixteen million.
pub(super) fn is_plausible(header: &[u8], in_search: bool) -> bool {
    let is_type = |content_type: u8| {
        if in_search {
            content_type == APPLICATION_DATA
        } else {
            (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&content_type)
        }
    };
    // The minor version stands still at 3, or at 1 in the first hello (RFC 8446, 5.1).
    let is_version = |minor: u8| if in_search { minor == 3 } else { minor <= 4 };
    let longest = LONGEST_RECORD_OCTETS - RECORD_HEADER_OCTETS;
    match *header {
        [] => true,
        [content_type] => is_type(content_type),
        [content_type, major] => is_type(content_type) && major == MAJOR_VERSION,
        [content_type, major, minor, ref length @ ..] => {
            let is_length = match *length {
                [high, low, ..] => (1..=longest).contains(&usize::from(u16::from_be_bytes([high, low]))),
                [high] => usize::from(high) << 8 <= longest,
                [] => true,
            };
            is_type(content_type) && major == MAJOR_VERSION && is_version(minor) && is_length
        }
    }
}

/// Of a hello, no more is kept: one with a key that bears quantum computers has 1.7 KiB.
pub(super) const FIRST_RECORD_OCTETS: usize = 4_096;
/// Two records of the longest kind: after so much, there was a header, or there are none.
const MAX_SEARCHED_OCTETS: u32 = 2 * 18_437;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::sample::record;

    fn records(records: &mut Records, octets: &[u8], chunk: usize) -> Vec<(u8, usize)> {
        let mut found = Vec::new();
        for mut rest in octets.chunks(chunk) {
            while let Some(record) = records.next(&mut rest) {
                found.push((record.content_type, record.octets));
            }
        }
        found
    }

    #[test]
    fn chunks_do_not_matter() {
        let octets = [record(22, 300), record(20, 6), record(23, 45), record(23, 1_000)].concat();
        for chunk in [1, 2, 3, 4, 5, 6, 7, 44, 45, 46, 2_000] {
            let found = records(&mut Records::from_the_beginning(), &octets, chunk);
            assert_eq!(found, [(22, 300), (20, 6), (23, 45), (23, 1_000)], "{chunk}");
        }
    }

    #[test]
    fn the_first_record_is_kept_and_bounded() {
        let mut end = Records::from_the_beginning();
        records(&mut end, &record(22, 100), 7);
        assert_eq!(end.take_first(), Some(record(22, 100)));
        let mut end = Records::from_the_beginning();
        records(&mut end, &record(22, 16_000), 700);
        assert_eq!(end.take_first().map(|first| first.len()), Some(FIRST_RECORD_OCTETS));
    }

    #[test]
    fn midstream_finds_the_next_record() {
        let octets = [&[0x17, 3, 3, 0xff, 0x17, 9, 23, 3][..], &record(23, 100), &record(23, 77)].concat();
        for chunk in 1..12 {
            assert_eq!(records(&mut Records::midstream(), &octets, chunk), [(23, 100), (23, 77)], "{chunk}");
        }
    }

    #[test]
    fn what_is_no_tls_is_lost() {
        let mut end = Records::from_the_beginning();
        assert_eq!(records(&mut end, b"GET / HTTP/1.1\r\n", 3), []);
        assert!(end.is_lost());
        let mut end = Records::midstream();
        assert_eq!(records(&mut end, &vec![b'x'; 40_000], 1_000), []);
        assert!(end.is_lost());
    }

    #[test]
    fn gaps_are_bridged_within_a_record_and_across_records() {
        let (first, second) = (record(23, 200), record(23, 90));
        let mut end = Records::from_the_beginning();
        assert_eq!(records(&mut end, &first[..50], 50), []);
        end.gap(100);
        assert_eq!(records(&mut end, &[&first[150..], &second].concat(), 9), [(23, 200), (23, 90)]);
        // The rest of one record and the beginning of another are gone, and all between.
        assert_eq!(records(&mut end, &first[..50], 50), []);
        end.gap(400);
        assert_eq!(records(&mut end, &[&first[150..], &second].concat(), 9), [(23, 90)]);
        // Exactly to a border.
        assert_eq!(records(&mut end, &first[..50], 50), []);
        end.gap(150);
        assert_eq!(records(&mut end, &second, 9), [(23, 90)]);
    }
}
