//! OpenMetrics 1.0.0 text.
use super::Format;
use crate::snapshot::Snapshot;

/// OpenMetrics 1.0.0 text.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenMetricsText;

impl Format for OpenMetricsText {
    fn content_type(&self) -> &'static str {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
    fn name(&self) -> &'static str {
        "openmetrics"
    }
    fn encode(&self, _snapshot: &Snapshot, _out: &mut Vec<u8>) {
        unimplemented!()
    }
}
