//! Series and families that are taken away, while others look them up, update and scrape.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{Clock, Counter, PrometheusText, Registry, RegistryOptions, UpdateError};
use proptest::prelude::*;

/// The samples of the page, without HELP and TYPE.
fn samples(registry: &Registry) -> Vec<String> {
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn a_series_that_is_removed_begins_at_zero_when_it_comes_back() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    jobs.inc_by(&["ok"], 1.5).unwrap();
    jobs.inc(&["failed"]).unwrap();
    assert!(jobs.remove(&["ok"]).unwrap());
    assert_eq!(samples(&registry), [r#"jobs_total{status="failed"} 1"#]);
    assert_eq!(registry.value("jobs_total", &[("status", "ok")]), None);
    assert!(!jobs.remove(&["ok"]).unwrap());
    jobs.inc(&["ok"]).unwrap();
    assert_eq!(samples(&registry), [r#"jobs_total{status="failed"} 1"#, r#"jobs_total{status="ok"} 1"#]);
}

#[test]
fn removing_names_what_was_expected() {
    let jobs = Registry::new().register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    let error = jobs.remove(&["ok", "twice"]).unwrap_err();
    assert_eq!(error.to_string(), r#"metric "jobs_total" takes 1 label values ["status"], given 2"#);
}

#[test]
fn a_handle_of_a_removed_series_works_on_and_is_not_shown() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    let sizes = registry.register_histogram("sizes", "Sizes", &["kind"], Some(&[1.0])).unwrap();
    let queue = registry.register_gauge("queue", "Queue", &["kind"]).unwrap();
    let (old, old_size, old_queue) =
        (jobs.with(&["ok"]).unwrap(), sizes.with(&["a"]).unwrap(), queue.with(&["a"]).unwrap());
    jobs.clear();
    sizes.clear();
    queue.clear();
    let (new, new_size, new_queue) =
        (jobs.with(&["ok"]).unwrap(), sizes.with(&["a"]).unwrap(), queue.with(&["a"]).unwrap());
    for _ in 0..3 {
        old.inc();
        old.inc_by(0.5);
        old_size.observe(2.0);
        old_queue.add(1.0);
        let another = old.clone();
        another.inc();
    }
    new.inc();
    new_size.observe(0.5);
    new_queue.set(7.0);
    assert_eq!((old.get(), old_size.count(), old_size.sum(), old_queue.get()), (7.5, 3, 6.0, 3.0));
    assert_eq!((new.get(), new_size.count(), new_size.sum(), new_queue.get()), (1.0, 1, 0.5, 7.0));
    assert_eq!(
        format!("{old:?} {new:?}"),
        r#"Counter(jobs_total (removed)) Counter(jobs_total{status="ok"})"#
    );
    drop((old, old_size, old_queue));
    // What they had is used again, and is zero by then.
    for number in 0..10 {
        let fresh = jobs.with(&[&number.to_string()]).unwrap();
        assert_eq!(fresh.get(), 0.0);
        fresh.inc_by(0.25);
        assert_eq!(queue.with(&[&number.to_string()]).unwrap().get(), 0.0);
        assert_eq!(sizes.with(&[&number.to_string()]).unwrap().count(), 0);
    }
    assert_eq!((new.get(), new_size.count(), new_queue.get()), (1.0, 1, 7.0));
}

#[test]
fn retain_is_told_the_labels_and_may_use_the_family() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["tenant", "status"]).unwrap();
    for tenant in ["a", "b \"quoted\"\n", "c"] {
        for status in ["ok", "failed"] {
            jobs.inc(&[tenant, status]).unwrap();
        }
    }
    jobs.retain(|labels| {
        jobs.inc(&["asked", "yes"]).unwrap();
        assert_eq!(labels.get("nothing"), None);
        labels.get("tenant").unwrap() != "b \"quoted\"\n" && labels.get("status").unwrap() == "ok"
    });
    assert_eq!(
        samples(&registry),
        [
            r#"jobs_total{tenant="a",status="ok"} 1"#,
            r#"jobs_total{tenant="c",status="ok"} 1"#,
            r#"jobs_total{tenant="asked",status="yes"} 6"#,
        ]
    );
}

#[test]
fn a_metric_without_labels_stands_at_zero_again() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &[]).unwrap();
    jobs.inc(&[]).unwrap();
    assert!(jobs.remove(&[]).unwrap());
    assert_eq!(samples(&registry), ["jobs_total 0"]);
    jobs.inc(&[]).unwrap();
    jobs.clear();
    assert_eq!(samples(&registry), ["jobs_total 0"]);
}

#[test]
fn there_is_room_again_below_the_cap() {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(2));
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    for by in ["a", "b", "c", "d"] {
        jobs.inc(&[by]).unwrap();
    }
    let value = |by| registry.value("jobs_total", &[("by", by)]);
    assert_eq!((value("c"), value("__overflow__")), (None, Some(2.0)));
    jobs.remove(&["a"]).unwrap();
    jobs.inc(&["c"]).unwrap();
    jobs.inc(&["d"]).unwrap();
    assert_eq!((value("c"), value("d"), value("__overflow__")), (Some(1.0), None, Some(3.0)));
    jobs.remove(&["__overflow__"]).unwrap();
    assert_eq!(value("__overflow__"), None);
    jobs.inc(&["d"]).unwrap();
    assert_eq!((value("d"), value("__overflow__")), (None, Some(1.0)));
    jobs.set_max_series(3);
    jobs.inc(&["d"]).unwrap();
    assert_eq!(value("d"), Some(1.0));
    jobs.set_max_series(1);
    jobs.inc(&["e"]).unwrap();
    assert_eq!((value("b"), value("c"), value("d"), value("e")), (Some(1.0), Some(1.0), Some(1.0), None));
}

#[test]
fn a_name_is_what_it_says_and_not_where_it_lies() {
    let registry = Registry::new();
    let metrics: Vec<String> = (10..99).map(|number| format!("metric_{number}")).collect();
    let mut name = String::with_capacity(16);
    for round in 1..=3 {
        for metric in &metrics {
            registry.register_gauge(metric, "One of many", &[]).unwrap();
            // Each lies where the one before has lain.
            metric.clone_into(&mut name);
            registry.set_gauge(&name, f64::from(round), &[]).unwrap();
        }
        assert!(metrics.iter().all(|metric| registry.value(metric, &[]) == Some(f64::from(round))));
        for metric in &metrics {
            metric.clone_into(&mut name);
            assert!(registry.unregister(&name));
            registry.set_gauge(&name, 0.0, &[]).unwrap_err();
        }
    }
}

#[test]
fn a_family_that_is_unregistered_is_gone_and_its_names_are_free() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &[]).unwrap();
    let handle = jobs.with(&[]).unwrap();
    registry.register_histogram("sizes", "Sizes", &[], None).unwrap();
    assert!(registry.unregister("jobs"), "by its other name");
    assert!(!registry.unregister("jobs_total"));
    assert!(!registry.unregister("sizes_count"), "a sample's name is no metric's");
    handle.inc();
    jobs.inc(&[]).unwrap();
    assert_eq!(handle.get(), 2.0);
    assert!(samples(&registry).iter().all(|sample| sample.starts_with("sizes")));
    for name in ["jobs", "jobs_total"] {
        let error = registry.increment_counter(name, &[], 1_u64).unwrap_err();
        assert_eq!(error, UpdateError::UnknownMetric { name: name.to_owned() });
    }
    assert!(registry.unregister("sizes"));
    registry.register_gauge("sizes_count", "Sizes", &[]).unwrap();
    registry.register_counter("jobs_total", "Jobs", &["status"]).unwrap().inc(&["ok"]).unwrap();
    assert_eq!(samples(&registry), [r#"jobs_total{status="ok"} 1"#, "sizes_count 0"]);
}

/// A clock that has something else done when it is asked the next time.
#[derive(Default)]
struct Busy(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Clock for Busy {
    fn monotonic(&self) -> Duration {
        let task = self.0.lock().unwrap().take();
        if let Some(task) = task {
            task();
        }
        Duration::from_secs(1)
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// A registry with a family of which a snapshot asks the time, and that clock.
fn interrupted() -> (Registry, Arc<Busy>) {
    let clock = Arc::new(Busy::default());
    let registry = Registry::with_options(RegistryOptions::default().with_clock(clock.clone()));
    registry.register_counter("first_total", "First", &[]).unwrap();
    let second = registry.register_counter("second_total", "Second", &["by"]).unwrap();
    second.expire_after(Duration::from_secs(3_600)).inc(&["a"]).unwrap();
    (registry, clock)
}

#[test]
fn a_family_that_comes_back_during_a_snapshot_is_there_once() {
    let (registry, clock) = interrupted();
    registry.register_counter("third_total", "Third", &[]).unwrap();
    registry.unregister("third_total");
    let changing = registry.clone();
    *clock.0.lock().unwrap() = Some(Box::new(move || {
        changing.unregister("first_total");
        // The place of the first one, and that of the third.
        changing.register_counter("fourth_total", "Fourth", &[]).unwrap();
        changing.register_counter("first_total", "First", &[]).unwrap();
    }));
    assert_eq!(samples(&registry), ["first_total 0", r#"second_total{by="a"} 1"#]);
    assert_eq!(samples(&registry), ["first_total 0", "fourth_total 0", r#"second_total{by="a"} 1"#]);
}

#[test]
fn a_family_that_was_unregistered_during_a_snapshot_is_freed_by_the_next_one() {
    let (registry, clock) = interrupted();
    let changing = registry.clone();
    *clock.0.lock().unwrap() = Some(Box::new(move || assert!(changing.unregister("first_total"))));
    // Each family has its share of the clock.
    let before = Arc::strong_count(&clock);
    samples(&registry);
    assert_eq!(Arc::strong_count(&clock), before, "it may still be looked at");
    samples(&registry);
    assert_eq!(Arc::strong_count(&clock), before - 1);
}

proptest! {
    /// Any sequence of updates and removals shows what a map would show.
    #[test]
    fn the_page_shows_what_a_map_holds(steps in prop::collection::vec((0_u32..40, 0..8), 1..400)) {
        let registry = Registry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
        let mut model = BTreeMap::<String, (u64, u64)>::new();
        let mut kept: Vec<(Counter, f64)> = Vec::new();
        for (at, (number, what)) in (0..).zip(steps) {
            let by = format!("{}{number}", "x".repeat(number as usize * 7));
            match what {
                0 => assert_eq!(jobs.remove(&[&by]).unwrap(), model.remove(&by).is_some()),
                1 if number == 0 => {
                    jobs.clear();
                    model.clear();
                }
                1 => {
                    let keep = |by: &str| by.len() % 3 == number as usize % 3;
                    jobs.retain(|labels| keep(&labels.get("by").unwrap()));
                    model.retain(|by, _| keep(by));
                }
                2 => {
                    let handle = jobs.with(&[&by]).unwrap();
                    model.entry(by).or_insert((at, 0));
                    kept.push((handle.clone(), handle.get()));
                }
                _ => {
                    registry.increment_counter("jobs", &[("by", &by)], 1_u64).unwrap();
                    model.entry(by).or_insert((at, 0)).1 += 1;
                }
            }
        }
        let mut expected: Vec<_> = model.iter().map(|(by, (born, total))| (born, by, total)).collect();
        expected.sort();
        let expected: Vec<String> =
            expected.into_iter().map(|(_, by, total)| format!("jobs_total{{by=\"{by}\"}} {total}")).collect();
        prop_assert_eq!(samples(&registry), expected);
        prop_assert!(kept.iter().all(|(handle, before)| handle.get() >= *before));
    }
}

/// Handles, look-ups by family and by name, scrapes and removals at once: what stays is exact, what is
/// read is never another series' value.
#[test]
fn what_stays_is_exact_while_others_are_removed() {
    let rounds: u64 =
        std::env::var("AIOS_METRICS_TEST_ROUNDS").map_or(10_000, |rounds| rounds.parse().unwrap());
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(1_000_000));
    let jobs = registry.register_counter("jobs_total", "Jobs", &["kind", "by"]).unwrap();
    let sizes = registry.register_histogram("sizes", "Sizes", &["kind", "by"], Some(&[1.0, 2.0])).unwrap();
    let done = &AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4_u64)
            .map(|thread| {
                let (registry, jobs, sizes) = (registry.clone(), jobs.clone(), sizes.clone());
                scope.spawn(move || {
                    let me = thread.to_string();
                    for round in 0..rounds {
                        jobs.inc(&["stays", "all"]).unwrap();
                        registry.increment_counter("jobs", &[("by", &me), ("kind", "stays")], 2_u64).unwrap();
                        sizes.observe(&["stays", &me], 1.5).unwrap();
                        let goes = format!("{thread}/{}", round % 97);
                        jobs.inc(&["goes", &goes]).unwrap();
                        let handle = sizes.with(&["goes", &goes]).unwrap();
                        handle.observe(0.5);
                        assert!(handle.count() >= 1 && handle.sum() == handle.count() as f64 / 2.0);
                        match round % 64 {
                            3 => drop(jobs.remove(&["goes", &goes]).unwrap()),
                            5 => drop(sizes.remove(&["goes", &goes]).unwrap()),
                            11 => jobs.retain(|labels| labels.get("kind").unwrap() == "stays"),
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut last = BTreeMap::new();
            while !done.load(Ordering::Acquire) {
                let samples = samples(&registry);
                let keys: BTreeSet<&str> = samples.iter().map(|s| s.rsplit_once(' ').unwrap().0).collect();
                assert_eq!(keys.len(), samples.len(), "each series stands once");
                for sample in samples.iter().filter(|sample| sample.contains("stays")) {
                    let (key, value) = sample.rsplit_once(' ').unwrap();
                    let value: f64 = value.parse().unwrap();
                    let before = last.insert(key.to_owned(), value).unwrap_or(0.0);
                    assert!(before <= value, "{key} went from {before} to {value}");
                }
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let extra = registry.register_counter("extra_total", "Extra", &["a"]).unwrap();
                extra.inc(&["x"]).unwrap();
                assert!(registry.unregister("extra_total"));
                thread::yield_now();
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        assert!(ended.iter().all(Result::is_ok));
    });
    let value = |name, by: &str| registry.value(name, &[("kind", "stays"), ("by", by)]);
    assert_eq!(value("jobs_total", "all"), Some(4.0 * rounds as f64));
    for thread in 0..4 {
        let me = thread.to_string();
        assert_eq!(value("jobs_total", &me), Some(2.0 * rounds as f64));
        assert_eq!(value("sizes_count", &me), Some(rounds as f64));
        assert_eq!(value("sizes_sum", &me), Some(1.5 * rounds as f64));
    }
}
