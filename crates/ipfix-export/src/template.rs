use crate::{DataType, InformationElement, VARIABLE_LENGTH};

/// The shape of a record: which elements, in which order, at which length (RFC 7011 section 3.4).
///
/// There are two kinds. A template made with [`Template::new`] describes data records; one made with
/// [`Template::options`] describes options data records, whose first fields say what the others are about. Both are
/// checked here once, so that everything that holds a `Template` holds a valid one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    id: u16,
    fields: Vec<Field>,
    scope_count: u16,
}

impl Template {
    /// A template of data records (RFC 7011 section 3.4.1).
    ///
    /// # Errors
    ///
    /// An id below 256, no fields or more than a message can announce, a length that the field's type does not allow.
    pub fn new(id: u16, fields: impl IntoIterator<Item = Field>) -> Result<Self, TemplateError> {
        Self::checked(id, fields.into_iter().collect(), 0)
    }

    /// A template of options data records (RFC 7011 section 3.4.2): `scope` says what `options` are about. The order
    /// of the scope fields matters to the receiver.
    ///
    /// # Errors
    ///
    /// As [`Template::new`], and if there is no scope field.
    pub fn options(
        id: u16,
        scope: impl IntoIterator<Item = Field>,
        options: impl IntoIterator<Item = Field>,
    ) -> Result<Self, TemplateError> {
        let mut fields = scope.into_iter().collect::<Vec<_>>();
        if fields.is_empty() {
            return Err(TemplateError::NoScope { id });
        }
        let scope_count = u16::try_from(fields.len()).unwrap_or(u16::MAX);
        fields.extend(options);
        Self::checked(id, fields, scope_count)
    }

    /// The id, 256 or more.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// The fields in the order of the record; scope fields come first.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many fields are scope fields; 0 for a template of data records.
    pub const fn scope_count(&self) -> u16 {
        self.scope_count
    }

    /// Whether records of this template are options data records.
    pub const fn is_options(&self) -> bool {
        self.scope_count > 0
    }

    /// The Template Record or Options Template Record that announces this template.
    pub(crate) fn announcement(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(6 + 8 * self.fields.len());
        record.extend(self.id.to_be_bytes());
        // `checked` has bounded the number of fields.
        record.extend(u16::try_from(self.fields.len()).unwrap_or(u16::MAX).to_be_bytes());
        if self.is_options() {
            record.extend(self.scope_count.to_be_bytes());
        }
        for field in &self.fields {
            let (id, enterprise) = (field.element.id(), field.element.enterprise());
            let enterprise_bit = if enterprise == 0 { 0 } else { ENTERPRISE_BIT };
            record.extend((id | enterprise_bit).to_be_bytes());
            record.extend(field.length.to_be_bytes());
            if enterprise != 0 {
                record.extend(enterprise.to_be_bytes());
            }
        }
        record
    }

    /// Octets of the shortest record.
    pub(crate) fn shortest_record(&self) -> usize {
        self.fields.iter().map(|field| if field.is_variable() { 1 } else { field.length.into() }).sum()
    }

    /// A template of this crate, which a test has checked.
    pub(crate) const fn trusted(id: u16, fields: Vec<Field>, scope_count: u16) -> Self {
        Self { id, fields, scope_count }
    }

    fn checked(id: u16, fields: Vec<Field>, scope_count: u16) -> Result<Self, TemplateError> {
        if id < MIN_ID {
            return Err(TemplateError::Id { id });
        }
        if fields.is_empty() {
            return Err(TemplateError::NoFields { id });
        }
        if fields.len() > MAX_FIELDS {
            return Err(TemplateError::TooManyFields { id, count: fields.len() });
        }
        for field in &fields {
            let data_type = field.element.data_type();
            if !data_type.allows_length(field.length) {
                let (element, length) = (field.element.name().to_owned(), field.length);
                return Err(TemplateError::Length { id, element, data_type, length });
            }
        }
        Ok(Self { id, fields, scope_count })
    }
}

/// One field of a template: an element and how many octets its values take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    element: InformationElement,
    length: u16,
}

impl Field {
    /// A field at the natural length of the element's type; octet arrays and strings become of variable length.
    pub const fn new(element: InformationElement) -> Self {
        let length = element.data_type().natural_length();
        Self { element, length }
    }

    /// A field of `length` octets; [`VARIABLE_LENGTH`] if every value carries its own length.
    pub const fn with_length(element: InformationElement, length: u16) -> Self {
        Self { element, length }
    }

    /// What the values mean.
    pub const fn element(&self) -> &InformationElement {
        &self.element
    }

    /// Octets of a value; [`VARIABLE_LENGTH`] if every value carries its own length.
    pub const fn length(&self) -> u16 {
        self.length
    }

    /// Whether every value carries its own length (RFC 7011 section 7).
    pub const fn is_variable(&self) -> bool {
        self.length == VARIABLE_LENGTH
    }
}

impl From<InformationElement> for Field {
    fn from(element: InformationElement) -> Self {
        Self::new(element)
    }
}

/// Why a template is not one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Ids below 256 name kinds of sets.
    #[error("template id {id} is reserved: choose one from 256 to 65535")]
    Id {
        /// The id that was given.
        id: u16,
    },
    /// The field's type does not allow its length.
    #[error(
        "template {id}: {element} of type {data_type} cannot take {length} octets: use its natural length, or a \
         shorter one if it is an integer (RFC 7011 section 6.2)"
    )]
    Length {
        /// The template's id.
        id: u16,
        /// The element's name.
        element: String,
        /// The element's type.
        data_type: DataType,
        /// The length that was given.
        length: u16,
    },
    /// A record needs a field.
    #[error("template {id} has no fields: give it at least one")]
    NoFields {
        /// The template's id.
        id: u16,
    },
    /// An options template needs a scope.
    #[error("options template {id} has no scope: say with at least one field what the options are about")]
    NoScope {
        /// The template's id.
        id: u16,
    },
    /// More fields than the largest message can announce.
    #[error("template {id} has {count} fields: no message can announce more than {MAX_FIELDS}")]
    TooManyFields {
        /// The template's id.
        id: u16,
        /// The number of fields.
        count: usize,
    },
}

/// RFC 7011 section 3.4.1: smaller numbers are the ids of sets that hold templates.
const MIN_ID: u16 = 256;
/// A field specifier takes at least four octets of the 65535 that a message can have.
const MAX_FIELDS: usize = 16_378;
const ENTERPRISE_BIT: u16 = 0x8000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iana;

    #[test]
    fn an_announcement_carries_enterprise_numbers_and_scopes() {
        let reverse = iana::OCTET_DELTA_COUNT.reverse().unwrap();
        let template = Template::new(256, [reverse.field(), iana::OCTET_DELTA_COUNT.with_length(4)]).unwrap();
        assert_eq!(template.announcement(), [1, 0, 0, 2, 0x80, 1, 0, 8, 0, 0, 0x72, 0x79, 0, 1, 0, 4]);
        let options = Template::options(
            257,
            [iana::OBSERVATION_DOMAIN_ID.field()],
            [iana::INTERFACE_NAME.field(), iana::EXPORTED_MESSAGE_TOTAL_COUNT.field()],
        )
        .unwrap();
        assert_eq!(options.announcement(), [1, 1, 0, 3, 0, 1, 0, 149, 0, 4, 0, 82, 0xff, 0xff, 0, 41, 0, 8]);
    }

    #[test]
    fn bad_templates_are_refused() {
        let field = iana::OCTET_DELTA_COUNT.field();
        assert_eq!(Template::new(255, [field.clone()]), Err(TemplateError::Id { id: 255 }));
        assert_eq!(Template::new(256, []), Err(TemplateError::NoFields { id: 256 }));
        assert_eq!(Template::options(256, [], [field.clone()]), Err(TemplateError::NoScope { id: 256 }));
        let many = vec![field; MAX_FIELDS + 1];
        assert!(matches!(Template::new(256, many), Err(TemplateError::TooManyFields { .. })));
        let wide = iana::SOURCE_TRANSPORT_PORT.with_length(4);
        let error = Template::new(256, [wide]).unwrap_err();
        assert!(
            error.to_string().contains("sourceTransportPort of type unsigned16 cannot take 4 octets"),
            "{error}"
        );
        let reduced_time = iana::FLOW_START_MILLISECONDS.with_length(4);
        assert!(Template::new(256, [reduced_time]).is_err());
    }
}
