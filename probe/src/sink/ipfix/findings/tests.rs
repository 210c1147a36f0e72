use std::collections::BTreeMap;

use detect::{Kind, Prefix};
use ipfix_export::{Exporter, ExporterConfig, Field, MemoryOutput, Template};

use super::{super::entries::fit, *};
use crate::elements::{
    Element,
    registry::{
        COMPLETION_PERMILLE, HANDSHAKES_OPENED, HASH_RATE, MEDIAN_PAUSE_MILLISECONDS, MINING_POOL_NAME,
    },
};

fn finding(kind: Kind, victim: Victim, offender: &str) -> Finding {
    let time = Timestamp::from_parts(1_700_000_000, 0);
    Finding {
        kind,
        phase: Phase::Started,
        severity: Severity::High,
        confidence: 0.876,
        techniques: vec!["T1110.001", "T1078"],
        victim,
        offenders: vec![offender.parse().unwrap()],
        offender_count: 1,
        connection: None,
        first_seen: time,
        last_seen: time,
        stated_at: time,
        evidence: vec![
            Evidence::new("opened", 70_000_u64),
            Evidence::new("completion_60s", 0.0149).held_against(0.2),
            Evidence::new("hashes_per_second", 1e30),
            Evidence::new("median_pause_seconds", 0.25),
            Evidence::new("wallet", "w".repeat(9_000)),
            Evidence::new("pool", "told"),
            Evidence::new("pool_name", "looked up"),
        ],
        capture_quality: CaptureQuality { missing: 0.0021, ..CaptureQuality::default() },
    }
}

fn victims() -> Vec<(Victim, &'static str)> {
    let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    [(v4, "198.51.100.7"), (v6, "2001:db8:f::7")]
        .into_iter()
        .flat_map(|(address, offender)| {
            let prefix = Victim::Prefix(Prefix::of(address));
            let victims = [Victim::Port(address, 3_389), Victim::Address(address), prefix, Victim::Many];
            victims.map(|victim| (victim, offender))
        })
        .collect()
}

#[test]
fn records_of_a_shape_have_the_same_fields_and_fit_into_the_smallest_message() {
    let mut shapes = BTreeMap::new();
    let config = ExporterConfig::new(1).with_maximum_message(512);
    let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
    for kind in Kind::ALL {
        for (victim, offender) in victims() {
            let statement = Statement::Finding {
                finding: finding(kind, victim, offender),
                case: None,
                links: Vec::new(),
            };
            let mut record = StatementRecord::of(&statement);
            assert!(record.shape < SHAPES);
            let fields: Vec<Field> = record.entries.iter().map(|entry| entry.field(9_999).unwrap()).collect();
            let (handle, known) = shapes.entry(record.shape).or_insert_with(|| {
                let (scope, options) = fields.split_at(1);
                let id = 256 + record.shape;
                let template = Template::options(id, scope.to_vec(), options.to_vec()).unwrap();
                (exporter.register(&template).unwrap(), fields.clone())
            });
            assert_eq!(*known, fields, "{kind:?} {victim}");
            fit(&mut record.entries, exporter.largest_record());
            exporter
                .record(handle, 1, |writer| record.entries.iter().try_for_each(|entry| entry.write(writer)))
                .unwrap();
        }
    }
    assert_eq!(shapes.len(), 6);
}

#[test]
fn numbers_are_those_of_the_evidence() {
    let victim = victims()[0].0;
    let of = |kind, element: Element| {
        let finding = finding(kind, victim, "198.51.100.7");
        let record =
            StatementRecord::of(&Statement::Finding { finding, case: Some(CaseId(5)), links: Vec::new() });
        let field = element.under(9_999).unwrap().field();
        let entry = record.entries.into_iter().find(|entry| entry.field(9_999).unwrap() == field);
        entry.unwrap_or_else(|| panic!("no {}", element.name))
    };
    assert_eq!(of(Kind::SynFlood, HANDSHAKES_OPENED), Entry::own(HANDSHAKES_OPENED, 70_000_u64));
    assert_eq!(of(Kind::SynFlood, COMPLETION_PERMILLE), Entry::own(COMPLETION_PERMILLE, 15_u64));
    assert_eq!(of(Kind::SynFlood, LOSS_AFFECTED), Entry::own(LOSS_AFFECTED, true));
    assert_eq!(of(Kind::SynFlood, INCIDENT_ID), Entry::own(INCIDENT_ID, 5_u64));
    assert_eq!(of(Kind::RdpBruteforce, FINDING_CONFIDENCE), Entry::own(FINDING_CONFIDENCE, 88_u64));
    let pause = Entry::own(MEDIAN_PAUSE_MILLISECONDS, 250_u64);
    assert_eq!(of(Kind::RdpBruteforce, MEDIAN_PAUSE_MILLISECONDS), pause);
    // More than the element can hold.
    assert_eq!(of(Kind::Mining, HASH_RATE), Entry::own(HASH_RATE, u64::MAX));
    assert_eq!(of(Kind::Mining, MINING_POOL_NAME), Entry::own(MINING_POOL_NAME, "looked up"));
    assert_eq!(of(Kind::Mining, ATTACK_TECHNIQUES), Entry::own(ATTACK_TECHNIQUES, "T1110.001,T1078"));
}
