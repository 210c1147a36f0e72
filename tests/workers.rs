//! The output is the same, byte for byte, for any number of workers.

use std::{
    fs,
    path::{Path, PathBuf},
    slice,
};

use crate::{
    parallel,
    program::{Ended, file_url, own_capture, replay},
    shared::corpus,
};

#[test]
fn own_captures_give_the_same_for_any_number_of_workers() {
    for name in ["cryptojacking.pcap", "tunnels.pcap"] {
        for (flows, arguments) in VARIANTS {
            assert_same(&[own_capture(name)], flows, arguments);
        }
        assert_same(&[own_capture(name)], "flows.csv", &[]);
    }
}

#[test]
fn captures_of_the_corpus_give_the_same_for_any_number_of_workers() {
    let octets = parallel::each(&corpus(), |capture| {
        VARIANTS
            .iter()
            .map(|(flows, arguments)| assert_same(slice::from_ref(capture), flows, arguments))
            .sum::<usize>()
    });
    let written = octets.iter().filter(|&&octets| octets > 2_000).count();
    assert!(written > 200 || octets.is_empty(), "only {written} captures gave anything to compare");
}

#[test]
fn several_captures_give_the_same_for_any_number_of_workers() {
    assert_same(&["tunnels.pcap", "cryptojacking.pcap"].map(own_capture), "flows.jsonl", &[]);
    // Times run back and forth from one to the next, and link types change.
    for captures in corpus().chunks(40) {
        assert_same(captures, "flows.jsonl", &[]);
        assert_same(captures, "flows.csv", TINY_TIMEOUTS);
    }
}

#[test]
fn a_full_table_is_said_for_any_number_of_workers() {
    // Which flows are ended early depends on the number of workers, for each has a share of the memory. That all packets are in
    // some record does not.
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("many.pcap");
    fs::write(&capture, many_flows(60_000)).unwrap();
    for workers in ["1", "2", "4"] {
        let replay = crate::program::Replay::of([&capture], &["--memory", "1MiB", "--workers", workers]);
        let packets: u64 =
            replay.flows.iter().map(|flow| flow.number("packets") + flow.number("reverse_packets")).sum();
        assert_eq!((packets, replay.packets("metered")), (60_000, 60_000));
        let evicted =
            replay.flows.iter().filter(|flow| flow.text("end_reason") == "lack_of_resources").count();
        assert!(evicted > 20_000, "{evicted} flows were ended early");
        replay.ended.assert_status(0);
        assert!(replay.ended.stdout.contains("the flow table was full"), "{}", replay.ended.stdout);
    }
}

/// A capture of raw IPv4 with a packet of protocol 50 from each of so many hosts, all within one second.
fn many_flows(hosts: u32) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    for host in 0..hosts {
        for field in [1_700_000_000, host, 20, 20] {
            file.extend(field.to_le_bytes());
        }
        file.extend([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 50, 0, 0]);
        file.extend((0x0a00_0000 + host).to_be_bytes());
        file.extend([192, 0, 2, 1]);
    }
    file
}

/// Replays `captures` with 1, 2 and 4 workers, with the flows in a file named `flows`; how many octets each wrote.
fn assert_same(captures: &[PathBuf], flows: &str, arguments: &[&str]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = None;
    for workers in ["1", "2", "4"] {
        let outputs = outputs(captures, folder.path(), flows, &[&["--workers", workers], arguments].concat());
        let expected = expected.get_or_insert_with(|| outputs.clone());
        for (name, (one, other)) in
            ["status", "messages", flows, "IPFIX", "EVE"].iter().zip(expected.iter().zip(&outputs))
        {
            assert!(one == other, "{captures:?} {arguments:?}: {name} differs with {workers} workers");
        }
    }
    expected.iter().flatten().map(Vec::len).sum()
}

/// All that a run puts out: status, standard error, flows, IPFIX and EVE.
fn outputs(captures: &[PathBuf], folder: &Path, flows: &str, arguments: &[&str]) -> [Vec<u8>; 5] {
    let [flows, ipfix, eve] = [flows, "flows.ipfix", "eve.json"].map(|name| folder.join(name));
    let mut command = replay(captures);
    command.arg("--flows").arg(&flows).arg("--export").arg(file_url(&ipfix));
    // Not the statistics: each worker has bounds of its own, and how often they are reached depends on how many there are.
    command.arg("--eve").arg(&eve).args(["--eve-types", "alert,rdp,flow"]);
    let ended = Ended::of(command.args(["--summary", "none"]).args(arguments));
    assert!(ended.status == 0 || ended.status == 3, "{command:?}: {ended:?}");
    let status = vec![u8::try_from(ended.status).unwrap()];
    let [flows, ipfix, eve] = [flows, ipfix, eve].map(|file| fs::read(file).unwrap());
    [status, ended.stderr.into_bytes(), flows, ipfix, eve]
}

/// A name for the flow file, whose ending says the form, and further arguments.
const VARIANTS: [(&str, &[&str]); 3] = [
    ("flows.jsonl", &[]),
    ("flows.csv", TINY_TIMEOUTS),
    ("flows.jsonl", &["--filter", "tcp or (udp and port 53) or icmp6"]),
];
/// So short that most flows are cut and end within the capture.
const TINY_TIMEOUTS: &[&str] = &[
    "--active-timeout",
    "50ms",
    "--tcp-timeout",
    "20ms",
    "--udp-timeout",
    "5ms",
    "--icmp-timeout",
    "3ms",
    "--other-timeout",
    "3ms",
];
