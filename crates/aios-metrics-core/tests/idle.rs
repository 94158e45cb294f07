//! A service in which nothing happens: the core runs nothing by itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod counting;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics_core::{PrometheusText, Registry, RollingOptions};
use counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The threads of this process but the one that asks, by id, each with whether it sleeps and how often it has
/// left its processor: a wake-up shows there.
fn others() -> Vec<(String, String)> {
    let me = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut threads: Vec<_> = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| {
            let task = task.unwrap();
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            let wanted = |line: &&str| line.starts_with("State:") || line.contains("ctxt_switches");
            let told = status.lines().filter(wanted).collect::<Vec<_>>().join(" ");
            (task.file_name().into_string().unwrap(), told)
        })
        .filter(|(id, _)| *id != me)
        .collect();
    threads.sort();
    threads
}

fn ids(threads: &[(String, String)]) -> Vec<String> {
    threads.iter().map(|(id, _)| id.clone()).collect()
}

#[test]
fn nothing_wakes_up_and_nothing_is_allocated() {
    let known = ids(&others());
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    jobs.expire_after(Duration::from_millis(1));
    jobs.inc(&["ok"]).unwrap();
    registry.register_histogram("job_seconds", "Time", &[], None).unwrap().observe(&[], 0.5).unwrap();
    registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.99])).unwrap().add(0.5);
    registry.encode(&PrometheusText, &mut Vec::new());
    assert!(jobs.remove(&["ok"]).unwrap());

    // The harness' own thread may still be on its way to where it waits for this test.
    let deadline = Instant::now() + Duration::from_secs(10);
    let before = loop {
        let others = others();
        if others.iter().all(|(_, told)| told.contains("(sleeping)")) {
            break others;
        }
        assert!(Instant::now() < deadline, "another thread never comes to rest: {others:?}");
        thread::yield_now();
    };
    // The stretch of time that is watched, and no wait for anything.
    let allocated = allocations(|| thread::sleep(Duration::from_millis(200)));
    assert_eq!(allocated, 0);

    let after = others();
    assert_eq!(ids(&after), known, "the core started a thread");
    assert_eq!(after, before, "another thread was run");
}
