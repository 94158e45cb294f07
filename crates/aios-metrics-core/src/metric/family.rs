//! All series under one name.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::amount::Amount;
use super::series::Series;
use super::{Counter, Gauge, Histogram, counter, gauge, histogram};
use crate::descriptor::{Descriptor, Kind};
use crate::error::LabelError;
use crate::lookup::node::Node;
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
        let _section = Section::enter();
        Ok(M::handle(Held::new(&self.series, self.series.with_values(values)?)))
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
        let _section = Section::enter();
        counter::add(&self.series, self.series.with_values(values)?, n);
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
        let _section = Section::enter();
        gauge::set(self.series.with_values(values)?, v);
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
        let _section = Section::enter();
        histogram::observe(&self.series, self.series.with_values(values)?.cell(), v);
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
#[derive(Clone)]
pub struct Held {
    node: Node<'static>,
    series: Arc<Series>,
}

#[allow(unsafe_code)]
impl Held {
    pub(crate) fn new(series: &Arc<Series>, node: Node<'_>) -> Self {
        // SAFETY: the node is one of `series`, which keeps all its blocks and is kept here.
        Self { node: unsafe { node.detach() }, series: Arc::clone(series) }
    }

    pub(crate) fn node(&self) -> Node<'_> {
        self.node
    }

    pub(crate) fn series(&self) -> &Series {
        &self.series
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = String::from_utf8_lossy(self.node.text());
        write!(f, "{}{labels}", self.series.descriptor().exposed_name())
    }
}
