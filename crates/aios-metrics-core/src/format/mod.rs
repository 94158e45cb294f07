//! Wire formats: from a snapshot to bytes.

pub(crate) mod labels;
pub(crate) mod number;
mod openmetrics;
mod prometheus;
#[cfg(feature = "protobuf")]
mod protobuf;
pub(crate) mod text;
pub(crate) mod writer;

pub use labels::Labels;
pub use openmetrics::OpenMetricsText;
pub use prometheus::PrometheusText;
#[cfg(feature = "protobuf")]
pub use protobuf::Protobuf;

use crate::snapshot::Snapshot;

/// Writes a snapshot in a wire format. Pure: the same snapshot gives the same bytes.
pub trait Format: Send + Sync + 'static {
    /// The `Content-Type` of what [`encode`](Format::encode) writes.
    fn content_type(&self) -> &'static str;

    /// A short name for logs and self-metrics, such as `text` or `openmetrics`.
    fn name(&self) -> &'static str;

    /// Appends the page to `out`.
    fn encode(&self, snapshot: &Snapshot, out: &mut Vec<u8>);
}
