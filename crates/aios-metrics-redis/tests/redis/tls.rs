//! TLS: trusted, not trusted, meant for somebody else, and asked for a certificate of our own.

use aios_metrics_redis::{RedisOptions, RedisTls};

use crate::support::certificates::{Authority, Identity};
use crate::support::server::RedisServer;
use crate::support::{KEY, Published, S, assert_complete, deliver, fast, wait_until};

/// A server that speaks TLS on its second port, with the certificate given.
fn start(authority: &Authority, identity: &Identity, clients: &str) -> RedisServer {
    let path = |path: &std::path::Path| path.to_str().expect("paths of tests are UTF-8").to_owned();
    let (ca, certificate, key) =
        (path(&authority.certificate()), path(&identity.certificate), path(&identity.key));
    RedisServer::start_with_tls(&[
        ["--tls-ca-cert-file", &ca],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", clients],
    ])
}

fn url(server: &RedisServer, host: &str) -> RedisOptions {
    let url = format!("rediss://{host}:{}", server.tls_port());
    RedisOptions::default().with_url(&url).expect("a URL of a test is good")
}

fn refused(options: RedisOptions) -> String {
    let error = deliver(options).expect_err("it is not trusted");
    assert_eq!((error.kind(), error.is_transient()), ("tls", false), "{error}");
    error.to_string()
}

#[test]
fn whom_we_trust_gets_the_documents() {
    let authority = Authority::new();
    let server = start(&authority, &authority.issue("redis", "DNS:localhost,IP:127.0.0.1"), "no");
    let tls = RedisTls::default().with_ca(authority.certificate());
    let published = Published::start(fast(), url(&server, "localhost").with_tls(tls.clone()));
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
    // An address in the place of a name.
    assert_eq!(deliver(url(&server, "127.0.0.1").with_tls(tls)), Ok(()));
}

#[test]
fn whom_we_do_not_trust_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = start(&authority, &authority.issue("redis", "DNS:localhost"), "no");

    let by_stranger = RedisTls::default().with_ca(stranger.certificate());
    let message = refused(url(&server, "localhost").with_tls(by_stranger));
    assert!(message.contains("UnknownIssuer") || message.contains("BadSignature"), "{message}");
    let message = refused(url(&server, "localhost"));
    assert!(message.contains("UnknownIssuer") || message.contains("no certificates"), "{message}");

    let ours = RedisTls::default().with_ca(authority.certificate());
    let message = refused(url(&server, "127.0.0.1").with_tls(ours.clone()));
    assert!(message.contains("NotValidForName"), "{message}");

    // Plain text where TLS is spoken, and TLS where plain text is.
    let plain = RedisOptions::default().with_host("127.0.0.1").with_port(server.tls_port());
    assert!(deliver(plain).is_err());
    let wrong_port = format!("rediss://localhost:{}", server.port());
    let error = deliver(RedisOptions::default().with_url(&wrong_port).unwrap().with_tls(ours)).unwrap_err();
    assert!(["tls", "connection", "timeout"].contains(&error.kind()), "{error}");
    assert_eq!(server.list(KEY), [""; 0]);
}

#[test]
fn redis_may_ask_who_we_are() {
    let authority = Authority::new();
    let server = start(&authority, &authority.issue("redis", "DNS:localhost"), "yes");
    let tls = RedisTls::default().with_ca(authority.certificate());
    let us = authority.issue("publisher", "DNS:publisher");

    assert!(deliver(url(&server, "localhost").with_tls(tls.clone())).is_err());
    assert_eq!(server.list(KEY), [""; 0]);
    let known = tls.clone().with_client_certificate(&us.certificate, &us.key);
    assert_eq!(url(&server, "localhost").with_tls(known.clone()).check(), Ok(()));
    assert_eq!(deliver(url(&server, "localhost").with_tls(known)), Ok(()));
    assert_eq!(server.list(KEY), ["{}"]);

    let other = authority.issue("other", "DNS:other");
    let mixed = tls.clone().with_client_certificate(&us.certificate, &other.key);
    let error = url(&server, "localhost").with_tls(mixed).check().unwrap_err();
    assert!(error.to_string().contains("can't be used together"), "{error}");
    let mut half = tls;
    half.certificate = Some(us.certificate);
    assert!(url(&server, "localhost").with_tls(half).check().is_err());
}

#[test]
fn a_renewed_certificate_needs_no_restart_of_ours() {
    let (old, new) = (Authority::new(), Authority::new());
    let trusted = std::env::temp_dir().join(format!("aios-metrics-trusted-{}.pem", std::process::id()));
    std::fs::copy(old.certificate(), &trusted).unwrap();
    let server = start(&new, &new.issue("redis", "DNS:localhost"), "no");
    let tls = RedisTls::default().with_ca(&trusted);
    let published = Published::start(fast(), url(&server, "localhost").with_tls(tls));
    published.wait_for_failure("tls");
    std::fs::copy(new.certificate(), &trusted).unwrap();
    wait_until("documents", || published.handle().stats().delivered >= 5);
    std::fs::remove_file(&trusted).unwrap();
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
}
