use domain::base::iana::{Rcode, Rtype};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::tls::{Ja3, Ja4};

/// What is known of the application of a flow.
///
/// Text is printable; what was not is shown as `?`. Short text stands in it, so that most of it takes no allocation of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Application {
    /// A name was asked for.
    Dns(Dns),
    /// A page was asked for: the first request and its answer.
    Http(Http),
    /// TLS inside QUIC.
    Quic(Quic),
    /// A remote desktop, with the TLS that it has agreed on, if it was seen.
    Rdp(Option<Tls>),
    /// A shell.
    Ssh(Ssh),
    /// A miner and its pool.
    Stratum,
    /// What goes on inside TLS is not known.
    Tls(Tls),
}

/// An application that is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// RFC 1035.
    Dns,
    /// RFC 9112: version 1 alone, as version 2 is seldom seen outside TLS.
    Http,
    /// RFC 9000 and RFC 9369.
    Quic,
    /// MS-RDPBCGR.
    Rdp,
    /// RFC 4253.
    Ssh,
    /// The protocols between miners and pools, all dialects.
    Stratum,
    /// RFC 8446 and before.
    Tls,
}

/// A protocol that is not found out by its first octets alone, but by who follows the conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recognized {
    /// [`Protocol::Rdp`].
    Rdp,
    /// [`Protocol::Stratum`].
    Stratum,
}

/// The first query of a flow, and its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dns {
    /// The identifier of both messages.
    pub transaction_id: u16,
    /// The name that was asked for, in lower case and without the dot at its end; empty for the root.
    pub name: SmolStr,
    /// The type of records that were asked for.
    pub query_type: u16,
    /// The class of records that were asked for.
    pub query_class: u16,
    /// The second two octets of the query (RFC 1035, 4.1.1); `None` if only the answer was seen.
    pub query_flags: Option<u16>,
    /// `None` if it was not seen.
    pub response: Option<DnsResponse>,
}

/// An answer of DNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DnsResponse {
    /// The second two octets of the message (RFC 1035, 4.1.1).
    pub flags: u16,
    /// 0 if all is well; the four bits of the header.
    pub code: u8,
}

/// The first request of a connection, and its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Http {
    /// `None` if it was not seen.
    pub request: Option<HttpRequest>,
    /// `None` if it was not seen.
    pub response: Option<HttpResponse>,
}

/// The head of a request; a field that it has not is empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: SmolStr,
    /// What is asked for, as it stands in the request.
    pub target: SmolStr,
    /// The field `Host`.
    pub host: SmolStr,
    /// The field `User-Agent`.
    pub user_agent: SmolStr,
    /// The digit after `HTTP/1.`.
    pub minor_version: u8,
}

/// The head of the first answer that is not informational.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The field `Content-Type`; empty if it is not there.
    pub content_type: SmolStr,
}

/// What a TLS handshake shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// `None` if its hello was not seen.
    pub client: Option<TlsClient>,
    /// `None` if its hello was not seen.
    pub server: Option<TlsServer>,
    /// The server's, which TLS 1.3 hides.
    pub certificate: Option<Certificate>,
}

/// What a client's hello says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsClient {
    /// The first version that it offers, GREASE or not (RFC 8701), as `FlowTest` has it.
    pub version: u16,
    /// The name of the server; empty if it names none.
    pub server_name: SmolStr,
    /// The protocols that it offers.
    pub alpn: SmallVec<[SmolStr; 2]>,
    /// Its JA3, 32 hexadecimal digits.
    pub ja3: Ja3,
    /// Its JA4.
    pub ja4: Ja4,
}

/// What a server's hello says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsServer {
    /// The version of the connection.
    pub version: u16,
    /// The cipher suite of the connection.
    pub cipher_suite: u16,
    /// The protocol that it has chosen; empty if it says none here.
    pub alpn: SmolStr,
}

/// The certificate of a server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Certificate {
    /// The common name of the subject; empty if it has none.
    pub subject: SmolStr,
    /// The common name of the issuer; empty if it has none.
    pub issuer: SmolStr,
    /// From when on it is valid, in seconds since 1970, UTC.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
}

/// What the first packets of a QUIC client say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Quic {
    /// The version of QUIC: 1, or 2 as 0x6b3343cf.
    pub version: u32,
    /// The hello inside.
    pub client: TlsClient,
}

/// Which programs speak SSH, by the lines that they begin with; empty if one was not seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ssh {
    /// The client's line.
    pub client: SmolStr,
    /// The server's line.
    pub server: SmolStr,
}

impl Application {
    /// Which it is.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Dns(_) => Protocol::Dns,
            Self::Http(_) => Protocol::Http,
            Self::Quic(_) => Protocol::Quic,
            Self::Rdp(_) => Protocol::Rdp,
            Self::Ssh(_) => Protocol::Ssh,
            Self::Stratum => Protocol::Stratum,
            Self::Tls(_) => Protocol::Tls,
        }
    }

    /// What is known of a flow of which others have found out the protocol, and of which nothing else or `known` was read. HTTP stays what it
    /// is, whatever it carries.
    #[must_use]
    pub fn recognized(protocol: Recognized, known: Option<&Self>) -> Self {
        match (protocol, known) {
            (_, Some(http @ Self::Http(_))) => http.clone(),
            (Recognized::Rdp, Some(Self::Tls(tls) | Self::Rdp(Some(tls)))) => Self::Rdp(Some(tls.clone())),
            (Recognized::Rdp, _) => Self::Rdp(None),
            (Recognized::Stratum, _) => Self::Stratum,
        }
    }

    /// Which parts are known: others once more is known, since a part stays what it is.
    pub(crate) fn parts(&self) -> (Protocol, [bool; 3]) {
        let parts = match self {
            Self::Dns(dns) => [dns.query_flags.is_some(), dns.response.is_some(), false],
            Self::Http(http) => [http.request.is_some(), http.response.is_some(), false],
            Self::Quic(_) => [true, false, false],
            Self::Rdp(None) | Self::Stratum => [false; 3],
            Self::Ssh(ssh) => [!ssh.client.is_empty(), !ssh.server.is_empty(), false],
            Self::Rdp(Some(tls)) | Self::Tls(tls) => {
                [tls.client.is_some(), tls.server.is_some(), tls.certificate.is_some()]
            }
        };
        (self.protocol(), parts)
    }

    /// Roughly the octets that it takes in memory.
    pub fn octets(&self) -> usize {
        let client = |client: &TlsClient| {
            let alpn = client.alpn.iter().map(|protocol| protocol.len() + size_of::<SmolStr>());
            client.server_name.len() + alpn.sum::<usize>()
        };
        let text = match self {
            Self::Dns(dns) => dns.name.len(),
            Self::Http(http) => {
                let request = http.request.as_ref().map_or(0, |request| {
                    request.method.len()
                        + request.target.len()
                        + request.host.len()
                        + request.user_agent.len()
                });
                request + http.response.as_ref().map_or(0, |response| response.content_type.len())
            }
            Self::Quic(quic) => client(&quic.client),
            Self::Ssh(ssh) => ssh.client.len() + ssh.server.len(),
            Self::Rdp(None) | Self::Stratum => 0,
            Self::Rdp(Some(tls)) | Self::Tls(tls) => {
                let certificate = tls.certificate.as_ref();
                tls.client.as_ref().map_or(0, client)
                    + tls.server.as_ref().map_or(0, |server| server.alpn.len())
                    + certificate.map_or(0, |known| known.subject.len() + known.issuer.len())
            }
        };
        size_of::<Self>() + text
    }
}

impl Dns {
    /// The name of the type that was asked for, such as `AAAA`; `TYPE` and a number for one that has none (RFC 3597, 5).
    pub fn query_type_name(&self) -> String {
        Rtype::from_int(self.query_type).to_string()
    }
}

impl DnsResponse {
    /// The name of the code, such as `NXDOMAIN`.
    pub fn code_name(&self) -> String {
        Rcode::masked_from_int(self.code).to_string()
    }
}

impl Protocol {
    /// Its name, as Suricata has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Quic => "quic",
            Self::Rdp => "rdp",
            Self::Ssh => "ssh",
            Self::Stratum => "stratum",
            Self::Tls => "tls",
        }
    }
}
