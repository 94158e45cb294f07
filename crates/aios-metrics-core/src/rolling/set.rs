//! Rolling metrics by name.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::metric::RollingMetric;
use super::options::RollingOptions;
use super::quantile::{self, Quantile};
use super::ring::Shape;
use super::summary::{Named, Summaries};
use crate::clock::Time;
use crate::error::UpdateError;
use crate::lookup::list::List;
use crate::lookup::table::{Outgrown, Table};
use crate::storage::Section;
use crate::storage::limbo::Limbo;
use crate::storage::local::STORAGE;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, RandomState, lock};

/// The three windows of every summary.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_core::RollingWindows;
///
/// let windows = RollingWindows::default();
/// assert_eq!(windows.short, Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingWindows {
    /// Behind the keys that end in `_1m`; 60 s.
    pub short: Duration,
    /// Behind the keys that end in `_5m`; 300 s.
    pub middle: Duration,
    /// Behind the keys that end in `_15m`; 900 s.
    pub long: Duration,
}

impl Default for RollingWindows {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { short: seconds(60), middle: seconds(300), long: seconds(900) }
    }
}

impl RollingWindows {
    /// The window of a metric for which nobody asked for another.
    fn longest(&self) -> Duration {
        self.short.max(self.middle).max(self.long)
    }
}

/// The rolling metrics of a registry, created by their first observation.
pub(crate) struct RollingSet {
    windows: RollingWindows,
    limit: usize,
    time: Time,
    hasher: RandomState,
    table: Table,
    metrics: List<Entry>,
    /// Held to create a metric; guards the tables that were outgrown.
    create: Mutex<Limbo<Outgrown>>,
    /// Observations by name that were not finite.
    refused: AtomicU64,
}

struct Entry {
    category: Arc<str>,
    name: Arc<str>,
    metric: RollingMetric,
    other_window_said: AtomicBool,
}

impl RollingSet {
    pub(crate) fn new(windows: RollingWindows, limit: usize, time: Time) -> Self {
        Self {
            windows,
            limit,
            time,
            hasher: RandomState::default(),
            table: Table::new(),
            metrics: List::new(),
            create: Mutex::new(Limbo::new()),
            refused: AtomicU64::new(0),
        }
    }

    /// Adds an observation; an empty category is none.
    pub(crate) fn observe(
        &self,
        category: &str,
        name: &str,
        value: f64,
        window: Option<Duration>,
    ) -> Result<(), UpdateError> {
        if !value.is_finite() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(UpdateError::NonFinite { name: name.to_owned(), value });
        }
        self.entry(category, name, window)?.metric.add(value);
        Ok(())
    }

    /// The metric without a category of that name, created if need be.
    pub(crate) fn metric(&self, name: &str) -> Result<RollingMetric, UpdateError> {
        self.entry("", name, None).map(|entry| entry.metric.clone())
    }

    /// The metric of that name, created with these options if need be; an error if it exists with
    /// others than were asked for.
    pub(crate) fn metric_with(
        &self,
        category: &str,
        name: &str,
        options: &RollingOptions,
    ) -> Result<RollingMetric, UpdateError> {
        let shown = quantile::check(&options.quantiles)
            .map_err(|problem| UpdateError::Quantiles { name: name.to_owned(), problem })?;
        let _section = Section::enter();
        let hash = self.hash(category, name);
        let entry = match self.find(hash, category, name) {
            Some(entry) => entry,
            None => self.create(hash, category, name, options.window, shown.clone())?,
        };
        let metric = &entry.metric;
        let other_window = options.window.is_some_and(|window| Shape::new(window).window != metric.window());
        if other_window || (!shown.is_empty() && *shown != *metric.quantiles()) {
            return Err(UpdateError::RollingConflict {
                name: name.to_owned(),
                existing: describe(Some(metric.window()), metric.quantiles()),
                requested: describe(options.window, &shown),
            });
        }
        Ok(metric.clone())
    }

    /// Adds the summary of every metric.
    pub(crate) fn summarize(&self, summaries: &mut Summaries) {
        for entry in self.metrics.iter() {
            summaries.push(Named {
                category: Arc::clone(&entry.category),
                name: Arc::clone(&entry.name),
                summary: entry.metric.summary(&self.windows),
            });
        }
        summaries.sort();
    }

    /// How many observations were refused.
    pub(crate) fn refused(&self) -> u64 {
        let by_handle: u64 = self.metrics.iter().map(|entry| entry.metric.refused()).sum();
        by_handle + self.refused.load(Ordering::Relaxed)
    }

    fn entry(&self, category: &str, name: &str, window: Option<Duration>) -> Result<&Entry, UpdateError> {
        // Metrics stay; the section is for the table.
        let _section = Section::enter();
        let hash = self.hash(category, name);
        let entry = match self.find(hash, category, name) {
            Some(entry) => entry,
            None => return self.create(hash, category, name, window, Box::default()),
        };
        if let Some(window) = window {
            self.note_other_window(entry, window);
        }
        Ok(entry)
    }

    fn hash(&self, category: &str, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(category.as_bytes());
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    fn find(&self, hash: u64, category: &str, name: &str) -> Option<&Entry> {
        self.table.candidates(hash).find_map(|index| {
            let entry = self.metrics.get(index as usize)?;
            (&*entry.name == name && &*entry.category == category).then_some(entry)
        })
    }

    #[cold]
    fn create(
        &self,
        hash: u64,
        category: &str,
        name: &str,
        window: Option<Duration>,
        shown: Box<[Quantile]>,
    ) -> Result<&Entry, UpdateError> {
        // `custom` is where the categories stand among the summaries.
        if name.is_empty() || (category.is_empty() && name == "custom") {
            return Err(UpdateError::RollingName { category: category.to_owned(), name: name.to_owned() });
        }
        let mut outgrown = lock(&self.create);
        if let Some(entry) = self.find(hash, category, name) {
            return Ok(entry);
        }
        let len = self.metrics.len();
        if len >= self.limit {
            return Err(UpdateError::TooManyRolling { name: name.to_owned(), limit: self.limit });
        }
        let window = window.unwrap_or(self.windows.longest());
        let index = self.metrics.push(Entry {
            category: category.into(),
            name: name.into(),
            metric: RollingMetric::with_time(window, shown, self.time.clone()),
            other_window_said: AtomicBool::new(false),
        });
        let hash_of = |index: u64| {
            self.metrics.get(index as usize).map_or(0, |entry| self.hash(&entry.category, &entry.name))
        };
        outgrown.retire_large(self.table.insert(hash, index as u64, hash_of));
        drop(outgrown.poll(&STORAGE));
        self.metrics.get(index).ok_or_else(|| UpdateError::UnknownMetric { name: name.to_owned() })
    }

    fn note_other_window(&self, entry: &Entry, window: Duration) {
        if entry.metric.window() != window && !entry.other_window_said.swap(true, Ordering::Relaxed) {
            warn!(
                target: "aios_metrics",
                "rolling metric {:?} keeps the window of {:?} that it was created with; {window:?} is ignored. \
                 This is said once.",
                entry.name, entry.metric.window(),
            );
        }
    }
}

/// What a metric was created with, or what was asked for.
fn describe(window: Option<Duration>, quantiles: &[Quantile]) -> String {
    let window = window.map_or("any window".to_owned(), |window| format!("a window of {window:?}"));
    let quantiles: Vec<f64> = quantiles.iter().map(|quantile| quantile.as_f64()).collect();
    if quantiles.is_empty() {
        window + " and no quantiles"
    } else {
        format!("{window} and the quantiles {quantiles:?}")
    }
}

impl std::fmt::Debug for RollingSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollingSet").field("metrics", &self.metrics.len()).finish()
    }
}
