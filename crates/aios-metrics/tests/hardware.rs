//! What the page and the document tell of the process and the machine.

#![cfg(all(feature = "hw", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use aios_metrics::{AiosMetrics, MetricsConfig};
use aios_metrics_core::PrometheusText;
use serde_json::Value;
use support::{metrics, quiet};

const PROCESS: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
    "process_threads",
];

fn page(metrics: &AiosMetrics) -> String {
    let mut page = Vec::new();
    metrics.registry().encode(&PrometheusText, &mut page);
    String::from_utf8(page).unwrap()
}

fn hardware(metrics: &AiosMetrics) -> Value {
    metrics.snapshot().hardware().cloned().unwrap_or(Value::Null)
}

/// A sample's value on the page.
fn sample(page: &str, key: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}

fn probes(names: &str) -> MetricsConfig {
    MetricsConfig::from_vars([("METRICS_PROBES".to_owned(), names.to_owned())]).unwrap()
}

#[test]
fn a_snapshot_reads_the_hardware_in_the_names_of_the_fleet() {
    // Nothing runs in the background.
    let hardware = hardware(&metrics(quiet()));
    for (object, keys) in [
        ("cpu", ["load1m", "load5m", "load15m"].as_slice()),
        ("memory", &["usedMem", "totalMem", "freeMem", "averageUtil"]),
        ("process", &["cpuSeconds", "residentMem", "virtualMem", "openFds", "startTime", "threads"]),
    ] {
        for key in keys {
            assert!(hardware[object][key].is_number(), "{object}.{key} is not in {hardware}");
        }
    }
    let memory = |key: &str| hardware["memory"][key].as_f64().unwrap();
    assert!((memory("usedMem") + memory("freeMem") - memory("totalMem")).abs() < 0.05, "{hardware}");
    // Megabytes: this process has a few of them, and the machine fewer than a million GB.
    assert!((0.5..10_000.0).contains(&hardware["process"]["residentMem"].as_f64().unwrap()), "{hardware}");
}

#[test]
fn cpu_percent_comes_with_the_second_reading_and_is_left_out_before() {
    let metrics = metrics(quiet());
    assert_eq!(hardware(&metrics)["cpu"].get("percent"), None);
    support::wait_until("there is an interval to tell of", || {
        let percent = hardware(&metrics)["cpu"]["percent"].clone();
        assert!(percent.is_null() || percent.as_f64() >= Some(0.0), "{percent}");
        percent.is_number()
    });
    support::wait_until("the page tells of it too", || {
        let (_, page) = (hardware(&metrics), page(&metrics));
        ["process_cpu_usage_ratio", "node_cpu_usage_ratio"]
            .iter()
            .all(|name| sample(&page, name) >= Some(0.0))
    });
}

#[cfg(feature = "http")]
#[test]
fn the_very_first_scrape_has_the_process_and_the_host() {
    let metrics = metrics(quiet());
    let addr = metrics.start_http_server().unwrap();
    let page = support::http::get(addr, "/metrics").body;
    for name in PROCESS.into_iter().chain(["node_load1", "node_memory_total_bytes"]) {
        assert!(sample(&page, name).is_some(), "{name} is not in\n{page}");
    }
    assert!(sample(&page, "process_resident_memory_bytes") > Some(500_000.0));
    assert!(sample(&page, "process_threads") >= Some(1.0));
    assert!(sample(&page, "process_open_fds") <= sample(&page, "process_max_fds"));
    assert_eq!(sample(&page, "aios_metrics_probe_up{probe=\"process\"}"), Some(1.0));
    let document = support::http::get(addr, "/snapshot").body;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert!(
        document["process_threads"].is_number() && document["hardware"]["process"]["threads"].is_number()
    );
}

#[cfg(feature = "http")]
#[test]
fn readings_are_taken_again_while_something_runs() {
    let metrics = metrics(quiet().with_hardware_interval_s(0.02));
    let addr = metrics.start_http_server().unwrap();
    let threads = || sample(&support::http::get(addr, "/metrics").body, "process_threads");
    let before = threads();
    let (end, told) = std::sync::mpsc::channel::<()>();
    let waiting = std::thread::spawn(move || told.recv());
    support::wait_until("the new thread is seen", || threads() > before);
    drop(end);
    let _ = waiting.join();
}

#[test]
fn the_variable_chooses_the_probes_and_the_rest_is_left_out() {
    let only_process = metrics(probes("process"));
    let figures = hardware(&only_process);
    assert!(figures["process"]["threads"].is_number(), "{figures}");
    assert_eq!(figures.get("memory"), None, "{figures}");
    let shown = page(&only_process);
    assert!(PROCESS.iter().all(|name| sample(&shown, name).is_some()), "{shown}");
    assert!(!shown.contains("node_") && !shown.contains("probe=\"host\""), "{shown}");

    let only_host = metrics(probes(" host ,"));
    let figures = hardware(&only_host);
    assert!(figures["memory"]["totalMem"].is_number() && figures.get("process").is_none(), "{figures}");
    assert!(!page(&only_host).contains("process_"));

    let none = metrics(probes(","));
    assert_eq!(hardware(&none), Value::Null);
    assert!(!page(&none).contains("node_"));
}

#[test]
fn an_unknown_probe_is_an_error_that_names_it_its_setting_and_the_known_ones() {
    let vars = [("METRICS_PROBES".to_owned(), "process,disc".to_owned())];
    for (setting, error) in [
        ("METRICS_PROBES", MetricsConfig::from_vars(vars).unwrap_err()),
        ("probes", AiosMetrics::new(quiet().with_probes(["process", "disc"])).unwrap_err()),
    ] {
        assert_eq!(error.problems().len(), 1);
        let text = error.to_string();
        for part in [&format!("{setting}=\"process,disc\""), "\"disc\"", "process", "host"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
