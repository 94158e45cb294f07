//! What only some formats show, in the hands of a real Prometheus: exemplars, times of creation, native
//! histograms.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use aios_metrics::AiosMetrics;
use support::prometheus::{Exemplar, Prometheus};
use support::{metrics, quiet, wait_for, wait_until};

const BUCKETS: [f64; 3] = [0.1, 0.5, 2.0];

/// How many pages were served in a format.
fn scrapes(metrics: &AiosMetrics, format: &str) -> f64 {
    metrics.value("aios_metrics_scrapes_total", &[("code", "200"), ("format", format)]).unwrap_or(0.0)
}

/// The exemplars that a query answers with, by value, once there are as many.
fn exemplars(prometheus: &Prometheus, query: &str, count: usize) -> Vec<Exemplar> {
    let mut found = wait_for(&format!("{count} exemplars of {query}"), || {
        Some(prometheus.exemplars(query)).filter(|found| found.len() == count)
    });
    found.sort_by(|a, b| a.value.total_cmp(&b.value));
    found
}

#[test]
fn prometheus_reads_exemplars_and_times_of_creation_from_openmetrics() {
    let metrics = metrics(quiet().with_created_timestamps(true));
    let jobs = metrics.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    let seconds = metrics.register_histogram("job_seconds", "Time", &[], Some(&BUCKETS)).unwrap();
    jobs.with(&["ok"]).unwrap().inc_by_with_exemplar(3_u64, &[("trace_id", "4bf92f35"), ("text", "größer")]);
    let seconds = seconds.with(&[]).unwrap();
    seconds.observe_with_exemplar(0.25, &[("trace_id", "00f067aa")]);
    seconds.observe_with_exemplar(7.0, &[("trace_id", "0ba902b7")]);
    let addr = metrics.start_http_server().unwrap();

    let prometheus = Prometheus::with_features(addr, "exemplar-storage");
    prometheus.wait_for(r#"jobs_total{status="ok"}"#, 3.0);
    assert_eq!(prometheus.scrape_error(), "");
    assert!(scrapes(&metrics, "openmetrics") >= 1.0);
    prometheus.wait_for("time() - jobs_created < bool 3600", 1.0);
    prometheus.wait_for("time() - job_seconds_created < bool 3600", 1.0);

    let of_jobs = &exemplars(&prometheus, "jobs_total", 1)[0];
    assert_eq!((of_jobs.value, &*of_jobs.series["status"]), (3.0, "ok"));
    assert_eq!((&*of_jobs.labels["trace_id"], &*of_jobs.labels["text"]), ("4bf92f35", "größer"));
    assert!(of_jobs.timestamp > 1_700_000_000.0);
    let of_buckets: Vec<_> = exemplars(&prometheus, "job_seconds_bucket", 2)
        .into_iter()
        .map(|exemplar| (exemplar.series["le"].clone(), exemplar.value, exemplar.labels["trace_id"].clone()))
        .collect();
    let expected = [("0.5", 0.25, "00f067aa"), ("+Inf", 7.0, "0ba902b7")];
    assert_eq!(of_buckets, expected.map(|(le, value, id)| (le.to_owned(), value, id.to_owned())));
}

#[cfg(feature = "protobuf")]
#[test]
fn prometheus_reads_native_histograms_and_exemplars_from_protobuf() {
    use aios_metrics::NativeBuckets;

    let metrics = metrics(quiet());
    let jobs = metrics.register_counter("jobs_total", "Jobs", &["text"]).unwrap();
    let text = "C:\\jobs \"Ä\"\n";
    jobs.with(&[text]).unwrap().inc_by_with_exemplar(2.5, &[("trace_id", "4bf92f35")]);
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap().set(&[], -17.5).unwrap();
    metrics
        .register_histogram("classic_seconds", "Time", &[], Some(&BUCKETS))
        .unwrap()
        .observe(&[], 0.3)
        .unwrap();
    // Buckets of one side, of both sides and merged, of nothing.
    let schema = 3;
    let range = 0.001..=100.0;
    let native = |name| {
        let native = NativeBuckets::new(schema, range.clone());
        metrics
            .register_native_histogram(name, "Time", &[], Some(&BUCKETS), native)
            .unwrap()
            .with(&[])
            .unwrap()
    };
    let seconds = native("job_seconds");
    (1..=1_000).for_each(|thousandths| seconds.observe(f64::from(thousandths) / 1_000.0));
    seconds.observe_with_exemplar(0.25, &[("trace_id", "00f067aa")]);
    native("untouched_seconds");
    let merged = NativeBuckets::new(5, 0.1..=100.0).with_negative(true).with_max_buckets(20);
    let change =
        metrics.register_native_histogram("change_celsius", "Change", &[], Some(&BUCKETS), merged).unwrap();
    (-500..=500).for_each(|tenths| change.observe(&[], f64::from(tenths) / 10.0).unwrap());
    let addr = metrics.start_http_server().unwrap();

    let prometheus = Prometheus::with_features(addr, "native-histograms,exemplar-storage");
    prometheus.wait_for("histogram_count(job_seconds)", 1_001.0);
    assert_eq!(prometheus.scrape_error(), "");
    let so_far = scrapes(&metrics, "protobuf");
    assert!(so_far >= 1.0, "it negotiates protobuf");
    wait_until("it goes on doing so", || scrapes(&metrics, "protobuf") > so_far);
    assert_eq!((scrapes(&metrics, "openmetrics"), scrapes(&metrics, "text")), (0.0, 0.0));
    assert_eq!(prometheus.scrape_error(), "");

    prometheus.wait_for(r#"jobs_total{text="C:\\jobs \"Ä\"\n"}"#, 2.5);
    prometheus.wait_for("queue_size", -17.5);
    prometheus.wait_for(r#"classic_seconds_bucket{le="0.5"}"#, 1.0);
    prometheus.wait_for(r#"classic_seconds_bucket{le="0.1"}"#, 0.0);
    prometheus.wait_for("classic_seconds_count", 1.0);
    prometheus.wait_for("histogram_count(untouched_seconds)", 0.0);
    prometheus.wait_for("histogram_count(change_celsius)", 1_001.0);
    prometheus.wait_for("round(histogram_sum(job_seconds), 0.001)", 500.75);

    // The estimate lies in the bucket of the true quantile.
    let factor = |schema: i32| 2.0_f64.powf(2.0_f64.powi(-schema));
    for (quantile, truth) in [(0.1, 0.1), (0.25, 0.25), (0.5, 0.5), (0.9, 0.9), (0.99, 0.99)] {
        let query = format!("histogram_quantile({quantile}, job_seconds)");
        let estimate = prometheus.query(&query).unwrap();
        assert!((estimate / truth).max(truth / estimate) <= factor(schema.into()), "{query} is {estimate}");
    }
    // Merged to schema 0: ten powers of two on each side.
    for (quantile, truth) in [(0.1, -40.0), (0.75, 25.0), (0.9, 40.0)] {
        let query = format!("histogram_quantile({quantile}, change_celsius)");
        let estimate = prometheus.query(&query).unwrap();
        assert!((estimate / truth).max(truth / estimate) <= factor(0), "{query} is {estimate}");
    }
    let median = prometheus.query("histogram_quantile(0.5, change_celsius)").unwrap();
    assert!(median.abs() <= 0.2, "the median is {median}");

    let of_jobs = &exemplars(&prometheus, "jobs_total", 1)[0];
    assert_eq!((of_jobs.value, &*of_jobs.labels["trace_id"]), (2.5, "4bf92f35"));
    let of_seconds = &exemplars(&prometheus, "job_seconds", 1)[0];
    assert_eq!((of_seconds.value, &*of_seconds.labels["trace_id"]), (0.25, "00f067aa"));
}
