//! What waits on disk for a collector.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use ipfix_export::{Exporter, ExporterConfig, Notice, Output as _, TcpOutput, TcpSettings, Template, iana};

use super::{
    collector::{collect, listen, nobody, read_to_end},
    numbered::{Probe, START_S, Session, numbers},
};

#[test]
fn what_one_run_leaves_in_the_spool_goes_first_in_the_next() {
    let (address, folder) = (nobody(), tempfile::tempdir().unwrap());
    let settings = spooling(folder.path(), 16 << 20);
    for run in 0..3 {
        let mut probe = Probe::new(address, settings.clone());
        probe.export(run * 1_000..(run + 1) * 1_000);
        let error = probe.exporter.close(START_S).unwrap_err().to_string();
        let waiting = format!("{} records wait in {}", (run + 1) * 1_000, folder.path().display());
        assert!(error.contains("Connection refused") && error.contains(&waiting), "{error}");
        assert_eq!(probe.exporter.statistics().lost_records, 0);
    }
    let collector = collect(TcpListener::bind(address).unwrap());
    let mut probe = Probe::new(address, settings);
    probe.export(3_000..4_000);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[collector.join().unwrap()]), (0..4_000).collect::<Vec<_>>());
    assert!(parts(folder.path()).is_empty());
}

/// Another program, or another version of it, may have given a template's number to another template.
#[test]
fn a_template_that_has_changed_since_an_earlier_run_gets_a_session_of_its_own() {
    let (address, folder) = (nobody(), tempfile::tempdir().unwrap());
    let settings = spooling(folder.path(), 16 << 20);
    let output = TcpOutput::resolve(&address.to_string(), settings.clone()).unwrap();
    let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
    let other = exporter.register(&Template::new(256, [iana::FLOW_ID.field()]).unwrap()).unwrap();
    exporter.record(&other, START_S, |record| record.u64(0)).unwrap();
    exporter.close(START_S).unwrap_err();
    drop(exporter);
    let listener = TcpListener::bind(address).unwrap();
    let collector =
        thread::spawn(move || [(); 2].map(|()| Session::of(&read_to_end(&mut listener.accept().unwrap().0))));
    let mut probe = Probe::new(address, settings);
    probe.export(1..100);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&collector.join().unwrap()), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_spool_that_is_full_shows_as_one_exact_gap() {
    let (address, folder) = (nobody(), tempfile::tempdir().unwrap());
    let settings = spooling(folder.path(), 1 << 20);
    let mut probe = Probe::new(address, settings.clone());
    probe.export(0..200_000);
    probe.exporter.close(START_S).unwrap_err();
    let lost = probe.exporter.statistics().lost_records;
    assert!(lost > 100_000, "{lost}");
    let taken: u64 = files(folder.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(taken <= (1 << 20) + 4_096, "{taken}");
    let gaps = probe.lost();
    let [Notice::Lost(gap)] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!((gap.records, gap.first_export_s, gap.last_export_s), (lost, START_S, START_S));
    drop(probe);
    let collector = collect(TcpListener::bind(address).unwrap());
    let mut probe = Probe::new(address, settings);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[collector.join().unwrap()]), (0..200_000 - lost).collect::<Vec<_>>());
}

#[test]
fn a_spool_that_somebody_else_uses_is_refused() {
    let (_listener, address) = listen();
    let folder = tempfile::tempdir().unwrap();
    let settings = TcpSettings::new().with_spool(folder.path(), 1 << 20);
    let _one = TcpOutput::resolve(&address.to_string(), settings.clone()).unwrap();
    let error = TcpOutput::resolve(&address.to_string(), settings).unwrap_err().to_string();
    assert!(error.contains("another program does"), "{error}");
}

#[test]
fn a_part_of_the_spool_that_is_cut_is_told() {
    let (address, folder) = (nobody(), tempfile::tempdir().unwrap());
    let settings = spooling(folder.path(), 16 << 20);
    let mut probe = Probe::new(address, settings.clone());
    for step in 0..10 {
        probe.export(step * 10..(step + 1) * 10);
        probe.exporter.flush(START_S).unwrap();
    }
    probe.exporter.close(START_S).unwrap_err();
    drop(probe);
    let part = parts(folder.path()).remove(0);
    let file = File::options().write(true).open(&part).unwrap();
    file.set_len(file.metadata().unwrap().len() - 5).unwrap();
    let mut output = TcpOutput::resolve(&address.to_string(), settings).unwrap();
    assert_eq!(output.waiting_records(), 90);
    let notices = output.take_notices();
    let [Notice::Spool(text)] = &notices[..] else { panic!("{notices:?}") };
    assert!(text.contains(part.to_str().unwrap()) && text.contains("octets are damaged"), "{text}");
}

/// A spool of so many octets. A collector that is away is hardly waited for at the end.
fn spooling(folder: &Path, octets: u64) -> TcpSettings {
    TcpSettings::new().with_spool(folder, octets).with_closing_patience(Duration::from_millis(100))
}

/// The files with messages that a spool has.
pub(crate) fn parts(folder: &Path) -> Vec<PathBuf> {
    let is_part = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ipfix");
    files(folder).into_iter().filter(is_part).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
