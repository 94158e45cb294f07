//! Prometheus' text format 0.0.4
//! ([specification](https://prometheus.io/docs/instrumenting/exposition_formats/)).

use super::Format;
use super::text::{Dialect, Rendered, write_families};
use crate::snapshot::Snapshot;

/// Prometheus' text format 0.0.4.
///
/// Counters are typed by their full name, `# TYPE jobs_total counter`. No timestamps, no exemplars, no
/// `_created`.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{PrometheusText, Registry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_gauge("queue_size", "Jobs that wait", &[])?.set(&[], 17.0)?;
/// let mut page = Vec::new();
/// registry.encode(&PrometheusText, &mut page);
/// assert_eq!(page, b"# HELP queue_size Jobs that wait\n# TYPE queue_size gauge\nqueue_size 17\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PrometheusText;

impl Format for PrometheusText {
    fn content_type(&self) -> &'static str {
        "text/plain; version=0.0.4; charset=utf-8"
    }

    fn name(&self) -> &'static str {
        "text"
    }

    fn encode(&self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        write_families::<Self>(snapshot, out);
    }
}

impl Dialect for PrometheusText {
    const EXTRAS: bool = false;

    fn head(family: &Rendered) -> &[u8] {
        &family.prometheus_head
    }

    fn shows_sum(_bounds: &[f64], _sum: f64) -> bool {
        true
    }
}
