//! What the exporter tells about itself.

use std::time::Duration;

use aios_metrics_core::{Counter, Family, Histogram, RegisterError, Registry};

use crate::negotiate;

/// From a page of a few series to one of millions.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// The exporter's own families, updated once for each scrape.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeStats {
    scrapes: Family<Counter>,
    duration: Family<Histogram>,
}

impl ScrapeStats {
    /// Registers the families; the series of good scrapes stand at 0 from now on.
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let scrapes = registry.register_counter(
            "aios_metrics_scrapes_total",
            "Answers to requests for the metrics page, by status code and format.",
            &["code", "format"],
        )?;
        let duration = registry.register_histogram(
            "aios_metrics_scrape_duration_seconds",
            "Time to take the snapshot and to encode the page, without the time to send it.",
            &[],
            Some(&BUCKETS),
        )?;
        for format in negotiate::formats() {
            let _ = scrapes.with(&["200", format.name()]);
        }
        Ok(Self { scrapes, duration })
    }

    /// Counts a scrape that was answered with `code` in the format called `format`.
    pub(crate) fn record(&self, code: &str, format: &str, took: Duration) {
        // The values are as many as the labels: neither can fail.
        let _ = self.scrapes.inc(&[code, format]);
        let _ = self.duration.observe(&[], took.as_secs_f64());
    }
}
