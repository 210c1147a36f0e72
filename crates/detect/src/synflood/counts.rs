/// What an observer has seen, and what it had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ObserverCounts {
    /// TCP packets that were shown.
    pub segments: u64,
    /// Handshakes that were given up for newer ones before their end was known.
    pub half_open_evicted: u64,
    /// Handshakes that were counted by prefix, or not even that, since a second had too many targets.
    pub targets_overflow: u64,
    /// Handshakes that were not counted by source, since a second had too many of them.
    pub sources_overflow: u64,
    /// Seconds with more sources or targets than there was room for in samples.
    pub samples_exhausted: u64,
    /// Seconds that nobody took before there were too many of them.
    pub seconds_lost: u64,
}

impl ObserverCounts {
    /// Adds those of another observer.
    pub const fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.half_open_evicted += other.half_open_evicted;
        self.targets_overflow += other.targets_overflow;
        self.sources_overflow += other.sources_overflow;
        self.samples_exhausted += other.samples_exhausted;
        self.seconds_lost += other.seconds_lost;
    }
}
