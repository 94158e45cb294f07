//! Prometheus' text format 0.0.4.
use super::Format;
use crate::snapshot::Snapshot;

/// Prometheus' text format 0.0.4.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrometheusText;

impl Format for PrometheusText {
    fn content_type(&self) -> &'static str {
        "text/plain; version=0.0.4; charset=utf-8"
    }
    fn name(&self) -> &'static str {
        "text"
    }
    fn encode(&self, _snapshot: &Snapshot, _out: &mut Vec<u8>) {
        unimplemented!()
    }
}
