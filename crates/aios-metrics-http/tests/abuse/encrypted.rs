//! The same over TLS: handshakes that hang, and wrong passwords without end.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use aios_metrics_http::{Auth, WebConfig};
use rustls::ClientConfig;

use crate::support::certificates::Authority;
use crate::support::{BOTH, PASSWORD, SLOW_HASH, basic, client_config, connect, server_tls};
use crate::target::{self, CONNECTIONS, GOOD, Target};

/// What 64 connections take for TLS, on both ends.
const TLS: usize = 64 * 128 * 1024;

/// A server that wants TLS and a password, and what a client needs for it.
fn target() -> (Target, Arc<ClientConfig>) {
    let authority = Authority::new();
    let config = client_config(&authority, BOTH, None);
    let web = WebConfig::default()
        .with_tls(server_tls(&authority.issue("server", "DNS:localhost")))
        .with_auth(Auth::default().with_user("prometheus", SLOW_HASH));
    let good = Arc::clone(&config);
    let ask = move |addr, path: &str, headers: &str| {
        let headers = format!("{headers}{}", basic("prometheus", PASSWORD));
        connect(addr, &good)?.try_request("GET", path, &headers)
    };
    (Target::with(|exporter| exporter.with_web_config(web).unwrap(), Box::new(ask)), config)
}

#[test]
fn handshakes_that_hang() {
    let (target, _) = target();
    let hanging = target.withstands("400 TLS handshakes that hang", CONNECTIONS + TLS + GOOD, |addr| {
        // A record's head that promises more than ever comes, in part or whole, or nothing at all.
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        let start = |i: usize| {
            let mut client = target::connect(addr);
            client.write_all(&hello[..i % (hello.len() + 1)]).unwrap();
            client
        };
        (0..400).map(start).collect::<Vec<_>>()
    });
    target.wait_until("all but 64 have made room", |target| target.rejected("replaced") >= 336.0);
    assert!(target.value("aios_metrics_connections", &[]) <= 64.0);
    drop(hanging);
}

#[test]
fn thousands_of_wrong_passwords() {
    const CLIENTS: usize = 24;
    let (target, config) = target();
    let asked = AtomicU64::new(0);
    target.withstands("3,000 wrong passwords over TLS", CONNECTIONS + TLS + GOOD, |addr| {
        let attack = || {
            let mut client = None;
            loop {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                if number >= 3_000 {
                    break;
                }
                let headers = basic("prometheus", &format!("wrong {number}"));
                // One that lost its place to another comes again.
                let mut connected = match client.take() {
                    Some(client) => client,
                    None => match connect(addr, &config) {
                        Ok(client) => client,
                        Err(_) => continue,
                    },
                };
                if let Ok(answer) = connected.try_request("GET", "/metrics", &headers) {
                    assert!([401, 429].contains(&answer.status), "{}", answer.status);
                    client = Some(connected);
                }
            }
        };
        thread::scope(|scope| (0..CLIENTS).for_each(|_| _ = scope.spawn(attack)));
    });
    let refused = |reason| target.value("aios_metrics_refused_total", &[("reason", reason)]);
    let (wrong, busy) = (refused("unauthorized"), refused("busy"));
    let checked = target.value("aios_metrics_password_checks_total", &[]);
    println!("{checked} of {} were checked, {busy} were told to come later", wrong + busy);
    assert!(wrong + busy <= 3_000.0 && busy > wrong, "{wrong} wrong, {busy} busy");
    // The good client's was checked once, before.
    assert!(checked <= 1.0 + wrong + CLIENTS as f64, "{checked} checks, {wrong} answers");
}
