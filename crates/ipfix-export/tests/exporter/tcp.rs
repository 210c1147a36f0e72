//! Connections over the loopback interface that break in every way.

use std::{
    io::Read as _,
    net::{Shutdown, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ipfix_export::{Notice, TcpOutput, TcpSettings};

use super::{
    collector::{collect, listen, nobody, read_for, read_to_end, read_until_quiet, reset_when_dropped},
    numbered::{Probe, START_S, Session, numbers},
    spool::parts,
};

#[test]
fn everything_arrives_once_and_in_order() {
    let (listener, address) = listen();
    let collector = collect(listener);
    let mut probe = Probe::new(address, TcpSettings::new());
    probe.export(0..100_000);
    probe.exporter.close(START_S).unwrap();
    let sessions = [collector.join().unwrap()];
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
    assert!(parts(folder.path()).is_empty());
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
    let address = nobody();
    for spool in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let settings = TcpSettings::new();
        let settings = if spool { settings.with_spool(folder.path(), 1 << 20) } else { settings };
        let mut probe = Probe::new(address, settings);
        probe.export(0..1_000);
        probe.exporter.flush(START_S).unwrap();
        thread::sleep(Duration::from_millis(300));
        let collector = collect(TcpListener::bind(address).unwrap());
        probe.export(1_000..2_000);
        probe.exporter.close(START_S).unwrap();
        assert_eq!(numbers(&[collector.join().unwrap()]), (0..2_000).collect::<Vec<_>>(), "spool: {spool}");
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
fn a_collector_that_has_no_address_is_named() {
    let error = TcpOutput::resolve("127.0.0.1:none", TcpSettings::new()).unwrap_err().to_string();
    assert!(error.contains("cannot resolve the collector 127.0.0.1:none"), "{error}");
}
