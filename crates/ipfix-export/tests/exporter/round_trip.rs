//! Whatever a caller does, a collector finds exactly what was handed in.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    ops::Range,
};

use ipfix_export::{
    DataType, ExportError, Exporter, ExporterConfig, Field, IANA_ENTERPRISE, InformationElement, Output,
    RecordError, TYPE_INFORMATION_TEMPLATE, Template, TemplateHandle, VARIABLE_LENGTH,
};
use proptest::{collection::vec, prelude::*};

use super::{
    decoder::{Decoder, Message},
    value::Value,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_goes_in_comes_out(setup in setup(64..1_500), actions in vec(action(), 1..120)) {
        let outcome = Run::new(setup).follow(&actions);
        let messages = Decoder::default().stream(&outcome.output.all()).unwrap();
        check_messages(&setup, &messages);
        check_records(&outcome, &messages);
        check_descriptions(&setup, &messages);
        if setup.datagrams {
            check_refresh(&setup, &outcome, &messages);
        }
        check_statistics(&outcome, &messages);
    }

    /// Data that arrives can be read although other messages were lost, as long as a message has room for a record with
    /// all its announcements.
    #[test]
    fn lost_messages_take_no_template_with_them(
        setup in setup(4_200..4_300),
        actions in vec(action(), 1..400),
        losses in vec(any::<bool>(), 60),
    ) {
        let setup = Setup { datagrams: true, ..setup };
        let mut run = Run::new(setup);
        run.exporter.output_mut().fate = losses;
        let outcome = run.follow(&actions);
        let messages = Decoder::default().stream(&outcome.output.all()).unwrap();
        check_messages(&setup, &messages);
        check_records(&outcome, &messages);
        check_statistics(&outcome, &messages);

        let mut collector = Decoder::default();
        for (message, _) in outcome.output.messages.iter().filter(|(_, arrived)| *arrived) {
            let decoded = collector.message(message);
            prop_assert!(decoded.is_ok(), "{decoded:?}");
        }
    }
}

fn check_messages(setup: &Setup, messages: &[Message]) {
    let mut sequence_number = 0;
    for message in messages {
        assert!(message.octets <= usize::from(setup.maximum_message));
        assert!(!message.records.is_empty());
        assert_eq!(message.observation_domain, DOMAIN);
        assert_eq!(message.sequence_number, sequence_number);
        sequence_number += u32::try_from(message.data_records().count()).unwrap();
    }
    assert!(messages.is_sorted_by_key(|message| message.export_time));
}

fn check_records(outcome: &Outcome, messages: &[Message]) {
    let records = messages.iter().flat_map(Message::data_records);
    let records = records.filter(|(template, _)| *template != TYPE_INFORMATION_TEMPLATE).collect::<Vec<_>>();
    assert_eq!(records.len(), outcome.accepted.len());
    for ((id, octets), accepted) in records.iter().zip(&outcome.accepted) {
        let template = &outcome.templates[accepted.template];
        assert_eq!(*id, template.id());
        let types = template.fields().iter().map(|field| field.element().data_type());
        let values =
            types.zip(*octets).map(|(data_type, octets)| Value::read(data_type, octets)).collect::<Vec<_>>();
        assert_eq!(values, accepted.values);
    }
}

/// Each template comes after the descriptions of its elements, unless they are turned off.
fn check_descriptions(setup: &Setup, messages: &[Message]) {
    let mut described = BTreeSet::new();
    for message in messages {
        for record in &message.records {
            match record {
                super::decoder::Record::Data { template: TYPE_INFORMATION_TEMPLATE, values } => {
                    let [Value::Unsigned(enterprise), Value::Unsigned(id), Value::Unsigned(code)] =
                        [0, 1, 2].map(|index| Value::read(DataType::Unsigned64, &values[index]))
                    else {
                        panic!("numbers are read as numbers");
                    };
                    assert_eq!((enterprise, id), (u64::from(ENTERPRISE), 1_001 + code));
                    assert_eq!(values[7], name(id.try_into().unwrap()).into_bytes());
                    described.insert(u16::try_from(id).unwrap());
                }
                super::decoder::Record::Data { .. } => {}
                super::decoder::Record::Template(template) => {
                    for (enterprise, id, _) in &template.fields {
                        if *enterprise == ENTERPRISE {
                            assert_eq!(described.contains(id), setup.type_information);
                        }
                    }
                }
            }
        }
    }
}

/// No record stands farther from its template than the refresh allows.
fn check_refresh(setup: &Setup, outcome: &Outcome, messages: &[Message]) {
    let mut announced = BTreeMap::new();
    let mut accepted = outcome.accepted.iter();
    for (number, message) in messages.iter().enumerate() {
        for template in message.templates() {
            announced.insert(template.id, (number, message.export_time));
        }
        for (id, _) in message.data_records().filter(|(id, _)| *id != TYPE_INFORMATION_TEMPLATE) {
            let (announced_in, announced_at) = announced[&id];
            let export_time = accepted.next().unwrap().export_time_s;
            assert!(export_time.saturating_sub(announced_at) < setup.refresh_s);
            // One message more where template and record together are too large for one.
            assert!(number - announced_in <= usize::try_from(setup.refresh_messages).unwrap());
        }
    }
}

fn check_statistics(outcome: &Outcome, messages: &[Message]) {
    let statistics = outcome.statistics;
    let arrived = outcome.output.messages.iter().map(|(_, arrived)| *arrived);
    let (mut sent, mut lost) = ((0, 0, 0, 0), (0, 0));
    for (message, arrived) in messages.iter().zip(arrived) {
        let records = u64::try_from(message.data_records().count()).unwrap();
        if arrived {
            sent.0 += 1;
            sent.1 += u64::try_from(message.octets).unwrap();
            sent.2 += records;
            sent.3 += u64::try_from(message.templates().count()).unwrap();
        } else {
            lost.0 += 1;
            lost.1 += records;
        }
    }
    let counted =
        (statistics.messages, statistics.octets, statistics.data_records, statistics.template_records);
    assert_eq!(counted, sent);
    assert_eq!((statistics.lost_messages, statistics.lost_records), lost);
    assert_eq!(outcome.reported_lost, lost, "every loss is reported once");
    assert_eq!(statistics.refused_records, outcome.refused);
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    maximum_message: u16,
    refresh_s: u32,
    refresh_messages: u32,
    datagrams: bool,
    type_information: bool,
}

#[derive(Clone, Debug)]
enum Action {
    Register {
        fields: Vec<(DataType, Origin, u16)>,
        scope_count: usize,
    },
    Record {
        template: usize,
        seed: u64,
    },
    /// A record that ends early, or with one value too many.
    Refused {
        template: usize,
        seed: u64,
        excess: bool,
    },
    Announce,
    Flush,
    Wait {
        seconds: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    Iana,
    Reverse,
    Enterprise,
}

#[derive(Debug)]
struct Run {
    exporter: Exporter<Lossy>,
    export_time_s: u32,
    templates: Vec<Template>,
    handles: Vec<TemplateHandle>,
    accepted: Vec<Accepted>,
    refused: u64,
    reported_lost: (u64, u64),
}

#[derive(Debug)]
struct Accepted {
    template: usize,
    export_time_s: u32,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Outcome {
    output: Lossy,
    statistics: ipfix_export::Statistics,
    templates: Vec<Template>,
    accepted: Vec<Accepted>,
    refused: u64,
    reported_lost: (u64, u64),
}

impl Run {
    fn new(setup: Setup) -> Self {
        let config = ExporterConfig::new(DOMAIN)
            .with_maximum_message(setup.maximum_message)
            .with_template_refresh_s(setup.refresh_s)
            .with_template_refresh_messages(setup.refresh_messages)
            .with_type_information(setup.type_information);
        let output = Lossy { datagrams: setup.datagrams, ..Lossy::default() };
        Self {
            exporter: Exporter::new(config, output).unwrap(),
            export_time_s: START_S,
            templates: Vec::new(),
            handles: Vec::new(),
            accepted: Vec::new(),
            refused: 0,
            reported_lost: (0, 0),
        }
    }

    fn follow(mut self, actions: &[Action]) -> Outcome {
        for action in actions {
            match action {
                Action::Register { fields, scope_count } => self.register(fields, *scope_count),
                Action::Record { template, seed } => self.record(*template, *seed),
                Action::Refused { template, seed, excess } => self.refuse(*template, *seed, *excess),
                Action::Announce => {
                    let outcome = self.exporter.announce(self.export_time_s);
                    self.note(outcome.map_err(ExportError::from));
                }
                Action::Flush => {
                    let outcome = self.exporter.flush(self.export_time_s);
                    self.note(outcome.map_err(ExportError::from));
                }
                Action::Wait { seconds } => self.export_time_s += seconds,
            }
        }
        let outcome = self.exporter.flush(self.export_time_s);
        self.note(outcome.map_err(ExportError::from));
        Outcome {
            statistics: self.exporter.statistics(),
            output: self.exporter.into_output(),
            templates: self.templates,
            accepted: self.accepted,
            refused: self.refused,
            reported_lost: self.reported_lost,
        }
    }

    fn register(&mut self, fields: &[(DataType, Origin, u16)], scope_count: usize) {
        let id = 256 + u16::try_from(self.templates.len()).unwrap();
        let mut fields = fields.iter().map(|(data_type, origin, length)| field(*data_type, *origin, *length));
        let scope = fields.by_ref().take(scope_count).collect::<Vec<_>>();
        let template =
            if scope.is_empty() { Template::new(id, fields) } else { Template::options(id, scope, fields) }
                .unwrap();
        // Some are too large for tiny messages.
        if let Ok(handle) = self.exporter.register(&template) {
            self.templates.push(template);
            self.handles.push(handle);
        }
    }

    fn record(&mut self, template: usize, seed: u64) {
        let Some((template, handle, types, values)) = self.values(template, seed) else { return };
        let outcome = self.exporter.record(&handle, self.export_time_s, |record| {
            types.iter().zip(&values).try_for_each(|(data_type, value)| value.write(*data_type, record))
        });
        if let Err(ExportError::Record { error, .. }) = outcome {
            assert_eq!(error, RecordError::NoRoom);
            self.refused += 1;
            return;
        }
        self.note(outcome);
        self.accepted.push(Accepted { template, export_time_s: self.export_time_s, values });
    }

    fn refuse(&mut self, template: usize, seed: u64, excess: bool) {
        let Some((_, handle, types, values)) = self.values(template, seed) else { return };
        let written = if excess { values.len() } else { usize::try_from(seed).unwrap() % values.len() };
        let outcome = self.exporter.record(&handle, self.export_time_s, |record| {
            let values = types.iter().zip(&values).take(written);
            values.into_iter().try_for_each(|(data_type, value)| value.write(*data_type, record))?;
            if excess { record.u8(0) } else { Ok(()) }
        });
        assert!(matches!(outcome, Err(ExportError::Record { .. })), "{outcome:?}");
        self.refused += 1;
    }

    fn values(
        &self,
        template: usize,
        seed: u64,
    ) -> Option<(usize, TemplateHandle, Vec<DataType>, Vec<Value>)> {
        let index = template.checked_rem(self.templates.len())?;
        let fields = self.templates[index].fields().iter();
        let types = fields.clone().map(|field| field.element().data_type()).collect();
        let values = fields.enumerate().map(|(position, field)| {
            let seed = scatter(seed.wrapping_add(u64::try_from(position).unwrap()));
            Value::new(field.element().data_type(), field.length(), seed)
        });
        Some((index, self.handles[index], types, values.collect()))
    }

    fn note(&mut self, outcome: Result<(), ExportError>) {
        match outcome {
            Ok(()) => {}
            Err(ExportError::Output(error)) => {
                assert_eq!(error.source.kind(), ErrorKind::Other);
                self.reported_lost.0 += error.lost_messages;
                self.reported_lost.1 += error.lost_records;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Keeps all messages, and pretends to lose some.
#[derive(Debug, Default)]
struct Lossy {
    datagrams: bool,
    /// Whether each message gets lost; those beyond arrive.
    fate: Vec<bool>,
    /// Each with whether it arrived.
    messages: Vec<(Vec<u8>, bool)>,
}

impl Lossy {
    fn all(&self) -> Vec<u8> {
        self.messages.iter().flat_map(|(message, _)| message).copied().collect()
    }
}

impl Output for Lossy {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let lost = self.fate.get(self.messages.len()).is_some_and(|lost| *lost);
        self.messages.push((message.to_vec(), !lost));
        if lost { Err(io::Error::other("lost")) } else { Ok(()) }
    }

    fn is_datagram(&self) -> bool {
        self.datagrams
    }
}

fn field(data_type: DataType, origin: Origin, length: u16) -> Field {
    let id = 1_001 + u16::from(data_type.code());
    let element = |enterprise| InformationElement::new(enterprise, id, name(id), data_type).unwrap();
    let element = match origin {
        Origin::Iana => element(IANA_ENTERPRISE),
        Origin::Reverse => element(IANA_ENTERPRISE).reverse().unwrap(),
        Origin::Enterprise => element(ENTERPRISE),
    };
    element.with_length(length)
}

fn name(id: u16) -> String {
    format!("e{id}")
}

fn setup(messages: Range<u16>) -> impl Strategy<Value = Setup> {
    let size = prop_oneof![6 => messages, 1 => Just(65_535)];
    (size, 1_u32..100, 1_u32..8, any::<bool>(), any::<bool>()).prop_map(
        |(maximum_message, refresh_s, refresh_messages, datagrams, type_information)| Setup {
            maximum_message,
            refresh_s,
            refresh_messages,
            datagrams,
            type_information,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let template = any::<prop::sample::Index>().prop_map(|index| index.index(1_000));
    let register = (vec(field_shape(), 1..12), prop_oneof![2 => Just(0_usize), 1 => 1_usize..3])
        .prop_map(|(fields, scope_count)| Action::Register { fields, scope_count });
    prop_oneof![
        2 => register,
        20 => (template.clone(), any::<u64>()).prop_map(|(template, seed)| Action::Record { template, seed }),
        1 => (template, any::<u64>(), any::<bool>())
            .prop_map(|(template, seed, excess)| Action::Refused { template, seed, excess }),
        1 => Just(Action::Announce),
        2 => Just(Action::Flush),
        2 => (1_u32..60).prop_map(|seconds| Action::Wait { seconds }),
    ]
}

fn field_shape() -> impl Strategy<Value = (DataType, Origin, u16)> {
    let origin = prop_oneof![Just(Origin::Iana), Just(Origin::Reverse), Just(Origin::Enterprise)];
    (prop::sample::select(TYPES), origin, any::<u16>()).prop_map(|(data_type, origin, seed)| {
        let natural = data_type.natural_length();
        let length = match data_type {
            DataType::Float64 if seed.is_multiple_of(2) => 4,
            _ if data_type.is_integer() && seed.is_multiple_of(2) => 1 + seed / 2 % natural,
            DataType::OctetArray if seed.is_multiple_of(2) => 1 + seed % 9,
            _ => natural,
        };
        assert!(data_type.allows_length(length) || length == VARIABLE_LENGTH);
        (data_type, origin, length)
    })
}

/// Spreads neighbouring seeds over all bits (the finalizer of `SplitMix64`).
fn scatter(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

const DOMAIN: u32 = 0xcafe_f10e;
/// Reserved for documentation (RFC 5612).
const ENTERPRISE: u32 = 32_473;
const START_S: u32 = 1_763_888_400;
const TYPES: &[DataType] = &[
    DataType::OctetArray,
    DataType::Unsigned8,
    DataType::Unsigned16,
    DataType::Unsigned32,
    DataType::Unsigned64,
    DataType::Signed8,
    DataType::Signed16,
    DataType::Signed32,
    DataType::Signed64,
    DataType::Float32,
    DataType::Float64,
    DataType::Boolean,
    DataType::MacAddress,
    DataType::String,
    DataType::DateTimeSeconds,
    DataType::DateTimeMilliseconds,
    DataType::DateTimeMicroseconds,
    DataType::DateTimeNanoseconds,
    DataType::Ipv4Address,
    DataType::Ipv6Address,
    DataType::BasicList,
    DataType::Unsigned256,
];
