//! Updates through a family, the label values known only at run time.

use crate::contest::{Contender, Contest, Role, Unit, repeat_over};
use crate::floor;
use crate::input::{self, LABELS, borrowed, pairs};
use crate::ours;
use crate::rival::{self, DynamicLabels, DynamicLabelsSet, OwnedLabels, Recorder, Telemetry};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::hint::black_box;
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
    let fast =
        fastmetrics::metrics::family::Family::<OwnedLabels, fastmetrics::metrics::counter::Counter>::default(
        );
    let plain = Arc::new(metrics_lib::Registry::with_cardinality_cap(series));
    let telemetry = Telemetry::new(series);
    let instrument = (telemetry.meter().u64_counter("requests").build(), telemetry);
    let sets = input::label_sets(series);
    let [s1, s2, s3, s4, s5, s6, s7, s8, s9] = std::array::from_fn(|_| Arc::clone(&sets));
    Contest {
        title,
        about: "The family is known, the values are `&str` known at run time, every series exists. \
                `prometheus-client` and `fastmetrics` take an owned struct, `metrics` owned values in its macro, \
                `opentelemetry` owned attributes; `measured` interns into `lasso::ThreadedRodeo`. `metrics-lib` has no \
                families: it finds a series in its registry, by name and owned labels.",
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
            Contender::new(Role::Rival, "fastmetrics", move |thread| {
                repeat_over(thread, &s6, fast.clone(), |family, set| {
                    family.with_or_new(&OwnedLabels::new(borrowed(set)), |counter| counter.inc());
                })
            }),
            Contender::new(Role::Rival, "metrics-lib", move |thread| {
                repeat_over(thread, &s7, plain.clone(), |registry, set| {
                    registry.counter_with("requests", &rival::sorted_labels(pairs(set))).inc();
                })
            }),
            Contender::new(Role::Rival, "opentelemetry", move |thread| {
                repeat_over(thread, &s8, instrument.clone(), |(counter, _), set| {
                    counter.add(1, &rival::attributes(pairs(set)));
                })
            }),
            Contender::new(Role::Floor, "*floor: hash alone*", move |thread| {
                let state = foldhash::fast::RandomState::default();
                repeat_over(thread, &s9, state, |state, set| {
                    black_box(floor::hash(state, borrowed(set)));
                })
            }),
        ],
    }
}
