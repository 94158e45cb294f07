//! What the publisher has done so far, as the handle, the self-metrics and tests read it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::handle::StopReport;
use crate::options::PublisherOptions;
use crate::queue::{DropReason, Queue};
use crate::self_metrics::SelfMetrics;

/// What became of the documents, at one moment.
///
/// `enqueued == delivered + dropped + pending` in every reading. A delivery that timed out may
/// still arrive later, even after its documents were dropped: a reader sees at most `dropped` gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublisherStats {
    /// Documents taken; also the `sequence` of the next one.
    pub enqueued: u64,
    /// Documents that the sink has taken.
    pub delivered: u64,
    /// Documents dropped because they had no room.
    pub dropped: u64,
    /// The dropped documents by reason: `max_pending`, `max_pending_bytes`, `too_large`.
    pub dropped_by_reason: BTreeMap<&'static str, u64>,
    /// Documents that wait, those in flight among them.
    pub pending: usize,
    /// Bytes of JSON that wait.
    pub pending_bytes: usize,
    /// Deliveries begun after a failed one.
    pub retries: u64,
    /// What failed, by kind: those of [`SinkError::kind`](aios_metrics_core::SinkError::kind),
    /// `timeout` for a sink that did not answer, and `document` for one that could not be taken.
    pub failures_by_kind: BTreeMap<&'static str, u64>,
    /// When the sink last took documents.
    pub last_success: Option<SystemTime>,
}

/// What the loop writes and the handle reads; the lock is held for a few lines at a time and never
/// while anything is awaited.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) retries: u64,
    pub(crate) failures: BTreeMap<&'static str, u64>,
    pub(crate) last_success: Option<SystemTime>,
    /// Set once the loop has ended by itself.
    pub(crate) ended: Option<StopReport>,
    self_metrics: Option<SelfMetrics>,
}

impl Shared {
    pub(crate) fn new(options: &PublisherOptions) -> Self {
        Self(Mutex::new(State {
            queue: Queue::new(options.max_pending, options.max_pending_bytes),
            retries: 0,
            failures: BTreeMap::new(),
            last_success: None,
            ended: None,
            self_metrics: None,
        }))
    }

    /// Reads, without changing anything.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.lock())
    }

    /// Changes the state and brings the self-metrics up to date.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let stats = state.self_metrics.is_some().then(|| state.stats());
        if let (Some(metrics), Some(stats)) = (&mut state.self_metrics, stats) {
            metrics.update(stats);
        }
        result
    }

    pub(crate) fn show_in(&self, metrics: SelfMetrics) {
        self.change(|state| state.self_metrics = Some(metrics));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two calls, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn stats(&self) -> PublisherStats {
        let queue = &self.queue;
        let by_reason = DropReason::ALL.map(|reason| (reason.as_str(), queue.dropped_for(reason)));
        PublisherStats {
            enqueued: queue.enqueued(),
            delivered: queue.delivered(),
            dropped: queue.dropped(),
            dropped_by_reason: by_reason.into_iter().collect(),
            pending: queue.len(),
            pending_bytes: queue.bytes(),
            retries: self.retries,
            failures_by_kind: self.failures.clone(),
            last_success: self.last_success,
        }
    }

    /// Notes how long a delivery took, for the self-metrics only.
    pub(crate) fn delivery_took(&self, time: Duration) {
        if let Some(metrics) = &self.self_metrics {
            metrics.observe(time);
        }
    }

    pub(crate) fn count_failure(&mut self, kind: &'static str) {
        *self.failures.entry(kind).or_default() += 1;
    }
}
