//! The SDK's threads: there while something runs, gone afterwards.
//!
//! The threads of a process are counted, so this file has one test only.

#![cfg(all(feature = "hw", feature = "http", feature = "redis", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::fs;

use aios_metrics::AiosMetrics;
use support::{DEADLINE, http, metrics, publishing, wait_until};

/// The names of the SDK's threads, as far as the kernel keeps them.
fn threads() -> Vec<String> {
    let names = fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // A thread may end while we look.
        let name = fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
        name.starts_with("aios-metrics-").then(|| name.trim().to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Those of the exporter, the publisher and the sampler, and of each probe that may hang.
fn names() -> Vec<String> {
    let gpu = cfg!(feature = "gpu").then_some("gp");
    let names = ["ex", "fi"].into_iter().chain(gpu).chain(["pu", "sa", "te"]);
    names.map(|name| format!("aios-metrics-{name}")).collect()
}

fn running() -> AiosMetrics {
    // Nobody is there, which is what most development machines have.
    let metrics = metrics(publishing(support::free_port()));
    assert_eq!(threads(), [""; 0], "nothing runs before it is started");
    metrics.start_http_server().unwrap();
    wait_until("all have their names", || threads() == names());
    metrics
}

#[test]
fn threads_end_with_a_stop_and_with_the_last_handle() {
    let stopped = running();
    // From then on there is one that makes pages.
    let addr = stopped.start_http_server().unwrap();
    assert_eq!(http::get(addr, "/metrics").status, 200);
    assert_eq!(threads().len(), names().len() + 1, "{:?}", threads());
    let report = stopped.stop(std::time::Duration::from_secs(4));
    assert!(report.joined, "{report}");
    assert_eq!(threads(), [""; 0], "a stop waits for them");

    let dropped = running();
    let clone = dropped.clone();
    drop(dropped);
    clone.start_http_server().unwrap();
    assert_eq!(threads(), names(), "a clone is left");
    drop(clone);
    wait_until("they end by themselves", || threads().is_empty());

    // Once more, to its end: no thread of an earlier instance was in the way.
    running().stop(DEADLINE.min(std::time::Duration::from_secs(4)));
    wait_until("they have ended", || threads().is_empty());
}
