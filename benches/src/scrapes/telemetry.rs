//! The page in `opentelemetry`.

use super::{Fill, Page};
use crate::input::{self, LabelSet, pairs};
use crate::rival::{Telemetry, attributes};
use opentelemetry::metrics::{Counter, Gauge, Histogram};

#[derive(Clone)]
struct Target(Vec<Counter<u64>>, Vec<Gauge<f64>>, Vec<Histogram<f64>>);

impl Fill for Target {
    fn count(&self, family: usize, set: &LabelSet, amount: u64) {
        self.0[family].add(amount, &attributes(pairs(set)));
    }
    fn set(&self, family: usize, set: &LabelSet, value: f64) {
        self.1[family].record(value, &attributes(pairs(set)));
    }
    fn observe(&self, family: usize, set: &LabelSet, value: f64) {
        self.2[family].record(value, &attributes(pairs(set)));
    }
}

/// A provider of meters with the page in it.
#[must_use]
pub fn filled(page: Page) -> Telemetry {
    let telemetry = Telemetry::new(page.series);
    let meter = telemetry.meter();
    let [counters, gauges, histograms] = page.names();
    let bounds = input::bounds::<8>().to_vec();
    let histogram =
        |name| meter.f64_histogram(name).with_description("Help.").with_boundaries(bounds.clone()).build();
    let target = Target(
        counters.into_iter().map(|name| meter.u64_counter(name).with_description("Help.").build()).collect(),
        gauges.into_iter().map(|name| meter.f64_gauge(name).with_description("Help.").build()).collect(),
        histograms.into_iter().map(histogram).collect(),
    );
    page.fill(|| Box::new(target.clone()));
    telemetry
}
