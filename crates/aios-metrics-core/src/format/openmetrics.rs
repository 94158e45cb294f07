//! OpenMetrics 1.0.0 text
//! ([specification](https://prometheus.io/docs/specs/om/open_metrics_spec/)).

use super::Format;
use super::text::{Dialect, Rendered, write_families};
use crate::snapshot::Snapshot;

/// OpenMetrics 1.0.0 text.
///
/// Counters are typed by the name without `_total`; the page ends with `# EOF`. A sum is a total
/// there, which can't be negative: a histogram with a negative bound, and a series whose sum is below
/// 0, show their buckets only, without `_sum` and `_count`. Exemplars follow their samples, and
/// `_created` stands where the registry keeps it
/// ([`RegistryOptions::created_timestamps`](crate::RegistryOptions::created_timestamps)). Samples have no
/// timestamps.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{OpenMetricsText, Registry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("jobs_total", "Jobs", &[])?.inc(&[])?;
/// let mut page = Vec::new();
/// registry.encode(&OpenMetricsText, &mut page);
/// assert_eq!(page, b"# TYPE jobs counter\n# HELP jobs Jobs\njobs_total 1\n# EOF\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenMetricsText;

impl Format for OpenMetricsText {
    fn content_type(&self) -> &'static str {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }

    fn name(&self) -> &'static str {
        "openmetrics"
    }

    fn encode(&self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        write_families::<Self>(snapshot, out);
        out.extend_from_slice(b"# EOF\n");
    }
}

impl Dialect for OpenMetricsText {
    const EXTRAS: bool = true;

    fn head(family: &Rendered) -> &[u8] {
        &family.openmetrics_head
    }

    fn shows_sum(bounds: &[f64], sum: f64) -> bool {
        sum >= 0.0 && bounds.first().is_none_or(|&lowest| lowest >= 0.0)
    }
}
