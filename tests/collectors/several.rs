//! Several collectors in one `--export`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    net::{Shutdown, SocketAddr, TcpListener},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    file_decoders::records_of_dump,
    streams::{FLOWS_ALONE, collect, flow_ids, ids_of, listen, read},
};
use crate::program::{Ended, Flow, Replay, own_capture, tool};

#[test]
fn the_collector_that_is_there_gets_what_the_one_that_is_away_would_get() {
    let [(away, first), (listener, second)] = [listen(), listen()];
    drop(away);
    let collector = collect(listener);
    let export = format!("failover:tcp://{first},tcp://{second}");
    let replay = Replay::of([own_capture(CAPTURE)], &["--export", &export]);
    replay.ended.assert_status(0);
    assert_eq!(flow_ids(&collector.join().unwrap()), ids_of(&replay.flows));
    let output = &replay.summary["outputs"][1];
    assert_eq!((&output["output"], &output["lost_records"]), (&export.as_str().into(), &0.into()));
    assert!(replay.ended.stderr.contains(&format!("connected to {second}")), "{:?}", replay.ended);
}

/// The first ends its side after a while, reads what was sent till then, and does not come back.
#[test]
fn what_the_first_has_not_taken_goes_to_the_next_once_and_in_its_order() {
    let [(first, address), (second, other)] = [listen(), listen()];
    let ends = thread::spawn(move || {
        let mut connection = first.accept().unwrap().0;
        drop(first);
        let mut octets = Vec::new();
        (&mut connection).take(40_000).read_to_end(&mut octets).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        octets.extend(read(&mut connection, Duration::from_mins(1)));
        octets
    });
    let takes_over = collect(second);
    let export = format!("failover:tcp://{address},tcp://{other}");
    let replay = Replay::of([own_capture(CAPTURE)], &["--export", &export, "--message-octets", "512"]);
    replay.ended.assert_status(0);
    let [first, second] = [ends, takes_over].map(|collector| flow_ids(&collector.join().unwrap()));
    assert!(!first.is_empty() && !second.is_empty());
    assert_eq!([first, second].concat(), ids_of(&replay.flows));
}

/// Slices of a flow and both its directions stay together, with any number of workers; findings go to all.
#[test]
fn each_collector_gets_its_share_of_the_flows_and_all_findings() {
    let collectors: Vec<_> = (0..3).map(|_| listen()).collect();
    let addresses: Vec<_> = collectors.iter().map(|(_, address)| *address).collect();
    let all = Spread::over(&addresses, collectors.into_iter().map(|(listener, _)| listener).collect(), &[]);
    let everywhere: Vec<String> = all.arrived.iter().flat_map(|octets| flow_ids(octets)).collect();
    assert_eq!(sorted(&everywhere), sorted(&ids_of(&all.replay.flows)));
    let shares = all.shares();
    assert!(shares.values().all(|places| places.len() == 1), "{shares:?}");
    let expected = findings(&std::fs::read(all.replay.ipfix()).unwrap());
    assert!(expected.len() > 3);
    for (place, address) in addresses.iter().enumerate() {
        let flows = shares.values().filter(|places| places.contains(&place)).count();
        assert!(flows * 6 > shares.len(), "{flows} of {} flows at {place}", shares.len());
        assert_eq!(findings(&all.arrived[place]), expected);
        let counted = &all.replay.summary["outputs"][1 + place];
        assert_eq!(counted["output"], format!("tcp://{address}"));
        assert_eq!(counted["records"], flow_ids(&all.arrived[place]).len());
    }
    // Of some flows several slices have come.
    assert!(shares.len() + 50 < all.replay.flows.len(), "{} of {}", shares.len(), all.replay.flows.len());

    // With one collector less, its flows move and no others; and workers make no difference.
    let [first, second] = [addresses[0], addresses[1]];
    let listeners = [first, second].map(|address| TcpListener::bind(address).unwrap());
    let fewer = Spread::over(&[first, second], listeners.into(), &["--workers", "3"]).shares();
    for (flow, places) in &shares {
        assert!(places.contains(&2) || places == &fewer[flow], "{flow:?}: {places:?}, {:?}", fewer[flow]);
    }
}

#[test]
fn the_share_of_a_collector_that_is_away_waits_for_it() {
    let [(first, here), (second, away)] = [listen(), listen()];
    drop(second);
    let folder = tempfile::tempdir().unwrap();
    let export = format!("spread:tcp://{here},tcp://{away}");
    let arguments = ["--export", &export, "--spool", folder.path().to_str().unwrap()];
    let arguments = [&arguments, &FLOWS_ALONE[..]].concat();
    let collector = collect(first);
    let replay = Replay::of([own_capture(CAPTURE)], &arguments);
    replay.ended.assert_status(3);
    let there = flow_ids(&collector.join().unwrap());
    let waits: Vec<_> = ids_of(&replay.flows).into_iter().filter(|id| !there.contains(id)).collect();
    assert!(!there.is_empty() && !waits.is_empty());
    assert_eq!(replay.summary["outputs"][2]["lost_records"], 0);
    let warning = replay.summary["warnings"][0].as_str().unwrap();
    assert!(warning.contains(&format!("{} records wait in", waits.len())), "{warning}");

    let collectors = [here, away].map(|address| collect(TcpListener::bind(address).unwrap()));
    Replay::of([own_capture(CAPTURE)], &arguments).ended.assert_status(0);
    let [first, second] = collectors.map(|collector| flow_ids(&collector.join().unwrap()));
    assert_eq!(first, there);
    assert_eq!(second, [waits.clone(), waits].concat());
}

#[test]
fn a_configuration_names_several_likewise() {
    let [(away, first), (listener, second)] = [listen(), listen()];
    drop(away);
    let collector = collect(listener);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("probe.toml");
    let export = format!("failover:tcp://{first},tcp://{second}");
    std::fs::write(&config, format!("[outputs]\nexport = [\"{export}\"]\n")).unwrap();
    let mut command = crate::program::replay([own_capture(CAPTURE)]);
    Ended::of(command.arg("--config").arg(&config)).assert_status(0);
    assert!(flow_ids(&collector.join().unwrap()).len() > 1_000);
    let checked = Ended::of(crate::program::program().arg("check").arg(&config));
    assert!(checked.assert_status(0).stdout.contains(&format!("export = [\"{export}\"]")), "{checked:?}");
}

#[test]
fn what_cannot_be_several_is_refused() {
    for (export, why) in [
        ("failover:tcp://192.0.2.1", "two collectors or more"),
        ("failover:tcp://192.0.2.1,udp://192.0.2.2", "nobody knows whether it is there"),
        ("spread:udp://192.0.2.1,file:flows.ipfix", "spread over collectors"),
        ("spread:udp://192.0.2.1,udp://192.0.2.1:4739", "is there twice"),
    ] {
        let ended = Ended::of(crate::program::replay([own_capture(CAPTURE)]).args(["--export", export]));
        ended.assert_status(2);
        assert!(ended.stderr.contains(why), "{export}: {ended:?}");
    }
}

/// A replay whose flows went to several collectors.
struct Spread {
    replay: Replay,
    arrived: Vec<Vec<u8>>,
}

impl Spread {
    fn over(addresses: &[SocketAddr], listeners: Vec<TcpListener>, arguments: &[&str]) -> Self {
        let collectors: Vec<JoinHandle<_>> = listeners.into_iter().map(collect).collect();
        let urls: Vec<_> = addresses.iter().map(|address| format!("tcp://{address}")).collect();
        let export = format!("spread:{}", urls.join(","));
        let arguments = [&["--export", &export, "--active-timeout", "60s"], arguments].concat();
        let replay = Replay::of([own_capture(CAPTURE)], &arguments);
        replay.ended.assert_status(0);
        Self { replay, arrived: collectors.into_iter().map(|collector| collector.join().unwrap()).collect() }
    }

    /// The places of the collectors that have records of a flow, by its ends and protocol.
    fn shares(&self) -> BTreeMap<[String; 3], BTreeSet<usize>> {
        let end = |flow: &Flow, way: &str| {
            format!("{} {}", flow.text(&format!("{way}_ip")), flow.number(&format!("{way}_port")))
        };
        let key = |flow: &Flow| {
            let mut ends = [end(flow, "src"), end(flow, "dest")];
            ends.sort_unstable();
            let [one, other] = ends;
            [one, other, flow.text("proto").to_owned()]
        };
        let by_id: BTreeMap<_, _> =
            ids_of(&self.replay.flows).into_iter().zip(self.replay.flows.iter().map(key)).collect();
        let mut shares = BTreeMap::<_, BTreeSet<_>>::new();
        for (place, octets) in self.arrived.iter().enumerate() {
            for id in flow_ids(octets) {
                shares.entry(by_id[&id].clone()).or_default().insert(place);
            }
        }
        shares
    }
}

/// The findings in a stream, as ipfixDump reads them.
fn findings(octets: &[u8]) -> Vec<BTreeMap<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream.ipfix");
    std::fs::write(&path, octets).unwrap();
    let mut command = tool("ipfixDump", "libfixbuf-tools");
    let dumped = Ended::of(command.arg("--rfc5610").arg("-i").arg(&path));
    let records = records_of_dump(&dumped.assert_status(0).stdout).into_iter();
    records.filter(|record| record.contains_key("findingName")).collect()
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

const CAPTURE: &str = "cryptojacking.pcap";
