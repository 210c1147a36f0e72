use std::{fmt, path::PathBuf, str::FromStr};

use ipfix_export::TlsSettings;

use super::{IPFIX_TLS_PORT, collector};

/// `tls://HOST:PORT?ca=PATH`, perhaps with `cert=PATH&key=PATH` and `name=NAME`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TlsDestination {
    /// With its port.
    pub(crate) collector: String,
    /// Who signs the certificates of collectors.
    ca: PathBuf,
    /// Our certificate and its key.
    identity: Option<(PathBuf, PathBuf)>,
    /// What the collector's certificate is for, if not for the host.
    name: Option<String>,
}

impl TlsDestination {
    pub(crate) fn settings(&self) -> TlsSettings {
        let mut settings = TlsSettings::new(&self.ca);
        if let Some((certificate, key)) = &self.identity {
            settings = settings.with_identity(certificate, key);
        }
        if let Some(name) = &self.name {
            settings = settings.with_name(name);
        }
        settings
    }
}

impl FromStr for TlsDestination {
    type Err = String;

    /// Reads what stands behind `tls://`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (authority, query) = text.split_once('?').unwrap_or((text, ""));
        let collector = collector("tls", authority, IPFIX_TLS_PORT)?;
        let (mut ca, mut certificate, mut key, mut name) = (None, None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (word, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match word {
                "ca" => &mut ca,
                "cert" => &mut certificate,
                "key" => &mut key,
                "name" => &mut name,
                _ => return Err(format!("there is no `{word}`; there are ca, cert, key and name")),
            };
            if value.is_empty() {
                return Err(format!("write it as {word}=VALUE"));
            }
            if place.replace(value).is_some() {
                return Err(format!("{word} is there twice"));
            }
        }
        let Some(ca) = ca else {
            return Err(
                "say who signs the certificate of the collector: tls://HOST:PORT?ca=PATH, in quotation marks"
                    .to_owned(),
            );
        };
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err("cert and key go together".to_owned()),
        };
        Ok(Self { collector, ca: ca.into(), identity, name: name.map(ToOwned::to_owned) })
    }
}

impl fmt::Display for TlsDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls://{}?ca={}", self.collector, self.ca.display())?;
        if let Some((certificate, key)) = &self.identity {
            write!(f, "&cert={}&key={}", certificate.display(), key.display())?;
        }
        self.name.as_ref().map_or(Ok(()), |name| write!(f, "&name={name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_needs_stands_behind_a_question_mark() {
        for whole in [
            "collector:4740?ca=ca.pem",
            "[::1]:99?ca=/etc/ca.pem&cert=c.pem&key=k.pem&name=collector.example",
        ] {
            let destination: TlsDestination = whole.parse().unwrap();
            assert_eq!(destination.to_string(), format!("tls://{whole}"));
        }
        let other_order: TlsDestination = "collector?name=a&key=k&ca=c&cert=d".parse().unwrap();
        assert_eq!(other_order.to_string(), "tls://collector:4740?ca=c&cert=d&key=k&name=a");
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        for (text, complaint) in [
            ("collector", "who signs"),
            ("collector?ca=", "ca=VALUE"),
            ("collector?ca=a&ca=b", "twice"),
            ("collector?ca=a&cert=b", "go together"),
            ("collector?ca=a&verify=no", "no `verify`"),
            ("?ca=a", "tls://HOST:PORT"),
        ] {
            let error = text.parse::<TlsDestination>().unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
