//! Observations counted by bucket.

use std::fmt;
use std::time::{Duration, Instant};

use super::family::{Held, Metric, sealed};
use super::series::Series;
use super::target::Target;
use crate::descriptor::Kind;
use crate::lookup::node::Run;
use crate::native::Layout;
use crate::storage::local::{self, Place};
use crate::storage::{Cells, Reader, add_own, add_own_f64, add_shared, add_shared_f64};
use crate::sync::{AtomicU64, Ordering};

/// Up to this many bounds a search without branches is the fastest.
const LINEAR: usize = 24;

/// Observations counted by bucket: the handle of one series.
///
/// Each thread keeps buckets and sum of its own; the count is the sum of the buckets, so that
/// `_count` always equals the `+Inf` bucket, while `_sum` may lag by the observations that are in
/// flight. No update can fail, block or panic; a value that is not finite is refused and counted.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let latency = registry.register_histogram("latency_seconds", "Latency", &[], Some(&[0.1, 1.0]))?.with(&[])?;
/// latency.observe(0.25);
/// latency.observe_duration(Duration::from_millis(50));
/// let answer = latency.time(|| 6 * 7);
/// assert_eq!((answer, latency.count()), (42, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Histogram {
    held: Held,
}

impl Histogram {
    /// Observes `value`.
    #[inline(always)]
    pub fn observe(&self, value: f64) {
        observe(&self.held, value);
    }

    /// Observes `value` and keeps `labels` as the exemplar of its bucket: what this observation came
    /// from, such as `[("trace_id", id)]`. OpenMetrics and protobuf show the latest of each bucket,
    /// with its value and time.
    ///
    /// The names and values of the labels may have 128 characters together, and the names are those
    /// that Prometheus accepts. Labels that don't fit are refused and counted; the value is observed in
    /// any case. Takes a look at the clock and a lock for which it never waits: while somebody has it,
    /// the exemplar gives way.
    pub fn observe_with_exemplar(&self, value: f64, labels: &[(&str, &str)]) {
        self.observe(value);
        let (series, cell) = (self.held.series(), self.held.run().cell);
        if value.is_finite() {
            let bucket = bucket(series.descriptor().bounds(), value) as u32;
            series.note_exemplar(cell + bucket, value, labels);
        }
    }

    /// Observes a duration, in seconds.
    #[inline]
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }

    /// Begins to measure; dropping the timer observes the seconds since then.
    pub fn start_timer(&self) -> Timer {
        Timer { histogram: Some(self.clone()), start: Instant::now() }
    }

    /// Runs `f` and observes how many seconds it took.
    pub fn time<T>(&self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }

    /// How many observations there were, over all threads.
    #[must_use]
    pub fn count(&self) -> u64 {
        count(&mut Reader::default(), self.held.series(), self.held.run())
    }

    /// The sum of all observations, over all threads.
    #[must_use]
    pub fn sum(&self) -> f64 {
        sum(&mut Reader::default(), self.held.series(), self.held.run())
    }
}

/// Measures a stretch of time; observes it in seconds when dropped.
#[derive(Debug)]
#[must_use = "dropping it at once observes nothing but that"]
pub struct Timer {
    histogram: Option<Histogram>,
    start: Instant,
}

impl Timer {
    /// Observes now, and returns what was observed.
    pub fn stop(mut self) -> Duration {
        let elapsed = self.start.elapsed();
        if let Some(histogram) = self.histogram.take() {
            histogram.observe_duration(elapsed);
        }
        elapsed
    }

    /// Ends without observing anything.
    pub fn discard(mut self) {
        self.histogram = None;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(histogram) = self.histogram.take() {
            histogram.observe_duration(self.start.elapsed());
        }
    }
}

/// Observes `value` in a series. Inlined: the call was an eighth of what an observation takes.
#[inline(always)]
pub(crate) fn observe(target: impl Target, value: f64) {
    if !value.is_finite() {
        return refuse(target.series());
    }
    match local::own_cells(target.cell()) {
        Some(cells) => add(target.series(), cells, value, add_own, add_own_f64),
        None => observe_first(target.series(), target.run(), value),
    }
}

/// Observes for a thread that has not touched these cells yet.
#[cold]
fn observe_first(series: &Series, run: Run, value: f64) {
    match local::cells(run.cell) {
        Place::Own(cells) => add(series, cells, value, add_own, add_own_f64),
        Place::Shared(cells) => add(series, cells, value, add_shared, add_shared_f64),
    }
}

/// Adds a finite value to the cells of a series: buckets, `+Inf`, the sum, native buckets.
#[inline(always)]
fn add(
    series: &Series,
    cells: Cells<'_>,
    value: f64,
    add: impl Fn(&AtomicU64, u64) -> bool,
    add_f64: impl Fn(&AtomicU64, f64),
) {
    let descriptor = series.descriptor();
    let (bounds, native) = (descriptor.bounds(), descriptor.native());
    let sum = bounds.len() + 1;
    // A count of observations is nowhere near 2^64.
    add(cells.at(bucket(bounds, value)), 1);
    add_f64(cells.at(sum), value);
    if let Some(layout) = native {
        add_native(series, layout, cells, sum + 1, value, add);
    }
}

/// Counts a finite value in its native bucket. Not inlined: most histograms have none.
#[inline(never)]
fn add_native(
    series: &Series,
    layout: &Layout,
    cells: Cells<'_>,
    first: usize,
    value: f64,
    add: impl Fn(&AtomicU64, u64) -> bool,
) {
    let (place, clamped) = layout.place(value);
    add(cells.at(first + place), 1);
    if clamped {
        series.note_clamped();
    }
}

#[cold]
fn refuse(series: &Series) {
    series.refused().observations.fetch_add(1, Ordering::Relaxed);
}

/// The first bucket whose bound is not below the value: its place is the number of bounds below.
#[inline]
pub(crate) fn bucket(bounds: &[f64], value: f64) -> usize {
    if bounds.len() <= LINEAR {
        bounds.iter().map(|&bound| usize::from(bound < value)).sum()
    } else {
        bounds.partition_point(|&bound| bound < value)
    }
}

pub(crate) fn count(reader: &mut Reader<'static>, series: &Series, run: Run) -> u64 {
    let buckets = series.descriptor().bounds().len() as u32 + 1;
    (0..buckets).map(|i| reader.sum(&local::STORAGE, run.cell + i) as u64).sum()
}

pub(crate) fn sum(reader: &mut Reader<'static>, series: &Series, run: Run) -> f64 {
    reader.sum_f64(&local::STORAGE, run.cell + series.descriptor().bounds().len() as u32 + 1)
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram").field(&self.held).finish()
    }
}

impl Metric for Histogram {}

impl sealed::Sealed for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn handle(held: Held) -> Self {
        Self { held }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::bucket;

    #[test]
    fn a_value_on_a_bound_belongs_to_its_bucket() {
        for len in [1, 8, 20, 24, 25, 1_000] {
            let bounds = crate::linear_buckets(1.0, 1.0, len);
            for (i, &bound) in bounds.iter().enumerate() {
                assert_eq!(bucket(&bounds, bound), i);
                assert_eq!(bucket(&bounds, bound + 0.5), i + 1);
            }
            assert_eq!((bucket(&bounds, f64::MIN), bucket(&bounds, f64::MAX)), (0, len));
        }
    }
}
