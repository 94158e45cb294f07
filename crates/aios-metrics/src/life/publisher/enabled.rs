//! The publisher on a thread of its own.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aios_metrics_core::Sink;
use aios_metrics_redis::{Publisher as Loop, PublisherHandle, RedisSink};
use tracing::{debug, info};

use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::life::part::{BlockingThreads, Part};
use crate::life::{FlushReport, Parts, StopReport, a_little_before};
use crate::metrics::AiosMetrics;

/// A running publisher.
pub(in crate::life) struct Publisher {
    control: Control,
    part: Part,
}

/// What speaks to the loop. Dropping the last one ends it.
#[derive(Clone)]
pub(in crate::life) struct Control {
    handle: PublisherHandle,
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    started: SystemTime,
}

impl Control {
    pub(in crate::life) fn flush(self, timeout: Duration) -> FlushReport {
        let report = self.handle.flush(timeout);
        FlushReport { delivered: report.delivered, dropped: report.dropped, left: report.left as u64 }
    }
}

#[cfg(feature = "http")]
impl Control {
    /// How long nothing has been delivered, from the start on.
    pub(in crate::life) fn silence(&self) -> Duration {
        let last = self.handle.stats().last_success.unwrap_or(self.started);
        // A clock that was turned back is no silence.
        SystemTime::now().duration_since(last).unwrap_or_default()
    }
}

impl Publisher {
    pub(in crate::life) fn control(&self) -> Control {
        self.control.clone()
    }

    /// Takes a last document, delivers what can be delivered until `deadline`, and ends.
    pub(in crate::life) fn stop(self, deadline: Instant) -> StopReport {
        let handle = self.control.handle;
        let wait = a_little_before(deadline).saturating_duration_since(Instant::now());
        // Its report is of the stop alone; the figures below are of the whole life, all of one moment.
        let _ = handle.stop(wait);
        let joined = self.part.join(deadline);
        let stats = handle.stats();
        StopReport { delivered: stats.delivered, dropped: stats.dropped, left: stats.pending as u64, joined }
    }
}

impl AiosMetrics {
    /// Starts publishing to Redis, without the exporter. A second call changes nothing.
    ///
    /// Where Redis is disabled by the configuration it stays so, and nothing is started.
    ///
    /// # Errors
    ///
    /// [`StartError`] after [`stop`](Self::stop), and for files of TLS that have become unusable.
    /// Redis that does not answer is no error: documents wait for it.
    pub fn start_publisher(&self) -> Result<(), StartError> {
        let mut parts = self.inner.life.parts()?;
        start_configured(self, &mut parts)
    }

    /// Starts publishing to a sink of your own, with the configured interval, batches and bounds.
    ///
    /// # Errors
    ///
    /// [`StartError::PublisherRunning`] when a publisher runs already, and
    /// [`StartError::Stopped`] after [`stop`](Self::stop).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics::{AiosMetrics, JsonLinesSink, MetricsConfig};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = std::env::temp_dir().join(format!("published-{}.jsonl", std::process::id()));
    /// let metrics = AiosMetrics::new(MetricsConfig::default())?;
    /// metrics.start_publisher_to(JsonLinesSink::open(&path)?)?;
    /// let report = metrics.stop(Duration::from_secs(5));
    /// // The first document, taken at once, and the last one.
    /// assert_eq!((report.delivered, report.left), (2, 0));
    /// # std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_publisher_to(&self, sink: impl Sink) -> Result<(), StartError> {
        let mut parts = self.inner.life.parts()?;
        if parts.publisher.is_some() {
            return Err(StartError::PublisherRunning);
        }
        start(self, &mut parts, sink)
    }
}

/// Nothing is missing.
pub(in crate::life) fn warn_if_missing(_config: &MetricsConfig) {}

/// Starts the publisher to Redis if that is enabled and no publisher runs.
pub(in crate::life) fn start_configured(metrics: &AiosMetrics, parts: &mut Parts) -> Result<(), StartError> {
    let config = metrics.config();
    if parts.publisher.is_some() {
        return Ok(());
    }
    if !config.redis_enabled {
        debug!(target: "aios_metrics", "Redis is disabled: nothing is published");
        return Ok(());
    }
    let options = config.redis_options()?;
    if config.redis_url.is_some() {
        info!(
            target: "aios_metrics",
            "documents go to Redis at {}, as METRICS_REDIS_URL says: it wins over the single settings of host, \
             port, database, user and password",
            options.server,
        );
    }
    let sink = RedisSink::new(options)
        .with_self_metrics(metrics.registry())
        .map_err(|source| StartError::Register { part: "publisher", source })?;
    start(metrics, parts, sink)
}

fn start(metrics: &AiosMetrics, parts: &mut Parts, sink: impl Sink) -> Result<(), StartError> {
    let (publisher, handle) =
        Loop::new(Arc::clone(&metrics.inner.documents), metrics.config().publisher_options());
    let publisher = publisher
        .with_self_metrics(metrics.registry())
        .map_err(|source| StartError::Register { part: "publisher", source })?;
    // Before the first document, which is taken at once.
    metrics.start_sampler(parts)?;
    // Dropping the handle ends the loop.
    let part = Part::start_async("publisher", move || publisher.run(sink), BlockingThreads::Left)?;
    parts.publisher = Some(Publisher { control: Control { handle, started: SystemTime::now() }, part });
    Ok(())
}
