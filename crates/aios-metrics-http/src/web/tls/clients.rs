//! Whom a client's certificate makes it.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use webpki::EndEntityCert;

use super::build::field;
use super::{ClientAuth, ServerTls};
use crate::web::error::{WebConfigError, WebConfigProblem};
use crate::web::pem::Files;

const AUTH: &str = "tls_server_config.client_auth_type";
const SANS: &str = "tls_server_config.client_allowed_sans";

/// Who checks the certificates of clients; `None` when they are not asked for any.
pub(super) fn verifier(
    tls: &ServerTls,
    files: &mut Files,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebConfigError> {
    let roots = tls.client_ca.as_ref().map(|_| roots(tls, files)).transpose()?;
    if tls.client_allowed_sans.is_some() && !tls.client_auth.verifies() {
        let expected = "client_auth_type RequireAndVerifyClientCert beside it: in a certificate that nobody \
                        checks, any name can stand";
        return Err(WebConfigError::hidden(SANS, expected));
    }
    if !tls.client_auth.verifies() {
        if tls.client_auth != ClientAuth::NoClientCert {
            let hints = roots.map(|roots| roots.subjects()).unwrap_or_default();
            let mandatory = tls.client_auth == ClientAuth::RequireAnyClientCert;
            let algorithms = provider.signature_verification_algorithms;
            return Ok(Some(Arc::new(Anybody { mandatory, hints, algorithms })));
        }
        return match &tls.client_ca {
            None => Ok(None),
            Some(_) => {
                let expected = "RequireAndVerifyClientCert where there are authorities of clients";
                Err(WebConfigError::value(AUTH, "NoClientCert", expected))
            }
        };
    }
    let Some(roots) = roots else {
        return Err(WebConfigError::new("tls_server_config.client_ca_file", WebConfigProblem::Missing));
    };
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if tls.client_auth == ClientAuth::VerifyClientCertIfGiven {
        builder = builder.allow_unauthenticated();
    }
    let known = builder.build().map_err(|error| {
        let problem = format!("these authorities can't be used: {error}");
        WebConfigError::pem("tls_server_config.client_ca_file", None, problem)
    })?;
    match &tls.client_allowed_sans {
        None => Ok(Some(known)),
        Some(names) => {
            let names = names.iter().enumerate().map(AllowedName::parse).collect::<Result<_, _>>()?;
            Ok(Some(Arc::new(Named { known, names })))
        }
    }
}

fn roots(tls: &ServerTls, files: &mut Files) -> Result<RootCertStore, WebConfigError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.client_ca {
        let field = field("client_ca", pem);
        for certificate in pem.certificates(&field, files)? {
            roots.add(certificate).map_err(|error| {
                let problem = format!("the certificate of an authority can't be used: {error}");
                WebConfigError::pem(&*field, None, problem)
            })?;
        }
    }
    Ok(roots)
}

/// Lets in whoever has the key of the certificate that is shown, whatever it says.
#[derive(Debug)]
struct Anybody {
    mandatory: bool,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Lets in those of the known whose certificate has one of the names.
#[derive(Debug)]
struct Named {
    known: Arc<dyn ClientCertVerifier>,
    names: Vec<AllowedName>,
}

/// A subject alternative name.
#[derive(Debug, PartialEq, Eq)]
enum AllowedName {
    Address(IpAddr),
    /// A DNS name or a URI; the two can't be mistaken for each other.
    Text(String),
}

impl AllowedName {
    fn parse((i, name): (usize, &String)) -> Result<Self, WebConfigError> {
        if let Ok(address) = name.parse() {
            return Ok(Self::Address(address));
        }
        if name.is_empty() || (name.contains('@') && !name.contains(':')) {
            let expected = "a DNS name, a URI or an IP address; e-mail addresses are not supported";
            return Err(WebConfigError::value(format!("{SANS}[{i}]"), name, expected));
        }
        Ok(Self::Text(name.clone()))
    }

    fn is_in(&self, certificate: &EndEntityCert<'_>) -> bool {
        match self {
            Self::Address(address) => {
                let name = ServerName::IpAddress((*address).into());
                certificate.verify_is_valid_for_subject_name(&name).is_ok()
            }
            Self::Text(text) => {
                let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
                names.into_iter().any(|name| name == text)
            }
        }
    }
}

impl ClientCertVerifier for Named {
    fn offer_client_auth(&self) -> bool {
        self.known.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.known.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.known.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.known.verify_client_cert(certificate, intermediates, now)?;
        let parsed = EndEntityCert::try_from(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.names.iter().any(|name| name.is_in(&parsed)) {
            Ok(verified)
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_verify_schemes()
    }
}
