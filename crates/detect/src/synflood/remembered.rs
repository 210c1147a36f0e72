use std::net::IpAddr;

use ahash::RandomState;
use hashbrown::{HashMap, hash_map};

use super::{
    config::JudgeConfig,
    flood::FloodTracker,
    source::{SourceTracker, TRIES_OF_A_SCANNER},
    victim::VictimSecond,
    watched::{Watched, network_hash, source_hash, victim_hash},
};
use crate::{Kind, Prefix, Victim};

/// The victims and sources that a judge remembers: those of which there is something to say, or may be soon.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) victims: HashMap<Victim, FloodTracker, RandomState>,
    pub(super) sources: HashMap<IpAddr, SourceTracker, RandomState>,
    /// `victims` and their networks, and `sources`.
    watched: Watched,
    watched_sources: Watched,
}

/// How many had to make room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Forgotten {
    pub(super) victims: u64,
    pub(super) sources: u64,
}

impl Remembered {
    /// Nobody.
    pub(super) fn new() -> Self {
        Self {
            victims: HashMap::default(),
            sources: HashMap::default(),
            watched: Watched::new(),
            watched_sources: Watched::new(),
        }
    }

    /// The tracker of a victim, who is remembered from now on if `is_new`.
    #[inline]
    pub(super) fn victim(&mut self, victim: Victim, is_new: bool) -> Option<&mut FloodTracker> {
        match self.victims.entry(victim) {
            hash_map::Entry::Occupied(known) => Some(known.into_mut()),
            hash_map::Entry::Vacant(place) if is_new => {
                self.watched.note(victim_hash(victim));
                self.watched.note(network_hash(victim));
                Some(place.insert(FloodTracker::default()))
            }
            hash_map::Entry::Vacant(_) => None,
        }
    }

    /// The tracker of a source, which is remembered from now on if `is_new`.
    #[inline]
    pub(super) fn source(&mut self, source: IpAddr, is_new: bool) -> Option<&mut SourceTracker> {
        match self.sources.entry(source) {
            hash_map::Entry::Occupied(known) => Some(known.into_mut()),
            hash_map::Entry::Vacant(place) if is_new => {
                self.watched_sources.note(source_hash(source));
                Some(place.insert(SourceTracker::default()))
            }
            hash_map::Entry::Vacant(_) => None,
        }
    }

    /// `false` if a victim is not remembered; nearly always `true` only if it is.
    #[inline]
    pub(super) fn may_be_victim(&self, victim: Victim) -> bool {
        self.watched.may_be(victim_hash(victim))
    }

    /// `false` if a source is not remembered; nearly always `true` only if it is.
    #[inline]
    pub(super) fn may_be_source(&self, source: IpAddr) -> bool {
        self.watched_sources.may_be(source_hash(source))
    }

    /// Whether a port or its network is remembered.
    #[inline]
    pub(super) fn is_watched(&self, address: IpAddr, port: u16) -> bool {
        // Where a port or a host is watched, its network is, too, but for what had to make room.
        let (network, victim) = (Victim::Prefix(Prefix::of(address)), Victim::Port(address, port));
        self.watched.may_be(network_hash(network))
            && (self.victims.contains_key(&network)
                || self.may_be_victim(victim) && self.victims.contains_key(&victim))
    }

    /// Do those who open handshakes come back to the same ports again and again?
    pub(super) fn do_come_back(&self, count: &VictimSecond) -> bool {
        let known = count.sources.values().filter_map(|source| self.sources.get(&source.address));
        let (opened, targets) = known.fold((0_u64, 0_u64), |(opened, targets), source| {
            let more = source.count.targets.distinct();
            (opened.saturating_add(source.count.fates.opened()), targets.saturating_add(more))
        });
        targets > 0 && opened >= targets.saturating_mul(TRIES_OF_A_SCANNER)
    }

    /// Does nearly all of it bear the name of somebody who is reflected upon?
    pub(super) fn is_reflected(&self, count: &VictimSecond) -> bool {
        let is_reflected_upon = |address| {
            let alarm = self.sources.get(&address).and_then(|tracker| tracker.alarm);
            alarm.is_some_and(|alarm| alarm.kind == Kind::SynAckReflection)
        };
        let most = count.sources.values().max_by_key(|source| (source.opened, source.address));
        count.sources.len() <= 2 && most.is_some_and(|source| is_reflected_upon(source.address))
    }

    /// Forgets those with the least reason, where there are too many.
    pub(super) fn make_room(&mut self, config: &JudgeConfig) -> Forgotten {
        let mut forgotten = Forgotten::default();
        if self.victims.len() > config.victims {
            let mut weights: Vec<_> = self
                .victims
                .iter()
                .map(|(victim, tracker)| {
                    (tracker.alarm.is_some(), tracker.episode().leading_nowhere, tracker.last_second, *victim)
                })
                .collect();
            keep_least(&mut weights, self.victims.len() - config.victims * 3 / 4);
            forgotten.victims = weights.len() as u64;
            for (.., victim) in weights {
                self.victims.remove(&victim);
            }
            let victims = self.victims.keys().copied();
            self.watched.keep(victims.flat_map(|victim| [victim_hash(victim), network_hash(victim)]));
        }
        if self.sources.len() > config.sources {
            let mut weights: Vec<_> = self
                .sources
                .iter()
                .map(|(source, tracker)| {
                    (tracker.alarm.is_some(), tracker.count.targets.len(), tracker.last_second, *source)
                })
                .collect();
            keep_least(&mut weights, self.sources.len() - config.sources * 3 / 4);
            forgotten.sources = weights.len() as u64;
            for (.., source) in weights {
                self.sources.remove(&source);
            }
            self.watched_sources.keep(self.sources.keys().map(|source| source_hash(*source)));
        }
        forgotten
    }
}

/// Keeps the `count` least of them.
fn keep_least<T: Ord>(weights: &mut Vec<T>, count: usize) {
    if count < weights.len() {
        weights.select_nth_unstable(count);
        weights.truncate(count);
    }
}
