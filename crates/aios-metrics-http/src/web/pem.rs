//! Certificates and keys, from files or from the configuration itself.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::{WebConfigError, WebConfigProblem};

/// The most bytes that a file may have: far more than a chain of certificates.
const MAX_BYTES: u64 = 1 << 20;

/// A certificate chain, a private key or the certificates of authorities, in PEM.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pem {
    /// In a file of at most 1 MiB, which is read again when it has changed.
    File(PathBuf),
    /// Given here. `Debug` does not show it.
    Text(String),
}

impl Pem {
    /// What stands in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// What stands in `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    fn read(&self, field: &str, files: &mut Files) -> Result<Vec<u8>, WebConfigError> {
        match self {
            Self::File(path) => files.read(field, path),
            Self::Text(text) => Ok(text.clone().into_bytes()),
        }
    }

    /// At least one certificate.
    pub(super) fn certificates(
        &self,
        field: &str,
        files: &mut Files,
    ) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
        let text = self.read(field, files)?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(WebConfigError::pem(field, self.path(), "there is no certificate in it")),
            Err(error) => Err(WebConfigError::pem(field, self.path(), not_pem(&error))),
        }
    }

    /// The first private key.
    pub(super) fn key(
        &self,
        field: &str,
        files: &mut Files,
    ) -> Result<PrivateKeyDer<'static>, WebConfigError> {
        let text = self.read(field, files)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
            let problem = match error {
                pem::Error::NoItemsFound => {
                    "there is no private key in it; one that is encrypted is not taken"
                }
                error => not_pem(&error),
            };
            WebConfigError::pem(field, self.path(), problem)
        })
    }
}

/// In words of our own: the library's may show a part of a key.
fn not_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "this is not PEM: a section has no end",
        pem::Error::IllegalSectionStart { .. } => "this is not PEM: a section has a bad first line",
        pem::Error::Base64Decode(_) => "this is not PEM: what stands in a section is not base64",
        _ => "this is not PEM",
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
        }
    }
}

/// Reads files, and keeps in mind which ones and what stood in them.
pub(super) struct Files {
    paths: Vec<PathBuf>,
    digest: Context,
}

/// Which files were read, and a digest of what stood in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    paths: Vec<PathBuf>,
    digest: Vec<u8>,
}

impl Files {
    pub(super) fn new() -> Self {
        Self { paths: Vec::new(), digest: Context::new(&SHA256) }
    }

    /// The whole of a file.
    pub(super) fn read(&mut self, field: &str, path: &Path) -> Result<Vec<u8>, WebConfigError> {
        let read = read(path);
        self.paths.push(path.to_owned());
        let mut error_text = None;
        let (mark, bytes) = match &read {
            Ok(bytes) => (0, bytes.as_slice()),
            Err(error) => (1, error_text.insert(error.to_string()).as_bytes()),
        };
        self.digest.update(&[mark]);
        self.digest.update(&bytes.len().to_le_bytes());
        self.digest.update(bytes);
        read.map_err(|source| {
            WebConfigError::new(field, WebConfigProblem::Unreadable { path: path.to_owned(), source })
        })
    }

    pub(super) fn seen(self) -> Seen {
        Seen { paths: self.paths, digest: self.digest.finish().as_ref().to_vec() }
    }
}

impl Seen {
    /// Whether there is anything to look at again.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether the same stands there still.
    pub(super) fn is_still_there(&self) -> bool {
        let mut files = Files::new();
        for path in &self.paths {
            // An error is a state of the file like any other.
            let _ = files.read("", path);
        }
        files.seen() == *self
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(bytes)
}
