//! Memory that does not grow: with threads that come and go, registries that are dropped, and
//! observations without end.
//!
//! One test, since it counts the bytes of the whole process.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod counting;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{Registry, RegistryOptions, RollingMetric};
use counting::{Counting, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads that are alive at the same time.
const TOGETHER: u64 = 8;

#[test]
fn memory_stays_as_it_is() {
    ten_thousand_threads_lose_nothing_and_leave_nothing();
    two_thousand_registries_give_their_cells_back();
    ten_million_observations_take_no_memory();
}

/// A slab is handed from a thread that ended to one that begins, so slabs number the most threads
/// that were ever alive at once: eight, all of which the first batch has made. The bytes after it
/// are the bytes for ever, exactly.
fn ten_thousand_threads_lose_nothing_and_leave_nothing() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    let latency = registry.register_histogram("latency", "Latency", &[], None).unwrap().with(&[]).unwrap();
    let rolling = RollingMetric::new(Duration::from_secs(900));
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
            0 => after_the_first = live_bytes(),
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
        registry.observe_rolling("latency", 1.0).unwrap();
        assert_eq!(registry.rolling("latency").unwrap().count(None), 1);
        drop((registry, sizes, jobs));
        match number {
            0 | 1 => after_the_first = live_bytes(),
            _ => assert_eq!(live_bytes(), after_the_first, "after registry {number}"),
        }
    }
}

fn ten_million_observations_take_no_memory() {
    let rolling = RollingMetric::new(Duration::from_secs(900));
    rolling.add(1.0);
    let before = live_bytes();
    for number in 0..10_000_000 {
        rolling.add(f64::from(number));
    }
    assert_eq!(live_bytes(), before);
    assert_eq!(rolling.count(None), 10_000_001);
}
