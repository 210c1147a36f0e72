use super::{network::Network, traffic::write_conversations, watching::watch};
use crate::program::{Ended, tool};
use std::{thread, time::Duration};

/// What a host says to itself goes out and comes in again: the kernel counts it twice.
#[test]
fn nothing_is_missing_of_what_a_host_says_to_itself() {
    let Some(network) = Network::new(1) else { return };
    network.run("ip", &["link", "set", "lo", "up"]);
    let watching = watch(&network, &["-i", "lo"]);
    let mut sender = tool("python3", "python3");
    sender.arg("-c").arg(SAY);
    Ended::of(&mut network.enter(&sender)).assert_status(0);
    thread::sleep(A_BLOCK);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    assert!(watched.packets("received") >= 1_000, "{}", watched.summary);
    assert_eq!(watched.workers("unread").iter().sum::<u64>(), 0, "{}", watched.summary);
    watched.assert_balanced();
}

const SAY: &str = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(1000):
    s.sendto(bytes(50), ('127.0.0.1', 9))
";

/// Cables are pulled. That is said once, and so is that it is over.
#[test]
fn an_interface_that_was_down_is_watched_again() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("sent.pcap");
        write_conversations(&capture, 200, 10);
        let watching = watch(&network, &["-i", "probe0", "--workers", workers]);
        let before = network.send(&capture, "wire0", 20_000);
        thread::sleep(A_BLOCK);
        network.run("ip", &["link", "set", "probe0", "down"]);
        watching.wait_for("interface probe0 is down");
        // Long enough to say it again.
        thread::sleep(Duration::from_millis(1_200));
        network.run("ip", &["link", "set", "probe0", "up"]);
        watching.wait_for("interface probe0 is up again");
        let after = network.send(&capture, "wire0", 20_000);
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(before + after);
        let stderr = &watched.ended.stderr;
        for said in ["is down", "is up again"] {
            assert_eq!(stderr.matches(said).count(), 1, "{stderr}");
        }
    }
}

#[test]
fn the_only_interface_goes_and_so_does_the_program() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("sent.pcap");
        write_conversations(&capture, 200, 10);
        let watching = watch(&network, &["-i", "probe0", "--workers", workers]);
        let sent = network.send(&capture, "wire0", 20_000);
        thread::sleep(A_BLOCK);
        network.run("ip", &["link", "delete", "probe0"]);
        let watched = watching.ended();
        watched.ended.assert_status(3);
        watched.assert_accounts_for(sent);
        let warnings = watched.summary["warnings"].to_string();
        assert_eq!(warnings.matches("interface probe0").count(), 1, "{warnings}");
        assert!(warnings.contains("it is no longer watched"), "{warnings}");
    }
}

#[test]
fn the_other_interface_is_watched_on() {
    let Some(network) = Network::new(2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("sent.pcap");
    write_conversations(&capture, 200, 10);
    let watching = watch(&network, &["-i", "probe0", "-i", "probe1", "--workers", "2"]);
    let before = network.send(&capture, "wire0", 20_000) + network.send(&capture, "wire1", 20_000);
    thread::sleep(A_BLOCK);
    network.run("ip", &["link", "delete", "probe0"]);
    watching.wait_for("interface probe0 is gone");
    let after = network.send(&capture, "wire1", 20_000);
    let watched = watching.end("TERM");
    watched.ended.assert_status(3);
    watched.assert_accounts_for(before + after);
    assert!(watched.summary["warnings"].to_string().contains("interface probe0"), "{}", watched.summary);
}

/// Whether an interface that was down is still there is looked up by its name, as libpcap does it. So it ends, and says what may have happened.
#[test]
fn a_new_name_has_to_be_given() {
    let Some(network) = Network::new(1) else { return };
    let watching = watch(&network, &["-i", "probe0"]);
    network.run("ip", &["link", "set", "probe0", "down"]);
    network.run("ip", &["link", "set", "probe0", "name", "span0"]);
    network.run("ip", &["link", "set", "span0", "up"]);
    let watched = watching.ended();
    watched.ended.assert_status(3);
    let warnings = watched.summary["warnings"].to_string();
    assert!(warnings.contains("interface probe0") && warnings.contains("renamed"), "{warnings}");
}

/// The kernel leaves out what the filter does not ask for: it is not received at all.
#[test]
fn the_kernel_filters() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("sent.pcap");
    write_conversations(&capture, 200, 10);
    for workers in ["1", "2"] {
        let arguments =
            ["-i", "probe0", "--workers", workers, "--filter", "udp port 20007 or udp port 20100"];
        let watching = watch(&network, &arguments);
        assert_eq!(network.send(&capture, "wire0", 20_000), 2_000);
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(20);
        assert_eq!((watched.packets("received"), watched.packets("filtered")), (20, 0));
    }
}

/// The kernel hands frames over after this long.
const A_BLOCK: Duration = Duration::from_millis(150);
