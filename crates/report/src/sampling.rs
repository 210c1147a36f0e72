use std::{fmt, num::NonZeroU32};

/// Which part of the packets was looked at, where not all were.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sampling {
    /// One in this many.
    pub one_in: NonZeroU32,
    /// What these are.
    pub unit: SamplingUnit,
}

/// What is taken or left as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SamplingUnit {
    /// Each packet by itself.
    Packet,
    /// All packets between two addresses.
    Flow,
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            SamplingUnit::Packet => "packet",
            SamplingUnit::Flow => "flow",
        };
        write!(f, "1:{} by {unit}", self.one_in)
    }
}
