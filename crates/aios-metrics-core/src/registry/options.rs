//! What a registry can be told when it is made.

use std::sync::Arc;

use crate::clock::{Clock, Time};
use crate::rolling::RollingWindows;

/// What a [`Registry`](crate::Registry) can be told when it is made.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Registry, RegistryOptions};
///
/// let options = RegistryOptions::default().with_max_series(100_000).with_default_buckets(vec![0.01, 0.1, 1.0]);
/// let registry = Registry::with_options(options);
/// # let _ = registry;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// Series of a family; past it, updates go to one overflow series. 10,000.
    pub max_series: usize,
    /// Rolling metrics; past it, no further one is created. 1,000.
    pub max_rolling: usize,
    /// The bounds of histograms registered without any: 0.1, 0.2, 0.5, 1, 2, 5, 10.
    pub default_buckets: Vec<f64>,
    /// The windows of rolling summaries.
    pub rolling_windows: RollingWindows,
    /// Whether each counter's and histogram's series keeps the time of its creation, which
    /// OpenMetrics (as `_created`) and protobuf show; 8 bytes a series. False.
    pub created_timestamps: bool,
    pub(crate) time: Time,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            max_series: 10_000,
            max_rolling: 1_000,
            default_buckets: vec![0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
            rolling_windows: RollingWindows::default(),
            created_timestamps: false,
            time: Time::System,
        }
    }
}

impl RegistryOptions {
    /// Sets [`max_series`](Self::max_series).
    #[must_use]
    pub fn with_max_series(mut self, max_series: usize) -> Self {
        self.max_series = max_series;
        self
    }

    /// Sets [`max_rolling`](Self::max_rolling).
    #[must_use]
    pub fn with_max_rolling(mut self, max_rolling: usize) -> Self {
        self.max_rolling = max_rolling;
        self
    }

    /// Sets [`default_buckets`](Self::default_buckets); they are checked when a histogram is
    /// registered with them.
    #[must_use]
    pub fn with_default_buckets(mut self, default_buckets: Vec<f64>) -> Self {
        self.default_buckets = default_buckets;
        self
    }

    /// Sets [`rolling_windows`](Self::rolling_windows).
    #[must_use]
    pub fn with_rolling_windows(mut self, rolling_windows: RollingWindows) -> Self {
        self.rolling_windows = rolling_windows;
        self
    }

    /// Sets [`created_timestamps`](Self::created_timestamps).
    #[must_use]
    pub fn with_created_timestamps(mut self, created_timestamps: bool) -> Self {
        self.created_timestamps = created_timestamps;
        self
    }

    /// Takes time from `clock` instead of the machine's clocks.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.time = Time::Other(clock);
        self
    }
}

impl std::fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("max_series", &self.max_series)
            .field("max_rolling", &self.max_rolling)
            .field("default_buckets", &self.default_buckets)
            .field("rolling_windows", &self.rolling_windows)
            .field("created_timestamps", &self.created_timestamps)
            .finish_non_exhaustive()
    }
}
