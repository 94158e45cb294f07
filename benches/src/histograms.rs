//! Observations on the handle of a histogram.

use crate::contest::{Contender, Contest, Role, Unit, repeat_over};
use crate::floor;
use crate::input;
use crate::rival::{Recorder, Telemetry};
use aios_metrics::{NativeBuckets, Registry};
use measured::metric::histogram::Thresholds;
use prometheus::HistogramOpts;
use std::sync::Arc;

/// One histogram with `N` bounds, observed with values that fall into all of its buckets.
#[must_use]
pub fn observe<const N: usize>(title: &'static str) -> Contest {
    let bounds = input::bounds::<N>();
    let family =
        Registry::new().register_histogram("seconds", "Seconds.", &[], Some(&bounds)).expect("registers");
    let ours = family.with(&[]).expect("has no labels");
    let options = HistogramOpts::new("seconds", "Seconds.").buckets(bounds.to_vec());
    let prometheus = prometheus::Histogram::with_opts(options).expect("good bounds");
    let client = prometheus_client::metrics::histogram::Histogram::new(bounds);
    let recorder = Recorder::new(&bounds);
    let metrics = recorder.scope(|| metrics::histogram!("seconds"));
    let measured = Arc::new(measured::Histogram::<N>::with_metadata(Thresholds::with_buckets(bounds)));
    let fast = fastmetrics::metrics::histogram::Histogram::new(bounds);
    let plain = metrics_lib::Registry::new();
    plain.configure_histogram("seconds", bounds).expect("good bounds");
    let plain = plain.histogram("seconds");
    let telemetry = Telemetry::new(1);
    let instrument = telemetry.meter().f64_histogram("seconds").with_boundaries(bounds.to_vec()).build();
    let instrument = (instrument, telemetry);
    let values = input::observations();
    let [v1, v2, v3, v4, v5, v6, v7, v8, v9] = std::array::from_fn(|_| Arc::clone(&values));
    Contest {
        title,
        about: "`observe` on a handle, values spread evenly over the buckets in random order. `metrics` keeps the \
                single values until its upkeep or a scrape sorts them into buckets; the upkeep is run between \
                rounds and not on the clock. `opentelemetry` is given no attributes.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 0,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |thread| {
                repeat_over(thread, &v1, ours.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "prometheus", move |thread| {
                repeat_over(thread, &v2, prometheus.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "prometheus-client", move |thread| {
                repeat_over(thread, &v3, client.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "metrics", move |thread| {
                repeat_over(thread, &v4, metrics.clone(), |histogram, value| histogram.record(*value))
            })
            .with_housekeeping(move || recorder.handle.run_upkeep()),
            Contender::new(Role::Rival, "measured", move |thread| {
                repeat_over(thread, &v5, measured.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "fastmetrics", move |thread| {
                repeat_over(thread, &v7, fast.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "metrics-lib", move |thread| {
                repeat_over(thread, &v8, plain.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "opentelemetry", move |thread| {
                repeat_over(thread, &v9, instrument.clone(), |(histogram, _), value| {
                    histogram.record(*value, &[]);
                })
            }),
            Contender::new(Role::Floor, "*floor: cells a thread*", move |thread| {
                repeat_over(thread, &v6, bounds, |bounds, value| floor::observe(bounds, *value))
            }),
        ],
    }
}

/// What native buckets beside the classic ones cost an observation.
#[must_use]
pub fn observe_native(title: &'static str) -> Contest {
    let bounds = input::bounds::<8>();
    let registry = Registry::new();
    let classic = registry.register_histogram("classic_seconds", "Seconds.", &[], Some(&bounds));
    let classic = classic.expect("registers").with(&[]).expect("has no labels");
    let buckets = NativeBuckets::new(3, 0.001..=100.0);
    let native =
        registry.register_native_histogram("native_seconds", "Seconds.", &[], Some(&bounds), buckets);
    let native = native.expect("registers").with(&[]).expect("has no labels");
    let schema = prometheus_client::metrics::histogram::NativeHistogramConfig::with_schema(3);
    let client = prometheus_client::metrics::histogram::Histogram::new_classic_and_native(bounds, schema);
    let values = input::observations();
    let [v1, v2, v3] = std::array::from_fn(|_| Arc::clone(&values));
    Contest {
        title,
        about: "`observe` on a handle of a histogram with 8 bounds, and on those that have native buckets of schema 3 \
                besides, ours from 0.001 to 100.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 0,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics, native beside classic", move |thread| {
                repeat_over(thread, &v1, native.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Ours, "aios-metrics, classic", move |thread| {
                repeat_over(thread, &v2, classic.clone(), |histogram, value| histogram.observe(*value))
            }),
            Contender::new(Role::Rival, "prometheus-client, native beside classic", move |thread| {
                repeat_over(thread, &v3, client.clone(), |histogram, value| histogram.observe(*value))
            }),
        ],
    }
}
