//! Who agrees with whom on TLS.

use std::io::Write;
use std::process::{Command, Stdio};

use aios_metrics_core::Registry;
use aios_metrics_http::{TlsVersion, WebConfig};
use rustls::{CipherSuite, ProtocolVersion, version};

use crate::common::{Client, Server};
use crate::support::certificates::Authority;
use crate::support::{
    BOTH, client_config, connect, get, refused, server_tls, tls_exporter, wait_until, with_config,
};

#[test]
fn the_page_is_the_same_over_both_versions() {
    let (authority, registry) = (Authority::new(), Registry::new());
    registry.register_counter("jobs_total", "Jobs", &[]).unwrap();
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let server = Server::start(tls_exporter(&registry, tls));
    for (version, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = connect(server.addr, &client_config(&authority, &[version], None)).unwrap();
        assert_eq!(client.stream().conn.protocol_version(), Some(expected));
        assert_eq!(client.stream().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        // The connection is kept from one request to the next.
        for _ in 0..3 {
            let page = client.get("/metrics");
            assert_eq!(page.status, 200);
            assert!(page.text().contains("\njobs_total 0\n"), "{}", page.text());
        }
    }
    assert_eq!(refused(&registry, "tls_handshake"), 0.0);
}

#[test]
fn openssl_agrees_with_us() {
    let authority = Authority::new();
    let identity = authority.issue("server", "DNS:localhost");
    let server = Server::start(tls_exporter(&Registry::new(), server_tls(&identity)));
    for version in ["-tls1_2", "-tls1_3"] {
        let mut openssl = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost", version])
            .args(["-connect", &server.addr.to_string(), "-CAfile"])
            .arg(authority.certificate())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl can be started: it made the certificates");
        let mut stdin = openssl.stdin.take().unwrap();
        stdin.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let output = openssl.wait_with_output().unwrap();
        drop(stdin);
        let answer = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"),
            "{answer}{said}"
        );
        // The end of the connection is told, so nobody takes a cut for the end.
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn only_the_versions_and_suites_asked_for_are_spoken() {
    let (authority, registry) = (Authority::new(), Registry::new());
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let only = |versions| client_config(&authority, versions, None);
    let (both, old, new) = (only(BOTH), only(&[&version::TLS12]), only(&[&version::TLS13]));

    let server = Server::start(tls_exporter(&registry, tls.clone().with_min_version(TlsVersion::Tls13)));
    assert_eq!(get(server.addr, &both, "/healthz").unwrap(), 200);
    assert!(get(server.addr, &old, "/healthz").is_err());
    wait_until("the refusal is counted", || refused(&registry, "tls_handshake") == 1.0);

    let server =
        Server::start(tls_exporter(&Registry::new(), tls.clone().with_max_version(TlsVersion::Tls12)));
    assert!(get(server.addr, &new, "/healthz").is_err());
    let mut client = connect(server.addr, &both).unwrap();
    assert_eq!(client.stream().conn.protocol_version(), Some(ProtocolVersion::TLSv1_2));

    // The last of the client's own preferences, and nothing of TLS 1.3 beside the one named.
    let suites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
    let tls = tls.with_cipher_suites(suites).with_curve_preferences(["CurveP384"]);
    let server = Server::start(tls_exporter(&Registry::new(), tls));
    for (config, expected) in [
        (&old, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        (&new, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ] {
        let mut client = connect(server.addr, config).unwrap();
        let connection = &client.stream().conn;
        assert_eq!(connection.negotiated_cipher_suite().unwrap().suite(), expected);
        let curve = connection.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(curve, rustls::NamedGroup::secp384r1);
    }
}

#[test]
fn who_speaks_plain_http_to_it_hears_nothing_of_the_page() {
    let (authority, registry) = (Authority::new(), Registry::new());
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let exporter = tls_exporter(&registry, tls);
    assert!(exporter.speaks_tls());
    let server = Server::start(exporter);
    let mut plain = Client::connect(server.addr);
    assert!(plain.try_request("GET", "/metrics", "").is_err());
    wait_until("it is counted", || refused(&registry, "tls_handshake") == 1.0);
    // Who only looks whether the port is open is no failure.
    drop(Client::connect(server.addr));
    assert_eq!(get(server.addr, &client_config(&authority, BOTH, None), "/healthz").unwrap(), 200);
    assert_eq!(refused(&registry, "tls_handshake"), 1.0);
}

#[test]
fn without_tls_the_rest_of_a_configuration_holds_over_plain_http() {
    let config = WebConfig::default()
        .with_header("X-Frame-Options", "deny")
        .with_header("X-XSS-Protection", "")
        .with_header("Strict-Transport-Security", "max-age=1");
    let exporter = with_config(&Registry::new(), config);
    assert!(!exporter.speaks_tls());
    let server = Server::start(exporter);
    let mut client = server.connect();
    for (path, status) in [("/metrics", 200), ("/elsewhere", 404)] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.header("x-frame-options")), (status, "deny"));
        assert_eq!(answer.header("strict-transport-security"), "max-age=1");
        assert!(!answer.headers.contains_key("x-xss-protection"));
    }
}
