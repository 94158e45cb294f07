//! The page in `prometheus-client`.

use super::{Fill, Page};
use crate::input::{self, LabelSet, borrowed};
use crate::rival::OwnedLabels;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A registry of `prometheus-client` with the page in it, and what updates it.
#[must_use]
pub fn filled(page: Page) -> (Arc<Registry>, Box<dyn Fill>) {
    type Gauges = Family<OwnedLabels, Gauge<f64, AtomicU64>>;
    type Histograms = Family<OwnedLabels, Histogram, fn() -> Histogram>;
    #[derive(Clone)]
    struct Target(Vec<Family<OwnedLabels, Counter>>, Vec<Gauges>, Vec<Histograms>);
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].get_or_create(&OwnedLabels::new(borrowed(set))).inc_by(amount);
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].get_or_create(&OwnedLabels::new(borrowed(set))).set(value);
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].get_or_create(&OwnedLabels::new(borrowed(set))).observe(value);
        }
    }
    fn histogram() -> Histogram {
        Histogram::new(input::bounds::<8>())
    }
    let mut registry = Registry::default();
    let [counters, gauges, histograms] = page.names();
    let target = Target(
        counters.iter().map(|_| Family::default()).collect(),
        gauges.iter().map(|_| Family::default()).collect(),
        histograms.iter().map(|_| Family::new_with_constructor(histogram as fn() -> Histogram)).collect(),
    );
    for (name, family) in counters.into_iter().zip(&target.0) {
        registry.register(name, "Help", family.clone());
    }
    for (name, family) in gauges.into_iter().zip(&target.1) {
        registry.register(name, "Help", family.clone());
    }
    for (name, family) in histograms.into_iter().zip(&target.2) {
        registry.register(name, "Help", family.clone());
    }
    page.fill(|| Box::new(target.clone()));
    (Arc::new(registry), Box::new(target))
}
