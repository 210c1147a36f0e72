use flow::FlowNumber;

/// How much attention each connection gets, by the number of its flow: one octet each.
#[derive(Debug, Default)]
pub(super) struct Attentions {
    by_flow: Vec<Attention>,
}

/// How much attention a connection gets: what becomes of its handshake, and of what it says.
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
    /// Nothing was seen yet.
    pub(super) const NEW: Self = Self(HANDSHAKE);
    /// None any more.
    pub(super) const NONE: Self = Self(IGNORED);

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

impl Attentions {
    /// How many octets it has taken in memory.
    #[cfg(test)]
    pub(super) fn octets(&self) -> usize {
        self.by_flow.capacity() * size_of::<Attention>()
    }

    /// That of a flow; none, if it was never set.
    #[inline]
    pub(super) fn of(&self, flow: FlowNumber) -> Attention {
        self.by_flow.get(flow.index()).copied().unwrap_or(Attention::NONE)
    }

    pub(super) fn set(&mut self, flow: FlowNumber, attention: Attention) {
        let index = flow.index();
        if index >= self.by_flow.len() {
            self.by_flow.resize(index + 1, Attention::NONE);
        }
        if let Some(place) = self.by_flow.get_mut(index) {
            *place = attention;
        }
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
        assert_eq!(attention.with_speech(Speech::Ignored), Attention::NONE);
        assert_eq!(attention.with_speech(Speech::Looked(u8::MAX)).speech(), Speech::Ignored);
    }
}
