use std::net::IpAddr;

use ahash::RandomState;
use hashbrown::HashMap;

use super::{
    config::ObserverConfig,
    second::{Second, SourceCount, Target, TargetCount},
};
use crate::Prefix;

/// A second that is being counted.
#[derive(Debug)]
pub(super) struct Bin {
    pub(super) second: u64,
    targets: HashMap<Target, TargetCount, RandomState>,
    /// How many of `targets` are prefixes.
    prefixes: usize,
    sources: HashMap<IpAddr, SourceCount, RandomState>,
    pub(super) sources_overflow: u64,
    pub(super) evicted: u64,
    /// What is left for samples of targets, and for those of sources.
    pub(super) target_room: usize,
    pub(super) source_room: usize,
}

impl Bin {
    pub(super) fn new(second: u64, config: &ObserverConfig) -> Self {
        Self {
            second,
            targets: HashMap::default(),
            prefixes: 0,
            sources: HashMap::default(),
            sources_overflow: 0,
            evicted: 0,
            target_room: config.sampled_per_second,
            source_room: config.sampled_per_second,
        }
    }

    /// The counts of an address and port, and the room for its sample. What has no place of its own gets that of its prefix.
    ///
    /// Once a bin is full it stays so; a target is therefore found again where it was first counted.
    pub(super) fn target(
        &mut self,
        address: IpAddr,
        port: u16,
        config: &ObserverConfig,
    ) -> (&mut TargetCount, &mut usize) {
        let mut target = Target::Port(address, port);
        let is_full = self.targets.len() - self.prefixes >= config.targets_per_second;
        if is_full && !self.targets.contains_key(&target) {
            target = self.whole(Prefix::of(address), config);
        }
        (self.targets.entry(target).or_default(), &mut self.target_room)
    }

    /// What a target is counted by that has no place of its own.
    fn whole(&mut self, prefix: Prefix, config: &ObserverConfig) -> Target {
        let mut target = Target::Prefix(prefix);
        if !self.targets.contains_key(&target) && self.prefixes >= config.prefixes_per_second {
            target = Target::Other;
        }
        self.prefixes += usize::from(!self.targets.contains_key(&target));
        target
    }

    /// The counts of a source, and the room for its sample, if it has a place.
    pub(super) fn source(
        &mut self,
        address: IpAddr,
        config: &ObserverConfig,
    ) -> Option<(&mut SourceCount, &mut usize)> {
        if self.sources.len() >= config.sources_per_second && !self.sources.contains_key(&address) {
            return None;
        }
        Some((self.sources.entry(address).or_default(), &mut self.source_room))
    }

    /// How many entries it holds, those of samples included.
    pub(super) fn entries(&self) -> usize {
        self.targets.values().map(|count| count.sources.len().max(1)).sum::<usize>()
            + self.sources.values().map(|count| count.targets.len().max(1)).sum::<usize>()
    }

    /// What was counted.
    pub(super) fn finish(self, premature: bool) -> Second {
        Second {
            second: self.second,
            targets: self.targets,
            sources: self.sources,
            sources_overflow: self.sources_overflow,
            evicted: self.evicted,
            premature,
            is_sample_exhausted: self.target_room == 0 || self.source_room == 0,
        }
    }
}
