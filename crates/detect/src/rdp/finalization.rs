//! The end of the connection sequence, told by lengths that the standard fixes (MS-RDPBCGR, 1.3.1.1).

use crate::tls::ContentLength;

/// Watches what a server says for the last four PDUs of the connection sequence: Synchronize, Control to cooperate, Control with
/// control granted, and Font Map. After them the client may use the session; before them there is none.
///
/// Nothing between them is optional on the server's side, and none of their fields has a length of its own (MS-RDPBCGR, 2.2.1.19
/// to 2.2.1.22). A server that puts several into one record, or a cipher that hides lengths, is not recognised.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Finalization {
    seen: usize,
}

impl Finalization {
    /// Takes the server's next record.
    pub(super) fn take(&mut self, content: ContentLength) {
        if self.is_done() {
            return;
        }
        let is = |octets: usize| {
            content.at_least == content.at_most
                && (HEADER_OCTETS + octets..=HEADER_OCTETS + octets + 1).contains(&content.at_most)
        };
        self.seen = match PDU_OCTETS.get(self.seen) {
            Some(octets) if is(*octets) => self.seen + 1,
            _ => usize::from(is(SYNCHRONIZE_OCTETS)),
        };
    }

    /// Was the connection sequence gone through?
    pub(super) fn is_done(self) -> bool {
        self.seen == PDU_OCTETS.len()
    }
}

/// TPKT, X.224 data, MCS Send Data Indication with a length of one octet; servers may write two (ITU-T T.125, 7). Under TLS there
/// is no security header (MS-RDPBCGR, 5.4.2).
const HEADER_OCTETS: usize = 4 + 3 + 7;
/// `TS_SHAREDATAHEADER` (MS-RDPBCGR, 2.2.8.1.1.1.2).
const SHARE_DATA_HEADER_OCTETS: usize = 18;
/// A type and a user.
const SYNCHRONIZE_OCTETS: usize = SHARE_DATA_HEADER_OCTETS + 4;
/// Eight octets each: an action with two identifiers, and four numbers.
const CONTROL_OCTETS: usize = SHARE_DATA_HEADER_OCTETS + 8;
const FONT_MAP_OCTETS: usize = SHARE_DATA_HEADER_OCTETS + 8;
const PDU_OCTETS: [usize; 4] = [SYNCHRONIZE_OCTETS, CONTROL_OCTETS, CONTROL_OCTETS, FONT_MAP_OCTETS];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_done(lengths: &[usize]) -> bool {
        let mut finalization = Finalization::default();
        for length in lengths {
            finalization.take(ContentLength { at_least: *length, at_most: *length });
        }
        finalization.is_done()
    }

    #[test]
    fn the_four_pdus_end_it_whichever_way_their_length_is_written() {
        assert!(is_done(&[398, 37, 41, 41, 41]));
        assert!(is_done(&[36, 40, 40, 40, 721]));
        assert!(is_done(&[36, 36, 40, 40, 40]));
    }

    #[test]
    fn less_than_the_four_or_others_between_them_do_not() {
        assert!(!is_done(&[37, 41, 41]));
        assert!(!is_done(&[37, 41, 35, 41, 41]));
        assert!(!is_done(&[15, 15, 15, 15, 15, 15, 35, 398]));
    }

    #[test]
    fn lengths_that_padding_hides_say_nothing() {
        let mut finalization = Finalization::default();
        for at_least in [32, 32, 32, 32, 32] {
            finalization.take(ContentLength { at_least, at_most: at_least + 15 });
        }
        assert!(!finalization.is_done());
    }
}
