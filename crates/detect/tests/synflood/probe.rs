//! Observers and a judge, put together as a probe does it.

use detect::synflood::{Judge, JudgeConfig, Observer, ObserverConfig};
use detect::{Finding, Kind, Phase, Severity};
use flow::{Meter, MeterConfig};
use wire::{Packet, Timestamp};

use crate::packets::place;

/// Observers that share the packets by address pair, and their judge.
pub(crate) struct Probe {
    pub(crate) observers: Vec<Observer>,
    pub(crate) judge: Judge,
    pub(crate) findings: Vec<Finding>,
    meter: Meter,
    clock: flow::Clock,
    judged: u64,
}

impl Probe {
    pub(crate) fn new(observers: usize) -> Self {
        Self::with_configs(observers, ObserverConfig::default(), JudgeConfig::default())
    }

    pub(crate) fn with_configs(observers: usize, observer: ObserverConfig, judge: JudgeConfig) -> Self {
        Self {
            observers: (0..observers).map(|_| Observer::new(observer)).collect(),
            judge: Judge::new(judge),
            findings: Vec::new(),
            meter: Meter::new(MeterConfig::default()),
            clock: flow::Clock::default(),
            judged: 0,
        }
    }

    pub(crate) fn packet(&mut self, packet: &Packet<'_>) {
        let clock = self.clock.advance(packet.timestamp);
        let (source, destination) = (packet.ip.source, packet.ip.destination);
        let pair = u128::from_be_bytes(source.0) ^ u128::from_be_bytes(destination.0);
        let shard = pair % 0xffff_fffb % self.observers.len() as u128;
        if let Some(placement) = place(&mut self.meter, packet, clock) {
            self.observers[usize::try_from(shard).unwrap()].segment(packet, &placement);
        }
        if clock.seconds() != self.judged {
            self.judged = clock.seconds();
            self.tell(clock);
        }
    }

    fn tell(&mut self, clock: Timestamp) {
        for observer in &mut self.observers {
            observer.advance(clock);
        }
        self.collect();
        self.judge.advance(clock, &mut self.findings);
    }

    fn collect(&mut self) {
        for observer in &mut self.observers {
            while let Some(second) = observer.take() {
                self.judge.add(second);
            }
        }
    }

    pub(crate) fn close(&mut self) -> Vec<Finding> {
        self.observers.iter_mut().for_each(Observer::close);
        self.collect();
        self.judge.close(&mut self.findings);
        std::mem::take(&mut self.findings)
    }
}

/// All findings of some packets, which are brought in order.
pub(crate) fn findings(packets: Vec<Packet<'static>>) -> Vec<Finding> {
    let packets = in_order(packets);
    let [one, three] = [1, 3].map(|observers| watched(Probe::new(observers), &packets));
    assert_eq!(three, one, "three observers do not say what one says");
    one
}

/// The same of one observer with such bounds.
pub(crate) fn findings_with(config: ObserverConfig, packets: Vec<Packet<'static>>) -> Vec<Finding> {
    watched(Probe::with_configs(1, config, JudgeConfig::default()), &in_order(packets))
}

fn in_order(mut packets: Vec<Packet<'static>>) -> Vec<Packet<'static>> {
    packets.sort_by_key(|packet| packet.timestamp);
    packets
}

fn watched(mut probe: Probe, packets: &[Packet<'static>]) -> Vec<Finding> {
    for packet in packets {
        probe.packet(packet);
    }
    probe.close()
}

/// The severest finding of a kind.
pub(crate) fn severest(findings: &[Finding], kind: Kind) -> Option<Severity> {
    findings.iter().filter(|finding| finding.kind == kind).map(|finding| finding.severity).max()
}

pub(crate) fn started(findings: &[Finding], kind: Kind) -> Option<&Finding> {
    findings.iter().find(|finding| finding.kind == kind && finding.phase == Phase::Started)
}

pub(crate) fn value(finding: &Finding, name: &str) -> f64 {
    let value = finding.evidence.iter().find(|one| one.name == name).and_then(|one| one.value.number());
    value.unwrap_or_else(|| panic!("no {name}"))
}
