//! Updates through a family, the label values known only at run time.

use crate::contest::{Contender, Contest, Role, Unit, repeat_over};
use crate::input::{self, LABELS, borrowed};
use crate::ours;
use crate::rival::{DynamicLabels, DynamicLabelsSet, OwnedLabels, Recorder};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::sync::Arc;

/// Counts `series` label sets, one after the other.
#[must_use]
pub fn inc(title: &'static str, series: usize) -> Contest {
    let registry = ours::registry(series);
    let ours = registry.register_counter("requests", "Requests.", &LABELS).expect("registers");
    let options = prometheus::Opts::new("requests", "Requests.");
    let prometheus = prometheus::IntCounterVec::new(options, &LABELS).expect("good labels");
    let client = Family::<OwnedLabels, Counter>::default();
    let recorder = Recorder::default();
    let measured = Arc::new(measured::CounterVec::with_label_set(DynamicLabelsSet::new()));
    let sets = input::label_sets(series);
    let [s1, s2, s3, s4, s5] = std::array::from_fn(|_| Arc::clone(&sets));
    Contest {
        title,
        about: "The family is known, the values are `&str` known at run time, every series exists. \
                `prometheus-client` takes an owned struct, `metrics` owned values in its macro, `measured` \
                interns into `lasso::ThreadedRodeo`.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: series as u64,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |thread| {
                repeat_over(thread, &s1, ours.clone(), |family, set| {
                    let recorded = family.inc(&borrowed(set));
                    debug_assert!(recorded.is_ok());
                })
            }),
            Contender::new(Role::Rival, "prometheus", move |thread| {
                repeat_over(thread, &s2, prometheus.clone(), |family, set| {
                    family.with_label_values(&borrowed(set)).inc();
                })
            }),
            Contender::new(Role::Rival, "prometheus-client", move |thread| {
                repeat_over(thread, &s3, client.clone(), |family, set| {
                    family.get_or_create(&OwnedLabels::new(borrowed(set))).inc();
                })
            }),
            Contender::new(Role::Rival, "metrics", move |thread| {
                recorder.scoped(repeat_over(thread, &s4, (), |(), [method, status, tenant]| {
                    metrics::counter!(
                        "requests",
                        "method" => method.to_owned(),
                        "status" => status.to_owned(),
                        "tenant" => tenant.to_owned()
                    )
                    .increment(1);
                }))
            }),
            Contender::new(Role::Rival, "measured", move |thread| {
                repeat_over(thread, &s5, measured.clone(), |family, set| {
                    family.inc(DynamicLabels::new(borrowed(set)));
                })
            }),
        ],
    }
}
