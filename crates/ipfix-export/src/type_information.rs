use crate::{
    InformationElement, RecordError, Template, TemplateError,
    iana::{
        INFORMATION_ELEMENT_DATA_TYPE, INFORMATION_ELEMENT_DESCRIPTION, INFORMATION_ELEMENT_ID, INFORMATION_ELEMENT_NAME,
        INFORMATION_ELEMENT_RANGE_BEGIN, INFORMATION_ELEMENT_RANGE_END, INFORMATION_ELEMENT_SEMANTICS,
        INFORMATION_ELEMENT_UNITS, PRIVATE_ENTERPRISE_NUMBER,
    },
    record::{FieldLayout, RecordWriter},
};

/// The options template of records that describe elements (RFC 5610 section 3.9).
pub(crate) fn template() -> Result<Template, TemplateError> {
    Template::options(
        TYPE_INFORMATION_TEMPLATE,
        [PRIVATE_ENTERPRISE_NUMBER.field(), INFORMATION_ELEMENT_ID.field()],
        [
            INFORMATION_ELEMENT_DATA_TYPE.field(),
            INFORMATION_ELEMENT_SEMANTICS.field(),
            INFORMATION_ELEMENT_UNITS.field(),
            INFORMATION_ELEMENT_RANGE_BEGIN.field(),
            INFORMATION_ELEMENT_RANGE_END.field(),
            INFORMATION_ELEMENT_NAME.field(),
            INFORMATION_ELEMENT_DESCRIPTION.field(),
        ],
    )
}

/// The record that describes an element; it takes at most `room` octets.
pub(crate) fn record(
    layout: &[FieldLayout],
    element: &InformationElement,
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
    writer.string(element.description())?;
    let free = writer.free_octets();
    octets.truncate(room - free);
    Ok(octets)
}

/// The id of the options template that carries type information: the highest, since people count from the lowest.
pub const TYPE_INFORMATION_TEMPLATE: u16 = 65_535;
