//! Updates and readings by name.

use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use crate::descriptor::Kind;
use crate::error::UpdateError;
use crate::lookup::node::Node;
use crate::metric::series::{Series, total};
use crate::metric::{
    Amount, Counter, Found, Gauge, Held, Histogram, Metric, Parts, counter, gauge, histogram,
};
use crate::rolling::{ExtendedMetrics, RollingMetric, RollingOptions, Summaries};
use crate::storage::{Reader, Section};
use crate::sync::Ordering;

/// Labels may come in any order. Updating a series that exists takes no lock and allocates nothing;
/// the first update of a label set creates its series. For hot paths keep a handle.
impl Registry {
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
        let section = Section::enter();
        let series = self.find_kind(&section, name, Kind::Counter)?;
        if let Parts::Invalid(amount) = amount.parts() {
            series.refused().amounts.fetch_add(1, Ordering::Relaxed);
            return Err(UpdateError::Amount { name: name.to_owned(), amount });
        }
        counter::add(Found::new(series, series.with_labels(&section, labels)?), amount);
        Ok(())
    }

    /// Sets a gauge.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no gauge, and when the labels don't fit.
    pub fn set_gauge(&self, name: &str, value: f64, labels: &[(&str, &str)]) -> Result<(), UpdateError> {
        let section = Section::enter();
        let series = self.find_kind(&section, name, Kind::Gauge)?;
        gauge::set(series, series.with_labels(&section, labels)?.run(), value);
        Ok(())
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
        let section = Section::enter();
        let series = self.find_kind(&section, name, Kind::Histogram)?;
        if !value.is_finite() {
            series.refused().observations.fetch_add(1, Ordering::Relaxed);
            return Err(UpdateError::NonFinite { name: name.to_owned(), value });
        }
        histogram::observe(Found::new(series, series.with_labels(&section, labels)?), value);
        Ok(())
    }

    /// The handle of a counter's series, to keep.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no counter, and when the labels don't fit.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Result<Counter, UpdateError> {
        self.handle(name, labels)
    }

    /// The handle of a gauge's series, to keep.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no gauge, and when the labels don't fit.
    pub fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Result<Gauge, UpdateError> {
        self.handle(name, labels)
    }

    /// The handle of a histogram's series, to keep.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the metric is unknown or no histogram, and when the labels don't fit.
    pub fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Result<Histogram, UpdateError> {
        self.handle(name, labels)
    }

    /// The value of a series that exists; for tests.
    ///
    /// A histogram answers its count to its name and to `name_count`, its sum to `name_sum`.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let section = &Section::enter();
        let reader = &mut Reader::default();
        let find = |name| self.find(section, name);
        let histogram = |name| find(name).filter(|series| series.descriptor().kind() == Kind::Histogram);
        let run = |series: &Series| series.existing(section, labels).map(Node::run);
        if let Some(series) = find(name) {
            let run = run(series)?;
            return Some(match series.descriptor().kind() {
                Kind::Counter => total(reader, run).as_f64(),
                Kind::Gauge => f64::from_bits(gauge::word(run).load(Ordering::Relaxed)),
                Kind::Histogram => histogram::count(reader, series, run) as f64,
            });
        }
        if let Some(series) = name.strip_suffix("_sum").and_then(histogram) {
            return Some(histogram::sum(reader, series, run(series)?));
        }
        let series = name.strip_suffix("_count").and_then(histogram)?;
        Some(histogram::count(reader, series, run(series)?) as f64)
    }

    /// Adds an observation to a rolling metric, which its first observation creates with the
    /// longest of the registry's windows.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the name is empty, when there are too many rolling metrics, and for a
    /// value that is not finite.
    pub fn observe_rolling(&self, name: &str, value: f64) -> Result<(), UpdateError> {
        self.0.rolling.observe("", name, value, None)
    }

    /// The same with a window of its own, which counts when this is the first observation.
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
        self.0.rolling.observe("", name, value, Some(window))
    }

    /// Adds an observation to a rolling metric in a category.
    ///
    /// # Errors
    ///
    /// As for [`observe_rolling`](Self::observe_rolling); the category must not be empty either.
    pub fn observe_custom_rolling(&self, category: &str, name: &str, value: f64) -> Result<(), UpdateError> {
        self.observe_custom(category, name, value, None)
    }

    /// The same with a window of its own, which counts when this is the first observation.
    ///
    /// # Errors
    ///
    /// As for [`observe_custom_rolling`](Self::observe_custom_rolling).
    pub fn observe_custom_rolling_with_window(
        &self,
        category: &str,
        name: &str,
        value: f64,
        window: Duration,
    ) -> Result<(), UpdateError> {
        self.observe_custom(category, name, value, Some(window))
    }

    fn observe_custom(
        &self,
        category: &str,
        name: &str,
        value: f64,
        window: Option<Duration>,
    ) -> Result<(), UpdateError> {
        check_category(category, name)?;
        self.0.rolling.observe(category, name, value, window)
    }

    /// The rolling metric of that name, created if need be; to keep.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the name is empty or there are too many rolling metrics.
    pub fn rolling(&self, name: &str) -> Result<RollingMetric, UpdateError> {
        self.0.rolling.metric(name)
    }

    /// The rolling metric of that name, created with `options` if need be; to keep. Observations by
    /// name go to the same metric.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] when the name is empty or there are too many rolling metrics, when the
    /// quantiles can't be used, and when the metric exists with another window or other quantiles
    /// than `options` ask for: call this before the first observation.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_core::{Registry, RollingOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = Registry::new();
    /// registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.99]))?;
    /// registry.observe_rolling("latency", 0.25)?;
    ///
    /// let summary = registry.extended_metrics()["latency"];
    /// let p99 = summary.quantiles()[0].value_1m.unwrap();
    /// assert!((p99 / 0.25 - 1.0).abs() <= 0.01);
    /// assert!(serde_json::to_string(&summary)?.contains(r#""p99_1m":0.2"#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rolling_with(&self, name: &str, options: RollingOptions) -> Result<RollingMetric, UpdateError> {
        self.0.rolling.metric_with("", name, &options)
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
        check_category(category, name)?;
        self.0.rolling.metric_with(category, name, &options)
    }

    /// The summaries of all rolling metrics.
    #[must_use]
    pub fn extended_metrics(&self) -> ExtendedMetrics {
        let mut summaries = Summaries::default();
        self.0.rolling.summarize(&mut summaries);
        ExtendedMetrics::new(&summaries)
    }

    fn handle<M: Metric>(&self, name: &str, labels: &[(&str, &str)]) -> Result<M, UpdateError> {
        let series = Arc::clone(self.find_kind(&Section::enter(), name, M::KIND)?);
        let found = series.hold(|series, section| series.with_labels(section, labels).map(Node::run))?;
        Ok(M::handle(Held::new(&series, found)))
    }

    #[inline(always)]
    fn find_kind<'s>(
        &'s self,
        section: &'s Section,
        name: &str,
        expected: Kind,
    ) -> Result<&'s Arc<Series>, UpdateError> {
        match self.find(section, name) {
            Some(series) if series.descriptor().kind() == expected => Ok(series),
            found => Err(not_found(name, expected, found)),
        }
    }
}

fn check_category(category: &str, name: &str) -> Result<(), UpdateError> {
    if category.is_empty() {
        return Err(UpdateError::RollingName { category: String::new(), name: name.to_owned() });
    }
    Ok(())
}

#[cold]
fn not_found(name: &str, expected: Kind, found: Option<&Arc<Series>>) -> UpdateError {
    let name = name.to_owned();
    match found {
        Some(series) => UpdateError::WrongKind { name, expected, actual: series.descriptor().kind() },
        None => UpdateError::UnknownMetric { name },
    }
}
