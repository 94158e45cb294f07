//! Files that change under a server that runs.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use aios_metrics_core::Registry;
use aios_metrics_http::{Auth, ClientAuth, Pem, ServerTls, WebConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, version};

use crate::common::{Server, exporter};
use crate::support::certificates::{Authority, Identity};
use crate::support::{
    ANOTHER, BOTH, Folder, HASH, PASSWORD, basic, bearer, client_config, connect, get, tls_exporter, value,
    wait_until, with_config,
};

fn keep_pair(folder: &Folder, identity: &Identity) {
    folder.copy(&identity.certificate, "tls.crt");
    folder.copy(&identity.key, "tls.key");
}

/// Whether the server shows this certificate.
fn shows(addr: SocketAddr, config: &Arc<ClientConfig>, identity: &Identity) -> bool {
    let mut client = connect(addr, config).unwrap();
    let shown = client.stream().conn.peer_certificates().unwrap()[0].clone();
    shown == CertificateDer::from_pem_file(&identity.certificate).unwrap()
}

fn reload_failed(registry: &Registry) -> bool {
    value(registry, "aios_metrics_web_config_reload_failed", &[]) == 1.0
}

#[test]
fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let (authority, registry, folder) = (Authority::new(), Registry::new(), Folder::new());
    let [first, second, third] = ["a", "b", "c"].map(|name| authority.issue(name, "DNS:localhost"));
    keep_pair(&folder, &first);
    let tls = ServerTls::new(Pem::file(folder.path("tls.crt")), Pem::file(folder.path("tls.key")));
    let server = Server::start(tls_exporter(&registry, tls));
    let config = client_config(&authority, BOTH, None);
    let mut kept = connect(server.addr, &config).unwrap();
    assert!(shows(server.addr, &config, &first));

    keep_pair(&folder, &second);
    wait_until("the renewed certificate is shown", || shows(server.addr, &config, &second));
    wait_until("all is well", || !reload_failed(&registry));

    // The pair is written one after the other, and somebody looks in between.
    folder.copy(&third.certificate, "tls.crt");
    wait_until("the mismatch is seen", || {
        assert!(shows(server.addr, &config, &second));
        reload_failed(&registry)
    });
    folder.copy(&third.key, "tls.key");
    wait_until("the pair is whole", || shows(server.addr, &config, &third));
    assert!(!reload_failed(&registry));

    for breakage in [
        |folder: &Folder| fs::remove_file(folder.path("tls.key")).unwrap(),
        |folder: &Folder| {
            folder.write("tls.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
        },
    ] {
        breakage(&folder);
        wait_until("it is seen", || {
            assert!(shows(server.addr, &config, &third));
            reload_failed(&registry)
        });
        // What was there before is there again.
        folder.copy(&third.key, "tls.key");
        wait_until("it is mended", || {
            assert!(shows(server.addr, &config, &third));
            !reload_failed(&registry)
        });
    }
    // A connection from before has lived through all of this.
    assert_eq!(kept.get("/healthz").status, 200);
}

#[test]
fn renewed_authorities_of_clients_count_from_the_next_handshake() {
    let (ours, theirs, folder) = (Authority::new(), Authority::new(), Folder::new());
    folder.copy(&ours.certificate(), "clients.crt");
    let identity = ours.issue("server", "DNS:localhost");
    let tls = ServerTls::new(Pem::file(&identity.certificate), Pem::file(&identity.key))
        .with_client_ca(Pem::file(folder.path("clients.crt")), ClientAuth::RequireAndVerifyClientCert);
    let server = Server::start(tls_exporter(&Registry::new(), tls));
    let [old, new] = [&ours, &theirs].map(|signer| {
        let identity = signer.issue("client", "DNS:client");
        client_config(&ours, BOTH, Some(&identity))
    });
    assert!(get(server.addr, &old, "/metrics").is_ok() && get(server.addr, &new, "/metrics").is_err());
    folder.copy(&theirs.certificate(), "clients.crt");
    wait_until("the new authority counts", || get(server.addr, &new, "/metrics").is_ok());
    // No session from before is taken up again.
    assert!(get(server.addr, &old, "/metrics").is_err());
}

#[test]
fn a_renewed_token_is_taken_and_the_old_one_is_not() {
    let (registry, folder) = (Registry::new(), Folder::new());
    folder.write("token", "first\n");
    let auth = Auth::default().with_bearer_token_file(folder.path("token"));
    let server = Server::start(with_config(&registry, WebConfig::default().with_auth(auth)));
    let mut client = server.connect();
    let mut status = |token: &str| client.request("GET", "/metrics", &bearer(token)).status;
    assert_eq!((status("first"), status("second")), (200, 401));
    folder.write("token", "second\r\n");
    wait_until("the new token is taken", || status("second") == 200);
    assert_eq!(status("first"), 401);
    for bad in ["", "\n", "two tokens\n"] {
        folder.write("token", bad);
        wait_until("it is seen", || {
            assert_eq!((status("second"), status("")), (200, 401));
            reload_failed(&registry)
        });
        folder.write("token", "second");
        wait_until("it is mended", || {
            assert_eq!(status("second"), 200);
            !reload_failed(&registry)
        });
    }
}

#[test]
fn a_changed_file_counts_and_one_that_would_open_the_door_does_not() {
    let (registry, folder) = (Registry::new(), Folder::new());
    let users = |names: &[&str]| {
        let users = names.iter().map(|name| format!("  {name}: {HASH}\n"));
        format!("basic_auth_users:\n{}", users.collect::<String>())
    };
    let path = folder.write("web.yml", users(&["alice"]));
    let exporter = exporter(&registry).with_self_metrics(&registry).unwrap();
    let server = Server::start(exporter.with_web_config_file(path).unwrap());
    let mut client = server.connect();
    let mut statuses =
        || ["alice", "bob"].map(|user| client.request("GET", "/metrics", &basic(user, PASSWORD)).status);
    let checks = || value(&registry, "aios_metrics_password_checks_total", &[]);
    assert_eq!(statuses(), [200, 401]);

    folder.write(
        "web.yml",
        users(&["alice", "bob"]) + "http_server_config: {headers: {X-Frame-Options: deny}}\n",
    );
    wait_until("a new user gets in", || statuses() == [200, 200]);
    assert_eq!(server.connect().get("/metrics").header("x-frame-options"), "deny");
    let so_far = checks();

    for bad in ["", "basic_auth_users: {alice: x}\n", "rate_limit: {interval: 1s, burst: 1}\n"] {
        folder.write("web.yml", bad);
        wait_until("it is seen", || {
            assert_eq!(statuses(), [200, 200], "{bad:?}");
            assert_eq!(server.connect().get("/metrics").status, 401, "{bad:?}");
            reload_failed(&registry)
        });
        folder.write("web.yml", users(&["alice", "bob"]));
        wait_until("it is mended", || {
            assert_eq!(statuses(), [200, 200], "{bad:?}");
            !reload_failed(&registry)
        });
    }
    assert_eq!(checks(), so_far, "who is known stays known");

    folder.write("web.yml", users(&["bob"]));
    wait_until("who is no user any more does not get in", || statuses() == [401, 200]);
    folder.write("web.yml", users(&["alice", "bob"]).replace(HASH, ANOTHER));
    wait_until("a password that was right does not get in", || statuses() == [401, 401]);
    let renewed = basic("bob", "another password");
    assert_eq!(server.connect().request("GET", "/metrics", &renewed).status, 200);
}

#[test]
fn protection_is_never_lost_to_a_change() {
    let (authority, folder) = (Authority::new(), Folder::new());
    keep_pair(&folder, &authority.issue("server", "DNS:localhost"));
    folder.copy(&authority.certificate(), "ca.crt");
    let pair = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";
    let verified =
        format!("{pair}  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n");
    let named = format!("{verified}  client_allowed_sans: [client]\n");
    let strict = format!("{named}  min_version: TLS13\n");
    let registry = Registry::new();
    let path = folder.write("web.yml", &strict);
    let exporter = exporter(&registry).with_self_metrics(&registry).unwrap();
    let server = Server::start(exporter.with_web_config_file(path).unwrap());
    let client = |versions, name: Option<&str>| {
        let identity = name.map(|name| authority.issue(name, &format!("DNS:{name}")));
        client_config(&authority, versions, identity.as_ref())
    };
    let known = client(BOTH, Some("client"));
    let strangers =
        [client(BOTH, None), client(BOTH, Some("other")), client(&[&version::TLS12], Some("client"))];
    for weaker in [pair, "basic_auth_users: {}\n", &verified, &named] {
        folder.write("web.yml", weaker);
        wait_until("it is seen", || {
            assert!(get(server.addr, &known, "/metrics").is_ok());
            for stranger in &strangers {
                assert!(get(server.addr, stranger, "/metrics").is_err());
            }
            reload_failed(&registry)
        });
        folder.write("web.yml", &strict);
        wait_until("it is mended", || {
            assert!(get(server.addr, &known, "/metrics").is_ok());
            !reload_failed(&registry)
        });
    }
    folder.write("web.yml", strict.replace("[client]", "[client, other]"));
    wait_until("others may be named", || get(server.addr, &strangers[1], "/metrics").is_ok());
    folder.write("web.yml", format!("{strict}basic_auth_users:\n  a: {HASH}\n"));
    wait_until("more may be asked for", || get(server.addr, &known, "/metrics").unwrap() == 401);
}
