//! Certificates, clients that speak TLS, and a folder for a configuration.

#[path = "../../../../aios-metrics-redis/tests/redis/support/certificates.rs"]
pub(crate) mod certificates;

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{fs, io};

use aios_metrics_core::Registry;
use aios_metrics_http::{Exporter, Pem, ServerTls, WebConfig};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};

use self::certificates::{Authority, Identity};
use crate::common::{Client, DEADLINE, exporter};

/// What the certificates want of their neighbours.
pub(crate) mod server {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(crate) fn temporary_directory() -> PathBuf {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("aios-metrics-web-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a temporary directory can be made");
        directory
    }
}

pub(crate) const BOTH: &[&SupportedProtocolVersion; 2] = &[&version::TLS13, &version::TLS12];

pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

pub(crate) const PASSWORD: &str = "open sesame";

/// Its hash by the system's crypt(3), at the least cost that there is.
pub(crate) const HASH: &str = "$2y$04$9rVs4pvHOLSgaeiySt8Ksuf4G/4W0zFElyE2eA33n5CbnFj7VlXIO";

/// The same at a cost that in an unoptimized build is about that of a usual hash in an optimized one.
pub(crate) const SLOW_HASH: &str = "$2y$07$9rVs4pvHOLSgaeiySt8KsuU18JHT.BT0D9yCNTLjdd9jeR3GJjirK";

/// A hash of `another password`, at the least cost.
pub(crate) const ANOTHER: &str = "$2b$04$M8vS.FZFP36Wwx4DrA0UXu8VvpyEylz4goG/eB4UO/PMJvw21inwy";

/// A folder with what a test writes into it; it goes with this.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(server::temporary_directory())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file by putting a new one in its place.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let (path, new) = (self.path(name), self.path("new"));
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }

    pub(crate) fn copy(&self, from: &Path, name: &str) {
        self.write(name, fs::read(from).unwrap());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn server_tls(identity: &Identity) -> ServerTls {
    ServerTls::new(Pem::file(&identity.certificate), Pem::file(&identity.key))
}

/// An exporter that speaks TLS and shows what it refuses.
pub(crate) fn tls_exporter(registry: &Registry, tls: ServerTls) -> Exporter {
    with_config(registry, WebConfig::default().with_tls(tls))
}

pub(crate) fn with_config(registry: &Registry, config: WebConfig) -> Exporter {
    exporter(registry).with_self_metrics(registry).unwrap().with_web_config(config).unwrap()
}

/// The value of a self-metric.
pub(crate) fn value(registry: &Registry, name: &str, labels: &[(&str, &str)]) -> f64 {
    registry.value(name, labels).unwrap_or_else(|| panic!("{name} is there"))
}

pub(crate) fn refused(registry: &Registry, reason: &str) -> f64 {
    value(registry, "aios_metrics_refused_total", &[("reason", reason)])
}

/// Whom a client trusts, which versions it speaks and what it shows of itself.
pub(crate) fn client_config(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<&Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.certificate()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            // Whether the two belong together is for the server to find out.
            let key = CertifiedKey::new(chain, any_supported_type(&key).unwrap());
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// A connection whose handshake is done.
pub(crate) fn connect(addr: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsClient> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(Client::over(StreamOwned::new(connection, stream)))
}

/// One request on a connection of its own; with TLS 1.3 a client hears only now that it was refused.
pub(crate) fn get(addr: SocketAddr, config: &Arc<ClientConfig>, path: &str) -> io::Result<u16> {
    Ok(connect(addr, config)?.try_request("GET", path, "")?.status)
}

/// `Authorization` for a user, as a whole line.
pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("authorization: Basic {text}\r\n")
}

pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "{what} in time");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
