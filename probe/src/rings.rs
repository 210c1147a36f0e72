//! Whether there is memory for the rings that the kernel is to fill.

use std::fs;

use bytesize::ByteSize;

use crate::{arguments::LiveArguments, outcome::UsageError};

/// Refuses rings for which there is not enough memory: they would leave none for other programs, and where libpcap cannot get the ring that
/// was asked for, it makes a smaller one and does not say so.
pub(crate) fn check(arguments: &LiveArguments) -> Result<(), UsageError> {
    let (ring, workers) = (arguments.ring, arguments.common.workers.get());
    let interfaces = arguments.interfaces.len();
    let rings = u64::try_from(interfaces).unwrap_or(u64::MAX).saturating_mul(workers.into());
    let wanted = ByteSize(ring.as_u64().saturating_mul(rings));
    // Where the kernel does not say what there is, it is asked for.
    match fs::read_to_string("/proc/meminfo").ok().and_then(|said| available(&said)) {
        Some(available) if wanted > available => Err(UsageError(format!(
            "--ring {ring}: {rings} of them, for {interfaces} interfaces and {workers} workers, are {wanted}, and {available} of memory is available; make it smaller"
        ))),
        _ => Ok(()),
    }
}

/// What programs can get without others being swapped out (proc(5)).
fn available(meminfo: &str) -> Option<ByteSize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(ByteSize::kib(kibibytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_there_is() {
        let said = "MemTotal:       24683952 kB\nMemFree:         7002304 kB\nMemAvailable:   23569408 kB\n";
        assert_eq!(available(said), Some(ByteSize::kib(23_569_408)));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
