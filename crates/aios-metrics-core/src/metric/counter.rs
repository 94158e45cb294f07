//! Totals that only grow.

use std::fmt;

use super::Total;
use super::amount::{Amount, Parts};
use super::control::Control;
use super::family::{Held, Metric, sealed};
use super::series::{Series, total};
use super::target::Target;
use crate::descriptor::Kind;
use crate::lookup::node::Run;
use crate::storage::{Reader, local};
use crate::sync::Ordering;

/// A total that only grows: the handle of one series.
///
/// An update is a plain store into memory of the calling thread's own, whatever other threads do;
/// it can't fail, block or panic. Whole amounts are counted exactly up to 2^64, fractions as `f64`.
/// Updates are not async-signal-safe.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sent = Registry::new().register_counter("sent_bytes_total", "Bytes sent", &[])?.with(&[])?;
/// sent.inc();
/// sent.inc_by(1_500_u64);
/// sent.inc_by(0.5);
/// assert_eq!(sent.get(), 1_501.5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Counter {
    held: Held,
}

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1_u64);
    }

    /// Adds `n`. A negative or non-finite amount is refused and counted.
    #[inline]
    pub fn inc_by(&self, n: impl Amount) {
        add(&self.held, n);
    }

    /// Adds `n` and keeps `labels` as the counter's exemplar: what this update came from, such as
    /// `[("trace_id", id)]`. OpenMetrics and protobuf show the latest one, with its amount and time.
    ///
    /// The names and values of the labels may have 128 characters together, and the names are those
    /// that Prometheus accepts. Labels that don't fit are refused and counted; the amount is added in
    /// any case. Takes a look at the clock and a lock for which it never waits: while somebody has it,
    /// the exemplar gives way.
    pub fn inc_by_with_exemplar(&self, n: impl Amount, labels: &[(&str, &str)]) {
        self.inc_by(n);
        let value = match n.parts() {
            Parts::Whole(n) => n as f64,
            Parts::Fraction(n) => n,
            Parts::Invalid(_) => return,
        };
        self.held.series().note_exemplar(self.held.run().cell, value, labels);
    }

    /// The total over all threads.
    ///
    /// Costs a few nanoseconds for each thread that has ever updated a metric; for tests and
    /// decisions, not for hot paths.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.total().as_f64()
    }

    fn total(&self) -> Total {
        total(&mut Reader::default(), self.held.run())
    }
}

/// Adds `n` to a series.
#[inline]
pub(crate) fn add(target: impl Target, n: impl Amount) {
    match n.parts() {
        Parts::Whole(n) => {
            if !local::add(target.cell(), n) {
                add_fraction(target.series(), target.run(), n as f64);
            }
        }
        Parts::Fraction(n) => match target.control().float() {
            Some(cell) => local::add_f64(cell, n),
            None => add_fraction(target.series(), target.run(), n),
        },
        Parts::Invalid(_) => refuse(target.series()),
    }
}

/// A series' first fraction, or a total past 2^64.
#[cold]
fn add_fraction(series: &Series, run: Run, n: f64) {
    let control = Control::new(run.control);
    local::add_f64(control.float().unwrap_or_else(|| series.float_cell(control)), n);
}

#[cold]
fn refuse(series: &Series) {
    series.refused().amounts.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.held).finish()
    }
}

impl Metric for Counter {}

impl sealed::Sealed for Counter {
    const KIND: Kind = Kind::Counter;

    fn handle(held: Held) -> Self {
        Self { held }
    }
}
