//! A service in which nothing happens: the core runs nothing by itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod counting;

use std::fs;
use std::thread;
use std::time::Duration;

use aios_metrics_core::{PrometheusText, Registry, RollingOptions};
use counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The threads of this process, by id, each with how often it left its processor: a wake-up shows there.
fn threads() -> Vec<(String, String)> {
    let mut threads: Vec<_> = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| {
            let task = task.unwrap();
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
            (task.file_name().into_string().unwrap(), switches.collect::<Vec<_>>().join(" "))
        })
        .collect();
    threads.sort();
    threads
}

#[test]
fn nothing_wakes_up_and_nothing_is_allocated() {
    let before = threads();
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    jobs.expire_after(Duration::from_millis(1));
    jobs.inc(&["ok"]).unwrap();
    registry.register_histogram("job_seconds", "Time", &[], None).unwrap().observe(&[], 0.5).unwrap();
    registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.99])).unwrap().add(0.5);
    registry.encode(&PrometheusText, &mut Vec::new());
    assert!(jobs.remove(&["ok"]).unwrap());

    // The stretch of time that is watched, and no wait for anything.
    let allocated = allocations(|| thread::sleep(Duration::from_millis(200)));
    assert_eq!(allocated, 0);

    let ids = |threads: &[(String, String)]| threads.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let after = threads();
    assert_eq!(ids(&after), ids(&before), "the core started a thread");
    // All but the one that has done this.
    let me = rustix::thread::gettid().as_raw_nonzero().to_string();
    let others = |threads: &[(String, String)]| {
        threads.iter().filter(|(id, _)| *id != me).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&after), others(&before), "another thread was run");
}
