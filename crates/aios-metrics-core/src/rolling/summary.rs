//! Rolling metrics as the document shows them.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use super::quantiles::Quantiles;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// A rolling metric at one moment. The names of the fields are those of the default windows; the
/// windows themselves are configurable.
///
/// Without observations counts, averages and `current` are 0, and the extremes `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// The latest observation.
    pub current: f64,
    /// Observations in the short window.
    #[serde(default)]
    pub count_1m: u64,
    /// Their average.
    pub average_1m: f64,
    /// Observations in the middle window.
    #[serde(default)]
    pub count_5m: u64,
    /// Their average.
    pub average_5m: f64,
    /// Observations in the long window.
    #[serde(default)]
    pub count_15m: u64,
    /// Their average.
    pub average_15m: f64,
    /// The least observation in the long window.
    #[serde(default)]
    pub min_15m: Option<f64>,
    /// The greatest observation in the long window.
    #[serde(default)]
    pub max_15m: Option<f64>,
    /// Observations per second in the short window.
    #[serde(default)]
    pub rate_1m: f64,
    #[serde(flatten)]
    pub(super) quantiles: Quantiles,
}

impl Summary {
    /// The quantiles, ascending; none for a metric that was not created with any.
    ///
    /// They are written as `p50_1m`, `p50_5m`, `p50_15m` and so on: `p`, percent with `_` for the
    /// point (`p99_9_1m` for 0.999), and the window.
    #[must_use]
    pub fn quantiles(&self) -> &[QuantileSummary] {
        self.quantiles.as_slice()
    }
}

/// A quantile of a rolling metric in each of the three windows; `None` without observations there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct QuantileSummary {
    /// Which quantile, from 0 to 1.
    pub quantile: f64,
    /// Its value in the short window.
    pub value_1m: Option<f64>,
    /// Its value in the middle window.
    pub value_5m: Option<f64>,
    /// Its value in the long window.
    pub value_15m: Option<f64>,
}

/// What was observed in one window of a rolling metric, at least one observation.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowStatistics {
    /// Observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Observations per second, over the window or the age of the metric, whichever is shorter.
    pub rate: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The average.
    pub average: f64,
    /// How much of the window the metric is old enough to know, above 0 and at most 1.
    pub coverage: f64,
}

/// The summaries of all rolling metrics in a snapshot, by category and name.
#[derive(Debug, Default)]
pub(crate) struct Summaries(Vec<Named>);

/// A summary and what it is of; an empty category is none.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) category: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) summary: Summary,
}

impl Summaries {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, named: Named) {
        self.0.push(named);
    }

    /// Sorts by category and name.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable_by(|a, b| (&a.category, &a.name).cmp(&(&b.category, &b.name)));
    }

    /// Those without a category.
    pub(crate) fn plain(&self) -> &[Named] {
        &self.0[..self.0.partition_point(|named| named.category.is_empty())]
    }

    /// Those with a category, one slice for each.
    pub(crate) fn by_category(&self) -> impl Iterator<Item = &[Named]> {
        self.0[self.plain().len()..].chunk_by(|a, b| a.category == b.category)
    }
}

/// The summaries of all rolling metrics, those of categories under `custom`.
///
/// Serializes as `{name: summary, ..., "custom": {category: {name: summary}}}`.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.observe_rolling("latency", 0.13)?;
/// registry.observe_custom_rolling("model", "inference_ms", 42.1)?;
///
/// let all = registry.extended_metrics();
/// assert_eq!(all["latency"].count_1m, 1);
/// assert_eq!(all.custom("model", "inference_ms").map(|summary| summary.current), Some(42.1));
/// assert!(all.get("throughput").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtendedMetrics {
    rolling: BTreeMap<String, Summary>,
    custom: BTreeMap<String, BTreeMap<String, Summary>>,
}

impl ExtendedMetrics {
    pub(crate) fn new(summaries: &Summaries) -> Self {
        let by_name = |named: &[Named]| named.iter().map(|n| (n.name.to_string(), n.summary)).collect();
        Self {
            rolling: by_name(summaries.plain()),
            custom: summaries
                .by_category()
                .map(|named| (named[0].category.to_string(), by_name(named)))
                .collect(),
        }
    }

    /// The summary of a rolling metric without a category.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Summary> {
        self.rolling.get(name)
    }

    /// The summary of a rolling metric in a category.
    #[must_use]
    pub fn custom(&self, category: &str, name: &str) -> Option<&Summary> {
        self.custom.get(category)?.get(name)
    }

    /// Names and summaries of those without a category, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Summary)> {
        self.rolling.iter().map(|(name, summary)| (name.as_str(), summary))
    }
}

/// # Panics
///
/// If there is no rolling metric of that name; [`get`](ExtendedMetrics::get) doesn't.
impl Index<&str> for ExtendedMetrics {
    type Output = Summary;

    fn index(&self, name: &str) -> &Summary {
        match self.get(name) {
            Some(summary) => summary,
            None => panic!("no rolling metric {name:?} has been observed"),
        }
    }
}

impl Serialize for ExtendedMetrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.rolling.len() + 1))?;
        for (name, summary) in &self.rolling {
            map.serialize_entry(name, summary)?;
        }
        map.serialize_entry("custom", &self.custom)?;
        map.end()
    }
}
