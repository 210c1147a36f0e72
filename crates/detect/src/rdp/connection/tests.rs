use proptest::prelude::*;

use super::*;
use crate::rdp::sample::{
    client_hello, connect_initial, connection_confirm, connection_request, record, server_hello, tpdu, tpkt,
};

const CLIENT: bool = true;
const SERVER: bool = false;
/// TLS 1.2 with AES-GCM adds as much to a message.
const GCM: usize = 5 + 8 + 16;

/// Messages with their senders and the milliseconds at which they come.
type Script = Vec<(bool, u64, Vec<u8>)>;

/// What was said of a script.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    recognition: Recognition,
    facts: Vec<Fact>,
    description: Description,
    records: RecordSummary,
}

/// Plays a script in chunks of at most `chunk` octets, then closes.
fn said(script: &Script, chunk: usize, closed_by: Option<(bool, u64)>) -> Said {
    let mut connection = Connection::new();
    let mut facts = Vec::new();
    for (sender, at_ms, octets) in script {
        for piece in octets.chunks(chunk) {
            connection.octets(*sender, moment(*at_ms), piece);
            facts.extend(std::iter::from_fn(|| connection.next_fact()));
        }
    }
    match closed_by {
        Some((closer, at_ms)) => connection.closed(closer, moment(at_ms), false),
        None => connection.ended(moment(600_000)),
    }
    facts.extend(std::iter::from_fn(|| connection.next_fact()));
    Said {
        recognition: connection.recognition(),
        facts,
        description: connection.description().clone(),
        records: connection.records().clone(),
    }
}

fn moment(at_ms: u64) -> Timestamp {
    Timestamp::from_parts(1_700_000_000, at_ms * 1_000_000)
}

fn logon(said: &Said) -> (Outcome, Reason) {
    match said.facts.last() {
        Some(Fact::Logon(logon)) => (logon.outcome, logon.reason),
        other => panic!("{other:?}"),
    }
}

/// From the request to the end of the handshake, with TLS 1.2.
fn opening(selected: u32) -> Script {
    vec![
        (CLIENT, 0, connection_request(Some("bob"), Some(0x0b))),
        (SERVER, 2, connection_confirm(2, 0x1f, selected)),
        (CLIENT, 3, client_hello(Some("desktop.example"))),
        (SERVER, 4, server_hello(0x0303, 0xc030)),
        (CLIENT, 5, [record(22, 75), record(20, 6), record(22, 45)].concat()),
        (SERVER, 6, [record(20, 6), record(22, 45)].concat()),
    ]
}

/// The opening, then application data with this much content.
fn conversation(selected: u32, messages: &[(bool, usize)]) -> Script {
    let mut script = opening(selected);
    for (at_ms, (sender, content)) in (7..).zip(messages) {
        script.push((*sender, at_ms, record(23, GCM + content)));
    }
    script
}

const NTLM: [(bool, usize); 3] = [(CLIENT, 57), (SERVER, 262), (CLIENT, 570)];
const PROOF: (bool, usize) = (SERVER, 59);
const ERROR_CODE: (bool, usize) = (SERVER, 15);
const CREDENTIALS: (bool, usize) = (CLIENT, 110);
const CONNECT_INITIAL: (bool, usize) = (CLIENT, 460);

fn ntlm(then: &[(bool, usize)]) -> Script {
    conversation(2, &[&NTLM, then].concat())
}

#[test]
fn an_alert_after_the_proof_is_a_failure_and_what_follows_changes_nothing() {
    let mut script = ntlm(&[]);
    script.push((SERVER, 1_010, record(21, 31)));
    script.push((CLIENT, 1_050, [record(23, 66), record(23, 38)].concat()));
    let said = said(&script, 7, Some((CLIENT, 1_051)));
    assert_eq!(logon(&said), (Outcome::Failed, Reason::Alert));
    assert_eq!(said.description.tls_client.as_ref().unwrap().server_name.as_deref(), Some("desktop.example"));
    let Some(Fact::Logon(logon)) = said.facts.last() else { panic!() };
    assert_eq!(logon.pause_ms, Some(1_001));
}

#[test]
fn a_server_that_closes_after_the_proof_has_refused_it() {
    assert_eq!(logon(&said(&ntlm(&[]), 99, Some((SERVER, 900)))), (Outcome::Failed, Reason::Closed));
}

#[test]
fn an_error_code_is_a_failure_whoever_closes() {
    for closer in [CLIENT, SERVER] {
        let said = said(&ntlm(&[ERROR_CODE]), 99, Some((closer, 900)));
        assert_eq!(logon(&said), (Outcome::Failed, Reason::ErrorCode));
    }
}

#[test]
fn an_error_code_may_come_with_a_token_that_rejects() {
    for (octets, expected) in [(34, Outcome::Failed), (58, Outcome::Failed), (59, Outcome::Accepted)] {
        let said = said(&ntlm(&[(SERVER, octets)]), 99, Some((CLIENT, 900)));
        assert_eq!(logon(&said).0, expected, "{octets}");
    }
}

/// Plays a script of which a message is missing, and more after that.
fn said_with_gap(script: &Script, missing: usize, then: &[(bool, usize)]) -> (Outcome, Reason) {
    let mut connection = Connection::new();
    for (place, (sender, at_ms, octets)) in script.iter().enumerate() {
        if place == missing {
            connection.gap(*sender, octets.len() as u64);
        } else {
            connection.octets(*sender, moment(*at_ms), octets);
        }
    }
    for (sender, octets) in then {
        connection.octets(*sender, moment(5_000), &vec![0xaa; *octets]);
    }
    connection.closed(CLIENT, moment(6_000), false);
    let logon = connection.logon().unwrap();
    (logon.outcome, logon.reason)
}

#[test]
fn what_is_missing_after_a_logon_hides_neither_it_nor_the_session() {
    let taken = [PROOF, CREDENTIALS, CONNECT_INITIAL, (SERVER, 130), (CLIENT, 12), (SERVER, 11)];
    let script = ntlm(&taken);
    let accepted = (Outcome::Accepted, Reason::CredentialsDelegated);
    let session = (Outcome::Session, Reason::DesktopAfterLogon);
    let last = script.len() - 1;
    assert_eq!(said_with_gap(&script, last, &[]), accepted);
    assert_eq!(said_with_gap(&script, last, &[(SERVER, 1_400); 12]), session);
    // The client's proof and all after it in its direction.
    let proof = script.len() - taken.len() - 1;
    assert_eq!(said_with_gap(&script, proof, &[(CLIENT, 100), (SERVER, 200)]).1, Reason::Gap);
    assert_eq!(said_with_gap(&script, proof, &[(SERVER, 16_500)]), session);
}

#[test]
fn who_leaves_after_the_servers_proof_was_accepted() {
    let accepted = (Outcome::Accepted, Reason::ProofAnswered);
    assert_eq!(logon(&said(&ntlm(&[PROOF]), 99, Some((CLIENT, 20)))), accepted);
    let delegated = (Outcome::Accepted, Reason::CredentialsDelegated);
    assert_eq!(logon(&said(&ntlm(&[PROOF, CREDENTIALS]), 99, Some((CLIENT, 20)))), delegated);
    // The server does not let the user log on, whose password is right.
    assert_eq!(logon(&said(&ntlm(&[PROOF, CREDENTIALS]), 99, Some((SERVER, 20)))), delegated);
}

#[test]
fn a_server_that_tells_the_result_of_authorization_has_accepted() {
    let messages = [&NTLM[..], &[PROOF, CREDENTIALS, (SERVER, 4)]].concat();
    let said = said(&conversation(8, &messages), 99, None);
    assert_eq!(logon(&said), (Outcome::Accepted, Reason::CredentialsDelegated));
}

#[test]
fn who_leaves_before_the_proof_or_its_answer_says_nothing() {
    let unknown = |reason| (Outcome::Unknown, reason);
    let script = conversation(2, &NTLM[..2]);
    assert_eq!(logon(&said(&script, 99, Some((CLIENT, 20)))), unknown(Reason::LeftBeforeLogon));
    assert_eq!(logon(&said(&script, 99, Some((SERVER, 20)))), unknown(Reason::LeftBeforeLogon));
    assert_eq!(logon(&said(&ntlm(&[]), 99, Some((CLIENT, 20)))), unknown(Reason::LeftBeforeAnswer));
    assert_eq!(logon(&said(&ntlm(&[]), 99, None)), unknown(Reason::LeftBeforeAnswer));
}

#[test]
fn kerberos_is_not_guessed_at() {
    let kerberos = [(CLIENT, 1_700), (SERVER, 300), (CLIENT, 400), (SERVER, 340)];
    let left = said(&conversation(2, &kerberos), 99, Some((CLIENT, 20)));
    assert_eq!(logon(&left), (Outcome::Unknown, Reason::OtherAuthentication));
}

#[test]
fn a_desktops_traffic_makes_a_session_while_it_lasts() {
    let mut messages = vec![PROOF, CREDENTIALS, CONNECT_INITIAL];
    messages.extend([(SERVER, 130), (CLIENT, 12), (CLIENT, 8), (SERVER, 11)]);
    messages.extend([(SERVER, 1_400); 14]);
    let mut connection = Connection::new();
    let mut facts = Vec::new();
    for (sender, at_ms, octets) in ntlm(&messages) {
        connection.octets(sender, moment(at_ms), &octets);
        facts.extend(std::iter::from_fn(|| connection.next_fact()));
    }
    let session = Logon::new(Outcome::Session, Reason::DesktopAfterLogon);
    assert_eq!(facts.last(), Some(&Fact::Logon(session)));
    connection.closed(SERVER, moment(9_000), true);
    assert_eq!(connection.next_fact(), None, "one logon of a connection");
}

#[test]
fn a_short_session_is_one_once_the_connection_sequence_is_through() {
    let mut messages =
        vec![PROOF, CREDENTIALS, CONNECT_INITIAL, (SERVER, 130), (CLIENT, 12), (CLIENT, 8), (SERVER, 11)];
    messages.extend([(CLIENT, 349), (SERVER, 35), (SERVER, 398), (CLIENT, 556)]);
    messages.extend([(CLIENT, 37), (CLIENT, 41), (CLIENT, 41), (CLIENT, 41)]);
    messages.extend([(SERVER, 37), (SERVER, 41), (SERVER, 41)]);
    let almost = said(&ntlm(&messages), 99, Some((CLIENT, 90)));
    assert_eq!(logon(&almost), (Outcome::Accepted, Reason::CredentialsDelegated));
    messages.push((SERVER, 41));
    let through = said(&ntlm(&messages), 99, Some((CLIENT, 90)));
    assert_eq!(logon(&through), (Outcome::Session, Reason::ConnectionSequenceDone));
}

#[test]
fn a_client_that_says_it_leaves_before_an_answer_did_not_fail() {
    let mut script = ntlm(&[]);
    script.push((CLIENT, 20, record(21, 31)));
    assert_eq!(logon(&said(&script, 99, Some((SERVER, 21)))), (Outcome::Unknown, Reason::LeftBeforeAnswer));
    script.push((SERVER, 21, record(21, 31)));
    assert_eq!(logon(&said(&script, 99, Some((SERVER, 21)))), (Outcome::Unknown, Reason::LeftBeforeAnswer));
}

#[test]
fn tls_1_3_hides_handshake_tickets_and_alerts() {
    let tls_1_3 = |content: usize| record(23, 5 + 17 + content);
    let mut script = opening(2);
    script.truncate(3);
    script.push((
        SERVER,
        4,
        [server_hello(0x0304, 0x1302), record(20, 6), tls_1_3(6), tls_1_3(777)].concat(),
    ));
    script.push((CLIENT, 5, [record(20, 6), tls_1_3(52)].concat()));
    script.push((SERVER, 6, [tls_1_3(233), tls_1_3(233)].concat()));
    script.push((CLIENT, 7, tls_1_3(57)));
    script.push((SERVER, 8, tls_1_3(262)));
    script.push((CLIENT, 9, tls_1_3(570)));
    let mut failed = script.clone();
    failed.push((SERVER, 1_000, tls_1_3(2)));
    assert_eq!(logon(&said(&failed, 11, None)), (Outcome::Failed, Reason::Alert));
    script.push((SERVER, 10, tls_1_3(59)));
    assert_eq!(logon(&said(&script, 11, Some((CLIENT, 11)))), (Outcome::Accepted, Reason::ProofAnswered));
}

#[test]
fn a_negotiation_that_fails_is_refused_with_its_code() {
    let mut script = opening(0);
    script.truncate(1);
    script.push((SERVER, 2, connection_confirm(3, 0, 5)));
    let said = said(&script, 3, Some((CLIENT, 3)));
    let code = crate::rdp::FailureCode::HYBRID_REQUIRED_BY_SERVER;
    assert_eq!(said.facts.first(), Some(&Fact::Answered(ConnectionConfirm::Failure(code))));
    assert_eq!(logon(&said), (Outcome::Refused, Reason::NegotiationFailure(code)));
}

#[test]
fn without_network_level_authentication_a_logon_screen_is_unknown() {
    let mut messages = vec![CONNECT_INITIAL, (SERVER, 130), (CLIENT, 12), (CLIENT, 8), (SERVER, 11)];
    messages.extend([(CLIENT, 12), (SERVER, 15), (CLIENT, 12), (SERVER, 15), (CLIENT, 360)]);
    let screen = said(&conversation(1, &messages), 99, Some((CLIENT, 800)));
    assert_eq!(logon(&screen), (Outcome::Unknown, Reason::LeftAtLogonScreen));
    let scanner = said(&conversation(1, &messages[..2]), 99, Some((CLIENT, 800)));
    assert_eq!(logon(&scanner), (Outcome::Unknown, Reason::LeftBeforeLogon));
}

#[test]
fn a_health_check_says_who_it_is_not() {
    let said = said(&vec![(CLIENT, 0, connection_request(None, Some(3)))], 99, Some((CLIENT, 1)));
    assert_eq!(logon(&said), (Outcome::Unknown, Reason::NotAnswered));
}

fn standard(channels: &[&str]) -> Script {
    let info = [2, 0xf0, 0x80, 0x64, 0, 4, 3, 0xeb, 0x70, 0x04, 0x48, 0, 0, 0];
    vec![
        (CLIENT, 0, connection_request(None, None)),
        (SERVER, 1, tpdu(0xd0, b"")),
        (CLIENT, 2, connect_initial("x1810", 2_600, channels)),
        (SERVER, 3, tpkt(&[2, 0xf0, 0x80, 0x7f, 0x66, 1, 2, 3])),
        (CLIENT, 4, tpkt(&[2, 0xf0, 0x80, 0x04, 1, 0, 1, 0])),
        (CLIENT, 5, tpkt(&info)),
        (SERVER, 6, vec![0x04, 4, 1, 2, 0x04, 0x80, 5, 1, 2]),
    ]
}

#[test]
fn a_bare_request_is_rdp_once_the_client_tells_its_data() {
    let bare = standard(&[])[..2].to_vec();
    let mut connection = Connection::new();
    for (sender, at_ms, octets) in &bare {
        connection.octets(*sender, moment(*at_ms), octets);
    }
    assert_eq!(connection.recognition(), Recognition::Undecided);
    let said = said(&standard(&["rdpdr"]), 5, Some((CLIENT, 9)));
    assert_eq!(said.recognition, Recognition::Rdp);
    assert_eq!(said.description.client_data.as_ref().unwrap().client_name, "x1810");
    assert!(!said.facts.contains(&Fact::AskedForMsT120));
    assert_eq!(logon(&said), (Outcome::Unknown, Reason::LeftAtLogonScreen));
}

#[test]
fn a_health_check_that_asks_for_nothing_and_leaves_once_answered_is_rdp() {
    let answered = said(&standard(&[])[..2].to_vec(), 5, Some((CLIENT, 9)));
    assert_eq!(answered.recognition, Recognition::Rdp);
    assert_eq!(answered.facts[0], Fact::Answered(ConnectionConfirm::Bare));
    assert_eq!(logon(&answered), (Outcome::Unknown, Reason::LeftBeforeLogon));
    // A request that nobody answers could be of a conference.
    assert_eq!(said(&standard(&[])[..1].to_vec(), 5, None).recognition, Recognition::Undecided);
}

#[test]
fn ms_t120_is_told_at_once() {
    let script = standard(&["rdpdr", "MS_T120"])[..3].to_vec();
    assert!(said(&script, 5, None).facts.contains(&Fact::AskedForMsT120));
}

#[test]
fn s7_mms_and_conferences_are_not_rdp() {
    let s7 = tpdu(0xe0, b"\xc1\x02\x02\x00\xc2\x02\x02\x02\xc0\x01\x0a");
    assert_eq!(said(&vec![(CLIENT, 0, s7)], 4, None).recognition, Recognition::Other);
    let mut conference = standard(&[]);
    let key = memchr::memmem::find(&conference[2].2, b"Duca").unwrap();
    conference[2].2[key] = b'X';
    let said = said(&conference, 4, None);
    assert_eq!((said.recognition, said.facts), (Recognition::Other, Vec::new()));
}

#[test]
fn gaps_within_records_are_survived_and_others_make_it_unknown() {
    for (missing, expected) in [(100, Outcome::Failed), (5_000, Outcome::Unknown)] {
        let mut connection = Connection::new();
        for (sender, at_ms, octets) in ntlm(&[]) {
            let is_proof = octets.len() > 500 && sender == CLIENT;
            if is_proof {
                connection.octets(sender, moment(at_ms), &octets[..200]);
                connection.gap(sender, missing);
                connection.octets(sender, moment(at_ms), &octets[300..]);
            } else {
                connection.octets(sender, moment(at_ms), &octets);
            }
        }
        connection.closed(SERVER, moment(1_000), true);
        assert_eq!(connection.logon().unwrap().outcome, expected);
    }
}

#[test]
fn one_direction_alone_is_recognised_and_not_judged() {
    for direction in [CLIENT, SERVER] {
        let script: Script = ntlm(&[PROOF]).into_iter().filter(|message| message.0 == direction).collect();
        let said = said(&script, 9, Some((direction, 99)));
        assert_eq!(said.recognition, Recognition::Rdp);
        assert_eq!(logon(&said), (Outcome::Unknown, Reason::OneDirection));
    }
}

#[test]
fn every_truncation_of_a_conversation_ends_with_one_logon() {
    let octets: Vec<(bool, u64, u8)> = ntlm(&[PROOF, CREDENTIALS])
        .into_iter()
        .flat_map(|(sender, at_ms, octets)| octets.into_iter().map(move |octet| (sender, at_ms, octet)))
        .collect();
    let recognised = connection_request(Some("bob"), Some(0x0b)).len();
    for end in (0..octets.len()).step_by(13) {
        let script: Script =
            octets[..end].iter().map(|(sender, at_ms, octet)| (*sender, *at_ms, vec![*octet])).collect();
        let said = said(&script, 1, None);
        let logons = said.facts.iter().filter(|fact| matches!(fact, Fact::Logon(_))).count();
        assert_eq!(logons, usize::from(end >= recognised), "{end}");
    }
}

fn any_script() -> impl Strategy<Value = Script> {
    let message = prop_oneof![
        Just(connection_request(Some("bob"), Some(0x0b))),
        Just(connection_confirm(2, 0, 2)),
        Just(tpdu(0xe0, b"")),
        Just(tpdu(0xd0, b"")),
        Just(connect_initial("C", 1, &["MS_T120"])),
        Just(client_hello(None)),
        Just(server_hello(0x0304, 0x1301)),
        (20_u8..24, 5_usize..900).prop_map(|(kind, length)| record(kind, length)),
        proptest::collection::vec(any::<u8>(), 0..64),
    ];
    proptest::collection::vec((any::<bool>(), 0_u64..5_000, message), 0..40)
}

/// A conversation with its ends cut off and arbitrary messages behind.
fn any_conversation() -> impl Strategy<Value = Script> {
    (0_usize..14, any_script()).prop_map(|(end, rest)| {
        let mut script = ntlm(&[PROOF, CREDENTIALS, CONNECT_INITIAL]);
        script.truncate(end);
        script.extend(rest);
        script.sort_by_key(|message| message.1);
        script
    })
}

#[test]
fn a_connection_is_small_and_lets_go_of_its_octets() {
    assert!(size_of::<Connection>() <= 640, "{}", size_of::<Connection>());
    let mut connection = Connection::new();
    connection.octets(CLIENT, moment(0), &connection_request(Some("bob"), Some(3)));
    connection.octets(CLIENT, moment(1), &record(22, 16_000));
    assert!(connection.client.held_octets() <= MESSAGE_OCTETS, "{}", connection.client.held_octets());
    for (sender, at_ms, octets) in ntlm(&[PROOF]) {
        connection = if at_ms == 0 { Connection::new() } else { connection };
        connection.octets(sender, moment(at_ms), &octets);
    }
    assert!(connection.client.held_octets() <= 64 && connection.server.held_octets() <= 64);
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic(script in any_script(), missing in 0_u64..10_000) {
        let mut connection = Connection::new();
        for (sender, at_ms, octets) in &script {
            connection.octets(*sender, moment(*at_ms), octets);
            connection.gap(!*sender, missing);
            while connection.next_fact().is_some() {}
        }
        connection.closed(true, moment(0), true);
        prop_assert!(connection.records().first().len() <= crate::rdp::KEPT_RECORDS);
    }

    #[test]
    fn chunks_never_change_what_is_said(script in any_conversation(), chunk in 1_usize..40) {
        let closed_by = Some((false, 6_000));
        prop_assert_eq!(said(&script, usize::MAX, closed_by), said(&script, chunk, closed_by));
    }
}
