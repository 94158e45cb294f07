//! Registering, updating and reading by name; each call is the registry's.

use std::time::Duration;

use aios_metrics_core::{
    Amount, Counter, ExtendedMetrics, Family, Gauge, Histogram, NativeBuckets, RegisterError, RollingMetric,
    RollingOptions, UpdateError,
};

use crate::metrics::AiosMetrics;

/// Registration. Registering the same twice gives the same family; `jobs` and `jobs_total` are the
/// same counter.
impl AiosMetrics {
    /// Registers a counter.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for names that can't be used, and when the name is taken by something else.
    pub fn register_counter(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
    ) -> Result<Family<Counter>, RegisterError> {
        self.registry().register_counter(name, help, label_names)
    }

    /// Registers a gauge.
    ///
    /// # Errors
    ///
    /// As for [`register_counter`](Self::register_counter).
    pub fn register_gauge(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
    ) -> Result<Family<Gauge>, RegisterError> {
        self.registry().register_gauge(name, help, label_names)
    }

    /// Registers a histogram; `None` takes the configured default buckets.
    ///
    /// # Errors
    ///
    /// As for [`register_counter`](Self::register_counter), and for bounds that can't be used.
    pub fn register_histogram(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
        buckets: Option<&[f64]>,
    ) -> Result<Family<Histogram>, RegisterError> {
        self.registry().register_histogram(name, help, label_names, buckets)
    }

    /// Registers a histogram that has native buckets beside its classic ones; `None` takes the
    /// configured default buckets for these.
    ///
    /// Native buckets stand in the protobuf format only: build with the feature `protobuf`.
    ///
    /// # Errors
    ///
    /// As for [`register_histogram`](Self::register_histogram), and for native buckets that can't be
    /// used.
    pub fn register_native_histogram(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
        buckets: Option<&[f64]>,
        native: NativeBuckets,
    ) -> Result<Family<Histogram>, RegisterError> {
        self.registry().register_native_histogram(name, help, label_names, buckets, native)
    }
}

/// Updates by name. The same call works with and without labels, which may come in any order.
/// Labels given for a metric that has none are dropped, with one warning, and the value is recorded.
impl AiosMetrics {
    /// Adds `amount` to a counter.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no counter, when the labels don't fit, and for
    /// a negative or non-finite amount. Nothing is recorded then.
    pub fn increment_counter(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        amount: impl Amount,
    ) -> Result<(), UpdateError> {
        self.registry().increment_counter(name, labels, amount)
    }

    /// Sets a gauge.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no gauge, and when the labels don't fit.
    pub fn set_gauge(&self, name: &str, value: f64, labels: &[(&str, &str)]) -> Result<(), UpdateError> {
        self.registry().set_gauge(name, value, labels)
    }

    /// Observes a value in a histogram.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no histogram, when the labels don't fit, and
    /// for a value that is not finite. Nothing is recorded then.
    pub fn observe_histogram(
        &self,
        name: &str,
        value: f64,
        labels: &[(&str, &str)],
    ) -> Result<(), UpdateError> {
        self.registry().observe_histogram(name, value, labels)
    }

    /// The handle of a counter's series, to keep for hot paths.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no counter, and when the labels don't fit.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Result<Counter, UpdateError> {
        self.registry().counter(name, labels)
    }

    /// The handle of a gauge's series, to keep for hot paths.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no gauge, and when the labels don't fit.
    pub fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Result<Gauge, UpdateError> {
        self.registry().gauge(name, labels)
    }

    /// The handle of a histogram's series, to keep for hot paths.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no histogram, and when the labels don't fit.
    pub fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Result<Histogram, UpdateError> {
        self.registry().histogram(name, labels)
    }

    /// The value of a series that exists; for tests. A histogram answers its count.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry().value(name, labels)
    }
}

/// Rolling windows. A metric is created by its first observation, which may set its window.
impl AiosMetrics {
    /// Adds an observation to a rolling metric.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the name is empty, when there are too many rolling metrics, and for a
    /// value that is not finite.
    pub fn observe_rolling(&self, name: &str, value: f64) -> Result<(), UpdateError> {
        self.registry().observe_rolling(name, value)
    }

    /// The same with a window of its own, if this is the first observation.
    ///
    /// # Errors
    ///
    /// As for [`observe_rolling`](Self::observe_rolling).
    pub fn observe_rolling_with_window(
        &self,
        name: &str,
        value: f64,
        window: Duration,
    ) -> Result<(), UpdateError> {
        self.registry().observe_rolling_with_window(name, value, window)
    }

    /// Adds an observation to a rolling metric in a category.
    ///
    /// # Errors
    ///
    /// As for [`observe_rolling`](Self::observe_rolling).
    pub fn observe_custom_rolling(&self, category: &str, name: &str, value: f64) -> Result<(), UpdateError> {
        self.registry().observe_custom_rolling(category, name, value)
    }

    /// The same with a window of its own, if this is the first observation.
    ///
    /// # Errors
    ///
    /// As for [`observe_rolling`](Self::observe_rolling).
    pub fn observe_custom_rolling_with_window(
        &self,
        category: &str,
        name: &str,
        value: f64,
        window: Duration,
    ) -> Result<(), UpdateError> {
        self.registry().observe_custom_rolling_with_window(category, name, value, window)
    }

    /// The rolling metric of that name, to keep for hot paths.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the name is empty or there are too many rolling metrics.
    pub fn rolling(&self, name: &str) -> Result<RollingMetric, UpdateError> {
        self.registry().rolling(name)
    }

    /// The rolling metric of that name, created with `options` if need be: with a window of its own,
    /// with quantiles. Observations by name go to the same metric.
    ///
    /// # Errors
    ///
    /// As for [`rolling`](Self::rolling), when the quantiles can't be used, and when the metric
    /// exists with another window or other quantiles than `options` ask for: call this before the
    /// first observation.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics::{AiosMetrics, MetricsConfig, RollingOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let metrics = AiosMetrics::new(MetricsConfig::default())?;
    /// let quantiles = RollingOptions::default().with_quantiles([0.5, 0.99]);
    /// let latency = metrics.rolling_with("latency", quantiles)?;
    /// metrics.observe_rolling("latency", 0.13)?;
    /// assert!(latency.quantile(0.99, Duration::from_secs(60)).is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn rolling_with(&self, name: &str, options: RollingOptions) -> Result<RollingMetric, UpdateError> {
        self.registry().rolling_with(name, options)
    }

    /// The same in a category.
    ///
    /// # Errors
    ///
    /// As for [`rolling_with`](Self::rolling_with); the category must not be empty either.
    pub fn custom_rolling_with(
        &self,
        category: &str,
        name: &str,
        options: RollingOptions,
    ) -> Result<RollingMetric, UpdateError> {
        self.registry().custom_rolling_with(category, name, options)
    }

    /// The summaries of all rolling metrics.
    #[must_use]
    pub fn extended_metrics(&self) -> ExtendedMetrics {
        self.registry().extended_metrics()
    }
}
