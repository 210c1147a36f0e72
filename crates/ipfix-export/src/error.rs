use std::io;

use crate::DataType;

/// Why a record was not exported, or what was lost on the way of one that was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The record does not fit its template. It is not exported, and the message is as it was.
    #[error("template {template}, field {field}: {error}")]
    Record {
        /// The template's id.
        template: u16,
        /// The field that was to be written next, counted from 1.
        field: u16,
        /// What is wrong with the value or the record.
        error: RecordError,
    },
    /// The output failed with records that were accepted *before*. The record at hand has its place in the next
    /// message, and the exporter may be used on: over UDP the next message may well arrive.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The output could not send, and what was lost because of that.
///
/// The same numbers are part of [`Statistics`](crate::Statistics).
#[derive(Debug, thiserror::Error)]
#[error("lost {} in {}: {source}", counted(*lost_records, "record"), counted(*lost_messages, "message"))]
#[non_exhaustive]
pub struct OutputError {
    /// Messages that are lost since the last error was reported.
    pub lost_messages: u64,
    /// Data records in these messages.
    pub lost_records: u64,
    /// The output's first error.
    pub source: io::Error,
}

/// Why a value or a record was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The value needs more octets than the field has.
    #[error(
        "the value of type {data_type} does not fit into {length} octets: give the field its natural length"
    )]
    DoesNotFit {
        /// The type of the value.
        data_type: DataType,
        /// The length of the field.
        length: u16,
    },
    /// The closure ended before the last field.
    #[error("{missing} fields were not written: write a value for each field of the template")]
    Incomplete {
        /// How many fields were not written.
        missing: u16,
    },
    /// A value came after the last field.
    #[error(
        "a value of type {given} came after the last field: the template has fewer fields than values were written"
    )]
    NoFieldLeft {
        /// The type of the value.
        given: DataType,
    },
    /// A message of the maximum size cannot hold the record.
    #[error("the record is larger than a message: raise the maximum message size or shorten its values")]
    NoRoom,
    /// The value is longer than 65535 octets.
    #[error("the value is longer than 65535 octets: shorten it")]
    TooLong,
    /// The handle is not of this exporter.
    #[error("this exporter has given no such handle: register the template with it")]
    UnknownTemplate,
    /// The field is of fixed length, and the value is shorter or longer.
    #[error(
        "the value has {given} octets and the field {expected}: make them equal, or the field of variable length"
    )]
    WrongLength {
        /// The length of the value.
        given: u16,
        /// The length of the field.
        expected: u16,
    },
    /// The field is of another type.
    #[error(
        "the value is of type {given} and the field is not: write the values in the order of the template"
    )]
    WrongType {
        /// The type of the value.
        given: DataType,
    },
}

/// `1 record`, `2 records`.
fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Why a template cannot be used with an exporter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Type records describe an element once for the whole session.
    #[error(
        "template {id}: {name} has the number {enterprise}/{element} of another element, {other}: define each element \
         once and use it in all templates"
    )]
    ElementConflict {
        /// The template's id.
        id: u16,
        /// The element's name.
        name: String,
        /// The Private Enterprise Number.
        enterprise: u32,
        /// The element's number.
        element: u16,
        /// The name of the element that an earlier template has under this number.
        other: String,
    },
    /// Templates are neither changed nor withdrawn.
    #[error("template {id} is already registered: give every template its own id")]
    IdTaken {
        /// The template's id.
        id: u16,
    },
    /// The Template Record, or the shortest record of the template, is larger than a message.
    #[error(
        "template {id} needs {octets} octets and a message has room for {room}: raise the maximum message size or \
         take fewer fields"
    )]
    TooLarge {
        /// The template's id.
        id: u16,
        /// Octets of the Template Record or of the shortest data record.
        octets: usize,
        /// What a message has room for.
        room: usize,
    },
    /// The type record of an element is larger than a message.
    #[error(
        "template {id}: the description of {name} does not fit into a message: raise the maximum message size, shorten \
         it or export without type information"
    )]
    TypeRecordTooLarge {
        /// The template's id.
        id: u16,
        /// The element's name.
        name: String,
    },
}
