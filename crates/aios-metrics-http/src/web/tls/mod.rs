//! TLS as it can be asked for.

mod build;
mod clients;
mod handshake;
mod names;

pub(super) use build::server;
pub(super) use handshake::handshake;
pub(super) use names::{parse_client_auth, parse_version};

use super::pem::Pem;

/// TLS for the exporter's connections.
///
/// Speaks TLS 1.2 and 1.3 by rustls with ring, and HTTP/1.1 over it. Files are read again when they
/// have changed, at most once a second and only when a client connects or asks; what can't be used
/// then is logged, and what was read before stays in use.
///
/// # Examples
///
/// ```
/// use aios_metrics_http::{ClientAuth, Pem, ServerTls, TlsVersion};
///
/// let tls = ServerTls::new(Pem::file("/etc/metrics/tls.crt"), Pem::file("/etc/metrics/tls.key"))
///     .with_client_ca(Pem::file("/etc/metrics/clients.crt"), ClientAuth::RequireAndVerifyClientCert)
///     .with_client_allowed_sans(["spiffe://cluster/ns/monitoring/sa/prometheus"])
///     .with_min_version(TlsVersion::Tls13);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerTls {
    pub(super) certificate: Pem,
    pub(super) key: Pem,
    pub(super) client_auth: ClientAuth,
    pub(super) client_ca: Option<Pem>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: TlsVersion,
    pub(super) max_version: TlsVersion,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) prefer_server_cipher_suites: bool,
}

impl ServerTls {
    /// TLS with this chain of certificates, the server's own first, and its private key (PKCS #8,
    /// PKCS #1 or SEC 1; RSA, P-256, P-384 or Ed25519; not encrypted).
    pub fn new(certificate: Pem, key: Pem) -> Self {
        Self {
            certificate,
            key,
            client_auth: ClientAuth::NoClientCert,
            client_ca: None,
            client_allowed_sans: None,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            prefer_server_cipher_suites: true,
        }
    }

    /// Asks clients for a certificate: see [`ClientAuth`]. `authorities` are those who sign for
    /// them.
    pub fn with_client_ca(mut self, authorities: Pem, auth: ClientAuth) -> Self {
        self.client_ca = Some(authorities);
        self.client_auth = auth;
        self
    }

    /// Lets in only clients whose certificate names one of these as its subject alternative name: a
    /// DNS name or URI letter for letter, or an IP address. E-mail addresses are not supported.
    pub fn with_client_allowed_sans(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.client_allowed_sans = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The oldest version to speak; the default is TLS 1.2.
    pub fn with_min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// The newest version to speak; the default is TLS 1.3.
    pub fn with_max_version(mut self, version: TlsVersion) -> Self {
        self.max_version = version;
        self
    }

    /// The cipher suites to speak, the best first, under the names that IANA gives them; the default
    /// is all that there are.
    ///
    /// Those of TLS 1.3 are all spoken unless some of them are named.
    pub fn with_cipher_suites(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.cipher_suites = names.into_iter().map(Into::into).collect();
        self
    }

    /// The curves to exchange keys on, the best first: of `X25519`, `CurveP256` and `CurveP384`, which
    /// is the default.
    pub fn with_curve_preferences(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.curve_preferences = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether our order of cipher suites counts, and not the client's; the default is true.
    pub fn with_prefer_server_cipher_suites(mut self, prefer: bool) -> Self {
        self.prefer_server_cipher_suites = prefer;
        self
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What a client has to show of itself. The names are those of Prometheus' web configuration.
///
/// Only [`RequireAndVerifyClientCert`](Self::RequireAndVerifyClientCert) keeps anybody out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// A certificate is asked for; none will do, and so will any.
    RequestClientCert,
    /// A certificate, whoever has signed it.
    RequireAnyClientCert,
    /// Nothing, or a certificate that an authority of ours has signed.
    VerifyClientCertIfGiven,
    /// A certificate that an authority of ours has signed.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Whether a certificate that is shown is checked.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }
}
