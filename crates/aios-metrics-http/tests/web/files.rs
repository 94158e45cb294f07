//! Files that can't be used, and those that others call good.

use std::fs;
use std::path::Path;
use std::process::Command;

use aios_metrics_core::Registry;
use aios_metrics_http::{
    Auth, ClientAuth, Exporter, Pem, RateLimit, ServerTls, TlsVersion, WebConfig, WebConfigError,
    WebConfigProblem,
};
use std::time::Duration;

use crate::common::exporter;
use crate::support::certificates::Authority;
use crate::support::{Folder, HASH, server_tls};

fn load(path: &Path) -> Result<Exporter, WebConfigError> {
    exporter(&Registry::new()).with_web_config_file(path)
}

/// A folder with certificates, and what is said of each configuration in it.
struct Trial {
    folder: Folder,
    authority: Authority,
}

impl Trial {
    fn new() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new());
        let [server, other] = ["server", "other"].map(|name| authority.issue(name, "DNS:localhost"));
        folder.copy(&server.certificate, "server.crt");
        folder.copy(&server.key, "server.key");
        folder.copy(&other.key, "other.key");
        folder.copy(&authority.certificate(), "ca.crt");
        folder.write("empty", "");
        folder.write("junk", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
        folder.write("asn1", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        folder.write("half", "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n");
        folder.write("odd.key", "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n");
        Self { folder, authority }
    }

    fn says(&self, text: &str) -> String {
        let path = self.folder.write("web.yml", text);
        let error = load(&path).unwrap_err();
        assert_eq!(error.file(), Some(path.as_path()));
        let said = error.to_string();
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg"), "{said}");
        assert!(!format!("{error:?}").contains("hunter2"));
        said.replace(path.parent().unwrap().to_str().unwrap(), "DIR")
    }

    fn says_of_tls(&self, fields: &[&str]) -> String {
        self.says(&format!("tls_server_config:\n  {}\n", fields.join("\n  ")))
    }
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let trial = Trial::new();
    let missing = trial.folder.path("none.yml");
    assert_eq!(
        load(&missing).unwrap_err().to_string(),
        format!("{0}: can't read {0}: No such file or directory (os error 2)", missing.display())
    );
    let (cert, key) = ("cert_file: server.crt", "key_file: server.key");
    for (fields, expected) in [
        (
            vec![cert, "key_file: none.key"],
            ":3: tls_server_config.key_file: can't read DIR/none.key: No such file or directory (os error 2)",
        ),
        (
            vec![cert, "key_file: ."],
            ":3: tls_server_config.key_file: can't read DIR/.: it is no regular file",
        ),
        (
            vec!["cert_file: none.crt", key],
            ":2: tls_server_config.cert_file: can't read DIR/none.crt: No such file or directory (os error 2)",
        ),
        (
            vec!["cert_file: empty", key],
            ":2: tls_server_config.cert_file: DIR/empty: there is no certificate in it",
        ),
        (
            vec!["cert_file: junk", key],
            ":2: tls_server_config.cert_file: DIR/junk: this is not PEM: what stands in a section is not base64",
        ),
        (
            vec!["cert_file: asn1", key],
            ":2: tls_server_config.cert_file: DIR/asn1: the certificate can't be used: invalid peer certificate: BadEncoding",
        ),
        (
            vec![cert, "key_file: server.crt"],
            ":3: tls_server_config.key_file: DIR/server.crt: there is no private key in it; one that is encrypted is not taken",
        ),
        (
            vec![cert, "key_file: half"],
            ":3: tls_server_config.key_file: DIR/half: this is not PEM: a section has no end",
        ),
        (
            vec![cert, "key_file: odd.key"],
            ":3: tls_server_config.key_file: DIR/odd.key: this key can't be used, expected RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519",
        ),
        (
            vec![cert, "key_file: other.key"],
            ":3: tls_server_config.key_file: DIR/other.key: this key does not belong to the certificate",
        ),
        (
            vec![cert, key, "client_ca_file: ca.crt"],
            ":1: tls_server_config.client_auth_type=\"NoClientCert\": expected RequireAndVerifyClientCert where there are authorities of clients",
        ),
        (
            vec![cert, key, "client_auth_type: RequireAndVerifyClientCert"],
            ":1: tls_server_config.client_ca_file: this field is needed and is not there",
        ),
        (
            vec![cert, key, "client_ca_file: asn1", "client_auth_type: RequireAndVerifyClientCert"],
            ":4: tls_server_config.client_ca_file: the certificate of an authority can't be used: invalid peer certificate: BadEncoding",
        ),
        (
            vec![cert, key, "client_allowed_sans: [a]"],
            ":4: tls_server_config.client_allowed_sans: expected client_auth_type RequireAndVerifyClientCert beside it: in a certificate that nobody checks, any name can stand",
        ),
        (
            vec![
                cert,
                key,
                "client_ca_file: ca.crt",
                "client_auth_type: RequireAndVerifyClientCert",
                "client_allowed_sans:",
                "  - a",
                "  - ops@example.org",
            ],
            ":8: tls_server_config.client_allowed_sans[1]=\"ops@example.org\": expected a DNS name, a URI or an IP address; e-mail addresses are not supported",
        ),
        (
            vec![cert, key, "min_version: TLS13", "max_version: TLS12"],
            ":4: tls_server_config.min_version: expected a version that is not above max_version",
        ),
        (
            vec![
                cert,
                key,
                "min_version: TLS12",
                "max_version: TLS12",
                "cipher_suites: [TLS_AES_128_GCM_SHA256]",
            ],
            ":6: tls_server_config.cipher_suites: expected cipher suites of the versions between min_version and max_version",
        ),
        (
            vec![cert, key, "cipher_suites:", "  - TLS_RSA_WITH_AES_128_CBC_SHA"],
            ":5: tls_server_config.cipher_suites[0]=\"TLS_RSA_WITH_AES_128_CBC_SHA\": expected one of those that are supported: TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        (
            vec![cert, key, "curve_preferences: [CurveP521]"],
            ":4: tls_server_config.curve_preferences[0]=\"CurveP521\": expected one of those that are supported: X25519, CurveP256, CurveP384",
        ),
    ] {
        assert_eq!(trial.says_of_tls(&fields), format!("DIR/web.yml{expected}"));
    }
    let slow = HASH.replace("$04$", "$17$");
    for (text, expected) in [
        (
            "basic_auth_users:\n  alice: hunter2\n",
            ":2: basic_auth_users.alice: expected a bcrypt hash: 60 characters that begin with $2a$, $2b$ or $2y$, as `htpasswd -nBC 10 \"\"` makes them",
        ),
        (
            "basic_auth_users:\n  alice:\n",
            ":2: basic_auth_users.alice: expected a bcrypt hash: 60 characters that begin with $2a$, $2b$ or $2y$, as `htpasswd -nBC 10 \"\"` makes them",
        ),
        (
            &format!("basic_auth_users:\n  a: {HASH}\n  bob: {slow}\n"),
            ":3: basic_auth_users.bob: expected a bcrypt hash with a cost of 4 to 16, this one has 17",
        ),
        (
            &format!("basic_auth_users:\n  a:b: {HASH}\n"),
            ":2: basic_auth_users.a:b: expected a name without a colon, which ends it in a request",
        ),
        (
            "aios_metrics: {bearer_token_files: [none]}\n",
            ":1: aios_metrics.bearer_token_files[0]: can't read DIR/none: No such file or directory (os error 2)",
        ),
        (
            "aios_metrics:\n  bearer_token_files:\n    - empty\n",
            ":3: aios_metrics.bearer_token_files[0]: expected one token of visible ASCII characters without spaces",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
            ":3: http_server_config.headers.X-Frame-Options=\"allow\": expected deny or sameorigin",
        ),
        (
            "http_server_config:\n  headers:\n    Content-Security-Policy: \"a\\nb\"\n",
            ":3: http_server_config.headers.Content-Security-Policy=\"a\\nb\": expected what a header can hold: visible characters",
        ),
        (
            "rate_limit: {interval: 1s}\n",
            ":1: rate_limit.burst=\"0\": expected at least 1, without which no request would be answered",
        ),
    ] {
        assert_eq!(trial.says(text), format!("DIR/web.yml{expected}"));
    }
    trial.folder.write("large", vec![b' '; (1 << 20) + 1]);
    let said = trial.says_of_tls(&[cert, "key_file: large"]);
    assert_eq!(
        said,
        "DIR/web.yml:3: tls_server_config.key_file: can't read DIR/large: it has more than 1 MiB"
    );
}

#[test]
fn in_code_the_same_is_said_without_a_file() {
    let trial = Trial::new();
    let identity = trial.authority.issue("code", "DNS:localhost");
    let text = |path: &Path| Pem::text(fs::read_to_string(path).unwrap());
    let says = |config: WebConfig| {
        let error = exporter(&Registry::new()).with_web_config(config).unwrap_err();
        assert_eq!((error.file(), error.line()), (None, None));
        error.to_string()
    };
    let pair = || ServerTls::new(text(&identity.certificate), text(&identity.key));
    assert!(exporter(&Registry::new()).with_web_config(WebConfig::default().with_tls(pair())).is_ok());
    let swapped = ServerTls::new(text(&identity.key), text(&identity.certificate));
    assert_eq!(
        says(WebConfig::default().with_tls(swapped)),
        "tls_server_config.cert: there is no certificate in it"
    );
    let tls = pair().with_min_version(TlsVersion::Tls13).with_max_version(TlsVersion::Tls12);
    assert_eq!(
        says(WebConfig::default().with_tls(tls)),
        "tls_server_config.min_version: expected a version that is not above max_version"
    );
    let tls = pair().with_client_ca(Pem::text(""), ClientAuth::RequireAndVerifyClientCert);
    assert_eq!(
        says(WebConfig::default().with_tls(tls)),
        "tls_server_config.client_ca: there is no certificate in it"
    );
    let auth = Auth::default().with_bearer_token("with space");
    assert_eq!(
        says(WebConfig::default().with_auth(auth)),
        "aios_metrics.bearer_tokens: expected one token of visible ASCII characters without spaces"
    );
    assert_eq!(
        says(WebConfig::default().with_header("X-Own", "1")),
        "http_server_config.headers.X-Own: expected one of Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security"
    );
    assert_eq!(
        says(WebConfig::default().with_rate_limit(RateLimit::new(Duration::ZERO, 1))),
        "rate_limit.interval=\"0s\": expected more than no time"
    );
    let error = exporter(&Registry::new())
        .with_web_config(WebConfig::default().with_tls(server_tls(&identity).with_cipher_suites(["none"])))
        .unwrap_err();
    assert_eq!(error.field(), "tls_server_config.cipher_suites[0]");
    assert!(matches!(error.problem(), WebConfigProblem::Value { value: Some(value), .. } if value == "none"));
}

/// What Prometheus' own tool says of a configuration.
fn promtool(path: &Path) -> Result<(), String> {
    let output = Command::new("promtool").args(["check", "web-config"]).arg(path).output();
    let output =
        output.expect("promtool can be started, on Debian it comes with `apt-get install prometheus`");
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

#[test]
fn promtool_and_we_agree() {
    let trial = Trial::new();
    let pair = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let good = format!(
        "{pair}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  min_version: TLS12\n  \
         max_version: TLS13\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  \
         curve_preferences: [X25519]\n  prefer_server_cipher_suites: yes\n\
         http_server_config:\n  http2: false\n  headers: {{X-Frame-Options: deny}}\n\
         basic_auth_users:\n  alice: {HASH}\n"
    );
    let both = |text: &str| {
        let path = trial.folder.write("web.yml", text);
        (promtool(&path).map_err(|said| println!("{said}")).is_ok(), load(&path).is_ok())
    };
    assert_eq!(both(&good), (true, true));
    assert_eq!(both(""), (true, true));
    for bad in [
        "tls_server_config: {cert_file: server.crt}\n",
        "tls_server_config: {cert_file: server.crt, key_file: other.key}\n",
        "tls_server_config: {cert_file: none.crt, key_file: server.key}\n",
        "basic_auth_users: {alice: x}\n",
        "http_server_config: {headers: {X-Frame-Options: x}}\n",
        "http_server_config: {headers: {X-Own: x}}\n",
        "nothing: 1\n",
        &good.replace("TLS12", "TLS1"),
        &good.replace("X25519", "P256"),
        &good.replace("http2: false", "http2: maybe"),
        &format!("{pair}  client_ca_file: ca.crt\n"),
        &format!("basic_auth_users:\n  a: {HASH}\n  a: {HASH}\n"),
        "{",
    ] {
        assert_eq!(both(bad), (false, false), "{bad}");
    }
}
