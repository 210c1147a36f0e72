use std::time::Duration;

use super::{network::Network, traffic::write_conversations, watching::watch};
use crate::program::read_flows;

/// What the kernel holds back when the signal comes is metered all the same: the last packet may have come a millisecond before.
#[test]
fn term_and_int_lose_nothing() {
    for (signal, workers) in [("TERM", "1"), ("INT", "2")] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [sent, flows] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_conversations(&sent, 1_000, 20);
        let watching =
            watch(&network, &["-i", "probe0", "--workers", workers, "--flows", flows.to_str().unwrap()]);
        let sent = network.send(&sent, "wire0", 20_000);
        let watched = watching.end(signal);
        watched.ended.assert_status(0);
        assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
        assert_eq!(watched.packets("received"), sent);
        watched.assert_accounts_for(sent);
        let flows = read_flows(&flows);
        assert_eq!(flows.len(), 1_000);
        assert!(
            flows.iter().all(|flow| (flow.number("packets"), flow.number("reverse_packets")) == (10, 10))
        );
    }
}

/// A link that does not fall silent does not keep the program from ending.
#[test]
fn it_ends_while_packets_come() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent.pcap");
    write_conversations(&sent, 1_000, 60);
    let watching = watch(&network, &["-i", "probe0"]);
    let (sent, watched) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| network.send(&sent, "wire0", 20_000));
        std::thread::sleep(Duration::from_millis(1_500));
        let watched = watching.end("TERM");
        (sending.join().unwrap(), watched)
    });
    watched.ended.assert_status(0);
    assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
    assert!(watched.packets("received") > 1_000, "{}", watched.summary);
    assert!(watched.packets("received") < sent, "all were sent before it was to end");
    watched.assert_balanced();
}
