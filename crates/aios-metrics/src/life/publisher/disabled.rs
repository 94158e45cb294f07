//! Without the feature `redis` there is no publisher.

use std::time::{Duration, Instant};

use crate::config::MetricsConfig;
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
    #[cfg(feature = "http")]
    pub(in crate::life) fn silence(&self) -> Duration {
        match *self {}
    }

    pub(in crate::life) fn flush(self, _timeout: Duration) -> FlushReport {
        match self {}
    }
}

/// There is nothing to be started, which [`warn_if_missing`] has said.
#[cfg(feature = "http")]
pub(in crate::life) fn start_configured(
    _metrics: &crate::AiosMetrics,
    _parts: &mut crate::life::Parts,
) -> Result<(), crate::StartError> {
    Ok(())
}

/// Says that Redis is enabled, but isn't there.
pub(in crate::life) fn warn_if_missing(config: &MetricsConfig) {
    if config.redis_enabled {
        tracing::warn!(
            target: "aios_metrics",
            "Redis is enabled, but this build has no feature `redis`: nothing is published. \
             Set METRICS_REDIS_ENABLED=false, or build with the feature."
        );
    }
}
