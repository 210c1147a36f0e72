//! Collectors that take connections: over TCP, and inside TLS as OpenSSL speaks it.

use std::{
    fs::{self, File},
    io::Read as _,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{arriving::wait_until, file_decoders::records_of_dump};
use crate::program::{Ended, Flow, Replay, own_capture, replay, tool};

#[test]
fn over_tcp_a_collector_gets_every_flow_once() {
    let (listener, address) = listen();
    let collector = collect(listener);
    let replay = Replay::of([own_capture(CAPTURE)], &["--export", &format!("tcp://{address}")]);
    replay.ended.assert_status(0);
    let octets = collector.join().unwrap();
    assert_eq!(flow_ids(&octets), ids_of(&replay.flows));
    let (file, tcp) = (&replay.summary["outputs"][0], &replay.summary["outputs"][1]);
    assert_eq!(tcp["output"], format!("tcp://{address}"));
    for count in ["records", "lost_records"] {
        assert_eq!(tcp[count], file[count], "{count}");
    }
    assert_eq!(tcp["octets"], octets.len());
}

#[test]
fn a_collector_that_breaks_off_again_and_again_misses_nothing() {
    let (listener, address) = listen();
    listener.set_nonblocking(true).unwrap();
    let (end, is_over) = mpsc::channel();
    let collector = thread::spawn(move || {
        let mut sessions = Vec::new();
        loop {
            let Ok((mut connection, _)) = listener.accept() else {
                if is_over.try_recv().is_ok() {
                    return sessions;
                }
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            connection.set_nonblocking(false).unwrap();
            // Some octets, and then it ends its side.
            let mut octets = Vec::new();
            (&mut connection).take(40_000).read_to_end(&mut octets).unwrap();
            connection.shutdown(Shutdown::Write).ok();
            octets.extend(read(&mut connection, Duration::from_mins(1)));
            sessions.push(octets);
        }
    });
    // Small messages: many of them are on their way at a time.
    let export = format!("tcp://{address}");
    let replay = Replay::of([own_capture(CAPTURE)], &["--export", &export, "--message-octets", "512"]);
    end.send(()).unwrap();
    replay.ended.assert_status(0);
    let sessions = collector.join().unwrap();
    let ids: Vec<_> = sessions.iter().flat_map(|octets| flow_ids(octets)).collect();
    assert_eq!(ids, ids_of(&replay.flows));
}

#[test]
fn what_nobody_takes_is_lost_and_said() {
    let (listener, address) = listen();
    drop(listener);
    let export = format!("tcp://{address}");
    // Findings and statistics are no records of flows.
    let replay = Replay::of([own_capture(CAPTURE)], &["--export", &export]);
    replay.ended.assert_status(3);
    let tcp = &replay.summary["outputs"][1];
    assert_eq!((&tcp["records"], &tcp["lost_records"]), (&Value::from(0), &Value::from(replay.flows.len())));
    let says = format!("{} records are lost", replay.flows.len());
    let warning = &replay.summary["warnings"][0];
    let warning = warning.as_str().unwrap();
    assert!(warning.contains(&says) && warning.contains("Connection refused"), "{warning}");
    assert!(replay.ended.stderr.contains("the collector is away: Connection refused"), "{:?}", replay.ended);
}

#[test]
fn what_nobody_takes_waits_in_the_spool_for_the_next_run() {
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let export = format!("tcp://{address}");
    let arguments = [&["--export", &export, "--spool", spool.to_str().unwrap()], &FLOWS_ALONE[..]].concat();
    let first = Replay::of([own_capture(CAPTURE)], &arguments);
    first.ended.assert_status(3);
    assert_eq!(first.summary["outputs"][1]["lost_records"], 0);
    let warning = first.summary["warnings"][0].as_str().unwrap();
    assert!(warning.contains(&format!("{} records wait in", first.flows.len())), "{warning}");
    // What waits there is an IPFIX file that others can read.
    let parts: Vec<_> = fs::read_dir(spool.join(format!("tcp-{address}")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ipfix"))
        .collect();
    let [part] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!(flow_ids(&fs::read(part).unwrap()), ids_of(&first.flows));

    let collector = collect(TcpListener::bind(address).unwrap());
    let second = Replay::of([own_capture("tunnels.pcap")], &arguments);
    second.ended.assert_status(0);
    let expected = [ids_of(&first.flows), ids_of(&second.flows)].concat();
    assert_eq!(flow_ids(&collector.join().unwrap()), expected);
    let tcp = &second.summary["outputs"][1];
    assert_eq!(tcp["records"], expected.len());
    assert!(second.ended.stderr.contains("records that waited follow"), "{:?}", second.ended);
}

#[test]
fn a_program_that_is_killed_leaves_what_waits_to_the_next_run() {
    let (listener, address) = listen();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().to_str().unwrap();
    let arguments = ["--export", &format!("tcp://{address}"), "--spool", spool, "--message-octets", "4096"];
    let mut command = replay([own_capture(CAPTURE)]);
    command.args(arguments).stderr(Stdio::null()).stdin(Stdio::null());
    let mut killed = command.spawn().unwrap();
    let expected = ids_of(&Replay::of([own_capture(CAPTURE)], &[]).flows);
    let part = folder.path().join(format!("tcp-{address}")).join("500000000000.ipfix");
    wait_until(|| fs::read(&part).is_ok_and(|octets| flow_ids(&octets).len() == expected.len()));
    killed.kill().unwrap();
    killed.wait().unwrap();

    let collector = collect(TcpListener::bind(address).unwrap());
    let next = Replay::of([own_capture("tunnels.pcap")], &arguments);
    next.ended.assert_status(0);
    assert_eq!(flow_ids(&collector.join().unwrap()), [expected, ids_of(&next.flows)].concat());
}

#[test]
fn files_that_follow_each_other_hold_every_flow_once() {
    for rotation in ["1m", "64KiB"] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file:{}?rotate={rotation}", folder.path().join("flows.ipfix").display());
        let replay = Replay::of([own_capture(CAPTURE)], &["--export", &url, "--message-octets", "4096"]);
        replay.ended.assert_status(0);
        let mut files: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 3, "{rotation}: {files:?}");
        assert!(files[0].to_str().unwrap().contains("flows-20260304T"), "{files:?}");
        let ids: Vec<_> = files.iter().flat_map(|file| flow_ids(&fs::read(file).unwrap())).collect();
        assert_eq!(ids, ids_of(&replay.flows), "{rotation}");
    }
    let mut command = replay([own_capture(CAPTURE)]);
    let ended = Ended::of(command.args(["--export", "file:/no/such/folder/flows?rotate=1h"]));
    ended.assert_status(1);
    assert!(ended.stderr.contains("create the folder first"), "{ended:?}");
}

#[test]
fn inside_tls_openssl_gets_every_flow_once() {
    let paper = Paper::new();
    for version in ["-tls1_2", "-tls1_3"] {
        let server = paper.serve("good", &[version]);
        let replay = Replay::of([own_capture(CAPTURE)], &["--export", &server.url("")]);
        replay.ended.assert_status(0);
        server.assert_received(&replay);
    }
}

#[test]
fn inside_tls_both_sides_show_who_they_are() {
    let paper = Paper::new();
    let authority = paper.file("ca.pem");
    let demands = ["-CAfile", &authority, "-Verify", "1", "-verify_return_error"];
    for version in ["-tls1_2", "-tls1_3"] {
        let server = paper.serve("good", &[&demands[..], &[version]].concat());
        let ours = format!("&cert={}&key={}", paper.file("client.pem"), paper.file("client.key"));
        let replay = Replay::of([own_capture(CAPTURE)], &["--export", &server.url(&ours)]);
        replay.ended.assert_status(0);
        server.assert_received(&replay);
    }
}

#[test]
fn a_collector_that_wants_a_certificate_gets_nothing_without_one() {
    let paper = Paper::new();
    let authority = paper.file("ca.pem");
    let server = paper.serve("good", &["-CAfile", &authority, "-Verify", "1", "-verify_return_error"]);
    server.assert_refused("", "wants a certificate from us");
}

#[test]
fn a_collector_that_does_not_know_our_authority_gets_nothing() {
    let paper = Paper::new();
    let authority = paper.file("other-ca.pem");
    let server = paper.serve("good", &["-CAfile", &authority, "-Verify", "1", "-verify_return_error"]);
    let ours = format!("&cert={}&key={}", paper.file("client.pem"), paper.file("client.key"));
    server.assert_refused(&ours, "our certificate");
}

#[test]
fn a_collector_whose_certificate_is_for_another_name_gets_nothing() {
    let paper = Paper::new();
    let server = paper.serve("good", &[]);
    server.assert_refused("&name=other.example", "not for other.example but for");
}

#[test]
fn a_collector_whose_certificate_has_expired_gets_nothing() {
    let paper = Paper::new();
    paper.serve("expired", &[]).assert_refused("", "its certificate has expired");
}

#[test]
fn a_collector_that_a_stranger_signed_for_gets_nothing() {
    let paper = Paper::new();
    paper.serve("stranger", &[]).assert_refused("", "signed by none of the authorities");
}

#[test]
fn a_certificate_that_cannot_be_read_is_said_at_the_start() {
    let mut command = replay([own_capture(CAPTURE)]);
    let ended = Ended::of(command.args(["--export", "tls://127.0.0.1:4740?ca=/no/such/ca.pem"]));
    ended.assert_status(1);
    assert!(ended.stderr.contains("cannot read /no/such/ca.pem"), "{ended:?}");
}

/// Certificates and keys.
struct Paper {
    folder: TempDir,
}

/// `openssl s_server`, which writes down what it gets.
struct Server<'a> {
    child: Child,
    port: u16,
    paper: &'a Paper,
}

impl Paper {
    fn new() -> Self {
        let paper = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(paper.file("names"), "subjectAltName=DNS:collector.example,IP:127.0.0.1\n").unwrap();
        for authority in ["ca", "other-ca"] {
            let (key, certificate) = (paper.file(&format!("{authority}.key")), format!("{authority}.pem"));
            let name = format!("/CN={authority}");
            let line = ["req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-keyout", &key];
            paper.openssl(&[&line[..], &["-subj", &name, "-out", &paper.file(&certificate)]].concat());
        }
        paper.sign("good", "ca", "2");
        paper.sign("client", "ca", "2");
        paper.sign("expired", "ca", "-1");
        paper.sign("stranger", "other-ca", "2");
        paper
    }

    fn sign(&self, name: &str, authority: &str, days: &str) {
        let file = |extension: &str| self.file(&format!("{name}.{extension}"));
        let subject = format!("/CN={name}");
        let line = ["req", "-nodes", "-newkey", "rsa:2048", "-keyout", &file("key"), "-subj", &subject];
        self.openssl(&[&line[..], &["-out", &file("csr")]].concat());
        let (ca, key) = (self.file(&format!("{authority}.pem")), self.file(&format!("{authority}.key")));
        let line = ["x509", "-req", "-in", &file("csr"), "-CA", &ca, "-CAkey", &key, "-CAcreateserial"];
        let rest = ["-days", days, "-extfile", &self.file("names"), "-out", &file("pem")];
        self.openssl(&[&line[..], &rest].concat());
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn openssl(&self, line: &[&str]) {
        let ended = Ended::of(tool("openssl", "openssl").args(line).current_dir(self.folder.path()));
        ended.assert_status(0);
    }

    /// Starts a server with the certificate of this name, and waits until it listens.
    fn serve(&self, name: &str, line: &[&str]) -> Server<'_> {
        let port = listen().1.port();
        let mut command = tool("openssl", "openssl");
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]);
        command.args([
            "-cert",
            &self.file(&format!("{name}.pem")),
            "-key",
            &self.file(&format!("{name}.key")),
        ]);
        command.args(line);
        // It ends connections when its input has ended.
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        command.stdout(File::create(self.file("received")).unwrap());
        let child = command.spawn().unwrap();
        let server = Server { child, port, paper: self };
        let needle = format!(":{port:04X} 00000000:0000 0A");
        wait_until(|| fs::read_to_string("/proc/net/tcp").unwrap().contains(&needle));
        server
    }
}

impl Server<'_> {
    fn url(&self, rest: &str) -> String {
        format!("tls://127.0.0.1:{}?ca={}{rest}", self.port, self.paper.file("ca.pem"))
    }

    fn received(&self) -> PathBuf {
        self.paper.file("received").into()
    }

    /// All flows of a replay have come, once and in their order.
    fn assert_received(&self, replay: &Replay) {
        let expected = replay.summary["outputs"][1]["octets"].as_u64().unwrap();
        wait_until(|| fs::metadata(self.received()).unwrap().len() >= expected);
        assert_eq!(flow_ids(&fs::read(self.received()).unwrap()), ids_of(&replay.flows));
    }

    /// A replay hands nothing on, says why, and loses everything.
    fn assert_refused(self, url: &str, why: &str) {
        let url = self.url(url);
        let replay = Replay::of([own_capture(CAPTURE)], &["--export", &url]);
        replay.ended.assert_status(3);
        let tls = &replay.summary["outputs"][1];
        assert_eq!((&tls["records"], &tls["lost_records"]), (&0.into(), &replay.flows.len().into()));
        let warning = replay.summary["warnings"][0].as_str().unwrap();
        assert!(warning.contains(why), "{warning}");
        assert_eq!(fs::metadata(self.received()).unwrap().len(), 0);
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Takes one connection, and reads it to its end.
pub(super) fn collect(listener: TcpListener) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || read(&mut listener.accept().unwrap().0, Duration::from_mins(1)))
}

/// Reads until the connection ends, or nothing comes for so long.
pub(super) fn read(connection: &mut TcpStream, patience: Duration) -> Vec<u8> {
    let (mut octets, mut buffer) = (Vec::new(), [0; 4_096]);
    connection.set_read_timeout(Some(patience)).unwrap();
    while let Ok(length @ 1..) = connection.read(&mut buffer) {
        octets.extend_from_slice(&buffer[..length]);
    }
    octets
}

/// The flows in an IPFIX stream, in their order, as ipfixDump reads them.
pub(crate) fn flow_ids(octets: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream.ipfix");
    fs::write(&path, octets).unwrap();
    let mut command: Command = tool("ipfixDump", "libfixbuf-tools");
    let dumped = Ended::of(command.arg("-i").arg(&path));
    let flows =
        records_of_dump(&dumped.stdout).into_iter().filter(|record| record.contains_key("flowEndReason"));
    flows.map(|mut record| record.remove("flowId").unwrap()).collect()
}

pub(crate) fn ids_of(flows: &[Flow]) -> Vec<String> {
    flows.iter().map(|flow| flow.number("flow_id").to_string()).collect()
}

/// Records of findings and statistics would wait likewise.
pub(super) const FLOWS_ALONE: [&str; 4] = ["--ipfix-profile", "nfdump", "--application", "off"];
const CAPTURE: &str = "cryptojacking.pcap";
