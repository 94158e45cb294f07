//! An allocator that counts its own calls with metrics: updates that come while the cells of the
//! calling thread are being allocated.
//!
//! Whole amounts only: the first fraction of a counter's series takes a second cell, and the list of the cells
//! that are free has a lock.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{Counter, Gauge, Histogram, PrometheusText, Registry, RollingMetric};

struct Metered;

struct Meters {
    calls: Counter,
    sizes: Histogram,
    largest: Gauge,
    rolling: RollingMetric,
}

static METERS: OnceLock<Meters> = OnceLock::new();
/// What the meters must say.
static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed on to the system's allocator as it came; metrics neither unwind nor
// use what is being allocated.
unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(meters) = METERS.get() {
            CALLS.fetch_add(1, Ordering::Relaxed);
            meters.calls.inc();
            meters.sizes.observe(layout.size() as f64);
            meters.largest.set(layout.size() as f64);
            meters.rolling.add(1.0);
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Metered = Metered;

#[test]
fn an_allocator_counts_its_own_calls() {
    let registry = Registry::new();
    let calls = registry.register_counter("calls_total", "Calls", &[]).unwrap().with(&[]).unwrap();
    let bounds = [64.0, 1_024.0];
    let sizes = registry.register_histogram("sizes_bytes", "Sizes", &[], Some(&bounds)).unwrap();
    let sizes = sizes.with(&[]).unwrap();
    let largest = registry.register_gauge("largest_bytes", "Largest", &[]).unwrap().with(&[]).unwrap();
    let window = Duration::from_secs(900);
    let rolling = RollingMetric::with_quantiles(window, &[0.5]).unwrap();
    let meters = Meters {
        calls: calls.clone(),
        sizes: sizes.clone(),
        largest: largest.clone(),
        rolling: rolling.clone(),
    };
    assert!(METERS.set(meters).is_ok());

    let jobs = registry.register_counter("jobs_total", "Jobs", &["number"]).unwrap();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (jobs, registry) = (jobs.clone(), registry.clone());
            thread::spawn(move || {
                // Enough series for several chunks, in a thread that begins without any.
                for number in 0..1_000 {
                    jobs.inc_by(&[&format!("{}", thread * 500 + number)], 1_u64).unwrap();
                }
                registry.encode(&PrometheusText, &mut Vec::new());
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    let expected = || CALLS.load(Ordering::Relaxed);
    assert!(expected() > 8_000);
    // A reading allocates before it adds up, and nothing is allocated between that and the number
    // that it is held against.
    let counted = calls.get();
    assert_eq!(counted, expected() as f64);
    let counted = sizes.count();
    assert_eq!(counted, expected());
    assert_eq!(rolling.count(None), expected());
    assert!([0.0, 1.0].iter().all(|&q| rolling.quantile(q, window).is_some_and(|v| (v - 1.0).abs() <= 0.01)));
    assert!(largest.get() > 0.0);
}
