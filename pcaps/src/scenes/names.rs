//! A host asks its resolver for a name.

use std::{net::IpAddr, time::Duration};

use crate::{
    datagram,
    host::{Host, Path},
    protocol::dns::{self, Kind},
    recording::Recording,
};

/// A host and the resolver that it asks.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// Who asks.
    pub client: Host,
    /// Who answers, at port 53.
    pub resolver: Host,
}

impl Lookup {
    /// Asks for the IPv4 and then the IPv6 addresses of `name`, which has `addresses`; none mean that there
    /// is no such name.
    ///
    /// Returns when the last answer has passed the probe.
    pub fn resolve(
        &self,
        recording: &mut Recording,
        name: &str,
        addresses: &[IpAddr],
        at: Duration,
    ) -> Duration {
        let mut now = at;
        for kind in [Kind::A, Kind::Aaaa] {
            let id = u16::from_be_bytes(recording.random.array());
            let client = self.client.port(recording.random.client_port());
            let resolver = self.resolver.port(PORT);
            datagram::send(recording, Path::near(), client, resolver, now, &dns::query(id, name, kind));
            now += recording.random.time(Duration::from_micros(700), Duration::from_millis(38));
            let answer = if addresses.is_empty() {
                dns::name_error(id, name, kind)
            } else {
                dns::answer(id, name, kind, addresses, TIME_TO_LIVE_S)
            };
            datagram::send(recording, Path::near(), resolver, client, now, &answer);
            now += Duration::from_micros(90);
        }
        now
    }
}

const PORT: u16 = 53;
const TIME_TO_LIVE_S: u32 = 300;
