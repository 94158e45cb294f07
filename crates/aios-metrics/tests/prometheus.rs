//! A real Prometheus scrapes a service, and its lint reads the page.

#![cfg(all(feature = "http", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::time::Duration;

use aios_metrics_core::MemorySink;
use support::prometheus::{Prometheus, promtool_complaints};
use support::redis::RedisServer;
use support::{http, metrics, publishing, pushes, quiet, wait_until};

#[test]
fn a_real_prometheus_answers_with_the_values_that_were_set() {
    let metrics = metrics(quiet().with_redis_push_interval_s(0.5));
    metrics.register_counter("jobs_processed_total", "Jobs processed", &["status", "file"]).unwrap();
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    let buckets = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
    metrics.register_histogram("job_latency_seconds", "Job latency", &[], Some(&buckets)).unwrap();
    let labels = [("status", "ok"), ("file", "C:\\jobs \"Ä\"\n")];
    metrics.increment_counter("jobs_processed_total", &labels, 42).unwrap();
    metrics.set_gauge("queue_size", -17.5, &[]).unwrap();
    // Half lie in (0.05, 0.1] and half in (0.25, 0.5], so the median is the first bound.
    for value in [0.06, 0.07, 0.08, 0.1, 0.26, 0.3, 0.4, 0.5] {
        metrics.observe_histogram("job_latency_seconds", value, &[]).unwrap();
    }
    metrics.start_publisher_to(MemorySink::new()).unwrap();
    let addr = metrics.start_http_server().unwrap();

    let prometheus = Prometheus::scraping(addr);
    prometheus.wait_for("up{job='service'}", 1.0);
    assert_eq!(prometheus.scrape_error(), "");
    prometheus.wait_for(r#"jobs_processed_total{status="ok",file="C:\\jobs \"Ä\"\n"}"#, 42.0);
    prometheus.wait_for("queue_size", -17.5);
    prometheus.wait_for("histogram_quantile(0.5, job_latency_seconds_bucket)", 0.1);
    prometheus.wait_for("job_latency_seconds_count", 8.0);
    let queue_size = || prometheus.query("queue_size");
    metrics.set_gauge("queue_size", 3.0, &[]).unwrap();
    wait_until("a later scrape sees the change", || queue_size() == Some(3.0));

    let scrapes =
        |format| metrics.value("aios_metrics_scrapes_total", &[("code", "200"), ("format", format)]).unwrap();
    let so_far = scrapes("openmetrics");
    assert!(so_far >= 1.0, "it negotiates OpenMetrics");
    wait_until("it goes on doing so", || scrapes("openmetrics") > so_far);
    assert_eq!(scrapes("text"), 0.0);
    let format = r#"aios_metrics_scrapes_total{format="openmetrics"}"#;
    wait_until("it knows its own scrapes", || prometheus.query(format) >= Some(1.0));
    wait_until("the publisher is seen", || {
        prometheus.query("aios_metrics_push_delivered_total") >= Some(1.0)
    });
    #[cfg(feature = "hw")]
    prometheus.wait_for("process_start_time_seconds > bool 1600000000", 1.0);
    assert_eq!(prometheus.scrape_error(), "");
    metrics.stop(Duration::from_secs(5));
    prometheus.wait_for("up{job='service'}", 0.0);
}

/// With every family of our own on it, the unhappy ones included.
#[test]
fn promtool_has_no_complaint_about_the_page() {
    let redis = RedisServer::start(&[]);
    let config = publishing(redis.port()).with_max_series(1).with_hardware_interval_s(0.05);
    let metrics = metrics(config);
    metrics.register_standard_block_metrics().unwrap();
    for status in ["ok", "failed", "late"] {
        metrics.record_task_done(status, Some(Duration::from_millis(145)), Some(12)).unwrap();
    }
    metrics.set_gauge("aios_queue_length", 1.0, &[("dropped", "label")]).unwrap();
    assert!(metrics.increment_counter("aios_tasks_processed_total", &[("status", "ok")], -1.0).is_err());
    let addr = metrics.start_http_server().unwrap();
    http::scrape(addr, http::ACCEPT_OPENMETRICS);
    wait_until("a document is delivered", || pushes(&metrics, "delivered_total") > 0);

    let own = [
        "aios_metrics_series",
        "aios_metrics_series_overflow_total",
        "aios_metrics_rejected_updates_total",
        "aios_metrics_dropped_labels_total",
        "aios_metrics_native_clamped_total",
        "aios_metrics_scrapes_total",
        "aios_metrics_scrape_duration_seconds",
        "aios_metrics_push_enqueued_total",
        "aios_metrics_push_delivered_total",
        "aios_metrics_push_dropped_total",
        "aios_metrics_push_pending",
        "aios_metrics_push_pending_bytes",
        "aios_metrics_push_retries_total",
        "aios_metrics_push_failures_total",
        "aios_metrics_push_last_success_timestamp_seconds",
        "aios_metrics_push_duration_seconds",
        "aios_metrics_push_list_length",
        "aios_metrics_push_list_trimmed_total",
    ];
    let probed =
        ["aios_metrics_probe_up", "process_cpu_usage_ratio", "node_cpu_usage_ratio", "process_threads"];
    let probed = if cfg!(all(feature = "hw", target_os = "linux")) { probed.as_slice() } else { &[] };
    let mut page = String::new();
    wait_until("every family of our own is on the page", || {
        page = http::get(addr, "/metrics").body;
        own.iter().chain(probed).all(|name| page.contains(&format!("# TYPE {name} ")))
    });
    assert_eq!(promtool_complaints(&page), "", "of this page:\n{page}");
    // And that it would complain: a page without help does not pass.
    assert_ne!(promtool_complaints("# TYPE jobs counter\njobs 1\n"), "");
}
