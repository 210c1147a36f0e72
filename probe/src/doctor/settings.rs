//! The two parts of what `ethtool -g` and `ethtool -l` say.

/// A number as it is set, and the largest that it can be set to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Setting {
    pub(super) current: u64,
    pub(super) most: u64,
}

/// The setting of a name, such as `RX`; `None` where the interface has none (`n/a`, or 0 at most).
pub(super) fn setting(text: &str, name: &str) -> Option<Setting> {
    let (most, current) = text.split_once(CURRENT)?;
    let number = |part: &str| {
        part.lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| (key.trim() == name).then(|| value.trim().parse().ok())?)
    };
    let setting = Setting { current: number(current)?, most: number(most)? };
    (setting.most > 0).then_some(setting)
}

const CURRENT: &str = "Current hardware settings:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_a_current_and_a_largest_number() {
        let rings = include_str!("samples/igb.rings");
        assert_eq!(setting(rings, "RX"), Some(Setting { current: 256, most: 4_096 }));
        assert_eq!(setting(rings, "RX Mini"), None);
        let channels = include_str!("samples/veth.channels");
        assert_eq!(setting(channels, "RX"), Some(Setting { current: 1, most: 2 }));
        assert_eq!(setting(channels, "Combined"), None);
        assert_eq!(setting("", "RX"), None);
    }
}
