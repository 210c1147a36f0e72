//! Where messages begin and end in one direction of a connection: TPKT and fast-path PDUs, then TLS records.

use super::x224::TPKT_VERSION;
use crate::tls::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, LONGEST_RECORD_OCTETS, MAJOR_VERSION,
};

/// Cuts the octets of one direction into units, and keeps the first octets of the one that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Framer {
    grammar: Grammar,
    /// The first octets of the unit, at most `keep` once its length is known.
    head: Vec<u8>,
    unit: Option<Unit>,
    /// Octets of the unit that have come.
    seen: usize,
    keep: usize,
    /// Nothing is known of where the next unit begins.
    is_lost: bool,
    /// Octets that came since.
    unframed: usize,
}

/// What a direction is made of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Grammar {
    /// The first unit is a TPKT (RFC 1006), the next one decides.
    #[default]
    Opening,
    /// TLS records (RFC 8446, 5.1).
    Tls,
    /// Standard RDP security: TPKT, and fast-path PDUs between them (MS-RDPBCGR, 2.2.8.1.2 and 2.2.9.1.2).
    Standard,
}

/// A message, by its outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unit {
    pub(super) kind: UnitKind,
    /// With its header.
    pub(super) octets: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum UnitKind {
    Tpkt,
    FastPath,
    /// A record of this content type.
    Tls(u8),
}

enum Header {
    Incomplete,
    Unit(Unit),
    Unknown,
}

impl Framer {
    /// Takes octets until a unit is complete. `None` once they are used up.
    pub(super) fn next(&mut self, octets: &mut &[u8]) -> Option<Unit> {
        if self.unit.is_none() && self.seen > 0 {
            self.seen = 0;
            self.head.clear();
        }
        while !self.is_lost {
            if let Some(unit) = self.unit {
                self.take_body(unit, octets);
                if self.seen < unit.octets {
                    return None;
                }
                self.unit = None;
                return Some(unit);
            }
            let (first, rest) = octets.split_first()?;
            self.head.push(*first);
            *octets = rest;
            match header(&self.head, self.grammar) {
                Header::Incomplete => {}
                Header::Unit(unit) => {
                    self.enter(unit.kind);
                    (self.unit, self.seen) = (Some(unit), self.head.len());
                }
                Header::Unknown => self.lose(),
            }
        }
        self.unframed = self.unframed.saturating_add(octets.len());
        *octets = &[];
        None
    }

    /// Octets that came since it is not known where units begin, and since the last call.
    pub(super) fn take_unframed(&mut self) -> usize {
        std::mem::take(&mut self.unframed)
    }

    /// The first octets of the unit that [`Self::next`] gave last.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// How much to keep of units from now on. What is kept of the last one may be let go.
    pub(super) fn keep(&mut self, octets: usize) {
        self.keep = octets;
        if self.head.capacity() > octets.max(SMALL_OCTETS) {
            self.head = Vec::new();
        }
    }

    /// What is allocated for octets.
    #[cfg(test)]
    pub(super) fn held_octets(&self) -> usize {
        self.head.capacity()
    }

    pub(super) fn grammar(&self) -> Grammar {
        self.grammar
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// `missing` octets were not captured. They may lie within a unit whose content nobody reads.
    pub(super) fn gap(&mut self, missing: u64) {
        let within = self.unit.filter(|unit| self.head.len() >= self.keep.min(unit.octets));
        match (within, usize::try_from(missing)) {
            (Some(unit), Ok(missing)) if missing > 0 && missing < unit.octets - self.seen => {
                self.seen += missing;
            }
            _ => self.lose(),
        }
    }

    fn take_body(&mut self, unit: Unit, octets: &mut &[u8]) {
        let (body, rest) = octets.split_at_checked(unit.octets - self.seen).unwrap_or((*octets, &[]));
        let room = self.keep.saturating_sub(self.head.len());
        self.head.extend_from_slice(body.get(..room).unwrap_or(body));
        self.seen += body.len();
        *octets = rest;
    }

    /// The second unit tells what the rest of the direction is made of; in TLS nothing is but records.
    fn enter(&mut self, kind: UnitKind) {
        self.grammar = match (kind, self.grammar) {
            (UnitKind::Tls(_), _) => Grammar::Tls,
            (UnitKind::FastPath, _) => Grammar::Standard,
            (UnitKind::Tpkt, grammar) => grammar,
        };
    }

    /// After the connection request and its answer, TPKT go on: this is not TLS.
    pub(super) fn is_standard(&mut self) {
        self.grammar = Grammar::Standard;
    }

    fn lose(&mut self) {
        *self = Self { is_lost: true, grammar: self.grammar, ..Self::default() };
    }
}

fn header(head: &[u8], grammar: Grammar) -> Header {
    match (grammar, head) {
        (Grammar::Opening | Grammar::Standard, [TPKT_VERSION, ..]) => tpkt(head),
        (Grammar::Standard, [first, ..]) if first.trailing_zeros() >= FAST_PATH_ACTION_BITS => {
            fast_path(head)
        }
        (Grammar::Opening | Grammar::Tls, [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, ..]) => {
            tls_record(head, grammar)
        }
        _ => Header::Unknown,
    }
}

fn tpkt(head: &[u8]) -> Header {
    match *head {
        [_, reserved, ..] if reserved != 0 => Header::Unknown,
        [_, _, high, low] => {
            unit(UnitKind::Tpkt, u16::from_be_bytes([high, low]).into(), SHORTEST_TPKT_OCTETS)
        }
        _ => Header::Incomplete,
    }
}

/// A length of one octet, or of two if its highest bit is set (MS-RDPBCGR, 2.2.8.1.2).
fn fast_path(head: &[u8]) -> Header {
    match *head {
        [_, short] if short & 0x80 == 0 => unit(UnitKind::FastPath, short.into(), 2),
        [_, high, low] => {
            unit(UnitKind::FastPath, u16::from_be_bytes([high & 0x7f, low]).into(), LONGEST_FAST_PATH_HEADER)
        }
        _ => Header::Incomplete,
    }
}

fn tls_record(head: &[u8], grammar: Grammar) -> Header {
    match *head {
        // TLS begins with a handshake; an alert may say that there will be none.
        [kind, ..] if grammar == Grammar::Opening && kind != HANDSHAKE && kind != ALERT => Header::Unknown,
        [_, major, ..] if major != MAJOR_VERSION => Header::Unknown,
        [kind, _, _, high, low] => {
            let octets = LONGEST_HEADER_OCTETS + usize::from(u16::from_be_bytes([high, low]));
            if octets > LONGEST_RECORD_OCTETS {
                return Header::Unknown;
            }
            unit(UnitKind::Tls(kind), octets, LONGEST_HEADER_OCTETS)
        }
        _ => Header::Incomplete,
    }
}

fn unit(kind: UnitKind, octets: usize, shortest: usize) -> Header {
    if octets < shortest { Header::Unknown } else { Header::Unit(Unit { kind, octets }) }
}

/// Not worth being let go.
const SMALL_OCTETS: usize = 64;
/// That of a TLS record.
const LONGEST_HEADER_OCTETS: usize = 5;
/// The action of a fast-path PDU is 0 (MS-RDPBCGR, 2.2.8.1.2).
const FAST_PATH_ACTION_BITS: u32 = 2;
const LONGEST_FAST_PATH_HEADER: usize = 3;
/// A header and the shortest TPDU, of data without data (RFC 1006, 6).
const SHORTEST_TPKT_OCTETS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn units(framer: &mut Framer, octets: &[u8], chunk: usize) -> Vec<(UnitKind, usize)> {
        let mut units = Vec::new();
        for mut rest in octets.chunks(chunk) {
            while let Some(unit) = framer.next(&mut rest) {
                units.push((unit.kind, unit.octets));
            }
        }
        units
    }

    const MIXED: [u8; 26] =
        [3, 0, 0, 7, 2, 0xf0, 0x80, 22, 3, 3, 0, 2, 1, 1, 20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 1, 0xff];

    #[test]
    fn chunks_do_not_matter() {
        let expected =
            [(UnitKind::Tpkt, 7), (UnitKind::Tls(22), 7), (UnitKind::Tls(20), 6), (UnitKind::Tls(23), 6)];
        for chunk in 1..=MIXED.len() {
            assert_eq!(units(&mut Framer::default(), &MIXED, chunk), expected, "{chunk}");
        }
    }

    #[test]
    fn fast_path_has_two_lengths() {
        let mut framer = Framer::default();
        framer.is_standard();
        let octets = [0x04, 4, 1, 2, 0xc0, 0x80, 5, 1, 2, 3, 0, 0, 7, 2, 0xf0, 0x80];
        let expected = [(UnitKind::FastPath, 4), (UnitKind::FastPath, 5), (UnitKind::Tpkt, 7)];
        assert_eq!(units(&mut framer, &octets, 3), expected);
    }

    #[test]
    fn a_gap_within_a_unit_is_survived_and_others_are_not() {
        let mut framer = Framer::default();
        let mut rest: &[u8] = &[22, 3, 3, 0, 200, 1, 2];
        assert_eq!(framer.next(&mut rest), None);
        framer.gap(190);
        assert_eq!(units(&mut framer, &[0; 8], 8), [(UnitKind::Tls(22), 205)]);
        framer.gap(1);
        assert!(framer.is_lost());
        assert_eq!(units(&mut framer, &MIXED, 8), []);
    }

    #[test]
    fn what_is_neither_is_lost() {
        for beginning in
            [[0x16, 2, 0, 0, 0], [3, 1, 0, 9, 0], [3, 0, 0, 3, 0], [b'G', b'E', b'T', b' ', b'/']]
        {
            let mut framer = Framer::default();
            assert_eq!(units(&mut framer, &beginning, 5), []);
            assert!(framer.is_lost(), "{beginning:?}");
        }
    }
}
