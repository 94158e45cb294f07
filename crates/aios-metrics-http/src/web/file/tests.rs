//! What is read, and what is said of that which can't be.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::web::tls::TlsVersion;

fn read(text: impl AsRef<[u8]>) -> Result<WebConfig, String> {
    let parsed = parse(Path::new("/etc/metrics/web.yml"), text.as_ref());
    parsed.map(|(config, _)| config).map_err(|error| error.to_string())
}

#[test]
fn every_field_arrives() {
    let config = read(
        r#"
tls_server_config:
  cert_file: server.crt
  key_file: "/run/secrets/server.key"
  client_auth_type: "RequireAndVerifyClientCert"
  client_ca_file: clients/ca.crt
  client_allowed_sans: [prometheus.example, "192.0.2.7"]
  min_version: TLS13
  max_version: TLS13
  cipher_suites:
    - TLS_AES_256_GCM_SHA384
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256, X25519]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
    X-XSS-Protection:
basic_auth_users:
  alice: $2y$10$pG0I7da8kabZVC2foqAI1e7aiAu2VQ8KyCUe9U6F5JZLCS8sIzP5G
  bob: ""
rate_limit: {interval: 1m30s, burst: 20}
aios_metrics:
  bearer_token_files: [token, /run/secrets/token]
  open_probes: yes
"#,
    )
    .unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.certificate, Pem::file("/etc/metrics/server.crt"));
    assert_eq!(tls.key, Pem::file("/run/secrets/server.key"));
    assert_eq!(tls.client_ca, Some(Pem::file("/etc/metrics/clients/ca.crt")));
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerifyClientCert);
    assert_eq!(tls.client_allowed_sans.unwrap(), ["prometheus.example", "192.0.2.7"]);
    assert_eq!((tls.min_version, tls.max_version), (TlsVersion::Tls13, TlsVersion::Tls13));
    assert_eq!(tls.cipher_suites, ["TLS_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(tls.curve_preferences, ["CurveP256", "X25519"]);
    assert!(!tls.prefer_server_cipher_suites);
    let headers = [
        ("X-Frame-Options", "deny"),
        ("Strict-Transport-Security", "max-age=31536000"),
        ("X-XSS-Protection", ""),
    ];
    assert_eq!(config.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(config.rate_limit, Some(RateLimit::new(Duration::from_secs(90), 20)));
    assert_eq!(config.auth.users.keys().collect::<Vec<_>>(), ["alice", "bob"]);
    let files = ["/etc/metrics/token", "/run/secrets/token"].map(PathBuf::from);
    assert_eq!(config.auth.bearer_token_files, files);
    assert!(config.auth.open_probes);
}

#[test]
fn what_is_not_there_is_not_asked_for() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "tls_server_config:\nbasic_auth_users: {}\n",
        "rate_limit: {interval: 0}\n",
        "tls_server_config: ~\nrate_limit: {interval: 0s, burst: 20}\n",
    ] {
        let config = read(text).unwrap();
        assert!(config.tls.is_none() && config.rate_limit.is_none(), "{text:?}");
        assert!(config.auth == Auth::default() && config.headers.is_empty(), "{text:?}");
    }
    let tls = read("tls_server_config:\n  cert: |\n    CERT\n  key: KEY\n").unwrap().tls.unwrap();
    assert_eq!(tls.certificate, Pem::text("CERT\n"));
    assert_eq!((tls.min_version, tls.max_version), (TlsVersion::Tls12, TlsVersion::Tls13));
    assert_eq!((tls.client_auth, tls.prefer_server_cipher_suites), (ClientAuth::NoClientCert, true));
    let shown = format!("{tls:?}");
    assert!(!shown.contains("KEY"), "{shown}");
}

/// Each text with what is said after the file's name.
#[test]
fn what_can_not_be_read_is_named_with_its_line() {
    let pair = "tls_server_config:\n  cert_file: a\n  key_file: b\n";
    let with_pair = |line: &str| format!("{pair}  {line}\n");
    let table: &[(String, &str)] = &[
        (
            "tls_server_conf:\n  cert_file: a\n".into(),
            ":1: tls_server_conf: there is no such field, expected one of tls_server_config, http_server_config, basic_auth_users, rate_limit, aios_metrics",
        ),
        (
            "\ntls_server_config:\n  cert_fil: a\n".into(),
            ":3: tls_server_config.cert_fil: there is no such field, expected one of cert, cert_file, key, key_file, client_auth_type, client_ca, client_ca_file, client_allowed_sans, min_version, max_version, cipher_suites, prefer_server_cipher_suites, curve_preferences",
        ),
        (
            "tls_server_config:\n  cert_file: a\n".into(),
            ":1: tls_server_config.key_file: this field is needed and is not there",
        ),
        (
            "tls_server_config:\n  min_version: TLS13\n".into(),
            ":1: tls_server_config.cert_file: this field is needed and is not there",
        ),
        (with_pair("cert: c"), ":4: tls_server_config.cert: expected either this or cert_file, not both"),
        (with_pair("cert_file: c"), ":4: tls_server_config.cert_file: this field stands here twice"),
        (
            with_pair("min_version: TLS10"),
            ":4: tls_server_config.min_version=\"TLS10\": expected TLS12 or TLS13; older versions are not supported",
        ),
        (
            with_pair("client_auth_type: Never"),
            ":4: tls_server_config.client_auth_type=\"Never\": expected one of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
        ),
        (with_pair("cipher_suites: all"), ":4: tls_server_config.cipher_suites: expected a list"),
        (with_pair("cipher_suites: [[]]"), ":4: tls_server_config.cipher_suites[0]: expected one value"),
        (
            with_pair("prefer_server_cipher_suites: maybe"),
            ":4: tls_server_config.prefer_server_cipher_suites=\"maybe\": expected true or false",
        ),
        (
            "tls_server_config: on\n".into(),
            ":1: tls_server_config: expected fields, each with a name and a colon",
        ),
        (
            "http_server_config:\n  http2: true\n".into(),
            ":2: http_server_config.http2: HTTP/2 is not supported, remove the field or set it to false: clients agree on HTTP/1.1",
        ),
        (
            "http_server_config:\n  headers:\n    X-Own: 1\n".into(),
            ":3: http_server_config.headers.X-Own: there is no such field, expected one of Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
        ),
        (
            "rate_limit:\n  interval: 5\n".into(),
            ":2: rate_limit.interval=\"5\": expected a time with its unit such as 1s, 500ms or 1m30s",
        ),
        (
            "rate_limit:\n  burst: -1\n".into(),
            ":2: rate_limit.burst=\"-1\": expected a whole number from 0 to 4294967295",
        ),
        (
            "rate_limit:\n  burst: 1\n".into(),
            ":1: rate_limit.interval: this field is needed and is not there",
        ),
        (
            "aios_metrics:\n  bearer_token: hunter2\n".into(),
            ":2: aios_metrics.bearer_token: there is no such field, expected one of bearer_token_files, open_probes",
        ),
        (
            "basic_auth_users: alice:hunter2\n".into(),
            ":1: basic_auth_users: expected fields, each with a name and a colon",
        ),
        ("basic_auth_users:\n  alice: [hunter2]\n".into(), ":2: basic_auth_users.alice: expected one value"),
        (
            "a: b: c\n".into(),
            ":1: this is not YAML as expected: mapping values are not allowed in this context",
        ),
        ("basic_auth_users:\n  a: 'x\n".into(), ":2: this is not YAML as expected: "),
        (
            "basic_auth_users: &a {}\n".into(),
            ":1: this is not YAML as expected: anchors, aliases and tags are not taken here",
        ),
        (
            "basic_auth_users:\n  a: !!str b\n".into(),
            ":2: this is not YAML as expected: anchors, aliases and tags are not taken here",
        ),
        // The end of the text is missed on the last line that there is.
        ("\n[".into(), ":2: this is not YAML as expected: "),
        ("? [a]\n: b\n".into(), ":1: this is not YAML as expected: a field's name is expected here"),
        (
            "---\n---\n".into(),
            ":2: this is not YAML as expected: a second document begins here, expected one",
        ),
        (format!("a: {}", "[".repeat(40)), ":1: this is not YAML as expected: it is nested too deeply"),
        ("- a\n".into(), ": expected fields, each with a name and a colon"),
    ];
    for (text, expected) in table {
        let error = read(text).unwrap_err();
        let said = error.strip_prefix("/etc/metrics/web.yml").unwrap();
        assert!(said.starts_with(expected), "{text:?} gives {said:?}");
        assert!(expected.ends_with(": ") || said == *expected, "{text:?} gives {said:?}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert_eq!(
        read(b"a: b\n\n\xff").unwrap_err(),
        "/etc/metrics/web.yml:3: this is not YAML as expected: it is not in UTF-8"
    );
}

/// Bytes of a good file changed, left out and doubled: whatever comes of it, nothing panics, and what
/// is refused has a line within the file.
#[test]
fn whatever_stands_there_is_read_or_refused() {
    let good = b"tls_server_config:\n  cert_file: a\n  key_file: \"b\"\n  cipher_suites:\n    - c\n\
        http_server_config: {headers: {X-Frame-Options: deny}}\nbasic_auth_users:\n  a: >-\n    b\n  c: |\n    d\n\
        rate_limit: {interval: '1s', burst: 2} # e\n";
    let pieces: &[&[u8]] = &[
        b"",
        b"\t",
        b"\n",
        b" ",
        b"- ",
        b": ",
        b"[",
        b"{",
        b"}",
        b"'",
        b"\"\\",
        b"#",
        b"? ",
        b"|",
        b"%",
        b"---",
        b"\xc3\xa4",
        b"\0",
        b"!",
        b"&a ",
        b"*a",
    ];
    let (mut refused, mut random) = (0, 1_u64);
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    for _ in 0..20_000 {
        let mut text = good.to_vec();
        for _ in 0..=below(3) {
            let at = below(text.len());
            let end = (at + below(4)).min(text.len());
            text.splice(at..end, pieces[below(pieces.len())].iter().copied());
        }
        if let Err(error) = parse(Path::new("web.yml"), &text) {
            refused += 1;
            let lines = 2 + text.iter().filter(|byte| **byte == b'\n').count();
            assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error}");
        }
    }
    assert!((1_000..19_999).contains(&refused), "{refused}");
}
