//! One family of counters with 3 labels in each library: what the tables on memory and on stalls fill.
//!
//! The calls go through `dyn`, which costs everybody the same; contests that compare times don't use this.

mod rivals;

use crate::contest::Role;
use crate::input::{LABELS, LabelSet, borrowed};
use crate::ours;
use aios_metrics::{Counter, Family, PrometheusText, Registry};

/// A family of counters.
pub trait Counters: Send + Sync {
    /// Adds one to the series with these values, which is made if it is new.
    fn inc(&self, set: &LabelSet);

    /// What writes the page, again and again into one buffer.
    fn scraper(&self) -> Box<dyn FnMut() + '_>;

    /// Runs work that calls [`inc`](Self::inc), inside whatever the library wants around it.
    fn within(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// A library and how its family is made.
#[derive(Clone, Copy)]
pub struct Library {
    /// Which.
    pub name: &'static str,
    /// Whose it is.
    pub role: Role,
    /// Makes an empty family that may have so many series.
    pub make: fn(usize) -> Box<dyn Counters>,
}

/// Everybody, we first.
pub const LIBRARIES: [Library; 8] = [
    Library { name: "aios-metrics", role: Role::Ours, make: |series| Box::new(Ours::new(series)) },
    Library { name: "prometheus", role: Role::Rival, make: |_| Box::new(rivals::Prometheus::new()) },
    Library { name: "prometheus-client", role: Role::Rival, make: |_| Box::new(rivals::Client::new()) },
    Library { name: "metrics", role: Role::Rival, make: |_| Box::new(rivals::Metrics::new()) },
    Library { name: "measured", role: Role::Rival, make: |_| Box::new(rivals::Measured::new()) },
    Library { name: "fastmetrics", role: Role::Rival, make: |_| Box::new(rivals::Fast::new()) },
    Library { name: "metrics-lib", role: Role::Rival, make: |series| Box::new(rivals::Plain::new(series)) },
    Library {
        name: "opentelemetry",
        role: Role::Rival,
        make: |series| Box::new(rivals::OpenTelemetry::new(series)),
    },
];

struct Ours {
    registry: Registry,
    family: Family<Counter>,
}

impl Ours {
    fn new(series: usize) -> Self {
        let registry = ours::registry(series);
        let family = registry.register_counter("requests", "Requests.", &LABELS).expect("registers");
        Self { registry, family }
    }
}

impl Counters for Ours {
    fn inc(&self, set: &LabelSet) {
        self.family.inc(&borrowed(set)).expect("three values");
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = Vec::new();
        Box::new(move || {
            page.clear();
            self.registry.encode(&PrometheusText, &mut page);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;

    #[test]
    fn every_library_takes_updates_and_writes_pages() {
        let sets = input::label_sets(20);
        for library in LIBRARIES {
            let counters = (library.make)(sets.len());
            counters.within(&mut || sets.iter().for_each(|set| counters.inc(set)));
            counters.scraper()();
        }
    }
}
