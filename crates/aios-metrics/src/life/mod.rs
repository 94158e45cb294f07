//! The life of the background parts: started once, stopped once, ended when nobody is left.

mod exporter;
mod part;
mod publisher;
mod report;
#[cfg(any(feature = "http", feature = "redis"))]
mod sampler;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use self::part::Part;
pub use self::report::{FlushReport, StopReport};
use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::metrics::AiosMetrics;

/// What runs in the background, if anything.
///
/// Dropping it, with the last [`AiosMetrics`], drops every channel to the threads, which tells them
/// to end; nobody waits.
pub(crate) struct Life {
    parts: Mutex<Parts>,
    sampling: AtomicBool,
    /// What the first stop reported. Held while it stops, so that a second one waits for it.
    report: Mutex<Option<StopReport>>,
}

#[derive(Default)]
struct Parts {
    stopped: bool,
    exporter: Option<exporter::Exporter>,
    publisher: Option<publisher::Publisher>,
    samplers: Vec<Part>,
}

impl Life {
    /// Nothing runs yet. Says once which enabled part this build lacks.
    pub(crate) fn new(config: &MetricsConfig) -> Self {
        publisher::warn_if_missing(config);
        Self { parts: Mutex::default(), sampling: AtomicBool::new(false), report: Mutex::default() }
    }

    pub(crate) fn is_sampling(&self) -> bool {
        self.sampling.load(Ordering::Relaxed)
    }

    fn parts(&self) -> Result<MutexGuard<'_, Parts>, StartError> {
        let parts = lock(&self.parts);
        if parts.stopped { Err(StartError::Stopped) } else { Ok(parts) }
    }
}

impl AiosMetrics {
    /// Delivers the documents that wait, without waiting for a full batch.
    ///
    /// Blocks for at most `timeout`. Without a publisher there is nothing to do.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        // Only a handle is taken out, so that nobody waits for the flush to start something.
        let publisher = lock(&self.inner.life.parts).publisher.as_ref().map(publisher::Publisher::control);
        publisher.map_or_else(FlushReport::default, |publisher| publisher.flush(timeout))
    }

    /// Stops everything: takes a last document, delivers what can be delivered, ends the exporter
    /// and waits for the threads, all within `join_timeout`. Reports what became of all documents.
    ///
    /// It blocks; from async code call it on a blocking thread. A second call waits for the first
    /// and returns the same report. Handles and registry go on working, nothing can be started again.
    pub fn stop(&self, join_timeout: Duration) -> StopReport {
        let deadline = deadline(join_timeout);
        let life = &self.inner.life;
        let mut report = lock(&life.report);
        if let Some(report) = &*report {
            return report.clone();
        }
        let (exporter, publisher, mut samplers) = {
            let mut parts = lock(&life.parts);
            parts.stopped = true;
            (parts.exporter.take(), parts.publisher.take(), std::mem::take(&mut parts.samplers))
        };
        // All are told first and end beside each other; the publisher takes its last document
        // before the samplers' readings grow old.
        let exporter = exporter.map(|exporter| exporter.tell_to_end(deadline));
        let mut stopped = publisher.map_or_else(StopReport::default, |publisher| publisher.stop(deadline));
        samplers.iter_mut().for_each(Part::tell_to_end);
        // One whose probe hangs takes all the time there is, and holds up no other.
        for part in exporter.into_iter().chain(samplers) {
            stopped.joined &= part.join(deadline);
        }
        life.sampling.store(false, Ordering::Relaxed);
        if stopped.joined {
            debug!(target: "aios_metrics", "stopped: {stopped}");
        } else {
            warn!(target: "aios_metrics", "stopped: {stopped}");
        }
        *report = Some(stopped.clone());
        stopped
    }
}

/// The moment by which a part is to be done, so that its thread has ended by `deadline`.
#[cfg(any(feature = "http", feature = "redis"))]
fn a_little_before(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline.checked_sub((left / 20).min(Duration::from_millis(500))).unwrap_or(deadline)
}

/// The moment after which nobody waits any more.
fn deadline(timeout: Duration) -> Instant {
    let now = Instant::now();
    // A year is as good as for ever, and can be added to any moment.
    now + timeout.min(Duration::from_secs(365 * 86_400))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
