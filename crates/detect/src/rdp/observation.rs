use std::time::Duration;

use flow::{Endpoint, FlowId};
use wire::Timestamp;

use super::{Connection, ConnectionConfirm, Description, Fact, Logon, SecurityProtocols, Tool};
use crate::tls::Ja4;

/// A [`Fact`] with the connection that it is about, for the judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The packet that showed it.
    pub time: Timestamp,
    /// The connection's flow.
    pub flow: FlowId,
    /// Who connects.
    pub client: Endpoint,
    /// To whom.
    pub server: Endpoint,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen of a connection, as far as a judge looks at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// The server answered the connection request.
    Answered(ConnectionConfirm),
    /// The client asks for the channel `MS_T120`.
    AskedForMsT120 {
        /// What the client calls itself.
        client_name: String,
        /// Its build number.
        client_build: u32,
    },
    /// A logon is over, or a session has begun.
    Logon(LogonSeen),
}

/// A logon with what makes logons alike.
#[derive(Clone, Debug, PartialEq)]
pub struct LogonSeen {
    /// How it ended, and why that is said.
    pub logon: Logon,
    /// When the connection's first octets were seen.
    pub opened: Timestamp,
    /// The name in the cookie, if there was one.
    pub user: Option<String>,
    /// What the client asked for.
    pub requested: Option<SecurityProtocols>,
    /// The fingerprint of the client's TLS.
    pub ja4: Option<Ja4>,
    /// What the client gives itself away as.
    pub tool: Option<Tool>,
    /// Octets from the server after the security protocol was set up.
    pub server_octets: u64,
    /// What the client said then, in records or PDUs.
    pub client_records: u32,
    /// All that the connection said of itself.
    pub description: Box<Description>,
}

impl LogonSeen {
    /// From the first octets to `end`.
    pub(super) fn lasted(&self, end: Timestamp) -> Duration {
        end - self.opened
    }
}

impl Observation {
    /// What a fact of a connection is to the judge.
    pub fn new(
        time: Timestamp,
        flow: FlowId,
        client: Endpoint,
        server: Endpoint,
        fact: Fact,
        connection: &Connection,
    ) -> Self {
        let description = connection.description();
        let seen = match fact {
            Fact::Answered(confirm) => Seen::Answered(confirm),
            Fact::AskedForMsT120 => {
                let data = description.client_data.clone().unwrap_or_default();
                Seen::AskedForMsT120 { client_name: data.client_name, client_build: data.client_build }
            }
            Fact::Logon(logon) => Seen::Logon(LogonSeen {
                logon,
                opened: connection.opened().unwrap_or(time),
                user: description.request.as_ref().and_then(|request| request.cookie.clone()),
                requested: description.request.as_ref().and_then(|request| request.protocols),
                ja4: description.tls_client.as_ref().map(|client| client.ja4),
                tool: description.tool,
                server_octets: connection.records().server.octets,
                client_records: connection.records().client.records,
                description: Box::new(description.clone()),
            }),
        };
        Self { time, flow, client, server, seen }
    }
}
