use std::time::Duration;

use wire::Timestamp;

use super::{
    ClientData, ConnectionConfirm, ConnectionRequest, Logon, Outcome, Reason, Record, RecordSummary,
    SecurityProtocols, Tool,
    finalization::Finalization,
    framing::{Framer, Grammar, Unit, UnitKind},
    mcs::{PDU_HEAD_OCTETS, Pdu},
    outcome::{self, Ending, Taken},
    x224::Message,
};
use crate::tls::{ALERT, APPLICATION_DATA, Carrier, ClientHello, HANDSHAKE, Ja4, ServerHello, TLS_1_3, ja4};

/// One TCP connection that may be RDP: takes the octets of both directions in order, and says what they are.
///
/// Where octets are missing, [`Self::gap`] says so; when a side closes, [`Self::closed`]; when nothing more will come,
/// [`Self::ended`]. After each of these, [`Self::next_fact`] tells what is new. How octets are cut into calls changes nothing, but for how
/// many are counted after a gap.
///
/// It holds at most [`MESSAGE_OCTETS`] of each direction, and nothing of them once the security protocol is set up.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Connection {
    recognition: Recognition,
    opened: Option<Timestamp>,
    client: Framer,
    server: Framer,
    has_gap: bool,
    description: Description,
    server_hello: Option<ServerHello>,
    /// Until then a client's TLS 1.3 records are its handshake, and the server's too.
    has_client_finished: bool,
    has_told_client_info: bool,
    has_client_alerted: bool,
    records: RecordSummary,
    finalization: Finalization,
    taken_at_octets: Option<u64>,
    news: News,
    logon: Option<Logon>,
}

/// Whether a connection is RDP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Recognition {
    /// What came so far could be something else too.
    #[default]
    Undecided,
    /// It is.
    Rdp,
    /// It is not; nothing will be said of it, and it can be let go.
    Other,
}

/// What a connection has said of itself so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Description {
    /// The client's first message, if it was seen.
    pub request: Option<ConnectionRequest>,
    /// The server's answer, if it was seen.
    pub confirm: Option<ConnectionConfirm>,
    /// What the client says of itself in the clear.
    pub client_data: Option<ClientData>,
    /// The client's TLS hello.
    pub tls_client: Option<TlsClient>,
    /// The version that the server chose: 0x0303 is TLS 1.2.
    pub tls_version: Option<u16>,
    /// The program that connects, if it gives itself away.
    pub tool: Option<Tool>,
}

/// What the client's TLS hello says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsClient {
    /// Its fingerprint.
    pub ja4: Ja4,
    /// The name that it looks for: usually that of the server.
    pub server_name: Option<String>,
    /// The highest version that it offers.
    pub version: u16,
}

/// Something new about a connection. [`Connection::description`] has the rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fact {
    /// The server answered the connection request.
    Answered(ConnectionConfirm),
    /// The client has told of itself in the clear, and asks for the channel of CVE-2019-0708.
    AskedForMsT120,
    /// The logon is over, or a session has begun. The last fact of a connection, which can be let go then; every one has one.
    Logon(Logon),
}

#[derive(Clone, Copy, Debug, Default)]
struct News {
    answered: bool,
    asked_for_ms_t120: bool,
    logon: bool,
}

impl Connection {
    /// A connection of which nothing has been seen.
    pub fn new() -> Self {
        let mut connection = Self::default();
        connection.client.keep(MESSAGE_OCTETS);
        connection.server.keep(MESSAGE_OCTETS);
        connection
    }

    /// Takes the next octets of a direction.
    pub fn octets(&mut self, from_initiator: bool, time: Timestamp, octets: &[u8]) {
        let mut rest = octets;
        self.opened.get_or_insert(time);
        while self.recognition != Recognition::Other && self.logon.is_none() {
            let Some(unit) = self.framer(from_initiator).next(&mut rest) else { break };
            self.take_unit(from_initiator, time, unit);
        }
        if self.framer(from_initiator).is_lost() {
            self.take_unframed(from_initiator, time);
        }
    }

    /// Takes octets of which it is not known where units begin. How many there are may still tell a session.
    fn take_unframed(&mut self, from_client: bool, time: Timestamp) {
        let octets = self.framer(from_client).take_unframed();
        match self.recognition {
            Recognition::Undecided if !self.has_gap => self.recognition = Recognition::Other,
            Recognition::Rdp if self.has_gap && self.server_hello.is_some() && self.logon.is_none() => {
                self.records.count(from_client, octets, time);
                self.look_for_session(time);
            }
            _ => {}
        }
    }

    /// `missing` octets of a direction were sent and not captured.
    pub fn gap(&mut self, from_initiator: bool, missing: u64) {
        self.framer(from_initiator).gap(missing);
        self.has_gap |= self.framer(from_initiator).is_lost();
    }

    /// A side sent FIN, or RST if `reset`, after the octets that were given.
    pub fn closed(&mut self, from_initiator: bool, time: Timestamp, _reset: bool) {
        let ending = if from_initiator { Ending::Client } else { Ending::Server { by_alert: false } };
        self.conclude(time, ending);
    }

    /// Nothing more will be seen: the flow timed out, or the capture ends.
    pub fn ended(&mut self, time: Timestamp) {
        self.conclude(time, Ending::Silence);
    }

    /// Whether it is RDP, as far as that is known.
    pub fn recognition(&self) -> Recognition {
        self.recognition
    }

    /// What it has said of itself so far.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What was said after the security protocol was set up, until the logon was over.
    pub fn records(&self) -> &RecordSummary {
        &self.records
    }

    /// How the logon ended, once that is known.
    pub fn logon(&self) -> Option<Logon> {
        self.logon
    }

    /// The time of its first octets.
    pub fn opened(&self) -> Option<Timestamp> {
        self.opened
    }

    /// What is new since the last call.
    pub fn next_fact(&mut self) -> Option<Fact> {
        if self.recognition != Recognition::Rdp {
            return None;
        }
        if std::mem::take(&mut self.news.answered) {
            return self.description.confirm.map(Fact::Answered);
        }
        if std::mem::take(&mut self.news.asked_for_ms_t120) {
            return Some(Fact::AskedForMsT120);
        }
        let is_new = std::mem::take(&mut self.news.logon);
        self.logon.filter(|_| is_new).map(Fact::Logon)
    }

    fn framer(&mut self, from_client: bool) -> &mut Framer {
        if from_client { &mut self.client } else { &mut self.server }
    }

    fn take_unit(&mut self, from_client: bool, time: Timestamp, unit: Unit) {
        match unit.kind {
            UnitKind::Tls(kind) => self.take_tls(from_client, time, unit, kind),
            UnitKind::Tpkt if from_client && self.is_first(from_client) => self.take_request(),
            UnitKind::Tpkt if self.is_first(from_client) => self.take_confirm(),
            UnitKind::Tpkt | UnitKind::FastPath => self.take_pdu(from_client, time, unit),
        }
    }

    /// Is this the first unit of its direction? Those after it have a grammar of their own.
    fn is_first(&mut self, from_client: bool) -> bool {
        if from_client {
            self.description.request.is_none() && self.client.grammar() == Grammar::Opening
        } else {
            self.description.confirm.is_none() && self.server.grammar() == Grammar::Opening
        }
    }

    fn take_request(&mut self) {
        match ConnectionRequest::parse(self.client.head()) {
            Message::Rdp(request) => {
                self.recognition = Recognition::Rdp;
                self.description.request = Some(request);
            }
            Message::Bare => self.description.request = Some(ConnectionRequest::default()),
            Message::Other => return self.recognition = Recognition::Other,
        }
        self.look_for_tool();
    }

    fn take_confirm(&mut self) {
        let confirm = match ConnectionConfirm::parse(self.server.head()) {
            Message::Rdp(confirm) => {
                self.recognition = Recognition::Rdp;
                confirm
            }
            Message::Bare => ConnectionConfirm::Bare,
            // A client that RDP is certain of talks to something else.
            Message::Other if self.recognition == Recognition::Rdp => return,
            Message::Other => return self.recognition = Recognition::Other,
        };
        self.description.confirm = Some(confirm);
        self.news.answered = true;
        if let ConnectionConfirm::Failure(code) = confirm {
            self.state(Logon::new(Outcome::Refused, Reason::NegotiationFailure(code)));
        }
    }

    fn take_tls(&mut self, from_client: bool, time: Timestamp, unit: Unit, kind: u8) {
        if self.recognition != Recognition::Rdp {
            // Only a request with a negotiation in it leads to TLS.
            return self.recognition = Recognition::Other;
        }
        match kind {
            HANDSHAKE => self.take_handshake(from_client),
            ALERT => self.take_record(from_client, time, unit, true),
            APPLICATION_DATA if self.server_hello.is_some_and(|hello| hello.version >= TLS_1_3) => {
                self.take_tls_1_3(from_client, time, unit);
            }
            APPLICATION_DATA => self.take_record(from_client, time, unit, false),
            _ => {}
        }
    }

    fn take_handshake(&mut self, from_client: bool) {
        if from_client && self.description.tls_client.is_none() {
            if let Some(hello) = ClientHello::parse(self.client.head()) {
                self.description.tls_client = Some(TlsClient {
                    ja4: ja4(&hello, Carrier::Tcp),
                    version: hello.version(),
                    server_name: hello.server_name.map(|name| String::from_utf8_lossy(name).into_owned()),
                });
                self.look_for_tool();
            }
            self.client.keep(0);
        } else if !from_client && self.server_hello.is_none() {
            self.server_hello = ServerHello::parse(self.server.head());
            self.description.tls_version = self.server_hello.map(|hello| hello.version);
            self.server.keep(0);
        }
    }

    /// In TLS 1.3 handshake and alerts look like application data: the client's first record ends the handshake, and an alert has
    /// two octets (RFC 8446, 6).
    fn take_tls_1_3(&mut self, from_client: bool, time: Timestamp, unit: Unit) {
        let is_alert =
            self.server_hello.is_some_and(|hello| hello.content_of(unit.octets).at_most <= ALERT_OCTETS);
        if is_alert || self.has_client_finished {
            self.take_record(from_client, time, unit, is_alert);
        }
        self.has_client_finished |= from_client;
    }

    fn take_pdu(&mut self, from_client: bool, time: Timestamp, unit: Unit) {
        self.framer(from_client).is_standard();
        if from_client {
            match Pdu::of(self.client.head()) {
                Pdu::ConnectInitial => self.take_client_data(),
                Pdu::ClientInfo => self.has_told_client_info = true,
                Pdu::Other => {}
            }
        }
        self.framer(from_client).keep(PDU_HEAD_OCTETS);
        if self.recognition == Recognition::Undecided && from_client {
            return self.recognition = Recognition::Other;
        }
        self.take_record(from_client, time, unit, false);
    }

    fn take_client_data(&mut self) {
        let Some(data) = ClientData::parse(self.client.head()) else { return };
        self.recognition = Recognition::Rdp;
        self.news.asked_for_ms_t120 = data.asks_for_ms_t120();
        self.description.client_data = Some(data);
        self.look_for_tool();
    }

    fn look_for_tool(&mut self) {
        let Description { request, client_data, tls_client, .. } = &self.description;
        let ja4 = tls_client.as_ref().map(|client| client.ja4.as_str());
        self.description.tool = Tool::of(request.as_ref(), client_data.as_ref(), ja4);
    }

    fn take_record(&mut self, from_client: bool, time: Timestamp, unit: Unit, is_alert: bool) {
        let octets = u16::try_from(unit.octets).unwrap_or(u16::MAX);
        let offset_ms = self.offset_ms(time);
        self.records.push(Record { from_client, is_alert, octets, offset_ms }, time);
        self.has_client_alerted |= is_alert && from_client;
        if is_alert && !from_client {
            return self.conclude(time, Ending::Server { by_alert: true });
        }
        if let (false, Some(hello)) = (from_client, self.server_hello) {
            self.finalization.take(hello.content_of(unit.octets));
        }
        self.look_for_session(time);
    }

    fn look_for_session(&mut self, time: Timestamp) {
        let lasted = Duration::from_millis(self.offset_ms(time).into());
        let reason = if self.selected().is_network_level_authentication() {
            let taken = match self.taken_at_octets {
                Some(_) => Taken::Yes,
                None => outcome::taken(&self.records, self.selected(), self.server_hello),
            };
            if taken == Taken::Yes {
                self.taken_at_octets.get_or_insert(self.records.server.octets);
            }
            match taken {
                Taken::Yes if self.finalization.is_done() => Some(Reason::ConnectionSequenceDone),
                Taken::Yes => outcome::is_desktop(&self.records, lasted).then_some(Reason::DesktopAfterLogon),
                // What shows it may be missing.
                Taken::NotYet => {
                    (self.has_gap && outcome::is_large(&self.records)).then_some(Reason::DesktopAfterLogon)
                }
            }
        } else {
            outcome::is_long_and_busy(&self.records, lasted).then_some(Reason::LongAndBusy)
        };
        if let Some(reason) = reason {
            self.state(Logon::new(Outcome::Session, reason));
        }
    }

    /// What the server selected; standard RDP security if it did not say.
    fn selected(&self) -> SecurityProtocols {
        match self.description.confirm {
            Some(ConnectionConfirm::Selected { protocol, .. }) => protocol,
            _ => SecurityProtocols::RDP,
        }
    }

    fn conclude(&mut self, time: Timestamp, ending: Ending) {
        if self.logon.is_some() || self.recognition == Recognition::Other {
            return;
        }
        self.recognise_bare();
        // A server whose client has said that it leaves (RFC 8446, 6.1) closes because of that, whatever the client said before.
        let ending = if self.has_client_alerted { Ending::Client } else { ending };
        let (client, server) = (self.records.client.records, self.records.server.records);
        let selected = self.selected();
        let logon = match self.description.confirm {
            None if self.description.tls_client.is_some() || client > 0 => {
                Logon::unknown(Reason::OneDirection)
            }
            None => Logon::unknown(Reason::NotAnswered),
            Some(_) if self.description.request.is_none() => Logon::unknown(Reason::OneDirection),
            // What was there before the gap may be whole; failures are told by what is last.
            Some(_) if self.has_gap && self.taken_at_octets.is_none() => Logon::unknown(Reason::Gap),
            Some(_) if client == 0 && server == 0 && self.is_handshake_missing() => {
                Logon::unknown(Reason::HandshakeUnfinished)
            }
            Some(_) if selected.is_network_level_authentication() => {
                let ended_ms = self.offset_ms(time);
                outcome::conclude(&self.records, selected, self.server_hello, ending, ended_ms)
            }
            Some(_) if self.has_reached_logon_screen() => Logon::unknown(Reason::LeftAtLogonScreen),
            Some(_) => Logon::unknown(Reason::LeftBeforeLogon),
        };
        self.state(logon);
    }

    /// Request and answer without any parameter, and no more: S7 and MMS name whom they want, a conference goes on, and who checks
    /// whether a remote desktop is up leaves.
    fn recognise_bare(&mut self) {
        let is_bare =
            self.description.request.as_ref().is_some_and(|request| *request == ConnectionRequest::default())
                && self.description.confirm == Some(ConnectionConfirm::Bare);
        if self.recognition == Recognition::Undecided && is_bare {
            self.recognition = Recognition::Rdp;
        }
    }

    fn is_handshake_missing(&self) -> bool {
        self.server_hello.is_none() && self.selected() != SecurityProtocols::RDP
    }

    /// Without network level authentication a client tells who it is in the connection sequence, and the server draws a screen.
    fn has_reached_logon_screen(&self) -> bool {
        let (client, server) = (self.records.client.records, self.records.server.records);
        match self.client.grammar() {
            Grammar::Tls => client >= CLIENT_RECORDS_TO_INFO && server >= SERVER_RECORDS_TO_INFO,
            _ => self.has_told_client_info,
        }
    }

    fn state(&mut self, logon: Logon) {
        self.logon = Some(logon);
        self.news.logon = true;
        (self.client, self.server) = (Framer::default(), Framer::default());
    }

    fn offset_ms(&self, time: Timestamp) -> u32 {
        let since = self.opened.map_or(0, |opened| time.nanos_since(opened) / 1_000_000);
        u32::try_from(since).unwrap_or(u32::MAX)
    }
}

/// Of a message that is read: MCS Connect Initial has some 500, a TLS hello with keys against quantum computers some 1,800.
pub const MESSAGE_OCTETS: usize = 4_096;
/// RFC 8446, 6.
const ALERT_OCTETS: usize = 2;
/// MCS Connect Initial, Erect Domain, Attach User, two Channel Joins at least, Client Info, and answers to three of them
/// (MS-RDPBCGR, 1.3.1.1).
const CLIENT_RECORDS_TO_INFO: u32 = 6;
const SERVER_RECORDS_TO_INFO: u32 = 4;

#[cfg(test)]
mod tests;
