//! From what was asked for to a configuration of the library.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, SupportedProtocolVersion, version};

use super::{ServerTls, TlsVersion, clients, names};
use crate::web::error::{WebConfigError, WebConfigProblem};
use crate::web::pem::Files;

/// The server's side of a connection, as `tls` says. Reads files.
///
/// It names ring instead of asking for the process's provider: a service may have another one, and
/// the library panics when it has to choose.
pub(in crate::web) fn server(tls: &ServerTls, files: &mut Files) -> Result<ServerConfig, WebConfigError> {
    let provider = Arc::new(names::provider(&tls.cipher_suites, &tls.curve_preferences)?);
    let key = certified_key(tls, files, &provider)?;
    let clients = clients::verifier(tls, files, &provider)?;
    let shows_itself = clients.is_some();

    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls)?)
        .map_err(|_| {
            let expected = "cipher suites of the versions between min_version and max_version";
            WebConfigError::hidden("tls_server_config.cipher_suites", expected)
        })?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    if shows_itself {
        // A session that is taken up again would not look at the client's certificate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn certified_key(
    tls: &ServerTls,
    files: &mut Files,
    provider: &rustls::crypto::CryptoProvider,
) -> Result<CertifiedKey, WebConfigError> {
    let (certificate_field, key_field) = (field("cert", &tls.certificate), field("key", &tls.key));
    let chain = tls.certificate.certificates(&certificate_field, files)?;
    let key = tls.key.key(&key_field, files)?;
    let path = |pem: &super::Pem| match pem {
        super::Pem::File(path) => Some(path.clone()),
        super::Pem::Text(_) => None,
    };
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        let expected = "this key can't be used, expected RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519";
        WebConfigError::pem(&*key_field, path(&tls.key).as_deref(), expected)
    })?;
    let key = CertifiedKey::new(chain, key);
    match key.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(key),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let problem = "this key does not belong to the certificate";
            Err(WebConfigError::pem(key_field, path(&tls.key).as_deref(), problem))
        }
        Err(error) => {
            let problem = format!("the certificate can't be used: {error}");
            Err(WebConfigError::pem(certificate_field, path(&tls.certificate).as_deref(), problem))
        }
    }
}

/// The name of a field whose text may also stand in a file.
pub(super) fn field(name: &str, pem: &super::Pem) -> String {
    let suffix = if matches!(pem, super::Pem::File(_)) { "_file" } else { "" };
    format!("tls_server_config.{name}{suffix}")
}

fn versions(tls: &ServerTls) -> Result<Vec<&'static SupportedProtocolVersion>, WebConfigError> {
    if tls.min_version > tls.max_version {
        let problem = WebConfigProblem::Value {
            value: None,
            expected: "a version that is not above max_version".to_owned(),
        };
        return Err(WebConfigError::new("tls_server_config.min_version", problem));
    }
    let all = [(TlsVersion::Tls12, &version::TLS12), (TlsVersion::Tls13, &version::TLS13)];
    let wanted = all.into_iter().filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version));
    Ok(wanted.map(|(_, version)| version).collect())
}
