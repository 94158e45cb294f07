//! The core of the AIOS metrics SDK: metric types, registry, rolling windows, snapshots, the JSON
//! document, the text formats, and the traits that join it to the crates above.
//!
//! What it does not do: it opens no socket, spawns no thread, knows no HTTP and no Redis, and needs
//! no async runtime. It is useful by itself: register, update, render a page, take documents and
//! append them to a file.
//!
//! ```
//! use std::sync::Arc;
//! use aios_metrics_core::{Documents, Identity, PrometheusText, Registry};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::new();
//! let jobs = registry.register_counter("jobs_total", "Jobs done", &["status"])?;
//! let ok = jobs.with(&["ok"])?;          // a handle: keep it where it is updated often
//! ok.inc();
//! jobs.inc_by(&["failed"], 2_u64)?;      // or look the series up each time
//! registry.observe_rolling("latency", 0.13)?;
//!
//! let mut page = Vec::new();
//! registry.encode(&PrometheusText, &mut page);
//! assert!(String::from_utf8_lossy(&page).contains("jobs_total{status=\"failed\"} 2\n"));
//!
//! let documents = Documents::new(Arc::new(registry), Identity::new("block-1", "instance-1", "node-1"));
//! let mut json = Vec::new();
//! documents.write_json(None, &mut json);
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`Registry`]; the walks of an update, a scrape and a document are told in
//! `docs/architecture.md` of the repository.

mod bridge;
mod clock;
mod collect;
mod descriptor;
mod document;
mod error;
pub mod format;
mod lookup;
mod metric;
mod native;
mod registry;
mod rolling;
mod section;
mod selection;
mod sink;
mod snapshot;
mod source;
mod storage;
mod sync;

pub use bridge::Attach;
#[cfg(any(test, feature = "test-util"))]
pub use clock::ManualClock;
pub use clock::{Clock, SystemClock};
pub use collect::Collect;
pub use descriptor::{Descriptor, Kind, MAX_BUCKETS, exponential_buckets, linear_buckets};
pub use document::{Document, Documents, Identity, SampleKey, SampleValue};
pub use error::{
    BucketProblem, KeyError, LabelError, NativeProblem, QuantileError, RegisterError, UpdateError,
};
pub use format::{Format, Labels, OpenMetricsText, PrometheusText};
pub use metric::{Amount, Counter, Family, Gauge, Histogram, InFlight, Metric, Timer};
pub use native::{NativeBuckets, NativeView};
pub use registry::{Registry, RegistryOptions};
pub use rolling::{
    ExtendedMetrics, QuantileSummary, RollingMetric, RollingOptions, RollingWindows, Summary,
    WindowStatistics,
};
pub use section::Section;
pub use selection::Selection;
#[cfg(any(test, feature = "test-util"))]
pub use sink::MemorySink;
pub use sink::{JsonLinesSink, Payload, Sink, SinkError};
pub use snapshot::{ExemplarView, FamilySamples, FamilyView, SeriesView, Snapshot, Value};
pub use source::Source;

/// The version of that crate whose registries can be [attached](Registry::attach).
pub use prometheus_client;
