use crate::{DirectionReason, Side};

/// Who opened a flow, how that is known, and who sent its first packet, in the bits of one octet. Three are left for the second mark, for
/// which there is no octet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bearing(u8);

impl Bearing {
    /// Of a flow whose first packet `first_sender` sent, and that `initiator` opened by the best knowledge so far.
    pub(crate) const fn new(first_sender: Side, initiator: Side, reason: DirectionReason) -> Self {
        let first_sender = if matches!(first_sender, Side::High) { FIRST_SENDER_HIGH } else { 0 };
        Self(first_sender).with_initiator(initiator, reason)
    }

    pub(crate) const fn initiator(self) -> Side {
        if self.0 & INITIATOR_HIGH != 0 { Side::High } else { Side::Low }
    }

    pub(crate) const fn first_sender(self) -> Side {
        if self.0 & FIRST_SENDER_HIGH != 0 { Side::High } else { Side::Low }
    }

    pub(crate) const fn reason(self) -> DirectionReason {
        match self.0 & REASON {
            0 => DirectionReason::FirstSeen,
            1 => DirectionReason::Ports,
            2 => DirectionReason::SynAck,
            _ => DirectionReason::Syn,
        }
    }

    /// Whether the end that did not send the first packet has sent any.
    pub(crate) const fn is_answered(self) -> bool {
        self.0 & ANSWERED != 0
    }

    pub(crate) const fn set_answered(&mut self) {
        self.0 |= ANSWERED;
    }

    /// What a second observer has noted of the flow: three bits.
    #[inline]
    pub(crate) const fn second_mark(self) -> u8 {
        self.0 >> SECOND_MARK_AT
    }

    /// Notes three bits for a second observer.
    #[inline]
    pub(crate) const fn set_second_mark(&mut self, mark: u8) {
        self.0 = self.0 & !SECOND_MARK | mark << SECOND_MARK_AT & SECOND_MARK;
    }

    /// Corrects the initiator, if `reason` is stronger than the one before.
    pub(crate) const fn correct(&mut self, initiator: Side, reason: DirectionReason) {
        if reason as u8 > self.reason() as u8 {
            *self = self.with_initiator(initiator, reason);
        }
    }

    const fn with_initiator(self, initiator: Side, reason: DirectionReason) -> Self {
        let initiator = if matches!(initiator, Side::High) { INITIATOR_HIGH } else { 0 };
        Self(self.0 & (FIRST_SENDER_HIGH | ANSWERED | SECOND_MARK) | initiator | reason as u8)
    }
}

const REASON: u8 = 0b11;
const INITIATOR_HIGH: u8 = 1 << 2;
const FIRST_SENDER_HIGH: u8 = 1 << 3;
const ANSWERED: u8 = 1 << 4;
const SECOND_MARK: u8 = 0b111 << SECOND_MARK_AT;
const SECOND_MARK_AT: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_reason_corrects_and_a_weaker_one_does_not() {
        let mut bearing = Bearing::new(Side::High, Side::High, DirectionReason::FirstSeen);
        bearing.set_answered();
        bearing.set_second_mark(0b1101);
        bearing.correct(Side::Low, DirectionReason::SynAck);
        assert_eq!((bearing.initiator(), bearing.reason()), (Side::Low, DirectionReason::SynAck));
        bearing.correct(Side::High, DirectionReason::SynAck);
        assert_eq!(bearing.initiator(), Side::Low);
        bearing.correct(Side::High, DirectionReason::Syn);
        assert_eq!((bearing.initiator(), bearing.reason()), (Side::High, DirectionReason::Syn));
        assert_eq!((bearing.first_sender(), bearing.is_answered()), (Side::High, true));
        assert_eq!(bearing.second_mark(), 0b101);
    }
}
