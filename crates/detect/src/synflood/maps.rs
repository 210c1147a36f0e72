use std::{
    net::IpAddr,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use super::{
    numbered_map::NumberedMap,
    second::{SourceCount, Target, TargetCount},
};

/// What a second is counted in.
#[derive(Debug, Default)]
pub(super) struct Maps {
    /// By what was to be connected to.
    pub(super) targets: NumberedMap<Target, TargetCount>,
    /// By who opened.
    pub(super) sources: NumberedMap<IpAddr, SourceCount<u32>>,
}

/// An observer's maps that are not in use.
///
/// A second goes from a worker to the judge, and its maps come back, to be cleared and filled again. Were they made anew each
/// second, and given back to the allocator by another thread, what lives for long would settle in the gaps that they leave, and memory
/// would grow for minutes.
#[derive(Debug)]
pub(super) struct SpareMaps {
    returned: Receiver<Maps>,
    home: SyncSender<Maps>,
}

/// Where the maps of a second go when nobody needs them any more. Seconds are the same wherever their maps are from.
#[derive(Clone, Debug, Default)]
pub(super) struct Home(Option<SyncSender<Maps>>);

impl SpareMaps {
    /// None.
    pub(super) fn new() -> Self {
        let (home, returned) = sync_channel(MOST_SPARE);
        Self { returned, home }
    }

    /// Empty ones. If there are none to spare, they are made with room for as much as `before` hold.
    pub(super) fn take(&self, before: &Maps) -> Maps {
        match self.returned.try_recv() {
            Ok(mut maps) => {
                maps.targets.clear();
                maps.sources.clear();
                maps
            }
            Err(_) => Maps {
                targets: NumberedMap::with_capacity(before.targets.len()),
                sources: NumberedMap::with_capacity(before.sources.len()),
            },
        }
    }

    /// Where they come back to.
    pub(super) fn home(&self) -> Home {
        Home(Some(self.home.clone()))
    }
}

impl Home {
    /// Sends maps back to their observer, unless that has ended, or has enough.
    pub(super) fn take_back(&self, maps: Maps) {
        if let Some(home) = &self.0 {
            home.try_send(maps).ok();
        }
    }
}

impl PartialEq for Home {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Maps come back one a second. Only after a judge was behind there are more of them.
const MOST_SPARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_empty_and_keep_their_room() {
        let spare = SpareMaps::new();
        let mut maps = spare.take(&Maps::default());
        for address in 0..1_000_u32 {
            maps.sources.number(&IpAddr::V4(address.into()), true).unwrap();
        }
        maps.sources.note_quiet(|_| true);
        let capacity = maps.sources.capacity();
        spare.home().take_back(maps);
        let again = spare.take(&Maps::default());
        assert!(again.sources.is_empty() && again.sources.keys().next().is_none());
        assert!(again.sources.get(&IpAddr::V4(1.into())).is_none());
        assert_eq!((again.sources.capacity(), capacity >= 1_000), (capacity, true));
        assert_eq!(spare.take(&again).sources.capacity(), 0, "there is only one");
    }

    #[test]
    fn what_is_too_much_is_let_go() {
        let spare = SpareMaps::new();
        let mut maps = Maps::default();
        maps.targets.number(&Target::Other, true).unwrap();
        for _ in 0..3 * MOST_SPARE {
            spare.home().take_back(std::mem::take(&mut maps));
        }
        assert_eq!(spare.returned.try_iter().count(), MOST_SPARE);
        Home::default().take_back(maps);
    }
}
