//! Many threads at once: totals are exact at the end and never go backwards on the way.
//!
//! `AIOS_METRICS_TEST_ROUNDS` says how often each thread updates; a sanitizer needs fewer.
//! `cargo xtask tsan` runs these under ThreadSanitizer.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{
    Clock, Counter, Histogram, NativeBuckets, OpenMetricsText, PrometheusText, Registry, RegistryOptions,
    RollingMetric, RollingOptions, Source,
};

const WRITERS: u64 = 8;
const ROLLING_WINDOW: Duration = Duration::from_secs(900);

fn rounds() -> u64 {
    std::env::var("AIOS_METRICS_TEST_ROUNDS").map_or(10_000, |rounds| rounds.parse().unwrap())
}

/// A clock that readers turn on, so that time slots end while threads write.
#[derive(Default)]
struct TurnedClock(AtomicU64);

impl TurnedClock {
    /// Moves on by a second, but never so far that a value leaves its window.
    fn turn(&self) {
        let turn = |seconds| (seconds < ROLLING_WINDOW.as_secs() - 100).then_some(seconds + 1);
        let _at_the_end = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, turn);
    }
}

impl Clock for TurnedClock {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(10_000 + self.0.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Duration {
        self.monotonic()
    }
}

/// Updates by handle, by family and by name, fractions, and new series now and then.
fn write(registry: &Registry, thread: u64) {
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    let handle = jobs.with(&["handle"]).unwrap();
    let seconds = registry.counter("busy_seconds", &[]).unwrap();
    let running = registry.gauge("running", &[]).unwrap();
    let sizes = registry.register_histogram("sizes", "Sizes", &["by"], Some(&[1.0, 4.0])).unwrap();
    let size = sizes.with(&["handle"]).unwrap();
    let rolling = registry.rolling("latency").unwrap();
    for round in 0..rounds() {
        handle.inc();
        jobs.inc_by(&["family"], 2_u64).unwrap();
        registry.increment_counter("jobs", &[("by", "name")], 3_u64).unwrap();
        seconds.inc_by(0.25);
        running.inc();
        if round % 2 == 0 {
            running.dec();
        }
        registry.set_gauge("round", round as f64, &[("thread", &thread.to_string())]).unwrap();
        let value = (round % 8) as f64;
        size.observe(value);
        sizes.observe(&["family"], value).unwrap();
        registry.observe_histogram("sizes", value, &[("by", "name")]).unwrap();
        rolling.add(1.0);
        registry.observe_rolling("latency", 1.0).unwrap();
        registry.observe_rolling("spread", spread(round)).unwrap();
        if round % 64 == 0 {
            jobs.inc(&[&format!("{thread}/{round}")]).unwrap();
            jobs.inc(&[&format!("shared/{round}")]).unwrap();
        }
    }
}

/// A value that the sketches of a rolling metric tell from those of the other 15 rounds.
fn spread(round: u64) -> f64 {
    1.5_f64.powi((round % 16) as i32)
}

/// Samples of a page by name and labels.
fn samples(page: &str) -> impl Iterator<Item = (&str, f64)> {
    page.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (key, value) = line.rsplit_once(' ').unwrap();
        (key, value.parse().unwrap())
    })
}

/// Scrapes until `done`, and once more; checks each page against the one before.
fn scrape(registry: &Registry, clock: &TurnedClock, done: &AtomicBool, open_metrics: bool) {
    let rolling = registry.rolling("latency").unwrap();
    let (mut last, mut page, mut observed) = (HashMap::<String, f64>::new(), Vec::new(), 0);
    loop {
        let at_the_end = done.load(Ordering::Acquire);
        page.clear();
        if open_metrics {
            registry.encode(&OpenMetricsText, &mut page);
        } else {
            registry.encode(&PrometheusText, &mut page);
        }
        let text = std::str::from_utf8(&page).unwrap();
        let mut infinite = HashMap::new();
        for (key, value) in samples(text) {
            let (name, labels) = key.split_at(key.find('{').unwrap_or(key.len()));
            if name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_bucket") {
                let before = last.insert(key.to_owned(), value).unwrap_or(0.0);
                assert!(value >= before, "{key} went from {before} to {value}");
            }
            if let Some(labels) = labels.strip_suffix(",le=\"+Inf\"}") {
                infinite.insert(labels, value);
            } else if name.ends_with("_count") {
                assert_eq!(infinite.get(labels.trim_end_matches('}')), Some(&value), "{key}");
            }
        }
        let (count, average) = (rolling.count(None), rolling.average(ROLLING_WINDOW));
        assert!(count >= observed, "observations went from {observed} to {count}");
        assert!(count == 0 || average == 1.0, "{average} on average");
        observed = count;
        let spread = registry.extended_metrics()["spread"];
        let quantiles = spread.quantiles()[0];
        for median in [quantiles.value_1m, quantiles.value_5m, quantiles.value_15m].into_iter().flatten() {
            assert!((0.99..450.0).contains(&median), "{median}");
        }
        clock.turn();
        if at_the_end {
            return;
        }
    }
}

/// Registers families, the same ones again, and whole registries beside.
fn register(registry: &Registry, done: &AtomicBool) {
    for number in 0_u64.. {
        let name = format!("extra_{}_total", number % 200);
        registry.register_counter(&name, "Extra", &["a"]).unwrap().inc(&["x"]).unwrap();
        let other = Registry::new();
        let histogram = other.register_histogram("sizes", "Sizes", &[], None).unwrap().with(&[]).unwrap();
        histogram.observe(1.0);
        assert_eq!(histogram.count(), 1, "cells that another registry gave back");
        if done.load(Ordering::Acquire) {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn totals_are_exact_while_others_scrape_register_and_create() {
    let clock = Arc::new(TurnedClock::default());
    let options = RegistryOptions::default().with_max_series(1_000_000).with_clock(clock.clone());
    let registry = Registry::with_options(options);
    registry.register_counter("busy_seconds", "Busy", &[]).unwrap();
    registry.register_gauge("running", "Running", &[]).unwrap();
    registry.register_gauge("round", "Round", &["thread"]).unwrap();
    let median = RollingOptions::default().with_quantiles([0.5]);
    let spreading = registry.rolling_with("spread", median).unwrap();

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|i| {
                scope.spawn({
                    let r = &registry;
                    move || write(r, i)
                })
            })
            .collect();
        for open_metrics in [false, true] {
            let (registry, clock, done) = (&registry, &clock, &done);
            scope.spawn(move || scrape(registry, clock, done, open_metrics));
        }
        scope.spawn(|| register(&registry, &done));
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        // Also when a writer failed: the others must end.
        done.store(true, Ordering::Release);
        assert!(ended.iter().all(Result::is_ok));
    });

    let (rounds, all) = (rounds(), (WRITERS * rounds()) as f64);
    let jobs = |by: &str| registry.value("jobs_total", &[("by", by)]);
    assert_eq!([jobs("handle"), jobs("family"), jobs("name")], [Some(all), Some(2.0 * all), Some(3.0 * all)]);
    assert_eq!(registry.value("busy_seconds", &[]), Some(all / 4.0));
    assert_eq!(registry.value("running", &[]), Some((WRITERS * (rounds / 2)) as f64));
    let sum: u64 = (0..rounds).map(|round| round % 8).sum();
    for by in ["handle", "family", "name"] {
        assert_eq!(registry.value("sizes_count", &[("by", by)]), Some(all), "{by}");
        assert_eq!(registry.value("sizes_sum", &[("by", by)]), Some((WRITERS * sum) as f64), "{by}");
    }
    let latency = registry.rolling("latency").unwrap();
    assert_eq!((latency.count(None), latency.sum(ROLLING_WINDOW)), (2 * WRITERS * rounds, 2.0 * all));
    assert_eq!(spreading.count(None), WRITERS * rounds);
    let mut below = 0;
    for value in 0..rounds.min(16) {
        let equal = WRITERS * ((rounds - value).div_ceil(16));
        // The first and the last of those of equal value, by rank.
        for rank in [below + 1, below + equal] {
            let answer = spreading.quantile(rank as f64 / all, ROLLING_WINDOW).unwrap();
            assert!((answer / spread(value) - 1.0).abs() <= 0.01, "rank {rank}: {answer}");
        }
        below += equal;
    }
    for round in (0..rounds).step_by(64) {
        assert_eq!(jobs(&format!("shared/{round}")), Some(WRITERS as f64));
        assert!((0..WRITERS).all(|thread| jobs(&format!("{thread}/{round}")) == Some(1.0)));
    }
}

/// Labels, value and series of an exemplar belong together, while series come and go and their cells are
/// used again.
#[test]
fn exemplars_are_whole_while_others_write_and_remove() {
    let registry = Registry::with_options(RegistryOptions::default().with_created_timestamps(true));
    let native = NativeBuckets::new(0, 1.0..=1_024.0);
    let sizes = registry.register_native_histogram("sizes", "Sizes", &["by"], Some(&[4.0]), native).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let write = |thread: u64| {
            let sizes = &sizes;
            move || {
                let by = thread.to_string();
                for round in 0..rounds() / 10 {
                    // Each in a bucket of the classic ones.
                    let value = (round % 2 * 8 + thread) as f64;
                    let text = value.to_string();
                    sizes
                        .with(&[&by])
                        .unwrap()
                        .observe_with_exemplar(value, &[("by", &by), ("value", &text)]);
                    if round % 16 == 0 {
                        sizes.remove(&[&by]).unwrap();
                    }
                }
            }
        };
        let writers: Vec<_> = (0..4).map(|thread| scope.spawn(write(thread))).collect();
        let reader = scope.spawn(|| {
            let mut snapshot = registry.snapshot();
            while !done.load(Ordering::Acquire) {
                registry.snapshot_into(&mut snapshot);
                for series in snapshot.families().flat_map(|family| family.series()) {
                    let (_, by) = series.labels().next().unwrap();
                    assert!(series.created().is_some());
                    for exemplar in series.exemplars() {
                        let labels: Vec<_> = exemplar.labels().map(|(_, value)| value).collect();
                        assert_eq!(labels, [by.clone(), exemplar.value().to_string().into()]);
                        assert_eq!(exemplar.bucket(), usize::from(exemplar.value() > 4.0));
                    }
                }
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        assert!(ended.into_iter().chain([reader.join()]).all(|ended| ended.is_ok()));
    });
}

/// Updates everything when it is dropped, which a thread-local does while its thread ends.
struct Late {
    counter: Counter,
    histogram: Histogram,
    rolling: RollingMetric,
}

impl Drop for Late {
    fn drop(&mut self) {
        self.counter.inc();
        self.counter.inc_by(0.5);
        self.histogram.observe(2.0);
        self.rolling.add(2.0);
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn updates_of_a_thread_that_is_ending_count() {
    let registry = Registry::new();
    let counter = registry.register_counter("jobs_total", "Jobs", &[]).unwrap().with(&[]).unwrap();
    let histogram = registry.register_histogram("sizes", "Sizes", &[], None).unwrap().with(&[]).unwrap();
    let rolling = RollingMetric::with_quantiles(ROLLING_WINDOW, &[0.5]).unwrap();
    let late = || Late { counter: counter.clone(), histogram: histogram.clone(), rolling: rolling.clone() };
    let threads = 50;
    for number in 0..threads {
        let (before, after) = (late(), late());
        thread::spawn(move || {
            // Destructors run in the reverse order of registration: one of these before the
            // thread gives its cells away, and one after.
            BEFORE.set(Some(before));
            if number % 2 == 0 {
                AFTER.with_borrow(|late| assert!(late.is_none()));
            } else {
                after.counter.inc_by(0_u64);
            }
            AFTER.set(Some(after));
        })
        .join()
        .unwrap();
    }
    let all = 2 * threads;
    assert_eq!(counter.get(), all as f64 * 1.5);
    assert_eq!((histogram.count(), histogram.sum()), (all, all as f64 * 2.0));
    assert_eq!((rolling.count(None), rolling.sum(ROLLING_WINDOW)), (all, all as f64 * 2.0));
    // Others before and behind, so that the ranks of those in between show how many there are.
    rolling.add(1.0);
    rolling.add(3.0);
    let at = |rank: u64| rolling.quantile(rank as f64 / (all + 2) as f64, ROLLING_WINDOW).unwrap().round();
    assert_eq!([1, 2, all + 1, all + 2].map(at), [1.0, 2.0, 2.0, 3.0]);
}
