//! `cryptojacking.pcap`: a flood as noise, guesses at a password until one is right, and a miner that then
//! earns for somebody else.
//!
//! The stages follow each other within fifty minutes, under the ordinary traffic of a small site.

pub mod cast;
mod ordinary;
mod page;

use std::{net::IpAddr, time::Duration};

use self::cast::{Cast, DELIVERY_NAME, POOL_NAME, POOL_PORT, VICTIM_NAME};
use crate::{
    capture_file,
    capture_file::Frame,
    host::Path,
    protocol::{
        certificate,
        credssp::{Logon, Server},
        http,
    },
    random::Random,
    recording::Recording,
    scenes::{
        miner::{Mined, Mining},
        names::Lookup,
        remote_desktop::{self, Attempt, Desktop, Guessed, Guessing, Outcome, Program},
        syn_flood::{Flood, Flooded},
        web::Visit,
    },
    summary::Summary,
};

/// The story as a probe saw it, and the truth about it.
#[derive(Clone, Debug)]
pub struct Story {
    /// The capture, in pcap format.
    pub capture: Vec<u8>,
    /// What is in it.
    pub truth: Truth,
}

/// What is in the capture. Times are since its beginning, [`EPOCH`].
#[derive(Clone, Debug)]
pub struct Truth {
    /// Who played.
    pub cast: Cast,
    /// The scanner's visit.
    pub probed: (Duration, Duration),
    /// The administrator's work: from the mistyped password to the end of the session.
    pub administration: (Duration, Duration),
    /// The flood.
    pub flood: Flooded,
    /// The dictionary attack.
    pub guessing: Guessed,
    /// The attacker's session.
    pub session: (Duration, Duration),
    /// The fetching of the miner.
    pub delivery: (Duration, Duration),
    /// The mining, whose connection is open when the capture ends.
    pub mining: Mined,
    /// What any program must count in the capture.
    pub summary: Summary,
}

impl Truth {
    /// The page that is kept beside the capture.
    pub fn page(&self) -> String {
        page::page(self)
    }
}

/// Plays the story.
pub fn story() -> Story {
    let (frames, truth) = play();
    Story { capture: capture_file::write(&frames, EPOCH, capture_file::SNAP_LENGTH), truth }
}

fn play() -> (Vec<Frame>, Truth) {
    let cast = Cast::new();
    let mut random = Random::seeded("certificates");
    let own = certificate::self_signed(&mut random, VICTIM_NAME, "251114081530Z", "260516081530Z");
    let site = certificate::self_signed(&mut random, cast::SITE_NAME, "260101000000Z", "270101000000Z");
    let desktop = Desktop {
        endpoint: cast.victim.port(3389),
        names: Server { netbios_name: VICTIM_NAME, dns_name: VICTIM_NAME },
        certificate: &own,
    };
    let (flooding, flood) = flood(&cast);
    let (guesses, guessing) = guess(&cast, &desktop);
    let (intrusion, session, delivery) = intrude(&cast, &desktop);
    let (mining, mined) = mine(&cast);
    let mut probing = Recording::seeded("probing");
    let scanner = cast.scanner.port(41_220);
    let left = remote_desktop::probe(
        &mut probing,
        Path::to_client_afar(141),
        scanner,
        &desktop,
        "Administr",
        PROBED,
    );

    let mut recording = Recording::seeded("story");
    let administration = ordinary::administration(&cast, &desktop, ADMINISTRATION.0, ADMINISTRATION.1);
    let visits = ordinary::visits(&cast, &site, (flood.first, flood.last));
    for scene in [visits, ordinary::browsing(&cast, &site), ordinary::housekeeping(&cast), administration] {
        recording.append(scene);
    }
    for scene in [probing, flooding, guesses, intrusion, mining] {
        recording.append(scene);
    }
    let frames = recording.into_frames(END);
    let truth = Truth {
        cast,
        probed: (PROBED, left),
        administration: ADMINISTRATION,
        flood,
        guessing,
        session,
        delivery,
        mining: mined,
        summary: Summary::of(&frames),
    };
    (frames, truth)
}

fn flood(cast: &Cast) -> (Recording, Flooded) {
    let mut recording = Recording::seeded("flood");
    let flood = Flood {
        path: Path::to_client_afar(64),
        victim: cast.victim.port(80),
        spoofed: Cast::spoofed(),
        per_second: FLOOD_PER_SECOND,
        length: FLOOD_LENGTH,
    };
    let told = flood.play(&mut recording, FLOOD_STARTS);
    (recording, told)
}

fn guess(cast: &Cast, desktop: &Desktop<'_>) -> (Recording, Guessed) {
    let mut recording = Recording::seeded("guesses");
    let guessing = Guessing {
        last: Attempt {
            path: Path::to_client_afar(43),
            client: cast.attacker.port(38_114),
            program: Program::FreeRdp,
            logon: ATTACKERS_LOGON,
        },
        users: &["administrator", "admin", "user", "backup", "administrator", "test"],
        failures: FAILING_GUESSES,
        parallel: 3,
    };
    let told = guessing.play(&mut recording, desktop, GUESSING_STARTS);
    (recording, told)
}

/// The attacker's session, and what is fetched in it.
fn intrude(cast: &Cast, desktop: &Desktop<'_>) -> (Recording, (Duration, Duration), (Duration, Duration)) {
    let mut recording = Recording::seeded("intrusion");
    let attempt = Attempt {
        path: Path::to_client_afar(43),
        client: cast.attacker.port(39_870),
        program: Program::FreeRdp,
        logon: ATTACKERS_LOGON,
    };
    let ended = attempt.play(&mut recording, desktop, Outcome::Session(SESSION.1), SESSION.0);
    let lookup = Lookup { client: cast.victim, resolver: cast.resolver };
    let resolved = lookup.resolve(&mut recording, DELIVERY_NAME, &[cast.delivery.address], DELIVERY_STARTS);
    let visit = Visit {
        path: Path::to_server_afar(31),
        client: cast.victim.port(50_231),
        server: cast.delivery.port(80),
        host_name: DELIVERY_NAME,
        agent: http::POWERSHELL,
    };
    let fetched = visit.fetch_tools(&mut recording, ARCHIVE_LENGTH, 12, resolved);
    (recording, (SESSION.0, ended), (resolved, fetched))
}

fn mine(cast: &Cast) -> (Recording, Mined) {
    let mut recording = Recording::seeded("mining");
    let lookup = Lookup { client: cast.victim, resolver: cast.resolver };
    let addresses: [IpAddr; 1] = [cast.pool.address];
    let resolved = lookup.resolve(&mut recording, POOL_NAME, &addresses, MINING_STARTS);
    let mining = Mining {
        path: Path::to_server_afar(26),
        miner: cast.victim.port(50_264),
        pool: cast.pool.port(POOL_PORT),
        worker: WORKER,
        agent: AGENT,
        hash_rate: HASH_RATE,
        first_difficulty: FIRST_DIFFICULTY,
        difficulty: DIFFICULTY,
        epoch: EPOCH,
    };
    let told = mining.play(&mut recording, resolved, END);
    (recording, told)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// When the capture begins: 2026-03-04 08:00:00 UTC.
pub const EPOCH: Duration = seconds(1_772_611_200);
/// When it ends, since its beginning.
pub const END: Duration = seconds(3000);

const PROBED: Duration = seconds(48);
const ADMINISTRATION: (Duration, Duration) = (seconds(100), seconds(280));
const FLOOD_STARTS: Duration = seconds(420);
const FLOOD_LENGTH: Duration = seconds(48);
const FLOOD_PER_SECOND: u32 = 28;
/// While the flood goes on.
const GUESSING_STARTS: Duration = seconds(436);
const FAILING_GUESSES: usize = 58;
const SESSION: (Duration, Duration) = (seconds(500), seconds(690));
const DELIVERY_STARTS: Duration = seconds(563);
const ARCHIVE_LENGTH: usize = 96_000;
const MINING_STARTS: Duration = seconds(637);

const ATTACKERS_LOGON: Logon<'static> =
    Logon { user: "support", password: "Summer2025", workstation: "client", service: "TERMSRV/192.0.2.10" };

/// As the miner's program calls itself.
pub const AGENT: &str = "XMRig/6.21.3 (Windows NT 10.0; Win64; x64) libuv/1.48.0 msvc/2022";
/// As the miner's operator calls this machine.
pub const WORKER: &str = "web01";
/// Hashes a second: a small server's.
pub const HASH_RATE: u32 = 1900;
/// Hashes for a share of the pool's first jobs.
pub const FIRST_DIFFICULTY: u32 = 10_000;
/// Hashes for a share of the others.
pub const DIFFICULTY: u32 = 60_000;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        net::SocketAddr,
    };

    use etherparse::{NetSlice, SlicedPacket, TcpHeader, TransportSlice};

    use super::*;
    use crate::host::{Host, TEST_NET_1, TEST_NET_2, TEST_NET_3};

    struct Seen {
        at: Duration,
        from: SocketAddr,
        to: SocketAddr,
        header: TcpHeader,
        payload: Vec<u8>,
    }

    fn addresses(sliced: &SlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
        match sliced.net.as_ref()? {
            NetSlice::Ipv4(net) => {
                Some((net.header().source_addr().into(), net.header().destination_addr().into()))
            }
            NetSlice::Ipv6(net) => {
                Some((net.header().source_addr().into(), net.header().destination_addr().into()))
            }
            NetSlice::Arp(_) => None,
        }
    }

    fn segments(frames: &[Frame]) -> Vec<Seen> {
        let seen = |frame: &Frame| {
            let sliced = SlicedPacket::from_ethernet(&frame.octets).unwrap();
            let (source, destination) = addresses(&sliced)?;
            let TransportSlice::Tcp(tcp) = sliced.transport? else { return None };
            Some(Seen {
                at: frame.at,
                from: (source, tcp.source_port()).into(),
                to: (destination, tcp.destination_port()).into(),
                header: tcp.to_header(),
                payload: tcp.payload().to_vec(),
            })
        };
        frames.iter().filter_map(seen).collect()
    }

    /// How many segments from `from` to `to` hold `text`.
    fn saying(segments: &[Seen], from: Host, to: Host, text: &str) -> usize {
        let holds = |payload: &[u8]| payload.windows(text.len()).any(|octets| octets == text.as_bytes());
        let between = |seen: &&Seen| seen.from.ip() == from.address && seen.to.ip() == to.address;
        segments.iter().filter(between).filter(|seen| holds(&seen.payload)).count()
    }

    #[test]
    fn the_truth_is_what_the_frames_show() {
        let (frames, truth) = play();
        let segments = segments(&frames);
        let cast = &truth.cast;

        let is_flood = |seen: &&Seen| seen.header.syn && seen.header.options.is_empty();
        let flood: Vec<_> = segments.iter().filter(is_flood).collect();
        assert_eq!(flood.len(), truth.flood.synchronizes);
        assert!(flood.iter().all(|seen| seen.to == SocketAddr::new(cast.victim.address, 80)));

        let guesses = saying(&segments, cast.attacker, cast.victim, "Cookie: mstshash=");
        assert_eq!(guesses, truth.guessing.failures + 2);

        let mining = &truth.mining;
        assert_eq!(saying(&segments, cast.victim, cast.pool, r#""method":"login""#), 1);
        let shares = mining.accepted_first + mining.accepted + mining.rejected;
        assert_eq!(saying(&segments, cast.victim, cast.pool, r#""method":"submit""#), shares);
        assert_eq!(
            saying(&segments, cast.pool, cast.victim, r#""result":{"status":"OK"}"#),
            shares - mining.rejected
        );
        assert_eq!(saying(&segments, cast.pool, cast.victim, r#""error":{"#), mining.rejected);
        assert_eq!(saying(&segments, cast.pool, cast.victim, r#""job_id":"#), mining.jobs);
        assert_eq!(saying(&segments, cast.victim, cast.pool, r#""method":"keepalived""#), mining.keep_alives);
        assert_eq!(saying(&segments, cast.victim, cast.delivery, "GET "), 2);
    }

    #[test]
    fn nobody_acknowledges_or_echoes_what_has_not_passed() {
        let (mut sent, mut clocks) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<u32>>::new());
        for Seen { at, from, to, header, payload } in segments(&play().0) {
            if header.ack && !header.rst {
                let others: u32 = *sent.get(&(to, from)).unwrap();
                let ahead = header.acknowledgment_number.wrapping_sub(others);
                assert!(
                    ahead == 0 || ahead > u32::MAX / 2,
                    "{from} acknowledges {ahead} octets too many at {at:?}"
                );
            }
            for option in header.options_iterator().flatten() {
                if let etherparse::TcpOptionElement::Timestamp(own, echoed) = option {
                    let is_known = clocks.get(&(to, from)).is_some_and(|known| known.contains(&echoed));
                    assert!(is_known || !header.ack, "{from} echoes {echoed} at {at:?}");
                    clocks.entry((from, to)).or_default().insert(own);
                }
            }
            let taken = u32::try_from(payload.len()).unwrap() + u32::from(header.syn) + u32::from(header.fin);
            let next = header.sequence_number.wrapping_add(taken);
            let before = sent.entry((from, to)).or_insert(next);
            if next.wrapping_sub(*before) < u32::MAX / 2 {
                *before = next;
            }
        }
    }

    #[test]
    fn visits_go_on_in_the_flood() {
        let (frames, truth) = play();
        let in_flood = |seen: &Seen| (truth.flood.first..truth.flood.last).contains(&seen.at);
        let site = SocketAddr::new(truth.cast.victim.address, 80);
        let asks = |seen: &&Seen| seen.to == site && in_flood(seen) && seen.payload.starts_with(b"GET / ");
        assert!(segments(&frames).iter().filter(asks).count() >= 6);
    }

    #[test]
    fn all_addresses_are_for_documentation() {
        let networks = [TEST_NET_1, TEST_NET_2, TEST_NET_3];
        let is_documentation = |address: IpAddr| match address {
            IpAddr::V4(address) => networks.iter().any(|&network| address.octets().starts_with(&network)),
            IpAddr::V6(address) => address.segments().starts_with(&[0x2001, 0xdb8]) || address.is_multicast(),
        };
        for frame in play().0 {
            let sliced = SlicedPacket::from_ethernet(&frame.octets).unwrap();
            let Some((source, destination)) = addresses(&sliced) else { continue };
            assert!(is_documentation(source) && is_documentation(destination), "{source} {destination}");
        }
    }
}
