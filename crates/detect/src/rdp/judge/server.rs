use std::net::IpAddr;

use wire::Timestamp;

use crate::bounded_map::BoundedMap;

/// What many sources did at one server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    sources: BoundedMap<IpAddr, AtServer>,
}

/// What one source did there, while it was never silent for a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtServer {
    pub(super) first: Timestamp,
    /// Failures, with logon screens in part.
    pub(super) weight: f64,
    /// Somebody who belongs here, as far as can be known: their failures do not count.
    pub(super) has_succeeded: bool,
    /// One name, steadily: see `Tries::is_steady`.
    pub(super) is_steady: bool,
}

/// Sources that never succeeded, in sums.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) weight: f64,
    /// Of the source that failed most.
    pub(super) most: f64,
    pub(super) first: Timestamp,
    /// Those that failed most first.
    pub(super) sources: Vec<IpAddr>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { sources: BoundedMap::new(SOURCES_AT_SERVER) }
    }

    pub(super) fn at(&mut self, source: IpAddr, time: Timestamp) -> &mut AtServer {
        let new = || AtServer { first: time, weight: 0.0, has_succeeded: false, is_steady: false };
        self.sources.entry(source, time, new)
    }

    pub(super) fn forget_before(&mut self, time: Timestamp) {
        self.sources.forget_before(time);
    }

    pub(super) fn failing(&self) -> Failing {
        let mut failing: Vec<(&IpAddr, &AtServer)> = self
            .sources
            .values()
            .filter(|(_, at)| at.weight > 0.0 && !at.has_succeeded && !at.is_steady)
            .collect();
        failing.sort_by(|(a, left), (b, right)| right.weight.total_cmp(&left.weight).then(a.cmp(b)));
        Failing {
            weight: failing.iter().map(|(_, at)| at.weight).sum(),
            most: failing.first().map_or(0.0, |(_, at)| at.weight),
            first: failing.iter().map(|(_, at)| at.first).min().unwrap_or_default(),
            sources: failing.iter().map(|(source, _)| **source).collect(),
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.sources.evicted()
    }
}

/// More than any threshold asks for, with a quarter of them gone.
const SOURCES_AT_SERVER: usize = 128;
