//! The page in `prometheus`.

use super::{Fill, Page};
use crate::input::{self, LABELS, LabelSet, borrowed};
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// A registry of `prometheus` with the page in it.
///
/// # Panics
///
/// When a name or label is not taken, which does not happen with those of a page.
#[must_use]
pub fn filled(page: Page) -> Registry {
    #[derive(Clone)]
    struct Target(Vec<IntCounterVec>, Vec<GaugeVec>, Vec<HistogramVec>);
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].with_label_values(&borrowed(set)).inc_by(amount);
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].with_label_values(&borrowed(set)).set(value);
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].with_label_values(&borrowed(set)).observe(value);
        }
    }
    let registry = Registry::new();
    let [counters, gauges, histograms] = page.names();
    let options = |name: &String| Opts::new(name, "Help.");
    let with_bounds = |name: &String| HistogramOpts::new(name, "Help.").buckets(input::bounds::<8>().into());
    let target = Target(
        counters.iter().map(|name| IntCounterVec::new(options(name), &LABELS).expect("good")).collect(),
        gauges.iter().map(|name| GaugeVec::new(options(name), &LABELS).expect("good")).collect(),
        histograms.iter().map(|name| HistogramVec::new(with_bounds(name), &LABELS).expect("good")).collect(),
    );
    for counter in &target.0 {
        registry.register(Box::new(counter.clone())).expect("registers");
    }
    for gauge in &target.1 {
        registry.register(Box::new(gauge.clone())).expect("registers");
    }
    for histogram in &target.2 {
        registry.register(Box::new(histogram.clone())).expect("registers");
    }
    page.fill(|| Box::new(target.clone()));
    registry
}
