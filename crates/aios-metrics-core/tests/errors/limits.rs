//! Very long label values, and more series than a family may have.

use aios_metrics_core::{Registry, RegistryOptions};

use crate::{log, page};

#[test]
fn a_label_value_of_a_megabyte_is_kept_and_escaped() {
    let registry = Registry::new();
    let family = registry.register_counter("jobs_total", "", &["payload"]).unwrap();
    let long = "a\"\\\n".repeat(1 << 18);
    for _ in 0..3 {
        family.inc(&[&long]).unwrap();
    }
    registry.increment_counter("jobs", &[("payload", &long)], 1_u64).unwrap();
    let page = page(&registry);
    let sample = page.lines().last().unwrap();
    assert_eq!(sample.len(), "jobs_total{payload=\"\"} 4".len() + (1 << 18) * 7);
    assert_eq!(page.lines().count(), 3);
    assert_eq!(registry.value("jobs_total", &[("payload", &long)]), Some(4.0));
}

#[test]
fn past_the_cap_updates_go_to_one_series_and_totals_stay_right() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let family = registry.register_counter("visits_total", "", &["user", "page"]).unwrap();
    let ((), log) = log::collect(|| {
        for user in 0..10_050_u32 {
            family.inc(&[&user.to_string(), "home"]).unwrap();
        }
        registry.increment_counter("visits_total", &[("page", "late"), ("user", "x")], 5_u64).unwrap();
        family.with(&["y", "late"]).unwrap().inc();
        // Series that exist go on.
        family.inc(&["9999", "home"]).unwrap();
    });
    let value = |user: &str, page: &str| registry.value("visits_total", &[("user", user), ("page", page)]);
    assert_eq!((value("0", "home"), value("9999", "home")), (Some(1.0), Some(2.0)));
    assert_eq!((value("10000", "home"), value("x", "late")), (None, None));
    assert_eq!(value("__overflow__", "__overflow__"), Some(50.0 + 5.0 + 1.0));

    let [warning] = &log[..] else { panic!("one warning, not {log:?}") };
    for part in ["WARN aios_metrics", "\"visits_total\"", "10000", "\"__overflow__\""] {
        assert!(warning.contains(part), "{part} is missing in {warning:?}");
    }
    let page = page(&registry);
    assert!(page.contains("aios_metrics_series{family=\"visits_total\"} 10001\n"));
    assert!(page.contains("aios_metrics_series_overflow_total{family=\"visits_total\"} 52\n"));
    let total: f64 = page
        .lines()
        .filter(|line| line.starts_with("visits_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(total, 10_050.0 + 5.0 + 1.0 + 1.0);
}

#[test]
fn the_cap_is_each_familys_own_and_can_be_set() {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(2));
    let gauge = registry.register_gauge("level", "", &["tank"]).unwrap();
    let wait = registry.register_histogram("wait", "", &["route"], Some(&[1.0])).unwrap();
    for tank in ["a", "b", "c", "d"] {
        gauge.set(&[tank], 1.0).unwrap();
    }
    for route in ["a", "b", "c", "d"] {
        wait.observe(&[route], 0.5).unwrap();
    }
    let page = page(&registry);
    assert_eq!(page.matches("level{").count(), 3);
    assert!(page.contains("level{tank=\"__overflow__\"} 1\n"), "{page}");
    assert!(page.contains("wait_count{route=\"__overflow__\"} 2\n"), "{page}");
}

#[test]
fn whoever_is_told_of_the_cap_may_use_the_family() {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(2));
    let jobs = registry.register_counter("jobs_total", "", &["by"]).unwrap();
    jobs.inc(&["a"]).unwrap();
    let held = jobs.with(&["b"]).unwrap();
    let (family, handle) = (jobs.clone(), held.clone());
    let listener = log::Listener(move |_| {
        assert!(family.remove(&["a"]).unwrap());
        family.inc(&["c"]).unwrap();
        handle.inc_by(0.5);
    });
    tracing::subscriber::with_default(listener, || jobs.inc(&["d"]).unwrap());
    let value = |by| registry.value("jobs_total", &[("by", by)]);
    assert_eq!(
        ["a", "b", "c", "d", "__overflow__"].map(value),
        [None, Some(0.5), Some(1.0), None, Some(1.0)]
    );
}
