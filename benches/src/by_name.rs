//! Updates by the metric's name with label pairs, all of it known only at run time.

use crate::contest::{Contender, Contest, Role, Unit, repeat_over};
use crate::input::{self, LABELS, LabelSet};
use crate::ours;
use crate::rival::Recorder;
use metrics::Label;
use prometheus::IntCounterVec;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

const NAMES: usize = 18;
const SETS: usize = 1000;

/// An update as code makes it: the names stand in the source, the values come with a request.
struct Update {
    name: &'static str,
    values: LabelSet,
}

impl Update {
    fn pairs(&self) -> [(&'static str, &str); 3] {
        std::array::from_fn(|at| (LABELS[at], self.values[at].as_str()))
    }

    fn values(&self) -> [&str; 3] {
        self.values.each_ref().map(String::as_str)
    }
}

/// 18 metrics with 1,000 series each, in random order.
#[must_use]
pub fn inc() -> Contest {
    let name = |number| format!("requests_of_kind_{number:02}_total").leak() as &'static str;
    let names: Vec<&'static str> = (0..NAMES).map(name).collect();
    let registry = ours::registry(SETS);
    let mut vectors = HashMap::new();
    let mut families = HashMap::new();
    for &name in &names {
        registry.register_counter(name, "Requests.", &LABELS).expect("registers");
        let vector =
            IntCounterVec::new(prometheus::Opts::new(name, "Requests."), &LABELS).expect("good labels");
        vectors.insert(name, vector);
        families.insert(name, Family::<Vec<(String, String)>, Counter>::default());
    }
    let vectors = Arc::new(RwLock::new(vectors));
    let families = Arc::new(RwLock::new(families));
    let recorder = Recorder::default();
    let updates = updates(&names);
    let [u1, u2, u3, u4] = std::array::from_fn(|_| Arc::clone(&updates));
    Contest {
        title: "by name, 3 label pairs, 18,000 series",
        about: "18 metrics with 1,000 series each; names stand in the source, values are `&str` known at run time. `prometheus` and \
                `prometheus-client` have no lookup by name: theirs is a `RwLock<HashMap>` in front, as people \
                write it, and `prometheus` is given the values in the order of its labels. `measured` knows its \
                label names at compile time only.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: updates.len() as u64,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |thread| {
                repeat_over(thread, &u1, registry.clone(), |registry, update: &Update| {
                    let recorded = registry.increment_counter(update.name, &update.pairs(), 1_u64);
                    debug_assert!(recorded.is_ok());
                })
            }),
            Contender::new(Role::Rival, "prometheus in a map", move |thread| {
                repeat_over(thread, &u2, vectors.clone(), |vectors, update: &Update| {
                    let vectors = vectors.read().unwrap_or_else(PoisonError::into_inner);
                    if let Some(vector) = vectors.get(update.name) {
                        vector.with_label_values(&update.values()).inc();
                    }
                })
            }),
            Contender::new(Role::Rival, "prometheus-client in a map", move |thread| {
                repeat_over(thread, &u3, families.clone(), |families, update: &Update| {
                    let families = families.read().unwrap_or_else(PoisonError::into_inner);
                    if let Some(family) = families.get(update.name) {
                        let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
                        family.get_or_create(&update.pairs().map(owned).to_vec()).inc();
                    }
                })
            }),
            Contender::new(Role::Rival, "metrics", move |thread| {
                recorder.scoped(repeat_over(thread, &u4, (), |(), update: &Update| {
                    let labels =
                        update.pairs().map(|(label, value)| Label::new(label, value.to_owned())).to_vec();
                    metrics::counter!(update.name, labels).increment(1);
                }))
            }),
        ],
    }
}

/// In random order, and laid down in that order, so that the work is measured and not its input.
fn updates(names: &[&'static str]) -> Arc<Vec<Update>> {
    let sets = input::label_sets(SETS);
    let mut pairs: Vec<(&'static str, &LabelSet)> =
        names.iter().flat_map(|&name| sets.iter().map(move |set| (name, set))).collect();
    input::shuffle(&mut pairs);
    Arc::new(pairs.into_iter().map(|(name, set)| Update { name, values: set.clone() }).collect())
}
