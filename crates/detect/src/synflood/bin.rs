use std::net::IpAddr;

use flow::Endpoint;

use super::{
    config::ObserverConfig,
    second::{Maps, Second, Shown, SourceCount, Target, TargetCount},
    spare::Home,
};
use crate::Prefix;

/// A second that is being counted.
///
/// Targets and sources are known by numbers, so that a handshake finds again where it was counted.
#[derive(Debug)]
pub(super) struct Bin {
    pub(super) second: u64,
    pub(super) maps: Maps,
    /// How many of its targets are prefixes.
    prefixes: usize,
    /// The target that was counted last, and its number: in a flood it is the next one, too.
    latest_target: Option<(Endpoint, u32)>,
    pub(super) sources_overflow: u64,
    pub(super) evicted: u64,
    /// What is left for samples of targets, and for those of sources.
    target_room: usize,
    source_room: usize,
}

impl Bin {
    /// A bin that is counted in `maps`, which are empty.
    pub(super) const fn new(second: u64, maps: Maps, config: &ObserverConfig) -> Self {
        Self {
            second,
            maps,
            prefixes: 0,
            latest_target: None,
            sources_overflow: 0,
            evicted: 0,
            target_room: config.sampled_per_second,
            source_room: config.sampled_per_second,
        }
    }

    /// The number of an address and port. What has no place of its own gets that of its prefix.
    ///
    /// Once a bin is full it stays so; a target is therefore found again where it was first counted.
    #[inline]
    pub(super) fn target(&mut self, server: &Endpoint, config: &ObserverConfig) -> u32 {
        match &self.latest_target {
            Some((latest, number)) if latest == server => *number,
            _ => self.other_target(server, config),
        }
    }

    /// The number of a target that is not the latest one.
    fn other_target(&mut self, server: &Endpoint, config: &ObserverConfig) -> u32 {
        let has_room = self.maps.targets.len() - self.prefixes < config.targets_per_second;
        let own = self.maps.targets.number(&Target::Port(server.address, server.port), has_room);
        let number = own.unwrap_or_else(|| self.whole(Prefix::of(server.address), config));
        self.latest_target = Some((*server, number));
        number
    }

    /// The number of what a target is counted by that has no place of its own.
    #[cold]
    fn whole(&mut self, prefix: Prefix, config: &ObserverConfig) -> u32 {
        let (before, has_room) = (self.maps.targets.len(), self.prefixes < config.prefixes_per_second);
        let number = self.maps.targets.number(&Target::Prefix(prefix), has_room);
        let number = number.or_else(|| self.maps.targets.number(&Target::Other, true));
        self.prefixes += self.maps.targets.len() - before;
        number.unwrap_or(NOWHERE)
    }

    /// The number of a source, [`NOWHERE`] if it has no place.
    #[inline]
    pub(super) fn source(&mut self, address: &IpAddr, config: &ObserverConfig) -> u32 {
        let has_room = self.maps.sources.len() < config.sources_per_second;
        self.maps.sources.number(address, has_room).unwrap_or(NOWHERE)
    }

    /// The counts of a target, and the room for its sample.
    pub(super) fn target_at(&mut self, number: u32) -> Option<(&mut TargetCount, &mut usize)> {
        Some((self.maps.targets.at_mut(number)?, &mut self.target_room))
    }

    /// The counts of a source, and the room for its sample.
    pub(super) fn source_at(&mut self, number: u32) -> Option<(&mut SourceCount<u32>, &mut usize)> {
        Some((self.maps.sources.at_mut(number)?, &mut self.source_room))
    }

    /// Was nothing counted?
    pub(super) fn is_empty(&self) -> bool {
        self.maps.targets.is_empty() && self.maps.sources.is_empty()
    }

    /// How many entries it holds, those of samples included.
    pub(super) fn entries(&self) -> usize {
        self.maps.targets.values().map(|count| count.sources.len().max(1)).sum::<usize>()
            + self.maps.sources.values().map(|count| count.targets.len().max(1)).sum::<usize>()
    }

    /// Handshakes that were counted by less than their target.
    pub(super) fn targets_overflow(&self) -> u64 {
        if self.prefixes == 0 {
            return 0;
        }
        let overflow = self.maps.targets.iter().filter(|(target, _)| !matches!(target, Target::Port(..)));
        overflow.map(|(_, count)| count.fates.opened()).sum()
    }

    /// What was counted. Its maps will go `home`.
    pub(super) fn finish(self, premature: bool, home: Home<Maps>) -> Second {
        let Maps { mut targets, mut sources } = self.maps;
        // Here all of it is still in the cache. A judge on another processor fetches what is not quiet, or what it watches.
        let mut shown = Shown::default();
        targets.note_quiet(|count| {
            shown.add_target(count);
            count.is_quiet()
        });
        sources.note_quiet(|count| !count.has_failures());
        Second {
            shown,
            second: self.second,
            targets,
            sources,
            sources_overflow: self.sources_overflow,
            evicted: self.evicted,
            premature,
            is_sample_exhausted: self.target_room == 0 || self.source_room == 0,
            home,
        }
    }
}

/// The number of no place.
pub(super) const NOWHERE: u32 = u32::MAX;
