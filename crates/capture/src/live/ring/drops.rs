use std::{fs, path::PathBuf};

/// What an interface, or its driver, had no room for.
#[derive(Debug)]
pub(super) struct InterfaceDrops {
    files: [PathBuf; 2],
    /// `None` until they could be read once.
    last: Option<u64>,
}

impl InterfaceDrops {
    /// From now on.
    pub(super) fn of(interface: &str) -> Self {
        let file = |name| ["/sys/class/net", interface, "statistics", name].iter().collect();
        let mut drops = Self { files: ["rx_missed_errors", "rx_fifo_errors"].map(file), last: None };
        drops.since_last_look();
        drops
    }

    /// How many frames since the last look. None if it cannot be read, or if a driver has begun anew.
    pub(super) fn since_last_look(&mut self) -> u64 {
        let count = |file: &PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
        let Some(now) = self.files.iter().map(count).sum::<Option<u64>>() else { return 0 };
        self.last.replace(now).map_or(0, |last| now.saturating_sub(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_before_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["missed", "fifo"].map(|name| folder.path().join(name));
        let set = |counts: [&str; 2]| {
            files.iter().zip(counts).for_each(|(file, count)| fs::write(file, count).unwrap());
        };
        let mut drops = InterfaceDrops { files: files.clone(), last: None };
        set(["2\n", "7\n"]);
        assert_eq!(drops.since_last_look(), 0);
        set(["5\n", "7\n"]);
        assert_eq!(drops.since_last_look(), 3);
        assert_eq!(drops.since_last_look(), 0);
        set(["1\n", "0\n"]);
        assert_eq!(drops.since_last_look(), 0);
        set(["not a number", "0\n"]);
        assert_eq!(drops.since_last_look(), 0);
        set(["2\n", "0\n"]);
        assert_eq!(drops.since_last_look(), 1);
    }

    #[test]
    fn an_interface_that_is_not_there_drops_nothing() {
        assert_eq!(InterfaceDrops::of("no such interface").since_last_look(), 0);
    }
}
