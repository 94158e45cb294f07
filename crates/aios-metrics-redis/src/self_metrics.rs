//! The publisher's own figures as ordinary families, so that a page shows how delivery goes.

use std::time::{Duration, UNIX_EPOCH};

use aios_metrics_core::{Counter, Family, Gauge, Histogram, RegisterError, Registry};

use crate::stats::PublisherStats;

/// Bounds in seconds: from a push over the loopback to one that runs into the longest timeout.
const DURATIONS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The families, and the figures that they stand at.
#[derive(Debug)]
pub(crate) struct SelfMetrics {
    enqueued: Family<Counter>,
    delivered: Family<Counter>,
    dropped: Family<Counter>,
    pending: Family<Gauge>,
    pending_bytes: Family<Gauge>,
    retries: Family<Counter>,
    failures: Family<Counter>,
    last_success: Family<Gauge>,
    duration: Family<Histogram>,
    shown: PublisherStats,
}

impl SelfMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let counter = |name, help, labels| registry.register_counter(name, help, labels);
        let gauge = |name, help| registry.register_gauge(name, help, &[]);
        Ok(Self {
            enqueued: counter(
                "aios_metrics_push_enqueued_total",
                "Documents taken and queued for delivery.",
                &[],
            )?,
            delivered: counter("aios_metrics_push_delivered_total", "Documents delivered.", &[])?,
            dropped: counter(
                "aios_metrics_push_dropped_total",
                "Documents dropped because the queue had no room.",
                &["reason"],
            )?,
            pending: gauge("aios_metrics_push_pending", "Documents that wait, those in flight among them.")?,
            pending_bytes: gauge("aios_metrics_push_pending_bytes", "Bytes of JSON that wait.")?,
            retries: counter("aios_metrics_push_retries_total", "Deliveries begun after a failed one.", &[])?,
            failures: counter(
                "aios_metrics_push_failures_total",
                "Deliveries that failed, by kind of failure.",
                &["kind"],
            )?,
            last_success: gauge(
                "aios_metrics_push_last_success_timestamp_seconds",
                "When documents were last delivered, in Unix seconds; 0 before the first time.",
            )?,
            duration: registry.register_histogram(
                "aios_metrics_push_duration_seconds",
                "How long deliveries took, failed ones and connecting included.",
                &[],
                Some(DURATIONS),
            )?,
            shown: PublisherStats::default(),
        })
    }

    /// Counts a delivery that has ended, well or not.
    pub(crate) fn observe(&self, took: Duration) {
        // It has no labels, so this can't fail.
        let _ = self.duration.observe(&[], took.as_secs_f64());
    }

    /// Brings the families from the figures shown last to `now`.
    pub(crate) fn update(&mut self, now: PublisherStats) {
        let before = std::mem::replace(&mut self.shown, now);
        let now = &self.shown;
        add(&self.enqueued, &[], before.enqueued, now.enqueued);
        add(&self.delivered, &[], before.delivered, now.delivered);
        add(&self.retries, &[], before.retries, now.retries);
        for (reason, count) in &now.dropped_by_reason {
            add(&self.dropped, &[reason], before.dropped_by_reason.get(reason).copied().unwrap_or(0), *count);
        }
        for (kind, count) in &now.failures_by_kind {
            add(&self.failures, &[kind], before.failures_by_kind.get(kind).copied().unwrap_or(0), *count);
        }
        set(&self.pending, now.pending as f64);
        set(&self.pending_bytes, now.pending_bytes as f64);
        if let Some(since) = now.last_success.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
            set(&self.last_success, since.as_secs_f64());
        }
    }
}

/// Adds what is new; a series stands at 0 from the first call on.
fn add(family: &Family<Counter>, labels: &[&str], before: u64, now: u64) {
    if let Ok(counter) = family.with(labels) {
        counter.inc_by(now.saturating_sub(before));
    }
}

fn set(family: &Family<Gauge>, value: f64) {
    if let Ok(gauge) = family.with(&[]) {
        gauge.set(value);
    }
}
