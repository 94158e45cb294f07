//! From files to a configuration of the TLS library.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{RedisTls, RedisTlsError};

/// A client that trusts and shows what `tls` says. Reads files.
///
/// It names ring instead of asking for the process's provider: a service may have another one, and
/// the library panics when it has to choose.
pub(in crate::redis) fn client(tls: &RedisTls) -> Result<ClientConfig, RedisTlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RedisTlsError::Pair(error.to_string()))?
        .with_root_certificates(roots(tls.ca.as_deref())?);
    match (&tls.certificate, &tls.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| RedisTlsError::file(key, error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| RedisTlsError::Pair(error.to_string()))
        }
        _ => Err(RedisTlsError::Incomplete),
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, RedisTlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| RedisTlsError::file(path, error))?;
        }
    } else {
        // A system's store may hold old certificates that the library refuses; the others do.
        let found = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            return Err(RedisTlsError::NoSystemRoots);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, RedisTlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(RedisTlsError::file(path, "it holds no certificate"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(RedisTlsError::file(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let error = client(&RedisTls::default().with_ca("/does/not/exist.pem")).unwrap_err();
        assert!(error.to_string().starts_with("/does/not/exist.pem: "), "{error}");
        let empty = std::env::temp_dir().join(format!("aios-metrics-empty-{}.pem", std::process::id()));
        std::fs::write(&empty, "").unwrap();
        let error = client(&RedisTls::default().with_ca(&empty)).unwrap_err();
        std::fs::remove_file(&empty).unwrap();
        assert!(error.to_string().ends_with("it holds no certificate"), "{error}");
    }
}
