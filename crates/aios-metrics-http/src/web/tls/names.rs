//! The names that Prometheus' web configuration has for parts of TLS.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::{CipherSuite, ProtocolVersion, SupportedCipherSuite};

use super::{ClientAuth, TlsVersion};
use crate::web::error::WebConfigError;

const VERSIONS: [(&str, TlsVersion); 2] = [("TLS12", TlsVersion::Tls12), ("TLS13", TlsVersion::Tls13)];

const CLIENT_AUTHS: [(&str, ClientAuth); 6] = [
    ("NoClientCert", ClientAuth::NoClientCert),
    ("RequestClientCert", ClientAuth::RequestClientCert),
    ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyClientCertIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerifyClientCert),
    // An older name of `RequireAnyClientCert`.
    ("RequireClientCert", ClientAuth::RequireAnyClientCert),
];

pub(in crate::web) fn parse_version(field: &str, name: &str) -> Result<TlsVersion, WebConfigError> {
    find(&VERSIONS, name).ok_or_else(|| {
        let expected = "TLS12 or TLS13; older versions are not supported";
        WebConfigError::value(field, name, expected)
    })
}

pub(in crate::web) fn parse_client_auth(field: &str, name: &str) -> Result<ClientAuth, WebConfigError> {
    find(&CLIENT_AUTHS, name).ok_or_else(|| {
        let names = CLIENT_AUTHS[..5].iter().map(|(name, _)| *name).collect::<Vec<_>>();
        WebConfigError::value(field, name, format!("one of {}", names.join(", ")))
    })
}

/// ring with the suites and curves that were named, in their order.
pub(super) fn provider(suites: &[String], curves: &[String]) -> Result<CryptoProvider, WebConfigError> {
    let mut provider = ring::default_provider();
    if !suites.is_empty() {
        let mut named = suites.iter().enumerate().map(suite).collect::<Result<Vec<_>, _>>()?;
        if named.iter().all(|suite| !is_of_tls13(suite)) {
            let mut tls13: Vec<_> = ring::ALL_CIPHER_SUITES.iter().copied().filter(is_of_tls13).collect();
            tls13.append(&mut named);
            named = tls13;
        }
        provider.cipher_suites = named;
    }
    if !curves.is_empty() {
        provider.kx_groups = curves.iter().enumerate().map(curve).collect::<Result<Vec<_>, _>>()?;
    }
    Ok(provider)
}

fn suite((i, name): (usize, &String)) -> Result<SupportedCipherSuite, WebConfigError> {
    let mut all = ring::ALL_CIPHER_SUITES.iter();
    all.find(|suite| iana_name(suite.suite()) == *name).copied().ok_or_else(|| {
        let names: Vec<_> = ring::ALL_CIPHER_SUITES.iter().map(|suite| iana_name(suite.suite())).collect();
        let field = format!("tls_server_config.cipher_suites[{i}]");
        WebConfigError::value(field, name, format!("one of those that are supported: {}", names.join(", ")))
    })
}

/// The library has a prefix of its own for TLS 1.3.
fn iana_name(suite: CipherSuite) -> String {
    suite.as_str().unwrap_or_default().replacen("TLS13_", "TLS_", 1)
}

fn is_of_tls13(suite: &SupportedCipherSuite) -> bool {
    suite.version().version == ProtocolVersion::TLSv1_3
}

fn curve((i, name): (usize, &String)) -> Result<&'static dyn SupportedKxGroup, WebConfigError> {
    let curves = [
        ("X25519", ring::kx_group::X25519),
        ("CurveP256", ring::kx_group::SECP256R1),
        ("CurveP384", ring::kx_group::SECP384R1),
    ];
    find(&curves, name).ok_or_else(|| {
        let field = format!("tls_server_config.curve_preferences[{i}]");
        WebConfigError::value(field, name, "one of those that are supported: X25519, CurveP256, CurveP384")
    })
}

fn find<T: Copy>(all: &[(&str, T)], name: &str) -> Option<T> {
    all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let provider = provider(&names, &[]).unwrap();
        provider.cipher_suites.iter().map(|suite| iana_name(suite.suite())).collect()
    }

    #[test]
    fn suites_keep_their_order_and_those_of_tls_13_stay_unless_some_are_named() {
        let (aes, chacha) =
            ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
        let named = suites(&[chacha, aes]);
        assert_eq!(named.len(), 5);
        assert_eq!(named[3..], [chacha, aes]);
        assert_eq!(suites(&[aes, "TLS_AES_256_GCM_SHA384"]), [aes, "TLS_AES_256_GCM_SHA384"]);
        assert_eq!(suites(&[]).len(), 9);
    }
}
