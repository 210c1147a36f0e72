/// A count that stays at its largest value.
pub trait Count: Copy + Default + Eq + From<u8> + Into<u64> {
    /// The sum.
    #[must_use]
    fn plus(self, other: Self) -> Self;

    /// The difference, at least zero.
    #[must_use]
    fn minus(self, other: Self) -> Self;
}

/// Enough for a second: no network card hands over so many packets.
impl Count for u32 {
    #[inline]
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// Enough for any time.
impl Count for u64 {
    #[inline]
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// What became of opened handshakes by the time that their second was handed over. Each has one fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fates<N> {
    /// One side went on after the handshake.
    pub completed: N,
    /// The server sent RST.
    pub refused: N,
    /// The client, or the host that was made to look like one, sent RST.
    pub aborted: N,
    /// The client repeated its SYN after a pause, as a TCP does that waits for an answer, and got no further.
    pub retried: N,
    /// The server answered with SYN-ACK, and the client said no more.
    pub half_open: N,
    /// Nothing came back, and nothing more was sent.
    pub silent: N,
}

/// The fate of one handshake.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Fate {
    #[default]
    Silent,
    HalfOpen,
    Retried,
    Aborted,
    Refused,
    Completed,
}

impl<N: Count> Fates<N> {
    /// All handshakes.
    pub fn opened(&self) -> u64 {
        let all = [self.refused, self.aborted, self.retried, self.half_open, self.silent];
        all.into_iter().fold(self.completed.into(), |sum: u64, count| sum.plus(count.into()))
    }

    /// Counts a handshake.
    pub(super) fn enter(&mut self, fate: Fate) {
        let count = self.of(fate);
        *count = count.plus(1.into());
    }

    /// Counts a handshake differently than before.
    pub(super) fn change(&mut self, from: Fate, to: Fate) {
        let count = self.of(from);
        *count = count.minus(1.into());
        self.enter(to);
    }

    pub(super) fn add<M: Copy + Into<N>>(&mut self, other: &Fates<M>) {
        *self = self.with(other, N::plus);
    }

    /// Takes out what was added.
    pub(super) fn subtract<M: Copy + Into<N>>(&mut self, other: &Fates<M>) {
        *self = self.with(other, N::minus);
    }

    fn with<M: Copy + Into<N>>(&self, other: &Fates<M>, of_both: impl Fn(N, N) -> N) -> Self {
        Self {
            completed: of_both(self.completed, other.completed.into()),
            refused: of_both(self.refused, other.refused.into()),
            aborted: of_both(self.aborted, other.aborted.into()),
            retried: of_both(self.retried, other.retried.into()),
            half_open: of_both(self.half_open, other.half_open.into()),
            silent: of_both(self.silent, other.silent.into()),
        }
    }

    const fn of(&mut self, fate: Fate) -> &mut N {
        match fate {
            Fate::Completed => &mut self.completed,
            Fate::Refused => &mut self.refused,
            Fate::Aborted => &mut self.aborted,
            Fate::Retried => &mut self.retried,
            Fate::HalfOpen => &mut self.half_open,
            Fate::Silent => &mut self.silent,
        }
    }
}

impl From<Fates<u32>> for Fates<u64> {
    fn from(fates: Fates<u32>) -> Self {
        let mut wide = Self::default();
        wide.add(&fates);
        wide
    }
}

impl Fates<u64> {
    /// Those of a second, in less room.
    pub(super) fn narrow(&self) -> Fates<u32> {
        Fates {
            completed: narrow(self.completed),
            refused: narrow(self.refused),
            aborted: narrow(self.aborted),
            retried: narrow(self.retried),
            half_open: narrow(self.half_open),
            silent: narrow(self.silent),
        }
    }
}

/// A count of a second in less room.
pub(super) fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
