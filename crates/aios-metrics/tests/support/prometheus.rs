//! A real Prometheus of the test's own, and `promtool`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{free_port, http, wait_until};

/// A server that scrapes one target each second. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Prometheus {
    addr: SocketAddr,
    directory: PathBuf,
    process: Child,
}

/// An exemplar as the server tells it.
#[derive(Debug)]
pub(crate) struct Exemplar {
    pub(crate) series: HashMap<String, String>,
    pub(crate) labels: HashMap<String, String>,
    pub(crate) value: f64,
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: f64,
}

impl Prometheus {
    /// Starts a server that scrapes `target` as the job `service`, and waits until it is ready.
    pub(crate) fn scraping(target: SocketAddr) -> Self {
        Self::scraping_as(target, &[("service", "scheme: http")])
    }

    /// The same with features that have to be asked for, separated by commas.
    pub(crate) fn with_features(target: SocketAddr, features: &str) -> Self {
        Self::start(target, &[("service", "scheme: http")], features)
    }

    /// The same with several jobs, each a name and further settings as the fields of a flow mapping.
    pub(crate) fn scraping_as(target: SocketAddr, jobs: &[(&str, &str)]) -> Self {
        Self::start(target, jobs, "")
    }

    fn start(target: SocketAddr, jobs: &[(&str, &str)], features: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("aios-metrics-prometheus-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("the directory of a test's Prometheus can be made");
        let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned();
        for (name, settings) in jobs {
            let targets = format!("static_configs: [{{targets: ['{target}']}}]");
            config += &format!("  - {{job_name: {name}, {settings}, {targets}}}\n");
        }
        fs::write(directory.join("prometheus.yml"), config).expect("the configuration can be written");
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let log = File::create(directory.join("log")).expect("the log can be written");
        let process = Command::new("prometheus")
            .current_dir(&directory)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={addr}"))
            .arg(format!("--enable-feature={features}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| missing("prometheus", &error));
        let mut server = Self { addr, directory, process };
        wait_until("Prometheus is ready", || {
            let ended = server.process.try_wait().expect("its state can be read");
            assert!(ended.is_none(), "Prometheus has ended; its log:\n{}", server.log());
            http::request(addr, "/-/ready", "*/*").is_ok_and(|answer| answer.status == 200)
        });
        server
    }

    /// The value of an instant query that answers with one series; `None` while there is none.
    ///
    /// # Panics
    ///
    /// When the query is refused.
    pub(crate) fn query(&self, query: &str) -> Option<f64> {
        let answer = http::get(self.addr, &format!("/api/v1/query?query={}", encoded(query)));
        let json: Value = serde_json::from_str(&answer.body).expect("the API speaks JSON");
        assert_eq!(json["status"], "success", "{query}: {}", answer.body);
        let result = json["data"]["result"].as_array().expect("an instant query answers with a list");
        assert!(result.len() <= 1, "{query} has several answers: {}", answer.body);
        result.first()?["value"][1].as_str()?.parse().ok()
    }

    /// Waits until a query answers with a value.
    pub(crate) fn wait_for(&self, query: &str, value: f64) {
        wait_until(&format!("{query} is {value}"), || self.query(query) == Some(value));
    }

    /// The exemplars of the last hour.
    pub(crate) fn exemplars(&self, query: &str) -> Vec<Exemplar> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_secs();
        let path = format!(
            "/api/v1/query_exemplars?query={}&start={}&end={}",
            encoded(query),
            now - 3_600,
            now + 3_600
        );
        let answer = http::get(self.addr, &path);
        let json: Value = serde_json::from_str(&answer.body).expect("the API speaks JSON");
        assert_eq!(json["status"], "success", "{query}: {}", answer.body);
        let texts = |json: &Value| -> HashMap<String, String> {
            serde_json::from_value(json.clone()).expect("labels are texts")
        };
        let of_series = |series: &Value| -> Vec<Exemplar> {
            let exemplars = series["exemplars"].as_array().expect("each series has a list");
            let exemplar = |exemplar: &Value| Exemplar {
                series: texts(&series["seriesLabels"]),
                labels: texts(&exemplar["labels"]),
                value: exemplar["value"].as_str().and_then(|value| value.parse().ok()).expect("a number"),
                timestamp: exemplar["timestamp"].as_f64().expect("a time"),
            };
            exemplars.iter().map(exemplar).collect()
        };
        json["data"].as_array().expect("a list of series").iter().flat_map(of_series).collect()
    }

    /// The scrape's error as the server tells it; empty when it went well.
    pub(crate) fn scrape_error(&self) -> String {
        self.scrape_error_of("service")
    }

    /// The same of one of several jobs.
    pub(crate) fn scrape_error_of(&self, job: &str) -> String {
        let answer = http::get(self.addr, "/api/v1/targets");
        let json: Value = serde_json::from_str(&answer.body).expect("the API speaks JSON");
        let targets = json["data"]["activeTargets"].as_array().expect("it has a list of targets");
        let target = targets.iter().find(|target| target["labels"]["job"] == job);
        target.and_then(|target| target["lastError"].as_str()).unwrap_or("no target").to_owned()
    }

    /// Type, unit and help of a metric as the server knows them.
    pub(crate) fn metadata(&self, metric: &str) -> Option<[String; 3]> {
        let answer = http::get(self.addr, &format!("/api/v1/metadata?metric={metric}"));
        let json: Value = serde_json::from_str(&answer.body).expect("the API speaks JSON");
        let known = json["data"].get(metric)?.get(0)?;
        Some(["type", "unit", "help"].map(|key| known[key].as_str().unwrap_or_default().to_owned()))
    }

    /// What it logged from warnings on.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What `promtool check metrics` has to say of a page in text 0.0.4; nothing, when all is well.
pub(crate) fn promtool_complaints(page: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing("promtool", &error));
    let mut stdin = promtool.stdin.take().expect("its input is a pipe");
    // It reads everything before it writes anything, so neither side waits for the other.
    stdin.write_all(page.as_bytes()).expect("promtool reads the page");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

fn missing(program: &str, error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::NotFound {
        panic!("this test needs {program}: install it, on Debian with `apt-get install prometheus`");
    }
    panic!("{program} can't be started: {error}");
}

/// A query as a URL takes it.
fn encoded(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
