//! A real Prometheus scrapes a service to which a registry of `prometheus-client` is attached, in each
//! format, and answers queries about it.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::sync::atomic::AtomicU64;

use aios_metrics::prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use aios_metrics::prometheus_client::metrics::MetricType;
use aios_metrics::prometheus_client::metrics::counter::Counter;
use aios_metrics::prometheus_client::metrics::exemplar::CounterWithExemplar;
use aios_metrics::prometheus_client::metrics::family::Family;
use aios_metrics::prometheus_client::metrics::gauge::Gauge;
use aios_metrics::prometheus_client::metrics::histogram::Histogram;
use aios_metrics::prometheus_client::metrics::info::Info;
use aios_metrics::prometheus_client::registry::{self, Unit};
use aios_metrics::{AiosMetrics, PrometheusText};
use support::prometheus::{Prometheus, promtool_complaints};
use support::rewriting::Rewriting;
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
        let traced = CounterWithExemplar::<Labels>::default();
        traced.inc_by(5, Some(label("trace_id", "4bf92f35")), None);
        registry.register("traced", "With an exemplar", traced);
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

/// How many pages were served in each format.
fn scrapes(metrics: &AiosMetrics) -> [f64; 3] {
    ["openmetrics", "text", "protobuf"].map(|format| {
        let labels = [("code", "200"), ("format", format)];
        metrics.value("aios_metrics_scrapes_total", &labels).unwrap_or(0.0)
    })
}

/// What Prometheus says that a family is: type, unit and help.
fn check_metadata(prometheus: &Prometheus, families: &[(&str, &str, &str, &str)]) {
    for (name, kind, unit, help) in families {
        let known = [name, name.trim_end_matches("_total").trim_end_matches("_info")]
            .iter()
            .find_map(|name| prometheus.metadata(name));
        assert_eq!(known, Some([kind, unit, help].map(|text| (*text).to_owned())), "{name}");
    }
}

fn check_exemplar(prometheus: &Prometheus) {
    wait_until("the exemplar of the library is known", || {
        let found = prometheus.exemplars("traced_total");
        found.iter().any(|exemplar| (&*exemplar.labels["trace_id"], exemplar.value) == ("4bf92f35", 5.0))
    });
}

#[test]
fn as_openmetrics() {
    let (metrics, library) = service();
    let prometheus = Prometheus::with_features(metrics.start_http_server().unwrap(), "exemplar-storage");
    check(&prometheus, &library);
    check_exemplar(&prometheus);
    let [openmetrics, others @ ..] = scrapes(&metrics);
    assert!(openmetrics >= 1.0 && others == [0.0; 2]);
    let help = "Requests \"sent\"\nby all.";
    check_metadata(
        &prometheus,
        &[
            ("requests_total", "counter", "", help),
            ("level", "gauge", "", "A level."),
            ("request_seconds", "histogram", "seconds", "Time for a request."),
            ("build_info", "info", "", "The library."),
            ("thing", "unknown", "", "Nothing more is known."),
        ],
    );
    metrics.stop(DEADLINE);
}

#[test]
fn as_text() {
    let (metrics, library) = service();
    let proxy = Rewriting::accepting("text/plain;version=0.0.4", metrics.start_http_server().unwrap());
    let prometheus = Prometheus::scraping(proxy.addr);
    check(&prometheus, &library);
    let [openmetrics, text, protobuf] = scrapes(&metrics);
    assert!(text >= 1.0 && [openmetrics, protobuf] == [0.0; 2]);
    let help = "Requests \"sent\"\nby all.";
    check_metadata(
        &prometheus,
        &[
            ("requests_total", "counter", "", help),
            ("request_seconds", "histogram", "", "Time for a request."),
            ("build_info", "gauge", "", "The library."),
            ("thing", "unknown", "", "Nothing more is known."),
        ],
    );
}

#[cfg(feature = "protobuf")]
#[test]
fn as_protobuf() {
    let (metrics, library) = service();
    let addr = metrics.start_http_server().unwrap();
    let prometheus = Prometheus::with_features(addr, "native-histograms,exemplar-storage");
    check(&prometheus, &library);
    check_exemplar(&prometheus);
    let [openmetrics, text, protobuf] = scrapes(&metrics);
    assert!(protobuf >= 1.0 && [openmetrics, text] == [0.0; 2]);
    let help = "Requests \"sent\"\nby all.";
    check_metadata(
        &prometheus,
        &[
            ("requests_total", "counter", "", help),
            ("request_seconds", "histogram", "", "Time for a request."),
            ("build_info", "gauge", "", "The library."),
            ("thing", "unknown", "", "Nothing more is known."),
        ],
    );
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
