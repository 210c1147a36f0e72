//! The project's own capture: the whole attack, stage by stage.

use std::path::Path;

use detect::{
    Kind, Phase, Severity, Statement,
    incident::{Incident, Stage},
};

use crate::statements;

fn story(workers: u16) -> Vec<Statement> {
    statements(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/cryptojacking.pcap"), workers)
}

fn incidents(statements: &[Statement]) -> Vec<&Incident> {
    let incidents = statements.iter().filter_map(|statement| match statement {
        Statement::Incident(incident) => Some(incident),
        Statement::Finding { .. } => None,
    });
    incidents.collect()
}

#[test]
fn the_attack_is_one_incident_with_its_stages_in_order() {
    let statements = story(1);
    let incidents = incidents(&statements);
    let last = incidents.last().unwrap();
    assert_eq!((last.phase, last.severity), (Phase::Ended, Severity::Critical));
    assert_eq!(last.victim.to_string(), "192.0.2.10");
    let stages: Vec<_> = last.stages.iter().map(|stage| stage.stage).collect();
    let played = [Stage::Noise, Stage::CredentialAttack, Stage::Access, Stage::Delivery, Stage::Mining];
    assert_eq!(stages, played);
    assert_eq!(last.missing, [Stage::Spread]);
    assert!(last.stages.windows(2).all(|pair| pair[0].first_seen <= pair[1].first_seen));
    assert_eq!(last.offenders[0].to_string(), "198.51.100.7");
    let first = incidents.first().unwrap();
    assert_eq!(first.phase, Phase::Started);
    let raised = incidents.iter().filter(|incident| incident.phase == Phase::Raised).count();
    assert_eq!(raised, 2, "once for the session, once for the miner");
    let kinds = [Kind::SynFlood, Kind::RdpBruteforce, Kind::RdpCompromise, Kind::Mining];
    for kind in kinds {
        assert!(
            statements
                .iter()
                .any(|one| matches!(one, Statement::Finding { finding, .. } if finding.kind == kind))
        );
    }
}

#[test]
fn three_workers_say_what_one_says() {
    let one = story(1);
    assert!(one.len() > 5);
    assert_eq!(story(3), one);
}
