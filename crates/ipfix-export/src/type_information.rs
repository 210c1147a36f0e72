use crate::{
    InformationElement, Output, RecordError, RegistrationError, Template,
    field_layout::FieldLayout,
    iana::{
        INFORMATION_ELEMENT_DATA_TYPE, INFORMATION_ELEMENT_DESCRIPTION, INFORMATION_ELEMENT_ID,
        INFORMATION_ELEMENT_NAME, INFORMATION_ELEMENT_RANGE_BEGIN, INFORMATION_ELEMENT_RANGE_END,
        INFORMATION_ELEMENT_SEMANTICS, INFORMATION_ELEMENT_UNITS, PRIVATE_ENTERPRISE_NUMBER,
    },
    message::{OPTIONS_TEMPLATE_SET, SET_HEADER},
    record::RecordWriter,
    session::Session,
};

/// The descriptions of enterprise elements (RFC 5610) and what the session has said of them.
///
/// A description comes before the template that uses its element: libfixbuf gives an element its type when it reads
/// the template, and does not look back.
#[derive(Debug)]
pub(crate) struct TypeInformation {
    layout: Box<[FieldLayout]>,
    announcement: Box<[u8]>,
    /// The number of the message that announced the options template last; 0 for none.
    announced_in: u64,
    descriptions: Vec<Description>,
}

#[derive(Debug)]
struct Description {
    element: InformationElement,
    record: Vec<u8>,
    /// The number of the message that held the record last; 0 for none.
    announced_in: u64,
}

impl TypeInformation {
    pub(crate) fn new() -> Self {
        let template = template();
        Self {
            layout: template.fields().iter().map(FieldLayout::of).collect(),
            announcement: template.announcement().into(),
            announced_in: 0,
            descriptions: Vec::new(),
        }
    }

    /// Prepares the descriptions of a template's enterprise elements, and says which they are. A record takes at most
    /// `room` octets.
    pub(crate) fn describe(
        &mut self,
        template: &Template,
        room: usize,
    ) -> Result<Vec<usize>, RegistrationError> {
        let mut used = Vec::new();
        for field in template.fields() {
            let element = field.element();
            if !element.is_enterprise_specific() {
                continue;
            }
            let number = (element.enterprise(), element.id());
            let known = self
                .descriptions
                .iter()
                .position(|known| (known.element.enterprise(), known.element.id()) == number);
            let index = match known {
                Some(index) => index,
                None => self.add(template.id(), element, room)?,
            };
            if let Some(known) = self.descriptions.get(index).filter(|known| known.element != *element) {
                return Err(RegistrationError::ElementConflict {
                    id: template.id(),
                    name: element.name().to_owned(),
                    enterprise: element.enterprise(),
                    element: element.id(),
                    other: known.element.name().to_owned(),
                });
            }
            if !used.contains(&index) {
                used.push(index);
            }
        }
        Ok(used)
    }

    /// How many octets [`announce`](Self::announce) is going to add.
    pub(crate) fn announcement_octets<O: Output>(&self, elements: &[usize], session: &Session<O>) -> usize {
        let outdated = elements.iter().filter_map(|index| self.descriptions.get(*index));
        let outdated = outdated.filter(|description| !session.is_current(description.announced_in));
        let records = outdated.map(|description| description.record.len()).sum::<usize>();
        if records == 0 {
            return 0;
        }
        let template =
            if session.is_current(self.announced_in) { 0 } else { self.announcement.len() + SET_HEADER };
        template + records + SET_HEADER
    }

    /// Appends those of these descriptions that the other side does not know, or no longer.
    pub(crate) fn announce<O: Output>(&mut self, elements: &[usize], session: &mut Session<O>) {
        for index in elements {
            let Some(description) = self.descriptions.get_mut(*index) else { continue };
            if session.is_current(description.announced_in) {
                continue;
            }
            if !session.is_current(self.announced_in) {
                session.append_template(OPTIONS_TEMPLATE_SET, &self.announcement);
                self.announced_in = session.number();
            }
            session.append_type_record(TYPE_INFORMATION_TEMPLATE, &description.record);
            description.announced_in = session.number();
        }
    }

    fn add(
        &mut self,
        id: u16,
        element: &InformationElement,
        room: usize,
    ) -> Result<usize, RegistrationError> {
        let record = record(&self.layout, element, element.description(), room)
            // The description is for people, who can do without it where messages are tiny.
            .or_else(|_| record(&self.layout, element, "", room))
            .map_err(|_| RegistrationError::TypeRecordTooLarge { id, name: element.name().to_owned() })?;
        self.descriptions.push(Description { element: element.clone(), record, announced_in: 0 });
        Ok(self.descriptions.len() - 1)
    }
}

/// The options template of records that describe elements (RFC 5610 section 3.9).
fn template() -> Template {
    Template::trusted(
        TYPE_INFORMATION_TEMPLATE,
        vec![
            PRIVATE_ENTERPRISE_NUMBER.field(),
            INFORMATION_ELEMENT_ID.field(),
            INFORMATION_ELEMENT_DATA_TYPE.field(),
            INFORMATION_ELEMENT_SEMANTICS.field(),
            INFORMATION_ELEMENT_UNITS.field(),
            INFORMATION_ELEMENT_RANGE_BEGIN.field(),
            INFORMATION_ELEMENT_RANGE_END.field(),
            INFORMATION_ELEMENT_NAME.field(),
            INFORMATION_ELEMENT_DESCRIPTION.field(),
        ],
        SCOPE_COUNT,
    )
}

/// The record that describes an element; it takes at most `room` octets.
fn record(
    layout: &[FieldLayout],
    element: &InformationElement,
    description: &str,
    room: usize,
) -> Result<Vec<u8>, RecordError> {
    let mut octets = vec![0; room];
    let mut writer = RecordWriter::new(layout, &mut octets);
    let (begin, end) = element.range();
    writer.u32(element.enterprise())?;
    writer.u16(element.id())?;
    writer.u8(element.data_type().code())?;
    writer.u8(element.semantics().code())?;
    writer.u16(element.units().code())?;
    writer.u64(begin)?;
    writer.u64(end)?;
    writer.string(element.name())?;
    writer.string(description)?;
    writer.complete()?;
    let free = writer.free_octets();
    octets.truncate(room - free);
    octets.shrink_to_fit();
    Ok(octets)
}

/// The id of the options template that carries type information: the highest, since people count from the lowest.
pub const TYPE_INFORMATION_TEMPLATE: u16 = 65_535;
/// RFC 5610 section 3.9: the enterprise and the number of the element.
const SCOPE_COUNT: u16 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;

    #[test]
    fn the_template_stands_every_check() {
        let template = template();
        let (scope, options) = template.fields().split_at(2);
        let checked = Template::options(TYPE_INFORMATION_TEMPLATE, scope.to_vec(), options.to_vec());
        assert_eq!(checked, Ok(template));
    }

    #[test]
    fn a_tiny_message_goes_without_descriptions() {
        let element = InformationElement::new(32_473, 1001, "incidentId", DataType::Unsigned64)
            .unwrap()
            .with_description("The number of the incident that the record belongs to.");
        let template = Template::new(256, [element.field()]).unwrap();
        let mut types = TypeInformation::new();
        assert_eq!(types.describe(&template, 44), Ok(vec![0]));
        assert_eq!(types.descriptions[0].record.len(), 26 + 1 + 10 + 1);
    }

    #[test]
    fn a_name_that_fits_no_message_is_refused() {
        let element = InformationElement::new(32_473, 1001, "x".repeat(40), DataType::Unsigned64).unwrap();
        let template = Template::new(256, [element.field()]).unwrap();
        let error = TypeInformation::new().describe(&template, 44).unwrap_err();
        assert!(error.to_string().contains("xxx does not fit into a message"), "{error}");
    }
}
