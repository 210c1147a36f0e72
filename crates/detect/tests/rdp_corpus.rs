//! RDP in labelled captures that stand beside the checkout: `../shared`, or what `FLOWCANARY_SHARED` names.

#[path = "rdp_corpus/connections.rs"]
mod connections;
#[path = "rdp_corpus/shared.rs"]
mod shared;

use std::collections::BTreeMap;

use detect::rdp::{Connection, ConnectionConfirm, Outcome};
use serde_json::Value;

use connections::{Ends, rdp_connections};

/// A connection as the labels describe it.
#[derive(Debug, PartialEq)]
struct Described {
    cookie: Option<String>,
    requested: Option<String>,
    answer: String,
}

impl Described {
    fn by_label(label: &Value) -> Self {
        let text = |name: &str| label[name].as_str().map(String::from);
        let cookie = text("cookie").map(|cookie| cookie.trim_start_matches("Cookie: mstshash=").into());
        Self { cookie, requested: text("requested_protocols"), answer: text("server_answer").unwrap() }
    }

    fn by_us(connection: &Connection) -> Self {
        let description = connection.description();
        let request = description.request.as_ref().unwrap();
        let requested =
            request.protocols.map(|protocols| format!("{:#010x} flags {:#04x}", protocols.0, request.flags));
        let answer = match description.confirm {
            None | Some(ConnectionConfirm::Bare) => "none".into(),
            Some(ConnectionConfirm::Selected { protocol, flags }) => {
                format!("selected {:#x} flags {flags:#04x}", protocol.0)
            }
            Some(ConnectionConfirm::Failure(code)) => format!("failure {:#x}", code.0),
        };
        Self { cookie: request.cookie.clone(), requested, answer }
    }
}

#[test]
fn every_labelled_connection_is_recognised_as_it_is_labelled_and_no_other() {
    let mut labelled = 0;
    for (file, label) in shared::labels("corpus") {
        let Some(connections) = rdp_connections(&shared::capture("corpus", &file)) else { continue };
        let mut found: BTreeMap<Ends, Described> =
            connections.iter().map(|(ends, c)| (ends.clone(), Described::by_us(c))).collect();
        for (ends, connection) in &connections {
            println!("{file:44} {ends} {}", line(connection));
        }
        for positive in label["positives"]["rdp"].as_array().unwrap() {
            if positive["transport"] == "tcp" {
                labelled += 1;
                let ends = Ends::by_label(positive);
                let ours = found.remove(&ends);
                assert_eq!(ours, Some(Described::by_label(positive)), "{file} {ends}");
            }
        }
        assert!(found.is_empty(), "{file} has no label for {found:?}");
    }
    println!("{labelled} labelled connections");
}

/// What was said of a connection, in a line.
fn line(connection: &Connection) -> String {
    let description = connection.description();
    let logon = connection.logon();
    let ja4 = description.tls_client.as_ref().map_or("-", |client| client.ja4.as_str());
    let (client, server) = (connection.records().client, connection.records().server);
    format!(
        "{:8} {} [{}/{} records, {}/{} octets] {ja4} {}",
        logon.map_or("open", |logon| logon.outcome.name()),
        logon.map(|logon| logon.reason.to_string()).unwrap_or_default(),
        client.records,
        server.records,
        client.octets,
        server.octets,
        description.tool.map(|tool| tool.to_string()).unwrap_or_default(),
    )
}

#[test]
fn logons_of_the_recorded_attacks_are_not_sessions() {
    for file in ["rdp_spray.pcap", "rdp_hydra.pcap"] {
        let Some(connections) = rdp_connections(&shared::capture("lab", file)) else { continue };
        assert!(connections.len() >= 4, "{file}");
        for (ends, connection) in connections {
            println!("{file} {ends} {}", line(&connection));
            assert_eq!(connection.logon().unwrap().outcome, Outcome::Unknown, "{file} {ends}");
            assert!(connection.logon().unwrap().reason.is_attempt(), "{file} {ends}");
        }
    }
}

#[test]
fn logons_of_the_projects_own_capture_end_as_they_were_played() {
    let capture = shared::workspace().join("pcaps/cryptojacking.pcap");
    let mut outcomes: BTreeMap<(String, Outcome), usize> = BTreeMap::new();
    for (ends, connection) in rdp_connections(&capture).unwrap() {
        println!("{ends} {}", line(&connection));
        *outcomes.entry((ends.client.ip().to_string(), connection.logon().unwrap().outcome)).or_default() +=
            1;
    }
    let of = |client: &str, outcome| outcomes.get(&(client.to_string(), outcome)).copied().unwrap_or(0);
    assert_eq!(of("198.51.100.5", Outcome::Refused), 1);
    assert_eq!((of("192.0.2.20", Outcome::Failed), of("192.0.2.20", Outcome::Session)), (1, 1));
    assert_eq!(of("198.51.100.7", Outcome::Failed), 58);
    assert_eq!((of("198.51.100.7", Outcome::Accepted), of("198.51.100.7", Outcome::Session)), (1, 1));
    assert_eq!(outcomes.values().sum::<usize>(), 63, "{outcomes:?}");
}
