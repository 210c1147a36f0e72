//! Times in UTC, as files have them. Each flow has several: a formatter would cost more than the rest of its line.

use arrayvec::ArrayString;
use jiff::{SignedDuration, Timestamp as Instant, tz::Offset};
use serde::{Serialize, Serializer};
use wire::Timestamp;

/// A time as Suricata writes it, to the microsecond: `2026-03-04T08:07:05.123456+0000`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    fn text(self) -> ArrayString<31> {
        let mut text = *b"0000-00-00T00:00:00.000000+0000";
        put_second(&mut text, self.0);
        put(&mut text[20..26], self.0.micros() % 1_000_000);
        ArrayString::from_byte_string(&text).unwrap_or_default()
    }
}

/// A time with nine digits of the second: `2023-11-14T22:13:20.123456789Z` (RFC 3339).
pub(crate) fn rfc3339(timestamp: Timestamp) -> ArrayString<30> {
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    put_second(&mut text, timestamp);
    put(&mut text[20..29], timestamp.nanos() % 1_000_000_000);
    ArrayString::from_byte_string(&text).unwrap_or_default()
}

/// Writes date and time of the day.
fn put_second<const LENGTH: usize>(text: &mut [u8; LENGTH], timestamp: Timestamp) {
    let seconds = i64::try_from(timestamp.seconds()).unwrap_or(i64::MAX);
    // The whole range of `Timestamp`, to the year 2554, is within that of `Instant`.
    let instant = Instant::from_duration(SignedDuration::from_secs(seconds)).unwrap_or(Instant::MAX);
    let civil = Offset::UTC.to_datetime(instant);
    put(&mut text[..4], civil.year().unsigned_abs().into());
    put(&mut text[5..7], civil.month().unsigned_abs().into());
    put(&mut text[8..10], civil.day().unsigned_abs().into());
    put(&mut text[11..13], civil.hour().unsigned_abs().into());
    put(&mut text[14..16], civil.minute().unsigned_abs().into());
    put(&mut text[17..19], civil.second().unsigned_abs().into());
}

/// Writes a number so that it fills its place.
fn put(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_suricata() {
        let text = |timestamp| Moment(timestamp).text().to_string();
        assert_eq!(
            text(Timestamp::from_parts(1_772_611_625, 123_456_999)),
            "2026-03-04T08:07:05.123456+0000"
        );
        assert_eq!(text(Timestamp::ZERO), "1970-01-01T00:00:00.000000+0000");
        assert_eq!(text(Timestamp::MAX), "2554-07-21T23:34:33.709551+0000");
    }

    #[test]
    fn times_are_in_utc_to_the_nanosecond() {
        assert_eq!(&*rfc3339(Timestamp::from_parts(1_700_000_000, 1)), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(&*rfc3339(Timestamp::ZERO), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(&*rfc3339(Timestamp::MAX), "2554-07-21T23:34:33.709551615Z");
    }
}
