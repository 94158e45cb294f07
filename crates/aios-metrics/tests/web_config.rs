//! TLS and passwords from a file: a real Prometheus gets in with the right ones, and what goes wrong
//! is told in the words of the guide.

#![cfg(all(feature = "http", feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aios_metrics::http::{Auth, Pem, ServerTls, WebConfig};
use aios_metrics::{AiosMetrics, StartError};
use support::certificates::Authority;
use support::prometheus::Prometheus;
use support::{DEADLINE, events, http, metrics, quiet, wait_for, wait_until};
use tracing::Level;

/// Of `open sesame`, by the system's crypt(3), at the least cost that there is.
const HASH: &str = "$2y$04$9rVs4pvHOLSgaeiySt8Ksuf4G/4W0zFElyE2eA33n5CbnFj7VlXIO";

/// A folder with a pair for `localhost`, an authority that both sides trust, and a client's pair.
struct Files {
    folder: PathBuf,
    _authority: Authority,
}

impl Files {
    fn new() -> Self {
        let (folder, authority) = (support::redis::temporary_directory(), Authority::new());
        fs::copy(authority.certificate(), folder.join("ca.crt")).unwrap();
        for (name, host) in
            [("server", "DNS:localhost,IP:127.0.0.1"), ("client", "URI:spiffe://cluster/prometheus")]
        {
            let identity = authority.issue(name, host);
            fs::copy(identity.certificate, folder.join(format!("{name}.crt"))).unwrap();
            fs::copy(identity.key, folder.join(format!("{name}.key"))).unwrap();
        }
        Self { folder, _authority: authority }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const PAIR: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

fn with_file(path: &Path) -> AiosMetrics {
    let metrics = metrics(quiet().with_web_config_file(path));
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    metrics.set_gauge("queue_size", 17.0, &[]).unwrap();
    metrics
}

/// Jobs of a real Prometheus: the settings of each, and what the error of its scrape has to say, or
/// nothing for one that goes well.
fn scrape(addr: SocketAddr, jobs: &[(&str, &str)]) {
    let names: Vec<String> = (0..jobs.len()).map(|i| format!("job{i}")).collect();
    let settings: Vec<_> =
        names.iter().zip(jobs).map(|(name, (settings, _))| (name.as_str(), *settings)).collect();
    let prometheus = Prometheus::scraping_as(addr, &settings);
    for (name, (settings, expected)) in names.iter().zip(jobs) {
        let is_up = if expected.is_empty() { 1.0 } else { 0.0 };
        prometheus.wait_for(&format!("up{{job='{name}'}}"), is_up);
        wait_until(&format!("{settings} gives {expected:?}"), || {
            let error = prometheus.scrape_error_of(name);
            error.contains(expected) && expected.is_empty() == error.is_empty()
        });
        if expected.is_empty() {
            prometheus.wait_for(&format!("queue_size{{job='{name}'}}"), 17.0);
        }
    }
}

#[test]
fn a_real_prometheus_gets_in_with_its_password_over_tls() {
    events::collect();
    let files = Files::new();
    let path = files.write("web.yml", &format!("{PAIR}basic_auth_users:\n  prometheus: {HASH}\n"));
    let metrics = with_file(&path);
    let addr = metrics.start_http_server().unwrap();
    assert_eq!(events::at(Level::INFO, &format!("serving https://{addr}/metrics")).len(), 1);

    let https = format!("scheme: https, tls_config: {{ca_file: '{}'}}", files.path("ca.crt"));
    let password =
        |password: &str| format!("{https}, basic_auth: {{username: prometheus, password: {password}}}");
    let jobs = [
        (&*password("open sesame"), ""),
        (&*password("open barley"), "401 Unauthorized"),
        (&*https, "401 Unauthorized"),
        ("scheme: https", "certificate"),
        ("scheme: http", "malformed HTTP response"),
    ];
    scrape(addr, &jobs);
    let name = |reason: &str| metrics.value("aios_metrics_refused_total", &[("reason", reason)]).unwrap();
    assert!(name("unauthorized") >= 2.0 && name("tls_handshake") >= 1.0);
    assert!(metrics.stop(DEADLINE).joined);
}

#[test]
fn what_is_set_in_code_counts_and_not_the_file() {
    let files = Files::new();
    let metrics = with_file(&files.folder.join("absent.yml"));
    let web = |token: &str| WebConfig::default().with_auth(Auth::default().with_bearer_token(token));
    let error = metrics.start_http_server_with(web("two words")).unwrap_err().to_string();
    assert!(error.starts_with("the web configuration can't be used: aios_metrics.bearer_tokens"), "{error}");

    let tls = ServerTls::new(Pem::file(files.path("server.crt")), Pem::file(files.path("server.key")));
    let addr = metrics.start_http_server_with(web("b3f1d0a95c7e48e2").with_tls(tls)).unwrap();
    let https = format!("scheme: https, tls_config: {{ca_file: '{}'}}", files.path("ca.crt"));
    let token = format!("{https}, authorization: {{credentials: b3f1d0a95c7e48e2}}");
    scrape(addr, &[(&*token, ""), (&*https, "401 Unauthorized")]);
    let error = metrics.start_http_server_with(WebConfig::default()).unwrap_err();
    assert!(matches!(error, StartError::AlreadyRunning { addr: running } if running == addr), "{error}");
    assert_eq!(metrics.start_http_server().unwrap(), addr);
    assert!(metrics.stop(DEADLINE).joined);
    let error = metrics.start_http_server_with(WebConfig::default()).unwrap_err();
    assert!(matches!(error, StartError::Stopped), "{error}");
}

#[test]
fn a_real_prometheus_gets_in_with_a_token_and_a_certificate() {
    let files = Files::new();
    files.write("token", "b3f1d0a95c7e48e2\n");
    let text = format!(
        "{PAIR}  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_allowed_sans: [\"spiffe://cluster/prometheus\"]\n  min_version: TLS13\n\
         aios_metrics:\n  bearer_token_files: [token]\n"
    );
    let metrics = with_file(&files.write("web.yml", &text));
    let addr = metrics.start_http_server().unwrap();

    let with = |identity: &str| {
        let [ca, cert, key] = ["ca.crt".to_owned(), format!("{identity}.crt"), format!("{identity}.key")]
            .map(|name| files.path(&name));
        format!("scheme: https, tls_config: {{ca_file: '{ca}', cert_file: '{cert}', key_file: '{key}'}}")
    };
    let token = format!("authorization: {{credentials_file: '{}'}}", files.path("token"));
    let jobs = [
        (&*format!("{}, {token}", with("client")), ""),
        (&*with("client"), "401 Unauthorized"),
        // Signed by the same authority, under another name.
        (&*format!("{}, {token}", with("server")), "tls: "),
    ];
    scrape(addr, &jobs);
    assert!(metrics.stop(DEADLINE).joined);
}

#[test]
fn a_file_that_can_not_be_used_starts_nothing_and_may_be_mended() {
    let files = Files::new();
    let path = files.write("web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: none.key\n");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let metrics = with_file(&path);
    let error = metrics.start_http_server_on("127.0.0.1", port).unwrap_err();
    let expected = format!(
        "METRICS_WEB_CONFIG_FILE can't be used: {}:3: tls_server_config.key_file: can't read {}: \
         No such file or directory (os error 2)",
        path.display(),
        files.path("none.key"),
    );
    assert_eq!(error.to_string(), expected);
    let StartError::WebConfig(error) = error else { panic!("{error:?}") };
    assert_eq!((error.line(), error.field()), (Some(3), "tls_server_config.key_file"));
    assert!(http::request(([127, 0, 0, 1], port).into(), "/healthz", "*/*").is_err());

    files.write("web.yml", "aios_metrics: {open_probes: true, bearer_token_files: [token]}\n");
    files.write("token", "token");
    let addr = metrics.start_http_server_on("127.0.0.1", port).unwrap();
    let status = |path: &str| http::get(addr, path).status;
    assert_eq!([status("/healthz"), status("/readyz"), status("/metrics")], [200, 200, 401]);
    metrics.stop(DEADLINE);
}

const GUIDE: &str = include_str!("../../../docs/troubleshooting.md");

/// Fails unless the guide has this as a line of its own.
fn documented(files: &Files, line: &str) {
    let line = line.replace(&files.folder.display().to_string(), "/etc/metrics");
    assert!(GUIDE.lines().any(|found| found == line), "docs/troubleshooting.md has no line:\n{line}");
}

#[test]
fn what_is_wrong_with_a_file_is_what_the_guide_says() {
    let files = Files::new();
    fs::copy(files.folder.join("client.key"), files.folder.join("other.key")).unwrap();
    for text in [
        "tls_server_config:\n  cert_file: server.crt\n  key_file: none.key\n",
        "tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n",
        "tls_server_config:\n  cert_fil: server.crt\n",
        "basic_auth_users:\n  alice: open sesame\n",
    ] {
        let metrics = with_file(&files.write("web.yml", text));
        documented(&files, &metrics.start_http_server().unwrap_err().to_string());
    }
}

/// The file of the page for operators is a good one, and the user in it gets in with that password.
#[test]
fn the_sample_is_good() {
    let page = include_str!("../../../docs/web-config.md");
    let sample = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let files = Files::new();
    for (from, to) in [("server.crt", "tls.crt"), ("server.key", "tls.key")] {
        fs::copy(files.folder.join(from), files.folder.join(to)).unwrap();
    }
    let path = files.write("web.yml", sample);
    let promtool = Command::new("promtool").args(["check", "web-config"]).arg(&path).output();
    let promtool =
        promtool.expect("promtool can be started, on Debian it comes with `apt-get install prometheus`");
    assert!(promtool.status.success(), "{promtool:?}");

    let metrics = with_file(&path);
    let addr = metrics.start_http_server().unwrap();
    let settings = "scheme: https, tls_config: {ca_file: 'CA'}, \
                    basic_auth: {username: prometheus, password: open sesame}";
    scrape(addr, &[(&settings.replace("CA", &files.path("ca.crt")), "")]);
    assert!(metrics.stop(DEADLINE).joined);
}

#[test]
fn what_is_logged_is_what_the_guide_says() {
    events::collect();
    let files = Files::new();
    let path = files.write("web.yml", &format!("{PAIR}aios_metrics: {{bearer_token_files: [token]}}\n"));
    files.write("token", "token");
    let metrics = with_file(&path);
    let addr = metrics.start_http_server().unwrap();
    let logged = |about: &str, nudge: &dyn Fn()| {
        wait_for(&format!("{about:?} in the log"), || {
            nudge();
            Some(events::at(Level::WARN, about).first()?.text.trim().to_owned())
        })
    };
    let plain = || assert!(http::request(addr, "/metrics", "*/*").is_err());
    documented(&files, &logged("handshake", &plain));

    files.write("web.yml", "tls_server_config: {}\n");
    let look = || drop(http::request(addr, "/metrics", "*/*"));
    let about = files.path("web.yml");
    documented(&files, &logged(&about, &look));
    // Said once, however often somebody looks.
    let failed = || metrics.value("aios_metrics_web_config_reload_failed", &[]) == Some(1.0);
    assert!(failed());
    files.write("web.yml", &format!("{PAIR}aios_metrics: {{bearer_token_files: [token]}}\n"));
    wait_until("it is read again", || {
        look();
        !failed()
    });
    assert_eq!(events::at(Level::WARN, &about).len(), 1);
    metrics.stop(Duration::from_secs(5));

    let open = with_file(&files.write("web.yml", "aios_metrics: {bearer_token_files: [token]}\n"));
    let addr = open.start_http_server().unwrap();
    let ask = || assert_eq!(http::get(addr, "/metrics").status, 401);
    documented(&files, &logged("without a valid password", &ask));
    assert!(GUIDE.contains(http::get(addr, "/metrics").body.trim_end()));
    open.stop(Duration::from_secs(5));
}
