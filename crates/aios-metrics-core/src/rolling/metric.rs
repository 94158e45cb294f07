//! A rolling metric.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::quantile::{self, Quantile};
use super::quantiles::Quantiles;
use super::ring::{Ring, Shape};
use super::set::RollingWindows;
use super::sketches::Sketches;
use super::slot::{Batch, CELLS, Slot};
use super::summary::{QuantileSummary, Summary, WindowStatistics};
use crate::clock::{Clock, SystemClock, Time};
use crate::error::QuantileError;
use crate::storage::local::{self, STORAGE};
use crate::sync::{AtomicU64, Mutex, Ordering, lock, try_lock};

/// Count, sum, average, rate, least and greatest of what was observed in the last minutes.
///
/// An observation counts towards a window `w` from the moment it is added until it is between `w`
/// and `w` + one slot old; a slot is `ceil(window / 900)` seconds (1 s up to a window of 15
/// minutes). Sums inside a slot are exact. A window above the metric's own is taken as that, zero
/// as one slot. Memory is fixed when the metric is made: 40 bytes a slot (36 KB for 15 minutes) and
/// 216 bytes for each thread, however many observations arrive.
///
/// With [quantiles](Self::with_quantiles) it takes 254 KB more, reserved when it is made (of which
/// values that cluster touch a part), and 8 KB for each thread.
///
/// Adding costs about as much as reading a coarse clock (with a window above 15 minutes, a clock of your own or
/// quantiles some nanoseconds more); it allocates nothing and never waits for a
/// reader, unless the thread is one that is ending (or inside its allocator) and so has no slot of its own:
/// that waits for the microsecond that reading takes. Reading adds up the ring, below a microsecond. Clones
/// share the window.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_core::RollingMetric;
///
/// let latency = RollingMetric::new(Duration::from_secs(900));
/// latency.add(1.0);
/// latency.add(2.0);
/// let minute = Duration::from_secs(60);
/// assert_eq!((latency.average(minute), latency.current(), latency.count(None)), (1.5, 2.0, 2));
/// assert_eq!((latency.min(minute), latency.max(minute)), (Some(1.0), Some(2.0)));
/// ```
#[derive(Clone)]
pub struct RollingMetric(pub(super) Arc<Inner>);

pub(super) struct Inner {
    shape: Shape,
    /// The cells of this metric in each slab.
    run: u32,
    created: Duration,
    clock: Time,
    /// Slots of one second, the machine's clock, no sketches.
    common: bool,
    pub(super) ring: Mutex<Ring>,
    refused: AtomicU64,
    sketches: Option<Box<Sketches>>,
    /// The bits of the latest observation. Every thread stores here, so nothing else shares the
    /// cache line.
    current: CachePadded<AtomicU64>,
}

impl RollingMetric {
    /// A metric that looks back over `window`; below a second is taken as one.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self::with_time(window, Box::default(), Time::System)
    }

    /// The same with a clock of your own.
    #[must_use]
    pub fn with_clock(window: Duration, clock: Arc<dyn Clock>) -> Self {
        Self::with_time(window, Box::default(), Time::Other(clock))
    }

    /// A metric that answers [`quantile`](Self::quantile) too. Its summaries show the given ones,
    /// numbers from 0 to 1; without any it is as one made by [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`QuantileError`] for what is not a number from 0 to 1, and for more than 8.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics_core::RollingMetric;
    ///
    /// let latency = RollingMetric::with_quantiles(Duration::from_secs(900), &[0.5, 0.99])?;
    /// for ms in 1..=1_000 {
    ///     latency.add(f64::from(ms));
    /// }
    /// let p99 = latency.quantile(0.99, Duration::from_secs(60)).unwrap();
    /// assert!((p99 / 990.0 - 1.0).abs() <= 0.01);
    /// # Ok::<(), aios_metrics_core::QuantileError>(())
    /// ```
    pub fn with_quantiles(window: Duration, quantiles: &[f64]) -> Result<Self, QuantileError> {
        Ok(Self::with_time(window, quantile::check(quantiles)?, Time::System))
    }

    /// A metric with sketches if there are quantiles to be shown.
    pub(crate) fn with_time(window: Duration, shown: Box<[Quantile]>, clock: Time) -> Self {
        let shape = Shape::new(window);
        Self(Arc::new(Inner {
            shape,
            run: STORAGE.take(CELLS as u32),
            created: clock.monotonic(),
            common: shape.slot == 1 && shown.is_empty() && matches!(clock, Time::System),
            clock,
            ring: Mutex::new(Ring::new(shape)),
            refused: AtomicU64::new(0),
            sketches: (!shown.is_empty()).then(|| Box::new(Sketches::new(shape.window, shown))),
            current: CachePadded::new(AtomicU64::new(0)),
        }))
    }

    /// The longest window that can be asked for.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.0.shape.window
    }

    /// Adds an observation. A value that is not finite is refused and counted.
    // Inlined, and only the common case: what a call or a spill stores would queue up behind the store of
    // `current`, for whose cache line threads compete.
    #[inline(always)]
    pub fn add(&self, value: f64) {
        let inner = &*self.0;
        if inner.common && value.is_finite() {
            inner.record(Shape::epoch_of_one_second(SystemClock.monotonic()), value);
        } else {
            inner.add_otherwise(value);
        }
    }

    /// The average over `window`; 0 without observations.
    #[must_use]
    pub fn average(&self, window: Duration) -> f64 {
        let [(total, _)] = self.0.totals([window]);
        average(&total)
    }

    /// The latest observation; 0 before the first one and once it is older than the metric's window.
    #[must_use]
    pub fn current(&self) -> f64 {
        let (inner, now) = (&*self.0, self.0.clock.monotonic());
        let mut newest = 0;
        inner.read(|batch| newest = newest.max(batch.epoch));
        inner.current_at(now, newest)
    }

    /// How many observations there were in `window`; `None` for the metric's whole window.
    #[must_use]
    pub fn count(&self, window: Option<Duration>) -> u64 {
        let [(total, _)] = self.0.totals([window.unwrap_or(self.window())]);
        total.count
    }

    /// The sum of the observations in `window`.
    #[must_use]
    pub fn sum(&self, window: Duration) -> f64 {
        let [(total, _)] = self.0.totals([window]);
        total.sum
    }

    /// Observations per second, over `window` or the age of the metric, whichever is shorter; an
    /// age below one slot is taken as one slot.
    #[must_use]
    pub fn rate(&self, window: Duration) -> f64 {
        let [(total, seconds)] = self.0.totals([window]);
        total.count as f64 / seconds
    }

    /// The least observation in `window`.
    #[must_use]
    pub fn min(&self, window: Duration) -> Option<f64> {
        let [(total, _)] = self.0.totals([window]);
        (total.count > 0).then_some(total.min)
    }

    /// The greatest observation in `window`.
    #[must_use]
    pub fn max(&self, window: Duration) -> Option<f64> {
        let [(total, _)] = self.0.totals([window]);
        (total.count > 0).then_some(total.max)
    }

    /// The quantile `q`, from 0 to 1, of the observations in `window`: an estimate of the least one
    /// such that at least that share of all is no greater.
    ///
    /// It is at most 1 % off, as long as it is at least a 25,000th of the greatest magnitude in the
    /// window; a smaller one keeps its sign and is at most that. Any finite value may be observed,
    /// zero and negative ones too; magnitudes below 2.2e-308 count as zero.
    ///
    /// For quantiles time is cut into slots of a 60th of the metric's own window, 15 s for 15
    /// minutes: an observation counts towards `window` from the moment it is added until it is
    /// between `window` and `window` + one such slot old.
    ///
    /// `None` without observations, for a metric without quantiles, and when `q` is no number from
    /// 0 to 1. It allocates nothing and adds up the sketches of the window, some microseconds each.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics_core::RollingMetric;
    ///
    /// let minute = Duration::from_secs(60);
    /// let drift = RollingMetric::with_quantiles(Duration::from_secs(900), &[0.5])?;
    /// assert_eq!(drift.quantile(0.5, minute), None);
    /// drift.add(-2.0);
    /// drift.add(0.0);
    /// drift.add(3.0);
    /// assert_eq!(drift.quantile(0.5, minute), Some(0.0));
    /// assert!((drift.quantile(0.1, minute).unwrap() / -2.0 - 1.0).abs() <= 0.01);
    /// # Ok::<(), aios_metrics_core::QuantileError>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, q: f64, window: Duration) -> Option<f64> {
        let (sketches, quantile) = (self.0.sketches.as_ref()?, Quantile::new(q)?);
        let [total] = sketches.totals(self.0.clock.monotonic(), [window]);
        total.quantile(quantile)
    }

    /// The quantiles that summaries show, ascending.
    pub(crate) fn quantiles(&self) -> &[Quantile] {
        self.0.sketches.as_ref().map_or(&[], |sketches| sketches.shown())
    }

    /// Everything about one window, from one reading; `None` without observations.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics_core::RollingMetric;
    ///
    /// let latency = RollingMetric::new(Duration::from_secs(900));
    /// let minute = Duration::from_secs(60);
    /// assert!(latency.statistics(minute).is_none());
    /// latency.add(0.5);
    /// latency.add(1.5);
    /// let last = latency.statistics(minute).unwrap();
    /// assert_eq!((last.count, last.sum, last.average, last.min, last.max), (2, 2.0, 1.0, 0.5, 1.5));
    /// assert!(last.coverage < 0.1); // the metric is a moment old
    /// ```
    #[must_use]
    pub fn statistics(&self, window: Duration) -> Option<WindowStatistics> {
        let [(total, seconds)] = self.0.totals([window]);
        (total.count > 0).then(|| WindowStatistics {
            count: total.count,
            sum: total.sum,
            rate: total.count as f64 / seconds,
            min: total.min,
            max: total.max,
            average: average(&total),
            coverage: seconds / self.0.shape.clamp(window).as_secs_f64(),
        })
    }

    /// Everything that the document shows, from one reading; the quantiles from another, later one.
    #[must_use]
    pub(crate) fn summary(&self, windows: &RollingWindows) -> Summary {
        let inner = &*self.0;
        let (now, mut newest) = (inner.clock.monotonic(), 0);
        let [(short, seconds), (middle, _), (long, _)] =
            inner.totals_at(now, [windows.short, windows.middle, windows.long], |epoch| newest = epoch);
        Summary {
            current: inner.current_at(now, newest),
            count_1m: short.count,
            average_1m: average(&short),
            count_5m: middle.count,
            average_5m: average(&middle),
            count_15m: long.count,
            average_15m: average(&long),
            min_15m: (long.count > 0).then_some(long.min),
            max_15m: (long.count > 0).then_some(long.max),
            rate_1m: short.count as f64 / seconds,
            quantiles: self.summarize_quantiles(now, windows),
        }
    }

    fn summarize_quantiles(&self, now: Duration, windows: &RollingWindows) -> Quantiles {
        let mut quantiles = Quantiles::default();
        if let Some(sketches) = &self.0.sketches {
            let [short, middle, long] = sketches.totals(now, [windows.short, windows.middle, windows.long]);
            for &quantile in sketches.shown() {
                quantiles.push(QuantileSummary {
                    quantile: quantile.as_f64(),
                    value_1m: short.quantile(quantile),
                    value_5m: middle.quantile(quantile),
                    value_15m: long.quantile(quantile),
                });
            }
        }
        quantiles
    }

    /// How many values were refused because they were not finite.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Inner {
    /// Adds an observation to a metric that may have sketches, long slots or a clock of its own.
    #[inline(never)]
    fn add_otherwise(&self, value: f64) {
        if !value.is_finite() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let now = self.clock.monotonic();
        // First, so that whoever counts this observation finds it in the sketches as well.
        if let Some(sketches) = &self.sketches {
            sketches.add(now, value);
        }
        self.record(self.shape.epoch(now), value);
    }

    #[inline(always)]
    fn record(&self, epoch: u64, value: f64) {
        if !own_slot(self.run).is_some_and(|slot| slot.add(epoch, value)) {
            self.next_epoch(epoch, value);
        }
        self.current.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The rarer half of adding: the first observation of a time slot, or a thread without a slab.
    #[cold]
    fn next_epoch(&self, epoch: u64, value: f64) {
        match local::cells(self.run).own().and_then(Slot::new) {
            None => lock(&self.ring).fold(&Batch::of(epoch, value)),
            Some(slot) if slot.add(epoch, value) => {}
            Some(slot) => match try_lock(&self.ring) {
                Some(mut ring) => slot.restart(epoch, value, |batch| ring.fold(batch)),
                None => slot.set_aside(epoch, value),
            },
        }
    }

    /// Shows every batch once: those in the ring, then those that threads still hold.
    pub(super) fn read(&self, mut each: impl FnMut(&Batch)) {
        let ring = lock(&self.ring);
        ring.batches().iter().for_each(&mut each);
        for slab in STORAGE.slabs() {
            if let Some(slot) = slab.cells(self.run).and_then(Slot::new) {
                slot.read(&mut each);
            }
        }
    }

    /// The total of each window, and how many seconds it stands for.
    pub(super) fn totals<const N: usize>(&self, windows: [Duration; N]) -> [(Batch, f64); N] {
        self.totals_at(self.clock.monotonic(), windows, |_| ())
    }

    fn totals_at<const N: usize>(
        &self,
        now: Duration,
        windows: [Duration; N],
        newest: impl FnOnce(u64),
    ) -> [(Batch, f64); N] {
        let windows = windows.map(|window| self.shape.clamp(window));
        let first = windows.map(|window| self.shape.first_epoch(now, window));
        let oldest = first.iter().copied().min().unwrap_or(0);
        let mut totals = [Batch::NONE; N];
        let mut latest = 0;
        self.read(|batch| {
            // Every batch counts here, since `current` looks back over the metric's whole window.
            latest = latest.max(batch.epoch);
            if batch.epoch < oldest || batch.count == 0 {
                return;
            }
            for (total, &first) in totals.iter_mut().zip(&first) {
                if batch.epoch >= first {
                    total.merge(batch);
                }
            }
        });
        newest(latest);
        let age = now.saturating_sub(self.created).max(Duration::from_secs(self.shape.slot));
        let mut at = 0;
        windows.map(|window| {
            at += 1;
            (totals[at - 1], window.min(age).as_secs_f64())
        })
    }

    fn current_at(&self, now: Duration, newest: u64) -> f64 {
        if newest < self.shape.first_epoch(now, self.shape.window) {
            return 0.0;
        }
        f64::from_bits(self.current.load(Ordering::Relaxed))
    }
}

/// The calling thread's slot, once it has touched it.
#[inline]
fn own_slot(run: u32) -> Option<Slot<'static>> {
    local::own_cells(run).and_then(Slot::new)
}

/// 0 without observations; held inside the range of `f64` where a sum is not.
fn average(total: &Batch) -> f64 {
    if total.count == 0 { 0.0 } else { (total.sum / total.count as f64).clamp(f64::MIN, f64::MAX) }
}

impl Drop for Inner {
    fn drop(&mut self) {
        STORAGE.give_back(self.run, CELLS as u32);
    }
}

impl fmt::Debug for RollingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RollingMetric")
            .field("window", &self.window())
            .field("count", &self.count(None))
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
