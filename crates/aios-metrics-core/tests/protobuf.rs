//! Our protobuf page in the hands of an independent decoder: the types that `prometheus-client`
//! generates from Prometheus' schema. They are its own encoder's too, so both can be compared.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/awkward.rs"]
mod awkward;
#[path = "support/model.rs"]
mod model;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aios_metrics_core::format::Protobuf;
use aios_metrics_core::{Kind, ManualClock, Registry, RegistryOptions};
use prometheus_client::encoding::prometheus_protobuf::{self, prometheus_data_model as wire};
use prometheus_client::metrics::{counter, exemplar, family, gauge, histogram};
use proptest::prelude::*;
use prost::Message;

use crate::awkward::awkward;
use crate::model::{Family, Number, models};

fn encode(registry: &Registry) -> Vec<u8> {
    let mut page = Vec::new();
    registry.encode(&Protobuf, &mut page);
    page
}

fn decode(page: &[u8]) -> Vec<wire::MetricFamily> {
    let mut rest = page;
    let next = || (!rest.is_empty()).then(|| wire::MetricFamily::decode_length_delimited(&mut rest).unwrap());
    std::iter::from_fn(next).collect()
}

fn label(name: impl Into<String>, value: impl Into<String>) -> wire::LabelPair {
    wire::LabelPair { name: name.into(), value: value.into() }
}

/// What must come out for a family of the model.
fn expected(family: &Family) -> wire::MetricFamily {
    let metric = family.series.iter().map(|(values, recorded)| {
        let value = match family.samples(values, recorded)[0].1 {
            Number::Whole(whole) => whole as f64,
            Number::Float(float) => float,
        };
        let label = family.labels.iter().zip(values).map(|(name, value)| label(*name, value)).collect();
        let mut metric = wire::Metric { label, ..wire::Metric::default() };
        match family.kind {
            Kind::Counter => metric.counter = Some(wire::Counter { value, ..wire::Counter::default() }),
            Kind::Gauge => metric.gauge = Some(wire::Gauge { value }),
            _ => metric.histogram = Some(expected_histogram(&family.bounds, recorded)),
        }
        metric
    });
    let kind = match family.kind {
        Kind::Counter => wire::MetricType::Counter,
        Kind::Gauge => wire::MetricType::Gauge,
        _ => wire::MetricType::Histogram,
    };
    wire::MetricFamily {
        name: family.exposed(),
        help: family.help.clone(),
        r#type: kind.into(),
        metric: metric.collect(),
        unit: String::new(),
    }
}

fn expected_histogram(bounds: &[f64], recorded: &[f64]) -> wire::Histogram {
    let bucket = |&upper_bound: &f64| wire::Bucket {
        cumulative_count: recorded.iter().filter(|&&value| value <= upper_bound).count() as u64,
        upper_bound,
        ..wire::Bucket::default()
    };
    wire::Histogram {
        sample_count: recorded.len() as u64,
        sample_sum: recorded.iter().fold(0.0, |sum, value| sum + value),
        bucket: bounds.iter().chain([&f64::INFINITY]).map(bucket).collect(),
        ..wire::Histogram::default()
    }
}

/// A text for each, since a NaN doesn't equal itself.
fn shown(families: &[wire::MetricFamily]) -> Vec<String> {
    families.iter().map(|family| format!("{family:?}")).collect()
}

proptest! {
    #[test]
    fn what_was_recorded_is_decoded(model in models()) {
        let page = encode(&model.registry());
        let mut families: Vec<_> = model.0.iter().filter(|family| !family.series.is_empty()).collect();
        families.sort_by(|a, b| a.name.cmp(&b.name));
        let families: Vec<_> = families.into_iter().map(expected).collect();
        prop_assert_eq!(shown(&decode(&page)), shown(&families));
    }

    #[test]
    fn exemplars_are_decoded(values in prop::collection::vec((awkward(), -3.0_f64..150.0), 1..8)) {
        let registry = Registry::with_options(RegistryOptions::default().with_clock(Arc::new(ManualClock::new())));
        let bounds = [-1.5, 0.25, 1.0, 100.0];
        let latency = registry.register_histogram("latency", "", &[], Some(&bounds)).unwrap().with(&[]).unwrap();
        let jobs = registry.register_counter("jobs", "", &[]).unwrap().with(&[]).unwrap();
        let mut latest = vec![None; bounds.len() + 1];
        let mut last = None;
        for (text, value) in &values {
            let labels = [("trace_id", "4bf9"), ("text", text.as_str())];
            latency.observe_with_exemplar(*value, &labels);
            jobs.inc_by_with_exemplar(value.abs(), &labels);
            let exemplar = |value| (labels.map(|(name, value)| label(name, value)).to_vec(), value, Some((3_600, 0)));
            latest[bounds.iter().filter(|bound| *bound < value).count()] = Some(exemplar(*value));
            last = Some(exemplar(value.abs()));
        }
        let families = decode(&encode(&registry));
        let found = |exemplar: &Option<wire::Exemplar>| exemplar.clone().map(|exemplar| {
            (exemplar.label, exemplar.value, exemplar.timestamp.map(|time| (time.seconds, time.nanos)))
        });
        let counter = families[0].metric[0].counter.clone().unwrap();
        prop_assert_eq!(found(&counter.exemplar), last);
        let buckets = families[1].metric[0].histogram.clone().unwrap().bucket;
        prop_assert_eq!(buckets.iter().map(|bucket| found(&bucket.exemplar)).collect::<Vec<_>>(), latest);
    }

    /// The same metrics in the other library: the same families, but for the full stop behind help.
    #[test]
    fn prometheus_client_writes_the_same(
        counted in prop::collection::btree_map("[a-z\"\\\\\n,={} é]{0,6}", 0_u64..1 << 60, 1..8),
        level in -1e9_f64..1e9,
        observed in prop::collection::vec(-3.0_f64..150.0, 0..30),
    ) {
        let bounds = [-1.5, 0.25, 1.0, 100.0];
        let ours = Registry::new();
        let jobs = ours.register_counter("jobs", "Jobs.", &["status", "kind"]).unwrap();
        let queue = ours.register_gauge("queue", "Level.", &[]).unwrap();
        let latency = ours.register_histogram("latency", "Latency.", &[], Some(&bounds)).unwrap();

        let mut theirs = prometheus_client::registry::Registry::default();
        let their_jobs = family::Family::<Vec<(String, String)>, counter::Counter>::default();
        let their_queue = gauge::Gauge::<f64, AtomicU64>::default();
        let their_latency = histogram::Histogram::new(bounds);
        theirs.register("jobs", "Jobs", their_jobs.clone());
        theirs.register("queue", "Level", their_queue.clone());
        theirs.register("latency", "Latency", their_latency.clone());

        for (status, &count) in &counted {
            jobs.inc_by(&[status, "x"], count).unwrap();
            let labels = [("status", status.as_str()), ("kind", "x")];
            let owned = labels.map(|(label, value)| (label.to_owned(), value.to_owned())).to_vec();
            their_jobs.get_or_create_owned(&owned).inc_by(count);
        }
        queue.set(&[], level).unwrap();
        their_queue.set(level);
        for &value in &observed {
            latency.observe(&[], value).unwrap();
            their_latency.observe(value);
        }

        let sorted = |mut families: Vec<wire::MetricFamily>| {
            families.sort_by(|a, b| a.name.cmp(&b.name));
            for family in &mut families {
                family.metric.sort_by_key(|metric| format!("{:?}", metric.label));
            }
            shown(&families)
        };
        let theirs = prometheus_protobuf::encode(&theirs).unwrap();
        prop_assert_eq!(sorted(decode(&encode(&ours))), sorted(theirs));
    }
}

#[test]
fn prometheus_client_writes_the_same_exemplar() {
    let ours = Registry::new();
    let jobs = ours.register_counter("jobs", "Jobs.", &[]).unwrap().with(&[]).unwrap();
    let mut theirs = prometheus_client::registry::Registry::default();
    let their_jobs = exemplar::CounterWithExemplar::<Vec<(String, String)>>::default();
    theirs.register("jobs", "Jobs", their_jobs.clone());

    jobs.inc_by_with_exemplar(3_u64, &[("trace_id", "4bf9")]);
    their_jobs.inc_by(3, Some(vec![("trace_id".to_owned(), "4bf9".to_owned())]), None);

    let (mut ours, theirs) = (decode(&encode(&ours)), prometheus_protobuf::encode(&theirs).unwrap());
    // They leave the time to the caller.
    let exemplar = ours[0].metric[0].counter.as_mut().unwrap().exemplar.as_mut().unwrap();
    assert!(exemplar.timestamp.take().unwrap().seconds > 1_700_000_000);
    assert_eq!(ours, theirs);
}

#[test]
fn times_of_creation_are_decoded() {
    let clock = Arc::new(ManualClock::new());
    let options = RegistryOptions::default().with_clock(clock.clone()).with_created_timestamps(true);
    let registry = Registry::with_options(options);
    clock.advance(Duration::from_millis(1_250));
    registry.register_counter("jobs", "", &[]).unwrap();
    registry.register_gauge("queue", "", &[]).unwrap();
    clock.advance(Duration::from_millis(1_000));
    registry.register_histogram("seconds", "", &[], None).unwrap();
    let families = decode(&encode(&registry));
    let counter = families[0].metric[0].counter.clone().unwrap().start_timestamp.unwrap();
    assert_eq!((counter.seconds, counter.nanos), (3_601, 250_000_000));
    let histogram = families[2].metric[0].histogram.clone().unwrap().start_timestamp.unwrap();
    assert_eq!((histogram.seconds, histogram.nanos), (3_602, 250_000_000));
}

#[test]
fn a_family_of_many_series_and_a_label_of_a_megabyte_keep_their_lengths() {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(100_000));
    let jobs = registry.register_counter("jobs", "", &["number", "text"]).unwrap();
    let long = "\\ü\n".repeat(250_000);
    for number in 0..50_000 {
        let text = if number == 25_000 { long.as_str() } else { "" };
        jobs.inc(&[&number.to_string(), text]).unwrap();
    }
    let families = decode(&encode(&registry));
    assert_eq!((families.len(), families[0].metric.len()), (1, 50_000));
    for (number, metric) in families[0].metric.iter().enumerate() {
        let text = if number == 25_000 { long.as_str() } else { "" };
        assert_eq!(metric.label, [label("number", number.to_string()), label("text", text)]);
        assert_eq!(metric.counter.as_ref().unwrap().value, 1.0);
    }
}
