//! Collectors that stand in for each other.

use std::{net::TcpListener, thread, time::Duration};

use ipfix_export::{TcpOutput, TcpSettings};

use super::{
    collector::{collect, listen, read_to_end, read_until_quiet, reset_when_dropped},
    numbered::{Probe, START_S, Session, numbers},
};

#[test]
fn while_the_first_is_there_the_others_get_nothing() {
    let [(first, address), (second, other)] = [listen(), listen()];
    let collector = collect(first);
    let mut probe = Probe::new(address, TcpSettings::new().with_fallback(other.to_string()));
    probe.export(0..1_000);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[collector.join().unwrap()]), (0..1_000).collect::<Vec<_>>());
    second.set_nonblocking(true).unwrap();
    assert!(second.accept().is_err(), "nobody has called");
    assert_eq!(probe.notices(), [format!("connected to {address}")]);
}

#[test]
fn the_first_that_is_there_gets_everything() {
    let [(first, address), (second, other), (third, last)] = [listen(), listen(), listen()];
    drop((first, second));
    let collector = collect(third);
    let settings = TcpSettings::new().with_fallback(other.to_string()).with_fallback(last.to_string());
    let mut probe = Probe::new(address, settings);
    probe.export(0..1_000);
    probe.exporter.close(START_S).unwrap();
    assert_eq!(numbers(&[collector.join().unwrap()]), (0..1_000).collect::<Vec<_>>());
    assert_eq!(probe.notices(), [format!("connected to {last}")]);
}

#[test]
fn when_all_are_away_each_is_told_with_its_reason() {
    let [(first, address), (second, other)] = [listen(), listen()];
    drop((first, second));
    let settings = TcpSettings::new().with_fallback(other.to_string());
    let mut probe = Probe::new(address, settings.with_closing_patience(Duration::from_secs(3)));
    probe.export(0..10);
    let error = probe.exporter.close(START_S).unwrap_err().source.to_string();
    for said in [format!("the collector {address}, {other} is away"), format!("{other}: Connection refused")]
    {
        assert!(error.contains(&said), "{error}");
    }
    assert_eq!(probe.exporter.statistics().lost_records, 10);
}

/// What the first has not confirmed goes to the second, once. When the first is back it gets what follows.
#[test]
fn another_stands_in_until_the_first_is_back() {
    for spool in [false, true] {
        let [(first, address), (second, other)] = [listen(), listen()];
        let folder = tempfile::tempdir().unwrap();
        let settings =
            TcpSettings::new().with_fallback(other.to_string()).with_return_after(Duration::from_millis(300));
        let settings = if spool { settings.with_spool(folder.path(), 1 << 20) } else { settings };
        let mut probe = Probe::new(address, settings);
        let breaks = thread::spawn(move || {
            let mut connection = first.accept().unwrap().0;
            let octets = read_until_quiet(&mut connection);
            reset_when_dropped(&connection);
            octets
        });
        let stands_in = collect(second);
        probe.export(0..1_000);
        probe.exporter.flush(START_S).unwrap();
        let mut sessions = vec![Session::of(&breaks.join().unwrap())];
        probe.export(1_000..2_000);
        probe.exporter.flush(START_S).unwrap();
        thread::sleep(Duration::from_millis(500));
        let is_back = collect(TcpListener::bind(address).unwrap());
        for step in 20..40 {
            probe.export(step * 100..(step + 1) * 100);
            probe.exporter.flush(START_S).unwrap();
            thread::sleep(Duration::from_millis(50));
        }
        probe.exporter.close(START_S).unwrap();
        sessions.extend([stands_in, is_back].map(|session| session.join().unwrap()));
        assert_eq!(numbers(&sessions), (0..4_000).collect::<Vec<_>>(), "spool: {spool}");
        for session in &sessions {
            assert!(session.numbers.len() >= 100, "{}", session.numbers.len());
        }
        let said = probe.notices().join("\n");
        for said_once in [format!("the collector is away: {address}: "), format!("connected to {other}")] {
            assert_eq!(said.matches(&said_once).count(), 1, "{said}");
        }
        assert!(said.ends_with(&format!("connected to {address}")), "{said}");
    }
}

/// One that takes connections and reads nothing does not keep records from the one that is preferred.
#[test]
fn one_that_takes_nothing_is_left_for_the_first() {
    let [(first, address), (second, other)] = [listen(), listen()];
    drop(first);
    let settings = TcpSettings::new()
        .with_fallback(other.to_string())
        .with_return_after(Duration::from_millis(300))
        .with_memory_octets(64 << 20);
    let mut probe = Probe::new(address, settings);
    // More than buffers hold.
    probe.export(0..400_000);
    let _takes_nothing = second.accept().unwrap();
    let first = TcpListener::bind(address).unwrap();
    let mut connection = first.accept().unwrap().0;
    let is_back = thread::spawn(move || read_to_end(&mut connection));
    thread::sleep(Duration::from_secs(11));
    probe.exporter.close(START_S).unwrap();
    let arrived = Session::of(&is_back.join().unwrap()).numbers;
    // What the other one had confirmed stays there; the rest follows in its order.
    let start = arrived[0];
    assert!(start < 400_000, "{start}");
    assert_eq!(arrived, (start..400_000).collect::<Vec<_>>());
}

#[test]
fn one_without_an_address_is_named() {
    let settings = TcpSettings::new().with_fallback("127.0.0.1:none");
    let error = TcpOutput::resolve("127.0.0.1:4739", settings).unwrap_err().to_string();
    assert!(error.contains("cannot resolve the collector 127.0.0.1:none"), "{error}");
}
