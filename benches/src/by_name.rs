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

/// A name and the label pairs, as a request would bring them.
struct Update {
    name: String,
    pairs: [(String, String); 3],
}

impl Update {
    fn new(name: &str, set: &LabelSet) -> Self {
        let pair = |at: usize| (LABELS[at].to_owned(), set[at].clone());
        Self { name: name.to_owned(), pairs: [pair(0), pair(1), pair(2)] }
    }

    fn pairs(&self) -> [(&str, &str); 3] {
        self.pairs.each_ref().map(|(label, value)| (label.as_str(), value.as_str()))
    }

    fn values(&self) -> [&str; 3] {
        self.pairs.each_ref().map(|(_, value)| value.as_str())
    }
}

/// 18 metrics with 1,000 series each, in random order.
#[must_use]
pub fn inc() -> Contest {
    let names: Vec<String> = (0..NAMES).map(|number| format!("requests_of_kind_{number:02}_total")).collect();
    let registry = ours::registry(SETS);
    let mut vectors = HashMap::new();
    let mut families = HashMap::new();
    for name in &names {
        registry.register_counter(name, "Requests.", &LABELS).expect("registers");
        let vector =
            IntCounterVec::new(prometheus::Opts::new(name, "Requests."), &LABELS).expect("good labels");
        vectors.insert(name.clone(), vector);
        families.insert(name.clone(), Family::<Vec<(String, String)>, Counter>::default());
    }
    let vectors = Arc::new(RwLock::new(vectors));
    let families = Arc::new(RwLock::new(families));
    let recorder = Recorder::default();
    let updates = updates(&names);
    let [u1, u2, u3, u4] = std::array::from_fn(|_| Arc::clone(&updates));
    Contest {
        title: "by name, 3 label pairs, 18,000 series",
        about: "18 metrics with 1,000 series each; name and pairs are `&str` known at run time. `prometheus` and \
                `prometheus-client` have no lookup by name: theirs is a `RwLock<HashMap>` in front, as people \
                write it, and `prometheus` is given the values in the order of its labels. `measured` knows its \
                label names at compile time only.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: updates.len() as u64,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |thread| {
                repeat_over(thread, &u1, registry.clone(), |registry, update: &Update| {
                    let recorded = registry.increment_counter(&update.name, &update.pairs(), 1_u64);
                    debug_assert!(recorded.is_ok());
                })
            }),
            Contender::new(Role::Rival, "prometheus in a map", move |thread| {
                repeat_over(thread, &u2, vectors.clone(), |vectors, update: &Update| {
                    let vectors = vectors.read().unwrap_or_else(PoisonError::into_inner);
                    if let Some(vector) = vectors.get(&update.name) {
                        vector.with_label_values(&update.values()).inc();
                    }
                })
            }),
            Contender::new(Role::Rival, "prometheus-client in a map", move |thread| {
                repeat_over(thread, &u3, families.clone(), |families, update: &Update| {
                    let families = families.read().unwrap_or_else(PoisonError::into_inner);
                    if let Some(family) = families.get(&update.name) {
                        family.get_or_create(&update.pairs.to_vec()).inc();
                    }
                })
            }),
            Contender::new(Role::Rival, "metrics", move |thread| {
                recorder.scoped(repeat_over(thread, &u4, (), |(), update: &Update| {
                    let labels: Vec<Label> = update
                        .pairs
                        .iter()
                        .map(|(label, value)| Label::new(label.clone(), value.clone()))
                        .collect();
                    metrics::counter!(update.name.clone(), labels).increment(1);
                }))
            }),
        ],
    }
}

fn updates(names: &[String]) -> Arc<Vec<Update>> {
    let sets = input::label_sets(SETS);
    let mut pairs: Vec<(&String, &LabelSet)> =
        names.iter().flat_map(|name| sets.iter().map(move |set| (name, set))).collect();
    input::shuffle(&mut pairs);
    Arc::new(pairs.into_iter().map(|(name, set)| Update::new(name, set)).collect())
}
