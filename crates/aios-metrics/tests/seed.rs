//! The examples that users of the Python SDK know, through the facade: quick start, updates with and
//! without labels, rolling summaries, snapshots, the standard metrics of a block.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::time::Duration;

use aios_metrics::{
    AiosMetrics, Document, MetricsConfig, PrometheusText, RollingMetric, SampleKey, SampleValue, Summary,
};
use serde_json::{Value as Json, json};

/// Without Redis and without probes, so that a document holds what the test put in.
fn metrics() -> AiosMetrics {
    let config = MetricsConfig::default()
        .with_block_id("block-1")
        .with_instance_id("instance-42")
        .with_node_id("node-7")
        .with_redis_enabled(false)
        .with_probes(Vec::<String>::new());
    AiosMetrics::new(config).unwrap()
}

fn page(metrics: &AiosMetrics) -> String {
    let mut page = Vec::new();
    metrics.registry().encode(&PrometheusText, &mut page);
    String::from_utf8(page).unwrap()
}

#[test]
#[cfg(feature = "http")]
fn the_quick_start_runs() {
    let m = metrics();
    m.register_counter("jobs_processed_total", "Total jobs processed", &["status"]).unwrap();
    m.register_gauge("queue_size", "Current queue length", &[]).unwrap();
    let buckets = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
    m.register_histogram("job_latency_seconds", "Job latency", &[], Some(&buckets)).unwrap();

    let address = m.start_http_server_on("127.0.0.1", 0).unwrap();
    assert_ne!(address.port(), 0);

    m.increment_counter("jobs_processed_total", &[("status", "ok")], 1).unwrap();
    m.set_gauge("queue_size", 17.0, &[]).unwrap();
    m.observe_histogram("job_latency_seconds", 0.123, &[]).unwrap();
    m.observe_rolling("queue_size", 17.0).unwrap();
    m.observe_rolling("job_latency_seconds", 0.123).unwrap();

    let payload: Json = serde_json::from_str(&m.snapshot_json()).unwrap();
    assert_eq!(payload["jobs_processed_total{status=ok}"], json!(1));
    assert_eq!(payload["queue_size"], json!(17));
    assert_eq!(payload["job_latency_seconds_bucket{le=0.25}"], json!(1));
    assert_eq!(payload["rolling"]["queue_size"]["average_1m"], json!(17.0));
    m.stop(Duration::from_secs(5));
}

#[test]
fn the_same_call_updates_with_and_without_labels() {
    let m = metrics();
    m.register_counter("events_total", "Total events", &["type"]).unwrap();
    m.register_gauge("workers", "Active workers", &[]).unwrap();
    m.register_histogram("op_seconds", "Operation latency", &[], None).unwrap();

    m.increment_counter("events_total", &[("type", "click")], 2).unwrap();
    m.set_gauge("workers", 8.0, &[]).unwrap();
    // Registered without labels, updated with one: the value is recorded all the same.
    m.observe_histogram("op_seconds", 0.42, &[("route", "/api/items")]).unwrap();

    assert_eq!(m.value("events_total", &[("type", "click")]), Some(2.0));
    assert_eq!(m.value("workers", &[]), Some(8.0));
    assert_eq!((m.value("op_seconds_count", &[]), m.value("op_seconds_sum", &[])), (Some(1.0), Some(0.42)));
    let page = page(&m);
    for line in [
        "events_total{type=\"click\"} 2",
        "workers 8",
        "op_seconds_bucket{le=\"0.2\"} 0",
        "op_seconds_bucket{le=\"0.5\"} 1",
        "op_seconds_bucket{le=\"+Inf\"} 1",
        "op_seconds_sum 0.42",
        "op_seconds_count 1",
        "aios_metrics_dropped_labels_total{family=\"op_seconds\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
}

#[test]
fn the_reference_examples_work() {
    let m = metrics();
    m.register_counter("requests_total", "Total requests", &["method", "code"]).unwrap();
    m.register_gauge("inflight_requests", "In-flight", &[]).unwrap();
    let buckets = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
    m.register_histogram("request_seconds", "Latency", &[], Some(&buckets)).unwrap();

    m.increment_counter("requests_total", &[("method", "GET"), ("code", "200")], 1.0).unwrap();
    m.increment_counter("requests_total", &[("code", "200"), ("method", "GET")], 0.5).unwrap();
    m.set_gauge("inflight_requests", 3.0, &[]).unwrap();
    m.observe_histogram("request_seconds", 0.087, &[("method", "GET")]).unwrap();

    assert_eq!(m.value("requests_total", &[("method", "GET"), ("code", "200")]), Some(1.5));
    assert_eq!(m.value("inflight_requests", &[]), Some(3.0));
    assert_eq!(m.value("request_seconds", &[]), Some(1.0));

    m.observe_rolling("qps", 125.0).unwrap();
    assert_eq!(m.extended_metrics()["qps"].current, 125.0);
}

#[test]
fn histograms_take_the_default_buckets_or_their_own() {
    let bounds = |m: &AiosMetrics, buckets: Option<&[f64]>| {
        m.register_histogram("wait_seconds", "Wait", &[], buckets).unwrap().descriptor().bounds().to_vec()
    };
    assert_eq!(bounds(&metrics(), None), [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
    assert_eq!(bounds(&metrics(), Some(&[1.0, 3.0])), [1.0, 3.0]);
    let config = MetricsConfig::default().with_default_hist_buckets([0.5, 4.0]);
    assert_eq!(bounds(&AiosMetrics::new(config).unwrap(), None), [0.5, 4.0]);
}

#[test]
fn handles_families_and_names_reach_the_same_series() {
    let m = metrics();
    let jobs = m.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    let ok = jobs.with(&["ok"]).unwrap();
    ok.inc();
    ok.inc_by(2);
    jobs.inc(&["ok"]).unwrap();
    m.counter("jobs", &[("status", "ok")]).unwrap().inc_by(0.5);
    m.increment_counter("jobs_total", &[("status", "ok")], 1).unwrap();
    assert_eq!((ok.get(), m.value("jobs_total", &[("status", "ok")])), (5.5, Some(5.5)));

    let level = m.register_gauge("level", "Level", &[]).unwrap().with(&[]).unwrap();
    level.set(3.0);
    level.sub(0.5);
    level.inc();
    {
        let _one_more = level.track_in_flight();
        assert_eq!(m.value("level", &[]), Some(4.5));
    }
    m.gauge("level", &[]).unwrap().dec();
    assert_eq!(level.get(), 2.5);

    let wait = m.register_histogram("wait_seconds", "Wait", &["queue"], None).unwrap();
    let handle = wait.with(&["a"]).unwrap();
    handle.observe_duration(Duration::from_millis(1_500));
    assert_eq!(handle.time(|| 6 * 7), 42);
    handle.start_timer().discard();
    handle.start_timer().stop();
    m.histogram("wait_seconds", &[("queue", "a")]).unwrap().observe(0.5);
    assert_eq!((handle.count(), m.value("wait_seconds", &[("queue", "a")])), (4, Some(4.0)));
    assert!(handle.sum() >= 2.0);
}

#[test]
fn a_rolling_metric_works_alone() {
    let rolling = RollingMetric::new(Duration::from_secs(900));
    rolling.add(1.0);
    rolling.add(2.0);
    let minute = Duration::from_secs(60);
    assert_eq!((rolling.average(minute), rolling.current(), rolling.count(None)), (1.5, 2.0, 2));
    assert_eq!(rolling.count(Some(minute)), 2);
}

#[test]
fn rolling_metrics_are_summed_up_by_name_and_category() {
    let m = metrics();
    m.observe_rolling("queue_depth", 21.0).unwrap();
    m.observe_rolling("latency", 0.130).unwrap();
    m.observe_rolling_with_window("latency_p95_proxy", 0.200, Duration::from_secs(300)).unwrap();
    m.observe_custom_rolling("model", "inference_ms", 40.0).unwrap();
    m.observe_custom_rolling_with_window("model", "inference_ms", 44.0, Duration::from_secs(900)).unwrap();
    assert_eq!(m.rolling("latency").unwrap().window(), Duration::from_secs(900));
    assert_eq!(m.rolling("latency_p95_proxy").unwrap().window(), Duration::from_secs(300));

    let all = m.extended_metrics();
    assert_eq!((all["queue_depth"].current, all["queue_depth"].count_15m), (21.0, 1));
    let model = all.custom("model", "inference_ms").unwrap();
    assert_eq!((model.current, model.average_1m, model.count_1m), (44.0, 42.0, 2));
    assert_eq!((model.min_15m, model.max_15m), (Some(40.0), Some(44.0)));
    assert!(all.get("inference_ms").is_none());

    let json = serde_json::to_value(&all).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["custom", "latency", "latency_p95_proxy", "queue_depth"]);
    assert_eq!(
        json["latency"],
        json!({
            "current": 0.13, "count_1m": 1, "average_1m": 0.13, "count_5m": 1, "average_5m": 0.13,
            "count_15m": 1, "average_15m": 0.13, "min_15m": 0.13, "max_15m": 0.13,
            "rate_1m": all["latency"].rate_1m,
        })
    );
    assert_eq!(json["custom"]["model"]["inference_ms"]["average_15m"], json!(42.0));
}

#[test]
fn the_windows_of_summaries_come_from_the_configuration() {
    let config = MetricsConfig::default().with_avg_1m(10).with_avg_5m(20).with_avg_15m(7_200);
    let m = AiosMetrics::new(config).unwrap();
    m.observe_rolling("latency", 1.0).unwrap();
    assert_eq!(m.rolling("latency").unwrap().window(), Duration::from_secs(7_200));
}

#[test]
fn a_snapshot_shows_everything_and_parses_back() {
    let m = metrics();
    m.register_counter("jobs_total", "Jobs", &["status", "queue"]).unwrap();
    m.increment_counter("jobs_total", &[("queue", "a,b"), ("status", "ok")], (1_u64 << 53) + 1).unwrap();
    m.register_gauge("level", "Level", &[]).unwrap().set(&[], f64::NAN).unwrap();
    m.register_histogram("wait_seconds", "Wait", &[], Some(&[0.5])).unwrap().observe(&[], 0.25).unwrap();
    m.observe_rolling("latency", 2.0).unwrap();
    m.observe_custom_rolling("model", "inference_ms", 42.1).unwrap();

    let document = m.snapshot();
    assert_eq!((&*document.block_id, &*document.instance_id), ("block-1", "instance-42"));
    assert_eq!((&*document.node_id, &*document.kind), ("node-7", "app"));
    assert_eq!((document.schema_version, document.sequence), (1, None));
    assert!(document.boot_id.len() == 32 && document.boot_id.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(
        document.samples.get("jobs_total{status=ok,queue=\"a,b\"}"),
        Some(&SampleValue::Whole((1 << 53) + 1))
    );
    assert_eq!(document.samples.get("level"), Some(&SampleValue::Null));
    assert_eq!(document.sample("wait_seconds_bucket", &[("le", "0.5")]), Some(1.0));
    assert_eq!(document.sample("wait_seconds_sum", &[]), Some(0.25));
    assert_eq!(document.rolling["latency"].average_1m, 2.0);
    assert_eq!(document.custom["model"]["inference_ms"].current, 42.1);
    for key in document.samples.keys() {
        assert_eq!(&key.parse::<SampleKey>().unwrap().to_string(), key);
    }

    // By way of JSON it is the same document, apart from the moment it was taken at.
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
    let mut streamed: Document = serde_json::from_str(&m.snapshot_json()).unwrap();
    assert!(streamed.timestamp >= document.timestamp);
    streamed.timestamp = document.timestamp;
    let still = |document: &mut Document| {
        let summaries =
            document.rolling.values_mut().chain(document.custom.values_mut().flat_map(|c| c.values_mut()));
        summaries.for_each(|summary: &mut Summary| summary.rate_1m = 0.0);
    };
    let mut document = document;
    still(&mut document);
    still(&mut streamed);
    assert_eq!(streamed, document);
}

#[test]
#[cfg(feature = "hw")]
fn a_snapshot_has_hardware_where_probes_run() {
    let config = MetricsConfig::default().with_redis_enabled(false);
    let document = AiosMetrics::new(config).unwrap().snapshot();
    assert!(document.hardware().is_some_and(Json::is_object), "{:?}", document.sections);
    assert!(document.samples.contains_key("process_threads"), "{:?}", document.samples);
    assert!(
        metrics().snapshot().hardware().is_none_or(|h| h.as_object().is_some_and(serde_json::Map::is_empty))
    );
}

#[test]
fn flat_summaries_stand_at_the_top_too() {
    let config = MetricsConfig::default().with_document_flat_rolling(true).with_redis_enabled(false);
    let m = AiosMetrics::new(config).unwrap();
    m.register_gauge("latency", "Gives way to the summary", &[]).unwrap();
    m.observe_rolling("latency", 0.5).unwrap();
    let json: Json = serde_json::from_str(&m.snapshot_json()).unwrap();
    assert_eq!(json["latency"]["current"], json!(0.5));
    assert_eq!(json["latency"], json["rolling"]["latency"]);
}

#[test]
fn the_standard_metrics_follow_each_task() {
    let m = metrics();
    m.register_standard_block_metrics().unwrap();
    m.register_standard_block_metrics().unwrap();
    m.record_task_done("ok", Some(Duration::from_millis(145)), Some(12)).unwrap();
    m.record_task_done("ok", None, None).unwrap();
    m.record_task_done("failed", Some(Duration::from_millis(55)), Some(11)).unwrap();

    assert_eq!(m.value("aios_tasks_processed_total", &[("status", "ok")]), Some(2.0));
    assert_eq!(m.value("aios_tasks_processed_total", &[("status", "failed")]), Some(1.0));
    assert_eq!(m.value("aios_queue_length", &[]), Some(11.0));
    assert_eq!(m.value("aios_latency_seconds_count", &[]), Some(2.0));
    let all = m.extended_metrics();
    assert_eq!((all["latency"].count_1m, all["latency"].current), (2, 0.055));
    assert_eq!((all["queue_length"].count_1m, all["queue_length"].max_15m), (2, Some(12.0)));
    assert_eq!(all["tasks_processed"].count_1m, 3);
}

#[test]
fn a_task_registers_what_is_missing() {
    let m = metrics();
    m.record_task_done("ok", Some(Duration::from_millis(145)), Some(12)).unwrap();
    assert_eq!(m.value("aios_tasks_processed_total", &[("status", "ok")]), Some(1.0));
    assert_eq!(
        (m.value("aios_queue_length", &[]), m.value("aios_latency_seconds", &[])),
        (Some(12.0), Some(1.0))
    );
}

#[test]
fn a_standard_metric_that_was_unregistered_is_registered_again() {
    let m = metrics();
    let done = || m.record_task_done("ok", Some(Duration::from_millis(145)), Some(12)).unwrap();
    done();
    for name in ["aios_tasks_processed_total", "aios_queue_length", "aios_latency_seconds"] {
        assert!(m.registry().unregister(name));
        done();
    }
    assert_eq!(m.value("aios_tasks_processed_total", &[("status", "ok")]), Some(3.0));
    assert_eq!(m.value("aios_queue_length", &[]), Some(12.0));
    assert_eq!(m.value("aios_latency_seconds_count", &[]), Some(1.0));
}

#[test]
fn a_standard_name_that_is_taken_is_said() {
    let m = metrics();
    m.register_gauge("aios_latency_seconds", "Something else", &[]).unwrap();
    let error = m.register_standard_block_metrics().unwrap_err().to_string();
    assert!(error.contains("gauge \"aios_latency_seconds\"") && error.contains("histogram"), "{error}");
    let error = m.record_task_done("ok", Some(Duration::from_millis(1)), None).unwrap_err();
    assert_eq!(error.to_string(), "metric \"aios_latency_seconds\" is a gauge, expected a histogram");
    // A task without a latency can be told.
    m.record_task_done("ok", None, Some(3)).unwrap();
    assert_eq!(m.value("aios_queue_length", &[]), Some(3.0));
}
