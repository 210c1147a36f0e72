use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject as _},
    },
};

/// How a collector is to prove who it is, and how we do.
///
/// RFC 7011 section 11 asks for both. The name of the collector has to stand in its certificate as a DNS name or an IP address
/// (`subjectAltName`); a common name does not count. TLS is of version 1.3 or 1.2.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsSettings {
    authorities: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
    name: Option<String>,
}

/// The settings with all that they name read.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsSettings {
    /// Believes collectors whose certificate one of the authorities in this file of PEM certificates has signed, and nobody else. The
    /// authorities that the system knows are not asked: a collector usually has one of its own.
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: authorities.into(), identity: None, name: None }
    }

    /// Shows the certificate in this PEM file, with those that lead to an authority after it, and proves it with the key in the other.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Expects this name in the collector's certificate, instead of the one that it is reached by.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads the files. `host` is the name that the collector is reached by.
    pub(super) fn read(&self, host: &str) -> io::Result<Tls> {
        let name = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            invalid(format!("{name} is no name that a certificate could have: give a DNS name or an address"))
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authorities)? {
            roots
                .add(certificate)
                .map_err(|error| invalid(format!("{}: {error}", self.authorities.display())))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let private = PrivateKeyDer::from_pem_slice(&read(key)?)
                    .map_err(|error| explain_pem(key, "no private key", &error))?;
                builder.with_client_auth_cert(chain, private).map_err(|error| {
                    let text = format!("{} does not go with {}", key.display(), certificate.display());
                    invalid(format!("{text}: {error}"))
                })?
            }
        };
        Ok(Tls { config: Arc::new(config), name })
    }
}

impl Tls {
    /// The beginning of a session.
    pub(super) fn begin(&self) -> io::Result<ClientConnection> {
        let mut session = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(|error| explain(&error))?;
        // Messages are taken out as soon as they were put in, and one may be larger than what is kept by default.
        session.set_buffer_limit(None);
        Ok(session)
    }
}

/// What is wrong, and what may be done about it.
pub(super) fn explain(error: &Error) -> io::Error {
    let text = match error {
        Error::InvalidCertificate(certificate) => explain_certificate(certificate),
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => {
                "it wants a certificate from us: give it one with its key".to_owned()
            }
            AlertDescription::UnknownCA => {
                "it does not know who signed our certificate: give it that authority, or us another certificate"
                    .to_owned()
            }
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown => format!("it refuses our certificate: {alert:?}"),
            AlertDescription::HandshakeFailure => {
                "it refuses the handshake: it may want a certificate from us, or have no cipher in common with us"
                    .to_owned()
            }
            AlertDescription::ProtocolVersion => "it does not speak TLS 1.2 or 1.3".to_owned(),
            alert => format!("it has broken TLS off: {alert:?}"),
        },
        Error::InvalidMessage(_) => format!("what it says is not TLS: {error}"),
        error => error.to_string(),
    };
    invalid(text)
}

fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: the collector needs a new one, or the clock here is wrong"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: the clock here or there is wrong".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its certificate was signed by none of the authorities given: give the one that signed it"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "its certificate is for another name: give the name that it has".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            let presented = if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") };
            format!("its certificate is not for {expected} but for {presented}: give the name that it has")
        }
        error => format!("its certificate is not good: {error}"),
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let octets = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&octets)
        .collect::<Result<_, _>>()
        .map_err(|error| explain_pem(path, "no certificate", &error))?;
    if certificates.is_empty() {
        return Err(explain_pem(path, "no certificate", &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn explain_pem(path: &Path, what: &str, error: &pem::Error) -> io::Error {
    let path = path.display();
    invalid(match error {
        pem::Error::NoItemsFound => format!("{path} has {what} in it: give a file in PEM form that has"),
        error => format!("{path} is no good PEM file: {error}"),
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_good_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = folder.path().join("nothing.pem");
        let error = TlsSettings::new(&nothing).read("collector.example").unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("nothing.pem"), "{error}");
        fs::write(&nothing, "no certificate").unwrap();
        let error = TlsSettings::new(&nothing).read("collector.example").unwrap_err().to_string();
        assert!(error.contains("has no certificate in it"), "{error}");
        let error = TlsSettings::new(&nothing).read("not a name").unwrap_err().to_string();
        assert!(error.contains("no name that a certificate could have"), "{error}");
    }

    #[test]
    fn certificates_that_are_no_good_are_explained() {
        let text = |error| explain(&Error::InvalidCertificate(error)).to_string();
        assert!(text(CertificateError::Expired).contains("has expired"));
        assert!(text(CertificateError::UnknownIssuer).contains("none of the authorities"));
        let expected = ServerName::try_from("a.example").unwrap();
        let wrong =
            CertificateError::NotValidForNameContext { expected, presented: vec!["b.example".to_owned()] };
        assert!(text(wrong).contains("not for a.example but for b.example"));
        let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
        assert!(explain(&alert).to_string().contains("wants a certificate from us"));
    }
}
