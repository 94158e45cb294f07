//! Rolling windows against an exact list of observations, under a clock that the tests turn.
//!
//! The contract: an observation counts towards a window `w` while it is at most `w` old, and never
//! once it is older than `w` and one slot. What counts is a stretch of the newest observations, and
//! sums, averages and extremes are exactly those of that stretch.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod exact;
#[path = "../support/log.rs"]
mod log;
mod quantiles;

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{
    ManualClock, Registry, RegistryOptions, RollingMetric, RollingWindows, Summary, UpdateError,
};

const MINUTE: Duration = Duration::from_secs(60);
const QUARTER: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn the_three_windows_of_a_summary_agree() {
    let (registry, clock) = registry(RegistryOptions::default());
    for _ in 0..30 {
        registry.observe_rolling("latency", 2.0).unwrap();
        clock.advance(Duration::from_secs(1));
    }
    let summary = registry.extended_metrics()["latency"];
    assert_eq!((summary.count_1m, summary.count_5m, summary.count_15m), (30, 30, 30));
    assert_eq!((summary.average_1m, summary.average_5m, summary.average_15m), (2.0, 2.0, 2.0));
    assert_eq!(summary.rate_1m, 1.0);
}

#[test]
fn an_empty_window_answers_zero_and_no_extremes() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    let check_empty = || {
        assert_eq!((metric.count(None), metric.sum(QUARTER), metric.average(QUARTER)), (0, 0.0, 0.0));
        assert_eq!((metric.rate(QUARTER), metric.current()), (0.0, 0.0));
        assert_eq!((metric.min(QUARTER), metric.max(QUARTER)), (None, None));
    };
    check_empty();
    metric.add(-3.0);
    clock.advance(QUARTER + Duration::from_secs(1));
    check_empty();
}

#[test]
fn statistics_say_how_much_of_the_window_they_know() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    assert_eq!(metric.statistics(MINUTE), None);
    clock.advance(Duration::from_secs(15));
    metric.add(3.0);
    metric.add(-1.0);
    let young = metric.statistics(MINUTE).unwrap();
    assert_eq!((young.count, young.sum, young.average, young.min, young.max), (2, 2.0, 1.0, -1.0, 3.0));
    assert_eq!((young.coverage, young.rate), (0.25, 2.0 / 15.0));
    clock.advance(Duration::from_secs(45));
    let grown = metric.statistics(MINUTE).unwrap();
    assert_eq!((grown.coverage, grown.rate), (1.0, metric.rate(MINUTE)));
    clock.advance(Duration::from_secs(62));
    assert_eq!(metric.statistics(MINUTE), None);
    assert_eq!(metric.statistics(QUARTER).map(|statistics| statistics.count), Some(2));
}

#[test]
fn days_of_silence_leave_nothing_and_cost_nothing() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    for days in [1_u32, 3, 400] {
        metric.add(7.0);
        assert_eq!((metric.count(None), metric.current()), (1, 7.0));
        clock.advance(DAY * days);
        assert_eq!((metric.count(None), metric.current()), (0, 0.0));
    }
}

#[test]
fn any_duration_is_a_window() {
    for window in [Duration::ZERO, Duration::from_nanos(1), DAY * 36_500, Duration::MAX] {
        let metric = RollingMetric::new(window);
        metric.add(2.5);
        assert_eq!((metric.count(None), metric.average(Duration::MAX), metric.current()), (1, 2.5, 2.5));
        assert!(metric.rate(Duration::ZERO) > 0.0);
    }
}

#[test]
fn the_largest_numbers_leave_the_answers_numbers() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    for value in [f64::MAX, f64::MAX] {
        metric.add(value);
    }
    assert_eq!(metric.average(QUARTER), f64::MAX);
    clock.advance(Duration::from_secs(2));
    for value in [f64::MIN, f64::MIN] {
        metric.add(value);
    }
    assert!(metric.average(QUARTER).is_finite());
    assert_eq!((metric.min(QUARTER), metric.max(QUARTER)), (Some(f64::MIN), Some(f64::MAX)));
}

#[test]
fn values_that_are_not_finite_are_refused_and_counted() {
    let (registry, _) = registry(RegistryOptions::default());
    registry.register_self_metrics().unwrap();
    registry.observe_rolling("latency", 1.0).unwrap();
    let metric = registry.rolling("latency").unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        metric.add(value);
        assert!(registry.observe_rolling("latency", value).is_err());
    }
    assert_eq!((metric.count(None), metric.current(), metric.sum(QUARTER)), (1, 1.0, 1.0));
    let mut page = Vec::new();
    registry.encode(&aios_metrics_core::PrometheusText, &mut page);
    let expected = "aios_metrics_rejected_updates_total{reason=\"rolling_value\"} 6\n";
    assert!(String::from_utf8(page).unwrap().contains(expected));
}

#[test]
fn another_window_given_later_is_ignored_with_one_warning() {
    let (registry, clock) = registry(RegistryOptions::default());
    let ((), log) = log::collect(|| {
        for window in [300, 600, 900, 300] {
            let window = Duration::from_secs(window);
            registry.observe_rolling_with_window("proxy", 1.0, window).unwrap();
        }
        registry.observe_rolling("proxy", 1.0).unwrap();
    });
    assert_eq!(registry.rolling("proxy").unwrap().window(), Duration::from_secs(300));
    let [warning] = &log[..] else { panic!("one warning, not {log:?}") };
    for part in ["WARN aios_metrics", "\"proxy\"", "300s", "600s"] {
        assert!(warning.contains(part), "{part} is missing in {warning:?}");
    }
    clock.advance(Duration::from_secs(302));
    assert_eq!(registry.rolling("proxy").unwrap().count(None), 0);
}

#[test]
fn the_number_of_names_is_bounded() {
    let (registry, _) = registry(RegistryOptions::default().with_max_rolling(3));
    registry.observe_rolling("a", 1.0).unwrap();
    registry.observe_custom_rolling("model", "a", 1.0).unwrap();
    registry.rolling("b").unwrap();
    let error = registry.observe_rolling("c", 1.0).unwrap_err();
    assert_eq!(error, UpdateError::TooManyRolling { name: "c".to_owned(), limit: 3 });
    assert_eq!(
        error.to_string(),
        r#"rolling metric "c" was not created: 3 rolling metrics exist, the limit set by `max_rolling`"#
    );
    assert!(registry.rolling("c").is_err() && registry.observe_custom_rolling("model", "b", 1.0).is_err());
    // Those that exist go on.
    registry.observe_custom_rolling("model", "a", 2.0).unwrap();
    let all = registry.extended_metrics();
    assert_eq!(all.custom("model", "a").unwrap().count_1m, 2);
    assert!(all.get("c").is_none());
}

#[test]
fn names_that_cannot_stand_in_the_document_are_refused() {
    let (registry, _) = registry(RegistryOptions::default());
    let message = |category: &str, name: &str| {
        format!(
            "rolling metric {name:?} in category {category:?} was not created: expected names that are not \
             empty, and not \"custom\" without a category"
        )
    };
    let observe = |name| registry.observe_rolling(name, 1.0).unwrap_err().to_string();
    let observe_custom =
        |category, name| registry.observe_custom_rolling(category, name, 1.0).unwrap_err().to_string();
    assert_eq!(observe(""), message("", ""));
    assert_eq!(observe("custom"), message("", "custom"));
    assert_eq!(observe_custom("", "a"), message("", "a"));
    assert_eq!(observe_custom("model", ""), message("model", ""));
    assert_eq!(serde_json::to_string(&registry.extended_metrics()).unwrap(), r#"{"custom":{}}"#);
}

#[test]
fn names_in_different_categories_are_different_metrics() {
    let (registry, _) = registry(RegistryOptions::default());
    for (i, (category, name)) in [("ab", "c"), ("a", "bc"), ("abc", "x")].into_iter().enumerate() {
        registry.observe_custom_rolling(category, name, i as f64).unwrap();
    }
    registry.observe_rolling("abc", 7.0).unwrap();
    let all = registry.extended_metrics();
    let current = |summary: Option<&Summary>| summary.map(|summary| (summary.current, summary.count_15m));
    assert_eq!(current(all.custom("ab", "c")), Some((0.0, 1)));
    assert_eq!(current(all.custom("a", "bc")), Some((1.0, 1)));
    assert_eq!(current(all.custom("abc", "x")), Some((2.0, 1)));
    assert_eq!(current(all.get("abc")), Some((7.0, 1)));
}

#[test]
fn the_windows_of_summaries_are_configurable() {
    let seconds = Duration::from_secs;
    let windows = RollingWindows { short: seconds(2), middle: seconds(10), long: seconds(3_600) };
    let (registry, clock) = registry(RegistryOptions::default().with_rolling_windows(windows));
    registry.observe_rolling("latency", 1.0).unwrap();
    // Without a window of its own a metric looks back as far as the longest.
    assert_eq!(registry.rolling("latency").unwrap().window(), seconds(3_600));
    let counts = || {
        let summary = registry.extended_metrics()["latency"];
        (summary.count_1m, summary.count_5m, summary.count_15m, summary.current)
    };
    for (wait, expected) in
        [(0, (1, 1, 1, 1.0)), (8, (0, 1, 1, 1.0)), (30, (0, 0, 1, 1.0)), (3_700, (0, 0, 0, 0.0))]
    {
        clock.advance(seconds(wait));
        assert_eq!(counts(), expected, "after {wait} s more");
    }
}

fn registry(options: RegistryOptions) -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::with_options(options.with_clock(clock.clone())), clock)
}
