//! The page in our registry.

use super::{Fill, Page};
use crate::input::{self, LABELS, LabelSet, borrowed};
use aios_metrics::{Counter, Family, Gauge, Histogram, Registry};

/// A registry with the page in it, and what updates it.
///
/// # Panics
///
/// When a name or label is not taken, which does not happen with those of a page.
#[must_use]
pub fn filled(page: Page) -> (Registry, Box<dyn Fill>) {
    struct Target(Vec<Family<Counter>>, Vec<Family<Gauge>>, Vec<Family<Histogram>>);
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].inc_by(&borrowed(set), amount).expect("three values");
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].set(&borrowed(set), value).expect("three values");
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].observe(&borrowed(set), value).expect("three values");
        }
    }
    let registry = crate::ours::registry(page.series);
    let [counters, gauges, histograms] = page.names();
    let bounds = input::bounds::<8>();
    let target = || -> Box<dyn Fill> {
        // Who comes later gets the families that the first one registered.
        let counters = counters.iter().map(|name| registry.register_counter(name, "Help.", &LABELS));
        let gauges = gauges.iter().map(|name| registry.register_gauge(name, "Help.", &LABELS));
        let histograms =
            histograms.iter().map(|name| registry.register_histogram(name, "Help.", &LABELS, Some(&bounds)));
        Box::new(Target(
            counters.collect::<Result<_, _>>().expect("registers"),
            gauges.collect::<Result<_, _>>().expect("registers"),
            histograms.collect::<Result<_, _>>().expect("registers"),
        ))
    };
    page.fill(target);
    let target = target();
    (registry, target)
}
