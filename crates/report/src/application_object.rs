//! What is known of an application, as an object with Suricata's names.

use application::{Application, Certificate, Dns, Http, Quic, Ssh, Tls, TlsClient};
use jiff::{SignedDuration, civil::date};
use serde::{Serialize, Serializer, ser::SerializeMap};
use smol_str::SmolStr;

/// The object that Suricata calls by the name of the protocol, without that name.
pub(crate) struct ApplicationObject<'a>(pub(crate) &'a Application);

impl Serialize for ApplicationObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Application::Dns(dns) => DnsObject::from(dns).serialize(serializer),
            Application::Http(http) => HttpObject::from(http).serialize(serializer),
            Application::Quic(quic) => QuicObject::from(quic).serialize(serializer),
            Application::Rdp(None) | Application::Stratum => Nothing {}.serialize(serializer),
            Application::Rdp(Some(tls)) => InsideTls { tls: tls.into() }.serialize(serializer),
            Application::Ssh(ssh) => SshObject::from(ssh).serialize(serializer),
            Application::Tls(tls) => TlsObject::from(tls).serialize(serializer),
        }
    }
}

/// The same with its name inside, for flow files.
pub(crate) struct NamedApplication<'a>(pub(crate) &'a Application);

impl Serialize for NamedApplication<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'static str,
            #[serde(flatten)]
            object: ApplicationObject<'a>,
        }
        Named { name: self.0.protocol().name(), object: ApplicationObject(self.0) }.serialize(serializer)
    }
}

/// The name of the protocol, and its object by that name, as members of another object.
pub(crate) struct ApplicationMembers<'a>(pub(crate) Option<&'a Application>);

impl Serialize for ApplicationMembers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(application) = self.0 {
            let name = application.protocol().name();
            map.serialize_entry("app_proto", name)?;
            match application {
                Application::Rdp(None) | Application::Stratum => {}
                Application::Rdp(Some(tls)) => map.serialize_entry("tls", &TlsObject::from(tls))?,
                _ => map.serialize_entry(name, &ApplicationObject(application))?,
            }
        }
        map.end()
    }
}

/// Of an application that is known by its name alone.
#[derive(Serialize)]
struct Nothing {}

/// What is known of the TLS that an application has agreed on.
#[derive(Serialize)]
struct InsideTls<'a> {
    tls: TlsObject<'a>,
}

#[derive(Serialize)]
struct DnsObject<'a> {
    id: u16,
    /// Of the answer, if there is one.
    flags: String,
    rrname: &'a str,
    rrtype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rcode: Option<String>,
}

impl<'a> From<&'a Dns> for DnsObject<'a> {
    fn from(dns: &'a Dns) -> Self {
        let flags = dns.response.map(|response| response.flags).or(dns.query_flags).unwrap_or_default();
        Self {
            id: dns.transaction_id,
            flags: format!("{flags:x}"),
            rrname: &dns.name,
            rrtype: dns.query_type_name(),
            rcode: dns.response.map(|response| response.code_name()),
        }
    }
}

#[derive(Default, Serialize)]
struct HttpObject<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    hostname: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    http_user_agent: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    http_content_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    http_method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl<'a> From<&'a Http> for HttpObject<'a> {
    fn from(http: &'a Http) -> Self {
        let mut object = Self::default();
        if let Some(request) = &http.request {
            (object.hostname, object.url) = (&request.host, &request.target);
            (object.http_user_agent, object.http_method) = (&request.user_agent, &request.method);
            object.protocol = Some(format!("HTTP/1.{}", request.minor_version));
        }
        if let Some(response) = &http.response {
            (object.http_content_type, object.status) = (&response.content_type, Some(response.status));
        }
        object
    }
}

#[derive(Default, Serialize)]
struct TlsObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuerdn: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    sni: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notbefore: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notafter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja3: Option<Ja3<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    ja4: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    client_alpns: &'a [SmolStr],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    server_alpns: Vec<&'a str>,
}

#[derive(Serialize)]
struct Ja3<'a> {
    hash: &'a str,
}

impl<'a> From<&'a Tls> for TlsObject<'a> {
    fn from(tls: &'a Tls) -> Self {
        let mut object = Self::default();
        if let Some(TlsClient { server_name, alpn, ja3, ja4, .. }) = &tls.client {
            (object.sni, object.client_alpns, object.ja4) = (server_name, alpn, ja4);
            object.ja3 = Some(Ja3 { hash: ja3 });
        }
        if let Some(server) = &tls.server {
            object.version = Some(version(server.version));
            object.cipher_suite = Some(format!("0x{:04x}", server.cipher_suite));
            object.server_alpns.extend(Some(&*server.alpn).filter(|alpn| !alpn.is_empty()));
        }
        if let Some(Certificate { subject, issuer, not_before, not_after }) = &tls.certificate {
            let name = |name: &str| (!name.is_empty()).then(|| format!("CN={name}"));
            (object.subject, object.issuerdn) = (name(subject), name(issuer));
            (object.notbefore, object.notafter) = (moment(*not_before), moment(*not_after));
        }
        object
    }
}

#[derive(Serialize)]
struct QuicObject<'a> {
    version: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    sni: &'a str,
    ja3: Ja3<'a>,
    ja4: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    client_alpns: &'a [SmolStr],
}

impl<'a> From<&'a Quic> for QuicObject<'a> {
    fn from(quic: &'a Quic) -> Self {
        let client = &quic.client;
        Self {
            version: if quic.version == 1 { "1".into() } else { format!("{:x}", quic.version) },
            sni: &client.server_name,
            ja3: Ja3 { hash: &client.ja3 },
            ja4: &client.ja4,
            client_alpns: &client.alpn,
        }
    }
}

#[derive(Serialize)]
struct SshObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<SshEnd<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<SshEnd<'a>>,
}

#[derive(Serialize)]
struct SshEnd<'a> {
    proto_version: &'a str,
    software_version: &'a str,
}

impl<'a> From<&'a Ssh> for SshObject<'a> {
    fn from(ssh: &'a Ssh) -> Self {
        Self { client: SshEnd::of(&ssh.client), server: SshEnd::of(&ssh.server) }
    }
}

impl<'a> SshEnd<'a> {
    /// RFC 4253, 4.2: `SSH-protoversion-softwareversion comments`.
    fn of(line: &'a str) -> Option<Self> {
        let (proto_version, software) = line.strip_prefix("SSH-")?.split_once('-')?;
        let software_version = software.split(' ').next().unwrap_or_default();
        Some(Self { proto_version, software_version })
    }
}

/// A version of TLS as Suricata calls it, or as hexadecimal digits.
fn version(version: u16) -> String {
    match version {
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        other => format!("0x{other:04x}"),
    }
}

/// A time as Suricata has those of certificates: UTC, to the second, without a mark for that. `None` for one that no calendar has.
fn moment(seconds: i64) -> Option<String> {
    // No `Timestamp`, which ends a day before the year 9999 does, to its last second of which certificates are valid that have no end
    // (RFC 5280, 4.1.2.5).
    let moment = date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(moment.to_string())
}

#[cfg(test)]
mod tests {
    use application::{DnsResponse, HttpRequest, HttpResponse, TlsServer};

    use super::*;

    fn json(application: &Application) -> String {
        serde_json::to_string(&NamedApplication(application)).unwrap()
    }

    #[test]
    fn a_name_and_its_answer() {
        let response = Some(DnsResponse { flags: 0x8183, code: 3 });
        let dns = Dns {
            transaction_id: 7,
            name: "a.example".into(),
            query_type: 28,
            query_class: 1,
            query_flags: None,
            response,
        };
        let known =
            r#"{"name":"dns","id":7,"flags":"8183","rrname":"a.example","rrtype":"AAAA","rcode":"NXDOMAIN"}"#;
        assert_eq!(json(&Application::Dns(dns)), known);
    }

    #[test]
    fn a_page() {
        let request = HttpRequest {
            method: "GET".into(),
            target: "/a\"b".into(),
            host: "h".into(),
            ..HttpRequest::default()
        };
        let response = HttpResponse { status: 404, content_type: "text/html".into() };
        let http = Http { request: Some(request), response: Some(response) };
        let known = r#"{"hostname":"h","url":"/a\"b","http_content_type":"text/html","http_method":"GET","protocol":"HTTP/1.0","status":404}"#;
        assert_eq!(serde_json::to_string(&ApplicationObject(&Application::Http(http))).unwrap(), known);
    }

    #[test]
    fn a_handshake() {
        let client = TlsClient {
            version: 0x0303,
            server_name: "a.example".into(),
            alpn: ["h2".into(), "http/1.1".into()].into(),
            ja3: "0f".try_into().unwrap(),
            ja4: "t12".try_into().unwrap(),
        };
        let server = TlsServer { version: 0x0303, cipher_suite: 0xcca8, alpn: "h2".into() };
        let certificate = Certificate {
            subject: "a.example".into(),
            issuer: "".into(),
            not_before: 1_680_498_180,
            not_after: 0,
        };
        let tls = Tls { client: Some(client.clone()), server: Some(server), certificate: Some(certificate) };
        let known = concat!(
            r#"{"name":"tls","subject":"CN=a.example","sni":"a.example","version":"TLS 1.2","cipher_suite":"0xcca8","#,
            r#""notbefore":"2023-04-03T05:03:00","notafter":"1970-01-01T00:00:00","ja3":{"hash":"0f"},"ja4":"t12","#,
            r#""client_alpns":["h2","http/1.1"],"server_alpns":["h2"]}"#
        );
        assert_eq!(json(&Application::Tls(tls)), known);
        let quic = Quic { version: 0x6b33_43cf, client };
        let known = r#"{"name":"quic","version":"6b3343cf","sni":"a.example","ja3":{"hash":"0f"},"ja4":"t12","client_alpns":["h2","http/1.1"]}"#;
        assert_eq!(json(&Application::Quic(quic)), known);
    }

    #[test]
    fn times_of_certificates_reach_from_the_first_to_the_last() {
        assert_eq!(moment(253_402_300_799).as_deref(), Some("9999-12-31T23:59:59"));
        assert_eq!(moment(-631_152_000).as_deref(), Some("1950-01-01T00:00:00"));
        assert_eq!(moment(i64::MAX), None);
    }

    #[test]
    fn a_shell() {
        let ssh = Ssh { client: "SSH-2.0-OpenSSH_9.6 Debian-1".into(), server: "".into() };
        let known = r#"{"name":"ssh","client":{"proto_version":"2.0","software_version":"OpenSSH_9.6"}}"#;
        assert_eq!(json(&Application::Ssh(ssh)), known);
    }
}
