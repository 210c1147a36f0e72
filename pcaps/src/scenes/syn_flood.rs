//! A SYN flood: segments that open nothing, from addresses that did not send them.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use etherparse::TcpHeader;

use crate::{
    host::{Endpoint, Host, Path, Stack},
    packet::{Ip, ethernet},
    recording::Recording,
};

/// A flood against one port.
#[derive(Clone, Debug)]
pub struct Flood {
    /// Where the probe stands: the sources are beyond the router.
    pub path: Path,
    /// The port that is flooded, of a Windows host.
    pub victim: Endpoint,
    /// The addresses that the sender writes into its packets.
    pub spoofed: Vec<Ipv4Addr>,
    /// Segments a second, on average.
    pub per_second: u32,
    /// How long it lasts.
    pub length: Duration,
}

/// What a flood did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flooded {
    /// When its first segment passed the probe.
    pub first: Duration,
    /// When its last segment did.
    pub last: Duration,
    /// Its segments.
    pub synchronizes: usize,
    /// Different addresses that they say they come from.
    pub sources: usize,
    /// Answers of the victim, repeated ones included.
    pub answers: usize,
    /// Resets of hosts that exist at a spoofed address and did not ask for an answer.
    pub resets: usize,
}

impl Flood {
    /// Plays the flood from `start` on.
    pub fn play(&self, recording: &mut Recording, start: Duration) -> Flooded {
        let mut told =
            Flooded { first: start, last: start, synchronizes: 0, sources: 0, answers: 0, resets: 0 };
        let mut sources = BTreeSet::new();
        let mean = Duration::from_secs(1) / self.per_second;
        let mut at = start;
        while at < start + self.length {
            let address = *recording.random.choice(&self.spoofed);
            sources.insert(address);
            let source = Host::beyond(address, Stack::Linux, HOPS).port(any_port(recording));
            self.knock(recording, source, at, &mut told);
            told.last = at;
            told.synchronizes += 1;
            at += recording.random.waiting_time(mean);
        }
        told.sources = sources.len();
        told
    }

    /// One segment, and what it brings about.
    fn knock(&self, recording: &mut Recording, source: Endpoint, at: Duration, told: &mut Flooded) {
        let (theirs, ours) = (number(recording), number(recording));
        let mut header = TcpHeader::new(source.port, self.victim.port, theirs, WINDOW_OF_THE_TOOL);
        header.syn = true;
        self.record(recording, source.host, self.victim.host, header, at);
        let mut header = TcpHeader::new(self.victim.port, source.port, ours, WINDOW_OF_THE_VICTIM);
        (header.syn, header.ack) = (true, true);
        header.acknowledgment_number = theirs.wrapping_add(1);
        // Nothing but the segment size may stand in an answer to a segment without options.
        header.options = [2, 4, 5, 0xb4].into();
        let answered = at + self.path.server_round_trip + KERNEL;
        let exists = Self::exists(source.host);
        let repetitions = if exists { &REPETITIONS[..1] } else { &REPETITIONS[..] };
        for &later in repetitions {
            self.record(recording, self.victim.host, source.host, header.clone(), answered + later);
            told.answers += 1;
        }
        if exists {
            let mut header = TcpHeader::new(source.port, self.victim.port, theirs.wrapping_add(1), 0);
            header.rst = true;
            self.record(
                recording,
                source.host,
                self.victim.host,
                header,
                answered + self.path.client_round_trip,
            );
            told.resets += 1;
        }
    }

    fn record(&self, recording: &mut Recording, from: Host, to: Host, header: TcpHeader, at: Duration) {
        let identification = u16::from_be_bytes(recording.random.array());
        let packet = Ip::between(&from, &to, identification).tcp(header, &[]);
        recording.push(at, ethernet(&from, &to, self.path.vlan, &packet));
    }

    /// Whether a host is at the spoofed address: at every eleventh.
    fn exists(host: Host) -> bool {
        match host.address {
            std::net::IpAddr::V4(address) => address.octets()[3] % 11 == 0,
            std::net::IpAddr::V6(_) => false,
        }
    }
}

/// A tool that makes up its sources makes up their ports as well.
fn any_port(recording: &mut Recording) -> u16 {
    u16::try_from(recording.random.between(1024, 65_535)).unwrap_or(1024)
}

fn number(recording: &mut Recording) -> u32 {
    u32::from_be_bytes(recording.random.array())
}

/// When a Windows host answers again: after one second, and after two more.
const REPETITIONS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// All sources are the same distance away, because they are one machine.
const HOPS: u8 = 15;
const WINDOW_OF_THE_TOOL: u16 = 512;
const WINDOW_OF_THE_VICTIM: u16 = 64_240;
const KERNEL: Duration = Duration::from_micros(30);
