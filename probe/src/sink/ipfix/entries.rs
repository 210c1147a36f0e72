//! Records whose fields and values stand side by side: those that are few, and of which a template is made once.

use std::net::IpAddr;

use ipfix_export::{DataType, ElementError, Field, InformationElement, RecordError, RecordWriter};
use report::printable;
use wire::Timestamp;

use crate::elements::Element;

/// A field and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    what: What,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Own(Element),
    Standard(InformationElement),
}

/// A value, whose element says how many octets it takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// What is larger than its field becomes the largest number that the field can hold.
    Number(u64),
    Time(Timestamp),
    Text(String),
    Address(IpAddr),
    Truth(bool),
}

impl Entry {
    pub(super) fn own(element: Element, value: impl Into<Value>) -> Self {
        Self { what: What::Own(element), value: value.into() }
    }

    pub(super) fn standard(element: InformationElement, value: impl Into<Value>) -> Self {
        Self { what: What::Standard(element), value: value.into() }
    }

    /// Its field, under our enterprise number if the element is ours.
    pub(super) fn field(&self, pen: u32) -> Result<Field, ElementError> {
        match &self.what {
            What::Own(element) => element.under(pen).map(Field::new),
            What::Standard(element) => Ok(element.field()),
        }
    }

    pub(super) fn write(&self, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        match &self.value {
            Value::Number(number) => self.write_number(*number, writer),
            Value::Time(time) => writer.date_time_milliseconds(time.millis()),
            Value::Text(text) => writer.string(text),
            Value::Address(address) => writer.address(*address),
            Value::Truth(is_so) => writer.boolean(*is_so),
        }
    }

    fn write_number(&self, number: u64, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        match self.data_type() {
            DataType::Unsigned8 => writer.u8(u8::try_from(number).unwrap_or(u8::MAX)),
            DataType::Unsigned16 => writer.u16(u16::try_from(number).unwrap_or(u16::MAX)),
            DataType::Unsigned32 => writer.u32(u32::try_from(number).unwrap_or(u32::MAX)),
            _ => writer.u64(number),
        }
    }

    const fn data_type(&self) -> DataType {
        match &self.what {
            What::Own(element) => element.data_type,
            What::Standard(element) => element.data_type(),
        }
    }

    /// Octets of the value and of its length.
    fn octets(&self) -> usize {
        match &self.value {
            Value::Text(text) => text.len() + LENGTH_OCTETS,
            _ => self.data_type().natural_length().into(),
        }
    }
}

/// Cuts texts, the longest first, until the record takes at most `room` octets. Each is made fit to be read, since it may come from
/// the network.
pub(super) fn fit(entries: &mut [Entry], room: usize) {
    for entry in &mut *entries {
        if let Value::Text(text) = &mut entry.value {
            *text = printable(text).into_owned();
            cut(text, LONGEST_TEXT);
        }
    }
    // Each round shortens one text, and in the end none is left to be shortened.
    for _ in 0..entries.len() {
        let excess = entries.iter().map(Entry::octets).sum::<usize>().saturating_sub(room);
        let texts = entries.iter_mut().filter_map(|entry| match &mut entry.value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        match texts.max_by_key(|text| text.len()) {
            Some(longest) if excess > 0 => cut(longest, longest.len().saturating_sub(excess)),
            _ => return,
        }
    }
}

/// Cuts `text` between characters to at most `octets`, and says so where there is room to.
fn cut(text: &mut String, octets: usize) {
    if text.len() > octets {
        text.truncate(text.floor_char_boundary(octets.saturating_sub(ELLIPSIS.len())));
        if octets >= ELLIPSIS.len() {
            text.push_str(ELLIPSIS);
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Truth(is_so)
    }
}

/// Of a length, at most (RFC 7011 section 7).
const LENGTH_OCTETS: usize = 3;
/// More than all evidence of any finding takes, unless somebody on the network makes it long.
const LONGEST_TEXT: usize = 4_096;
const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::registry::{EVIDENCE, FINDING_KIND, FINDING_NAME};

    fn text(entry: &Entry) -> &str {
        match &entry.value {
            Value::Text(text) => text,
            _ => panic!("no text"),
        }
    }

    #[test]
    fn the_longest_text_makes_room() {
        let mut entries = [
            Entry::own(FINDING_NAME, "syn_flood"),
            Entry::own(FINDING_KIND, 1_u64),
            Entry::own(EVIDENCE, "é".repeat(1_000)),
        ];
        fit(&mut entries, 200);
        assert_eq!(text(&entries[0]), "syn_flood");
        assert!(text(&entries[2]).ends_with("é…"));
        let octets: usize = entries.iter().map(Entry::octets).sum();
        assert!((198..=200).contains(&octets), "{octets}");
    }

    #[test]
    fn texts_are_made_fit_to_be_read() {
        let mut entries = [Entry::own(EVIDENCE, "a\0b\n")];
        fit(&mut entries, 100);
        assert_eq!(text(&entries[0]), "a\\u{0}b\\n");
    }

    #[test]
    fn no_room_at_all_leaves_no_text() {
        let mut entries = [Entry::own(EVIDENCE, "abc"), Entry::own(FINDING_NAME, "defg")];
        fit(&mut entries, 6);
        assert_eq!((text(&entries[0]), text(&entries[1])), ("", ""));
    }
}
