use std::fmt;

/// An abstract data type of the information model (RFC 7012 section 3.1; numbers of RFC 5610 section 3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[repr(u8)]
pub enum DataType {
    /// Octets without further meaning.
    OctetArray = 0,
    /// 0 to 2^8 - 1.
    Unsigned8 = 1,
    /// 0 to 2^16 - 1.
    Unsigned16 = 2,
    /// 0 to 2^32 - 1.
    Unsigned32 = 3,
    /// 0 to 2^64 - 1.
    Unsigned64 = 4,
    /// -2^7 to 2^7 - 1.
    Signed8 = 5,
    /// -2^15 to 2^15 - 1.
    Signed16 = 6,
    /// -2^31 to 2^31 - 1.
    Signed32 = 7,
    /// -2^63 to 2^63 - 1.
    Signed64 = 8,
    /// IEEE 754 single precision.
    Float32 = 9,
    /// IEEE 754 double precision.
    Float64 = 10,
    /// True or false: 1 or 2 on the wire.
    Boolean = 11,
    /// An IEEE 802 address.
    MacAddress = 12,
    /// UTF-8 text.
    String = 13,
    /// Seconds since 1970.
    DateTimeSeconds = 14,
    /// Milliseconds since 1970.
    DateTimeMilliseconds = 15,
    /// NTP timestamp (1900, 32.32 bits), exact to the microsecond.
    DateTimeMicroseconds = 16,
    /// NTP timestamp (1900, 32.32 bits), exact to the nanosecond.
    DateTimeNanoseconds = 17,
    /// An IPv4 address.
    Ipv4Address = 18,
    /// An IPv6 address.
    Ipv6Address = 19,
    /// A list of values of one element (RFC 6313).
    BasicList = 20,
    /// A list of records of one template (RFC 6313).
    SubTemplateList = 21,
    /// A list of records of several templates (RFC 6313).
    SubTemplateMultiList = 22,
    /// 0 to 2^256 - 1.
    Unsigned256 = 23,
}

impl DataType {
    /// Octets of a value that is encoded at full size; [`VARIABLE_LENGTH`] for octet arrays, strings and lists.
    pub const fn natural_length(self) -> u16 {
        match self {
            Self::Unsigned8 | Self::Signed8 | Self::Boolean => 1,
            Self::Unsigned16 | Self::Signed16 => 2,
            Self::Unsigned32 | Self::Signed32 | Self::Float32 | Self::DateTimeSeconds | Self::Ipv4Address => {
                4
            }
            Self::MacAddress => 6,
            Self::Unsigned64
            | Self::Signed64
            | Self::Float64
            | Self::DateTimeMilliseconds
            | Self::DateTimeMicroseconds
            | Self::DateTimeNanoseconds => 8,
            Self::Ipv6Address => 16,
            Self::Unsigned256 => 32,
            Self::OctetArray
            | Self::String
            | Self::BasicList
            | Self::SubTemplateList
            | Self::SubTemplateMultiList => VARIABLE_LENGTH,
        }
    }

    /// Whether a field of this type may have this length: the natural one, a reduced size where RFC 7011 section 6.2
    /// allows it, any but zero for octet arrays, strings and lists.
    pub const fn allows_length(self, length: u16) -> bool {
        if length == 0 {
            return false;
        }
        match self.natural_length() {
            VARIABLE_LENGTH => true,
            natural if self.is_integer() => length <= natural,
            natural => length == natural || (matches!(self, Self::Float64) && length == 4),
        }
    }

    /// Whether values are integers, which may be encoded in fewer octets (RFC 7011 section 6.2).
    pub const fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Unsigned8
                | Self::Unsigned16
                | Self::Unsigned32
                | Self::Unsigned64
                | Self::Unsigned256
                | Self::Signed8
                | Self::Signed16
                | Self::Signed32
                | Self::Signed64
        )
    }

    /// The name in the registry of IANA, such as `unsigned64`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OctetArray => "octetArray",
            Self::Unsigned8 => "unsigned8",
            Self::Unsigned16 => "unsigned16",
            Self::Unsigned32 => "unsigned32",
            Self::Unsigned64 => "unsigned64",
            Self::Signed8 => "signed8",
            Self::Signed16 => "signed16",
            Self::Signed32 => "signed32",
            Self::Signed64 => "signed64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Boolean => "boolean",
            Self::MacAddress => "macAddress",
            Self::String => "string",
            Self::DateTimeSeconds => "dateTimeSeconds",
            Self::DateTimeMilliseconds => "dateTimeMilliseconds",
            Self::DateTimeMicroseconds => "dateTimeMicroseconds",
            Self::DateTimeNanoseconds => "dateTimeNanoseconds",
            Self::Ipv4Address => "ipv4Address",
            Self::Ipv6Address => "ipv6Address",
            Self::BasicList => "basicList",
            Self::SubTemplateList => "subTemplateList",
            Self::SubTemplateMultiList => "subTemplateMultiList",
            Self::Unsigned256 => "unsigned256",
        }
    }

    /// The number that RFC 5610 type records carry.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The field length that says that every value carries its own length (RFC 7011 section 7).
pub const VARIABLE_LENGTH: u16 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_and_double_floats_may_be_reduced() {
        assert!(DataType::Unsigned64.allows_length(3));
        assert!(DataType::Signed32.allows_length(1));
        assert!(DataType::Float64.allows_length(4));
        assert!(!DataType::Float64.allows_length(5));
        assert!(!DataType::Unsigned16.allows_length(3));
        assert!(!DataType::DateTimeMilliseconds.allows_length(4));
        assert!(!DataType::Ipv6Address.allows_length(4));
        assert!(!DataType::MacAddress.allows_length(VARIABLE_LENGTH));
        assert!(DataType::String.allows_length(VARIABLE_LENGTH));
        assert!(DataType::OctetArray.allows_length(3));
        assert!(!DataType::OctetArray.allows_length(0));
    }
}
