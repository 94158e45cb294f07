//! Core.
mod clock;
mod collect;
mod descriptor;
mod document;
mod error;
pub mod format;
mod metric;
mod registry;
mod section;
mod sink;
mod snapshot;
mod source;

#[cfg(any(test, feature = "test-util"))]
pub use clock::ManualClock;
pub use clock::{Clock, SystemClock};
pub use collect::Collect;
pub use descriptor::{Descriptor, Kind, MAX_BUCKETS, exponential_buckets, linear_buckets};
pub use document::{Document, Documents, Identity};
pub use error::{BucketProblem, LabelError, RegisterError, UpdateError};
pub use format::{Format, OpenMetricsText, PrometheusText};
pub use metric::{Amount, Counter, Family, Gauge, Histogram};
pub use registry::Registry;
pub use section::Section;
#[cfg(any(test, feature = "test-util"))]
pub use sink::MemorySink;
pub use sink::{JsonLinesSink, Payload, Sink, SinkError};
pub use snapshot::{FamilySamples, Snapshot};
pub use source::Source;
