//! A real Prometheus scrapes a service to which a registry of `prometheus-client` is attached, in each
//! text format, and answers queries about it.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use aios_metrics::prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use aios_metrics::prometheus_client::metrics::MetricType;
use aios_metrics::prometheus_client::metrics::counter::Counter;
use aios_metrics::prometheus_client::metrics::family::Family;
use aios_metrics::prometheus_client::metrics::gauge::Gauge;
use aios_metrics::prometheus_client::metrics::histogram::Histogram;
use aios_metrics::prometheus_client::metrics::info::Info;
use aios_metrics::prometheus_client::registry::{self, Unit};
use aios_metrics::{AiosMetrics, Format, PrometheusText, Registry};
use support::prometheus::{Prometheus, promtool_complaints};
use support::{DEADLINE, metrics, quiet, wait_until};

type Labels = Vec<(&'static str, String)>;

/// A value of which the library says nothing more.
#[derive(Debug)]
struct Thing;

impl EncodeMetric for Thing {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        encoder.encode_gauge(&2.5_f64)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

/// What a library has: metrics to update, all of them registered.
#[derive(Clone, Default)]
struct Library {
    requests: Family<Labels, Counter>,
    level: Gauge<f64, AtomicU64>,
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

impl Library {
    /// Registers everything, of every kind, and one metric that no page can show.
    fn register(&self) -> registry::Registry {
        let mut registry = registry::Registry::default();
        registry.register("requests", "Requests \"sent\"\nby all", self.requests.clone());
        registry.register("9lives", "A name that Prometheus does not accept", Counter::<u64>::default());
        registry.register("level", "A level", self.level.clone());
        let seconds = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new([0.1, 0.5, 1.0]));
        for value in [0.06, 0.07, 0.08, 0.1, 0.3, 0.4, 0.45, 0.5] {
            seconds.get_or_create_owned(&label("peer", "a")).observe(value);
        }
        registry.register_with_unit("request", "Time for a request", Unit::Seconds, seconds);
        registry.register("build", "The library", Info::new([("version", "3.1.4")]));
        registry.register("thing", "Nothing more is known", Thing);
        for shard in ["a", "b"] {
            let shard = registry.sub_registry_with_label(("shard".into(), shard.into()));
            let moved = Counter::<u64>::default();
            moved.inc_by(20);
            shard.register("moved", "In two sub-registries", moved);
        }
        registry
    }
}

/// A service with the library attached, and what Prometheus must know of it.
fn service() -> (AiosMetrics, Library) {
    let metrics = metrics(quiet());
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap().set(&[], 17.0).unwrap();
    let library = Library::default();
    metrics.registry().attach(library.register());
    library.requests.get_or_create_owned(&label("file", "C:\\jobs \"Ä\"\n")).inc_by(42);
    library.level.set(-17.5);
    (metrics, library)
}

fn check(prometheus: &Prometheus, library: &Library) {
    prometheus.wait_for("up{job='service'}", 1.0);
    for (query, value) in [
        (r#"requests_total{file="C:\\jobs \"Ä\"\n"}"#, 42.0),
        ("level", -17.5),
        // Half lie in (0, 0.1] and half in (0.1, 0.5], so the median is the first bound.
        ("histogram_quantile(0.5, request_seconds_bucket{peer='a'})", 0.1),
        ("request_seconds_count{peer='a'}", 8.0),
        ("sum(rate(request_seconds_sum[1m])) >= bool 0", 1.0),
        (r#"build_info{version="3.1.4"}"#, 1.0),
        ("thing", 2.5),
        ("sum(moved_total)", 40.0),
        ("count(moved_total)", 2.0),
        ("moved_total{shard='b'}", 20.0),
        ("queue_size", 17.0),
        (r#"aios_metrics_attached_rejected_total{reason="name"} >= bool 1"#, 1.0),
        ("sum(aios_metrics_attached_rejected_total{reason!=\"name\"})", 0.0),
        ("count({__name__=~'.*lives.*'}) or vector(0)", 0.0),
    ] {
        prometheus.wait_for(query, value);
    }
    library.requests.get_or_create_owned(&label("file", "later")).inc();
    library.level.set(3.0);
    prometheus.wait_for(r#"requests_total{file="later"}"#, 1.0);
    wait_until("a later scrape sees the change", || prometheus.query("level") == Some(3.0));
    assert_eq!(prometheus.scrape_error(), "");
    assert_eq!(prometheus.log(), "");
}

#[test]
fn as_openmetrics() {
    let (metrics, library) = service();
    let prometheus = Prometheus::scraping(metrics.start_http_server().unwrap());
    check(&prometheus, &library);
    let scrapes =
        |format| metrics.value("aios_metrics_scrapes_total", &[("code", "200"), ("format", format)]);
    assert!(scrapes("openmetrics") >= Some(1.0) && scrapes("text").unwrap_or(0.0) == 0.0);
    for (name, kind, unit, help) in [
        ("requests_total", "counter", "", "Requests \"sent\"\nby all."),
        ("level", "gauge", "", "A level."),
        ("request_seconds", "histogram", "seconds", "Time for a request."),
        ("build_info", "info", "", "The library."),
        ("thing", "unknown", "", "Nothing more is known."),
    ] {
        let known = [name, name.trim_end_matches("_total").trim_end_matches("_info")]
            .iter()
            .find_map(|name| prometheus.metadata(name));
        assert_eq!(known, Some([kind, unit, help].map(str::to_owned)), "{name}");
    }
    metrics.stop(DEADLINE);
}

#[test]
fn as_text() {
    let (metrics, library) = service();
    let server = Pages::serve(metrics.registry().clone(), PrometheusText);
    let prometheus = Prometheus::scraping(server.addr);
    check(&prometheus, &library);
    for (name, kind) in [
        ("requests_total", "counter"),
        ("request_seconds", "histogram"),
        ("build_info", "gauge"),
        ("thing", "unknown"),
    ] {
        assert_eq!(prometheus.metadata(name).map(|[kind, ..]| kind).as_deref(), Some(kind), "{name}");
    }
}

#[test]
fn promtool_has_no_complaint() {
    let (metrics, _library) = service();
    let mut page = Vec::new();
    metrics.registry().encode(&PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("\nrequests_total{"), "{page}");
    assert_eq!(promtool_complaints(&page), "", "of this page:\n{page}");
}

/// Answers every request with the page in one format, whatever the client accepts.
struct Pages {
    addr: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pages {
    fn serve(registry: Registry, format: impl Format) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away asks again.
                let _ = answer(connection, &registry, &format);
            }
        });
        Self { addr, over, thread: Some(thread) }
    }
}

fn answer(
    connection: std::io::Result<TcpStream>,
    registry: &Registry,
    format: &impl Format,
) -> std::io::Result<()> {
    let mut connection = connection?;
    connection.set_read_timeout(Some(DEADLINE))?;
    let mut request = BufReader::new(connection.try_clone()?).lines();
    while request.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    let (kind, len) = (format.content_type(), page.len());
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    write!(connection, "{head}content-type: {kind}\r\ncontent-length: {len}\r\n\r\n")?;
    connection.write_all(&page)
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it up.
        drop(TcpStream::connect(self.addr));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
