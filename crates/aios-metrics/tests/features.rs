//! What a build has and what it lacks: methods exist only with their features, and an enabled part
//! that is missing is one warning.
//!
//! This file says something in every build; most in those without default features.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use aios_metrics::{AiosMetrics, MetricsConfig};
use support::{DEADLINE, events, quiet};

const MISSING: &str = "this build has no feature";

/// A method of the type's own is found before a trait's; where there is none, these answer.
#[allow(dead_code, reason = "in a build with all features nothing is absent")]
trait Absent {
    fn start_http_server(&self) -> &'static str {
        "absent"
    }
    fn start_publisher(&self) -> &'static str {
        "absent"
    }
}

impl Absent for AiosMetrics {}

/// Two answers of any types: either is the word above, or something else.
fn is_absent<T: 'static>(answer: T) -> bool {
    let answer: &dyn std::any::Any = &answer;
    answer.downcast_ref::<&str>() == Some(&"absent")
}

#[test]
fn methods_exist_only_with_their_features() {
    let metrics = AiosMetrics::new(quiet()).unwrap();
    assert_eq!(is_absent(metrics.start_http_server()), cfg!(not(feature = "http")));
    assert_eq!(is_absent(metrics.start_publisher()), cfg!(not(feature = "redis")));
    metrics.stop(DEADLINE);
}

/// All warnings of this process that name a missing feature count, so this is one test.
#[test]
fn an_enabled_part_that_the_build_lacks_is_one_warning() {
    events::collect();
    let expected = |is_built: bool| usize::from(!is_built);

    let config = quiet().with_redis_enabled(true).with_redis_port(support::free_port());
    let metrics = AiosMetrics::new(config).unwrap();
    for _ in 0..2 {
        let _ = metrics.start_http_server();
        let _ = metrics.start_publisher();
    }
    metrics.stop(std::time::Duration::from_millis(100));
    let warnings = events::complaints(MISSING);
    assert_eq!(warnings.len(), expected(cfg!(feature = "redis")), "{warnings:?}");
    assert!(warnings.iter().all(|line| line.text.contains("METRICS_REDIS_ENABLED=false")), "{warnings:?}");

    let so_far = warnings.len();
    let config = MetricsConfig::from_vars([("METRICS_PROBES".to_owned(), "process".to_owned())]);
    let metrics = AiosMetrics::new(config.unwrap().with_redis_enabled(false)).unwrap();
    let _ = metrics.snapshot();
    let warnings = events::complaints(MISSING);
    assert_eq!(warnings.len() - so_far, expected(cfg!(feature = "hw")), "{warnings:?}");
}

#[test]
fn registering_updating_and_snapshots_need_no_feature() {
    let metrics = AiosMetrics::new(quiet()).unwrap();
    metrics.register_standard_block_metrics().unwrap();
    metrics.record_task_done("ok", None, Some(12)).unwrap();
    let document = metrics.snapshot();
    assert_eq!(document.sample("aios_tasks_processed_total", &[("status", "ok")]), Some(1.0));
    assert_eq!(document.hardware().is_some(), cfg!(feature = "hw"));
    assert_eq!(metrics.stop(DEADLINE), aios_metrics::StopReport::default());
}
