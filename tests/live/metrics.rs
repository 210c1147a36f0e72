//! The counts that Prometheus is given, and that nobody who asks can do harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::{Read as _, Write as _},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    network::Network,
    traffic::write_conversations,
    watching::{Program, until, watch},
};
use crate::program::{Ended, PROGRAM, own_capture, read_flows};

#[test]
fn counts_are_those_of_the_summary() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let flows_path = flows.to_str().unwrap();
    let arguments = ["-i", "probe0", "--workers", "2", "--flows", flows_path, "--metrics", "127.0.0.1:0"];
    let watching = watch(&network, &arguments);
    let port = port(&watching);
    let sent = network.send(&own_capture("cryptojacking.pcap"), "wire0", 5_000);
    let scrape = || Scrape::of(&get(&network, port, "/metrics").1);
    // Workers say how far they have come once a second; findings follow.
    until(|| scrape().sum("flowcanary_packets_received_total") == sent, || format!("{sent}"));
    let has_found = |kind: &str| {
        let is_there = |labels: &Labels| labels.get("kind").is_some_and(|found| found == kind);
        scrape().samples("flowcanary_findings").any(|(labels, found)| is_there(labels) && found > 0)
    };
    for kind in ["rdp_bruteforce", "rdp_compromise", "mining", "syn_flood"] {
        until(|| has_found(kind), || format!("no {kind}: {:?}", scrape().families["flowcanary_findings"]));
    }
    let scrape = scrape();

    let by_worker =
        ["0", "1"].map(|worker| scrape.value("flowcanary_packets_received_total", &[("worker", worker)]));
    let places = ["metered", "tunnel_fragments", "sampled_out", "undecoded"]
        .map(|place| scrape.sum(&format!("flowcanary_packets_{place}_total")));
    assert_eq!(places.iter().sum::<u64>(), sent, "{places:?}");
    assert!(scrape.value("flowcanary_packets_undecoded_total", &[("reason", "not IP: ARP")]) > 0);
    assert!(scrape.sum("flowcanary_octets_received_total") > 60 * sent);
    for name in ["dropped_by_kernel_total", "dropped_by_interface_total", "waiting"] {
        assert_eq!(scrape.sum(&format!("flowcanary_packets_{name}")), 0, "{name}");
    }
    assert!(scrape.sum("flowcanary_flows_live") > 0);
    assert!(scrape.sum("flowcanary_incidents") > 0);
    assert_eq!(scrape.samples("flowcanary_detector_bound_reached_total").count(), 15);
    let uptime = scrape.seconds("flowcanary_uptime_seconds");
    assert!((1.0..60.0).contains(&uptime), "{uptime}");
    assert!(scrape.seconds("flowcanary_collector_age_seconds") < 1.0);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(scrape.value("flowcanary_build_info", &[("version", version)]), 1);
    let records = scrape.sum("flowcanary_records_total");
    let written = scrape.value("flowcanary_output_records_total", &[("output", flows_path)]);
    assert!(records == written && records > 0, "{records} {written}");
    assert_eq!(scrape.sum("flowcanary_output_records_lost_total"), 0);

    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    assert_eq!(watched.workers("received"), by_worker);
    assert_eq!(scrape.sum("flowcanary_flows_total"), watched.number(&["flows", "flows"]));
    assert!(read_flows(&flows).len() > 100);
}

#[test]
fn requests_are_answered_or_refused() {
    let Some(network) = Network::new(1) else { return };
    let watching = watch(&network, &["-i", "probe0", "--metrics", "127.0.0.1:0"]);
    let port = port(&watching);
    let ask = |request: &str| answer(&network, port, request);
    let (head, body) = get(&network, port, "/healthz");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, "ok\n");
    let (head, body) = get(&network, port, "/metrics?x=1");
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    Scrape::of(&body);
    let (head, body) = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body.is_empty(), "{head} {body}");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9_300));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed"),
        ("hello\r\n\r\n", "400 Bad Request"),
        ("\r\n\r\n", "400 Bad Request"),
        (&long, "431 Request Header Fields Too Large"),
    ] {
        let (head, _) = ask(request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {head}");
    }
    watching.end("TERM").ended.assert_status(0);
}

/// Those who ask for nothing, who ask octet by octet for ever and who do not read the answer hold others up for a moment, and the end not at all.
#[test]
fn slow_clients_do_not_hold_it_up() {
    let Some(network) = Network::new(1) else { return };
    let watching = watch(&network, &["-i", "probe0", "--metrics", "127.0.0.1:0"]);
    let port = port(&watching);
    let _silent = network.connect(port);
    let begun = Instant::now();
    get(&network, port, "/metrics");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    let mut trickling = network.connect(port);
    let trickle = thread::spawn(move || {
        // Each octet would be in time, by itself.
        while trickling.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    get(&network, port, "/metrics");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    trickle.join().unwrap();

    let mut deaf = network.connect(port);
    deaf.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    get(&network, port, "/healthz");
    let _silent = network.connect(port);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
}

/// It is the collector that waits for an output. Who asks is answered all the same, and hears of it.
#[test]
fn an_output_that_blocks_is_no_good_health() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [capture, pipe] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
    write_conversations(&capture, 2_000, 1);
    Ended::of(Command::new("mkfifo").arg(&pipe)).assert_status(0);
    let reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let arguments = ["-i", "probe0", "--udp-timeout", "200ms", "--metrics", "127.0.0.1:0", "--flows"];
    let watching = watch(&network, &[&arguments[..], &[pipe.to_str().unwrap()]].concat());
    let port = port(&watching);
    let sent = network.send(&capture, "wire0", 10_000);
    until(
        || get(&network, port, "/healthz").0.starts_with("HTTP/1.1 503 "),
        || "it says that it is well".to_owned(),
    );
    assert!(get(&network, port, "/healthz").1.contains("an output blocks it"));
    let scrape = Scrape::of(&get(&network, port, "/metrics").1);
    assert_eq!(scrape.sum("flowcanary_packets_received_total"), sent);
    assert!(scrape.seconds("flowcanary_collector_age_seconds") > 4.0);
    watching.end("TERM").ended.assert_status(3);
    drop(reader);
}

#[test]
fn an_address_that_is_wrong_or_taken_is_refused() {
    let Some(network) = Network::new(1) else { return };
    let run = |address: &str| {
        let mut command = Command::new(PROGRAM);
        Ended::of(&mut network.enter(command.args(["live", "-i", "probe0", "--metrics", address])))
    };
    let wrong = run("localhost");
    wrong.assert_status(2);
    assert!(wrong.stderr.contains("write it as 127.0.0.1:9469 or [::1]:9469"), "{wrong:?}");
    let watching = watch(&network, &["-i", "probe0", "--metrics", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", port(&watching));
    let taken = run(&address);
    taken.assert_status(1);
    assert!(taken.stderr.contains(&format!("--metrics {address}: cannot listen there")), "{taken:?}");
    watching.end("TERM").ended.assert_status(0);
}

/// Where the kernel had it listen.
fn port(watching: &Program) -> u16 {
    let stderr = watching.stderr();
    let (_, rest) =
        stderr.split_once("metrics are at http://127.0.0.1:").unwrap_or_else(|| panic!("{stderr}"));
    rest.split_once("/metrics\n").unwrap().0.parse().unwrap()
}

fn get(network: &Network, port: u16, path: &str) -> (String, String) {
    answer(network, port, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// The header and the body of what is answered.
fn answer(network: &Network, port: u16, request: &str) -> (String, String) {
    let mut client = network.connect(port);
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
    (format!("{head}\r\n"), body.to_owned())
}

type Labels = BTreeMap<String, String>;

/// What was read from the text format, by its rules (Prometheus, "Exposition formats", version 0.0.4) and those of names.
struct Scrape {
    /// By family.
    families: BTreeMap<String, Vec<(Labels, String)>>,
}

impl Scrape {
    #[track_caller]
    fn of(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has an end");
        let mut families = BTreeMap::new();
        let mut lines = text.lines().peekable();
        while let Some(help) = lines.next() {
            let (name, words) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
            assert!(words.ends_with('.'), "{help}");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(["counter", "gauge"].contains(&kind), "{name}: {kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            assert!(
                name.starts_with("flowcanary_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            let (mut samples, mut seen) = (Vec::new(), BTreeSet::new());
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (labels, value) = sample(line.strip_prefix(name).unwrap());
                assert!(seen.insert(labels.clone()), "twice: {line}");
                assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
                samples.push((labels, value));
            }
            let names: BTreeSet<Vec<_>> = samples.iter().map(|(labels, _)| labels.keys().collect()).collect();
            assert!(names.len() <= 1, "samples of {name} have different labels: {names:?}");
            assert!(families.insert(name.to_owned(), samples).is_none(), "{name} is there twice");
        }
        Self { families }
    }

    #[track_caller]
    fn samples(&self, name: &str) -> impl Iterator<Item = (&Labels, u64)> {
        let family = self.families.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        family.iter().map(|(labels, value)| (labels, value.parse().unwrap()))
    }

    #[track_caller]
    fn sum(&self, name: &str) -> u64 {
        self.samples(name).map(|(_, value)| value).sum()
    }

    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.samples(name).find(|(of, _)| **of == labels).map(|(_, value)| value);
        found.unwrap_or_else(|| panic!("there is no {name} of {labels:?}"))
    }

    fn seconds(&self, name: &str) -> f64 {
        self.families[name][0].1.parse().unwrap()
    }
}

/// The labels and the value of a line behind its name.
fn sample(rest: &str) -> (Labels, String) {
    let mut labels = Labels::new();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return (labels, rest.strip_prefix(' ').unwrap().to_owned());
    };
    loop {
        let (name, quoted) = rest.split_once("=\"").unwrap();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{rest}");
        let (mut value, mut characters) = (String::new(), quoted.char_indices());
        let end = loop {
            match characters.next().unwrap() {
                (end, '"') => break end,
                (_, '\\') => value.push(match characters.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("\\{other}: {rest}"),
                }),
                (_, character) => value.push(character),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice: {rest}");
        rest = quoted.get(end + 1..).unwrap();
        match rest.strip_prefix(',') {
            Some(further) => rest = further,
            None => return (labels, rest.strip_prefix("} ").unwrap().to_owned()),
        }
    }
}
