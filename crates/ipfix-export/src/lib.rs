//! An IPFIX exporting process (RFC 7011) for any program that has records to hand on.
//!
//! A caller describes the shape of its records with [`InformationElement`]s in [`Template`]s, registers them with an
//! [`Exporter`], and writes the values of each record straight into the message that is being assembled. The exporter
//! does what the protocol asks for besides: it fills messages up to a maximum size, counts records for the sequence
//! numbers, announces templates before their data, repeats them where datagrams may get lost, and describes elements
//! of an enterprise to collectors that have never heard of them.
//!
//! It must never know what the records are about. There is no flow here, no packet and no clock: times come from the
//! caller, and what the values mean stands in the elements alone.
//!
//! # Example
//!
//! ```
//! use std::net::Ipv4Addr;
//!
//! use ipfix_export::{Exporter, ExporterConfig, MemoryOutput, Template, iana};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream())?;
//! let flow = exporter.register(&Template::new(
//!     256,
//!     [
//!         iana::SOURCE_IPV4_ADDRESS.field(),
//!         iana::DESTINATION_IPV4_ADDRESS.field(),
//!         iana::OCTET_DELTA_COUNT.with_length(4),
//!         iana::APPLICATION_NAME.field(),
//!     ],
//! )?)?;
//! let export_time_s = 1_763_888_400;
//! exporter.record(&flow, export_time_s, |record| {
//!     record.ipv4_address(Ipv4Addr::new(192, 0, 2, 10))?;
//!     record.ipv4_address(Ipv4Addr::new(198, 51, 100, 20))?;
//!     record.u64(1_200)?;
//!     record.string("rdp")
//! })?;
//! exporter.flush(export_time_s)?;
//! assert_eq!(exporter.statistics().data_records, 1);
//! assert_eq!(exporter.output().octets()[..2], [0, 10]);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/biflow_file.rs` writes a file of bidirectional flows with elements of an enterprise of one's own.
//!
//! # What always holds
//!
//! - No message is longer than the configured maximum, and each holds at least one record.
//! - A record that is refused leaves no trace in the message. What is accepted stands there octet for octet; no value
//!   is cut, rounded to another integer or padded.
//! - The sequence number of a message is the count of all data records before it, modulo 2<sup>32</sup>: those of
//!   options and of type information too, and those of messages that could not be sent, so that a collector sees the
//!   gap.
//! - A template stands before the first of its data in the session, and where messages are datagrams once more after
//!   every refresh interval, after every message that could not be sent, and after every refusal that came back. The
//!   descriptions of its elements stand before it, in the same message if one is large enough for all.
//! - A template never changes and is never withdrawn.
//! - Every record that was accepted is in the end counted once in [`Statistics`], as sent or as lost, unless a spool keeps it for
//!   a later run.
//! - The octets that come out are a function of the calls that went in, but for [`TcpOutput`] and [`UdpOutput`]: when a connection breaks and
//!   what a path carries depends on others, and then a session begins anew, or messages are smaller.
//!
//! # Standards
//!
//! | | covered | not covered |
//! |---|---|---|
//! | RFC 7011 | messages, templates, options, variable length, reduced size, enterprise elements, UDP with the path's MTU, TCP, TLS with the feature `tls`; failover | SCTP, which a fully compliant exporter has to offer; DTLS, for which [`Output`] is the place; withdrawals, padding |
//! | RFC 7012 | all data types; the elements that IANA has registered, in [`iana`] | deprecated elements |
//! | RFC 5103 | [`InformationElement::reverse`] | |
//! | RFC 5610 | type records for enterprise elements, by themselves | |
//! | RFC 5655 | files of messages: [`FileOutput`], [`RotatingOutput`], and the spool of [`TcpOutput`] | checksums and time windows |
//! | RFC 6313 | lists whose content the caller has encoded | their encoding |
//! | RFC 6728 | intervals of template refresh | the YANG model |
//!
//! Four habits are not the protocol's but that of collectors which misread what it allows: reverse elements should
//! stand before their forward twins (the caller's part), each options template has a set of its own, nothing is
//! padded, and type records come before the templates that need them.
#![deny(clippy::indexing_slicing)]

mod config;
mod data_type;
mod element;
mod error;
mod exporter;
mod field_layout;
pub mod iana;
mod message;
mod output;
mod record;
mod session;
mod statistics;
mod template;
mod type_information;

#[cfg(feature = "tls")]
pub use self::output::TlsSettings;
pub use self::{
    config::{ConfigError, ExporterConfig},
    data_type::{DataType, VARIABLE_LENGTH},
    element::{ElementError, IANA_ENTERPRISE, InformationElement, REVERSE_ENTERPRISE, Semantics, Units},
    error::{ExportError, OutputError, RecordError, RegistrationError},
    exporter::{Exporter, TemplateHandle},
    message::{MAXIMUM_MESSAGE, MINIMUM_MESSAGE},
    output::{
        FileOutput, Gap, MemoryOutput, Notice, Output, RotatingOutput, Rotation, TcpOutput, TcpSettings,
        UdpOutput,
    },
    record::RecordWriter,
    statistics::Statistics,
    template::{Field, Template, TemplateError},
    type_information::TYPE_INFORMATION_TEMPLATE,
};
