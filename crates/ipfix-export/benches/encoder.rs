//! What it costs to export: one element of throughput is one record.
#![expect(clippy::unwrap_used, reason = "a bench that cannot set itself up has nothing to measure")]

#[path = "../examples/biflow_file/biflow.rs"]
mod biflow;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ipfix_export::{Exporter, ExporterConfig, MAXIMUM_MESSAGE, MemoryOutput, Template, TemplateHandle, iana};

use self::biflow::Biflow;

criterion_group!(benches, biflows, biflows_over_ipv6, texts);
criterion_main!(benches);

/// Biflow records over IPv4 of 35 fields and 150 octets, assembled into messages and copied to memory.
fn biflows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("biflow_ipv4");
    group.throughput(Throughput::Elements(RECORDS));
    let flows = flows(|number| number % 4 != 3);
    for octets in [DATAGRAM, MAXIMUM_MESSAGE] {
        group.bench_function(format!("message_of_{octets}"), |bencher| {
            let (mut exporter, template) = exporter(octets, &biflow::template(256, 4).unwrap());
            bencher.iter(|| export(&mut exporter, &template, &flows));
        });
    }
}

/// The same over IPv6, of 174 octets.
fn biflows_over_ipv6(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("biflow_ipv6");
    group.throughput(Throughput::Elements(RECORDS));
    let flows = flows(|number| number % 4 == 3);
    for octets in [DATAGRAM, MAXIMUM_MESSAGE] {
        group.bench_function(format!("message_of_{octets}"), |bencher| {
            let (mut exporter, template) = exporter(octets, &biflow::template(256, 6).unwrap());
            bencher.iter(|| export(&mut exporter, &template, &flows));
        });
    }
}

/// Records of one text of 36 octets: the cost of a record apart from that of its fields.
fn texts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("message_of_1400", |bencher| {
        let (mut exporter, template) =
            exporter(DATAGRAM, &Template::new(256, [iana::APPLICATION_NAME.field()]).unwrap());
        bencher.iter(|| {
            exporter.output_mut().clear();
            for _ in 0..RECORDS {
                let text = black_box("an application of an unwieldy name");
                exporter.record(&template, EXPORT_TIME_S, |record| record.string(text)).unwrap();
            }
        });
    });
}

fn export(exporter: &mut Exporter<MemoryOutput>, template: &TemplateHandle, flows: &[Biflow]) {
    exporter.output_mut().clear();
    for flow in flows {
        exporter.record(template, EXPORT_TIME_S, |record| flow.write(record)).unwrap();
    }
    black_box(exporter.output().octets());
}

fn exporter(maximum_message: u16, template: &Template) -> (Exporter<MemoryOutput>, TemplateHandle) {
    let config = ExporterConfig::new(1).with_maximum_message(maximum_message);
    let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
    let template = exporter.register(template).unwrap();
    (exporter, template)
}

fn flows(wanted: impl Fn(&u64) -> bool) -> Vec<Biflow> {
    let numbers = (0..).filter(wanted).take(RECORDS.try_into().unwrap());
    numbers.map(|number| Biflow::logon_attempt(number, START_MS)).collect()
}

const RECORDS: u64 = 4_096;
const DATAGRAM: u16 = 1_400;
const START_MS: u64 = 1_763_888_400_123;
const EXPORT_TIME_S: u32 = 1_763_888_460;
