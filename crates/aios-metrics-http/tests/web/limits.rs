//! Clients that are silent or slow in TLS, and what the others notice of them.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use aios_metrics_core::Registry;
use aios_metrics_http::{Auth, Limits, WebConfig};

use crate::common::{Client, DEADLINE, Server};
use crate::support::certificates::Authority;
use crate::support::{
    BOTH, HASH, PASSWORD, SLOW_HASH, basic, client_config, connect, get, refused, server_tls, tls_exporter,
    wait_until, with_config,
};

/// The beginning of a handshake: a record's head that promises more than ever comes.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[test]
fn handshakes_that_hang_give_their_places_to_one_that_asks() {
    let authority = Authority::new();
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let limits = Limits::default().with_max_connections(3);
    let server = Server::start(tls_exporter(&Registry::new(), tls).with_limits(limits));
    let mut hanging = [(); 3].map(|()| server.connect());
    hanging[0].send(HALF_A_HELLO);
    hanging[1].send(&HALF_A_HELLO[..1]);

    let config = client_config(&authority, BOTH, None);
    for _ in 0..20 {
        assert_eq!(get(server.addr, &config, "/healthz").unwrap(), 200);
    }
    assert!(hanging.iter_mut().any(Client::is_closed_in_time));
}

#[test]
fn a_handshake_ends_in_time() {
    let (authority, registry) = (Authority::new(), Registry::new());
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let limits = Limits::default().with_header_timeout(Duration::from_millis(300));
    let server = Server::start(tls_exporter(&registry, tls).with_limits(limits));
    let mut silent = server.connect();
    let mut half = server.connect();
    half.send(HALF_A_HELLO);
    assert!(silent.is_closed_in_time() && half.is_closed_in_time());
    wait_until("both are counted", || refused(&registry, "tls_handshake") == 2.0);
    // Who has shaken hands has the same time again for its request.
    let mut shaken = connect(server.addr, &client_config(&authority, BOTH, None)).unwrap();
    assert!(shaken.is_closed_in_time());
}

#[test]
fn shutdown_waits_for_no_handshake() {
    let authority = Authority::new();
    let tls = server_tls(&authority.issue("server", "DNS:localhost"));
    let limits = Limits::default().with_shutdown_grace(Duration::from_secs(3600));
    let server = Server::start(tls_exporter(&Registry::new(), tls).with_limits(limits));
    let mut half = server.connect();
    half.send(HALF_A_HELLO);
    let mut idle = connect(server.addr, &client_config(&authority, BOTH, None)).unwrap();
    assert_eq!(idle.get("/healthz").status, 200);
    assert!(server.stop() < DEADLINE);
    assert!(half.is_closed_in_time() && idle.is_closed_in_time());
}

/// It has asked, so it owes us nothing: others that come meanwhile wait for a place.
#[test]
fn who_waits_for_its_password_to_be_checked_keeps_its_place() {
    let registry = Registry::new();
    // The cost of this hash keeps the only place taken for a while.
    let config = WebConfig::default().with_auth(Auth::default().with_user("prometheus", SLOW_HASH));
    let limits = Limits::default().with_max_connections(1);
    let server = Server::start(with_config(&registry, config).with_limits(limits));
    let mut scraper = server.connect();
    let head = format!("GET /metrics HTTP/1.1\r\nhost: test\r\n{}\r\n", basic("prometheus", PASSWORD));
    scraper.send(head);
    let checks = || registry.value("aios_metrics_password_checks_total", &[]) == Some(1.0);
    wait_until("its password is being checked", checks);
    let newcomers = [(); 5].map(|()| TcpStream::connect(server.addr).unwrap());
    for mut newcomer in &newcomers {
        newcomer.write_all(b"GET").unwrap();
    }
    assert_eq!(scraper.response(true).status, 200);
}

#[test]
fn a_page_larger_than_all_buffers_arrives_whole() {
    let (authority, registry) = (Authority::new(), Registry::new());
    let jobs = registry.register_counter("jobs_total", "Jobs", &["pad"]).unwrap();
    for i in 0..200 {
        jobs.inc(&[&format!("{i}{}", "x".repeat(1 << 16))]).unwrap();
    }
    let config = WebConfig::default()
        .with_tls(server_tls(&authority.issue("server", "DNS:localhost")))
        .with_auth(Auth::default().with_user("prometheus", HASH));
    let server = Server::start(with_config(&registry, config));
    let mut client = connect(server.addr, &client_config(&authority, BOTH, None)).unwrap();
    for _ in 0..2 {
        let page = client.request("GET", "/metrics", &basic("prometheus", PASSWORD));
        assert_eq!(page.status, 200);
        assert_eq!(page.text().lines().filter(|line| line.starts_with("jobs_total{")).count(), 200);
    }
}
