use std::{
    io,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use super::{connection::Connection, endpoint::Endpoint, settings::TcpSettings};

/// The collectors that stand in for each other, the preferred one first.
#[derive(Debug)]
pub(super) struct Collectors {
    endpoints: Vec<Endpoint>,
    /// The one whose connection has broken last: it is tried after the others.
    broken: Option<usize>,
    return_after: Duration,
}

/// A connection, and the place of the collector that it is to.
pub(super) type Connected = (usize, Connection);

/// A look-out for collectors that are preferred to the one in use. It ends when this goes.
pub(super) struct LookOut {
    found: Receiver<Connected>,
    _goes_on: Sender<()>,
}

impl Collectors {
    pub(super) fn resolve(first: &str, settings: &TcpSettings) -> io::Result<Self> {
        let first = Endpoint::resolve(
            first,
            #[cfg(feature = "tls")]
            settings.tls.as_ref(),
        );
        let others = settings.fallbacks.iter().map(|fallback| {
            Endpoint::resolve(
                &fallback.collector,
                #[cfg(feature = "tls")]
                fallback.tls.as_ref(),
            )
        });
        let endpoints = [first].into_iter().chain(others).collect::<io::Result<_>>()?;
        Ok(Self { endpoints, broken: None, return_after: settings.return_after })
    }

    /// All of them, separated by commas.
    pub(super) fn names(&self) -> String {
        self.endpoints.iter().map(Endpoint::collector).collect::<Vec<_>>().join(", ")
    }

    /// The one at this place, if there are several.
    pub(super) fn name(&self, place: usize) -> Option<&str> {
        if self.endpoints.len() < 2 {
            return None;
        }
        self.endpoints.get(place).map(Endpoint::collector)
    }

    /// Connects to the first that takes a connection, as long as somebody `waits` for it. Takes some seconds for each address at most.
    pub(super) fn connect(&mut self, waits: impl Fn() -> bool) -> io::Result<Connected> {
        let broken = self.broken.filter(|_| self.endpoints.len() > 1);
        let order = (0..self.endpoints.len()).filter(|place| Some(*place) != broken).chain(broken);
        let mut failures = Vec::new();
        for place in order {
            let Some(endpoint) = self.endpoints.get_mut(place).filter(|_| waits()) else { break };
            match endpoint.connect() {
                Ok(connection) => return Ok((place, connection)),
                Err(error) => failures.push((place, error)),
            }
        }
        // With none preferred any more, they are tried in their order.
        self.broken = None;
        Err(self.explain(failures))
    }

    /// Notes that the connection to this one has broken, and says so.
    pub(super) fn note_broken(&mut self, place: usize, error: io::Error) -> io::Error {
        self.broken = Some(place);
        self.explain(vec![(place, error)])
    }

    /// Looks out for those that are preferred to the one at this place, if there are any.
    pub(super) fn look_out(&self, place: usize) -> Option<LookOut> {
        let preferred = self.endpoints.get(..place).filter(|preferred| !preferred.is_empty())?.to_vec();
        LookOut::new(preferred, self.return_after)
    }

    /// One error of several, each with the name of its collector if there are others.
    fn explain(&self, failures: Vec<(usize, io::Error)>) -> io::Error {
        let kind = failures.last().map_or(io::ErrorKind::NotConnected, |(_, error)| error.kind());
        let text = |(place, error): (usize, io::Error)| match self.name(place) {
            Some(name) => format!("{name}: {error}"),
            None => error.to_string(),
        };
        io::Error::new(kind, failures.into_iter().map(text).collect::<Vec<_>>().join("; "))
    }
}

impl LookOut {
    /// `None` if the system gives no thread; then the one in use stays.
    fn new(mut preferred: Vec<Endpoint>, pause: Duration) -> Option<Self> {
        let (find, found) = mpsc::channel();
        let (goes_on, has_ended) = mpsc::channel::<()>();
        let look = move || {
            while has_ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                for (place, endpoint) in preferred.iter_mut().enumerate() {
                    if let Ok(connection) = endpoint.connect() {
                        // If nobody looks out any more, it is closed again.
                        find.send((place, connection)).ok();
                        return;
                    }
                }
            }
        };
        thread::Builder::new().name("export-return".to_owned()).spawn(look).ok()?;
        Some(Self { found, _goes_on: goes_on })
    }

    /// A connection to a collector that is preferred, once there is one.
    pub(super) fn found(&self) -> Option<Connected> {
        self.found.try_recv().ok()
    }
}
