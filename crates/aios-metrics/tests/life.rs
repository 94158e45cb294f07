//! How the background parts end: in time whatever hangs, once, and with a report.

#![cfg(all(feature = "http", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, MetricsConfig, Payload, Sink, SinkError, StartError, StopReport};
use aios_metrics_core::MemorySink;
use support::redis::RedisServer;
use support::{DEADLINE, http, metrics, parse, publishing, pushes, quiet, wait_until};

/// Far above every timeout given to `stop` here, and far below what something that hangs would take.
const MARGIN: Duration = Duration::from_secs(20);

fn stop_in_time(metrics: &AiosMetrics, timeout: Duration) -> StopReport {
    let begun = Instant::now();
    let report = metrics.stop(timeout);
    assert!(begun.elapsed() < timeout + MARGIN, "stop took {:?}, with {timeout:?}", begun.elapsed());
    report
}

/// Asks for a page that is larger than what the sockets hold, and does not read it.
fn slow_scraper(metrics: &AiosMetrics, addr: SocketAddr) -> TcpStream {
    // Help is on the page and not in the document, which stays small.
    for i in 0..24 {
        metrics.register_gauge(&format!("large_{i}"), &"x".repeat(1 << 20), &[]).unwrap();
    }
    let mut scraper = http::connect(addr).unwrap();
    scraper.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let scrapes = || metrics.value("aios_metrics_scrapes_total", &[("code", "200"), ("format", "text")]);
    wait_until("the page is made", || scrapes() == Some(1.0));
    scraper
}

#[test]
fn stop_ends_in_time_while_redis_hangs_and_a_scraper_does_not_read() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()));
    let addr = metrics.start_http_server().unwrap();
    let scraper = slow_scraper(&metrics, addr);
    wait_until("documents are delivered", || pushes(&metrics, "delivered_total") > 0);
    redis.pause();
    wait_until("documents wait", || pushes(&metrics, "pending") > 2);

    let report = stop_in_time(&metrics, Duration::from_secs(4));
    assert!(report.joined, "{report}");
    assert!(report.delivered > 0 && report.left > 2, "{report}");
    let all = report.delivered + report.dropped + report.left;
    assert_eq!(all, pushes(&metrics, "enqueued_total"), "{report}");
    assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
    drop((scraper, redis));
}

#[test]
fn a_stop_without_any_time_returns_and_leaves_nothing_running() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()));
    let addr = metrics.start_http_server().unwrap();
    let _scraper = slow_scraper(&metrics, addr);
    redis.pause();
    stop_in_time(&metrics, Duration::ZERO);
    wait_until("the port is free", || std::net::TcpListener::bind(addr).is_ok());
}

#[test]
fn stop_delivers_what_waits_for_a_full_batch_and_a_last_document() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()).with_redis_batch_size(1_000));
    metrics.register_gauge("workers", "Active workers", &[]).unwrap();
    metrics.start_http_server().unwrap();
    wait_until("documents wait", || pushes(&metrics, "pending") >= 3);
    assert!(redis.list("NODE_METRICS").is_empty(), "no batch is full");

    metrics.set_gauge("workers", 8.0, &[]).unwrap();
    let report = stop_in_time(&metrics, DEADLINE);
    let documents = parse(&redis.list("NODE_METRICS"));
    assert_eq!(report.to_string(), format!("{} documents delivered, 0 dropped, 0 left", documents.len()));
    assert_eq!(documents.last().unwrap().sample("workers", &[]), Some(8.0));
}

#[test]
fn stops_at_the_same_time_and_later_ones_give_the_same_report() {
    let sink = MemorySink::new();
    let metrics = metrics(quiet().with_redis_push_interval_s(3600.0));
    metrics.start_http_server().unwrap();
    metrics.start_publisher_to(sink.clone()).unwrap();
    let reports: Vec<StopReport> = std::thread::scope(|scope| {
        let stops: Vec<_> =
            (0..4).map(|_| scope.spawn(|| stop_in_time(&metrics.clone(), DEADLINE))).collect();
        stops.into_iter().map(|stop| stop.join().unwrap()).collect()
    });
    assert_eq!((reports[0].delivered, reports[0].left, reports[0].joined), (2, 0, true));
    assert!(reports.iter().all(|report| *report == reports[0]), "{reports:?}");
    assert_eq!(stop_in_time(&metrics, Duration::ZERO), reports[0]);
    assert_eq!(sink.delivered().len(), 2, "one last document, not four");
}

#[test]
fn stopping_what_never_ran_is_harmless_and_final() {
    let metrics = metrics(MetricsConfig::default());
    assert_eq!(metrics.stop(Duration::MAX), StopReport::default());
    assert!(matches!(metrics.start_publisher(), Err(StartError::Stopped)));
    assert!(matches!(metrics.start_publisher_to(MemorySink::new()), Err(StartError::Stopped)));
    assert!(matches!(metrics.start_http_server(), Err(StartError::Stopped)));
    assert_eq!(metrics.flush(DEADLINE), aios_metrics::FlushReport::default());
}

#[test]
fn handles_and_snapshots_go_on_working_after_a_stop() {
    let metrics = metrics(quiet());
    let jobs = metrics.register_counter("jobs", "Jobs done", &[]).unwrap().with(&[]).unwrap();
    metrics.start_http_server().unwrap();
    metrics.stop(DEADLINE);
    jobs.inc();
    metrics.increment_counter("jobs", &[], 1).unwrap();
    metrics.observe_rolling("latency", 0.5).unwrap();
    assert_eq!(metrics.value("jobs", &[]), Some(2.0));
    assert_eq!(metrics.snapshot().sample("jobs_total", &[]), Some(2.0));
}

/// A sink that tells when it is gone, and never answers if told so.
struct Watched {
    gone: Arc<AtomicBool>,
    hangs: bool,
}

impl Sink for Watched {
    async fn deliver(&mut self, _batch: &[Payload]) -> Result<(), SinkError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
    }
}

#[test]
fn dropping_the_last_handle_ends_the_publisher_even_in_the_middle_of_a_delivery() {
    for hangs in [false, true] {
        let gone = Arc::new(AtomicBool::new(false));
        let metrics = metrics(quiet());
        metrics.start_publisher_to(Watched { gone: Arc::clone(&gone), hangs }).unwrap();
        wait_until("a document is taken", || pushes(&metrics, "enqueued_total") == 1);
        let clone = metrics.clone();
        drop(metrics);
        assert!(!gone.load(Ordering::SeqCst), "a clone is left");
        drop(clone);
        wait_until("the publisher has ended", || gone.load(Ordering::SeqCst));
    }
}
