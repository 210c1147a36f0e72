//! HUP: logs are rotated and outputs changed, while the table stays as it is.

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    network::Network,
    traffic::{write_conversations, write_direction},
    watching::{until, watch},
};
use crate::program::read_flows;

/// What logrotate does: it moves the files away and sends HUP. Each record is in one of the files, whole, and counted once.
#[test]
fn files_that_were_moved_away_are_opened_anew() {
    for user in [&[][..], &["--user", "nobody"]] {
        let Some(network) = Network::new(1) else { return };
        let files = Files::new(user);
        let [first, there, back] = ["first", "there", "back"].map(|name| files.at(&format!("{name}.pcap")));
        write_conversations(&first, 300, 2);
        // These begin before HUP and end after it.
        write_direction(&there, 200, 2, false);
        write_direction(&back, 200, 2, true);
        let [flows, eve, ipfix] = ["flows.csv", "eve.json", "flows.ipfix"].map(|name| files.at(name));
        let export = format!("file:{}", ipfix.display());
        let arguments = ["-i", "probe0", "--udp-timeout", "1s", "--workers", "2", "--export", &export];
        let outputs = ["--flows", flows.to_str().unwrap(), "--eve", eve.to_str().unwrap()];
        let watching = watch(&network, &[&arguments[..], &outputs, user].concat());
        let mut sent = network.send(&first, "wire0", 5_000);
        until(|| lines(&flows) == 301, || format!("{} lines", lines(&flows)));
        sent += network.send(&there, "wire0", 5_000);
        // Its records of the first conversations are all out; the others are still open.
        let [moved_flows, moved_eve, moved_ipfix] =
            ["flows.1", "eve.1", "ipfix.1"].map(|name| files.at(name));
        for (path, moved) in [(&flows, &moved_flows), (&eve, &moved_eve), (&ipfix, &moved_ipfix)] {
            fs::rename(path, moved).unwrap();
            // With `create`, logrotate puts an empty file there.
            if !user.is_empty() {
                fs::write(path, "").unwrap();
                files.give(path, user);
            }
        }
        watching.signal("HUP");
        watching.wait_for("eve.json is opened\n");
        sent += network.send(&back, "wire0", 5_000);
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(sent);

        let (before, after) = (csv(&moved_flows), csv(&flows));
        assert_eq!((before.len(), after.len()), (300, 200));
        let is_whole = |flow: &String| flow.split(',').filter(|field| *field == "2").count() >= 2;
        assert!(after.iter().all(is_whole), "{:?}", after.first());
        let is_flow = |line: &&Value| line["event_type"] == "flow";
        assert_eq!(json(&moved_eve).iter().filter(is_flow).count(), 300);
        assert_eq!(json(&eve).iter().filter(is_flow).count(), 200);
        assert_eq!(json(&eve).last().unwrap()["event_type"], "stats");
        for path in [&moved_ipfix, &ipfix] {
            assert!(is_with_templates(&fs::read(path).unwrap()), "{}", path.display());
        }
        let counted: Vec<_> = watched.summary["outputs"].as_array().unwrap().iter().collect();
        assert_eq!(counted.len(), 3, "{counted:?}");
        assert_eq!((counted[0]["records"].as_u64(), counted[1]["records"].as_u64()), (Some(500), Some(500)));
        assert!(counted.iter().all(|output| output["lost_records"] == 0), "{counted:?}");
    }
}

/// A HUP that finds all files where they were leaves them alone.
#[test]
fn files_that_were_not_moved_are_written_on() {
    let Some(network) = Network::new(1) else { return };
    let files = Files::new(&[]);
    let [capture, flows] = ["sent.pcap", "flows.jsonl"].map(|name| files.at(name));
    write_conversations(&capture, 100, 2);
    let arguments = ["-i", "probe0", "--udp-timeout", "300ms", "--flows", flows.to_str().unwrap()];
    let watching = watch(&network, &arguments);
    let mut sent = network.send(&capture, "wire0", 5_000);
    until(|| lines(&flows) == 100, || format!("{} lines", lines(&flows)));
    watching.signal("HUP");
    watching.wait_for("there is no configuration file to read again\n");
    sent += network.send(&capture, "wire0", 5_000);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    assert_eq!(read_flows(&flows).len(), 200);
}

/// It may no longer do what it would take: it says so, and goes on writing where it did.
#[test]
fn a_folder_that_its_user_may_not_write_to_keeps_the_file_that_was_moved() {
    let Some(network) = Network::new(1) else { return };
    let files = Files::new(&[]);
    let [capture, flows, moved] = ["sent.pcap", "flows.jsonl", "flows.1"].map(|name| files.at(name));
    write_conversations(&capture, 100, 2);
    let arguments =
        ["-i", "probe0", "--udp-timeout", "300ms", "--user", "nobody", "--flows", flows.to_str().unwrap()];
    let watching = watch(&network, &arguments);
    let mut sent = network.send(&capture, "wire0", 5_000);
    until(|| lines(&flows) == 100, || format!("{} lines", lines(&flows)));
    fs::rename(&flows, &moved).unwrap();
    watching.signal("HUP");
    watching.wait_for("outputs stay as they were: cannot open ");
    assert!(watching.stderr().contains("it has given up what it would take"), "{}", watching.stderr());
    sent += network.send(&capture, "wire0", 5_000);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    assert_eq!(read_flows(&moved).len(), 200);
    assert!(!flows.exists());
}

/// Whole or not at all.
#[test]
fn a_configuration_changes_outputs_or_nothing() {
    let Some(network) = Network::new(1) else { return };
    let (files, elsewhere) = (Files::new(&[]), tempfile::tempdir().unwrap());
    let [capture, one, other] = ["sent.pcap", "one.jsonl", "other.jsonl"].map(|name| files.at(name));
    write_conversations(&capture, 100, 2);
    let file = files.at("probe.toml");
    let configure = |flows: &Path, more: &str| {
        let text = format!(
            "[live]\ninterfaces = [\"probe0\"]\n[timeouts]\nudp = \"300ms\"\n[outputs]\nflows = \"{}\"\n{more}",
            flows.display()
        );
        fs::write(&file, text).unwrap();
    };
    configure(&one, "");
    let watching = watch(&network, &["--config", file.to_str().unwrap()]);
    let mut sent = 0;
    let mut send_and_wait_for = |expected: usize, path: &Path| {
        sent += network.send(&capture, "wire0", 5_000);
        until(|| lines(path) == expected, || format!("{} lines: {}", lines(path), watching.stderr()));
    };
    send_and_wait_for(100, &one);

    // What is right in a file that is wrong has no effect, either.
    let wrong = |path: &Path, more: &str, says: &str| {
        configure(path, more);
        watching.signal("HUP");
        watching.wait_for(&format!("the configuration stays as it was: {says}"));
    };
    wrong(&other, "[synflood]\nport-excess = 80\n[rdp]\nrefusals = 0\n", &format!("{}:", file.display()));
    let out_of_reach = elsewhere.path().join("flows.jsonl");
    wrong(
        &out_of_reach,
        "[synflood]\nport-excess = 80\n",
        &format!("cannot open {}", out_of_reach.display()),
    );
    let missing = files.at("missing/flows.jsonl");
    wrong(&missing, "[synflood]\nport-excess = 80\n", &format!("cannot open {}", missing.display()));
    send_and_wait_for(200, &one);
    assert!(!other.exists() && !out_of_reach.exists());

    configure(&other, "[synflood]\nport-excess = 80\n");
    watching.signal("HUP");
    watching.wait_for("synflood.port-excess 80 (was 60)");
    let stderr = watching.stderr();
    let said = stderr.lines().last().unwrap();
    for words in ["outputs.flows ", "other.jsonl is opened", "one.jsonl is closed"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    send_and_wait_for(100, &other);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    assert_eq!((read_flows(&one).len(), read_flows(&other).len()), (200, 100));
    let counted = watched.summary["outputs"].as_array().unwrap();
    let records: Vec<_> = counted.iter().map(|output| output["records"].as_u64().unwrap()).collect();
    assert_eq!(records, [100, 200], "{counted:?}");
}

/// Another collector gets what comes after, with templates of its own.
#[test]
fn another_collector_takes_over() {
    let Some(network) = Network::new(1) else { return };
    let files = Files::new(&[]);
    let [capture, file] = ["sent.pcap", "probe.toml"].map(|name| files.at(name));
    write_conversations(&capture, 100, 2);
    let collectors = [network.listen(), network.listen()];
    let configure = |collector: &UdpSocket| {
        let text = format!(
            "[live]\ninterfaces = [\"probe0\"]\n[timeouts]\nudp = \"300ms\"\n[outputs]\nexport = [\"udp://{}\"]\n",
            collector.local_addr().unwrap()
        );
        fs::write(&file, text).unwrap();
    };
    configure(&collectors[0]);
    let watching = watch(&network, &["--config", file.to_str().unwrap()]);
    let mut sent = network.send(&capture, "wire0", 5_000);
    assert!(begins_with_templates(&collectors[0]));
    configure(&collectors[1]);
    watching.signal("HUP");
    watching.wait_for("outputs.export ");
    sent += network.send(&capture, "wire0", 5_000);
    assert!(begins_with_templates(&collectors[1]));
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    let counted = watched.summary["outputs"].as_array().unwrap();
    let records: u64 = counted.iter().map(|output| output["records"].as_u64().unwrap()).sum();
    assert_eq!((counted.len(), records), (2, 200), "{counted:?}");
}

/// Looking a name up takes files, which stay within reach, and time, for which all outputs wait: a name that nobody knows is refused.
#[test]
fn another_collector_may_be_given_by_its_name() {
    let Some(network) = Network::new(1) else { return };
    let user = ["--user", "nobody"];
    let files = Files::new(&user);
    let [capture, file] = ["sent.pcap", "probe.toml"].map(|name| files.at(name));
    write_conversations(&capture, 100, 2);
    let collector = network.listen();
    let configure = |export: &str| {
        let text = format!(
            "[live]\ninterfaces = [\"probe0\"]\n[timeouts]\nudp = \"300ms\"\n[outputs]\nexport = [{export}]\n"
        );
        fs::write(&file, text).unwrap();
    };
    configure("");
    let watching = watch(&network, &["--config", file.to_str().unwrap(), user[0], user[1]]);
    configure("\"udp://no-such-host.invalid\"");
    watching.signal("HUP");
    watching
        .wait_for("the configuration stays as it was: udp://no-such-host.invalid:4739: cannot look it up");
    let name = format!("udp://localhost:{}", collector.local_addr().unwrap().port());
    configure(&format!("\"{name}\""));
    watching.signal("HUP");
    watching.wait_for(&format!("{name} is opened"));
    let sent = network.send(&capture, "wire0", 5_000);
    assert!(begins_with_templates(&collector));
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
}

fn begins_with_templates(collector: &UdpSocket) -> bool {
    collector.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut octets = vec![0; 65_535];
    collector.recv(&mut octets).unwrap();
    is_with_templates(&octets)
}

/// A message that needs none before it begins with templates or options templates: a version, and a set of number 2 or 3 (RFC 7011, 3.1
/// and 3.3.2).
fn is_with_templates(message: &[u8]) -> bool {
    message[..2] == [0, 10] && message[16] == 0 && [2, 3].contains(&message[17])
}

/// A folder that belongs to whoever the program is to be.
struct Files(TempDir);

impl Files {
    fn new(user: &[&str]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(files.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        files.give(files.0.path(), user);
        files
    }

    /// Makes it that user's, if there is one.
    fn give(&self, path: &Path, user: &[&str]) {
        assert!(path.starts_with(self.0.path()));
        if let [_, name] = user {
            let user = nix::unistd::User::from_name(name).unwrap().unwrap();
            chown(path, Some(user.uid.as_raw()), None).unwrap();
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map(|text| text.lines().count()).unwrap_or_default()
}

/// The records of a file that has a header.
fn csv(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    assert!(lines.next().unwrap().contains("reverse_packets"), "{}", path.display());
    lines.collect()
}

fn json(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
