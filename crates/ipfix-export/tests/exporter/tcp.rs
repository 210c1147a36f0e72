//! Connections over the loopback interface that break in every way.

use std::{
    io::Read as _,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ipfix_export::{
    DataType, Exporter, ExporterConfig, InformationElement, Notice, TcpOutput, TcpSettings, Template,
    TemplateHandle, iana,
};

use super::decoder::Decoder;

#[test]
fn everything_arrives_once_and_in_order() {
    let (listener, address) = listen();
    let collector = thread::spawn(move || read_to_end(&mut listener.accept().unwrap().0));
    let mut probe = Probe::new(address, TcpSettings::new());
    probe.export(0..100_000);
    probe.exporter.close(START_S).unwrap();
    let sessions = [Session::of(&collector.join().unwrap())];
    assert_eq!(numbers(&sessions), (0..100_000).collect::<Vec<_>>());
    let statistics = probe.exporter.statistics();
    // Three templates, and the description of an element.
    assert_eq!((statistics.data_records, statistics.template_records), (100_001, 3));
    assert_eq!(statistics.octets, sessions[0].octets);
    assert_eq!(statistics.messages, sessions[0].messages);
    assert_eq!(probe.notices(), ["connected"]);
}

/// The collector ends connections as one that is restarted does: it reads on until there is no more.
#[test]
fn a_collector_that_comes_and_goes_misses_nothing() {
    let (listener, address) = listen();
    let is_over = Arc::new(AtomicBool::new(false));
    let is_last = Arc::clone(&is_over);
    let collector = thread::spawn(move || {
        let mut sessions = Vec::new();
        loop {
            let mut connection = listener.accept().unwrap().0;
            let mut octets =
                read_for(&mut connection, Duration::from_millis(3 * (1 + sessions.len() as u64)));
            let is_last = is_last.load(Ordering::Relaxed);
            if !is_last {
                connection.shutdown(Shutdown::Write).unwrap();
            }
            octets.extend(read_to_end(&mut connection));
            sessions.push(Session::of(&octets));
            if is_last {
                return sessions;
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let mut probe = Probe::new(address, TcpSettings::new().with_spool(folder.path(), 64 << 20));
    for step in 0..400 {
        probe.export(step * 1_000..(step + 1) * 1_000);
        thread::sleep(Duration::from_millis(5));
    }
    is_over.store(true, Ordering::Relaxed);
    // If that was the last moment of a connection, there is another one.
    thread::sleep(Duration::from_millis(500));
    probe.export(400_000..400_001);
    probe.exporter.close(START_S).unwrap();
    let sessions = collector.join().unwrap();
    assert_eq!(numbers(&sessions), (0..400_001).collect::<Vec<_>>());
    assert!(sessions.len() > 5, "{} sessions", sessions.len());
    assert_eq!(parts(folder.path()), 0);
}

#[test]
fn a_connection_that_is_reset_costs_nothing_that_was_not_read() {
    let (listener, address) = listen();
    let collector = thread::spawn(move || {
        let mut sessions = Vec::new();
        for _ in 0..5 {
            let mut connection = listener.accept().unwrap().0;
            let octets = read_until_quiet(&mut connection);
            reset_when_dropped(&connection);
            sessions.push(Session::of(&octets));
        }
        let mut connection = listener.accept().unwrap().0;
        sessions.push(Session::of(&read_to_end(&mut connection)));
        sessions
    });
    let mut probe = Probe::new(address, TcpSettings::new());
    for step in 0..30 {
        probe.export(step * 100..(step + 1) * 100);
        probe.exporter.flush(START_S).unwrap();
        thread::sleep(Duration::from_millis(if step % 5 == 4 { 500 } else { 5 }));
    }
    probe.exporter.close(START_S).unwrap();
    let sessions = collector.join().unwrap();
    assert_eq!(numbers(&sessions), (0..3_000).collect::<Vec<_>>());
    assert!(sessions.len() == 6, "{}", sessions.len());
    let notices = probe.notices();
    assert!(notices.iter().any(|notice| notice.contains("away")), "{notices:?}");
}

#[test]
fn what_came_before_the_collector_waits_for_it() {
    let (listener, address) = listen();
    drop(listener);
    for spool in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let settings = TcpSettings::new();
        let settings = if spool { settings.with_spool(folder.path(), 1 << 20) } else { settings };
        let mut probe = Probe::new(address, settings);
        probe.export(0..1_000);
        probe.exporter.flush(START_S).unwrap();
        thread::sleep(Duration::from_millis(300));
        let listener = TcpListener::bind(address).unwrap();
        let collector = thread::spawn(move || read_to_end(&mut listener.accept().unwrap().0));
        probe.export(1_000..2_000);
        probe.exporter.close(START_S).unwrap();
        let sessions = [Session::of(&collector.join().unwrap())];
        assert_eq!(numbers(&sessions), (0..2_000).collect::<Vec<_>>(), "spool: {spool}");
        let notices = probe.notices();
        assert!(notices[0].contains("the collector is away: Connection refused"), "{notices:?}");
        assert!(notices[1].starts_with("connected; ") && notices.len() == 2, "{notices:?}");
    }
}

#[test]
fn a_collector_that_stops_reading_keeps_nobody_waiting_and_shows_as_a_gap() {
    let (listener, address) = listen();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let collector = thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        may_go_on.recv().unwrap();
        read_to_end(&mut connection)
    });
    let mut probe = Probe::new(address, TcpSettings::new().with_memory_octets(4 << 20));
    // Twenty times of what finds room.
    for number in 0..2_000_000 {
        probe.export_at(START_S + u32::try_from(number / 100_000).unwrap(), number..number + 1);
    }
    probe.exporter.flush(START_S + 100).unwrap();
    let statistics = probe.exporter.statistics();
    assert!(statistics.lost_records > 1_000_000, "{statistics:?}");
    go_on.send(()).unwrap();
    thread::sleep(Duration::from_millis(500));
    probe.export_at(START_S + 200, 2_000_000..2_000_001);
    probe.exporter.close(START_S + 200).unwrap();
    let sessions = [Session::of(&collector.join().unwrap())];
    let (statistics, numbers) = (probe.exporter.statistics(), numbers(&sessions));
    assert_eq!(statistics.data_records - 1, u64::try_from(numbers.len()).unwrap());
    assert_eq!(statistics.data_records - 1 + statistics.lost_records, 2_000_001);
    // What is lost is one piece, and the sequence numbers show it.
    let missing: Vec<_> = (0..2_000_001).filter(|number| numbers.binary_search(number).is_err()).collect();
    let lost = u64::try_from(missing.len()).unwrap();
    assert_eq!(missing.last().unwrap() - missing[0] + 1, lost);
    assert_eq!((statistics.lost_records, u64::from(sessions[0].gap)), (lost, lost));
    let gaps = probe.lost();
    let [Notice::Lost(gap)] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!((gap.records, gap.messages), (lost, statistics.lost_messages));
    // A message has the time of its last record.
    assert!(gap.first_export_s.abs_diff(START_S + u32::try_from(missing[0] / 100_000).unwrap()) <= 1);
    assert_eq!(gap.last_export_s, START_S + 100);
}

#[test]
fn a_caller_with_patience_loses_nothing_to_a_slow_collector() {
    let (listener, address) = listen();
    let collector = thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        let (mut octets, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
        loop {
            match connection.read(&mut buffer).unwrap() {
                0 => return octets,
                length => octets.extend_from_slice(&buffer[..length]),
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let settings = TcpSettings::new().with_memory_octets(256 << 10).with_patience(Duration::from_secs(10));
    let mut probe = Probe::new(address, settings);
    probe.export(0..500_000);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[Session::of(&collector.join().unwrap())]), (0..500_000).collect::<Vec<_>>());
}

#[test]
fn what_one_run_leaves_in_the_spool_goes_first_in_the_next() {
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let settings = TcpSettings::new()
        .with_spool(folder.path(), 16 << 20)
        .with_closing_patience(Duration::from_millis(100));
    for run in 0..3 {
        let mut probe = Probe::new(address, settings.clone());
        probe.export(run * 1_000..(run + 1) * 1_000);
        let error = probe.exporter.close(START_S).unwrap_err().to_string();
        let waiting = format!("{} records wait in {}", (run + 1) * 1_000, folder.path().display());
        assert!(error.contains("Connection refused") && error.contains(&waiting), "{error}");
        assert_eq!(probe.exporter.statistics().lost_records, 0);
    }
    let listener = TcpListener::bind(address).unwrap();
    let collector = thread::spawn(move || {
        let mut connections = listener.incoming();
        let mut connection = connections.next().unwrap().unwrap();
        Session::of(&read_to_end(&mut connection))
    });
    let mut probe = Probe::new(address, settings);
    probe.export(3_000..4_000);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[collector.join().unwrap()]), (0..4_000).collect::<Vec<_>>());
    assert_eq!(parts(folder.path()), 0);
}

/// Another program, or another version of it, may have given a template's number to another template.
#[test]
fn a_template_that_has_changed_since_an_earlier_run_gets_a_session_of_its_own() {
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let settings = TcpSettings::new()
        .with_spool(folder.path(), 16 << 20)
        .with_closing_patience(Duration::from_millis(100));
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
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let settings = TcpSettings::new()
        .with_spool(folder.path(), 1 << 20)
        .with_closing_patience(Duration::from_millis(100));
    let mut probe = Probe::new(address, settings.clone());
    probe.export(0..200_000);
    probe.exporter.close(START_S).unwrap_err();
    let lost = probe.exporter.statistics().lost_records;
    assert!(lost > 100_000, "{lost}");
    let taken: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(taken <= (1 << 20) + 4_096, "{taken}");
    let gaps = probe.lost();
    let [Notice::Lost(gap)] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!((gap.records, gap.first_export_s, gap.last_export_s), (lost, START_S, START_S));
    drop(probe);
    let listener = TcpListener::bind(address).unwrap();
    let collector = thread::spawn(move || read_to_end(&mut listener.accept().unwrap().0));
    let mut probe = Probe::new(address, settings);
    probe.exporter.close(START_S).unwrap();
    let session = Session::of(&collector.join().unwrap());
    assert_eq!(numbers(&[session]), (0..200_000 - lost).collect::<Vec<_>>());
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
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let settings = TcpSettings::new()
        .with_spool(folder.path(), 16 << 20)
        .with_closing_patience(Duration::from_millis(100));
    let mut probe = Probe::new(address, settings.clone());
    for step in 0..10 {
        probe.export(step * 10..(step + 1) * 10);
        probe.exporter.flush(START_S).unwrap();
    }
    probe.exporter.close(START_S).unwrap_err();
    drop(probe);
    let part = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "ipfix"))
        .unwrap();
    let file = std::fs::File::options().write(true).open(&part).unwrap();
    file.set_len(file.metadata().unwrap().len() - 5).unwrap();
    let mut output = TcpOutput::resolve(&address.to_string(), settings).unwrap();
    assert_eq!(output.waiting_records(), 90);
    let notices = ipfix_export::Output::take_notices(&mut output);
    let [Notice::Spool(text)] = &notices[..] else { panic!("{notices:?}") };
    assert!(text.contains(part.to_str().unwrap()) && text.contains("octets are damaged"), "{text}");
}

#[test]
fn a_collector_that_has_no_address_is_named() {
    let error = TcpOutput::resolve("127.0.0.1:none", TcpSettings::new()).unwrap_err().to_string();
    assert!(error.contains("cannot resolve the collector 127.0.0.1:none"), "{error}");
}

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

    pub(crate) fn export(&mut self, numbers: std::ops::Range<u64>) {
        self.export_at(START_S, numbers);
    }

    fn export_at(&mut self, time: u32, numbers: std::ops::Range<u64>) {
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

    fn lost(&mut self) -> Vec<Notice> {
        self.notices_themselves().into_iter().filter(|notice| matches!(notice, Notice::Lost(_))).collect()
    }

    fn notices_themselves(&mut self) -> Vec<Notice> {
        ipfix_export::Output::take_notices(self.exporter.output_mut())
    }
}

/// What a collector got over one connection.
pub(crate) struct Session {
    pub(crate) numbers: Vec<u64>,
    octets: u64,
    messages: u64,
    /// Records that are missing by the sequence numbers.
    gap: u32,
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

pub(crate) fn numbers(sessions: &[Session]) -> Vec<u64> {
    sessions.iter().flat_map(|session| session.numbers.iter().copied()).collect()
}

pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) fn read_to_end(connection: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    // It may be reset in the end; what came before counts.
    connection.read_to_end(&mut octets).ok();
    octets
}

/// Reads for about this long.
#[expect(clippy::disallowed_methods, reason = "a test waits")]
fn read_for(connection: &mut TcpStream, time: Duration) -> Vec<u8> {
    let end = std::time::Instant::now() + time;
    let (mut octets, mut buffer) = (Vec::new(), vec![0; 10_000]);
    connection.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    while std::time::Instant::now() < end {
        if let Ok(length) = connection.read(&mut buffer) {
            octets.extend_from_slice(&buffer[..length]);
        }
    }
    octets
}

/// Reads until nothing has come for a while, so that all is confirmed.
pub(crate) fn read_until_quiet(connection: &mut TcpStream) -> Vec<u8> {
    let (mut octets, mut buffer) = (Vec::new(), vec![0; 10_000]);
    connection.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return octets,
            Ok(length) => octets.extend_from_slice(&buffer[..length]),
            Err(_) if octets.is_empty() => {}
            Err(_) => return octets,
        }
    }
}

pub(crate) fn reset_when_dropped(connection: &TcpStream) {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(connection, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
}

/// How many files a spool has.
fn parts(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "ipfix")).count()
}

pub(crate) const START_S: u32 = 1_763_888_400;
