use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::backlog::{Backlog, OnWay, Origin};
use crate::output::parcel::Parcel;

/// What the caller's thread and the sender's share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something has come, or it is to end.
    pub(super) for_sender: Condvar,
    /// Something was confirmed, or it has ended.
    for_caller: Condvar,
}

pub(super) struct State {
    pub(super) backlog: Backlog,
    /// How often something was confirmed.
    pub(super) progress: u64,
    pub(super) stage: Stage,
    /// There is a connection.
    pub(super) is_talking: bool,
    /// To which of several collectors it is, or was last.
    collector: Option<String>,
    /// The thread has ended, or will without touching anything.
    pub(super) is_finished: bool,
}

/// What is expected of the sender.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// More may come.
    Open,
    /// Nothing more will come.
    Closing,
    /// Nobody waits any longer.
    GivenUp,
}

impl State {
    /// Whether nothing is left to be done, or nobody wants it done.
    pub(super) fn is_over(&self) -> bool {
        match self.stage {
            Stage::Open => false,
            Stage::Closing => self.backlog.is_empty(),
            Stage::GivenUp => true,
        }
    }
}

impl Shared {
    pub(super) fn new(backlog: Backlog) -> Self {
        Self {
            state: Mutex::new(State {
                backlog,
                progress: 0,
                stage: Stage::Open,
                is_talking: false,
                collector: None,
                is_finished: false,
            }),
            for_sender: Condvar::new(),
            for_caller: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is confirmed, or it has ended, or for `time` at most.
    pub(super) fn wait_for_progress<'a>(
        &self,
        state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        let (seen, was_talking) = (state.progress, state.is_talking);
        let is_as_before = |state: &mut State| {
            state.progress == seen
                && !state.is_finished
                && (state.is_talking || !was_talking || state.stage != Stage::GivenUp)
        };
        self.for_caller
            .wait_timeout_while(state, time, is_as_before)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Whether nothing is left to be done, or nobody wants it done.
    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.lock().stage == Stage::GivenUp
    }

    /// There is a connection; to which of several collectors, if there are several. `false` if nobody waits for it any more.
    pub(super) fn begin(&self, collector: Option<&str>) -> bool {
        let mut state = self.lock();
        if state.stage == Stage::GivenUp {
            return false;
        }
        if !state.is_talking || state.collector.as_deref() != collector {
            state.is_talking = true;
            state.collector = collector.map(ToOwned::to_owned);
            state.backlog.connect(collector);
        }
        true
    }

    pub(super) fn next(&self) -> Option<(Parcel, Origin)> {
        self.lock().backlog.next()
    }

    pub(super) fn confirm(&self, confirmed: impl Iterator<Item = OnWay>) {
        let mut state = self.lock();
        state.backlog.confirm(confirmed);
        state.progress += 1;
        drop(state);
        self.for_caller.notify_all();
    }

    /// There is no connection any more, or none yet; what was on its way comes back.
    pub(super) fn leave(&self, on_way: Vec<(Parcel, Origin)>, reason: Option<&io::Error>) {
        let mut state = self.lock();
        if state.is_talking {
            state.backlog.disconnect(on_way.into_iter());
        }
        state.is_talking = false;
        if let Some(reason) = reason.filter(|_| state.stage != Stage::GivenUp) {
            state.backlog.tell_away(reason.to_string());
        }
        drop(state);
        self.for_caller.notify_all();
    }

    pub(super) fn finish(&self) {
        self.lock().is_finished = true;
        self.for_caller.notify_all();
    }

    /// Waits for something to send, for `time` at most.
    pub(super) fn wait_for_parcels(&self, time: Duration) {
        let state = self.lock();
        if state.stage != Stage::GivenUp {
            drop(self.for_sender.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits for `time`, or until nobody waits any more.
    pub(super) fn pause(&self, time: Duration) {
        let goes_on = |state: &mut State| !state.is_over();
        let state = self.lock();
        drop(
            self.for_sender.wait_timeout_while(state, time, goes_on).unwrap_or_else(PoisonError::into_inner),
        );
    }
}
