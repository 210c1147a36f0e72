use super::{Check, machine::Answer, settings::setting};

/// Whether the interface has as much room for frames as it can have: `ethtool -g`.
pub(super) fn judge_rings(interface: &str, answer: &Answer) -> Check {
    let text = match answer {
        Answer::Said(text) => text,
        Answer::Unsupported => return Check::good(RINGS, "the interface has none"),
        Answer::NotInstalled => return Check::doubtful(RINGS, "unknown", "install ethtool"),
        Answer::Failed(words) => {
            return Check::doubtful(RINGS, format!("unknown: {words}"), format!("ethtool -g {interface}"));
        }
    };
    let Some(ring) = setting(text, "RX") else {
        return Check::good(RINGS, "the interface has none that could be set");
    };
    let found = format!("{} of at most {} frames", ring.current, ring.most);
    if ring.current >= ring.most {
        Check::good(RINGS, found)
    } else {
        let found = format!("{found}: a burst may overrun it");
        Check::doubtful(RINGS, found, format!("ethtool -G {interface} rx {}", ring.most))
    }
}

/// Whether its work is shared out to processors: `/sys` and `ethtool -l`.
pub(super) fn judge_number(interface: &str, queues: usize, processors: usize, answer: &Answer) -> Check {
    let found = match queues {
        0 => return Check::doubtful(QUEUES, "their number is unknown", "ls /sys/class/net/*/queues"),
        1 => "one".to_owned(),
        queues => queues.to_string(),
    };
    let Answer::Said(text) = answer else { return Check::good(QUEUES, found) };
    let (kind, channels) = match (setting(text, "Combined"), setting(text, "RX")) {
        (Some(combined), _) => ("combined", combined),
        (None, Some(receiving)) => ("rx", receiving),
        (None, None) => return Check::good(QUEUES, found),
    };
    // More than there are processors would take turns on them.
    let useful = channels.most.min(u64::try_from(processors).unwrap_or(u64::MAX));
    if channels.current >= useful {
        return Check::good(
            QUEUES,
            format!("{found}, of at most {}, for {processors} processors", channels.most),
        );
    }
    Check::doubtful(
        QUEUES,
        format!("{found}, so that {processors} processors are not all used; there could be {useful}"),
        format!("ethtool -L {interface} {kind} {useful}"),
    )
}

const RINGS: &str = "receive ring";
const QUEUES: &str = "receive queues";

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    fn said(text: &str) -> Answer {
        Answer::Said(text.to_owned())
    }

    #[test]
    fn a_ring_is_to_be_as_large_as_it_can_be() {
        let igb = include_str!("samples/igb.rings");
        let check = judge_rings("eth0", &said(igb));
        assert_eq!(check.verdict, Verdict::Doubtful);
        assert_eq!(check.mend.unwrap(), "ethtool -G eth0 rx 4096");
        let full = igb.replace("256", "4096");
        assert_eq!(judge_rings("eth0", &said(&full)).verdict, Verdict::Good);
        assert_eq!(judge_rings("va", &Answer::Unsupported).verdict, Verdict::Good);
        assert_eq!(judge_rings("eth0", &Answer::NotInstalled).mend.unwrap(), "install ethtool");
    }

    #[test]
    fn there_are_to_be_as_many_queues_as_processors() {
        let igb = include_str!("samples/igb.channels");
        assert_eq!(judge_number("eth0", 8, 8, &said(igb)).verdict, Verdict::Good);
        assert_eq!(judge_number("eth0", 8, 16, &said(igb)).verdict, Verdict::Good);
        let one =
            igb.replace("Combined:\t8\n", "Combined:\t1\n").replacen("Combined:\t1\n", "Combined:\t8\n", 1);
        let check = judge_number("eth0", 1, 4, &said(&one));
        assert_eq!(check.mend.unwrap(), "ethtool -L eth0 combined 4");
        let check = judge_number("va", 1, 2, &said(include_str!("samples/veth.channels")));
        assert_eq!(check.mend.unwrap(), "ethtool -L va rx 2");
        assert_eq!(judge_number("lo", 1, 2, &Answer::Unsupported), Check::good(QUEUES, "one"));
    }
}
