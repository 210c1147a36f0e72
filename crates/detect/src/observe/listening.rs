/// How far the application of a flow is known. It is the second mark of the flow, which has three bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Listening(u8);

impl Listening {
    /// It has no application that is known, or was given up.
    pub(super) const OVER: Self = Self(0);
    /// No packet was looked at.
    pub(super) const NEW: Self = Self(1);
    /// It is listened to.
    pub(super) const FOLLOWED: Self = Self(LOOKS + 1);
    /// Something is known, and more will not be.
    pub(super) const KNOWN: Self = Self(LOOKS + 2);

    /// That of a flow with this mark.
    #[inline]
    pub(super) const fn of(mark: u8) -> Self {
        Self(mark)
    }

    /// How it is noted.
    #[inline]
    pub(super) const fn mark(self) -> u8 {
        self.0
    }

    /// Whether packets need no look.
    #[inline]
    pub(super) const fn is_over(self) -> bool {
        self.0 == Self::OVER.0 || self.0 == Self::KNOWN.0
    }

    /// Whether something is kept of the flow.
    #[inline]
    pub(super) const fn is_followed(self) -> bool {
        self.0 > LOOKS
    }

    /// One more packet was looked at in vain.
    #[must_use]
    pub(super) const fn looked(self) -> Self {
        if self.0 < LOOKS { Self(self.0 + 1) } else { Self::OVER }
    }
}

/// Packets with octets that are looked at, of both directions. More than one, since they may come out of order, and since some servers
/// greet first. As many as there is room for in a mark: SOCKS5 has four messages before what it carries (RFC 1928).
const LOOKS: u8 = 5;
const _: () = assert!(Listening::KNOWN.0 < 8, "a second mark has three bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_after_some_looks() {
        let mut listening = Listening::NEW;
        for _ in 0..LOOKS {
            assert!(!listening.is_over() && !listening.is_followed());
            listening = listening.looked();
        }
        assert_eq!(listening, Listening::OVER);
        assert!(Listening::KNOWN.is_over() && Listening::KNOWN.is_followed());
        assert!(!Listening::FOLLOWED.is_over() && Listening::FOLLOWED.is_followed());
        assert_eq!(Listening::OVER.mark(), 0);
    }
}
