//! Clients that are asked for certificates.

use aios_metrics_core::Registry;
use aios_metrics_http::{ClientAuth, Pem, ServerTls};
use rustls::HandshakeKind;

use crate::common::Server;
use crate::support::certificates::{Authority, Identity};
use crate::support::{BOTH, client_config, connect, get, refused, server_tls, tls_exporter, wait_until};

/// Whether somebody without a certificate, with a stranger's, and with one of ours gets in.
struct Trial {
    authority: Authority,
    /// Its files go with it.
    _stranger: Authority,
    server: Identity,
    ours: Identity,
    strangers: Identity,
}

impl Trial {
    fn new() -> Self {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let server = authority.issue("server", "DNS:localhost");
        let names = "DNS:scraper.example,IP:192.0.2.7,URI:spiffe://cluster/scraper,email:ops@example.org";
        let ours = authority.issue("scraper", names);
        let strangers = stranger.issue("scraper", names);
        Self { authority, _stranger: stranger, server, ours, strangers }
    }

    fn who_gets_in(&self, auth: ClientAuth, names: Option<&[&str]>) -> [bool; 3] {
        let mut tls = server_tls(&self.server).with_client_ca(Pem::file(self.authority.certificate()), auth);
        if let Some(names) = names {
            tls = tls.with_client_allowed_sans(names.iter().copied());
        }
        let registry = Registry::new();
        let server = Server::start(tls_exporter(&registry, tls));
        let gets_in = |identity: Option<&Identity>| {
            let config = client_config(&self.authority, BOTH, identity);
            // The second is not let in for what the first has shown.
            let got = [(); 2].map(|()| get(server.addr, &config, "/metrics").is_ok());
            assert_eq!(got[0], got[1]);
            got[0]
        };
        let got = [None, Some(&self.strangers), Some(&self.ours)].map(gets_in);
        let refusals = 2 * got.iter().filter(|got| !**got).count();
        wait_until("refusals are counted", || refused(&registry, "tls_handshake") == refusals as f64);
        got
    }
}

#[test]
fn who_gets_in_is_what_the_policy_says() {
    let trial = Trial::new();
    assert_eq!(trial.who_gets_in(ClientAuth::RequireAndVerifyClientCert, None), [false, false, true]);
    assert_eq!(trial.who_gets_in(ClientAuth::VerifyClientCertIfGiven, None), [true, false, true]);
    assert_eq!(trial.who_gets_in(ClientAuth::RequireAnyClientCert, None), [false, true, true]);
    assert_eq!(trial.who_gets_in(ClientAuth::RequestClientCert, None), [true, true, true]);
}

#[test]
fn one_of_the_names_has_to_stand_in_the_certificate() {
    let trial = Trial::new();
    let with = |names: &[&str]| trial.who_gets_in(ClientAuth::RequireAndVerifyClientCert, Some(names));
    let ours = [false, false, true];
    assert_eq!(with(&["scraper.example"]), ours);
    assert_eq!(with(&["192.0.2.7"]), ours);
    assert_eq!(with(&["other", "spiffe://cluster/scraper"]), ours);
    assert_eq!(with(&["example", "192.0.2.8", "spiffe://cluster/scraper/2", "*.example"]), [false; 3]);
    assert_eq!(with(&[]), [false; 3]);
    let given = |names: &[&str]| trial.who_gets_in(ClientAuth::VerifyClientCertIfGiven, Some(names));
    assert_eq!(given(&["scraper.example"]), [true, false, true]);
    assert_eq!(given(&["other.example"]), [true, false, false]);
}

#[test]
fn a_wildcard_in_a_certificate_is_a_name_like_any_other() {
    let authority = Authority::new();
    let wild = authority.issue("wild", "DNS:*.cluster.example");
    let server_identity = authority.issue("server", "DNS:localhost");
    let lets_in = |name: &str| {
        let tls = server_tls(&server_identity)
            .with_client_ca(Pem::file(authority.certificate()), ClientAuth::RequireAndVerifyClientCert)
            .with_client_allowed_sans([name]);
        let server = Server::start(tls_exporter(&Registry::new(), tls));
        get(server.addr, &client_config(&authority, BOTH, Some(&wild)), "/metrics").is_ok()
    };
    assert!(lets_in("*.cluster.example"));
    assert!(!lets_in("scraper.cluster.example"));
}

#[test]
fn a_key_that_is_not_the_certificates_gets_nobody_in() {
    let trial = Trial::new();
    // The stranger takes our certificate, which is public, and has only its own key.
    let thief = Identity { certificate: trial.ours.certificate.clone(), key: trial.strangers.key.clone() };
    for auth in [
        ClientAuth::RequireAndVerifyClientCert,
        ClientAuth::VerifyClientCertIfGiven,
        ClientAuth::RequireAnyClientCert,
        ClientAuth::RequestClientCert,
    ] {
        let tls = server_tls(&trial.server).with_client_ca(Pem::file(trial.authority.certificate()), auth);
        let server = Server::start(tls_exporter(&Registry::new(), tls));
        for version in BOTH {
            let lets_in = |identity: &Identity| {
                let config = client_config(&trial.authority, &[*version], Some(identity));
                get(server.addr, &config, "/metrics").is_ok()
            };
            assert!(lets_in(&trial.ours), "{auth:?}");
            assert!(!lets_in(&thief), "{auth:?}");
        }
    }
}

/// A session that is taken up again is not asked for its certificate, whose authority may be gone.
#[test]
fn sessions_are_taken_up_again_only_where_nobody_has_to_show_a_certificate() {
    let trial = Trial::new();
    let kinds = |tls: ServerTls| {
        let server = Server::start(tls_exporter(&Registry::new(), tls));
        BOTH.map(|version| {
            let config = client_config(&trial.authority, &[version], Some(&trial.ours));
            let kind = || {
                let mut client = connect(server.addr, &config).unwrap();
                assert_eq!(client.get("/healthz").status, 200);
                client.stream().conn.handshake_kind().unwrap()
            };
            [kind(), kind()]
        })
    };
    let tls = server_tls(&trial.server);
    assert_eq!(kinds(tls.clone()), [[HandshakeKind::Full, HandshakeKind::Resumed]; 2]);
    let tls =
        tls.with_client_ca(Pem::file(trial.authority.certificate()), ClientAuth::RequireAndVerifyClientCert);
    assert_eq!(kinds(tls), [[HandshakeKind::Full; 2]; 2]);
}
