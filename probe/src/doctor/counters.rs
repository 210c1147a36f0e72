use super::Check;

/// What the interface has counted: `/sys/class/net/IFACE/statistics`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counters {
    pub(super) received: u64,
    /// By the kernel, also what is of no protocol that it knows.
    pub(super) dropped: u64,
    /// By the interface, for which memory had no room.
    pub(super) missed: u64,
    /// By the interface, whose own buffer was full.
    pub(super) overrun: u64,
    /// Longer than the interface takes.
    pub(super) too_long: u64,
}

/// Whether it drops, from what it had counted before and after somebody watched.
pub(super) fn judge(interface: &str, before: Counters, after: Counters) -> Check {
    let since = after.since(before);
    if since.too_long > 0 {
        let found = format!("{} frames were too long for the interface while it was watched", since.too_long);
        return Check::bad(NAME, found, format!("ip link set dev {interface} mtu 9000"));
    }
    if since.lost() > 0 {
        let found = format!("{} of {} frames while it was watched ({since})", since.lost(), since.all());
        return Check::bad(NAME, found, format!("ethtool -S {interface} | grep -iE 'drop|miss|fifo|no_buf'"));
    }
    let found = format!("none while it was watched, {} of {} since it is there", after.lost(), after.all());
    if after.lost().saturating_mul(ONE_IN) > after.all() {
        let found = format!("{found} ({after})");
        return Check::doubtful(NAME, found, format!("ethtool -S {interface}"));
    }
    Check::good(NAME, found)
}

impl Counters {
    /// Saturating: a driver that is loaded anew begins at zero.
    const fn since(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            dropped: self.dropped.saturating_sub(before.dropped),
            missed: self.missed.saturating_sub(before.missed),
            overrun: self.overrun.saturating_sub(before.overrun),
            too_long: self.too_long.saturating_sub(before.too_long),
        }
    }

    const fn lost(self) -> u64 {
        self.dropped.saturating_add(self.missed).saturating_add(self.overrun)
    }

    /// Most drivers do not count what was missed as received.
    const fn all(self) -> u64 {
        self.received.saturating_add(self.lost())
    }
}

impl std::fmt::Display for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dropped, missed, overrun, .. } = self;
        write!(f, "dropped {dropped}, missed {missed}, overrun {overrun}")
    }
}

const NAME: &str = "drops";
/// More than one in so many since it is there is no chance: bursts at start are fewer.
const ONE_IN: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn drops_that_go_on_are_bad_and_old_ones_doubtful_if_many() {
        let before = Counters { received: 1_000_000, dropped: 10, ..Counters::default() };
        assert_eq!(judge("eth0", before, before).verdict, Verdict::Good);
        let missed = Counters { received: 1_100_000, missed: 7, ..before };
        let check = judge("eth0", before, missed);
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.found.starts_with("7 of 100007 frames"), "{check}");
        let many = Counters { dropped: 5_000, ..before };
        assert_eq!(judge("eth0", many, many).verdict, Verdict::Doubtful);
        let long = judge("eth0", before, Counters { too_long: 1, ..before });
        assert!(long.verdict == Verdict::Bad && long.mend.unwrap().contains("mtu"));
    }

    #[test]
    fn counters_that_begin_anew_are_no_drops() {
        let before = Counters { received: 10, missed: 10, ..Counters::default() };
        assert_eq!(judge("eth0", before, Counters::default()).verdict, Verdict::Good);
    }
}
