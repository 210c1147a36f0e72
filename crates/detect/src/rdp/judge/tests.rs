//! Every trap that looks like guessing, and every kind of guessing that looks like something else.

use std::time::Duration;

use flow::FlowId;

use super::*;
use crate::rdp::{FailureCode, Logon, Tool};

const ALERT: Logon = Logon { outcome: Outcome::Failed, reason: Reason::Alert, pause_ms: Some(1_000) };
const SESSION: Logon = Logon::new(Outcome::Session, Reason::DesktopAfterLogon);
const ACCEPTED: Logon = Logon::new(Outcome::Accepted, Reason::ProofAnswered);
const LOGON_SCREEN: Logon = Logon::unknown(Reason::LeftAtLogonScreen);
const REFUSED: Logon =
    Logon::new(Outcome::Refused, Reason::NegotiationFailure(FailureCode::HYBRID_REQUIRED_BY_SERVER));

/// Hosts by their last octet: sources from 0 to 999, servers likewise.
fn end(network: u8, host: u16, port: u16) -> Endpoint {
    let [high, low] = host.to_be_bytes();
    Endpoint { address: IpAddr::from([198, network, high, low]), port }
}

struct Court {
    judge: Judge,
    findings: Vec<Finding>,
}

/// A logon that ends at `seconds`, a second after it was opened.
struct Case<'a> {
    seconds: f64,
    source: u16,
    server: u16,
    user: &'a str,
    logon: Logon,
}

impl Court {
    fn new() -> Self {
        Self { judge: Judge::new(JudgeConfig::default()), findings: Vec::new() }
    }

    fn see(&mut self, seconds: f64, source: u16, server: u16, seen: Seen) {
        self.judge.observe(&Observation {
            time: moment(seconds),
            flow: FlowId(0),
            client: end(51, source, 40_000),
            server: end(18, server, 3_389),
            seen,
        });
        self.findings.extend(self.judge.take_findings());
    }

    fn hear(&mut self, case: &Case<'_>) {
        self.hear_with(case, SecurityProtocols(3), 1_000);
    }

    fn hear_with(&mut self, case: &Case<'_>, requested: SecurityProtocols, server_octets: u64) {
        let lasted = if server_octets > 10_000 { 60.0 } else { 1.0 };
        let seen = LogonSeen {
            logon: case.logon,
            opened: moment(case.seconds - lasted),
            user: (!case.user.is_empty()).then(|| case.user.into()),
            requested: Some(requested),
            ja4: None,
            tool: Some(Tool::OpenSsl),
            server_octets,
            client_records: 20 + u32::try_from(server_octets % 100).unwrap(),
            description: Box::default(),
        };
        self.see(case.seconds, case.source, case.server, Seen::Logon(seen));
    }

    /// A connection that left at a logon screen.
    fn screen(server_octets: u64) -> LogonSeen {
        LogonSeen {
            logon: LOGON_SCREEN,
            opened: Timestamp::ZERO,
            user: Some("root".into()),
            requested: Some(SecurityProtocols::SSL),
            ja4: None,
            tool: None,
            server_octets,
            client_records: 20,
            description: Box::default(),
        }
    }

    fn fail(&mut self, seconds: f64, source: u16, server: u16, user: &str) {
        self.hear(&Case { seconds, source, server, user, logon: ALERT });
    }

    fn succeed(&mut self, seconds: f64, source: u16, server: u16, user: &str) {
        self.hear(&Case { seconds, source, server, user, logon: SESSION });
    }

    /// Kinds and severities of what was stated.
    fn stated(&self) -> Vec<(Kind, Severity)> {
        self.findings
            .iter()
            .filter(|finding| finding.phase.is_alert())
            .map(|finding| (finding.kind, finding.severity))
            .collect()
    }
}

fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_parts(1_700_000_000, 0)
        .saturating_add_nanos(u64::try_from(Duration::from_secs_f64(seconds + 1_000.0).as_nanos()).unwrap())
}

const GUESSING: (Kind, Severity) = (Kind::RdpBruteforce, Severity::Medium);
const LOW_GUESSING: (Kind, Severity) = (Kind::RdpBruteforce, Severity::Low);

#[test]
fn other_thresholds_judge_what_was_seen_before_them() {
    let mut court = Court::new();
    court.judge.reconfigure(JudgeConfig { fast_failures: 15, ..JudgeConfig::default() });
    for i in 0..14 {
        court.fail(f64::from(i) * 3.0, 1, 1, "administrator");
    }
    assert_eq!(court.stated(), []);
    court.judge.reconfigure(JudgeConfig { fast_failures: 12, ..JudgeConfig::default() });
    court.fail(45.0, 1, 1, "administrator");
    assert_eq!(court.stated(), [GUESSING]);
    // What was stated is not stated again because a threshold has changed.
    court.judge.reconfigure(JudgeConfig::default());
    court.fail(48.0, 1, 1, "administrator");
    assert_eq!(court.stated(), [GUESSING]);
}

#[test]
fn ten_failures_in_ten_minutes_are_guessing_and_are_stated_once() {
    let mut court = Court::new();
    for i in 0..9 {
        court.fail(f64::from(i) * 3.0, 1, 1, "administrator");
    }
    assert_eq!(court.stated(), []);
    for i in 9..60 {
        court.fail(f64::from(i) * 3.0, 1, 1, "administrator");
    }
    assert_eq!(court.stated(), [GUESSING]);
    assert_eq!(court.findings[0].techniques, ["T1110.001"]);
    assert_eq!(court.findings[0].offenders, [end(51, 1, 0).address]);
}

/// A password that a client tries twice by itself.
fn fail_twice(court: &mut Court, seconds: f64, user: &str) {
    court.fail(seconds, 1, 1, user);
    court.fail(seconds + 1.1, 1, 1, user);
}

#[test]
fn passwords_that_freerdp_tries_twice_are_typing_errors_still() {
    let mut court = Court::new();
    for i in 0..5 {
        fail_twice(&mut court, f64::from(i) * 7.0, "bob");
    }
    court.succeed(40.0, 1, 1, "bob");
    assert_eq!(court.stated(), []);
    // Forgiven: the next day begins anew.
    for i in 0..5 {
        fail_twice(&mut court, 100.0 + f64::from(i) * 7.0, "bob");
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn an_old_password_that_freerdp_tries_twice_is_steady_still() {
    let mut court = Court::new();
    for i in 0..30 {
        fail_twice(&mut court, f64::from(i) * 21.0, "bob");
    }
    assert_eq!(court.stated(), [LOW_GUESSING]);
}

#[test]
fn guesses_that_follow_at_once_all_count() {
    let mut court = Court::new();
    for i in 0..10 {
        court.fail(f64::from(i) * 1.2, 1, 1, "bob");
    }
    assert_eq!(court.stated(), [GUESSING]);
}

#[test]
fn a_few_tries_an_hour_are_guessing_within_a_day() {
    let mut court = Court::new();
    // Irregular, as tools that hide are.
    for i in 0..30_u32 {
        court.fail(f64::from(i) * 2_400.0 + f64::from(i * i * 37 % 900), 1, 1, "admin");
    }
    assert_eq!(court.stated(), [GUESSING]);
    assert_eq!(court.findings[0].evidence[0].value.to_string(), "slow guessing");
}

#[test]
fn what_is_older_than_a_day_does_not_count() {
    let mut court = Court::new();
    for i in 0..60_u32 {
        court.fail(f64::from(i) * 6_000.0 + f64::from(i * i * 37 % 2_000), 1, 1, "admin");
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn many_sources_with_few_tries_each_are_guessing() {
    let mut court = Court::new();
    for i in 0..40_u16 {
        court.fail(f64::from(i) * 600.0, i % 12, 1, "administrator");
    }
    assert_eq!(court.stated(), [GUESSING]);
    assert_eq!(court.findings[0].offenders.len(), 12);
}

#[test]
fn spraying_over_servers_is_one_finding() {
    let mut court = Court::new();
    for i in 0..50_u16 {
        court.fail(f64::from(i) * 6.0, 1, i % 10, "administrator");
    }
    assert_eq!(court.stated()[0], GUESSING);
    assert_eq!(court.findings[0].techniques, ["T1110.003"]);
    assert_eq!(court.stated().len(), 1);
}

#[test]
fn spraying_over_names_is_told_from_guessing() {
    let mut court = Court::new();
    for i in 0..12_u16 {
        court.fail(f64::from(i), 1, 1, &format!("user{i}"));
    }
    assert_eq!(court.findings[0].techniques, ["T1110.003"]);
}

#[test]
fn logon_screens_count_in_part() {
    let mut court = Court::new();
    let screen = |i: u16| Case {
        seconds: f64::from(i) * 11.0,
        source: 1,
        server: 1,
        user: "root",
        logon: LOGON_SCREEN,
    };
    for i in 0..19 {
        court.hear(&screen(i));
    }
    assert_eq!(court.stated(), []);
    court.hear(&screen(20));
    assert_eq!(court.stated(), [GUESSING]);
    assert!(court.findings[0].confidence < 0.7);
}

#[test]
fn logon_screens_that_a_program_leaves_count_whole() {
    let mut court = Court::new();
    // Each is open for a second, and the next follows three seconds later: nobody reads, types and connects again in that time.
    for i in 0..11_u16 {
        assert_eq!(court.stated(), [], "{i}");
        let seconds = f64::from(i) * 4.0;
        court.hear(&Case { seconds, source: 1, server: 1, user: "root", logon: LOGON_SCREEN });
    }
    assert_eq!(court.stated(), [GUESSING]);
}

#[test]
fn a_ladder_that_ends_at_a_logon_screen_is_no_program() {
    let mut court = Court::new();
    for i in 0..19_u16 {
        let seconds = f64::from(i) * 11.0;
        let case = |seconds, logon| Case { seconds, source: 1, server: 1, user: "root", logon };
        court.hear_with(&case(seconds, REFUSED), SecurityProtocols(3), 0);
        court.hear_with(&case(seconds + 1.1, LOGON_SCREEN), SecurityProtocols::SSL, 1_000);
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn a_logon_after_which_the_connection_sequence_goes_on_is_a_success() {
    let (mut one, mut other) = (Court::new(), Court::new());
    for (court, records, expected) in [(&mut one, 28, 3), (&mut other, 24, 1)] {
        // As xrdp answers a program: each failure takes the same octets and messages, and the success even fewer octets.
        let mut hear = |seconds: f64, lasted: f64, client_records| {
            let seen = LogonSeen { opened: moment(seconds - lasted), client_records, ..Court::screen(7_385) };
            court.see(seconds, 1, 1, Seen::Logon(seen));
        };
        (0..12).for_each(|i| hear(f64::from(i) * 5.0, 3.6, 23));
        hear(80.0, 15.6, records);
        assert_eq!(court.stated().len(), expected, "{:?}", court.stated());
    }
    assert_eq!(one.stated()[2], (Kind::RdpCompromise, Severity::High));
    assert!(one.findings[2].confidence <= 0.5);
}

#[test]
fn success_after_guessing_is_a_finding_of_its_own() {
    let mut court = Court::new();
    for (i, user) in (0..30).zip(["root", "admin", "test"].into_iter().cycle()) {
        court.fail(f64::from(i), 1, 1, user);
    }
    court.hear(&Case { seconds: 31.0, source: 1, server: 1, user: "test", logon: ACCEPTED });
    court.succeed(120.0, 1, 1, "test");
    let raised = (Kind::RdpBruteforce, Severity::High);
    let expected =
        [GUESSING, raised, (Kind::RdpCompromise, Severity::High), (Kind::RdpCompromise, Severity::Critical)];
    assert_eq!(court.stated(), expected);
    let names: Vec<_> = court.findings[2].evidence.iter().map(|evidence| evidence.name).collect();
    for name in ["failed_logons", "span_seconds", "gap_seconds", "distinguished_by"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn one_of_many_guessers_that_succeeds_is_a_finding() {
    let mut court = Court::new();
    for i in 0..84_u32 {
        let source = u16::try_from(i % 12).unwrap();
        court.fail(f64::from(i) * 600.0 + f64::from(i * i * 37 % 590), source, 1, "administrator");
    }
    court.succeed(60_000.0, 3, 1, "administrator");
    court.fail(60_100.0, 200, 1, "alice");
    court.succeed(60_110.0, 200, 1, "alice");
    let kinds: Vec<_> = court.stated().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::RdpBruteforce, Kind::RdpBruteforce, Kind::RdpCompromise]);
}

#[test]
fn guessers_that_take_turns_are_no_old_passwords() {
    let mut court = Court::new();
    for i in 0..160_u16 {
        court.fail(f64::from(i) * 5.0, i % 20, 1, "administrator");
    }
    court.succeed(820.0, 3, 1, "administrator");
    let kinds: Vec<_> = court.stated().into_iter().map(|(kind, _)| kind).collect();
    assert!(kinds.contains(&Kind::RdpCompromise), "{kinds:?}");
}

#[test]
fn a_session_that_leaves_the_size_of_failures_is_a_success() {
    let mut court = Court::new();
    let screen = |seconds| Case { seconds, source: 1, server: 1, user: "root", logon: LOGON_SCREEN };
    for i in 0..30_u32 {
        court.hear_with(&screen(f64::from(i)), SecurityProtocols::SSL, 3_000 + u64::from(i % 3) * 400);
    }
    court.hear_with(&screen(100.0), SecurityProtocols::SSL, 4_000);
    assert_eq!(court.stated(), [GUESSING]);
    court.hear_with(&screen(200.0), SecurityProtocols::SSL, 150_000);
    assert_eq!(court.stated()[2], (Kind::RdpCompromise, Severity::Critical));
    assert!(court.findings.last().unwrap().confidence <= 0.5);
}

#[test]
fn typing_errors_are_forgiven() {
    let mut court = Court::new();
    // A terminal server on Monday morning: sixty people, two errors each, from addresses of their own.
    for user in 0..60_u16 {
        let begin = f64::from(user) * 30.0;
        for error in [0.0, 9.0] {
            court.fail(begin + error, user, 1, &format!("user{user}"));
        }
        court.succeed(begin + 20.0, user, 1, &format!("user{user}"));
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn somebody_who_forgot_the_password_and_remembers_is_no_compromise() {
    let mut court = Court::new();
    for i in 0..8 {
        court.fail(f64::from(i) * 12.0, 1, 1, "alice");
    }
    court.succeed(110.0, 1, 1, "alice");
    assert_eq!(court.stated(), []);
}

#[test]
fn guesses_with_a_pause_between_them_are_not_typed() {
    for (jitter, expected) in [(0.0, true), (3.0, false)] {
        let mut court = Court::new();
        for i in 0..14_u32 {
            court.fail(f64::from(i) * 10.0 + f64::from(i * 7 % 5) * jitter, 1, 1, "root");
        }
        court.succeed(150.0, 1, 1, "root");
        let is_compromise = court.stated().iter().any(|(kind, _)| *kind == Kind::RdpCompromise);
        assert_eq!(is_compromise, expected, "{jitter}");
    }
}

#[test]
fn expired_saved_credentials_are_low() {
    let mut court = Court::new();
    for i in 0..200 {
        court.fail(f64::from(i) * 30.0 + f64::from(i % 3) * 0.2, 1, 1, "backup");
    }
    // Then somebody saves the new password.
    court.succeed(6_100.0, 1, 1, "backup");
    assert_eq!(court.stated(), [LOW_GUESSING]);
}

#[test]
fn a_jump_host_is_low() {
    let mut court = Court::new();
    for user in 0..12_u16 {
        court.succeed(f64::from(user) * 20.0, 1, user % 4, &format!("user{user}"));
    }
    for i in 0..12_u16 {
        court.fail(300.0 + f64::from(i) * 20.0, 1, i % 4, &format!("user{i}"));
    }
    assert!(court.stated().iter().all(|stated| *stated == LOW_GUESSING), "{:?}", court.stated());
}

#[test]
fn health_checks_and_brokers_say_nothing() {
    let mut court = Court::new();
    let reasons = [Reason::NotAnswered, Reason::LeftBeforeLogon, Reason::HandshakeUnfinished];
    for (i, reason) in (0..500).zip(reasons.into_iter().cycle()) {
        let logon = Logon::unknown(reason);
        court.hear(&Case { seconds: f64::from(i) * 5.0, source: 1, server: 1, user: "", logon });
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn the_double_connect_of_a_certificate_prompt_says_nothing() {
    let mut court = Court::new();
    for i in 0..30 {
        let at = f64::from(i) * 60.0;
        court.hear(&Case { seconds: at, source: 1, server: 1, user: "bob", logon: ACCEPTED });
        court.succeed(at + 5.0, 1, 1, "bob");
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn sessions_that_reconnect_say_nothing() {
    let mut court = Court::new();
    for i in 0..60 {
        court.succeed(f64::from(i) * 8.0, 1, 1, "carol");
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn a_ladder_of_protocols_counts_once() {
    let mut court = Court::new();
    for i in 0..9 {
        for (rung, requested, logon) in
            [(0.0, 0xb, ALERT), (1.5, 3, ALERT), (3.0, 1, REFUSED), (4.5, 0, REFUSED)]
        {
            let case =
                Case { seconds: f64::from(i) * 12.0 + rung, source: 1, server: 1, user: "dave", logon };
            court.hear_with(&case, SecurityProtocols(requested), 400);
        }
    }
    assert_eq!(court.stated(), []);
    court.fail(130.0, 1, 1, "dave");
    assert_eq!(court.stated(), [GUESSING]);
}

#[test]
fn a_tool_that_is_refused_is_low() {
    let mut court = Court::new();
    for i in 0..50 {
        court.hear(&Case {
            seconds: f64::from(i),
            source: 1,
            server: 1,
            user: "NCRACK_USER",
            logon: REFUSED,
        });
    }
    assert_eq!(court.stated(), [LOW_GUESSING]);
}

#[test]
fn who_looks_whether_a_server_is_up_is_refused_and_tries_no_password() {
    let mut court = Court::new();
    for i in 0..200 {
        court.hear(&Case { seconds: f64::from(i) * 5.0, source: 1, server: 1, user: "", logon: REFUSED });
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn a_vulnerability_scanner_is_no_guesser() {
    let mut court = Court::new();
    for server in 0..200_u16 {
        let reason = Reason::LeftBeforeLogon;
        let logon = Logon::unknown(reason);
        court.hear(&Case { seconds: f64::from(server), source: 1, server, user: "nmap", logon });
    }
    assert_eq!(court.stated(), []);
}

#[test]
fn who_asks_for_ms_t120_tries_an_exploit() {
    let mut court = Court::new();
    for seconds in [1.0, 2.0] {
        let seen = Seen::AskedForMsT120 { client_name: "x1810".into(), client_build: 2_600 };
        court.see(seconds, 1, 1, seen);
    }
    assert_eq!(court.stated(), [(Kind::RdpExploit, Severity::High)]);
}

#[test]
fn a_server_without_network_level_authentication_is_low_and_never_called_unpatched() {
    let mut court = Court::new();
    let selected = |protocol| Seen::Answered(ConnectionConfirm::Selected { protocol, flags: 0 });
    court.see(1.0, 1, 1, selected(SecurityProtocols::HYBRID_EX));
    court.see(2.0, 1, 1, Seen::Answered(ConnectionConfirm::Failure(FailureCode(5))));
    assert_eq!(court.stated(), []);
    court.see(3.0, 1, 2, selected(SecurityProtocols::SSL));
    court.see(4.0, 1, 2, Seen::Answered(ConnectionConfirm::Bare));
    assert_eq!(court.stated(), [(Kind::RdpWithoutNla, Severity::Low)]);
    for evidence in &court.findings[0].evidence {
        assert!(!evidence.value.to_string().contains("unpatched"));
    }
}

#[test]
fn ledgers_stay_within_their_bounds_and_count_what_goes() {
    let mut court = Court::new();
    for i in 0..10_000_u16 {
        court.fail(f64::from(i), i, i % 2_000, "x");
    }
    assert!(court.judge.sources.values().count() <= MAX_SOURCES);
    assert!(court.judge.servers.values().count() <= MAX_SERVERS);
    assert!(court.judge.evicted().sources > 0 && court.judge.evicted().servers > 0);
}
