//! Memory that does not grow: with threads that come and go, registries that are dropped, and
//! observations without end.
//!
//! One test, since it counts the bytes of the whole process.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]
#![allow(clippy::print_stdout, reason = "figures are for people")]

mod counting;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{PrometheusText, Registry, RegistryOptions, RollingMetric, RollingOptions};
use counting::{Counting, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads that are alive at the same time.
const TOGETHER: u64 = 8;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn memory_stays_as_it_is() {
    ten_thousand_threads_lose_nothing_and_leave_nothing();
    two_thousand_registries_give_their_cells_back();
    ten_million_observations_take_no_memory();
    let (settled, most) = series_come_and_go_in_bounded_memory();
    println!("{} series: {settled} bytes in the first tenth, at most {most} after it", series());
}

/// A slab is handed from a thread that ended to one that begins, so slabs number the most threads
/// that were ever alive at once: eight, all of which the first batch has made. The bytes after it
/// are the bytes for ever, exactly.
fn ten_thousand_threads_lose_nothing_and_leave_nothing() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    let latency = registry.register_histogram("latency", "Latency", &[], None).unwrap().with(&[]).unwrap();
    let rolling = RollingMetric::with_quantiles(Duration::from_secs(900), &[0.5]).unwrap();
    let counter = jobs.with(&["handle"]).unwrap();
    counter.inc_by(0.5);
    jobs.inc(&["name"]).unwrap();

    let batches = 10_000 / TOGETHER;
    let mut after_the_first = 0;
    for batch in 0..batches {
        let all_have_begun = Arc::new(Barrier::new(TOGETHER as usize));
        let threads = [(); TOGETHER as usize].map(|()| {
            let (registry, counter, latency) = (registry.clone(), counter.clone(), latency.clone());
            let (rolling, all_have_begun) = (rolling.clone(), all_have_begun.clone());
            thread::spawn(move || {
                counter.inc();
                all_have_begun.wait();
                counter.inc_by(0.5);
                latency.observe(0.5);
                rolling.add(1.0);
                registry.increment_counter("jobs_total", &[("by", "name")], 1_u64).unwrap();
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drop(all_have_begun);
        match batch {
            // The harness has its own affairs to set up meanwhile.
            0..10 => after_the_first = live_bytes(),
            _ => assert_eq!(live_bytes(), after_the_first, "after batch {batch}"),
        }
    }
    let all = batches * TOGETHER;
    assert_eq!(counter.get(), all as f64 * 1.5 + 0.5);
    assert_eq!(registry.value("jobs_total", &[("by", "name")]), Some((all + 1) as f64));
    assert_eq!((latency.count(), latency.sum()), (all, all as f64 * 0.5));
    assert_eq!(rolling.count(None), all);
}

/// The cells of a dropped registry are used again by the next one, and are zero by then.
fn two_thousand_registries_give_their_cells_back() {
    let mut after_the_first = 0;
    for number in 0..2_000 {
        // Every other one also keeps when its series were created.
        let options = RegistryOptions::default().with_created_timestamps(number % 2 == 1);
        let registry = Registry::with_options(options);
        let sizes = registry.register_histogram("sizes", "Sizes", &["kind"], None).unwrap();
        let jobs = registry.register_counter("jobs_total", "Jobs", &["kind"]).unwrap();
        for kind in ["a", "b", "c"] {
            let handle = sizes.with(&[kind]).unwrap();
            handle.observe(3.0);
            assert_eq!((handle.count(), handle.sum()), (1, 3.0));
            jobs.inc_by(&[kind], 1.5).unwrap();
            assert_eq!(registry.value("jobs_total", &[("kind", kind)]), Some(1.5));
        }
        let latency =
            registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.5])).unwrap();
        registry.observe_rolling("latency", 1.0).unwrap();
        assert_eq!((latency.count(None), latency.quantile(1.0, MINUTE).map(f64::round)), (1, Some(1.0)));
        drop((latency, registry, sizes, jobs));
        match number {
            0 | 1 => after_the_first = live_bytes(),
            _ => assert_eq!(live_bytes(), after_the_first, "after registry {number}"),
        }
    }
}

fn ten_million_observations_take_no_memory() {
    let before = live_bytes();
    let rolling = RollingMetric::with_quantiles(Duration::from_secs(900), &[0.5, 0.99]).unwrap();
    let reserved = live_bytes() - before;
    // The ring of the figures, that of the sketches, and what holds them.
    assert!((902 * 40 + 253_952..291_000).contains(&reserved), "{reserved} bytes");
    rolling.add(1.0);
    let before = live_bytes();
    for number in 0..10_000_000 {
        rolling.add(f64::from(number));
    }
    assert_eq!(live_bytes(), before);
    assert_eq!(rolling.count(None), 10_000_001);
    assert!((rolling.quantile(0.5, MINUTE).unwrap() / 5e6 - 1.0).abs() <= 0.01);
}

/// Series of which 500 are there at a time, created and removed in turn, while others look up, update
/// and scrape. Returns how many bytes there were in the first tenth and after it, at the most.
fn series_come_and_go_in_bounded_memory() -> (isize, isize) {
    const TOGETHER: u64 = 500;
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["tenant", "by"]).unwrap();
    let sizes = registry.register_histogram("sizes", "Sizes", &["tenant"], Some(&[1.0])).unwrap();
    let tenant = |number: u64| format!("tenant-{number:08}");
    let series = series();
    let done = &AtomicBool::new(false);
    let (updated, settled, most) = thread::scope(|scope| {
        let updates = scope.spawn(|| {
            let mut updated = 0_u64;
            for round in 0.. {
                jobs.inc(&["stays", "family"]).unwrap();
                registry.increment_counter("jobs", &[("by", "name"), ("tenant", "stays")], 1_u64).unwrap();
                updated += 1;
                // One that may just be going, by a handle that outlives it, and by its values.
                let goes = tenant(round % (4 * TOGETHER));
                jobs.with(&[&goes, "handle"]).unwrap().inc_by(0.5);
                jobs.inc(&[&goes, "handle"]).unwrap();
                jobs.remove(&[&goes, "handle"]).unwrap();
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
            updated
        });
        scope.spawn(|| {
            let mut page = Vec::with_capacity(1 << 20);
            while !done.load(Ordering::Acquire) {
                page.clear();
                registry.encode(&PrometheusText, &mut page);
                assert!(page.len() < 1 << 20, "a page of {} bytes", page.len());
                let samples = page.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#"));
                let keys = samples.map(|line| line.rsplitn(2, |&byte| byte == b' ').last());
                let count = keys.clone().count();
                assert_eq!(keys.collect::<HashSet<_>>().len(), count, "a series stands twice");
            }
        });
        let (mut settled, mut most) = (0, 0);
        for number in 0..series {
            let new = tenant(number);
            jobs.inc_by(&[&new, "churn"], 0.5).unwrap();
            sizes.observe(&[&new], 0.5).unwrap();
            if let Some(old) = number.checked_sub(TOGETHER) {
                let old = tenant(old);
                assert!(jobs.remove(&[&old, "churn"]).unwrap());
                assert!(sizes.remove(&[&old]).unwrap());
            }
            if number % 1_000 == 0 {
                match number * 10 / series {
                    0 => settled = settled.max(live_bytes()),
                    _ => most = most.max(live_bytes()),
                }
            }
        }
        done.store(true, Ordering::Release);
        // While the scheduler keeps a reader from running, what it may be looking at waits: some megabytes,
        // where ten million series would take some thousand.
        assert!(most < settled + (32 << 20), "{settled} bytes in the first tenth, then up to {most}");
        (updates.join().unwrap(), settled, most)
    });
    for by in ["family", "name"] {
        assert_eq!(registry.value("jobs_total", &[("tenant", "stays"), ("by", by)]), Some(updated as f64));
    }
    (settled, most)
}

/// `AIOS_METRICS_TEST_SERIES` says how many; a tenth of a million where nobody says more.
fn series() -> u64 {
    std::env::var("AIOS_METRICS_TEST_SERIES").map_or(100_000, |series| series.parse().unwrap())
}
