//! Mining inside TLS is suspected by its rhythm, and what else is long and small is not.

mod encrypted_support;

use detect::Kind;
use detect::Severity;
use detect::stratum::encrypted::{GivenUp, Session, interest, judge};
use detect::stratum::judge::Confidence;
use encrypted_support::traps::traps;
use encrypted_support::{Tls, heard, mining};
use wire::Timestamp;

#[test]
fn a_miner_is_suspected_and_the_reasons_are_given() {
    let session = heard(&mining(&Tls::new(), 1_800));
    let verdict = judge(session.facts()).expect("this is mining");
    assert_eq!(
        (verdict.kind, verdict.confidence, verdict.severity),
        (Kind::Mining, Confidence::Low, Severity::Low)
    );
    assert_eq!(verdict.techniques, ["T1496.001", "T1573"]);
    assert!(verdict.reasons.len() >= 5, "{:?}", verdict.reasons);
    let value = |name| {
        verdict.evidence.iter().find(|evidence| evidence.name == name).and_then(|found| found.value.number())
    };
    assert_eq!(value("login_octets"), Some(430.0));
    assert!(value("median_request_octets").is_some_and(|octets| (176.0..192.0).contains(&octets)));
    assert!(value("median_answer_octets").is_some_and(|octets| (56.0..72.0).contains(&octets)));
    assert!(value("median_unasked_octets").is_some_and(|octets| (370.0..410.0).contains(&octets)));
    assert!(value("duration_seconds").is_some_and(|seconds| seconds > 1_500.0));
    assert!(verdict.evidence.iter().any(|evidence| evidence.name == "ja4"));
}

#[test]
fn both_versions_of_tls_show_the_same_lengths() {
    for version in [0x0303, 0x0304] {
        let facts = heard(&mining(&Tls::new().version(version), 1_800)).facts().clone();
        assert_eq!(facts.tls_version, Some(version));
        assert_eq!(facts.introduction.map(|introduction| introduction.first_octets), Some(430));
        assert!(judge(&facts).is_some(), "{version:x}");
    }
}

#[test]
fn a_miner_in_midstream_is_suspected_whoever_is_seen_first() {
    for is_reversed in [false, true] {
        let mut session = Session::new(true);
        for (from_initiator, time, octets) in mining(&Tls::midstream(), 1_800).turns() {
            session.octets(from_initiator != is_reversed, time, &octets);
        }
        let verdict = judge(session.facts()).expect("this is mining");
        let miner =
            verdict.evidence.iter().find(|evidence| evidence.name == "miner").map(|e| e.value.to_string());
        assert_eq!(miner.as_deref(), Some(if is_reversed { "responder" } else { "initiator" }));
    }
}

#[test]
fn five_minutes_are_needed_unless_the_pool_is_known() {
    let verdict = |tls: Tls, seconds| judge(heard(&mining(&tls, seconds)).facts());
    assert!(verdict(Tls::new(), 240).is_none());
    assert!(verdict(Tls::new().server_name("xmr.example"), 240).is_none());
    let named = verdict(Tls::new().server_name("pool.supportxmr.com"), 240).expect("the pool is known");
    assert!(named.reasons.first().is_some_and(|reason| reason.contains("well-known pool")));
    let hinted = verdict(Tls::new().server_name("xmr.example"), 1_800).expect("the name is no obstacle");
    assert!(hinted.reasons.first().is_some_and(|reason| reason.contains("named like a pool")));
}

#[test]
fn a_miner_without_luck_is_suspected_at_a_known_pool() {
    let mut script = Tls::new().server_name("pool.supportxmr.com").script();
    script.ask(0.5, 430, 520);
    script.lucky(60, 60.0, |script, time| script.push(time, 388));
    let verdict = judge(heard(&script).facts()).expect("the pool is known and sends jobs");
    assert!(verdict.reasons.iter().all(|reason| !reason.contains("shares")), "{:?}", verdict.reasons);
}

#[test]
fn what_dns_said_counts_like_a_name() {
    let script = mining(&Tls::new(), 240);
    let mut session = heard(&script);
    assert_eq!(judge(session.facts()), None);
    session.resolved("www.example.org");
    assert_eq!(judge(session.facts()), None);
    session.resolved("GULF.moneroocean.stream");
    let verdict = judge(session.facts()).expect("the pool is known");
    assert!(verdict.reasons.iter().any(|reason| reason.contains("DNS")));
}

#[test]
fn a_pools_host_that_only_answers_is_no_mining() {
    // Somebody asks the pool's interface for numbers every ten seconds.
    let mut script = Tls::new().server_name("supportxmr.com").script();
    for number in 0..60 {
        script.ask(10.0 * f64::from(number), 210, 640);
    }
    assert_eq!(judge(heard(&script).facts()), None);
}

#[test]
fn other_names_and_protocols_are_let_go_with_their_hello() {
    for (tls, why) in [
        (Tls::new().server_name("www.example.org"), GivenUp::ServerName),
        (Tls::new().server_name("www.supportxmr.com"), GivenUp::ServerName),
        (Tls::new().alpn("h2"), GivenUp::Alpn),
        (Tls::new().server_name("pool.supportxmr.com").alpn("http/1.1"), GivenUp::Alpn),
        (Tls::new().alpn("mqtt"), GivenUp::Alpn),
    ] {
        let session = heard(&mining(&tls, 1_800));
        assert_eq!((session.facts().given_up, session.facts().records), (Some(why), 0));
        assert_eq!((session.is_of_no_interest(), session.held_octets()), (true, 0));
        assert_eq!(judge(session.facts()), None);
    }
}

#[test]
fn what_else_is_long_and_small_is_no_mining() {
    for (name, script) in traps() {
        assert_eq!(judge(heard(&script).facts()), None, "{name}");
        let mut session = Session::new(true);
        for (from_initiator, time, octets) in script.later_turns() {
            session.octets(from_initiator, time, &octets);
        }
        assert_eq!(judge(session.facts()), None, "{name} in mid-stream");
    }
}

#[test]
fn what_is_much_or_one_sided_is_let_go() {
    let given_up = |wanted: &str| {
        let script = traps().into_iter().find(|(name, _)| *name == wanted).map(|(_, script)| script);
        heard(&script.expect("it is one of the traps")).facts().given_up
    };
    assert_eq!(given_up("a download"), Some(GivenUp::Volume));
    assert_eq!(given_up("a feed of prices"), Some(GivenUp::Volume));
    assert_eq!(given_up("a private network"), Some(GivenUp::Volume));
    assert_eq!(given_up("a log that goes one way"), Some(GivenUp::OneSided));
    assert_eq!(given_up("reports that are acknowledged and nothing else"), Some(GivenUp::OneSided));
}

#[test]
fn a_server_that_greets_is_let_go() {
    let mut script = Tls::new().version(0x0303).script();
    script.push(0.5, 90);
    assert_eq!(heard(&script).facts().given_up, Some(GivenUp::ServerSpeaksFirst));
}

#[test]
fn remote_desktop_is_no_tls_from_its_first_octet() {
    let mut session = Session::new(false);
    let request = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
    assert!(!interest(&request));
    session.octets(true, Timestamp::from_nanos(1), &request);
    assert_eq!(session.facts().given_up, Some(GivenUp::NotTls));
}

#[test]
fn a_first_look_knows_hellos_and_application_data() {
    let script = mining(&Tls::new(), 60);
    let mut turns = script.turns();
    assert!(turns.by_ref().take(2).all(|(_, _, octets)| interest(&octets)));
    assert!(interest(&[23, 3, 3, 0, 100, 9, 9]));
    for octets in
        [&b""[..], &[23, 3, 3, 0], &[23, 3, 3, 0xff, 0, 0], &[22, 3, 1, 2, 0, 11], b"{\"id\":1", b"SSH-2.0-x"]
    {
        assert!(!interest(octets), "{octets:?}");
    }
}

#[test]
fn losses_do_not_hide_a_miner() {
    let mut session = Session::new(false);
    for (number, (from_initiator, time, octets)) in mining(&Tls::new(), 3_600).turns().enumerate() {
        // Every fifteenth piece is not captured, and of every twentieth the middle.
        let (length, number) = (u32::try_from(octets.len()).expect("it is short"), number + 1);
        if number > 20 && number % 15 == 0 {
            session.gap(from_initiator, length);
        } else if number > 20 && number % 20 == 0 {
            session.octets(from_initiator, time, &octets[..20]);
            session.gap(from_initiator, length - 30);
            session.octets(from_initiator, time, &octets[octets.len() - 10..]);
        } else {
            session.octets(from_initiator, time, &octets);
        }
    }
    assert!(session.facts().gaps > 5);
    let verdict = judge(session.facts()).expect("this is mining");
    assert!(verdict.evidence.iter().any(|evidence| evidence.name == "gaps"));
}

#[test]
fn what_is_kept_is_small() {
    assert!(size_of::<Session>() <= 800, "{}", size_of::<Session>());
    let mut session = Session::new(false);
    let mut most = 0;
    for (from_initiator, time, octets) in mining(&Tls::new(), 1_800).turns() {
        for octet in octets {
            session.octets(from_initiator, time, &[octet]);
            most = most.max(session.held_octets());
        }
    }
    assert!((1..=8_192).contains(&most), "{most}");
    assert_eq!(session.held_octets(), 0);
}
