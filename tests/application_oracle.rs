//! What we say of applications, against what tshark says of the same packets.
//!
//! What is compared is the first of each that both ends of a conversation say. Where the two differ, [`KNOWN`] says why.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    oracle::plain_captures,
    parallel,
    program::{Ended, own_capture, parse_flows, replay, tool},
    shared::folder,
};

#[test]
fn applications_are_what_tshark_says_that_they_are() {
    let mut captures: Vec<_> = plain_captures().into_iter().map(|(capture, _)| capture).collect();
    captures.extend(small_captures());
    captures.push(own_capture("cryptojacking.pcap"));
    let compared = parallel::each(&captures, |capture| compare(capture));
    let (values, differences): (Vec<_>, Vec<_>) = compared.into_iter().unzip();
    let (values, differences) = (values.iter().sum::<usize>(), differences.concat());
    println!("{values} values in {} captures", captures.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(captures.len() == 1 || values > 2_000, "{values} values in {} captures", captures.len());
}

/// Two ends with their ports, in their order.
type Ends = [(String, u64); 2];
/// What is first said of a conversation, by our names.
type Said = BTreeMap<&'static str, String>;

/// How many values were compared, and those that differ without a reason that is known.
fn compare(capture: &Path) -> (usize, Vec<String>) {
    let name = capture.file_name().unwrap().to_str().unwrap();
    let (ours, theirs) = (our_words(capture), their_words(capture));
    let mut differences = Vec::new();
    for (ends, theirs) in &theirs {
        let ours = ours.get(ends);
        for (what, theirs) in theirs {
            let ours = ours.and_then(|said| said.get(what));
            let is_known = KNOWN.iter().any(|(file, field, _)| *file == name && field == what);
            if ours != Some(theirs) && !is_known {
                differences.push(format!("{name}: {ends:?}: {what} is {ours:?}, and {theirs:?} for tshark"));
            }
        }
    }
    (theirs.values().map(BTreeMap::len).sum(), differences)
}

fn our_words(capture: &Path) -> BTreeMap<Ends, Said> {
    let mut command = replay([capture]);
    let ended = Ended::of(command.args(["--summary", "none", "--detect", "off", "--flows", "-"]));
    assert!([0, 3].contains(&ended.status), "{ended:?}");
    let mut words = BTreeMap::<Ends, Said>::new();
    let flows = parse_flows(&ended.stdout);
    for (flow, application) in flows.iter().filter_map(|flow| Some((flow, flow.application()?))) {
        let end = |address, port| (flow.text(address).to_owned(), flow.number(port));
        let said =
            words.entry(ordered([end("src_ip", "src_port"), end("dest_ip", "dest_port")])).or_default();
        // Of a flow that was cut, the later record knows more.
        for (what, value) in OURS.iter().filter_map(|(what, path)| Some((*what, ours(application, path)?))) {
            said.entry(what).or_insert(value);
        }
    }
    words
}

/// The value at `path` within an application.
fn ours(application: &Value, path: &str) -> Option<String> {
    let value = application.pointer(path)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(match path {
        "/notbefore" => text.replace('T', " "),
        _ => text,
    })
}

fn their_words(capture: &Path) -> BTreeMap<Ends, Said> {
    let mut command = tool("tshark", "tshark");
    // The first of several in a frame is what is wanted; what an ICMP error quotes was said elsewhere.
    command.arg("-r").arg(capture).args(["-Y", FILTER, "-T", "fields", "-E", "occurrence=f"]);
    for field in ENDS.iter().chain(THEIRS.iter().map(|(_, field)| field)) {
        command.args(["-e", field]);
    }
    let said = Ended::of(&mut command);
    let is_cut = said.status == 2 && said.stderr.contains("cut short in the middle of a packet");
    assert!(said.status == 0 || is_cut, "{said:?}");
    let mut words = BTreeMap::<Ends, Said>::new();
    for line in said.stdout.lines() {
        let frame = Frame(line.split('\t').collect());
        let said = words.entry(frame.ends()).or_default();
        let known_id = said.get("dns.id").cloned();
        for (what, field) in THEIRS {
            let is_of_it = match *what {
                // Of a flow with several transactions, the first one counts.
                "dns.rcode" => {
                    frame.get("dns.flags.response") == "1" && known_id.as_deref() == Some(&frame.id())
                }
                "tls.cipher_suite" => frame.get("tls.handshake.type") == "2",
                // Answers about certificates have certificates, too (RFC 6960), and are carried by HTTP.
                "tls.notbefore" => !frame.get("tls.handshake.type").is_empty(),
                _ => true,
            };
            let value = frame.word(what, field);
            if is_of_it && !value.is_empty() {
                said.entry(what).or_insert(value);
            }
        }
    }
    words
}

/// What tshark says of a frame.
struct Frame<'a>(Vec<&'a str>);

impl Frame<'_> {
    fn get(&self, field: &str) -> &str {
        let mut fields = ENDS.iter().copied().chain(THEIRS.iter().map(|(_, field)| *field));
        fields.position(|name| name == field).and_then(|place| self.0.get(place)).unwrap_or(&"")
    }

    fn ends(&self) -> Ends {
        let end = |addresses, ports| (self.either(addresses).to_owned(), self.either(ports).parse().unwrap());
        let source = end(["ip.src", "ipv6.src"], ["tcp.srcport", "udp.srcport"]);
        ordered([source, end(["ip.dst", "ipv6.dst"], ["tcp.dstport", "udp.dstport"])])
    }

    /// Whichever of two fields there is.
    fn either(&self, [one, other]: [&str; 2]) -> &str {
        if self.get(one).is_empty() { self.get(other) } else { self.get(one) }
    }

    fn id(&self) -> String {
        hexadecimal(self.get("dns.id")).to_string()
    }

    /// A value as we write it.
    fn word(&self, what: &str, field: &str) -> String {
        let value = self.get(field);
        match what {
            _ if value.is_empty() => String::new(),
            "dns.id" => self.id(),
            "dns.name" => {
                if value == "<Root>" {
                    String::new()
                } else {
                    value.to_ascii_lowercase()
                }
            }
            "dns.rcode" => RCODES.get(value.parse::<usize>().unwrap()).map_or(value, |name| *name).to_owned(),
            "tls.cipher_suite" => format!("0x{:04x}", hexadecimal(value)),
            "tls.notbefore" => value.trim_end_matches(" (UTC)").to_owned(),
            _ => value.to_owned(),
        }
    }
}

fn hexadecimal(digits: &str) -> u16 {
    u16::from_str_radix(digits.trim_start_matches("0x"), 16).unwrap_or_default()
}

/// So that both ways are of one conversation.
fn ordered(mut ends: Ends) -> Ends {
    ends.sort();
    ends
}

/// Captures of one conversation each.
fn small_captures() -> Vec<PathBuf> {
    let Some(folder) = folder("flowtest") else { return Vec::new() };
    let captures = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    captures.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")).collect()
}

/// DNS on its port, and of its operations the query (RFC 1035, 4.1.1).
const FILTER: &str = "!icmp && !icmpv6 && ((dns && dns.flags.opcode == 0 && (udp.port == 53 || tcp.port == 53)) \
                      || http || ssh.protocol || tls.handshake) && !quic";
const ENDS: [&str; 10] = [
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "udp.srcport",
    "tcp.dstport",
    "udp.dstport",
    "dns.flags.response",
    "tls.handshake.type",
];
/// What is compared, and tshark's name for it.
const THEIRS: &[(&str, &str)] = &[
    ("dns.id", "dns.id"),
    ("dns.name", "dns.qry.name"),
    ("dns.rcode", "dns.flags.rcode"),
    ("http.method", "http.request.method"),
    ("http.url", "http.request.uri"),
    ("http.host", "http.host"),
    ("http.user_agent", "http.user_agent"),
    ("http.status", "http.response.code"),
    ("tls.ja3", "tls.handshake.ja3"),
    ("tls.sni", "tls.handshake.extensions_server_name"),
    ("tls.cipher_suite", "tls.handshake.ciphersuite"),
    ("tls.notbefore", "x509af.utcTime"),
];
/// The same in our applications.
const OURS: &[(&str, &str)] = &[
    ("dns.id", "/id"),
    ("dns.name", "/rrname"),
    ("dns.rcode", "/rcode"),
    ("http.method", "/http_method"),
    ("http.url", "/url"),
    ("http.host", "/hostname"),
    ("http.user_agent", "/http_user_agent"),
    ("http.status", "/status"),
    ("tls.ja3", "/ja3/hash"),
    ("tls.sni", "/sni"),
    ("tls.cipher_suite", "/cipher_suite"),
    ("tls.notbefore", "/notbefore"),
];
const RCODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
/// Where the two differ: the capture, what differs, and why.
const KNOWN: &[(&str, &str, &str)] = &[(
    "ndpi__WebattackRCE.pcap",
    "http.url",
    "a target has a space, at which tshark ends it and takes the rest for the version",
)];
