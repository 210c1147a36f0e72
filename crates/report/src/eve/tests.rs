use std::collections::BTreeSet;

use detect::{
    Evidence, JudgeCounts, Kind, Prefix, Severity, Victim,
    incident::Stage,
    observe::ObserverCounts,
    rdp::{ConnectionConfirm, FailureCode, Seen},
};
use serde_json::Value;
use wire::{DecodeFailure, NotIp};

use super::*;
use crate::{
    FlowCounts, PacketLedger,
    line_file::Disk,
    sample::{
        CASE, address, at, client_data, guessing, icmp_record, incident, logon, mining, tcp_record,
        udp_record,
    },
};

/// What `write` writes of the types that are wanted.
fn written_of(types: EveTypes, write: impl FnOnce(&mut Eve<&mut Vec<u8>>)) -> String {
    let mut octets = Vec::new();
    let mut eve = Eve::new(types, &mut octets);
    write(&mut eve);
    eve.flush().unwrap();
    assert_eq!(eve.lost_lines(), 0);
    let lines = eve.written_lines();
    let text = String::from_utf8(octets).unwrap();
    assert_eq!(u64::try_from(text.lines().count()).unwrap(), lines);
    text
}

fn written(write: impl FnOnce(&mut Eve<&mut Vec<u8>>)) -> String {
    written_of(EveTypes::ALL, write)
}

/// Parses a line, and checks what each must have.
fn parsed(line: &str) -> Value {
    let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let time = json["timestamp"].as_str().unwrap();
    assert!(time.len() == 31 && time.ends_with("+0000"), "{time}");
    assert!(["alert", "finding", "rdp", "flow", "stats"].contains(&json["event_type"].as_str().unwrap()));
    if let Some(flow) = json.get("flow_id") {
        assert!(flow.as_u64().unwrap() < 1 << 53);
    }
    json
}

fn alert_of(finding: &Finding) -> Value {
    parsed(&written(|eve| eve.finding(finding, None, &[]).unwrap()))
}

fn statistics_line() -> String {
    let mut packets = PacketLedger::default();
    (packets.received, packets.received_octets) = (1_005, 98_765);
    (packets.metered, packets.metered_octets) = (1_000, 84_000);
    for _ in 0..5 {
        packets.count_undecoded(DecodeFailure::NotIp(NotIp::EtherType(0x0806)));
    }
    let flows =
        FlowCounts { flows: 90, records: 91, packets: 1_000, octets: 84_000, ..FlowCounts::default() };
    let observers = ObserverCounts { listeners_evicted: 2, ..ObserverCounts::default() };
    let judges = JudgeCounts { cases: 1, ..JudgeCounts::default() };
    let statistics = Statistics {
        time: at(60_000),
        packets: &packets,
        flows: &flows,
        observers,
        judges,
        interfaces: &[],
        workers: &[],
    };
    written(|eve| eve.stats(&statistics).unwrap())
}

/// A line of each type.
fn one_of_each() -> [(&'static str, String); 6] {
    let links = incident().links;
    [
        ("alert", written(|eve| eve.finding(&guessing(), Some(CASE), &[]).unwrap())),
        ("finding", written(|eve| eve.finding(&mining(), Some(CASE), &links).unwrap())),
        ("incident", written(|eve| eve.incident(&incident()).unwrap())),
        ("rdp", written(|eve| eve.rdp(&logon()).unwrap())),
        ("flow", written(|eve| eve.flow(&tcp_record(), FlowContext::default()).unwrap())),
        ("stats", statistics_line()),
    ]
}

#[test]
fn lines_are_those_of_the_files() {
    for (name, line) in one_of_each() {
        parsed(&line);
        let path = format!("{}/src/eve/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(line, expected, "{path}");
    }
}

#[test]
fn eve_md_shows_these_lines_and_tells_of_every_field() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/EVE.md");
    let page = std::fs::read_to_string(page).unwrap();
    let examples: Vec<Value> = page
        .split("```json\n")
        .skip(1)
        .map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap())
        .collect();
    for (name, line) in one_of_each() {
        let line = parsed(&line);
        assert!(examples.contains(&line), "docs/EVE.md has another example of `{name}`");
        let mut fields = BTreeSet::new();
        collect_fields(&line, &mut fields);
        for field in fields {
            assert!(page.contains(&format!("`{field}`")), "docs/EVE.md does not tell of `{field}`");
        }
    }
}

/// Names of fields; those of evidence are the detectors' own.
fn collect_fields(json: &Value, fields: &mut BTreeSet<String>) {
    match json {
        Value::Object(object) => {
            for (name, value) in object {
                fields.insert(name.clone());
                if name != "evidence" {
                    collect_fields(value, fields);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_fields(value, fields)),
        _ => {}
    }
}

#[test]
fn an_alert_is_raised_when_a_finding_is_new_or_worse_and_none_when_it_goes_on() {
    let type_of = |phase| {
        let finding = Finding { phase, ..guessing() };
        let incident = Incident { phase, ..incident() };
        let of_finding = written(|eve| eve.finding(&finding, None, &[]).unwrap());
        let of_incident = written(|eve| eve.incident(&incident).unwrap());
        assert_eq!(of_finding.is_empty(), of_incident.is_empty());
        (!of_finding.is_empty()).then(|| {
            let (one, other) = (parsed(&of_finding), parsed(&of_incident));
            assert_eq!(one["event_type"], other["event_type"]);
            assert_eq!(one.get("alert").is_some(), one["event_type"] == "alert");
            one["event_type"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(type_of(Phase::Started).as_deref(), Some("alert"));
    assert_eq!(type_of(Phase::Raised).as_deref(), Some("alert"));
    assert_eq!(type_of(Phase::Updated), None);
    assert_eq!(type_of(Phase::Ended).as_deref(), Some("finding"));
}

#[test]
fn severities_are_those_of_suricata() {
    for (severity, number) in
        [(Severity::Critical, 1), (Severity::High, 1), (Severity::Medium, 2), (Severity::Low, 3)]
    {
        let json = alert_of(&Finding { severity, ..guessing() });
        assert_eq!(json["alert"]["severity"], number);
        assert_eq!(json["flowcanary"]["severity"], severity.name());
    }
}

#[test]
fn an_alert_goes_from_the_offender_to_the_victim_and_mining_to_the_pool() {
    let ends = |finding: &Finding| {
        let json = alert_of(finding);
        let text = |name| json.get(name).map(|value| value.to_string().replace('"', ""));
        (text("src_ip"), text("src_port"), text("dest_ip"), text("dest_port"))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ends(&mining()), (some("192.0.2.10"), some("49801"), some("198.51.100.20"), some("3333")));
    let apart = |kind, victim| Finding { kind, victim, connection: None, ..guessing() };
    let host = address("192.0.2.10");
    assert_eq!(
        ends(&apart(Kind::SynFlood, Victim::Port(host, 80))),
        (some("203.0.113.7"), None, some("192.0.2.10"), some("80"))
    );
    assert_eq!(
        ends(&apart(Kind::Mining, Victim::Address(host))),
        (some("192.0.2.10"), None, some("203.0.113.7"), None)
    );
    let network = apart(Kind::SynScan, Victim::Prefix(Prefix::of(host)));
    assert_eq!(ends(&network), (some("203.0.113.7"), None, some("192.0.2.0"), None));
    assert_eq!(alert_of(&network)["flowcanary"]["victim"], "192.0.2.0/24");
    assert_eq!(ends(&apart(Kind::SynScan, Victim::Many)), (some("203.0.113.7"), None, None, None));
    let by_nobody = Finding { offenders: Vec::new(), ..apart(Kind::SynFlood, Victim::Address(host)) };
    assert_eq!(ends(&by_nobody), (None, None, some("192.0.2.10"), None));
}

#[test]
fn every_kind_has_a_line() {
    for kind in Kind::ALL {
        let json = alert_of(&Finding { kind, ..guessing() });
        assert_eq!(json["flowcanary"]["kind"], kind.name());
        assert_eq!(json["alert"]["signature"], format!("flowcanary: {}", kind.title()));
        assert_eq!(json["flowcanary"].get("stage").is_some(), Stage::of(kind).is_some());
    }
}

#[test]
fn types_that_are_not_wanted_are_not_written() {
    let all = |types| {
        written_of(types, |eve| {
            eve.finding(&guessing(), None, &[]).unwrap();
            eve.incident(&incident()).unwrap();
            eve.rdp(&logon()).unwrap();
            eve.flow(&tcp_record(), FlowContext::default()).unwrap();
        })
    };
    assert_eq!(all(EveTypes::NONE), "");
    for (one, lines) in [(EveType::Alert, 2), (EveType::Rdp, 1), (EveType::Flow, 1), (EveType::Stats, 0)] {
        assert_eq!(all(EveTypes::NONE.with(one)).lines().count(), lines, "{one:?}");
    }
}

#[test]
fn hostile_text_neither_leaves_its_line_nor_fills_the_disk() {
    let hostile =
        format!("\"}}\n{{\"event_type\":\"alert\"\u{1b}[2J\u{2028}\\\0{}", "\u{202e}é".repeat(5_000));
    let mut finding = guessing();
    finding.evidence = vec![
        Evidence::new("user", hostile.clone()),
        Evidence::new("share", f64::NAN).held_against(f64::INFINITY),
    ];
    finding.confidence = f64::NAN;
    let mut incident = incident();
    incident.stages[0].says.clone_from(&hostile);
    incident.advice.push(hostile.clone());
    incident.links[0].value.clone_from(&hostile);
    let mut observation = logon();
    if let Seen::Logon(seen) = &mut observation.seen {
        let request = seen.description.request.as_mut().unwrap();
        (request.cookie, request.routing_token) = (Some(hostile.clone()), Some(hostile.clone()));
        seen.description.client_data = Some(client_data(&hostile, &[&hostile, "rdpdr"]));
        seen.description.tls_client.as_mut().unwrap().server_name = Some(hostile.clone());
    }
    let text = written(|eve| {
        eve.finding(&finding, None, &incident.links).unwrap();
        eve.incident(&incident).unwrap();
        eve.rdp(&observation).unwrap();
    });
    assert!(text.chars().all(|char| char == '\n' || !crate::readable::is_acted_on(char)));
    let lines: Vec<_> = text.lines().map(parsed).collect();
    assert_eq!(lines.len(), 3);
    assert!(text.lines().all(|line| line.len() < 64 * 1_024));
    let user = lines[0]["flowcanary"]["evidence"]["user"].as_str().unwrap();
    assert!(hostile.starts_with(user.strip_suffix('…').unwrap()));
    assert_eq!(lines[0]["flowcanary"]["confidence"], Value::Null);
    assert_eq!(lines[0]["flowcanary"]["evidence"]["share"]["threshold"], Value::Null);
    assert_eq!(lines[2]["rdp"]["client"]["channels"][1], "rdpdr");
}

#[test]
fn a_refused_connection_says_why_and_leaves_out_what_was_not_seen() {
    let mut observation = logon();
    if let Seen::Logon(seen) = &mut observation.seen {
        let code = FailureCode::HYBRID_REQUIRED_BY_SERVER;
        *seen.description = rdp::Description {
            confirm: Some(ConnectionConfirm::Failure(code)),
            client_data: Some(client_data("", &["rdpdr"])),
            ..rdp::Description::default()
        };
        (seen.requested, seen.tool) = (None, None);
        seen.logon.pause_ms = Some(12);
    }
    let rdp = parsed(&written(|eve| eve.rdp(&observation).unwrap()))["rdp"].clone();
    assert_eq!(rdp["negotiation_failure"], "HYBRID_REQUIRED_BY_SERVER");
    assert_eq!((&rdp["client"]["build"], &rdp["pause_ms"]), (&2_600.into(), &12.into()));
    assert_eq!(rdp["client"]["keyboard_layout"], "0x00000409");
    assert!(rdp["client"].get("name").is_none());
    for absent in ["cookie", "routing_token", "requested_protocols", "selected_protocol", "tls", "tool"] {
        assert!(rdp.get(absent).is_none(), "{absent}");
    }
    // Only a logon is a line.
    observation.seen = Seen::Answered(ConnectionConfirm::Bare);
    assert_eq!(written(|eve| eve.rdp(&observation).unwrap()), "");
}

#[test]
fn flows_without_ports_have_none_and_icmp_has_its_types() {
    let icmp = parsed(&written(|eve| eve.flow(&icmp_record(), FlowContext::default()).unwrap()));
    assert!(icmp.get("src_port").is_none() && icmp.get("dest_port").is_none() && icmp.get("tcp").is_none());
    assert_eq!((&icmp["proto"], &icmp["icmp_type"]), (&"ICMP".into(), &8.into()));
    assert_eq!((&icmp["response_icmp_type"], &icmp["flow"]["state"]), (&0.into(), &"established".into()));
    let udp = parsed(&written(|eve| eve.flow(&udp_record(), FlowContext::default()).unwrap()));
    assert_eq!((&udp["dest_port"], &udp["flow"]["state"]), (&53.into(), &"new".into()));
    assert_eq!(udp["flow"]["start"], "2023-11-14T22:13:20.000000+0000");
    assert!(udp.get("icmp_type").is_none() && udp.get("vlan").is_none());
}

#[test]
fn vlans_of_a_flow_are_listed() {
    let mut record = udp_record();
    let link = &mut record.forward.first_packet.link;
    (link.vlans, link.vlan_count) = ([10, 20], 2);
    let json = parsed(&written(|eve| eve.flow(&record, FlowContext::default()).unwrap()));
    assert_eq!(json["vlan"], serde_json::json!([10, 20]));
}

#[test]
fn what_a_full_disk_does_not_take_is_lost_and_counted() {
    let record = tcp_record();
    let line = written(|eve| eve.flow(&record, FlowContext::default()).unwrap()).len();
    let mut eve = Eve::new(EveTypes::ALL, Disk { room: 300 * line + 7 });
    let errors = (0..2_000).filter(|_| eve.flow(&record, FlowContext::default()).is_err()).count();
    let errors = errors + usize::from(eve.flush().is_err());
    assert_eq!((errors, eve.written_lines(), eve.lost_lines()), (1, 300, 1_700));
}
