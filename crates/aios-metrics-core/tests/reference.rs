//! Our OpenMetrics page beside that of `prometheus-client`: the same metrics give the same samples.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use aios_metrics_core::{OpenMetricsText, Registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use proptest::prelude::*;

const BOUNDS: [f64; 4] = [-1.5, 0.25, 1.0, 100.0];
type Labels = Vec<(String, String)>;

/// The samples of a page: name and labels as they stand, and the value.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (key, value) = line.rsplit_once(' ').unwrap();
            (key.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The types of a page's families.
fn types(page: &str) -> BTreeMap<String, String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Values without a newline, so that a sample is a line.
    #[test]
    fn both_show_the_same_samples(
        counted in prop::collection::btree_map("[a-z\"\\\\,={} é]{0,6}", 0_u64..1 << 60, 1..8),
        level in -1e9_f64..1e9,
        observed in prop::collection::vec(-3.0_f64..150.0, 0..30),
    ) {
        let ours = Registry::new();
        let jobs = ours.register_counter("jobs", "Jobs", &["status", "kind"]).unwrap();
        let queue = ours.register_gauge("queue", "Level", &[]).unwrap();
        let latency = ours.register_histogram("latency", "Latency", &[], Some(&BOUNDS)).unwrap();

        let mut theirs = prometheus_client::registry::Registry::default();
        let their_jobs = Family::<Labels, Counter>::default();
        let their_queue = Gauge::<f64, AtomicU64>::default();
        let their_latency = Histogram::new(BOUNDS);
        theirs.register("jobs", "Jobs", their_jobs.clone());
        theirs.register("queue", "Level", their_queue.clone());
        theirs.register("latency", "Latency", their_latency.clone());

        for (status, &count) in &counted {
            jobs.inc_by(&[status, "x"], count).unwrap();
            let labels = [("status", status.as_str()), ("kind", "x")];
            let owned = labels.map(|(label, value)| (label.to_owned(), value.to_owned())).to_vec();
            their_jobs.get_or_create_owned(&owned).inc_by(count);
        }
        queue.set(&[], level).unwrap();
        their_queue.set(level);
        for &value in &observed {
            latency.observe(&[], value).unwrap();
            their_latency.observe(value);
        }

        let mut page = Vec::new();
        ours.encode(&OpenMetricsText, &mut page);
        let page = String::from_utf8(page).unwrap();
        let mut their_page = String::new();
        prometheus_client::encoding::text::encode(&mut their_page, &theirs).unwrap();

        let (ours, mut theirs) = (samples(&page), samples(&their_page));
        // With a negative bound OpenMetrics allows neither; the other library writes them all the same.
        prop_assert!(theirs.remove("latency_sum").is_some() && theirs.remove("latency_count").is_some());
        prop_assert_eq!(ours, theirs);
        prop_assert_eq!(types(&page), types(&their_page));
    }
}
