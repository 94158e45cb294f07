//! What a family is: its name, help, kind, labels and bounds, checked and rendered once.

use std::fmt;
use std::sync::Arc;

use crate::error::{BucketProblem, RegisterError};
use crate::format::text;
use crate::native::{Layout, NativeBuckets};
use crate::storage::LONGEST_RUN;

/// The most finite bounds that a histogram can have.
pub const MAX_BUCKETS: usize = 1_000;

/// The kinds of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A total that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observations counted by bucket.
    Histogram,
}

impl Kind {
    /// The kind's name in the exposition formats.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a page says a family is: its kind, or one of those that only attached registries have, of which
/// each series is a gauge here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Counter,
    Gauge,
    Histogram,
    /// Text that doesn't change, in the labels of a 1.
    Info,
    /// A value of which nothing more is known.
    Unknown,
}

impl Type {
    pub(crate) const ALL: [Self; 5] =
        [Self::Counter, Self::Gauge, Self::Histogram, Self::Info, Self::Unknown];

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Counter => Kind::Counter,
            Self::Gauge | Self::Info | Self::Unknown => Kind::Gauge,
            Self::Histogram => Kind::Histogram,
        }
    }

    pub(crate) fn openmetrics_name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Unknown => "unknown",
            _ => self.kind().as_str(),
        }
    }

    /// As in text 0.0.4, which has fewer.
    pub(crate) fn prometheus_name(self) -> &'static str {
        match self {
            Self::Unknown => "untyped",
            _ => self.kind().as_str(),
        }
    }

    /// What the names of all samples have behind that of the family.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram | Self::Unknown => "",
        }
    }
}

/// The description of a family, valid by construction. Cheap to clone.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Descriptor, RegisterError};
///
/// let jobs = Descriptor::counter("jobs_total", "Jobs done", &["status"])?;
/// assert_eq!((jobs.name(), jobs.exposed_name()), ("jobs", "jobs_total"));
///
/// let error = Descriptor::gauge("queue size", "Jobs that wait", &[]).unwrap_err();
/// assert!(error.to_string().contains("\"queue size\" is invalid"));
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Descriptor(Arc<Inner>);

struct Inner {
    name: Box<str>,
    exposed: Box<str>,
    help: Box<str>,
    ty: Type,
    labels: Box<[Box<str>]>,
    bounds: Box<[f64]>,
    native: Option<Layout>,
    unit: Option<Box<str>>,
    rendered: text::Rendered,
}

impl Descriptor {
    /// A counter. `name` may end in `_total` or not: the family is the same, and is exposed with
    /// the ending.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for names that Prometheus does not accept.
    pub fn counter(name: &str, help: &str, labels: &[&str]) -> Result<Self, RegisterError> {
        check_metric_name(name)?;
        let base = name.strip_suffix("_total").unwrap_or(name);
        if base.is_empty() {
            return Err(RegisterError::MetricName { name: name.to_owned() });
        }
        Self::new(base, help, Type::Counter, labels, Box::default(), None, None)
    }

    /// A gauge.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for names that Prometheus does not accept.
    pub fn gauge(name: &str, help: &str, labels: &[&str]) -> Result<Self, RegisterError> {
        Self::new(name, help, Type::Gauge, labels, Box::default(), None, None)
    }

    /// A histogram with the given upper bounds, ascending; `+Inf` is added when it is absent.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for names that Prometheus does not accept, and for bounds that are empty,
    /// not ascending, not numbers, or more than [`MAX_BUCKETS`].
    pub fn histogram(name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> Result<Self, RegisterError> {
        let bounds = check_bounds(name, bounds)?;
        Self::new(name, help, Type::Histogram, labels, bounds, None, None)
    }

    /// A histogram that has native buckets beside those with the given bounds.
    pub(crate) fn native_histogram(
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
        native: NativeBuckets,
    ) -> Result<Self, RegisterError> {
        let bounds = check_bounds(name, bounds)?;
        // A run holds the classic buckets, `+Inf` and the sum as well.
        let limit = LONGEST_RUN.saturating_sub(bounds.len() + 2);
        let layout = Layout::new(native, limit)
            .map_err(|problem| RegisterError::NativeBuckets { metric: name.to_owned(), problem })?;
        Self::new(name, help, Type::Histogram, labels, bounds, Some(layout), None)
    }

    /// A family of an attached registry, whose series may each have labels of their own. `name` has
    /// no suffix; a unit that is not the end of the name, as OpenMetrics wants it, is left away.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for a name that Prometheus does not accept.
    pub(crate) fn attached(
        name: &str,
        help: &str,
        ty: Type,
        unit: Option<&str>,
        bounds: &[f64],
    ) -> Result<Self, RegisterError> {
        let ends = |unit: &&str| name.strip_suffix(*unit).is_some_and(|start| start.ends_with('_'));
        let unit = unit.filter(|unit| !unit.is_empty() && ty != Type::Info).filter(ends);
        Self::new(name, help, ty, &[], bounds.into(), None, unit)
    }

    /// The same histogram of an attached registry with other buckets.
    pub(crate) fn with_bounds(&self, bounds: &[f64]) -> Self {
        // The name has been checked, and nothing else can be wrong.
        Self::attached(self.name(), self.help(), Type::Histogram, self.unit(), bounds)
            .unwrap_or_else(|_| self.clone())
    }

    fn new(
        name: &str,
        help: &str,
        ty: Type,
        labels: &[&str],
        bounds: Box<[f64]>,
        native: Option<Layout>,
        unit: Option<&str>,
    ) -> Result<Self, RegisterError> {
        check_metric_name(name)?;
        let exposed = format!("{name}{}", ty.suffix());
        check_label_names(&exposed, ty.kind(), labels)?;
        let rendered = text::Rendered::new(name, &exposed, help, ty, labels, &bounds, unit);
        Ok(Self(Arc::new(Inner {
            name: name.into(),
            exposed: exposed.into_boxed_str(),
            help: help.into(),
            ty,
            labels: labels.iter().map(|&label| label.into()).collect(),
            bounds,
            native,
            unit: unit.map(Into::into),
            rendered,
        })))
    }

    /// The family's name; for a counter without `_total`, for an info without `_info`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The name that samples carry: for a counter with `_total`, for an info with `_info`, for a
    /// histogram the part before `_bucket`, `_sum` and `_count`.
    #[must_use]
    pub fn exposed_name(&self) -> &str {
        &self.0.exposed
    }

    /// The help as it was given.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.0.help
    }

    /// The kind. What attached registries have besides (info, unknown) is a gauge.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.ty.kind()
    }

    #[cfg(feature = "protobuf")]
    pub(crate) fn ty(&self) -> Type {
        self.0.ty
    }

    /// The label names, in the order of registration; none for a family of an attached registry,
    /// where each series may have others.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.labels.iter().map(AsRef::as_ref)
    }

    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.0.labels
    }

    /// How many labels there are.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.0.labels.len()
    }

    /// The finite upper bounds of a histogram, ascending; empty for other kinds.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.0.bounds
    }

    /// The native buckets of a histogram that has some.
    #[must_use]
    pub fn native_buckets(&self) -> Option<&NativeBuckets> {
        self.0.native.as_ref().map(Layout::buckets)
    }

    #[inline]
    pub(crate) fn native(&self) -> Option<&Layout> {
        self.0.native.as_ref()
    }

    /// The unit, the last part of the name; only families of attached registries have one.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.0.unit.as_deref()
    }

    /// The names that belong to this family once it is registered: those of its samples, and
    /// `_created`, which OpenMetrics keeps for counters and histograms.
    pub(crate) fn claimed_names(&self) -> Vec<String> {
        let name = self.name();
        match self.kind() {
            Kind::Counter => {
                vec![self.exposed_name().to_owned(), name.to_owned(), format!("{name}_created")]
            }
            // An info is exposed under another name than its own.
            Kind::Gauge if self.exposed_name() != name => {
                vec![self.exposed_name().to_owned(), name.to_owned()]
            }
            Kind::Gauge => vec![name.to_owned()],
            Kind::Histogram => {
                vec![
                    name.to_owned(),
                    format!("{name}_bucket"),
                    format!("{name}_sum"),
                    format!("{name}_count"),
                    format!("{name}_created"),
                ]
            }
        }
    }

    /// The names under which it can be updated: the exposed one, and for a counter the one without
    /// `_total`.
    pub(crate) fn update_names(&self) -> impl Iterator<Item = &str> {
        let short = Some(self.name()).filter(|name| *name != self.exposed_name());
        std::iter::once(self.exposed_name()).chain(short)
    }

    pub(crate) fn rendered(&self) -> &text::Rendered {
        &self.0.rendered
    }

    pub(crate) fn label_names(&self) -> Vec<String> {
        self.labels().map(str::to_owned).collect()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether both describe the same family; help is not compared.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let (a, b) = (&*self.0, &*other.0);
        (a.ty, &a.exposed, &a.labels, &a.bounds) == (b.ty, &b.exposed, &b.labels, &b.bounds)
            && self.native_buckets() == other.native_buckets()
    }
}

/// As in error messages: `counter "jobs_total" with labels ["status"]`.
impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} with labels {:?}", self.kind(), self.0.exposed, self.0.labels)?;
        if self.kind() == Kind::Histogram {
            write!(f, " and buckets {:?}", self.0.bounds)?;
        }
        if let Some(native) = self.native_buckets() {
            write!(f, " and {native}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({self})")
    }
}

/// Names are those of the Prometheus data model, `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn check_metric_name(name: &str) -> Result<(), RegisterError> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':');
    if first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':') {
        return Ok(());
    }
    Err(RegisterError::MetricName { name: name.to_owned() })
}

/// Names are those of the Prometheus data model, `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(crate) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn check_label_names(metric: &str, kind: Kind, labels: &[&str]) -> Result<(), RegisterError> {
    for (i, &label) in labels.iter().enumerate() {
        let (metric, owned) = (metric.to_owned(), label.to_owned());
        if !is_label_name(label) {
            return Err(RegisterError::LabelName { metric, label: owned });
        }
        if label.starts_with("__") || (kind == Kind::Histogram && label == "le") {
            return Err(RegisterError::ReservedLabel { metric, label: owned });
        }
        if labels[..i].contains(&label) {
            return Err(RegisterError::DuplicateLabel { metric, label: owned });
        }
    }
    Ok(())
}

fn check_bounds(metric: &str, bounds: &[f64]) -> Result<Box<[f64]>, RegisterError> {
    let finite = bounds.strip_suffix(&[f64::INFINITY]).unwrap_or(bounds);
    let refuse = |problem| Err(RegisterError::Buckets { metric: metric.to_owned(), problem });
    if finite.is_empty() {
        return refuse(BucketProblem::Empty);
    }
    if let Some(&bound) = finite.iter().find(|bound| !bound.is_finite()) {
        return refuse(BucketProblem::NotANumber(bound));
    }
    if let Some(pair) = finite.windows(2).find(|pair| pair[0] >= pair[1]) {
        return refuse(BucketProblem::NotAscending { before: pair[0], after: pair[1] });
    }
    if finite.len() > MAX_BUCKETS {
        return refuse(BucketProblem::TooMany { given: finite.len(), limit: MAX_BUCKETS });
    }
    Ok(finite.into())
}

/// `count` bounds from `start`, each `width` above the one before.
///
/// # Examples
///
/// ```
/// assert_eq!(aios_metrics_core::linear_buckets(1.0, 2.0, 3), [1.0, 3.0, 5.0]);
/// ```
#[must_use]
pub fn linear_buckets(start: f64, width: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| start + width * i as f64).collect()
}

/// `count` bounds from `start`, each `factor` times the one before.
///
/// # Examples
///
/// ```
/// assert_eq!(aios_metrics_core::exponential_buckets(0.5, 2.0, 3), [0.5, 1.0, 2.0]);
/// ```
#[must_use]
pub fn exponential_buckets(start: f64, factor: f64, count: usize) -> Vec<f64> {
    (0..count).scan(start, |next, _| Some(std::mem::replace(next, *next * factor))).collect()
}
