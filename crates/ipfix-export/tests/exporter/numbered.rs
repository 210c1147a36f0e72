//! Records that bear numbers: an exporter of them, and what has arrived of them.

use std::{net::SocketAddr, ops::Range};

use ipfix_export::{
    DataType, Exporter, ExporterConfig, InformationElement, Notice, TcpOutput, TcpSettings, Template,
    TemplateHandle, iana,
};

use super::decoder::Decoder;

/// An exporter of numbered records, with an element of an enterprise among its fields.
pub(crate) struct Probe {
    pub(crate) exporter: Exporter<TcpOutput>,
    templates: [TemplateHandle; 2],
}

impl Probe {
    pub(crate) fn new(collector: SocketAddr, settings: TcpSettings) -> Self {
        let output = TcpOutput::resolve(&collector.to_string(), settings).unwrap();
        let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
        let own = InformationElement::new(32_473, 1_001, "own", DataType::String).unwrap();
        let templates = [
            Template::new(256, [iana::FLOW_ID.field(), own.field()]),
            Template::new(257, [iana::FLOW_ID.field(), iana::OCTET_DELTA_COUNT.field()]),
        ];
        let templates = templates.map(|template| exporter.register(&template.unwrap()).unwrap());
        Self { exporter, templates }
    }

    pub(crate) fn export(&mut self, numbers: Range<u64>) {
        self.export_at(START_S, numbers);
    }

    /// The same with another time of export.
    pub(crate) fn export_at(&mut self, time: u32, numbers: Range<u64>) {
        let Self { exporter, templates: [one, other] } = self;
        for number in numbers {
            // The second template comes later, and then both take turns.
            let outcome = if number % 100 < 50 {
                exporter.record(one, time, |record| {
                    record.u64(number)?;
                    record.string("a name of some length")
                })
            } else {
                exporter.record(other, time, |record| {
                    record.u64(number)?;
                    record.u64(number)
                })
            };
            outcome.unwrap();
        }
    }

    pub(crate) fn notices(&mut self) -> Vec<String> {
        self.notices_themselves().iter().map(ToString::to_string).collect()
    }

    /// The notices that tell of lost records.
    pub(crate) fn lost(&mut self) -> Vec<Notice> {
        self.notices_themselves().into_iter().filter(|notice| matches!(notice, Notice::Lost(_))).collect()
    }

    fn notices_themselves(&mut self) -> Vec<Notice> {
        ipfix_export::Output::take_notices(self.exporter.output_mut())
    }
}

/// What a collector got over one connection.
pub(crate) struct Session {
    pub(crate) numbers: Vec<u64>,
    pub(crate) octets: u64,
    pub(crate) messages: u64,
    /// Records that are missing by the sequence numbers.
    pub(crate) gap: u32,
}

impl Session {
    /// Decodes what has arrived. What was cut at its end does not count: a collector drops it.
    pub(crate) fn of(mut octets: &[u8]) -> Self {
        let mut decoder = Decoder::default();
        let mut session = Self { numbers: Vec::new(), octets: 0, messages: 0, gap: 0 };
        let (mut expected, mut templates) = (0_u32, Vec::new());
        while let Some(&[_, _, high, low]) = octets.first_chunk() {
            let length = u16::from_be_bytes([high, low]).into();
            let Some((message, rest)) = octets.split_at_checked(length) else { break };
            let message = decoder.message(message).unwrap();
            if expected == 0 {
                assert_eq!(message.sequence_number, 0, "a session begins at 0");
            }
            session.gap += message.sequence_number - expected;
            expected = message.sequence_number + u32::try_from(message.data_records().count()).unwrap();
            for template in message.templates() {
                assert!(!templates.contains(&template.id), "{} is announced twice", template.id);
                templates.push(template.id);
            }
            for (_, values) in message.data_records().filter(|(template, _)| *template < 65_535) {
                session.numbers.push(u64::from_be_bytes(values[0][..].try_into().unwrap()));
            }
            session.octets += u64::try_from(length).unwrap();
            session.messages += 1;
            octets = rest;
        }
        session
    }
}

/// The numbers of all records that have arrived, in the order in which they have.
pub(crate) fn numbers(sessions: &[Session]) -> Vec<u64> {
    sessions.iter().flat_map(|session| session.numbers.iter().copied()).collect()
}

/// A time of export.
pub(crate) const START_S: u32 = 1_763_888_400;
