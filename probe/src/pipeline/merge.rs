use std::collections::VecDeque;

use application::Application;
use crossbeam_channel::Sender;
use detect::Observation;
use flow::FlowRecord;
use wire::Timestamp;

use super::{Backlog, Delivery, RecordBatch};

/// Brings what all workers deliver in one order: by time; observations before records of the same time; then by
/// [`Observation::order`] and [`FlowRecord::order`], in which each worker delivers its own.
#[derive(Debug)]
pub(crate) struct Merge {
    lanes: Vec<Lane>,
    backlog: Backlog,
}

/// Something whose turn has come.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Observation(Observation),
    /// With the application of its flow, as far as it is known.
    Record(&'a FlowRecord, Option<&'a Application>),
}

/// What a worker has delivered and nobody has taken yet.
#[derive(Debug)]
struct Lane {
    observations: VecDeque<Observation>,
    batches: VecDeque<RecordBatch>,
    watermark: Timestamp,
    passed_on: Sender<RecordBatch>,
}

/// Which of its two first things a lane has to pass on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    Observation(usize),
    Record(usize),
}

impl Merge {
    /// A merge of as many workers as there are places to return batches to.
    pub(crate) fn new(passed_on: Vec<Sender<RecordBatch>>, backlog: Backlog) -> Self {
        let lane = |passed_on| Lane {
            observations: VecDeque::new(),
            batches: VecDeque::new(),
            watermark: Timestamp::ZERO,
            passed_on,
        };
        Self { lanes: passed_on.into_iter().map(lane).collect(), backlog }
    }

    /// Takes in a delivery, and gives `each` what has its turn now.
    pub(crate) fn take(&mut self, delivery: Delivery, mut each: impl FnMut(Item<'_>)) {
        let Some(lane) = self.lanes.get_mut(delivery.worker) else { return };
        lane.watermark = lane.watermark.max(delivery.watermark);
        lane.observations.extend(delivery.observations);
        if delivery.batch.records.is_empty() {
            lane.give_back(delivery.batch);
        } else {
            lane.batches.push_back(delivery.batch);
        }
        while let Some(turn) = self.next_turn() {
            match turn {
                Turn::Observation(lane) => {
                    let lane = self.lanes.get_mut(lane);
                    if let Some(observation) = lane.and_then(|lane| lane.observations.pop_front()) {
                        self.backlog.remove(1);
                        each(Item::Observation(observation));
                    }
                }
                Turn::Record(lane) => {
                    if let Some(lane) = self.lanes.get_mut(lane) {
                        lane.pass_record(&mut each, &self.backlog);
                    }
                }
            }
        }
    }

    /// Everything before this time has been given.
    pub(crate) fn watermark(&self) -> Timestamp {
        self.lanes.iter().map(|lane| lane.watermark).min().unwrap_or_default()
    }

    /// The first thing of all, if no lane can still deliver an earlier one.
    fn next_turn(&self) -> Option<Turn> {
        let observations =
            self.lanes.iter().enumerate().filter_map(|(i, lane)| {
                lane.observations.front().map(|observation| (observation.order(), i))
            });
        let records = self
            .lanes
            .iter()
            .enumerate()
            .filter_map(|(i, lane)| lane.head().map(|record| (record.order(), i)));
        let observation = observations.min();
        let record = records.min();
        let (time, turn) = match (observation, record) {
            (Some((observed, _)), Some((cut, lane))) if cut.0 < observed.0 => (cut.0, Turn::Record(lane)),
            (Some((observed, lane)), _) => (observed.0, Turn::Observation(lane)),
            (None, Some((cut, lane))) => (cut.0, Turn::Record(lane)),
            (None, None) => return None,
        };
        // A lane that has ended says so by the last moment there is, at which records may end, too.
        let may_pass =
            |lane: &Lane| lane.head().is_some() || time < lane.watermark || lane.watermark == Timestamp::MAX;
        self.lanes.iter().all(may_pass).then_some(turn)
    }
}

impl Lane {
    fn head(&self) -> Option<&FlowRecord> {
        self.batches.front()?.head()
    }

    /// Hands on the first record, and gives its batch back if that was the last one in it.
    fn pass_record(&mut self, each: &mut impl FnMut(Item<'_>), backlog: &Backlog) {
        if let Some((record, application)) = self.batches.front_mut().and_then(RecordBatch::pass) {
            each(Item::Record(record, application));
        }
        if self.head().is_none()
            && let Some(batch) = self.batches.pop_front()
        {
            backlog.remove(batch.records.len());
            self.give_back(batch);
        }
    }

    fn give_back(&self, batch: RecordBatch) {
        // A worker that has ended needs it no more.
        self.passed_on.send(batch).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use application::Dns;
    use crossbeam_channel::{Receiver, unbounded};
    use flow::{Direction, DirectionReason, EndReason, FlowId, FlowKey, Side};
    use wire::{Address, Ip, Link, Packet, Transport};

    use super::*;

    /// A record that ended so many nanoseconds after the beginning of time.
    fn record(ended: u64, id: u64) -> FlowRecord {
        let address = Address::from_v4([10, 0, 0, 1]);
        let ip = Ip { source: address, destination: address, version: 4, ..Ip::default() };
        let packet = Packet {
            timestamp: Timestamp::ZERO,
            interface: 0,
            link: Link::default(),
            segment: None,
            ip,
            transport: Transport::Other,
            payload: &[],
            payload_offset: 0,
            carrier: None,
        };
        FlowRecord {
            ended: Timestamp::from_nanos(ended),
            opened: Timestamp::from_nanos(id),
            id: FlowId(id),
            key: FlowKey::of(&packet).0,
            initiator: Side::Low,
            direction_reason: DirectionReason::FirstSeen,
            end_reason: EndReason::IdleTimeout,
            second_mark: 0,
            is_one_way: false,
            is_sampled: false,
            forward: Direction::default(),
            reverse: Direction::default(),
            details: None,
        }
    }

    fn merge(lanes: usize) -> (Merge, Vec<Receiver<RecordBatch>>, Backlog) {
        let (passed_on, returned) = (0..lanes).map(|_| unbounded()).unzip();
        let backlog = Backlog::default();
        (Merge::new(passed_on, backlog.clone()), returned, backlog)
    }

    /// The identifiers of the records whose turn it is after a delivery.
    fn passed(merge: &mut Merge, worker: usize, records: &[FlowRecord], watermark: Timestamp) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut batch = RecordBatch::with_capacity(records.len());
        batch.records.extend_from_slice(records);
        // Those with an odd identifier have an application.
        batch.tell(|record| (record.id.0 % 2 == 1).then(|| Arc::new(Application::Dns(Dns::default()))));
        merge.take(Delivery { worker, observations: Vec::new(), batch, watermark }, |item| {
            if let Item::Record(record, application) = item {
                assert_eq!(application.is_some(), record.id.0 % 2 == 1, "{record:?}");
                ids.push(record.id.0);
            }
        });
        ids
    }

    #[test]
    fn a_record_waits_until_no_worker_can_have_an_earlier_one() {
        let (mut merge, returned, _) = merge(2);
        let at = Timestamp::from_nanos;
        assert_eq!(passed(&mut merge, 0, &[record(5, 1), record(9, 2)], at(10)), Vec::<u64>::new());
        assert_eq!(passed(&mut merge, 1, &[], at(5)), Vec::<u64>::new(), "one that ends at 5 may still come");
        assert_eq!(passed(&mut merge, 1, &[record(7, 3)], at(8)), [1, 3]);
        assert_eq!(passed(&mut merge, 1, &[], at(10)), [2]);
        assert_eq!((returned[0].len(), returned[1].len()), (1, 3), "every batch comes back");
    }

    #[test]
    fn records_of_the_last_moment_pass_when_the_workers_have_ended() {
        let (mut merge, _, _) = merge(3);
        let last = record(u64::MAX, 1);
        assert_eq!(passed(&mut merge, 0, &[last], Timestamp::MAX), Vec::<u64>::new());
        assert_eq!(passed(&mut merge, 1, &[], Timestamp::MAX), Vec::<u64>::new());
        assert_eq!(passed(&mut merge, 2, &[record(3, 2)], Timestamp::MAX), [2, 1]);
    }

    #[test]
    fn what_has_passed_is_no_longer_in_the_backlog() {
        let (mut merge, _, backlog) = merge(1);
        let records = vec![record(1, 1); 1 << 16];
        backlog.add(records.len());
        assert!(backlog.is_large());
        assert_eq!(passed(&mut merge, 0, &records, Timestamp::MAX).len(), records.len());
        assert!(!backlog.is_large());
    }
}
