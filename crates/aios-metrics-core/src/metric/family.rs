//! All series under one name.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::amount::Amount;
use super::control::Control;
use super::series::Series;
use super::target::Found;
use super::{Counter, Gauge, Histogram, counter, gauge, histogram};
use crate::descriptor::{Descriptor, Kind};
use crate::error::LabelError;
use crate::format::labels::Labels;
use crate::lookup::node::{Node, Run};
use crate::storage::Section;

/// All series under one name: label values in, handle out.
///
/// Values stand in the order in which the label names were registered. Finding a series that
/// exists takes no lock and allocates nothing; creating one takes a lock that no update waits for.
/// Cheap to clone, and usable from any thread.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let requests = registry.register_counter("requests_total", "Requests", &["method", "code"])?;
///
/// requests.inc(&["GET", "200"])?;              // looks the series up
/// let posts = requests.with(&["POST", "201"])?; // a handle to keep: no look-up any more
/// posts.inc_by(2_u64);
/// assert_eq!(posts.get(), 2.0);
///
/// let error = requests.inc(&["GET"]).unwrap_err();
/// assert_eq!(error.to_string(), r#"metric "requests_total" takes 2 label values ["method", "code"], given 1"#);
/// # Ok(())
/// # }
/// ```
pub struct Family<M> {
    series: Arc<Series>,
    metric: PhantomData<fn() -> M>,
}

/// What a family can be of: [`Counter`], [`Gauge`] or [`Histogram`].
pub trait Metric: sealed::Sealed + Clone + Send + Sync {}

pub(crate) mod sealed {
    use super::{Held, Kind};

    pub trait Sealed {
        const KIND: Kind;

        /// The handle of a series.
        #[doc(hidden)]
        fn handle(held: Held) -> Self;
    }
}

impl<M: Metric> Family<M> {
    pub(crate) fn new(series: Arc<Series>) -> Self {
        debug_assert_eq!(series.descriptor().kind(), M::KIND);
        Self { series, metric: PhantomData }
    }

    /// A handle of the series with these label values, created if need be; keep it where an update
    /// must cost as little as possible.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    pub fn with(&self, values: &[&str]) -> Result<M, LabelError> {
        let found = self.series.hold(|series, section| series.with_values(section, values).map(Node::run))?;
        Ok(M::handle(Held::new(&self.series, found)))
    }

    /// Removes the series with these label values; `false` when there is none.
    ///
    /// Handles of it that are still held go on working, and count into nothing that is shown; a later
    /// update with the same values creates a series that begins at zero. A metric without labels
    /// begins at zero again at once. No update and no reader waits.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_core::Registry;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = Registry::new();
    /// let queue = registry.register_gauge("queue_length", "Jobs waiting", &["queue"])?;
    /// queue.set(&["mail"], 3.0)?;
    /// assert!(queue.remove(&["mail"])?);
    /// assert!(!queue.remove(&["mail"])?);
    /// assert_eq!(registry.value("queue_length", &[("queue", "mail")]), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, values: &[&str]) -> Result<bool, LabelError> {
        self.series.remove(values)
    }

    /// Removes the series for whose labels `keep` answers `false`, as [`remove`](Self::remove) does.
    ///
    /// `keep` is asked once for each series that is there when this is called, in the order of
    /// creation, and may use this family and its registry.
    pub fn retain(&self, keep: impl FnMut(Labels<'_>) -> bool) {
        self.series.retain(keep);
    }

    /// Removes every series that is there when this is called, as [`remove`](Self::remove) does.
    pub fn clear(&self) {
        self.series.clear();
    }

    /// Lets series leave whose value has not changed for `idle`, and returns the family.
    ///
    /// Snapshots judge that, and so does, now and then, the creation of a series: one leaves `idle`
    /// after the first time that it was seen with its present value. While a handle of it is held it is
    /// hidden, and comes back with its running total when it is updated; otherwise it is removed, and
    /// begins at zero when it comes back. Setting a gauge counts as a change whatever the value, for
    /// handles that were taken after this call. A metric without labels is only ever hidden.
    ///
    /// Choose several times the pause between two scrapes: what leaves before a scrape was never shown. With
    /// a duration of zero a series leaves once two snapshots in turn have seen the same of it.
    ///
    /// A snapshot of a family whose series expire costs about twice as much, and such a series takes 50 to
    /// 100 bytes more; updates cost the same. Who creates a series never waits for others to be judged.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics_core::Registry;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hour = Duration::from_secs(3_600);
    /// let requests =
    ///     Registry::new().register_counter("requests_total", "Requests", &["tenant"])?.expire_after(hour);
    /// requests.inc(&["north"])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_after(&self, idle: Duration) -> Self {
        self.series.expire_after(idle);
        self.clone()
    }

    /// Sets how many series this family may have, at least one, and returns the family. The registry's
    /// [`max_series`](crate::RegistryOptions::max_series) is what it has before.
    ///
    /// Series that are there already stay. Past the cap, updates of further label sets go to one
    /// series whose label values are all `__overflow__`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_core::Registry;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = Registry::new();
    /// let logins = registry.register_counter("logins_total", "Logins", &["user"])?.set_max_series(1);
    /// logins.inc(&["ada"])?;
    /// logins.inc(&["grace"])?;
    /// assert_eq!(registry.value("logins_total", &[("user", "__overflow__")]), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_max_series(&self, max_series: usize) -> Self {
        self.series.set_max_series(max_series);
        self.clone()
    }

    /// What was registered.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        self.series.descriptor()
    }
}

impl Family<Counter> {
    /// Adds one to the series with these label values.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    #[inline]
    pub fn inc(&self, values: &[&str]) -> Result<(), LabelError> {
        self.inc_by(values, 1_u64)
    }

    /// Adds `n` to the series with these label values. A negative or non-finite amount is refused
    /// and counted.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    #[inline]
    pub fn inc_by(&self, values: &[&str], n: impl Amount) -> Result<(), LabelError> {
        let section = Section::enter();
        counter::add(Found::new(&self.series, self.series.with_values(&section, values)?), n);
        Ok(())
    }
}

impl Family<Gauge> {
    /// Sets the series with these label values.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    #[inline]
    pub fn set(&self, values: &[&str], v: f64) -> Result<(), LabelError> {
        let section = Section::enter();
        gauge::set(&self.series, self.series.with_values(&section, values)?.run(), v);
        Ok(())
    }
}

impl Family<Histogram> {
    /// Observes `v` in the series with these label values. A non-finite value is refused and
    /// counted.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the number of values is not the number of labels.
    #[inline]
    pub fn observe(&self, values: &[&str], v: f64) -> Result<(), LabelError> {
        let section = Section::enter();
        histogram::observe(Found::new(&self.series, self.series.with_values(&section, values)?), v);
        Ok(())
    }
}

impl<M> Clone for Family<M> {
    fn clone(&self) -> Self {
        Self { series: Arc::clone(&self.series), metric: PhantomData }
    }
}

impl<M> fmt::Debug for Family<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("series", &self.series).finish()
    }
}

/// A series and what keeps it: the part that every handle has.
pub struct Held {
    run: Run,
    control: Control,
    series: Arc<Series>,
}

impl Held {
    /// What [`Series::hold`] has counted.
    pub(crate) fn new(series: &Arc<Series>, (run, control): (Run, Control)) -> Self {
        Self { run, control, series: Arc::clone(series) }
    }

    #[inline]
    pub(crate) fn run(&self) -> Run {
        self.run
    }

    #[inline]
    pub(crate) fn cell(&self) -> u32 {
        self.run.cell
    }

    #[inline]
    pub(crate) fn control(&self) -> Control {
        self.control
    }

    #[inline]
    pub(crate) fn series(&self) -> &Series {
        &self.series
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        self.control.acquire_another();
        Self { series: Arc::clone(&self.series), ..*self }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.control.release() {
            self.series.free(self.run);
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _section = Section::enter();
        write!(f, "{}", self.series.descriptor().exposed_name())?;
        match self.series.nodes().places().find(|(_, node)| node.run() == self.run) {
            Some((_, node)) => write!(f, "{}", String::from_utf8_lossy(node.text())),
            None => write!(f, " (removed)"),
        }
    }
}
