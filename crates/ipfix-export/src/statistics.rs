/// What an [`Exporter`](crate::Exporter) has done.
///
/// Neither the message that is still being assembled is among it, nor messages that the output keeps back:
/// [`Exporter::flush`](crate::Exporter::flush) settles both. No number ever falls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Messages that the output has handed on.
    pub messages: u64,
    /// Octets of these messages.
    pub octets: u64,
    /// Data records in these messages, those of options and type information too.
    pub data_records: u64,
    /// Those of them whose template is one of options, those that describe elements too.
    pub options_records: u64,
    /// Those of them that describe elements (RFC 5610), which nobody has asked for by a call.
    pub type_records: u64,
    /// Template records in these messages, of both kinds and with every repetition.
    pub template_records: u64,
    /// Messages that the output could not send.
    pub lost_messages: u64,
    /// Data records in the messages that could not be sent.
    pub lost_records: u64,
    /// Those of them whose template is one of options, as far as that is known: of a spool that cannot be read it is not.
    pub lost_options_records: u64,
    /// Those of them that describe elements.
    pub lost_type_records: u64,
    /// Records that did not fit their template or a message; they have no number in the sequence.
    pub refused_records: u64,
    /// How often the other side has refused a message, as far as the output knows. A datagram is refused after it
    /// was sent, so these messages are counted as sent.
    pub refused_messages: u64,
    /// How often the path has dropped a message since it was too long, as far as the output knows. These messages are counted as sent, too.
    pub too_long_messages: u64,
}
