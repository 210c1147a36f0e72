use std::{
    mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{DataType, RecordError, VARIABLE_LENGTH, field_layout::FieldLayout};

/// Writes the values of one record, in the order of its template.
///
/// Every method checks that the template's next field has the type of the value and that the value fits into the
/// field's length; nothing is cut. A value that is refused leaves the record as it was, and a record that lacks values
/// at the end is not exported.
///
/// A method per type keeps the check to one comparison: each field is known by a number made of its type and length,
/// and a value at its natural length either meets exactly that number or takes the slower way.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    /// The fields still to be written.
    layout: &'a [FieldLayout],
    /// The octets still to be filled.
    free: &'a mut [u8],
}

impl<'a> RecordWriter<'a> {
    /// Writes an `unsigned8`.
    ///
    /// # Errors
    ///
    /// The next field is of another type, there is none, or the message cannot hold the record.
    #[inline]
    pub fn u8(&mut self, value: u8) -> Result<(), RecordError> {
        self.integer(DataType::Unsigned8, value.to_be_bytes(), value.into())
    }

    /// Writes an `unsigned16`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8), and if a field of reduced size is too small for the value.
    #[inline]
    pub fn u16(&mut self, value: u16) -> Result<(), RecordError> {
        self.integer(DataType::Unsigned16, value.to_be_bytes(), value.into())
    }

    /// Writes an `unsigned32`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn u32(&mut self, value: u32) -> Result<(), RecordError> {
        self.integer(DataType::Unsigned32, value.to_be_bytes(), value.into())
    }

    /// Writes an `unsigned64`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn u64(&mut self, value: u64) -> Result<(), RecordError> {
        self.integer(DataType::Unsigned64, value.to_be_bytes(), value)
    }

    /// Writes an `unsigned256` from its big-endian octets, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    pub fn u256(&mut self, value: [u8; 32]) -> Result<(), RecordError> {
        let Some(next) = self.layout.first().filter(|next| next.data_type() == DataType::Unsigned256.code())
        else {
            return Err(mismatch(DataType::Unsigned256, self.layout.len()));
        };
        let length = next.length();
        let (high, low) = value.split_at(value.len().saturating_sub(length.into()));
        if high.iter().any(|octet| *octet != 0) {
            return Err(RecordError::DoesNotFit { data_type: DataType::Unsigned256, length });
        }
        self.copy(&[], low)
    }

    /// Writes a `signed8`.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i8(&mut self, value: i8) -> Result<(), RecordError> {
        self.integer(DataType::Signed8, value.to_be_bytes(), i64::from(value).cast_unsigned())
    }

    /// Writes a `signed16`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn i16(&mut self, value: i16) -> Result<(), RecordError> {
        self.integer(DataType::Signed16, value.to_be_bytes(), i64::from(value).cast_unsigned())
    }

    /// Writes a `signed32`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn i32(&mut self, value: i32) -> Result<(), RecordError> {
        self.integer(DataType::Signed32, value.to_be_bytes(), i64::from(value).cast_unsigned())
    }

    /// Writes a `signed64`, in as many octets as the field has.
    ///
    /// # Errors
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn i64(&mut self, value: i64) -> Result<(), RecordError> {
        self.integer(DataType::Signed64, value.to_be_bytes(), value.cast_unsigned())
    }

    /// Writes a `float32`.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn f32(&mut self, value: f32) -> Result<(), RecordError> {
        self.fixed(DataType::Float32, value.to_be_bytes())
    }

    /// Writes a `float64`; into a field of four octets in single precision (RFC 7011 section 6.2).
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8), and if a finite value is beyond single precision's range. Lost digits are no error.
    #[inline]
    pub fn f64(&mut self, value: f64) -> Result<(), RecordError> {
        if self.next_is(FieldLayout::new(DataType::Float64, 4)) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a field of four octets asks for single precision"
            )]
            let single = value as f32;
            if value.is_finite() && single.is_infinite() {
                return Err(RecordError::DoesNotFit { data_type: DataType::Float64, length: 4 });
            }
            return self.put(single.to_be_bytes());
        }
        self.fixed(DataType::Float64, value.to_be_bytes())
    }

    /// Writes a `boolean`: 1 for true, 2 for false (RFC 7011 section 6.1.5).
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn boolean(&mut self, value: bool) -> Result<(), RecordError> {
        self.fixed(DataType::Boolean, [if value { 1 } else { 2 }])
    }

    /// Writes a `macAddress`.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn mac_address(&mut self, value: [u8; 6]) -> Result<(), RecordError> {
        self.fixed(DataType::MacAddress, value)
    }

    /// Writes an `ipv4Address`.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn ipv4_address(&mut self, value: Ipv4Addr) -> Result<(), RecordError> {
        self.fixed(DataType::Ipv4Address, value.octets())
    }

    /// Writes an `ipv6Address`.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn ipv6_address(&mut self, value: Ipv6Addr) -> Result<(), RecordError> {
        self.fixed(DataType::Ipv6Address, value.octets())
    }

    /// Writes an `ipv4Address` or an `ipv6Address`; the field must be of the address's version.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn address(&mut self, value: IpAddr) -> Result<(), RecordError> {
        match value {
            IpAddr::V4(address) => self.ipv4_address(address),
            IpAddr::V6(address) => self.ipv6_address(address),
        }
    }

    /// Writes a `dateTimeSeconds` from seconds since 1970.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn date_time_seconds(&mut self, unix_seconds: u32) -> Result<(), RecordError> {
        self.fixed(DataType::DateTimeSeconds, unix_seconds.to_be_bytes())
    }

    /// Writes a `dateTimeMilliseconds` from milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn date_time_milliseconds(&mut self, unix_milliseconds: u64) -> Result<(), RecordError> {
        self.fixed(DataType::DateTimeMilliseconds, unix_milliseconds.to_be_bytes())
    }

    /// Writes a `dateTimeMicroseconds` from *nanoseconds* since 1970; what is below a microsecond is left out.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn date_time_microseconds(&mut self, unix_nanoseconds: u64) -> Result<(), RecordError> {
        let microseconds_only = unix_nanoseconds - unix_nanoseconds % 1_000;
        let (seconds, fraction) = ntp(microseconds_only);
        // RFC 7011 section 6.1.9 has the lowest eleven bits zero. Rounding up keeps the microsecond.
        let fraction = (fraction + NTP_MICROSECOND_MASK) & !NTP_MICROSECOND_MASK;
        self.fixed(DataType::DateTimeMicroseconds, (seconds << 32 | fraction).to_be_bytes())
    }

    /// Writes a `dateTimeNanoseconds` from nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn date_time_nanoseconds(&mut self, unix_nanoseconds: u64) -> Result<(), RecordError> {
        let (seconds, fraction) = ntp(unix_nanoseconds);
        self.fixed(DataType::DateTimeNanoseconds, (seconds << 32 | fraction).to_be_bytes())
    }

    /// Writes a `string` in UTF-8, without a terminating zero.
    ///
    /// # Errors
    ///
    /// As [`u8`](Self::u8), and if a field of fixed length has another length than the value, or the value is longer
    /// than 65535 octets.
    #[inline]
    pub fn string(&mut self, value: &str) -> Result<(), RecordError> {
        match self.layout.first() {
            Some(next) if next.data_type() == DataType::String.code() => {
                self.octets_of(*next, value.as_bytes())
            }
            _ => Err(mismatch(DataType::String, self.layout.len())),
        }
    }

    /// Writes an `octetArray`, or a list whose content (RFC 6313) the caller has encoded.
    ///
    /// # Errors
    ///
    /// As [`string`](Self::string).
    #[inline]
    pub fn octets(&mut self, value: &[u8]) -> Result<(), RecordError> {
        const TYPES: [u8; 4] = [
            DataType::OctetArray.code(),
            DataType::BasicList.code(),
            DataType::SubTemplateList.code(),
            DataType::SubTemplateMultiList.code(),
        ];
        match self.layout.first() {
            Some(next) if TYPES.contains(&next.data_type()) => self.octets_of(*next, value),
            _ => Err(mismatch(DataType::OctetArray, self.layout.len())),
        }
    }

    pub(crate) const fn new(layout: &'a [FieldLayout], free: &'a mut [u8]) -> Self {
        Self { layout, free }
    }

    /// Whether every field is written.
    #[inline]
    pub(crate) fn complete(&self) -> Result<(), RecordError> {
        if self.layout.is_empty() {
            return Ok(());
        }
        // A template has bounded the number of fields.
        Err(RecordError::Incomplete { missing: u16::try_from(self.layout.len()).unwrap_or(u16::MAX) })
    }

    /// How many fields are not written yet.
    pub(crate) const fn missing_fields(&self) -> usize {
        self.layout.len()
    }

    /// How many octets the record could still take.
    pub(crate) const fn free_octets(&self) -> usize {
        self.free.len()
    }

    /// Writes `value`, which is `number` in its natural length.
    #[inline]
    fn integer<const N: usize>(
        &mut self,
        data_type: DataType,
        value: [u8; N],
        number: u64,
    ) -> Result<(), RecordError> {
        if self.next_is(FieldLayout::natural(data_type)) {
            return self.put(value);
        }
        // The reduced size that counters usually have is spared the call (bench `biflow_ipv4`).
        if let DataType::Unsigned64 = data_type
            && self.next_is(FieldLayout::new(data_type, 4))
            && let Ok(short) = u32::try_from(number)
        {
            return self.put(short.to_be_bytes());
        }
        let (rest, outcome) = self.take().reduced(data_type, number);
        *self = rest;
        outcome
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, data_type: DataType, value: [u8; N]) -> Result<(), RecordError> {
        if self.next_is(FieldLayout::natural(data_type)) {
            self.put(value)
        } else {
            Err(mismatch(data_type, self.layout.len()))
        }
    }

    #[inline]
    fn next_is(&self, layout: FieldLayout) -> bool {
        self.layout.first() == Some(&layout)
    }

    #[inline]
    fn put<const N: usize>(&mut self, value: [u8; N]) -> Result<(), RecordError> {
        if self.free.len() < N {
            return Err(RecordError::NoRoom);
        }
        if let Some((octets, free)) = mem::take(&mut self.free).split_first_chunk_mut() {
            *octets = value;
            self.free = free;
        }
        self.layout = self.layout.get(1..).unwrap_or_default();
        Ok(())
    }

    /// The writer itself, for what is too long to be inlined.
    ///
    /// A writer that a call could change behind a pointer would have to stay in memory, and every value would load and
    /// store it. One that is handed over and back stays in registers between the calls.
    #[inline]
    fn take(&mut self) -> Self {
        Self { layout: self.layout, free: mem::take(&mut self.free) }
    }

    /// Writes the low octets of an integer, whose sign is extended to 64 bits, into a field that is shorter than its
    /// type.
    #[inline(never)]
    fn reduced(mut self, data_type: DataType, number: u64) -> (Self, Result<(), RecordError>) {
        let Some(next) = self.layout.first().filter(|next| next.data_type() == data_type.code()) else {
            let error = mismatch(data_type, self.layout.len());
            return (self, Err(error));
        };
        let length = next.length();
        let unused_bits = 64_u32.saturating_sub(8 * u32::from(length));
        let high = number.unbounded_shl(unused_bits);
        let restored = if is_signed(data_type) {
            (high.cast_signed() >> unused_bits).cast_unsigned()
        } else {
            high >> unused_bits
        };
        if restored != number {
            return (self, Err(RecordError::DoesNotFit { data_type, length }));
        }
        let outcome = match high.to_be_bytes() {
            [a, b, c, d, ..] if length == 4 => self.put([a, b, c, d]),
            [a, b, ..] if length == 2 => self.put([a, b]),
            [a, ..] if length == 1 => self.put([a]),
            octets => self.copy(&[], octets.get(..length.into()).unwrap_or_default()),
        };
        (self, outcome)
    }

    #[inline]
    fn octets_of(&mut self, next: FieldLayout, value: &[u8]) -> Result<(), RecordError> {
        let Ok(length) = u16::try_from(value.len()) else { return Err(RecordError::TooLong) };
        if next.length() != VARIABLE_LENGTH {
            if next.length() != length {
                return Err(RecordError::WrongLength { given: length, expected: next.length() });
            }
            return self.copy(&[], value);
        }
        // RFC 7011 section 7: one octet of length, or 255 and two.
        match u8::try_from(length) {
            Ok(length) if length < LONG_FORM => self.copy(&[length], value),
            _ => {
                let [high, low] = length.to_be_bytes();
                self.copy(&[LONG_FORM, high, low], value)
            }
        }
    }

    #[inline]
    fn copy(&mut self, prefix: &[u8], value: &[u8]) -> Result<(), RecordError> {
        if self.free.len() < prefix.len() + value.len() {
            return Err(RecordError::NoRoom);
        }
        let (octets, free) = mem::take(&mut self.free).split_at_mut(prefix.len());
        octets.copy_from_slice(prefix);
        let (octets, free) = free.split_at_mut(value.len());
        octets.copy_from_slice(value);
        self.free = free;
        self.layout = self.layout.get(1..).unwrap_or_default();
        Ok(())
    }
}

#[cold]
const fn mismatch(given: DataType, fields_left: usize) -> RecordError {
    if fields_left == 0 { RecordError::NoFieldLeft { given } } else { RecordError::WrongType { given } }
}

/// Seconds and fraction of the NTP timestamp of a time since 1970.
///
/// The seconds wrap in 2036 (RFC 7011 section 6.1.9). The fraction is rounded up: a receiver that converts it back
/// and cuts at the nanosecond finds the same time.
const fn ntp(unix_nanoseconds: u64) -> (u64, u64) {
    let (seconds, nanoseconds) = (unix_nanoseconds / 1_000_000_000, unix_nanoseconds % 1_000_000_000);
    let fraction = (nanoseconds << 32).div_ceil(1_000_000_000);
    ((seconds + NTP_UNIX_EPOCH) & 0xffff_ffff, fraction)
}

const fn is_signed(data_type: DataType) -> bool {
    matches!(data_type, DataType::Signed8 | DataType::Signed16 | DataType::Signed32 | DataType::Signed64)
}

/// Seconds from 1900 to 1970.
const NTP_UNIX_EPOCH: u64 = 2_208_988_800;
/// The bits of a fraction that `dateTimeMicroseconds` does not use (RFC 7011 section 6.1.9).
const NTP_MICROSECOND_MASK: u64 = 0x7ff;
/// The first octet of a length that takes two more (RFC 7011 section 7).
const LONG_FORM: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes into a record of one field and returns its octets.
    fn written(
        data_type: DataType,
        length: u16,
        write: impl FnOnce(&mut RecordWriter<'_>) -> Result<(), RecordError>,
    ) -> Result<Vec<u8>, RecordError> {
        let (layout, mut octets) = ([FieldLayout::new(data_type, length)], vec![0; 70_000]);
        let mut writer = RecordWriter::new(&layout, &mut octets);
        write(&mut writer)?;
        assert_eq!(writer.missing_fields(), 0);
        let end = 70_000 - writer.free_octets();
        octets.truncate(end);
        Ok(octets)
    }

    #[test]
    fn integers_are_reduced_only_if_they_fit() {
        assert_eq!(written(DataType::Unsigned64, 8, |w| w.u64(1)).unwrap(), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(written(DataType::Unsigned64, 3, |w| w.u64(0x01_0203)).unwrap(), [1, 2, 3]);
        let error = RecordError::DoesNotFit { data_type: DataType::Unsigned64, length: 3 };
        assert_eq!(written(DataType::Unsigned64, 3, |w| w.u64(0x0100_0000)), Err(error));
        assert_eq!(written(DataType::Signed32, 1, |w| w.i32(-128)).unwrap(), [0x80]);
        assert_eq!(written(DataType::Signed32, 2, |w| w.i32(-129)).unwrap(), [0xff, 0x7f]);
        for value in [-129, 128, i32::MIN, i32::MAX] {
            assert!(written(DataType::Signed32, 1, |w| w.i32(value)).is_err(), "{value}");
        }
        let mut wide = [0; 32];
        wide[31] = 7;
        assert_eq!(written(DataType::Unsigned256, 2, |w| w.u256(wide)).unwrap(), [0, 7]);
    }

    #[test]
    fn doubles_become_single_only_within_its_range() {
        assert_eq!(written(DataType::Float64, 4, |w| w.f64(0.5)).unwrap(), 0.5_f32.to_be_bytes());
        assert_eq!(written(DataType::Float64, 8, |w| w.f64(0.1)).unwrap(), 0.1_f64.to_be_bytes());
        assert!(written(DataType::Float64, 4, |w| w.f64(1e300)).is_err());
        assert!(written(DataType::Float64, 4, |w| w.f64(f64::INFINITY)).is_ok());
    }

    #[test]
    fn lengths_of_strings_take_one_octet_or_three() {
        let long = "x".repeat(255);
        assert_eq!(written(DataType::String, VARIABLE_LENGTH, |w| w.string("")).unwrap(), [0]);
        assert_eq!(written(DataType::String, VARIABLE_LENGTH, |w| w.string("ab")).unwrap(), [2, b'a', b'b']);
        assert_eq!(written(DataType::String, VARIABLE_LENGTH, |w| w.string(&long[..254])).unwrap()[0], 254);
        assert_eq!(
            written(DataType::String, VARIABLE_LENGTH, |w| w.string(&long)).unwrap()[..3],
            [255, 0, 255]
        );
        let endless = vec![0; 65_536];
        let error = written(DataType::OctetArray, VARIABLE_LENGTH, |w| w.octets(&endless));
        assert_eq!(error, Err(RecordError::TooLong));
    }

    #[test]
    fn octets_of_fixed_length_are_neither_cut_nor_padded() {
        assert_eq!(written(DataType::OctetArray, 3, |w| w.octets(&[1, 2, 3])).unwrap(), [1, 2, 3]);
        let error = RecordError::WrongLength { given: 2, expected: 3 };
        assert_eq!(written(DataType::OctetArray, 3, |w| w.octets(&[1, 2])), Err(error));
        assert!(written(DataType::String, 3, |w| w.string("abcd")).is_err());
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let error = RecordError::WrongType { given: DataType::Unsigned32 };
        assert_eq!(written(DataType::Unsigned64, 8, |w| w.u32(1)), Err(error));
        assert!(written(DataType::Ipv6Address, 16, |w| w.address(Ipv4Addr::LOCALHOST.into())).is_err());
        assert!(written(DataType::OctetArray, VARIABLE_LENGTH, |w| w.string("text")).is_err());
        assert!(written(DataType::DateTimeMilliseconds, 8, |w| w.u64(1)).is_err());
        let error = RecordError::NoFieldLeft { given: DataType::Unsigned8 };
        assert_eq!(
            written(DataType::Unsigned8, 1, |w| {
                w.u8(1)?;
                w.u8(2)
            }),
            Err(error)
        );
    }

    #[test]
    fn booleans_are_one_and_two() {
        assert_eq!(written(DataType::Boolean, 1, |w| w.boolean(true)).unwrap(), [1]);
        assert_eq!(written(DataType::Boolean, 1, |w| w.boolean(false)).unwrap(), [2]);
    }

    #[test]
    fn ntp_times_come_back_to_the_same_unit() {
        for unix in [0, 1, 999_999_999, 1_763_888_400_123_456_789, 2_085_978_495_999_999_999] {
            let octets =
                written(DataType::DateTimeNanoseconds, 8, |w| w.date_time_nanoseconds(unix)).unwrap();
            assert_eq!(unix_nanoseconds(&octets), unix);
            let octets =
                written(DataType::DateTimeMicroseconds, 8, |w| w.date_time_microseconds(unix)).unwrap();
            assert_eq!(unix_nanoseconds(&octets) / 1_000, unix / 1_000);
            assert_eq!(octets[7], 0);
            assert_eq!(octets[6] & 7, 0);
        }
    }

    fn unix_nanoseconds(octets: &[u8]) -> u64 {
        let seconds = u64::from(u32::from_be_bytes(octets[..4].try_into().unwrap())) - NTP_UNIX_EPOCH;
        let fraction = u64::from(u32::from_be_bytes(octets[4..].try_into().unwrap()));
        seconds * 1_000_000_000 + ((fraction * 1_000_000_000) >> 32)
    }
}
