use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What was given away, has come back, and is there to be used again.
///
/// Seconds go from a worker to the judge, and what they were counted in comes back. Were it made anew for each second, and given back to
/// the allocator by another thread, what lives for long would settle in the gaps that it leaves, and memory would grow for minutes.
#[derive(Debug)]
pub(super) struct Spare<T> {
    returned: Receiver<T>,
    home: SyncSender<T>,
}

/// Where something goes when nobody needs it any more. Things are the same wherever they are from.
#[derive(Debug)]
pub(super) struct Home<T>(Option<SyncSender<T>>);

impl<T> Spare<T> {
    /// Nothing.
    pub(super) fn new() -> Self {
        let (home, returned) = sync_channel(MOST_SPARE);
        Self { returned, home }
    }

    /// Something as it came back, if there is any.
    pub(super) fn take(&self) -> Option<T> {
        self.returned.try_recv().ok()
    }

    /// Where things come back to.
    pub(super) fn home(&self) -> Home<T> {
        Home(Some(self.home.clone()))
    }
}

impl<T> Home<T> {
    /// Takes something back, unless whoever gave it away has ended, or has enough.
    pub(super) fn take_back(&self, thing: T) {
        if let Some(home) = &self.0 {
            home.try_send(thing).ok();
        }
    }
}

impl<T> Default for Home<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> PartialEq for Home<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Things come back one a second. Only after a judge was behind there are more of them.
const MOST_SPARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_there_once_and_too_much_is_let_go() {
        let spare = Spare::new();
        assert_eq!(spare.take(), None);
        for number in 0..3 * MOST_SPARE {
            spare.home().take_back(number);
        }
        assert_eq!(std::iter::from_fn(|| spare.take()).collect::<Vec<_>>(), [0, 1, 2, 3]);
        let home = spare.home();
        drop(spare);
        home.take_back(9);
        Home::default().take_back(9);
    }
}
