//! TLS towards Redis: whom to trust, and who we are.

#[cfg(feature = "tls")]
mod enabled;
#[cfg(feature = "tls")]
pub(super) use enabled::client;

use std::fmt;
use std::path::{Path, PathBuf};

/// Speaks TLS with Redis.
///
/// Redis's certificate must be valid for the host that is connected to, and be signed by an
/// authority that is trusted: those of the system or, when it is given, only [`ca`](Self::ca). The
/// files are PEM and are read again at each connecting, so renewed certificates need no restart.
///
/// Without the feature `tls` a sink with these options fails at each delivery, and
/// [`check`](crate::RedisOptions::check) says so before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisTls {
    /// Certificates of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate, and those between it and its authority.
    pub certificate: Option<PathBuf>,
    /// Our own private key.
    pub key: Option<PathBuf>,
}

impl RedisTls {
    /// Sets [`ca`](Self::ca).
    #[must_use]
    pub fn with_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Sets [`certificate`](Self::certificate) and [`key`](Self::key), for a Redis that wants to
    /// know who we are.
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.certificate = Some(certificate.into());
        self.key = Some(key.into());
        self
    }
}

/// Why TLS can't be spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisTlsError {
    /// This build has no feature `tls`.
    NotBuilt,
    /// A file can't be read, or what it holds can't be used.
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The system has no certificates of authorities, and none are given.
    NoSystemRoots,
    /// A certificate of our own without its key, or a key without its certificate.
    Incomplete,
    /// Certificate and key do not belong together.
    Pair(String),
}

#[cfg_attr(not(feature = "tls"), allow(dead_code))]
impl RedisTlsError {
    #[cold]
    fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::File { path: path.to_owned(), problem: problem.to_string() }
    }
}

impl fmt::Display for RedisTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str("TLS needs a build with the feature `tls`"),
            Self::File { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::NoSystemRoots => f.write_str(
                "the system has no certificates of authorities: install them, or give those to trust",
            ),
            Self::Incomplete => f.write_str("a client certificate needs both the certificate and its key"),
            Self::Pair(problem) => write!(f, "certificate and key can't be used together: {problem}"),
        }
    }
}

impl std::error::Error for RedisTlsError {}
