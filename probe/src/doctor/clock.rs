use super::{Check, machine::Answer};

/// Whether the kernel reads its clock quickly, which it does for each frame.
pub(super) fn judge_source(current: &str, available: &str) -> Check {
    match current {
        "" => Check::doubtful(SOURCE, "unknown", "dmesg | grep -i clocksource"),
        "hpet" | "acpi_pm" | "jiffies" => {
            let found = format!("{current}, which is slow or coarse, and is read for each frame");
            let better = available.split_whitespace().find(|source| GOOD.contains(source));
            let mend = better.map_or_else(
                || {
                    "boot with tsc=reliable if the processor's counter is, and see dmesg | grep -i tsc"
                        .to_owned()
                },
                |better| {
                    format!(
                        "echo {better} > /sys/devices/system/clocksource/clocksource0/current_clocksource"
                    )
                },
            );
            Check::bad(SOURCE, found, mend)
        }
        good if GOOD.contains(&good) => Check::good(SOURCE, good),
        other => {
            Check::doubtful(SOURCE, format!("{other}, which is not known"), "dmesg | grep -i clocksource")
        }
    }
}

/// Whether frames bear the time at which they came: `ethtool -T`.
pub(super) fn judge_stamps(answer: &Answer) -> Check {
    match answer {
        Answer::Said(text) if has(text, "software-receive") => {
            let hardware =
                if has(text, "hardware-receive") { "; the interface could give its own" } else { "" };
            Check::good(STAMPS, format!("the kernel's, in nanoseconds{hardware}"))
        }
        Answer::Said(_) => Check::doubtful(
            STAMPS,
            "the driver has none of its own: a frame bears the time at which the kernel came to it",
            "ethtool -T shows them; another driver may have them",
        ),
        Answer::NotInstalled => Check::doubtful(STAMPS, "unknown", "install ethtool"),
        Answer::Unsupported => Check::good(STAMPS, "the kernel's, in nanoseconds"),
        Answer::Failed(words) => Check::doubtful(STAMPS, format!("unknown: {words}"), "ethtool -T"),
    }
}

/// Newer ones of the program call the capability by a name behind the old one, in brackets.
fn has(text: &str, capability: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().next() == Some(capability))
}

const SOURCE: &str = "clock source";
const STAMPS: &str = "time stamps";
/// Counters of processors, and what hypervisors make of them.
const GOOD: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_counter_of_the_processor_is_good_and_a_chip_bad() {
        assert_eq!(judge_source("tsc", "tsc hpet acpi_pm"), Check::good(SOURCE, "tsc"));
        let hpet = judge_source("hpet", "hpet acpi_pm");
        assert!(hpet.verdict == Verdict::Bad && hpet.mend.unwrap().contains("tsc=reliable"));
        let chosen = judge_source("acpi_pm", "tsc acpi_pm").mend.unwrap();
        assert_eq!(chosen, "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource");
        assert_eq!(judge_source("sundial", "sundial").verdict, Verdict::Doubtful);
    }

    #[test]
    fn frames_bear_the_time_of_the_kernel() {
        let igb = judge_stamps(&Answer::Said(include_str!("samples/igb.stamps").to_owned()));
        assert!(igb.verdict == Verdict::Good && igb.found.contains("its own"), "{igb}");
        let veth = judge_stamps(&Answer::Said(include_str!("samples/veth.stamps").to_owned()));
        assert!(veth.verdict == Verdict::Good && !veth.found.contains("its own"), "{veth}");
        let none = judge_stamps(&Answer::Said("Capabilities:\n\tsoftware-system-clock\n".to_owned()));
        assert_eq!(none.verdict, Verdict::Doubtful);
    }
}
