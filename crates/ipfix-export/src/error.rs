use std::io;

use crate::RecordError;

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
#[error("{lost_records} records in {lost_messages} messages are lost: {source}")]
#[non_exhaustive]
pub struct OutputError {
    /// Messages that are lost since the last error was reported.
    pub lost_messages: u64,
    /// Data records in these messages.
    pub lost_records: u64,
    /// The output's first error.
    pub source: io::Error,
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
