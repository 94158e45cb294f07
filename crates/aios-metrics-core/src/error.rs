//! What can go wrong, one type for each call that can fail; every message names the thing, the
//! value and what was expected.

use std::fmt;

use crate::descriptor::Kind;

/// Why a family, a collector or a name was not registered. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The metric's name is not one that Prometheus accepts.
    #[error(
        "metric name {name:?} is invalid: expected a letter, `_` or `:`, then letters, digits, `_` or `:`"
    )]
    MetricName {
        /// The name as given.
        name: String,
    },
    /// A label's name is not one that Prometheus accepts.
    #[error(
        "label name {label:?} of metric {metric:?} is invalid: expected a letter or `_`, then letters, digits or `_`"
    )]
    LabelName {
        /// The metric.
        metric: String,
        /// The label's name as given.
        label: String,
    },
    /// The label's name belongs to the exposition format.
    #[error(
        "label name {label:?} of metric {metric:?} is reserved: names that begin with `__` and, on a histogram, `le` belong to the format"
    )]
    ReservedLabel {
        /// The metric.
        metric: String,
        /// The reserved label's name.
        label: String,
    },
    /// A label's name stands twice.
    #[error("label name {label:?} stands twice on metric {metric:?}: each label once")]
    DuplicateLabel {
        /// The metric.
        metric: String,
        /// The label that stands twice.
        label: String,
    },
    /// The name is a key of the document's own.
    #[error("metric name {name:?} is reserved: the document uses {key:?} as a key of its own")]
    ReservedName {
        /// The metric.
        name: String,
        /// The document's key.
        key: String,
    },
    /// The bounds of a histogram can't be used.
    #[error("buckets of histogram {metric:?} are invalid: {problem}")]
    Buckets {
        /// The histogram.
        metric: String,
        /// What is wrong with the bounds.
        problem: BucketProblem,
    },
    /// The native buckets of a histogram can't be used.
    #[error("native buckets of histogram {metric:?} are invalid: {problem}")]
    NativeBuckets {
        /// The histogram.
        metric: String,
        /// What is wrong with them.
        problem: NativeProblem,
    },
    /// An exposed name is taken by something different.
    #[error(
        "metric {exposed:?} is already registered as {existing}; it can't be registered again as {requested}"
    )]
    Conflict {
        /// The exposed name that both would use.
        exposed: String,
        /// What stands there.
        existing: String,
        /// What was asked for.
        requested: String,
    },
}

/// What is wrong with the bounds of a histogram.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BucketProblem {
    /// No finite bound was given.
    Empty,
    /// A bound is not finite, other than a last one of `+Inf`.
    NotANumber(f64),
    /// A bound is not above the one before it.
    NotAscending {
        /// The earlier bound.
        before: f64,
        /// The bound that is not above it.
        after: f64,
    },
    /// More bounds than a histogram can have.
    TooMany {
        /// How many were given.
        given: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl fmt::Display for BucketProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "no bound was given, expected at least one finite bound"),
            Self::NotANumber(bound) => {
                write!(f, "bound {bound} is not usable, expected finite numbers (`+Inf` is added)")
            }
            Self::NotAscending { before, after } => {
                write!(f, "bound {after} follows {before}, expected strictly ascending bounds")
            }
            Self::TooMany { given, limit } => {
                write!(f, "{given} bounds were given, expected at most {limit}")
            }
        }
    }
}

/// What is wrong with the native buckets of a histogram.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NativeProblem {
    /// A schema that does not exist.
    Schema(i8),
    /// A range that is empty, or reaches too far.
    Range {
        /// Its beginning as given.
        from: f64,
        /// Its end as given.
        to: f64,
    },
    /// More buckets in the range than a histogram can have.
    TooMany {
        /// How many there would be.
        given: usize,
        /// How many are allowed beside the classic ones.
        limit: usize,
    },
}

impl fmt::Display for NativeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => write!(f, "schema {schema} does not exist, expected -4 to 8"),
            Self::Range { from, to } => {
                write!(f, "the range goes from {from} to {to}, expected 1e-300 <= from < to <= 1e300")
            }
            Self::TooMany { given, limit } => write!(
                f,
                "{given} buckets lie in the range, expected at most {limit} beside the classic ones: \
                 take a lower schema or a narrower range"
            ),
        }
    }
}

/// Why the labels of an update don't fit the family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A number of values that is not the number of labels.
    #[error("metric {metric:?} takes {} label values {expected:?}, given {given}", expected.len())]
    Count {
        /// The metric.
        metric: String,
        /// The labels that it was registered with.
        expected: Vec<String>,
        /// How many values were given.
        given: usize,
    },
    /// Label names that are not those of the family.
    #[error("metric {metric:?} takes the labels {expected:?}, given {given:?}")]
    Names {
        /// The metric.
        metric: String,
        /// The labels that it was registered with.
        expected: Vec<String>,
        /// The labels that were given.
        given: Vec<String>,
    },
}

/// Why an update by name was not recorded. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// No metric of that name is registered.
    #[error("metric {name:?} is not registered: register it before the first update")]
    UnknownMetric {
        /// The name as given.
        name: String,
    },
    /// The metric is of another kind.
    #[error("metric {name:?} is a {actual}, expected a {expected}")]
    WrongKind {
        /// The metric.
        name: String,
        /// The kind that the update is for.
        expected: Kind,
        /// The kind that it was registered as.
        actual: Kind,
    },
    /// The labels don't fit.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// A counter was to be changed by something that is not an amount.
    #[error("counter {name:?} can't be increased by {amount}: expected a finite amount of at least 0")]
    Amount {
        /// The counter.
        name: String,
        /// The amount as given.
        amount: f64,
    },
    /// An observation that is not a finite number.
    #[error("{name:?} can't observe {value}: expected a finite number")]
    NonFinite {
        /// The histogram or rolling metric.
        name: String,
        /// The value as given.
        value: f64,
    },
    /// The bound on rolling metrics is reached.
    #[error(
        "rolling metric {name:?} was not created: {limit} rolling metrics exist, the limit set by `max_rolling`"
    )]
    TooManyRolling {
        /// The name that was to be created.
        name: String,
        /// How many may exist.
        limit: usize,
    },
    /// The quantiles of a rolling metric can't be used.
    #[error("rolling metric {name:?} was not created: {problem}")]
    Quantiles {
        /// The rolling metric.
        name: String,
        /// What is wrong with the quantiles.
        #[source]
        problem: QuantileError,
    },
    /// A rolling metric exists with another window or with other quantiles than were asked for.
    #[error("rolling metric {name:?} exists with {existing}; it can't be had with {requested}")]
    RollingConflict {
        /// The rolling metric.
        name: String,
        /// What it was created with.
        existing: String,
        /// What was asked for.
        requested: String,
    },
    /// The name of a rolling metric or of its category can't be used.
    #[error(
        "rolling metric {name:?} in category {category:?} was not created: expected names that are not empty, and not \"custom\" without a category"
    )]
    RollingName {
        /// The category, empty for none.
        category: String,
        /// The name.
        name: String,
    },
}

/// Why a rolling metric can't show the quantiles that were asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantileError {
    /// Something that is no quantile.
    #[error("{quantile} is not a quantile: expected a number from 0 to 1, such as 0.99")]
    OutOfRange {
        /// The value as given.
        quantile: f64,
    },
    /// More quantiles than summaries can show.
    #[error("{given} quantiles were given, expected at most {limit}")]
    TooMany {
        /// How many were given.
        given: usize,
        /// How many are allowed.
        limit: usize,
    },
}

/// Why a text is not the key of a sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key:?} is not the key of a sample: expected `name` or `name{{label=value,...}}`, values with special characters in quotes"
)]
#[non_exhaustive]
pub struct KeyError {
    /// The text.
    pub key: String,
}
