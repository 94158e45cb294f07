//! Updates that don't fit what is registered, and values that are none.

use aios_metrics_core::{Counter, Family, Gauge, Histogram, Registry};

use crate::{log, page, says};

#[test]
fn updates_of_unknown_metrics_and_of_the_wrong_kind_are_refused() {
    let registry = Registry::new();
    registry.register_counter("jobs_total", "", &[]).unwrap();
    registry.register_gauge("workers", "", &[]).unwrap();
    registry.register_histogram("wait", "", &[], None).unwrap();
    let before = page(&registry);
    let unknown =
        |name: &str| format!("metric {name:?} is not registered: register it before the first update");
    says(registry.increment_counter("job", &[], 1_u64), &unknown("job"));
    says(registry.set_gauge("jobs_total_total", 1.0, &[]), &unknown("jobs_total_total"));
    says(registry.observe_histogram("wait_sum", 1.0, &[]), &unknown("wait_sum"));
    says(registry.counter("", &[]), &unknown(""));
    let wrong =
        |name: &str, is: &str, expected: &str| format!("metric {name:?} is a {is}, expected a {expected}");
    says(registry.increment_counter("workers", &[], 1_u64), &wrong("workers", "gauge", "counter"));
    says(registry.set_gauge("wait", 1.0, &[]), &wrong("wait", "histogram", "gauge"));
    says(registry.observe_histogram("jobs", 1.0, &[]), &wrong("jobs", "counter", "histogram"));
    says(registry.gauge("jobs_total", &[]), &wrong("jobs_total", "counter", "gauge"));
    says(registry.histogram("workers", &[]), &wrong("workers", "gauge", "histogram"));
    assert_eq!(registry.value("job", &[]), None);
    assert_eq!(page(&registry), before);
}

#[test]
fn missing_extra_and_unknown_labels_are_refused() {
    let registry = Registry::new();
    let family = registry.register_counter("requests_total", "", &["method", "code"]).unwrap();
    let before = page(&registry);
    let names = |given: &str| {
        format!("metric \"requests_total\" takes the labels [\"method\", \"code\"], given {given}")
    };
    let update = |labels: &[(&str, &str)]| registry.increment_counter("requests_total", labels, 1_u64);
    says(update(&[]), &names("[]"));
    says(update(&[("method", "GET")]), &names("[\"method\"]"));
    says(update(&[("method", "GET"), ("status", "200")]), &names("[\"method\", \"status\"]"));
    says(update(&[("method", "GET"), ("method", "PUT")]), &names("[\"method\", \"method\"]"));
    let extra = [("method", "GET"), ("code", "200"), ("route", "/")];
    says(update(&extra), &names("[\"method\", \"code\", \"route\"]"));
    says(registry.counter("requests_total", &extra), &names("[\"method\", \"code\", \"route\"]"));
    let count = |given: usize| {
        format!("metric \"requests_total\" takes 2 label values [\"method\", \"code\"], given {given}")
    };
    says(family.inc(&["GET"]), &count(1));
    says(family.inc_by(&["GET", "200", "/"], 0.5), &count(3));
    says(family.with(&[]), &count(0));
    let workers = registry.register_gauge("workers", "", &[]).unwrap();
    says(workers.set(&["x"], 1.0), "metric \"workers\" takes 0 label values [], given 1");
    assert_eq!(registry.value("requests_total", &[("method", "GET")]), None);
    assert_eq!(page(&registry).replace("# HELP workers \n# TYPE workers gauge\nworkers 0\n", ""), before);
}

#[test]
fn labels_of_an_unlabelled_metric_are_dropped_with_one_warning() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    registry.register_histogram("op_seconds", "", &[], None).unwrap();
    registry.register_counter("events_total", "", &[]).unwrap();
    let ((), log) = log::collect(|| {
        for _ in 0..3 {
            registry.observe_histogram("op_seconds", 0.42, &[("route", "/api/items")]).unwrap();
        }
        registry.increment_counter("events_total", &[("a", "x"), ("b", "y")], 2_u64).unwrap();
        registry.observe_histogram("op_seconds", 0.42, &[]).unwrap();
    });
    assert_eq!(registry.value("op_seconds", &[]), Some(4.0));
    assert_eq!(registry.value("events_total", &[]), Some(2.0));
    let [first, second] = &log[..] else { panic!("one warning for each metric, not {log:?}") };
    for part in ["WARN aios_metrics", "histogram \"op_seconds\"", "[\"route\"]", "recorded"] {
        assert!(first.contains(part), "{part} is missing in {first:?}");
    }
    assert!(second.contains("counter \"events_total\"") && second.contains("[\"a\", \"b\"]"), "{second:?}");
    let page = page(&registry);
    assert!(page.contains("aios_metrics_dropped_labels_total{family=\"op_seconds\"} 3\n"), "{page}");
    assert!(page.contains("aios_metrics_dropped_labels_total{family=\"events_total\"} 1\n"), "{page}");
}

#[test]
fn amounts_that_are_none_are_refused_and_counted() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let family: Family<Counter> = registry.register_counter("jobs_total", "", &["status"]).unwrap();
    let handle = family.with(&["ok"]).unwrap();
    for (amount, text) in
        [(-1.0, "-1"), (-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")]
    {
        says(
            registry.increment_counter("jobs_total", &[("status", "new")], amount),
            &format!(
                "counter \"jobs_total\" can't be increased by {text}: expected a finite amount of at least 0"
            ),
        );
        family.inc_by(&["ok"], amount).unwrap();
        handle.inc_by(amount);
    }
    handle.inc_by(0.0);
    assert_eq!(handle.get(), 0.0);
    let page = page(&registry);
    assert!(!page.contains("status=\"new\""), "a refused update leaves no series:\n{page}");
    assert!(page.contains("aios_metrics_rejected_updates_total{reason=\"counter_amount\"} 15\n"), "{page}");
}

#[test]
fn observations_that_are_not_finite_are_refused_and_counted() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let family: Family<Histogram> =
        registry.register_histogram("wait", "", &["route"], Some(&[1.0])).unwrap();
    let handle = family.with(&["/"]).unwrap();
    handle.observe(0.5);
    for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        says(
            registry.observe_histogram("wait", value, &[("route", "/new")]),
            &format!("\"wait\" can't observe {text}: expected a finite number"),
        );
        family.observe(&["/"], value).unwrap();
        handle.observe(value);
    }
    assert_eq!((handle.count(), handle.sum()), (1, 0.5));
    let page = page(&registry);
    assert!(!page.contains("/new"), "{page}");
    assert!(page.contains("aios_metrics_rejected_updates_total{reason=\"histogram_value\"} 9\n"), "{page}");
}

#[test]
fn gauges_hold_any_number() {
    let registry = Registry::new();
    let family: Family<Gauge> = registry.register_gauge("level", "", &[]).unwrap();
    for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf")] {
        family.set(&[], value).unwrap();
        assert!(page(&registry).ends_with(&format!("level {text}\n")));
    }
}
