//! Where records go, as the command line names it.

mod rotated;
mod several;
mod tls;

pub(crate) use self::{rotated::RotatedFiles, several::Several, tls::TlsDestination};

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use report::FlowFormat;

/// A destination of IPFIX messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Destination {
    /// `file:PATH`.
    File(PathBuf),
    /// `file:PATH?rotate=SIZE` or `file:PATH?rotate=TIME`.
    Rotated(RotatedFiles),
    /// `udp://HOST:PORT`, without the scheme.
    Udp(String),
    /// `tcp://HOST:PORT`, without the scheme.
    Tcp(String),
    /// `tls://HOST:PORT?ca=PATH`.
    Tls(TlsDestination),
    /// `failover:URL,URL`: collectors that stand in for each other.
    Failover(Several),
    /// `spread:URL,URL`: collectors each of which gets its share of the flows.
    Spread(Several),
}

/// A file of flow records, whose form its name tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FlowsPath {
    pub(crate) format: FlowFormat,
    /// `None` for standard output.
    pub(crate) path: Option<PathBuf>,
}

/// A file of EVE JSON lines, or standard output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EvePath(pub(crate) Option<PathBuf>);

impl Destination {
    /// The outputs that it is: itself, or those that flows are spread over.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Self> {
        match self {
            Self::Spread(several) => several.members(),
            other => std::slice::from_ref(other),
        }
        .iter()
    }

    /// The file that it writes to, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// The host and port of a single collector.
    pub(crate) fn collector(&self) -> Option<&str> {
        match self {
            Self::File(_) | Self::Rotated(_) | Self::Failover(_) | Self::Spread(_) => None,
            Self::Udp(collector) | Self::Tcp(collector) | Self::Tls(TlsDestination { collector, .. }) => {
                Some(collector)
            }
        }
    }

    /// The folder that this output has below that of all spools, if records may have to wait for it.
    pub(crate) fn spool(&self) -> Option<String> {
        let named =
            |scheme: &str, collector: &str| Some(format!("{scheme}-{}", collector.replace(['[', ']'], "")));
        match self {
            Self::File(_) | Self::Rotated(_) | Self::Udp(_) | Self::Spread(_) => None,
            Self::Tcp(collector) => named("tcp", collector),
            Self::Tls(TlsDestination { collector, .. }) => named("tls", collector),
            Self::Failover(several) => {
                let members = several.members().iter().filter_map(Self::spool);
                named("failover", &members.collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            // `file:///path` is what a URL looks like elsewhere.
            let path = path.strip_prefix("//").unwrap_or(path);
            if let Some((path, rotation)) = path.rsplit_once("?rotate=") {
                return RotatedFiles::new(path, rotation).map(Self::Rotated);
            }
            return file(path).map(Self::File);
        }
        if let Some(authority) = text.strip_prefix("udp://") {
            return collector("udp", authority, IPFIX_PORT).map(Self::Udp);
        }
        if let Some(authority) = text.strip_prefix("tcp://") {
            return collector("tcp", authority, IPFIX_PORT).map(Self::Tcp);
        }
        if let Some(rest) = text.strip_prefix("tls://") {
            return rest.parse().map(Self::Tls);
        }
        if let Some(rest) = text.strip_prefix("failover:") {
            return Several::failover(rest).map(Self::Failover);
        }
        if let Some(rest) = text.strip_prefix("spread:") {
            return Several::spread(rest).map(Self::Spread);
        }
        Err("write it as udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT?ca=PATH, file:PATH, failover:URL,URL or spread:URL,URL".to_owned())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Rotated(files) => files.fmt(f),
            Self::Udp(collector) => write!(f, "udp://{collector}"),
            Self::Tcp(collector) => write!(f, "tcp://{collector}"),
            Self::Tls(destination) => destination.fmt(f),
            Self::Failover(several) => write!(f, "failover:{several}"),
            Self::Spread(several) => write!(f, "spread:{several}"),
        }
    }
}

impl FromStr for FlowsPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self { format: FlowFormat::JsonLines, path: None });
        }
        let path = PathBuf::from(text);
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson" | "json") => FlowFormat::JsonLines,
            Some("csv") => FlowFormat::Csv,
            _ => return Err("the name ends in .jsonl or .csv, which says the form".to_owned()),
        };
        Ok(Self { format, path: Some(path) })
    }
}

impl fmt::Display for FlowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => path.display().fmt(f),
            None => f.write_str("standard output"),
        }
    }
}

impl FromStr for EvePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("give it a path, or - for standard output".to_owned()),
            "-" => Ok(Self(None)),
            path => Ok(Self(Some(path.into()))),
        }
    }
}

impl fmt::Display for EvePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => path.display().fmt(f),
            None => f.write_str("EVE on standard output"),
        }
    }
}

/// A file that does not change. What looks like an option and is none is more likely a slip than a part of the name.
fn file(path: &str) -> Result<PathBuf, String> {
    let option = path.rsplit_once('?').and_then(|(_, option)| option.split_once('='));
    let is_word = |name: &str| !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase());
    match (path, option) {
        ("", _) => Err("file: needs a path".to_owned()),
        ("-", _) => Err("IPFIX is written to files, not to standard output".to_owned()),
        (_, Some((name, _))) if is_word(name) => {
            Err(format!("a file has no option `{name}`; there is ?rotate=SIZE or ?rotate=TIME"))
        }
        (path, _) => Ok(path.into()),
    }
}

/// A host and a port, by which a collector is reached.
fn collector(scheme: &str, authority: &str, default_port: u16) -> Result<String, String> {
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = split_port(authority);
    let is_cut = host.starts_with('[') != host.ends_with(']');
    if host.is_empty() || is_cut || host.contains(['/', '@', '?', '#']) {
        return Err(format!("write it as {scheme}://HOST:PORT, and an IPv6 address in brackets"));
    }
    match port.map(str::parse::<u16>) {
        None => Ok(format!("{host}:{default_port}")),
        Some(Ok(port)) if port > 0 => Ok(format!("{host}:{port}")),
        Some(_) => Err("the port is a number from 1 to 65535".to_owned()),
    }
}

/// A host and what follows its colon; an IPv6 address stands in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rfind(']') {
        Some(end) => {
            let (host, rest) = authority.split_at(end + 1);
            (host, rest.strip_prefix(':'))
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    }
}

/// RFC 7011, 10.3.4 and 10.4.4.
const IPFIX_PORT: u16 = 4_739;
/// RFC 7011, 10.4.4: inside TLS.
const IPFIX_TLS_PORT: u16 = 4_740;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_urls() {
        let udp = |text: &str| Ok(Destination::Udp(text.to_owned()));
        assert_eq!("udp://collector".parse(), udp("collector:4739"));
        assert_eq!("udp://192.0.2.1:9995/".parse(), udp("192.0.2.1:9995"));
        assert_eq!("udp://[2001:db8::1]".parse(), udp("[2001:db8::1]:4739"));
        assert_eq!("udp://[2001:db8::1]:99".parse(), udp("[2001:db8::1]:99"));
        assert_eq!("tcp://[::1]".parse(), Ok(Destination::Tcp("[::1]:4739".to_owned())));
        let tls: Destination = "tls://h?ca=a".parse().unwrap();
        assert_eq!(tls.to_string(), "tls://h:4740?ca=a");
        assert_eq!(tls.spool().as_deref(), Some("tls-h:4740"));
        assert_eq!("file:a.ipfix".parse(), Ok(Destination::File("a.ipfix".into())));
        assert_eq!("file:a?b.ipfix".parse(), Ok(Destination::File("a?b.ipfix".into())));
        assert_eq!("file:///tmp/a.ipfix".parse(), Ok(Destination::File("/tmp/a.ipfix".into())));
        for wrong in [
            "",
            "a.ipfix",
            "udp://",
            "udp://:99",
            "udp://h:0",
            "udp://h:x",
            "udp://h:70000",
            "tcp://h:x",
            "tls://h",
            "sctp://h",
            "file:",
            "file:-",
            "file:a.ipfix?rotat=1h",
            "udp://2001:db8::1",
            "udp://[::1",
        ] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_name_of_a_flow_file_says_its_form() {
        let format = |text: &str| text.parse::<FlowsPath>().map(|flows| flows.format);
        assert_eq!(format("-"), Ok(FlowFormat::JsonLines));
        assert_eq!(format("a/b.jsonl"), Ok(FlowFormat::JsonLines));
        assert_eq!(format("b.csv"), Ok(FlowFormat::Csv));
        assert!(format("b.txt").is_err() && format("b").is_err());
    }
}
