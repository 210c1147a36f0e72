//! Values of all types: made from a number, written with the writer, read back from octets by RFC 7011 section 6.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipfix_export::{DataType, RecordError, RecordWriter};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Unsigned(u64),
    Signed(i64),
    Wide(Vec<u8>),
    /// Compared by its bits.
    Float(u64),
    Boolean(bool),
    MacAddress([u8; 6]),
    Text(String),
    Octets(Vec<u8>),
    Ipv4Address(Ipv4Addr),
    Ipv6Address(Ipv6Addr),
    /// Since 1970, in the unit of the type.
    Time(u64),
}

impl Value {
    /// A value of this type that fits into `length` octets; each seed makes another.
    pub(crate) fn new(data_type: DataType, length: u16, seed: u64) -> Self {
        let bits = 8 * u32::from(length.min(8));
        match data_type {
            DataType::Unsigned8 | DataType::Unsigned16 | DataType::Unsigned32 | DataType::Unsigned64 => {
                Self::Unsigned(seed >> (64 - bits))
            }
            DataType::Signed8 | DataType::Signed16 | DataType::Signed32 | DataType::Signed64 => {
                Self::Signed(seed.cast_signed() >> (64 - bits))
            }
            DataType::Unsigned256 => {
                let mut octets = seed.to_be_bytes().repeat(4);
                octets[..32 - usize::from(length)].fill(0);
                Self::Wide(octets)
            }
            DataType::Float32 => Self::Float(f64::from(single(seed)).to_bits()),
            DataType::Float64 if length == 4 => Self::Float(f64::from(single(seed)).to_bits()),
            DataType::Float64 => Self::Float(seed),
            DataType::Boolean => Self::Boolean(seed.is_multiple_of(2)),
            DataType::MacAddress => Self::MacAddress(*seed.to_be_bytes().first_chunk().unwrap()),
            DataType::Ipv4Address => Self::Ipv4Address(Ipv4Addr::from_bits(single(seed).to_bits())),
            DataType::Ipv6Address => Self::Ipv6Address(Ipv6Addr::from_bits(u128::from(seed).pow(2))),
            DataType::DateTimeSeconds => Self::Time(seed >> 32),
            DataType::DateTimeMilliseconds => Self::Time(seed),
            DataType::DateTimeMicroseconds => Self::Time(seed % 2_085_978_496_000_000),
            DataType::DateTimeNanoseconds => Self::Time(seed % 2_085_978_496_000_000_000),
            DataType::String => {
                Self::Text("aé\u{1f426}".chars().cycle().take(letters(length, seed)).collect())
            }
            _ => Self::Octets(vec![seed.to_be_bytes()[0]; letters(length, seed)]),
        }
    }

    pub(crate) fn write(
        &self,
        data_type: DataType,
        record: &mut RecordWriter<'_>,
    ) -> Result<(), RecordError> {
        match self {
            Self::Unsigned(value) => match data_type {
                DataType::Unsigned8 => record.u8((*value).try_into().unwrap()),
                DataType::Unsigned16 => record.u16((*value).try_into().unwrap()),
                DataType::Unsigned32 => record.u32((*value).try_into().unwrap()),
                _ => record.u64(*value),
            },
            Self::Signed(value) => match data_type {
                DataType::Signed8 => record.i8((*value).try_into().unwrap()),
                DataType::Signed16 => record.i16((*value).try_into().unwrap()),
                DataType::Signed32 => record.i32((*value).try_into().unwrap()),
                _ => record.i64(*value),
            },
            Self::Wide(octets) => record.u256(*octets.first_chunk().unwrap()),
            #[expect(clippy::cast_possible_truncation, reason = "it was made from single precision")]
            Self::Float(bits) if data_type == DataType::Float32 => record.f32(f64::from_bits(*bits) as f32),
            Self::Float(bits) => record.f64(f64::from_bits(*bits)),
            Self::Boolean(value) => record.boolean(*value),
            Self::MacAddress(octets) => record.mac_address(*octets),
            Self::Text(text) => record.string(text),
            Self::Octets(octets) => record.octets(octets),
            Self::Ipv4Address(address) => record.address((*address).into()),
            Self::Ipv6Address(address) => record.address((*address).into()),
            Self::Time(time) => match data_type {
                DataType::DateTimeSeconds => record.date_time_seconds((*time).try_into().unwrap()),
                DataType::DateTimeMilliseconds => record.date_time_milliseconds(*time),
                // What is below the unit is left out.
                DataType::DateTimeMicroseconds => record.date_time_microseconds(time * 1_000 + time % 1_000),
                _ => record.date_time_nanoseconds(*time),
            },
        }
    }

    pub(crate) fn read(data_type: DataType, octets: &[u8]) -> Self {
        let mut natural = [0; 8];
        if let Some(low) = 8_usize.checked_sub(octets.len()) {
            natural[low..].copy_from_slice(octets);
        }
        let unsigned = u64::from_be_bytes(natural);
        match data_type {
            DataType::Unsigned8 | DataType::Unsigned16 | DataType::Unsigned32 | DataType::Unsigned64 => {
                Self::Unsigned(unsigned)
            }
            DataType::Signed8 | DataType::Signed16 | DataType::Signed32 | DataType::Signed64 => {
                let range = 1_i128 << (8 * octets.len());
                let value = i128::from(unsigned);
                Self::Signed((if value < range / 2 { value } else { value - range }).try_into().unwrap())
            }
            DataType::Unsigned256 => {
                let mut wide = vec![0; 32 - octets.len()];
                wide.extend_from_slice(octets);
                Self::Wide(wide)
            }
            DataType::Float32 | DataType::Float64 if octets.len() == 4 => {
                let single = f32::from_be_bytes(octets.try_into().unwrap());
                Self::Float(f64::from(single).to_bits())
            }
            DataType::Float64 => Self::Float(unsigned),
            DataType::Boolean => {
                assert!(unsigned == 1 || unsigned == 2);
                Self::Boolean(unsigned == 1)
            }
            DataType::MacAddress => Self::MacAddress(octets.try_into().unwrap()),
            DataType::Ipv4Address => Self::Ipv4Address(Ipv4Addr::from_bits(unsigned.try_into().unwrap())),
            DataType::Ipv6Address => Self::Ipv6Address(<[u8; 16]>::try_from(octets).unwrap().into()),
            DataType::DateTimeSeconds | DataType::DateTimeMilliseconds => Self::Time(unsigned),
            DataType::DateTimeMicroseconds => {
                assert_eq!(unsigned & 0x7ff, 0, "unused bits are zero");
                Self::Time(unix_nanoseconds(unsigned) / 1_000)
            }
            DataType::DateTimeNanoseconds => Self::Time(unix_nanoseconds(unsigned)),
            DataType::String => Self::Text(String::from_utf8(octets.to_vec()).unwrap()),
            _ => Self::Octets(octets.to_vec()),
        }
    }
}

/// RFC 7011 sections 6.1.9 and 6.1.10: seconds since 1900, and 2^32 parts of one.
fn unix_nanoseconds(ntp: u64) -> u64 {
    let (seconds, parts) = (ntp >> 32, ntp & 0xffff_ffff);
    (seconds - 2_208_988_800) * 1_000_000_000 + ((parts * 1_000_000_000) >> 32)
}

/// A number, or zero in place of what is none: two of these may differ in bits and be the same.
fn single(seed: u64) -> f32 {
    let single =
        f32::from_bits(seed.to_be_bytes().first_chunk().map(|octets| u32::from_be_bytes(*octets)).unwrap());
    if single.is_nan() { 0.0 } else { single }
}

fn letters(length: u16, seed: u64) -> usize {
    match length {
        // Short ones, and some around the length where the prefix grows.
        65_535 if seed.is_multiple_of(8) => 240 + usize::from(seed.to_be_bytes()[0] % 20),
        65_535 => usize::from(seed.to_be_bytes()[0] % 12),
        fixed => fixed.into(),
    }
}
