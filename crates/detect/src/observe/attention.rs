/// How much attention a connection gets: what becomes of its handshake, and of what it says. It is the mark of its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attention(u8);

/// What becomes of what a connection says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speech {
    /// Segments with octets are looked at; so many were.
    Looked(u8),
    /// Somebody listens to it.
    Listened,
    /// It is of no interest.
    Ignored,
}

impl Attention {
    /// That of a flow with this mark. Flows that nobody has marked get none.
    #[inline]
    pub(super) const fn of(mark: u8) -> Self {
        Self(mark ^ IGNORED)
    }

    /// How it is noted.
    #[inline]
    pub(super) const fn mark(self) -> u8 {
        self.0 ^ IGNORED
    }

    /// Nothing was seen yet.
    pub(super) const NEW: Self = Self(HANDSHAKE);

    /// May its handshake still be open?
    #[inline]
    pub(super) const fn has_handshake(self) -> bool {
        self.0 & HANDSHAKE != 0
    }

    #[must_use]
    pub(super) const fn with_handshake(self, is_open: bool) -> Self {
        Self(if is_open { self.0 | HANDSHAKE } else { self.0 & !HANDSHAKE })
    }

    #[inline]
    pub(super) const fn speech(self) -> Speech {
        match self.0 & !HANDSHAKE {
            IGNORED => Speech::Ignored,
            LISTENED => Speech::Listened,
            looks => Speech::Looked(looks),
        }
    }

    #[must_use]
    pub(super) const fn with_speech(self, speech: Speech) -> Self {
        let octet = match speech {
            Speech::Looked(looks) if looks < LISTENED => looks,
            Speech::Listened => LISTENED,
            Speech::Looked(_) | Speech::Ignored => IGNORED,
        };
        Self(self.0 & HANDSHAKE | octet)
    }
}

const HANDSHAKE: u8 = 0x80;
const IGNORED: u8 = 0x7f;
const LISTENED: u8 = 0x7e;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_and_the_handshake_are_apart() {
        let attention = Attention::NEW.with_speech(Speech::Looked(3));
        assert!(attention.has_handshake() && attention.speech() == Speech::Looked(3));
        let attention = attention.with_handshake(false).with_speech(Speech::Listened);
        assert!(!attention.has_handshake() && attention.speech() == Speech::Listened);
        assert_eq!(attention.with_speech(Speech::Ignored), Attention::of(0));
        assert_eq!((Attention::of(0).mark(), Attention::of(attention.mark())), (0, attention));
        assert_eq!(attention.with_speech(Speech::Looked(u8::MAX)).speech(), Speech::Ignored);
    }
}
