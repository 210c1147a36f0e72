use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    network::Network,
    traffic::write_conversations,
    watching::{Program, until, watch},
};
use crate::{
    collectors::streams::{flow_ids, ids_of},
    program::{read_flows, tool},
};

/// The collector ends the connection, is away for a while, and listens again. The program is nobody in particular by then, who may use
/// its spool and no other file, and the thread that exports may do no more.
#[test]
fn a_collector_over_tcp_that_comes_and_goes_misses_nothing() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [capture, flows, first, second] =
        ["sent.pcap", "flows.jsonl", "first", "second"].map(|name| folder.path().join(name));
    write_conversations(&capture, 500, 10);
    // Nobody is to reach what is in it.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let spool = folder.path().join("spool");
    let mut listener = tool("python3", "python3");
    listener.arg("-c").arg(LISTENER).args([&first, &second]);
    let listener = Program::start(&mut network.enter(&listener));
    listener.wait_for("listening");
    let line = ["-i", "probe0", "--udp-timeout", "300ms", "--user", "nobody", "--message-octets", "1400"];
    let outputs = ["--export", "tcp://127.0.0.1:4739", "--spool", spool.to_str().unwrap()];
    let flows_path = ["--flows", flows.to_str().unwrap()];
    let watching = watch(&network, &[&line[..], &outputs, &flows_path].concat());
    let octets = |path: &Path| fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    network.send(&capture, "wire0", 5_000);
    until(|| octets(&first) > 10_000, || "nothing has arrived".to_owned());
    watching.wait_for("the collector is away");
    network.send(&capture, "wire0", 5_000);
    watching.wait_for("records that waited follow");
    network.send(&capture, "wire0", 5_000);
    let exporting = watching.threads().into_iter().find(|thread| thread.contains("Name:\texport\n")).unwrap();
    assert!(exporting.contains("CapEff:\t0000000000000000\n"), "{exporting}");
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    let expected = ids_of(&read_flows(&flows));
    assert_eq!(expected.len(), 1_500);
    let arrived = [&first, &second].map(|path| flow_ids(&fs::read(path).unwrap()));
    assert!(!arrived[1].is_empty());
    assert_eq!(arrived.concat(), expected);
}

/// Takes a connection and ends its side of it after some octets, is away for a while, and takes another one to its end.
const LISTENER: &str = "
import socket, sys, time
def take(path, limit):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', 4739))
    s.listen()
    print('listening', file=sys.stderr, flush=True)
    c, _ = s.accept()
    s.close()
    with open(path, 'wb', buffering=0) as f:
        while data := c.recv(65536):
            f.write(data)
            limit -= len(data)
            if limit < 0:
                c.shutdown(socket.SHUT_WR)
                limit = 1 << 60
take(sys.argv[1], 10000)
time.sleep(1.5)
take(sys.argv[2], 1 << 60)
";
