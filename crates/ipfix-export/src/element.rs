use std::borrow::Cow;

use crate::{DataType, Field};

/// An Information Element: what a field of a record means (RFC 7012).
///
/// The elements that IANA has registered are constants in [`iana`](crate::iana). One's own are made with
/// [`InformationElement::new`] under one's own Private Enterprise Number.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct InformationElement {
    id: u16,
    enterprise: u32,
    name: Cow<'static, str>,
    data_type: DataType,
    semantics: Semantics,
    units: Units,
    range: (u64, u64),
    description: Cow<'static, str>,
}

impl InformationElement {
    /// An element of an enterprise, or with enterprise 0 one of IANA's that [`iana`](crate::iana) does not list.
    ///
    /// RFC 7013 asks for a `lowerCamelCase` name that says what is counted. Numbers from 1001 up are wise: some
    /// collectors tell elements of one record apart by the number alone and confuse low ones with those of IANA.
    ///
    /// # Errors
    ///
    /// A number outside 1 to 32767 (the sixteenth bit says that an enterprise number follows), an empty name, and the
    /// enterprise 29305, whose elements come from [`reverse`](Self::reverse).
    pub fn new(
        enterprise: u32,
        id: u16,
        name: impl Into<Cow<'static, str>>,
        data_type: DataType,
    ) -> Result<Self, ElementError> {
        let name = name.into();
        if name.is_empty() {
            return Err(ElementError::NoName { enterprise, id });
        }
        if id == 0 || id > MAX_ID {
            return Err(ElementError::Id { id, name });
        }
        if enterprise == REVERSE_ENTERPRISE {
            return Err(ElementError::ReverseEnterprise { name });
        }
        let (semantics, units) = (Semantics::Default, Units::None);
        Ok(Self {
            id,
            enterprise,
            name,
            data_type,
            semantics,
            units,
            range: NO_RANGE,
            description: Cow::Borrowed(""),
        })
    }

    /// Says how values behave.
    #[must_use]
    pub fn with_semantics(mut self, semantics: Semantics) -> Self {
        self.semantics = semantics;
        self
    }

    /// Says what is counted.
    #[must_use]
    pub fn with_units(mut self, units: Units) -> Self {
        self.units = units;
        self
    }

    /// Says which values there are, both ends included; type records carry it (RFC 5610 section 3.8). Nothing checks
    /// values against it.
    #[must_use]
    pub const fn with_range(mut self, begin: u64, end: u64) -> Self {
        self.range = (begin, end);
        self
    }

    /// Describes the element to people; type records carry it (RFC 5610).
    #[must_use]
    pub fn with_description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// The same element for the opposite direction of a biflow: the number stays, the enterprise becomes 29305
    /// (RFC 5103 section 6.1).
    ///
    /// In a template the reverse elements should stand *before* their forward twins: nfdump does not know most of
    /// them, takes them for the forward ones, and lets the last one win.
    ///
    /// # Errors
    ///
    /// Elements of an enterprise have no twin: define a second element for the other direction. Identifiers and the
    /// exporter's and collector's own data have no direction (RFC 5103 section 6.1).
    pub fn reverse(&self) -> Result<Self, ElementError> {
        if self.enterprise != IANA_ENTERPRISE || NOT_REVERSIBLE.contains(&self.id) {
            return Err(ElementError::NotReversible { name: self.name.clone() });
        }
        let mut letters = self.name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let name = "reverse".chars().chain(first).chain(letters).collect::<String>();
        Ok(Self { enterprise: REVERSE_ENTERPRISE, name: name.into(), ..self.clone() })
    }

    /// A field of this element at its natural length.
    pub fn field(&self) -> Field {
        Field::new(self.clone())
    }

    /// A field of this element at another length: a reduced size (RFC 7011 section 6.2), or the fixed length of an
    /// octet array or string. [`Template`](crate::Template) refuses lengths that the type does not allow.
    pub fn with_length(&self, length: u16) -> Field {
        Field::with_length(self.clone(), length)
    }

    /// The number, 1 to 32767.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// The Private Enterprise Number; 0 for elements of IANA, 29305 for their reverse twins.
    pub const fn enterprise(&self) -> u32 {
        self.enterprise
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the values.
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// How values behave.
    pub const fn semantics(&self) -> Semantics {
        self.semantics
    }

    /// What is counted.
    pub const fn units(&self) -> Units {
        self.units
    }

    /// The lowest and the highest value; twice 0 if only the type limits them.
    pub const fn range(&self) -> (u64, u64) {
        self.range
    }

    /// The description; empty if none was given.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether a type record (RFC 5610) can describe the element: only an enterprise's own elements need one.
    pub const fn is_enterprise_specific(&self) -> bool {
        self.enterprise != IANA_ENTERPRISE && self.enterprise != REVERSE_ENTERPRISE
    }

    pub(crate) const fn registered(
        id: u16,
        name: &'static str,
        data_type: DataType,
        semantics: Semantics,
        units: Units,
    ) -> Self {
        let (name, description) = (Cow::Borrowed(name), Cow::Borrowed(""));
        Self {
            id,
            enterprise: IANA_ENTERPRISE,
            name,
            data_type,
            semantics,
            units,
            range: NO_RANGE,
            description,
        }
    }
}

/// How the values of an element behave (RFC 7012 section 3.2; numbers of RFC 5610 section 3.6).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Semantics {
    /// Nothing special.
    #[default]
    Default = 0,
    /// A measured value.
    Quantity = 1,
    /// Counts since the beginning of the observation.
    TotalCounter = 2,
    /// Counts since the last record of the same flow.
    DeltaCounter = 3,
    /// Says which, not how many; arithmetic makes no sense.
    Identifier = 4,
    /// A set of bits.
    Flags = 5,
    /// A list (RFC 6313).
    List = 6,
    /// A counter of SNMP (RFC 8038).
    SnmpCounter = 7,
    /// A gauge of SNMP (RFC 8038).
    SnmpGauge = 8,
}

impl Semantics {
    /// The number that RFC 5610 type records carry.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What an element counts (RFC 5610 section 3.7).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[repr(u16)]
pub enum Units {
    /// Nothing, or a unit that the registry has no number for.
    #[default]
    None = 0,
    /// Bits.
    Bits = 1,
    /// Octets.
    Octets = 2,
    /// Packets.
    Packets = 3,
    /// Flows.
    Flows = 4,
    /// Seconds.
    Seconds = 5,
    /// Milliseconds.
    Milliseconds = 6,
    /// Microseconds.
    Microseconds = 7,
    /// Nanoseconds.
    Nanoseconds = 8,
    /// Words of four octets.
    FourOctetWords = 9,
    /// IPFIX messages.
    Messages = 10,
    /// Hops.
    Hops = 11,
    /// Entries of a table.
    Entries = 12,
    /// Frames of the link layer.
    Frames = 13,
    /// Ports.
    Ports = 14,
    /// The unit of another element of the record.
    Inferred = 15,
}

impl Units {
    /// The number that RFC 5610 type records carry.
    pub const fn code(self) -> u16 {
        self as u16
    }
}

/// Why there is no such element.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ElementError {
    /// The number is outside 1 to 32767.
    #[error("information element {name} has the number {id}: choose one from 1 to 32767")]
    Id {
        /// The number that was given.
        id: u16,
        /// The name that was given.
        name: Cow<'static, str>,
    },
    /// The name is empty.
    #[error("information element {enterprise}/{id} has no name: give it one in lowerCamelCase")]
    NoName {
        /// The Private Enterprise Number that was given.
        enterprise: u32,
        /// The number that was given.
        id: u16,
    },
    /// The element has no direction that could be reversed.
    #[error("information element {name} has no reverse twin (RFC 5103 section 6.1): define one of your own")]
    NotReversible {
        /// The element's name.
        name: Cow<'static, str>,
    },
    /// Enterprise 29305 belongs to RFC 5103.
    #[error(
        "information element {name}: enterprise 29305 is for reverse elements: call reverse() on the forward one"
    )]
    ReverseEnterprise {
        /// The name that was given.
        name: Cow<'static, str>,
    },
}

/// The enterprise number of elements that IANA registers.
pub const IANA_ENTERPRISE: u32 = 0;
/// The enterprise number of reverse elements (RFC 5103 section 6.1).
pub const REVERSE_ENTERPRISE: u32 = 29_305;
const MAX_ID: u16 = 0x7fff;
/// Type records have no other way to say that there is no range but that of the type.
const NO_RANGE: (u64, u64) = (0, 0);

/// RFC 5103 section 6.1: identifiers, padding, and what the exporter, the collector and the biflow itself are.
const NOT_REVERSIBLE: [u16; 25] = [
    40, 41, 42, 130, 131, 137, 145, 148, 149, 163, 164, 165, 166, 167, 168, 173, 210, 211, 212, 213, 214,
    215, 216, 217, 239,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iana;

    #[test]
    fn a_reverse_twin_keeps_number_and_type() {
        let reverse = iana::OCTET_DELTA_COUNT.reverse().unwrap();
        assert_eq!((reverse.enterprise(), reverse.id()), (29_305, 1));
        assert_eq!(reverse.name(), "reverseOctetDeltaCount");
        assert_eq!(reverse.data_type(), DataType::Unsigned64);
        assert_eq!(reverse.units(), Units::Octets);
    }

    #[test]
    fn what_has_no_direction_has_no_reverse_twin() {
        for element in [iana::FLOW_ID, iana::BIFLOW_DIRECTION, iana::PADDING_OCTETS, iana::TEMPLATE_ID] {
            assert!(
                matches!(element.reverse(), Err(ElementError::NotReversible { .. })),
                "{}",
                element.name()
            );
        }
        let own = InformationElement::new(32_473, 1001, "incidentId", DataType::Unsigned64).unwrap();
        assert!(own.reverse().is_err());
        assert!(iana::OCTET_DELTA_COUNT.reverse().unwrap().reverse().is_err(), "no twin of a twin");
    }

    #[test]
    fn numbers_and_names_are_checked() {
        assert!(InformationElement::new(32_473, 0, "zero", DataType::Unsigned8).is_err());
        assert!(InformationElement::new(32_473, 32_768, "bit16", DataType::Unsigned8).is_err());
        assert!(InformationElement::new(32_473, 1, "", DataType::Unsigned8).is_err());
        assert!(InformationElement::new(29_305, 1, "reverse", DataType::Unsigned8).is_err());
        assert!(InformationElement::new(0, 34, "samplingInterval", DataType::Unsigned32).is_ok());
    }
}
