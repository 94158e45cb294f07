//! Values that go up and down.

use std::fmt;

use super::control::Control;
use super::family::{Held, Metric, sealed};
use super::series::Series;
use crate::descriptor::Kind;
use crate::lookup::node::Run;
use crate::storage::add_shared_f64;
use crate::storage::local::STORAGE;
use crate::sync::{AtomicU64, Ordering};

/// A value that goes up and down: the handle of one series.
///
/// All threads share one word: `set` is a store, `add`, `sub`, `inc` and `dec` repeat a
/// compare-and-swap until it holds. No update can fail, block or panic. A gauge may hold any `f64`,
/// `NaN` and infinities included.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connections = Registry::new().register_gauge("connections", "Open connections", &[])?.with(&[])?;
/// connections.set(3.0);
/// {
///     let _one_more = connections.track_in_flight();
///     assert_eq!(connections.get(), 4.0);
/// }
/// assert_eq!(connections.get(), 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Gauge {
    word: &'static AtomicU64,
    /// Whether updates are noted, since idle series of the family leave the page.
    expires: bool,
    held: Held,
}

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.word.store(value.to_bits(), Ordering::Relaxed);
        self.touch();
    }

    /// Adds `amount`.
    #[inline]
    pub fn add(&self, amount: f64) {
        add_shared_f64(self.word, amount);
        self.touch();
    }

    #[inline]
    fn touch(&self) {
        if self.expires {
            self.held.control().touch();
        }
    }

    /// Subtracts `amount`.
    #[inline]
    pub fn sub(&self, amount: f64) {
        self.add(-amount);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Subtracts one.
    #[inline]
    pub fn dec(&self) {
        self.add(-1.0);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.word.load(Ordering::Relaxed))
    }

    /// Adds one now, and subtracts it when what is returned is dropped.
    pub fn track_in_flight(&self) -> InFlight {
        self.inc();
        InFlight(self.clone())
    }
}

/// Something in flight: subtracts one from its gauge when dropped, by a panic or cancelled future
/// too.
#[derive(Debug)]
#[must_use = "dropping it at once ends the count"]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Sets a series that was just found.
#[inline]
pub(crate) fn set(series: &Series, run: Run, value: f64) {
    word(run).store(value.to_bits(), Ordering::Relaxed);
    if series.expires() {
        Control::new(run.control).touch();
    }
}

/// The word of a gauge's series, which all threads share.
#[inline]
pub(crate) fn word(run: Run) -> &'static AtomicU64 {
    STORAGE.word(run.cell)
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gauge").field(&self.held).finish()
    }
}

impl Metric for Gauge {}

impl sealed::Sealed for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn handle(held: Held) -> Self {
        Self { word: word(held.run()), expires: held.series().expires(), held }
    }
}
