use super::Check;

/// Whether the program may capture: `flowcanary live` gives both capabilities up once the interfaces are open.
pub(super) fn judge(may_capture: bool, may_configure: bool) -> Check {
    match (may_capture, may_configure) {
        (true, true) => Check::good(NAME, "CAP_NET_RAW and CAP_NET_ADMIN are there"),
        (true, false) => Check::doubtful(
            NAME,
            "CAP_NET_ADMIN is missing: an interface cannot be made to take what is not meant for it",
            MEND,
        ),
        (false, _) => Check::bad(NAME, "CAP_NET_RAW is missing: no interface can be opened", MEND),
    }
}

const NAME: &str = "permission";
const MEND: &str = "setcap cap_net_raw,cap_net_admin+ep \"$(command -v flowcanary)\"";

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn without_raw_sockets_nothing_can_be_seen() {
        assert_eq!(judge(true, true).verdict, Verdict::Good);
        assert_eq!(judge(true, false).verdict, Verdict::Doubtful);
        let bad = judge(false, true);
        assert!(bad.verdict == Verdict::Bad && bad.mend.unwrap().starts_with("setcap "));
    }
}
