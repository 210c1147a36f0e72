//! Values of options as they are typed: numbers, sizes and times within their bounds.

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use bytesize::ByteSize;
use ipfix_export::REVERSE_ENTERPRISE;
use jiff::SignedDuration;

/// Octets of payload.
pub(crate) fn payload(text: &str) -> Result<u16, String> {
    match u16::from_str(text) {
        Ok(octets) if octets <= MOST_PAYLOAD => Ok(octets),
        _ => Err(format!("a number up to {MOST_PAYLOAD}")),
    }
}

pub(crate) fn workers(text: &str) -> Result<NonZeroU16, String> {
    match NonZeroU16::from_str(text) {
        Ok(number) if number.get() <= MOST_WORKERS => Ok(number),
        _ => Err(format!("a number from 1 to {MOST_WORKERS}")),
    }
}

/// `1:N`.
pub(crate) fn sample(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_prefix("1:").and_then(|number| number.parse().ok());
    number
        .filter(|number: &NonZeroU32| number.get() <= MOST_SAMPLED)
        .ok_or_else(|| format!("write it as 1:N, with N from 1 to {MOST_SAMPLED}"))
}

pub(crate) fn memory(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 512MiB or 2GiB".to_owned())?;
    if size < LEAST_MEMORY { Err(format!("at least {LEAST_MEMORY}")) } else { Ok(size) }
}

pub(crate) fn ring(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 64MiB".to_owned())?;
    let is_possible = (LEAST_MEMORY..=MOST_RING).contains(&size);
    if is_possible { Ok(size) } else { Err(format!("from {LEAST_MEMORY} to {MOST_RING}")) }
}

pub(crate) fn metrics(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write it as 127.0.0.1:9469 or [::1]:9469".to_owned())
}

pub(crate) fn spool_size(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 64MiB or 1GiB".to_owned())?;
    if size < LEAST_MEMORY { Err(format!("at least {LEAST_MEMORY}")) } else { Ok(size) }
}

pub(crate) fn snap_length(text: &str) -> Result<u32, String> {
    number(text, 64..=262_144)
}

pub(crate) fn message_octets(text: &str) -> Result<u16, String> {
    number(text, LEAST_MESSAGE..=u16::MAX)
}

/// Not that of IANA, nor that of reverse elements.
pub(crate) fn pen(text: &str) -> Result<u32, String> {
    number(text, 1..=u32::MAX).and_then(|pen| match pen {
        REVERSE_ENTERPRISE => Err("29305 is for reverse elements (RFC 5103)".to_owned()),
        pen => Ok(pen),
    })
}

fn number<T: Copy + FromStr + PartialOrd + fmt::Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a number from {} to {}", range.start(), range.end())),
    }
}

/// As [`duration`], in whole seconds: export times have no parts of them.
pub(crate) fn refresh(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.subsec_nanos() == 0 { Ok(duration) } else { Err("write it in whole seconds".to_owned()) }
}

/// As [`duration`], up to a week: what is remembered of victims is not kept for longer.
pub(crate) fn incident_window(text: &str) -> Result<Duration, String> {
    let window = duration(text)?;
    if window <= LONGEST_WINDOW { Ok(window) } else { Err("at most 168h, a week".to_owned()) }
}

/// A number of seconds, or a number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let parsed = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
    };
    match parsed {
        Some(duration) if !duration.is_zero() && duration <= LONGEST => Ok(duration),
        Some(_) => Err("more than zero and at most 8760h, a year".to_owned()),
        None => Err("write it as 90, 1.5s or 5m".to_owned()),
    }
}

/// What RFC 7011 section 10.3.3 has an exporter assume of a path that it knows nothing of; every template and record fits.
const LEAST_MESSAGE: u16 = 512;
/// A first packet of each end is mostly longer; what is kept of all flows must have room.
const MOST_PAYLOAD: u16 = 512;
const MOST_WORKERS: u16 = 256;
const MOST_SAMPLED: u32 = 1_000_000;
const LEAST_MEMORY: ByteSize = ByteSize::mib(1);
/// libpcap counts its octets with 31 bits, and gets one less of this.
const MOST_RING: ByteSize = ByteSize::gib(2);
const LONGEST_WINDOW: Duration = Duration::from_hours(7 * 24);
const LONGEST: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("8760h"), Ok(LONGEST));
        for wrong in ["", "0", "-1s", "soon", "1e300", "NaN", "8761h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn templates_are_refreshed_after_whole_seconds() {
        assert_eq!(refresh("2m"), Ok(Duration::from_mins(2)));
        assert!(refresh("999ms").is_err() && refresh("1.5s").is_err());
    }

    #[test]
    fn memory_has_a_least_size() {
        assert_eq!(memory("2GiB"), Ok(ByteSize::gib(2)));
        assert!(memory("10k").is_err() && memory("much").is_err());
    }
}
