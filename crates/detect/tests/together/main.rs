//! All observers and judges together, over whole captures: what they say, and that it does not depend on how packets are shared out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its setting fails")]

mod conversation;
mod listening;
mod story;

use std::path::Path;

use capture::{Batch, CaptureReader, Fill};
use detect::{
    Judge, JudgeConfig, Observation, Statement,
    observe::{Observer, ObserverConfig},
};
use flow::{Clock, FlowRecord, Meter, MeterConfig, Placed, ShardMap};
use wire::Timestamp;

/// A worker as the probe has it.
struct Worker {
    meter: Meter,
    observer: Observer,
}

/// What workers, so many of them, and the judges say of a capture.
fn statements(path: &Path, workers: u16) -> Vec<Statement> {
    let (observations, records) = observe(path, workers);
    let mut judge = Judge::new(JudgeConfig::default());
    let mut statements = Vec::new();
    let mut say = |statement| statements.push(statement);
    let mut records = records.iter().peekable();
    for observation in observations {
        while let Some(record) = records.next_if(|record| record.ended < observation.time()) {
            judge.record(record, &mut say);
        }
        judge.observe(observation, &mut say);
    }
    records.for_each(|record| judge.record(record, &mut say));
    judge.close(&mut say);
    statements
}

/// Observations and records of all workers, each in order.
fn observe(path: &Path, workers: u16) -> (Vec<Observation>, Vec<FlowRecord>) {
    let mut reader = CaptureReader::open(path).unwrap();
    let (mut batch, mut clock, mut shards) = (Batch::new(), Clock::default(), ShardMap::new(workers));
    let worker = |_| Worker {
        meter: Meter::new(MeterConfig::default()),
        observer: Observer::new(ObserverConfig::default()),
    };
    let mut workers: Vec<_> = (0..workers).map(worker).collect();
    let (mut observations, mut records) = (Vec::new(), Vec::new());
    // Damage ends a capture; what came before it counts.
    while let Ok(Fill::Frames) = reader.fill(&mut batch) {
        for frame in batch.frames() {
            let now = clock.advance(frame.timestamp);
            let Ok(packet) = wire::decode(&frame) else { continue };
            let Worker { meter, observer } = &mut workers[usize::from(shards.shard(&packet, now).0)];
            if let Placed::InFlow(placement) = meter.place(&packet, now) {
                let accounted = meter.account(&packet, &placement);
                observer.packet(&packet, &placement, accounted, meter);
            }
            if meter.advance(now) {
                observer.take_before(now, &mut observations);
                while meter.take_records(&mut records, usize::MAX) {}
            }
        }
    }
    for Worker { meter, observer } in &mut workers {
        meter.close(clock.now());
        observer.close(clock.now(), &mut observations);
        while meter.take_records(&mut records, usize::MAX) {}
    }
    observations.sort_by_key(Observation::order);
    records.sort_by(|one, other| one.order().cmp(&other.order()));
    assert!(observations.iter().all(|observation| observation.time() <= Timestamp::MAX));
    (observations, records)
}
