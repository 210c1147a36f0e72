//! Files of messages, and disks that do not take them.

use std::{fs, io::ErrorKind};

use ipfix_export::{
    ExportError, Exporter, ExporterConfig, FileOutput, Output, Template, TemplateHandle, iana,
};

use super::decoder::{Decoder, Message};

#[test]
fn a_file_holds_every_record_and_each_template_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.ipfix");
    fs::write(&path, "what was there before").unwrap();
    let (mut exporter, template) = exporter(FileOutput::create(&path).unwrap());
    for number in 0..100_000 {
        export(&mut exporter, &template, number).unwrap();
    }
    let kept_back = exporter.statistics();
    assert!(kept_back.data_records > 0 && kept_back.data_records < 100_000, "{kept_back:?}");
    exporter.flush(START_S).unwrap();
    let statistics = exporter.statistics();
    exporter.into_output().finish().unwrap();

    let octets = fs::read(&path).unwrap();
    assert_eq!(statistics.octets, u64::try_from(octets.len()).unwrap());
    assert_eq!((statistics.data_records, statistics.template_records), (100_000, 1));
    let messages = Decoder::default().stream(&octets).unwrap();
    assert_eq!(statistics.messages, u64::try_from(messages.len()).unwrap());
    for ((_, values), number) in messages.iter().flat_map(Message::data_records).zip(0_u64..) {
        assert_eq!(values[0], number.to_be_bytes());
    }
}

#[test]
fn a_file_without_records_still_says_what_could_have_been_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.ipfix");
    let (mut exporter, _) = exporter(FileOutput::create(&path).unwrap());
    exporter.announce(START_S).unwrap();
    exporter.announce(START_S + 1_000).unwrap();
    exporter.flush(START_S + 1_000).unwrap();
    let messages = Decoder::default().stream(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(messages.iter().flat_map(Message::templates).count(), 1);
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = FileOutput::create(folder.path()).unwrap_err();
    assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_records_that_are_counted() {
    let output: Box<dyn Output> = Box::new(FileOutput::create("/dev/full").unwrap());
    let (mut exporter, template) = exporter(output);
    for number in 0..10 {
        export(&mut exporter, &template, number).unwrap();
    }
    let error = exporter.flush(START_S).unwrap_err();
    assert_eq!((error.lost_messages, error.lost_records), (1, 10));
    assert_eq!(error.source.kind(), ErrorKind::StorageFull);
    assert!(
        error.to_string().starts_with("lost 10 records in 1 message: cannot write the IPFIX file /dev/full")
    );

    // The exporter can be used on, and goes on counting.
    export(&mut exporter, &template, 10).unwrap();
    let error = exporter.flush(START_S).unwrap_err();
    assert_eq!((error.lost_messages, error.lost_records), (1, 1));
    let statistics = exporter.statistics();
    assert_eq!((statistics.data_records, statistics.lost_messages, statistics.lost_records), (0, 2, 11));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_in_the_middle_costs_no_record_twice() {
    let (mut exporter, template) = exporter(FileOutput::create("/dev/full").unwrap());
    let (mut reported, records) = (0, 100_000);
    for number in 0..records {
        match export(&mut exporter, &template, number) {
            Ok(()) => {}
            Err(ExportError::Output(error)) => reported += error.lost_records,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(reported > 0, "the buffer is smaller than the records");
    reported += exporter.flush(START_S).unwrap_err().lost_records;
    assert_eq!(reported, records);
    assert_eq!(exporter.statistics().lost_records, records);
}

fn exporter<O: Output>(output: O) -> (Exporter<O>, TemplateHandle) {
    let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
    let template = exporter.register(&Template::new(256, [iana::FLOW_ID.field()]).unwrap()).unwrap();
    (exporter, template)
}

fn export<O: Output>(
    exporter: &mut Exporter<O>,
    template: &TemplateHandle,
    number: u64,
) -> Result<(), ExportError> {
    exporter.record(template, START_S, |record| record.u64(number))
}

const START_S: u32 = 1_763_888_400;
