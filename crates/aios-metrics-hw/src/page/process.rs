//! The families of this process.
//!
//! Names and helps are those of Prometheus' client libraries, as far as those have them.

use super::{Figure, float, ratio};

pub(super) const FIGURES: &[Figure] = &[
    Figure::counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", |r| {
        r.process.cpu_seconds
    }),
    Figure::gauge(
        "process_cpu_usage_ratio",
        "CPU use since the last reading; 1 is one core fully used.",
        |r| r.process.cpu_percent.map(ratio),
    ),
    Figure::gauge("process_resident_memory_bytes", "Resident memory size in bytes.", |r| {
        r.process.resident_bytes.map(float)
    }),
    Figure::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", |r| {
        r.process.virtual_bytes.map(float)
    }),
    Figure::gauge(
        "process_virtual_memory_max_bytes",
        "Maximum amount of virtual memory available in bytes.",
        |r| r.process.max_virtual_bytes.map(float),
    ),
    Figure::gauge("process_open_fds", "Number of open file descriptors.", |r| r.process.open_fds.map(float)),
    Figure::gauge("process_max_fds", "Maximum number of open file descriptors.", |r| {
        r.process.max_fds.map(float)
    }),
    Figure::gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        |r| r.process.start_time_seconds,
    ),
    Figure::gauge("process_threads", "Number of OS threads in the process.", |r| {
        r.process.threads.map(float)
    }),
    Figure::counters(
        "process_context_switches_total",
        "Context switches of all threads: voluntary ones to wait for something, the others not.",
        &["type"],
        |r, add| {
            add.known(&["voluntary"], r.process.voluntary_context_switches.map(float));
            add.known(&["involuntary"], r.process.involuntary_context_switches.map(float));
        },
    ),
    Figure::counters(
        "process_page_faults_total",
        "Page faults: minor ones served from memory, major ones that waited for a disk.",
        &["type"],
        |r, add| {
            add.known(&["minor"], r.process.minor_page_faults.map(float));
            add.known(&["major"], r.process.major_page_faults.map(float));
        },
    ),
    Figure::counter(
        "process_storage_read_bytes_total",
        "Bytes that were fetched from storage for this process.",
        |r| r.process.storage_read_bytes.map(float),
    ),
    Figure::counter(
        "process_storage_written_bytes_total",
        "Bytes that this process caused to be sent to storage.",
        |r| r.process.storage_written_bytes.map(float),
    ),
];
