//! Files that follow each other.

use std::path::{Path, PathBuf};

use ipfix_export::{Exporter, ExporterConfig, RotatingOutput, Rotation, Template, iana};

use super::decoder::Decoder;

#[test]
fn each_file_stands_for_itself_and_nothing_is_lost_between_them() {
    for (rotation, message) in
        [(Rotation::Octets(10_000), 1_000), (Rotation::Seconds(3_600), 1_000), (Rotation::Octets(1), 512)]
    {
        let folder = tempfile::tempdir().unwrap();
        let names = folder.path().to_owned();
        let mut number = 0;
        let output = RotatingOutput::new(rotation, move |time| {
            number += 1;
            names.join(format!("{number:04}-{time}.ipfix"))
        })
        .with_maximum_message(message);
        let config = ExporterConfig::new(1).with_maximum_message(message);
        let mut exporter = Exporter::new(config, output).unwrap();
        let templates = [256, 257].map(|id| {
            let template = Template::new(id, [iana::FLOW_ID.field(), iana::APPLICATION_NAME.field()]);
            exporter.register(&template.unwrap()).unwrap()
        });
        // Five hours, from half past one on.
        for number in 0..5_000_u32 {
            let template = &templates[usize::from(number % 1_000 > 500)];
            exporter
                .record(template, START_S + number * 18 / 5, |record| {
                    record.u64(number.into())?;
                    record.string("name")
                })
                .unwrap();
        }
        exporter.close(START_S + 18_000).unwrap();
        assert_eq!((exporter.statistics().data_records, exporter.statistics().lost_records), (5_000, 0));
        let files = files(folder.path());
        assert_eq!(u64::try_from(files.len()).unwrap(), exporter.output().files());
        let mut next = 0;
        for file in &files {
            next = check(file, rotation, next);
        }
        assert_eq!(next, 5_000);
        assert!(files.len() >= 6, "{} files", files.len());
        if rotation == Rotation::Seconds(3_600) {
            assert_eq!(files.len(), 6);
        }
    }
}

#[test]
fn a_folder_that_is_not_there_costs_records_that_are_counted() {
    let output = RotatingOutput::new(Rotation::Seconds(60), |_| PathBuf::from("/no/such/folder/a.ipfix"));
    let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
    let template = exporter.register(&Template::new(256, [iana::FLOW_ID.field()]).unwrap()).unwrap();
    exporter.record(&template, START_S, |record| record.u64(1)).unwrap();
    let error = exporter.close(START_S).unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
    assert_eq!(exporter.statistics().lost_records, 1);
}

/// The records of a file follow on, and it is no larger and no longer than it may be. Returns the number that should come next.
fn check(file: &Path, rotation: Rotation, mut next: u64) -> u64 {
    let octets = std::fs::read(file).unwrap();
    let messages = Decoder::default().stream(&octets).unwrap();
    let mut sequence_number = 0;
    for message in &messages {
        assert_eq!(message.sequence_number, sequence_number);
        for (_, values) in message.data_records() {
            assert_eq!(values[0], next.to_be_bytes());
            next += 1;
            sequence_number += 1;
        }
    }
    match rotation {
        Rotation::Octets(limit) if limit > 1 => assert!(octets.len() <= 10_000 + 200, "{}", octets.len()),
        Rotation::Seconds(seconds) => {
            let hours = messages.iter().map(|message| message.export_time / seconds);
            assert_eq!(hours.clone().min(), hours.max());
        }
        _ => {}
    }
    next
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Half past an hour.
const START_S: u32 = 1_763_890_200;
