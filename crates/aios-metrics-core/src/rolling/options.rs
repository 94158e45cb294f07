//! What a rolling metric can be told when it is created by name.

use std::time::Duration;

/// What a rolling metric can be told when it is created by name.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_core::{Registry, RollingOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let options = RollingOptions::default().with_quantiles([0.5, 0.99]);
/// let latency = registry.rolling_with("latency", options)?;
/// latency.add(0.25);
///
/// let median = latency.quantile(0.5, Duration::from_secs(60)).unwrap();
/// assert!((median / 0.25 - 1.0).abs() <= 0.01);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RollingOptions {
    /// The longest window that can be asked for; the longest of the registry's windows.
    pub window: Option<Duration>,
    /// The quantiles that summaries show, numbers from 0 to 1, at most 8. Without any the metric
    /// keeps no sketches, and answers no quantile.
    pub quantiles: Vec<f64>,
}

impl RollingOptions {
    /// Sets [`window`](Self::window).
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets [`quantiles`](Self::quantiles).
    #[must_use]
    pub fn with_quantiles(mut self, quantiles: impl Into<Vec<f64>>) -> Self {
        self.quantiles = quantiles.into();
        self
    }
}
