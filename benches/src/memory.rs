//! How many bytes of heap a series takes.

use crate::alloc;
use crate::contest::Role;
use crate::input::{self, LABELS, LabelSet, borrowed};
use crate::ours;
use crate::rival::{DynamicLabels, DynamicLabelsSet, OwnedLabels, Recorder};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::thread;

/// How many series are made.
pub const SERIES: usize = 100_000;

/// Bytes a series, once they have been updated by one thread and then also by a second one.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// Whose they are.
    pub name: &'static str,
    /// Whose that is.
    pub role: Role,
    /// After one thread.
    pub one: f64,
    /// After both.
    pub two: f64,
}

/// Updates each series once, and keeps them alive.
type Update = Box<dyn Fn(&[LabelSet]) + Send + Sync>;

/// Makes the series with each library in turn. Needs the counting allocator, and a process in which nothing has
/// been measured before: memory that an earlier contest has left for reuse would come for free.
#[must_use]
pub fn bytes_per_series() -> Vec<Bytes> {
    let sets = input::label_sets(SERIES);
    let measure = |name, role, make: fn() -> Update| {
        alloc::begin();
        let update = make();
        update(&sets);
        let one = alloc::so_far();
        thread::scope(|scope| {
            scope.spawn(|| update(&sets));
        });
        let two = alloc::end();
        Bytes { name, role, one: one.bytes as f64 / SERIES as f64, two: two.bytes as f64 / SERIES as f64 }
    };
    vec![
        measure("aios-metrics", Role::Ours, ours),
        measure("prometheus", Role::Rival, prometheus),
        measure("prometheus-client", Role::Rival, client),
        measure("metrics", Role::Rival, metrics),
        measure("measured", Role::Rival, measured),
    ]
}

fn ours() -> Update {
    let registry = ours::registry(SERIES);
    let family = registry.register_counter("requests", "Requests.", &LABELS).expect("registers");
    Box::new(move |sets| {
        let _kept = &registry;
        for set in sets {
            family.inc(&borrowed(set)).expect("three values");
        }
    })
}

fn prometheus() -> Update {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new("requests", "Requests.");
    let family = prometheus::IntCounterVec::new(options, &LABELS).expect("good labels");
    registry.register(Box::new(family.clone())).expect("registers");
    Box::new(move |sets| {
        let _kept = &registry;
        for set in sets {
            family.with_label_values(&borrowed(set)).inc();
        }
    })
}

fn client() -> Update {
    let mut registry = prometheus_client::registry::Registry::default();
    let family = Family::<OwnedLabels, Counter>::default();
    registry.register("requests", "Requests", family.clone());
    Box::new(move |sets| {
        let _kept = &registry;
        for set in sets {
            family.get_or_create(&OwnedLabels::new(borrowed(set))).inc();
        }
    })
}

fn metrics() -> Update {
    let recorder = Recorder::default();
    Box::new(move |sets| {
        recorder.scope(|| {
            for [method, status, tenant] in sets {
                metrics::counter!(
                    "requests",
                    "method" => method.to_owned(),
                    "status" => status.to_owned(),
                    "tenant" => tenant.to_owned()
                )
                .increment(1);
            }
        });
    })
}

fn measured() -> Update {
    let family = measured::CounterVec::with_label_set(DynamicLabelsSet::new());
    Box::new(move |sets| {
        for set in sets {
            family.inc(DynamicLabels::new(borrowed(set)));
        }
    })
}
