use detect::rdp::{ClientData, ConnectionConfirm, LogonSeen, Observation, TlsClient};
use serde::Serialize;

use super::values::{Destination, Head, Source, Text};
use crate::moment::Moment;

/// The line of a remote desktop connection whose logon is over.
pub(super) fn line<'a>(observation: &'a Observation, seen: &'a LogonSeen) -> impl Serialize + 'a {
    let (client, server) = (observation.client, observation.server);
    RdpLine {
        head: Head {
            timestamp: Moment(observation.time),
            flow_id: Some(observation.flow.0),
            event_type: "rdp",
            source: Some(Source { src_ip: client.address, src_port: Some(client.port) }),
            destination: Some(Destination { dest_ip: server.address, dest_port: Some(server.port) }),
        },
        proto: "TCP",
        rdp: RdpObject::from(seen),
    }
}

#[derive(Serialize)]
struct RdpLine<'a> {
    #[serde(flatten)]
    head: Head,
    proto: &'static str,
    rdp: RdpObject<'a>,
}

#[derive(Serialize)]
struct RdpObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_token: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_protocols: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    negotiation_failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<ClientObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    outcome: &'static str,
    reason: String,
    opened: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_ms: Option<u32>,
    server_octets: u64,
}

impl<'a> From<&'a LogonSeen> for RdpObject<'a> {
    fn from(seen: &'a LogonSeen) -> Self {
        let described = &*seen.description;
        let request = described.request.as_ref();
        let (selected, failure) = match described.confirm {
            None => (None, None),
            // A server that says nothing of protocols has chosen the first there was.
            Some(ConnectionConfirm::Bare) => (Some("rdp".to_owned()), None),
            Some(ConnectionConfirm::Selected { protocol, .. }) => (Some(protocol.to_string()), None),
            Some(ConnectionConfirm::Failure(code)) => (None, Some(code.to_string())),
        };
        Self {
            cookie: request.and_then(|request| request.cookie.as_deref()).map(Text),
            routing_token: request.and_then(|request| request.routing_token.as_deref()).map(Text),
            requested_protocols: seen.requested.map(|protocols| protocols.to_string()),
            selected_protocol: selected,
            negotiation_failure: failure,
            client: described.client_data.as_ref().map(ClientObject::from),
            tls: TlsObject::new(described.tls_client.as_ref(), described.tls_version),
            tool: seen.tool.map(detect::rdp::Tool::name),
            outcome: seen.logon.outcome.name(),
            reason: seen.logon.reason.to_string(),
            opened: Moment(seen.opened),
            pause_ms: seen.logon.pause_ms,
            server_octets: seen.server_octets,
        }
    }
}

/// What the client says of itself.
#[derive(Serialize)]
struct ClientObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Text<'a>>,
    build: u32,
    version: String,
    keyboard_layout: String,
    desktop_width: u16,
    desktop_height: u16,
    channels: Vec<Text<'a>>,
}

impl<'a> From<&'a ClientData> for ClientObject<'a> {
    fn from(data: &'a ClientData) -> Self {
        Self {
            name: Some(data.client_name.as_str()).filter(|name| !name.is_empty()).map(Text),
            build: data.client_build,
            version: format!("{:#010x}", data.version),
            keyboard_layout: format!("{:#010x}", data.keyboard_layout),
            desktop_width: data.desktop_width,
            desktop_height: data.desktop_height,
            channels: data.channels.iter().map(|channel| Text(channel)).collect(),
        }
    }
}

#[derive(Serialize)]
struct TlsObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

impl<'a> TlsObject<'a> {
    fn new(client: Option<&'a TlsClient>, version: Option<u16>) -> Option<Self> {
        (client.is_some() || version.is_some()).then(|| Self {
            ja4: client.map(|client| Text(&client.ja4)),
            sni: client.and_then(|client| client.server_name.as_deref()).map(Text),
            version: version.map(tls_version),
        })
    }
}

/// The names of RFC 8446, 4.2.1 and its predecessors.
fn tls_version(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", version - 0x0301),
        other => format!("{other:#06x}"),
    }
}
