//! A whole page as text into a buffer that is used again.

pub mod client;
pub mod fast;
pub mod measured;
pub mod metrics;
pub mod ours;
mod page;
pub mod plain;
pub mod prometheus;
pub mod telemetry;

pub use self::page::{Fill, HUGE, LARGE, Page, SMALL, TINY};

use crate::contest::{Contender, Contest, Job, Role, Unit};
use ::measured::text::TextEncoder;
use ::metrics_lib::exporters::prometheus as plain_text;
use ::prometheus::TextEncoder as PrometheusEncoder;
use aios_metrics::PrometheusText;
use fastmetrics::format::text::TextProfile;
use std::hint::black_box;
use std::sync::Arc;

/// One page, asked for by one scraper.
#[must_use]
pub fn scrape(title: &'static str, page: Page) -> Contest {
    let (ours, prometheus, client) = (ours::filled(page).0, prometheus::filled(page), client::filled(page).0);
    let (metrics, measured) = (metrics::filled(page), measured::filled(page));
    let (fast, plain, telemetry) = (fast::filled(page), plain::filled(page), telemetry::filled(page));
    let mut text = Vec::new();
    ours.encode(&PrometheusText, &mut text);
    let text = Arc::new(text);
    Contest {
        title,
        about: "6 of 10 lines are counters with 3 labels, 2 are gauges, 2 belong to histograms with 8 bounds; all \
                updated by two threads. Text 0.0.4 (`prometheus-client`: OpenMetrics, the only text it has) into a \
                buffer that is used again. `opentelemetry` is read by its own exporter, which hands the series to \
                `prometheus`.",
        unit: Unit::Milliseconds,
        threads: &[1],
        first: 1,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                let registry = ours.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    registry.encode(&PrometheusText, page);
                })
            }),
            Contender::new(Role::Rival, "prometheus", move |_| {
                let registry = prometheus.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    let families = registry.gather();
                    PrometheusEncoder::new().encode_utf8(&families, page).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "prometheus-client", move |_| {
                let registry = client.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    prometheus_client::encoding::text::encode(page, &registry).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "metrics", move |_| {
                let handle = metrics.handle.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    handle.render_to_write(page).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "measured", move |_| {
                let metrics = measured.clone();
                into_buffer(TextEncoder::new(Vec::new()), move |encoder| {
                    encoder.writer.clear();
                    metrics.collect(encoder).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "fastmetrics", move |_| {
                let registry = fast.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    fastmetrics::format::text::encode(page, &registry, TextProfile::PrometheusV0_0_4)
                        .expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "metrics-lib", move |_| {
                let registry = plain.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    plain_text::render_into(page, &registry);
                })
            }),
            Contender::new(Role::Rival, "opentelemetry", move |_| {
                let telemetry = telemetry.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    telemetry.encode(page);
                })
            }),
            Contender::new(Role::Floor, "*floor: copying our page*", move |_| {
                let from = text.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    page.extend_from_slice(black_box(&from));
                })
            }),
        ],
    }
}

fn into_buffer<B: 'static>(mut buffer: B, work: impl Fn(&mut B) + 'static) -> Job {
    Box::new(move |times| {
        for _ in 0..times {
            work(black_box(&mut buffer));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> usize {
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
    }

    #[test]
    fn every_library_shows_the_same_lines() {
        let expected = 60 + 20 + 22;
        let mut text = Vec::new();
        ours::filled(TINY).0.encode(&PrometheusText, &mut text);
        assert_eq!(lines(std::str::from_utf8(&text).expect("is text")), expected);

        let mut text = String::new();
        let families = prometheus::filled(TINY).gather();
        PrometheusEncoder::new().encode_utf8(&families, &mut text).expect("encodes");
        assert_eq!(lines(&text), expected);

        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &client::filled(TINY).0).expect("encodes");
        assert_eq!(lines(&text), expected);

        assert_eq!(lines(&metrics::filled(TINY).handle.render()), expected);

        let mut encoder = TextEncoder::new(Vec::new());
        measured::filled(TINY).collect(&mut encoder).expect("encodes");
        assert_eq!(lines(std::str::from_utf8(&encoder.writer).expect("is text")), expected);

        let mut text = String::new();
        fastmetrics::format::text::encode(&mut text, &fast::filled(TINY), TextProfile::PrometheusV0_0_4)
            .expect("encodes");
        assert_eq!(lines(&text), expected);

        assert_eq!(lines(&plain_text::render(&plain::filled(TINY))), expected);

        let mut text = String::new();
        telemetry::filled(TINY).encode(&mut text);
        // It adds a line on where it runs.
        assert_eq!(lines(&text), expected + 1);
    }
}
