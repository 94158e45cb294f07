//! What a scrape shows of the exporter itself, and of collectors that fail.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aios_metrics_core::{Collect, Descriptor, RegisterError, Registry, Snapshot};
use aios_metrics_http::Limits;
use common::{DEADLINE, Server, exporter};

const OPENMETRICS: &str = "Accept: application/openmetrics-text;version=1.0.0\r\n";

#[test]
fn scrapes_are_counted_by_code_and_format_and_timed() {
    let registry = Registry::new();
    let server = Server::start(exporter(&registry).with_self_metrics(&registry).unwrap());
    let mut client = server.connect();

    let first = client.get("/metrics");
    for line in [
        "# TYPE aios_metrics_scrapes_total counter",
        "aios_metrics_scrapes_total{code=\"200\",format=\"text\"} 0",
        "aios_metrics_scrapes_total{code=\"200\",format=\"openmetrics\"} 0",
        "# TYPE aios_metrics_scrape_duration_seconds histogram",
        "aios_metrics_scrape_duration_seconds_count 0",
    ] {
        assert!(first.text().lines().any(|found| found == line), "{line:?} in {}", first.text());
    }

    client.request("GET", "/metrics", OPENMETRICS);
    client.request("GET", "/metrics", OPENMETRICS);
    client.request("POST", "/metrics", "content-length: 0\r\n");
    client.get("/snapshot");
    let last = client.get("/metrics");
    for line in [
        "aios_metrics_scrapes_total{code=\"200\",format=\"text\"} 1",
        "aios_metrics_scrapes_total{code=\"200\",format=\"openmetrics\"} 2",
        "aios_metrics_scrape_duration_seconds_count 3",
    ] {
        assert!(last.text().lines().any(|found| found == line), "{line:?} in {}", last.text());
    }
}

#[test]
fn what_connections_and_pages_took_is_shown() {
    let registry = Registry::new();
    let limits = Limits::default().with_max_connections(2).with_header_timeout(Duration::from_millis(100));
    let server = Server::start(exporter(&registry).with_limits(limits).with_self_metrics(&registry).unwrap());
    let value = |name: &str, labels: &[(&str, &str)]| registry.value(name, labels).unwrap();
    let rejected = |reason| value("aios_metrics_rejected_connections_total", &[("reason", reason)]);
    let bytes = |encoding| value("aios_metrics_scrape_bytes_total", &[("encoding", encoding)]);
    let reasons = ["replaced", "request_timeout", "response_timeout", "malformed"];
    assert_eq!(reasons.map(rejected), [0.0; 4]);
    assert_eq!([bytes("identity"), bytes("gzip")], [0.0; 2]);

    let mut client = server.connect();
    let plain = client.get("/metrics");
    assert!(plain.text().contains("\naios_metrics_scrapes_in_flight 1\n"), "{}", plain.text());
    assert!(plain.text().contains("\naios_metrics_connections 1\n"), "{}", plain.text());
    let packed = client.request("GET", "/metrics", "accept-encoding: gzip\r\n");
    assert_eq!(bytes("identity"), plain.body.len() as f64);
    assert_eq!(bytes("gzip"), packed.body.len() as f64);
    client.get("/snapshot");
    client.request("HEAD", "/metrics", "");
    assert_eq!(bytes("identity"), plain.body.len() as f64, "neither a document nor a head is a page");

    // Idle, and then in the way of a third.
    let mut idle = server.connect();
    assert_eq!(idle.get("/healthz").status, 200);
    assert!(server.connect().is_closed_in_time(), "it never asks");
    assert_eq!([rejected("replaced"), rejected("request_timeout")], [1.0, 1.0]);
    let mut noise = server.connect();
    noise.send("NO HTTP\r\n\r\n");
    assert_eq!(noise.response(true).status, 400);
    assert!(noise.is_closed_in_time());
    let gone = || value("aios_metrics_connections", &[]) <= 1.0;
    let started = Instant::now();
    while !gone() || rejected("malformed") == 0.0 {
        assert!(started.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    assert_eq!(rejected("malformed"), 1.0);
    assert_eq!(rejected("response_timeout"), 0.0);
}

#[test]
fn self_metrics_can_be_registered_twice_but_not_over_something_else() {
    let registry = Registry::new();
    let exporters = [(); 2].map(|()| exporter(&registry).with_self_metrics(&registry));
    assert!(exporters.iter().all(Result::is_ok));

    let taken = Registry::new();
    taken.register_gauge("aios_metrics_scrapes_total", "Not ours", &[]).unwrap();
    let error = exporter(&taken).with_self_metrics(&taken).unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { .. }), "{error}");
}

#[test]
fn a_collector_that_panics_costs_its_scrape_and_no_other() {
    struct Moody {
        descriptor: Descriptor,
        bad: Arc<AtomicBool>,
    }
    impl Collect for Moody {
        fn describe(&self) -> Vec<Descriptor> {
            vec![self.descriptor.clone()]
        }
        fn collect(&self, snapshot: &mut Snapshot) {
            snapshot.family(&self.descriptor).gauge(&[], 1.0);
            assert!(!self.bad.load(Ordering::SeqCst), "a bad day");
        }
    }
    let (registry, bad) = (Registry::new(), Arc::new(AtomicBool::new(true)));
    let descriptor = Descriptor::gauge("mood", "Of a collector", &[]).unwrap();
    registry.register(Moody { descriptor, bad: Arc::clone(&bad) }).unwrap();
    let server = Server::start(exporter(&registry).with_self_metrics(&registry).unwrap());
    let mut client = server.connect();

    let failed = client.get("/metrics");
    assert_eq!((failed.status, failed.header("content-type")), (500, "text/plain; charset=utf-8"));
    assert_eq!(client.get("/healthz").status, 200);

    bad.store(false, Ordering::SeqCst);
    let page = client.get("/metrics");
    assert_eq!(page.status, 200);
    assert_eq!(page.text().matches("\nmood 1\n").count(), 1, "{}", page.text());
    assert!(page.text().contains("aios_metrics_scrapes_total{code=\"500\",format=\"text\"} 1\n"));
}
