//! Without the feature `redis` there is no publisher.

use std::time::{Duration, Instant};

use crate::life::{FlushReport, StopReport};

/// A publisher that can't exist.
pub(in crate::life) enum Publisher {}

impl Publisher {
    pub(in crate::life) fn control(&self) -> Control {
        match *self {}
    }

    pub(in crate::life) fn stop(self, _deadline: Instant) -> StopReport {
        match self {}
    }
}

/// Its control, just as impossible.
pub(in crate::life) enum Control {}

impl Control {
    pub(in crate::life) fn flush(self, _timeout: Duration) -> FlushReport {
        match self {}
    }
}

/// Says once that an enabled part isn't there.
#[cfg(feature = "http")]
pub(in crate::life) fn start_configured(
    metrics: &crate::AiosMetrics,
    _parts: &mut crate::life::Parts,
) -> Result<(), crate::StartError> {
    if metrics.config().redis_enabled {
        tracing::warn!(
            target: "aios_metrics",
            "Redis is enabled, but this build has no feature `redis`: nothing is published. \
             Set METRICS_REDIS_ENABLED=false, or build with the feature."
        );
    }
    Ok(())
}
