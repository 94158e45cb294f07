//! The page in `fastmetrics`.

use super::{Fill, Page};
use crate::input::{self, LabelSet, borrowed};
use crate::rival::OwnedLabels;
use fastmetrics::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use fastmetrics::registry::Registry;
use std::sync::Arc;

#[derive(Clone)]
struct Target(
    Vec<Family<OwnedLabels, Counter>>,
    Vec<Family<OwnedLabels, Gauge<f64>>>,
    Vec<Family<OwnedLabels, Histogram>>,
);

impl Fill for Target {
    fn count(&self, family: usize, set: &LabelSet, amount: u64) {
        self.0[family].with_or_new(&OwnedLabels::new(borrowed(set)), |counter| counter.inc_by(amount));
    }
    fn set(&self, family: usize, set: &LabelSet, value: f64) {
        self.1[family].with_or_new(&OwnedLabels::new(borrowed(set)), |gauge| gauge.set(value));
    }
    fn observe(&self, family: usize, set: &LabelSet, value: f64) {
        self.2[family].with_or_new(&OwnedLabels::new(borrowed(set)), |histogram| histogram.observe(value));
    }
}

/// A registry with the page in it.
///
/// # Panics
///
/// When a name is not taken, which does not happen with those of a page.
#[must_use]
pub fn filled(page: Page) -> Arc<Registry> {
    let mut registry = Registry::default();
    let [counters, gauges, histograms] = page.names();
    let target = Target(
        counters.iter().map(|_| Family::default()).collect(),
        gauges.iter().map(|_| Family::default()).collect(),
        histograms.iter().map(|_| Family::new(|| Histogram::new(input::bounds::<8>()))).collect(),
    );
    for (name, family) in counters.into_iter().zip(&target.0) {
        registry.register(name, "Help", family.clone()).expect("registers");
    }
    for (name, family) in gauges.into_iter().zip(&target.1) {
        registry.register(name, "Help", family.clone()).expect("registers");
    }
    for (name, family) in histograms.into_iter().zip(&target.2) {
        registry.register(name, "Help", family.clone()).expect("registers");
    }
    page.fill(|| Box::new(target.clone()));
    Arc::new(registry)
}
