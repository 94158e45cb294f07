//! The families of the container, under cAdvisor's names.

use super::{Figure, float};
use crate::reading::CpuQuota;

pub(super) const FIGURES: &[Figure] = &[
    Figure::counter(
        "container_cpu_usage_seconds_total",
        "CPU time that the container used, in seconds.",
        |r| r.container.cpu_seconds,
    ),
    Figure::counter("container_cpu_user_seconds_total", "CPU time in programs' own code, in seconds.", |r| {
        r.container.cpu_user_seconds
    }),
    Figure::counter("container_cpu_system_seconds_total", "CPU time in the kernel, in seconds.", |r| {
        r.container.cpu_system_seconds
    }),
    Figure::gauge(
        "container_cpu_usage_ratio",
        "CPU use since the last reading; 1 is one core fully used.",
        |r| r.container.cpu_percent.map(super::ratio),
    ),
    Figure::gauge(
        "container_cpu_limit_cores",
        "The tightest limit on CPU time, as a number of cores.",
        |r| r.container.cpu_quota.as_ref().map(CpuQuota::cores),
    ),
    Figure::gauge(
        "container_spec_cpu_quota",
        "CPU time that may be used in each period, in microseconds.",
        |r| r.container.cpu_quota.map(|quota| float(quota.quota_micros)),
    ),
    Figure::gauge(
        "container_spec_cpu_period",
        "The period of the limit on CPU time, in microseconds.",
        |r| r.container.cpu_quota.map(|quota| float(quota.period_micros)),
    ),
    Figure::counter(
        "container_cpu_cfs_periods_total",
        "Periods of enforcement of the limit on CPU time that passed.",
        |r| r.container.cpu_periods.map(float),
    ),
    Figure::counter(
        "container_cpu_cfs_throttled_periods_total",
        "Periods in which the limit on CPU time was reached.",
        |r| r.container.cpu_throttled_periods.map(float),
    ),
    Figure::counter(
        "container_cpu_cfs_throttled_seconds_total",
        "How long the container was held back by its limit on CPU time, in seconds.",
        |r| r.container.cpu_throttled_seconds,
    ),
    Figure::gauge("container_memory_usage_bytes", "Memory in use, caches included, in bytes.", |r| {
        r.container.memory_usage_bytes.map(float)
    }),
    Figure::gauge(
        "container_memory_working_set_bytes",
        "Memory in use less the file cache that was not used lately, in bytes.",
        |r| r.container.memory_working_set_bytes.map(float),
    ),
    Figure::gauge("container_spec_memory_limit_bytes", "The tightest limit on memory, in bytes.", |r| {
        r.container.memory_limit_bytes.map(float)
    }),
    Figure::counter(
        "container_oom_events_total",
        "Processes that were killed because the limit on memory was reached.",
        |r| r.container.oom_events.map(float),
    ),
    Figure::gauge("container_threads", "Tasks, which are processes and threads.", |r| {
        r.container.threads.map(float)
    }),
    Figure::gauge("container_threads_max", "The tightest limit on tasks.", |r| {
        r.container.threads_max.map(float)
    }),
    Figure::counter(
        "container_pressure_cpu_waiting_seconds_total",
        "How long some tasks waited for the CPU, in seconds.",
        |r| r.container.cpu_pressure.waiting_seconds,
    ),
    Figure::counter(
        "container_pressure_cpu_stalled_seconds_total",
        "How long all tasks waited for the CPU at once, in seconds.",
        |r| r.container.cpu_pressure.stalled_seconds,
    ),
    Figure::counter(
        "container_pressure_memory_waiting_seconds_total",
        "How long some tasks waited for memory, in seconds.",
        |r| r.container.memory_pressure.waiting_seconds,
    ),
    Figure::counter(
        "container_pressure_memory_stalled_seconds_total",
        "How long all tasks waited for memory at once, in seconds.",
        |r| r.container.memory_pressure.stalled_seconds,
    ),
    Figure::counter(
        "container_pressure_io_waiting_seconds_total",
        "How long some tasks waited for disks, in seconds.",
        |r| r.container.io_pressure.waiting_seconds,
    ),
    Figure::counter(
        "container_pressure_io_stalled_seconds_total",
        "How long all tasks waited for disks at once, in seconds.",
        |r| r.container.io_pressure.stalled_seconds,
    ),
];
