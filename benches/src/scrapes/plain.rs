//! The page in `metrics-lib`.

use super::{Fill, Page};
use crate::input::{self, LabelSet, pairs};
use crate::rival::sorted_labels;
use metrics_lib::Registry;
use std::sync::Arc;

#[derive(Clone)]
struct Target(Arc<Registry>, [Vec<String>; 3]);

impl Fill for Target {
    fn count(&self, family: usize, set: &LabelSet, amount: u64) {
        self.0.counter_with(&self.1[0][family], &sorted_labels(pairs(set))).add(amount);
    }
    fn set(&self, family: usize, set: &LabelSet, value: f64) {
        self.0.gauge_with(&self.1[1][family], &sorted_labels(pairs(set))).set(value);
    }
    fn observe(&self, family: usize, set: &LabelSet, value: f64) {
        self.0.histogram_with(&self.1[2][family], &sorted_labels(pairs(set))).observe(value);
    }
}

/// A registry with the page in it.
///
/// # Panics
///
/// When a name is not taken, which does not happen with those of a page.
#[must_use]
pub fn filled(page: Page) -> Arc<Registry> {
    let registry = Arc::new(Registry::with_cardinality_cap(page.all_series()));
    let names = page.names();
    for name in &names[0] {
        registry.describe_counter(name, "Help.", metrics_lib::Unit::None).expect("a good name");
    }
    for name in &names[1] {
        registry.describe_gauge(name, "Help.", metrics_lib::Unit::None).expect("a good name");
    }
    for name in &names[2] {
        registry.describe_histogram(name, "Help.", metrics_lib::Unit::None).expect("a good name");
        registry.configure_histogram(name, input::bounds::<8>()).expect("good bounds");
    }
    let target = Target(registry.clone(), names);
    page.fill(|| Box::new(target.clone()));
    registry
}
