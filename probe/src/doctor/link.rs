use super::Check;

/// Whether there is a signal; `state` is `operstate` of RFC 2863 as the kernel names it.
pub(super) fn judge_state(interface: &str, state: &str, has_carrier: Option<bool>) -> Check {
    match (state, has_carrier) {
        ("up", _) => Check::good(LINK, "up"),
        // Loopback and tunnels never say more.
        ("unknown", Some(true)) => Check::good(LINK, "up, as far as such an interface says"),
        (_, None) => {
            Check::bad(LINK, format!("{interface} is not up"), format!("ip link set dev {interface} up"))
        }
        (_, Some(false)) => Check::bad(
            LINK,
            format!("{interface} is up and has no signal ({state})"),
            "look at the cable, and at the port of the switch",
        ),
        (state, Some(true)) => Check::doubtful(
            LINK,
            format!("the state of {interface} is \"{state}\""),
            format!("ip -d link show dev {interface}"),
        ),
    }
}

/// Whether a frame as long as the interface takes is kept whole.
pub(super) fn judge_length(mtu: Option<u32>, snap_length: u32) -> Check {
    let Some(mtu) = mtu else {
        return Check::doubtful(LENGTH, "the interface does not say how long its frames are", "ip link");
    };
    let longest = mtu.saturating_add(HEADER_OCTETS);
    let found =
        format!("an MTU of {mtu} makes frames of up to {longest} octets, of which {snap_length} are kept");
    if snap_length >= longest {
        Check::good(LENGTH, found)
    } else if snap_length >= LEAST_OCTETS {
        Check::doubtful(
            LENGTH,
            format!("{found}: detectors miss what is cut off"),
            format!("flowcanary live --snap-length {longest}"),
        )
    } else {
        Check::bad(
            LENGTH,
            format!("{found}: headers may be cut off"),
            format!("flowcanary live --snap-length {longest}"),
        )
    }
}

const LINK: &str = "link";
const LENGTH: &str = "frame length";
/// Ethernet and two VLAN tags.
const HEADER_OCTETS: u32 = 22;
/// Two tags, VXLAN, and an IPv6 and a TCP header with all their usual options.
const LEAST_OCTETS: u32 = 192;

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn an_interface_is_up_or_it_is_said_what_brings_it_up() {
        assert_eq!(judge_state("eth0", "up", Some(true)).verdict, Verdict::Good);
        assert_eq!(judge_state("lo", "unknown", Some(true)).verdict, Verdict::Good);
        let down = judge_state("eth0", "down", None);
        assert_eq!((down.verdict, down.mend.as_deref()), (Verdict::Bad, Some("ip link set dev eth0 up")));
        let unplugged = judge_state("eth0", "down", Some(false));
        assert!(unplugged.verdict == Verdict::Bad && unplugged.mend.unwrap().contains("cable"));
        assert_eq!(judge_state("eth0", "dormant", Some(true)).verdict, Verdict::Doubtful);
    }

    #[test]
    fn frames_are_to_be_kept_whole() {
        assert_eq!(judge_length(Some(1_500), 65_535).verdict, Verdict::Good);
        assert_eq!(judge_length(Some(1_500), 1_522).verdict, Verdict::Good);
        let cut = judge_length(Some(9_000), 1_600);
        assert_eq!(cut.verdict, Verdict::Doubtful);
        assert_eq!(cut.mend.unwrap(), "flowcanary live --snap-length 9022");
        assert_eq!(judge_length(Some(1_500), 96).verdict, Verdict::Bad);
        // Loopback.
        assert_eq!(judge_length(Some(65_536), 65_535).verdict, Verdict::Doubtful);
        assert_eq!(judge_length(None, 65_535).verdict, Verdict::Doubtful);
    }
}
