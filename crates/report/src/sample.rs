//! What tests write: an attack on one host, as judges and meters tell of it.

use std::net::IpAddr;

use detect::{
    CaptureQuality, Connection, Evidence, Finding, Kind, Phase, Severity, Victim, View,
    incident::{CaseId, Incident, Link, LinkKind, Stage, StageReport},
    rdp::{
        ClientData, ConnectionConfirm, ConnectionRequest, Description, Logon, LogonSeen, Observation,
        Outcome, Reason, SecurityProtocols, Seen, TlsClient, Tool,
    },
};
use flow::{Endpoint, FlowId, FlowRecord, Meter, MeterConfig, Placed};
use wire::{Frame, LinkType, Timestamp};

/// 2026-03-04, eight minutes past eight, and so many milliseconds.
pub(crate) fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_parts(1_772_611_680, milliseconds * 1_000_000)
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn endpoint(text: &str, port: u16) -> Endpoint {
    Endpoint { address: address(text), port }
}

pub(crate) fn attacker() -> Endpoint {
    endpoint("203.0.113.7", 50_123)
}

pub(crate) fn victim() -> Endpoint {
    endpoint("192.0.2.10", 3_389)
}

pub(crate) const CASE: CaseId = CaseId(0x0003_4f0d_92b7_4c11);

/// Guessing at the victim.
pub(crate) fn guessing() -> Finding {
    Finding {
        kind: Kind::RdpBruteforce,
        phase: Phase::Started,
        severity: Severity::Medium,
        confidence: 0.8,
        techniques: vec!["T1110.001"],
        victim: Victim::at(victim()),
        offenders: vec![attacker().address],
        offender_count: 1,
        connection: Some(Connection {
            flow: FlowId(4_822_678_189_205_111),
            source: attacker(),
            target: victim(),
        }),
        first_seen: at(0),
        last_seen: at(9_250),
        stated_at: at(9_250),
        evidence: vec![
            Evidence::new("pattern", "fast guessing"),
            Evidence::new("failed_logons", 12_u64),
            Evidence::new("users", 1_u64),
            Evidence::new("span_seconds", 9.249_999_7),
            Evidence::new("weighted_failures", 12.0).held_against(10.0),
        ],
        capture_quality: CaptureQuality { view: View::BothWays, missing: 0.001_234, is_overloaded: false },
    }
}

/// Mining of the victim, at its end.
pub(crate) fn mining() -> Finding {
    let (miner, pool) = (endpoint("192.0.2.10", 49_801), endpoint("198.51.100.20", 3_333));
    Finding {
        kind: Kind::Mining,
        phase: Phase::Ended,
        severity: Severity::High,
        confidence: 0.98,
        techniques: vec!["T1496.001"],
        victim: Victim::Address(miner.address),
        offenders: vec![pool.address],
        connection: Some(Connection { flow: FlowId(990_011_223_344), source: miner, target: pool }),
        first_seen: at(171_500),
        last_seen: at(900_000),
        stated_at: at(901_000),
        evidence: vec![
            Evidence::new("coin", "Monero"),
            Evidence::new("shares_accepted", 25_u64),
            Evidence::new("hashes_per_second", 4_812.345_678),
        ],
        ..guessing()
    }
}

/// What the findings on the victim come to.
pub(crate) fn incident() -> Incident {
    let stage =
        |stage, first, last, severity, confidence, technique, offender: &str, says: &str| StageReport {
            stage,
            first_seen: at(first),
            last_seen: at(last),
            severity,
            confidence,
            techniques: vec![technique],
            offenders: vec![address(offender)],
            says: says.to_owned(),
            flow: None,
            evidence: Vec::new(),
        };
    let (guesser, pool) = ("203.0.113.7", "198.51.100.20");
    let guessing = StageReport {
        flow: Some(FlowId(4_822_678_189_205_111)),
        evidence: vec![Evidence::new("failed_logons", 12_u64), Evidence::new("users", 1_u64)],
        ..stage(
            Stage::CredentialAttack,
            0,
            9_250,
            Severity::Medium,
            0.8,
            "T1110.001",
            guesser,
            "12 failed RDP logons of 203.0.113.7 in 9 s, 1 user name, OpenSSL client (FreeRDP, hydra and others)",
        )
    };
    let access = stage(
        Stage::Access,
        36_000,
        40_000,
        Severity::Critical,
        0.95,
        "T1078",
        guesser,
        "RDP logon of 203.0.113.7 as administr succeeded after the guesses: a session",
    );
    let mining = stage(
        Stage::Mining,
        171_500,
        900_000,
        Severity::High,
        0.98,
        "T1496.001",
        pool,
        "mines Monero (rx/0) at 198.51.100.20:3333, 25 shares accepted: 4.81 kH/s (3.2 k to 7.1 k), 6 to 14 cores, \
         90 to 200 W, 2.2 to 4.8 kWh a day",
    );
    Incident {
        id: CASE,
        phase: Phase::Started,
        victim: victim().address,
        severity: Severity::Critical,
        confidence: 0.971_2,
        stages: vec![guessing, access, mining],
        missing: vec![Stage::Noise, Stage::Delivery, Stage::Spread],
        offenders: vec![address(guesser), address(pool)],
        techniques: vec!["T1110.001", "T1078", "T1496.001"],
        first_seen: at(0),
        last_seen: at(900_000),
        stated_at: at(900_000),
        links: vec![Link {
            kind: LinkKind::Pool,
            value: "198.51.100.20:3333".to_owned(),
            victims: vec![address("192.0.2.31")],
        }],
        advice: vec![
            "Take 192.0.2.10 off the network and leave it running: what was started is in its memory."
                .to_owned(),
            "Lock the account administr, or one that begins so, and change the password; end its sessions \
             elsewhere, too."
                .to_owned(),
            "Block 203.0.113.7, 198.51.100.20 at the border, and see who else talks with them.".to_owned(),
        ],
        capture_quality: CaptureQuality { view: View::BothWays, missing: 0.0, is_overloaded: false },
    }
}

/// The logon that succeeded.
pub(crate) fn logon() -> Observation {
    let request = ConnectionRequest {
        cookie: Some("administr".to_owned()),
        routing_token: None,
        protocols: Some(SecurityProtocols(3)),
        flags: 0,
    };
    let description = Description {
        request: Some(request),
        confirm: Some(ConnectionConfirm::Selected { protocol: SecurityProtocols::HYBRID, flags: 0x1f }),
        client_data: None,
        tls_client: Some(TlsClient {
            ja4: "t13i310900_e8f1e7e78f70_1f22a2ca17c4".try_into().unwrap(),
            server_name: Some("desktop.example".to_owned()),
            version: 0x0304,
        }),
        tls_version: Some(0x0303),
        tool: Some(Tool::OpenSsl),
    };
    let seen = LogonSeen {
        logon: Logon { outcome: Outcome::Session, reason: Reason::DesktopAfterLogon, pause_ms: None },
        opened: at(36_000),
        user: Some("administr".to_owned()),
        requested: Some(SecurityProtocols(3)),
        ja4: None,
        tool: Some(Tool::OpenSsl),
        server_octets: 48_211,
        client_records: 61,
        description: Box::new(description),
    };
    Observation {
        time: at(39_874),
        flow: FlowId(7_001_122_334_455_667),
        client: attacker(),
        server: victim(),
        seen: Seen::Logon(seen),
    }
}

/// What an old client says in the clear.
pub(crate) fn client_data(name: &str, channels: &[&str]) -> ClientData {
    ClientData {
        version: 0x0008_0004,
        desktop_width: 1_280,
        desktop_height: 1_024,
        keyboard_layout: 0x409,
        client_build: 2_600,
        client_name: name.to_owned(),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
    }
}

/// A record of one UDP packet.
pub(crate) fn udp_record() -> FlowRecord {
    let data = [
        0x45, 0x10, 0, 28, 0, 0, 0, 0, 63, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2,
        53, // IPv4, 28 octets, UDP
        0x30, 0x39, 0, 53, 0, 8, 0, 0,
    ];
    record(&[(Timestamp::from_parts(1_700_000_000, 42), &data)])
}

/// A record of a ping that was answered.
pub(crate) fn icmp_record() -> FlowRecord {
    let request =
        [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 8, 0, 0, 0, 0, 1, 0, 1];
    let reply = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1, 0, 0, 0, 0, 0, 1, 0, 1];
    record(&[(at(0), &request), (at(1), &reply)])
}

/// A record of a TCP connection that the client opened and reset.
pub(crate) fn tcp_record() -> FlowRecord {
    let segment = |from_client: bool, flags: u8| {
        let (client, server) = ([203, 0, 113, 7], [192, 0, 2, 10]);
        let (source, destination) = if from_client { (client, server) } else { (server, client) };
        let ports = if from_client { [0xc3, 0xcb, 0x0d, 0x3d] } else { [0x0d, 0x3d, 0xc3, 0xcb] };
        let ip = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0];
        let tcp = [0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0];
        [&ip[..], &source, &destination, &ports, &tcp].concat()
    };
    let (syn, syn_ack, ack, reset) =
        (segment(true, 0x02), segment(false, 0x12), segment(true, 0x18), segment(true, 0x14));
    record(&[(at(0), &syn), (at(20), &syn_ack), (at(41), &ack), (at(2_300), &reset)])
}

/// The first record of packets of raw IP.
fn record(packets: &[(Timestamp, &[u8])]) -> FlowRecord {
    let mut meter = Meter::new(MeterConfig::default());
    let mut last = Timestamp::ZERO;
    for &(timestamp, data) in packets {
        let original_length = u32::try_from(data.len()).unwrap();
        let frame = Frame { data, timestamp, original_length, link_type: LinkType::RAW, interface: 3 };
        let packet = wire::decode(&frame).unwrap();
        let Placed::InFlow(placement) = meter.place(&packet, timestamp) else { panic!("no fragment") };
        meter.account(&packet, &placement);
        last = timestamp;
    }
    meter.close(last);
    let mut records = Vec::new();
    assert!(meter.take_records(&mut records, 1));
    records.remove(0)
}
