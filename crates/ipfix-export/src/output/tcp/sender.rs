use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    io, thread,
    time::Duration,
};

use super::{
    backlog::{OnWay, Origin},
    collectors::{Collectors, Connected, LookOut},
    connection::Connection,
    shared::Shared,
};
use crate::output::{outgoing::Outgoing, parcel::Parcel};

/// The thread behind an output: it keeps a connection, and sends over it what waits.
pub(super) struct Sender<'a> {
    shared: &'a Shared,
    collectors: Collectors,
    maximum_message: u16,
    /// A connection to a collector that is preferred to the one in use.
    better: Option<Connected>,
    /// A parcel that needs a new session.
    held: Option<(Parcel, Origin)>,
    pauses: Pauses,
}

/// How a connection came to its end.
enum End {
    /// All was sent and confirmed, and nothing more will come.
    Done,
    /// Nobody wants to wait any longer.
    GivenUp,
    /// A parcel needs a new session, or there is a better collector.
    Renew,
}

/// A connection and what goes over it.
struct Talk {
    connection: Connection,
    outgoing: Outgoing,
    on_way: VecDeque<OnWay>,
    look_out: Option<LookOut>,
    /// Moments that it may yet take to end, once there is a better connection.
    ending_moments: u32,
}

impl<'a> Sender<'a> {
    pub(super) fn new(shared: &'a Shared, collectors: Collectors, maximum_message: u16) -> Self {
        Self { shared, collectors, maximum_message, better: None, held: None, pauses: Pauses::default() }
    }

    /// Connects and sends until it is over.
    pub(super) fn run(mut self) {
        while !self.shared.is_over() {
            let connected = match self.better.take() {
                Some(better) => Ok(better),
                None => self.collectors.connect(|| !self.shared.is_given_up()),
            };
            let outcome = match connected {
                Err(error) => Err(error),
                Ok((place, _)) if !self.shared.begin(self.collectors.name(place)) => break,
                Ok(connected) => self.session(connected),
            };
            match outcome {
                Ok(End::Renew) => {}
                Ok(End::Done | End::GivenUp) => break,
                Err(error) => {
                    // If it was connected only to renew the session, there is something in hand.
                    self.shared.leave(self.held.take().into_iter().collect(), Some(&error));
                    self.shared.pause(self.pauses.next());
                }
            }
        }
        self.shared.leave(self.held.take().into_iter().collect(), None);
        self.shared.finish();
    }

    /// Sends over one connection. What is not confirmed then goes back, unless there will be another connection at once.
    fn session(&mut self, (place, connection): Connected) -> io::Result<End> {
        let mut talk = Talk {
            connection,
            outgoing: Outgoing::session(self.maximum_message),
            on_way: VecDeque::new(),
            look_out: self.collectors.look_out(place),
            ending_moments: ENDING_MOMENTS,
        };
        let end = self.talk(&mut talk).map_err(|error| self.collectors.note_broken(place, error));
        if end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionAborted) {
            self.hear_out(&mut talk);
        }
        let confirmed = talk.connection.last_acknowledged();
        self.confirm(&mut talk, confirmed);
        if !talk.on_way.is_empty() {
            talk.connection.break_off();
        }
        if !matches!(end, Ok(End::Renew)) {
            let on_way = talk.on_way.into_iter().map(|on_way| (on_way.parcel, on_way.origin));
            self.shared.leave(on_way.chain(self.held.take()).collect(), end.as_ref().err());
        }
        end
    }

    /// Sends over one connection until its end.
    fn talk(&mut self, talk: &mut Talk) -> io::Result<End> {
        loop {
            let is_idle = !self.fill(talk)?;
            talk.connection.push()?;
            let heard = talk.connection.listen();
            let confirmed = talk.connection.acknowledged()?;
            self.confirm(talk, confirmed);
            heard?;
            if self.shared.is_given_up() {
                return Ok(End::GivenUp);
            }
            self.look_out(talk)?;
            let is_to_end = self.held.is_some() || self.better.is_some();
            if talk.on_way.is_empty() && talk.connection.waiting() == 0 {
                let is_over = self.held.is_none() && self.shared.is_over();
                if is_over || is_to_end {
                    Self::part(talk)?;
                    return Ok(if is_over { End::Done } else { End::Renew });
                }
            }
            if talk.connection.waiting() > 0 {
                talk.connection.wait(MOMENT);
            } else if is_idle || is_to_end {
                self.shared.wait_for_parcels(MOMENT);
            }
        }
    }

    /// Sees whether there is a better connection. Then this one ends when all that is on its way is confirmed, for which it has a while.
    fn look_out(&mut self, talk: &mut Talk) -> io::Result<()> {
        if self.better.is_none() {
            self.better = talk.look_out.as_ref().and_then(LookOut::found);
            return Ok(());
        }
        match talk.ending_moments.checked_sub(1) {
            Some(left) => talk.ending_moments = left,
            None => return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not take any more")),
        }
        Ok(())
    }

    /// The other side has ended the connection. It may still read what was sent before, and then confirms it.
    fn hear_out(&mut self, talk: &mut Talk) {
        let (mut before, mut quiet_moments) = (0, 0);
        while quiet_moments < PARTING_MOMENTS {
            let Ok(octets) = talk.connection.acknowledged() else { return };
            self.confirm(talk, octets);
            if talk.on_way.is_empty() || !talk.connection.is_open() || self.shared.is_given_up() {
                return;
            }
            quiet_moments = if octets == before { quiet_moments + 1 } else { 0 };
            before = octets;
            thread::sleep(MOMENT);
        }
    }

    /// Puts on its way what the connection takes. `false` if nothing waits.
    fn fill(&mut self, talk: &mut Talk) -> io::Result<bool> {
        let mut has_filled = false;
        while talk.connection.waiting() < AHEAD {
            let next = match self.held.take_if(|_| talk.on_way.is_empty() && talk.outgoing.is_new()) {
                Some(held) => Some(held),
                None if self.held.is_some() || self.better.is_some() => None,
                None => self.shared.next(),
            };
            let Some((parcel, origin)) = next else { break };
            if talk.outgoing.is_at_odds_with(&parcel) {
                self.held = Some((parcel, origin));
                break;
            }
            has_filled = true;
            let (mut end, mut octets, mut messages) = (0, 0, 0);
            let (mut data_records, mut type_records, mut template_records) = (0, 0, 0);
            let mut outcome = Ok(());
            for ready in talk.outgoing.pack(&parcel) {
                match talk.connection.put(&ready.octets) {
                    Ok(place) => end = place,
                    Err(error) => {
                        (end, outcome) = (u64::MAX, Err(error));
                        break;
                    }
                }
                messages += 1;
                octets += u64::try_from(ready.octets.len()).unwrap_or(u64::MAX);
                data_records += u64::from(ready.data_records);
                type_records += u64::from(ready.type_records);
                template_records += u64::from(ready.template_records);
            }
            talk.on_way.push_back(OnWay {
                parcel,
                origin,
                end,
                messages,
                octets,
                data_records,
                type_records,
                template_records,
            });
            outcome?;
        }
        Ok(has_filled)
    }

    /// Notes which parcels have been confirmed.
    fn confirm(&mut self, talk: &mut Talk, octets: u64) {
        let confirmed = talk.on_way.partition_point(|on_way| on_way.end <= octets);
        if confirmed > 0 {
            self.pauses = Pauses::default();
            self.shared.confirm(talk.on_way.drain(..confirmed));
        }
    }

    /// Ends a connection over which all has gone, and waits a little for the other side to end it too: so it has read everything.
    fn part(talk: &mut Talk) -> io::Result<()> {
        talk.connection.end_of_messages()?;
        for _ in 0..PARTING_MOMENTS {
            talk.connection.wait(MOMENT);
            if talk.connection.listen().is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// How long to wait before connecting again: longer each time, and never quite the same, so that many exporters do not come at once.
#[derive(Debug, Default)]
struct Pauses {
    taken: u32,
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let whole = FIRST_PAUSE.saturating_mul(1 << self.taken.min(16)).min(LONGEST_PAUSE);
        self.taken += 1;
        // A number that is another one each time, without a clock.
        let part = u32::try_from(RandomState::new().hash_one(self.taken) % 1_024).unwrap_or(0);
        whole / 2 + whole / 2 * part / 1_024
    }
}

/// How long nothing may happen without being noticed.
const MOMENT: Duration = Duration::from_millis(50);
/// Octets that wait for the socket, at most, beside a message.
const AHEAD: usize = 256 * 1024;
/// Some ten seconds.
const ENDING_MOMENTS: u32 = 200;
/// Half a second.
const PARTING_MOMENTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let mut pauses = Pauses::default();
        let taken: Vec<_> = (0..20).map(|_| pauses.next()).collect();
        assert!(taken[0] >= FIRST_PAUSE / 2 && taken[0] <= FIRST_PAUSE, "{taken:?}");
        assert!(taken[19] >= LONGEST_PAUSE / 2 && taken[19] <= LONGEST_PAUSE, "{taken:?}");
        assert_ne!(taken[18], taken[19], "{taken:?}");
    }
}
