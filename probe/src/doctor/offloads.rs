use super::{Check, machine::Answer};

/// Whether the interface or the kernel makes one long frame of several before they are seen: `ethtool -k`.
pub(super) fn judge(interface: &str, driver: &str, answer: &Answer) -> Check {
    let text = match answer {
        Answer::Said(text) => text,
        Answer::NotInstalled => return Check::doubtful(NAME, "unknown", "install ethtool"),
        Answer::Unsupported => return Check::doubtful(NAME, "the interface does not say", "ip -d link"),
        Answer::Failed(words) => {
            return Check::doubtful(NAME, format!("unknown: {words}"), format!("ethtool -k {interface}"));
        }
    };
    let on = |all: &[Offload]| -> Vec<Offload> {
        all.iter().copied().filter(|offload| is_on(text, offload.feature)).collect()
    };
    let (merging, grouping) = (on(&MERGING), on(&GROUPING));
    let sending = if driver == "veth" { on(&SENDING) } else { Vec::new() };
    if !merging.is_empty() {
        let all = [merging, grouping].concat();
        return Check::bad(
            NAME,
            format!("{} on: packets are merged, and their headers and number are lost", names(&all)),
            command(interface, &all),
        );
    }
    if !grouping.is_empty() {
        return Check::doubtful(
            NAME,
            format!("{} on: several packets are seen as one, so that there are too few", names(&grouping)),
            command(interface, &grouping),
        );
    }
    if !sending.is_empty() {
        return Check::doubtful(
            NAME,
            format!("{} on: the other end of a veth pair sends many packets as one", names(&sending)),
            command("PEER", &sending),
        );
    }
    Check::good(NAME, "none that merges packets")
}

/// A feature of the interface, by the name that `ethtool -k` shows and the one that `ethtool -K` takes.
#[derive(Clone, Copy, Debug)]
struct Offload {
    feature: &'static str,
    short: &'static str,
}

fn is_on(text: &str, feature: &str) -> bool {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, state)| name.trim() == feature && state.split_whitespace().next() == Some("on"))
}

fn names(offloads: &[Offload]) -> String {
    let names: Vec<_> = offloads.iter().map(|offload| offload.feature).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

fn command(interface: &str, offloads: &[Offload]) -> String {
    let switches: Vec<_> = offloads.iter().map(|offload| format!("{} off", offload.short)).collect();
    format!("ethtool -K {interface} {}", switches.join(" "))
}

const fn offload(feature: &'static str, short: &'static str) -> Offload {
    Offload { feature, short }
}

const NAME: &str = "offloads";
/// These forget how packets were cut.
const MERGING: [Offload; 2] = [offload("large-receive-offload", "lro"), offload("rx-gro-hw", "rx-gro-hw")];
/// These could be undone, but are seen before they are.
const GROUPING: [Offload; 3] = [
    offload("generic-receive-offload", "gro"),
    offload("rx-gro-list", "rx-gro-list"),
    offload("rx-udp-gro-forwarding", "rx-udp-gro-forwarding"),
];
/// What one end of a pair does not cut, the other one sees whole.
const SENDING: [Offload; 2] =
    [offload("tcp-segmentation-offload", "tso"), offload("generic-segmentation-offload", "gso")];

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    fn said(text: &str) -> Answer {
        Answer::Said(text.to_owned())
    }

    #[test]
    fn what_merges_packets_is_bad_and_what_groups_them_doubtful() {
        let igb = include_str!("samples/igb.features");
        let check = judge("eth0", "igb", &said(igb));
        assert_eq!(check.verdict, Verdict::Doubtful, "{check}");
        assert_eq!(check.mend.unwrap(), "ethtool -K eth0 gro off");

        let merging = igb.replace("large-receive-offload: off [fixed]", "large-receive-offload: on");
        let check = judge("eth0", "ixgbe", &said(&merging));
        assert_eq!(check.verdict, Verdict::Bad, "{check}");
        assert_eq!(check.mend.unwrap(), "ethtool -K eth0 lro off gro off");

        let none = igb.replace("generic-receive-offload: on", "generic-receive-offload: off");
        assert_eq!(judge("eth0", "igb", &said(&none)).verdict, Verdict::Good);
    }

    #[test]
    fn the_other_end_of_a_veth_pair_sends_long_frames() {
        let veth = said(include_str!("samples/veth.features"));
        let check = judge("va", "veth", &veth);
        assert_eq!(check.verdict, Verdict::Doubtful, "{check}");
        assert_eq!(check.mend.unwrap(), "ethtool -K PEER tso off gso off");
        // What another interface sends does not come in.
        assert_eq!(judge("eth0", "igb", &veth).verdict, Verdict::Good);
    }

    #[test]
    fn without_ethtool_it_is_unknown() {
        let check = judge("eth0", "", &Answer::NotInstalled);
        assert_eq!(check.to_string(), "doubtful  offloads: unknown  install ethtool");
    }
}
