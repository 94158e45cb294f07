//! The standard metrics of a block.

use std::time::Duration;

use aios_metrics_core::{RegisterError, UpdateError};

use crate::metrics::AiosMetrics;

const TASKS: &str = "aios_tasks_processed_total";
const QUEUE: &str = "aios_queue_length";
const LATENCY: &str = "aios_latency_seconds";

impl AiosMetrics {
    /// Registers what every block tells: `aios_tasks_processed_total{status}`, `aios_queue_length`
    /// and `aios_latency_seconds`. Twice is as good as once.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Conflict`] when one of the names is taken by something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics::{AiosMetrics, MetricsConfig};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let metrics = AiosMetrics::new(MetricsConfig::default().with_redis_enabled(false))?;
    /// metrics.register_standard_block_metrics()?;
    /// metrics.record_task_done("ok", Some(Duration::from_millis(145)), Some(12))?;
    /// assert_eq!(metrics.value("aios_tasks_processed_total", &[("status", "ok")]), Some(1.0));
    /// assert_eq!(metrics.extended_metrics()["queue_length"].current, 12.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_standard_block_metrics(&self) -> Result<(), RegisterError> {
        self.register_counter(TASKS, "Tasks processed, by outcome", &["status"])?;
        self.register_gauge(QUEUE, "Tasks that wait", &[])?;
        self.register_histogram(LATENCY, "Time from taking a task to its end, in seconds", &[], None)?;
        Ok(())
    }

    /// Records that a task has ended: counts it by `status`, observes its latency, sets the length
    /// of the queue, and feeds the rolling metrics `tasks_processed`, `latency` and `queue_length`.
    ///
    /// Registers the standard metrics if they aren't there: when that wasn't done before, and when one was
    /// unregistered.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when one of their names is taken by a metric of another kind or with other
    /// labels.
    pub fn record_task_done(
        &self,
        status: &str,
        latency: Option<Duration>,
        queue_len: Option<u64>,
    ) -> Result<(), UpdateError> {
        self.update_standard(|| self.increment_counter(TASKS, &[("status", status)], 1))?;
        self.observe_rolling("tasks_processed", 1.0)?;
        if let Some(latency) = latency {
            let latency = latency.as_secs_f64();
            self.update_standard(|| self.observe_histogram(LATENCY, latency, &[]))?;
            self.observe_rolling("latency", latency)?;
        }
        if let Some(queue_len) = queue_len {
            let queue_len = queue_len as f64;
            self.update_standard(|| self.set_gauge(QUEUE, queue_len, &[]))?;
            self.observe_rolling("queue_length", queue_len)?;
        }
        Ok(())
    }

    /// Updates a standard metric, and registers it first if need be.
    fn update_standard(&self, update: impl Fn() -> Result<(), UpdateError>) -> Result<(), UpdateError> {
        match update() {
            Err(UpdateError::UnknownMetric { .. }) => {
                // A name that is taken shows in the update, with both kinds.
                drop(self.register_standard_block_metrics());
                update()
            }
            result => result,
        }
    }
}
