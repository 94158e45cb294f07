//! Updates on a handle that the caller keeps; with two threads both hold the same one.

use crate::contest::{Contender, Contest, Role, Unit, repeat};
use crate::floor;
use crate::rival::{Recorder, Telemetry};
use aios_metrics::Registry;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const FLOOR: &str = "*floor: a cell a thread*";

/// A handle of `opentelemetry` without attributes, and what reads it. Updates look nothing up then.
type Instrument<T> = (T, Telemetry);

/// A counter goes up by one.
#[must_use]
pub fn counter_u64(title: &'static str) -> Contest {
    let family = Registry::new().register_counter("jobs", "Jobs.", &[]).expect("registers");
    let ours = family.with(&[]).expect("has no labels");
    let prometheus = prometheus::IntCounter::new("jobs", "Jobs.").expect("a good name");
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    let metrics = Recorder::default().scope(|| metrics::counter!("jobs"));
    let measured = Arc::new(measured::Counter::new());
    let fast = fastmetrics::metrics::counter::Counter::<u64>::default();
    let plain = metrics_lib::Registry::new().counter("jobs");
    let sharded = metrics_lib::Registry::new().sharded_counter("jobs");
    let telemetry = Telemetry::new(1);
    let counter: Instrument<_> = (telemetry.meter().u64_counter("jobs").build(), telemetry);
    Contest {
        title,
        about: "`inc` on a handle. `metrics-lib` recommends its sharded counter where many threads count in one; \
                `opentelemetry` is given no attributes.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 0,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                repeat(ours.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "prometheus", move |_| {
                repeat(prometheus.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "prometheus-client", move |_| {
                repeat(client.clone(), |counter| {
                    counter.inc();
                })
            }),
            Contender::new(Role::Rival, "metrics", move |_| {
                repeat(metrics.clone(), |counter| counter.increment(1))
            }),
            Contender::new(Role::Rival, "measured", move |_| {
                repeat(measured.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "fastmetrics", move |_| {
                repeat(fast.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "metrics-lib", move |_| {
                repeat(plain.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "metrics-lib, sharded", move |_| {
                repeat(sharded.clone(), |counter| counter.inc())
            }),
            Contender::new(Role::Rival, "opentelemetry", move |_| {
                repeat(counter.clone(), |(counter, _)| counter.add(1, &[]))
            }),
            Contender::new(Role::Floor, FLOOR, |_| repeat((), |()| floor::add(black_box(0), 1))),
        ],
    }
}

/// A counter goes up by a half.
#[must_use]
pub fn counter_f64(title: &'static str) -> Contest {
    let family = Registry::new().register_counter("seconds", "Seconds.", &[]).expect("registers");
    let ours = family.with(&[]).expect("has no labels");
    let prometheus = prometheus::Counter::new("seconds", "Seconds.").expect("a good name");
    let client = prometheus_client::metrics::counter::Counter::<f64, AtomicU64>::default();
    let fast = fastmetrics::metrics::counter::Counter::<f64>::default();
    let telemetry = Telemetry::new(1);
    let counter: Instrument<_> = (telemetry.meter().f64_counter("seconds").build(), telemetry);
    Contest {
        title,
        about: "`inc_by(0.5)` on a handle; `metrics`, `measured` and `metrics-lib` have whole counters only.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 0,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                repeat(ours.clone(), |counter| counter.inc_by(black_box(0.5)))
            }),
            Contender::new(Role::Rival, "prometheus", move |_| {
                repeat(prometheus.clone(), |counter| counter.inc_by(black_box(0.5)))
            }),
            Contender::new(Role::Rival, "prometheus-client", move |_| {
                repeat(client.clone(), |counter| {
                    counter.inc_by(black_box(0.5));
                })
            }),
            Contender::new(Role::Rival, "fastmetrics", move |_| {
                repeat(fast.clone(), |counter| counter.inc_by(black_box(0.5)))
            }),
            Contender::new(Role::Rival, "opentelemetry", move |_| {
                repeat(counter.clone(), |(counter, _)| counter.add(black_box(0.5), &[]))
            }),
            Contender::new(Role::Floor, FLOOR, |_| {
                repeat((), |()| floor::add_f64(black_box(0), black_box(0.5)))
            }),
        ],
    }
}

/// A gauge is set.
#[must_use]
pub fn gauge_set(title: &'static str) -> Contest {
    let family = Registry::new().register_gauge("load", "Load.", &[]).expect("registers");
    let ours = family.with(&[]).expect("has no labels");
    let prometheus = prometheus::Gauge::new("load", "Load.").expect("a good name");
    let client = prometheus_client::metrics::gauge::Gauge::<f64, AtomicU64>::default();
    let metrics = Recorder::default().scope(|| metrics::gauge!("load"));
    let measured = Arc::new(measured::FloatGauge::new());
    let fast = fastmetrics::metrics::gauge::Gauge::<f64>::default();
    let plain = metrics_lib::Registry::new().gauge("load");
    let telemetry = Telemetry::new(1);
    let gauge: Instrument<_> = (telemetry.meter().f64_gauge("load").build(), telemetry);
    Contest {
        title,
        about: "`set` on a handle. A gauge holds one value for all threads, so nobody has a cell a thread here.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 0,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                repeat(ours.clone(), |gauge| gauge.set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "prometheus", move |_| {
                repeat(prometheus.clone(), |gauge| gauge.set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "prometheus-client", move |_| {
                repeat(client.clone(), |gauge| {
                    gauge.set(black_box(1.5));
                })
            }),
            Contender::new(Role::Rival, "metrics", move |_| {
                repeat(metrics.clone(), |gauge| gauge.set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "measured", move |_| {
                repeat(measured.clone(), |gauge| gauge.get_metric().set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "fastmetrics", move |_| {
                repeat(fast.clone(), |gauge| gauge.set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "metrics-lib", move |_| {
                repeat(plain.clone(), |gauge| gauge.set(black_box(1.5)))
            }),
            Contender::new(Role::Rival, "opentelemetry", move |_| {
                repeat(gauge.clone(), |(gauge, _)| gauge.record(black_box(1.5), &[]))
            }),
        ],
    }
}
