//! Native histograms: what is observed is what is exposed, whatever is merged on the way.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aios_metrics_core::format::Protobuf;
use aios_metrics_core::{
    Documents, Family, Format, Histogram, Identity, ManualClock, NativeBuckets, NativeProblem,
    OpenMetricsText, PrometheusText, RegisterError, Registry, RegistryOptions, Source,
};
use prometheus_client::encoding::prometheus_protobuf::{self, prometheus_data_model as wire};
use prometheus_client::metrics::histogram;
use proptest::prelude::*;
use prost::Message;

const BOUNDS: [f64; 3] = [0.01, 1.0, 100.0];

fn register(registry: &Registry, native: NativeBuckets) -> Result<Family<Histogram>, RegisterError> {
    registry.register_native_histogram("latency", "Latency.", &[], Some(&BOUNDS), native)
}

/// The one histogram of a registry, decoded from its page.
fn decoded(registry: &Registry) -> wire::Histogram {
    let mut page = Vec::new();
    registry.encode(&Protobuf, &mut page);
    let family = wire::MetricFamily::decode_length_delimited(&*page).unwrap();
    family.metric.into_iter().next().unwrap().histogram.unwrap()
}

/// Spans and deltas taken apart again; empty buckets are left out.
fn buckets(spans: &[wire::BucketSpan], deltas: &[i64]) -> BTreeMap<i32, i64> {
    let (mut index, mut count) = (0, 0);
    let mut deltas = deltas.iter();
    let mut buckets = BTreeMap::new();
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().expect("a delta for each bucket of the spans");
            assert!(count >= 0);
            buckets.insert(index, count);
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None, "a bucket for each delta");
    buckets.retain(|_, count| *count > 0);
    buckets
}

/// Observations of any size within nine orders of magnitude, and 0.
fn observed() -> impl Strategy<Value = Vec<f64>> {
    let value = (-1.0_f64..1.0, -4_i32..5).prop_map(|(value, exponent)| value * 10.0_f64.powi(exponent));
    prop::collection::vec(prop_oneof![20 => value, 1 => Just(0.0)], 0..200)
}

proptest! {
    /// The other library keeps a sparse list of buckets and a table of bounds for each schema.
    #[test]
    fn prometheus_client_writes_the_same(values in observed(), schema in -4_i8..=2, threshold in -8_i32..0) {
        let ours = Registry::new();
        let from = 2.0_f64.powi(16 * threshold / 8);
        let native = NativeBuckets::new(schema, from..=65_536.0).with_negative(true).with_max_buckets(1_000);
        let latency = register(&ours, native).unwrap().with(&[]).unwrap();
        let config = histogram::NativeHistogramConfig::with_schema(schema).zero_threshold(decoded(&ours).zero_threshold);
        let their_latency = histogram::Histogram::new_classic_and_native(BOUNDS, config);
        let mut theirs = prometheus_client::registry::Registry::default();
        theirs.register("latency", "Latency", their_latency.clone());
        for value in values {
            latency.observe(value);
            their_latency.observe(value);
        }
        let theirs = prometheus_protobuf::encode(&theirs).unwrap().remove(0).metric.remove(0).histogram.unwrap();
        // They always tell when it was created.
        prop_assert_eq!(decoded(&ours), wire::Histogram { start_timestamp: None, ..theirs });
    }

    /// Merged down from a fine schema or observed in the coarse one: the same buckets, and no coarser
    /// than it takes.
    #[test]
    fn merging_is_exact(values in observed(), schema in 3_i8..=4, max_buckets in 0_usize..40) {
        let observed = |schema, max_buckets| {
            let registry = Registry::new();
            let native = NativeBuckets::new(schema, 1e-3..=1e5).with_negative(true).with_max_buckets(max_buckets);
            let latency = register(&registry, native).unwrap();
            // What is zero in a fine schema may have a bucket in a coarse one.
            let values = values.iter().filter(|value| value.abs() > 1e-3 || **value == 0.0);
            values.for_each(|value| latency.observe(&[], *value).unwrap());
            let shown = decoded(&registry);
            let negative = buckets(&shown.negative_span, &shown.negative_delta);
            let positive = buckets(&shown.positive_span, &shown.positive_delta);
            (shown.schema as i8, shown.zero_count, negative, positive)
        };
        let merged = observed(schema, max_buckets);
        prop_assert_eq!(&merged, &observed(merged.0, 1_000));
        let populated = |(_, _, negative, positive): &(_, _, BTreeMap<_, _>, BTreeMap<_, _>)| negative.len() + positive.len();
        prop_assert!(populated(&merged) <= max_buckets || merged.0 == -4);
        if merged.0 < schema {
            prop_assert!(populated(&observed(merged.0 + 1, 1_000)) > max_buckets);
        }
    }
}

#[test]
fn neighbours_are_merged_no_further_than_it_takes() {
    let registry = Registry::new();
    // Bucket i of schema 0 ends at 2^i.
    let native = NativeBuckets::new(0, 1.0..=1_024.0).with_max_buckets(3);
    let latency = register(&registry, native).unwrap().with(&[]).unwrap();
    let shown = |registry: &Registry| {
        let histogram = decoded(registry);
        (histogram.schema, buckets(&histogram.positive_span, &histogram.positive_delta))
    };
    for value in [2.0, 4.0, 8.0] {
        latency.observe(value);
    }
    assert_eq!(shown(&registry), (0, [(1, 1), (2, 1), (3, 1)].into()));
    latency.observe(16.0);
    assert_eq!(shown(&registry), (-1, [(1, 2), (2, 2)].into()));
    latency.observe(64.0);
    assert_eq!(shown(&registry), (-1, [(1, 2), (2, 2), (3, 1)].into()));
    latency.observe(1_000.0);
    assert_eq!(shown(&registry), (-2, [(1, 4), (2, 1), (3, 1)].into()));
}

#[test]
fn what_is_out_of_range_is_counted_at_its_ends_and_told() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let latency = register(&registry, NativeBuckets::new(0, 1.0..=8.0)).unwrap().with(&[]).unwrap();
    let page = || {
        let mut page = Vec::new();
        registry.encode(&PrometheusText, &mut page);
        String::from_utf8(page).unwrap()
    };
    [0.0, 1.0, 2.0, 8.0].into_iter().for_each(|value| latency.observe(value));
    assert!(!page().contains("aios_metrics_native_clamped_total{"));
    [9.0, 1e300, -2.0].into_iter().for_each(|value| latency.observe(value));
    assert!(page().contains("aios_metrics_native_clamped_total{family=\"latency\"} 3\n"), "{}", page());
    let snapshot = registry.snapshot();
    let family = snapshot.families().find(|family| family.descriptor().name() == "latency").unwrap();
    let native = family.series().next().unwrap().native().unwrap();
    assert_eq!((native.zero_count(), native.zero_threshold(), native.count()), (3, 1.0, 7));
    assert_eq!(native.positive().collect::<Vec<_>>(), [(1, 1), (3, 3)]);
    assert_eq!(native.negative().count(), 0);
}

#[test]
fn buckets_that_cannot_be_used_are_refused() {
    let registry = Registry::new();
    let problem = |native| match register(&registry, native).unwrap_err() {
        RegisterError::NativeBuckets { metric, problem } => {
            assert_eq!(metric, "latency");
            problem
        }
        other => panic!("{other}"),
    };
    for schema in [i8::MIN, -5, 9, i8::MAX] {
        assert_eq!(problem(NativeBuckets::new(schema, 1.0..=2.0)), NativeProblem::Schema(schema));
    }
    for (from, to) in [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, f64::INFINITY), (1e-301, 1.0)] {
        let range = problem(NativeBuckets::new(0, from..=to));
        assert_eq!(range, NativeProblem::Range { from, to });
    }
    assert!(matches!(problem(NativeBuckets::new(0, f64::NAN..=1.0)), NativeProblem::Range { .. }));
    assert!(matches!(problem(NativeBuckets::new(0, 1.0..=f64::NAN)), NativeProblem::Range { .. }));
    let error = register(&registry, NativeBuckets::new(8, 1.0..=16.0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "native buckets of histogram \"latency\" are invalid: 1024 buckets lie in the range, expected at most 1018 \
         beside the classic ones: take a lower schema or a narrower range"
    );
    let negative = problem(NativeBuckets::new(7, 1.0..=16.0).with_negative(true));
    assert_eq!(negative, NativeProblem::TooMany { given: 1_024, limit: 1_018 });
    assert_eq!(registry.value("latency", &[]), None);

    // As many as there can be, in a registry that keeps more beside them.
    let options = RegistryOptions::default().with_created_timestamps(true);
    let roomy = Registry::with_options(options);
    let last = 2.0_f64.powf(1_018.0 / 256.0) * 0.999_999;
    let native = NativeBuckets::new(8, 1.0..=last).with_max_buckets(2_000);
    let latency = register(&roomy, native).unwrap().with(&[]).unwrap();
    latency.observe(last);
    let shown = decoded(&roomy);
    assert_eq!(buckets(&shown.positive_span, &shown.positive_delta), [(1_018, 1)].into());
    assert!(shown.start_timestamp.unwrap().seconds > 1_700_000_000);
}

#[test]
fn another_registration_must_agree() {
    let registry = Registry::new();
    let native = NativeBuckets::new(0, 1.0..=8.0);
    register(&registry, native).unwrap().observe(&[], 2.0).unwrap();
    register(&registry, native).unwrap().observe(&[], 2.0).unwrap();
    assert_eq!(registry.value("latency", &[]), Some(2.0));
    let error = registry.register_histogram("latency", "", &[], Some(&BOUNDS)).unwrap_err().to_string();
    let shown = "histogram \"latency\" with labels [] and buckets [0.01, 1.0, 100.0]";
    assert_eq!(
        error,
        format!(
            "metric \"latency\" is already registered as {shown} and native buckets of schema 0 from 1 to 8, \
             at most 160 exposed; it can't be registered again as {shown}"
        )
    );
    for other in [NativeBuckets::new(1, 1.0..=8.0), native.with_negative(true), native.with_max_buckets(7)] {
        assert!(matches!(register(&registry, other), Err(RegisterError::Conflict { .. })), "{other}");
    }
}

#[test]
fn the_texts_and_the_document_are_those_of_a_classic_histogram() {
    let shown = [false, true].map(|is_native| {
        let options = RegistryOptions::default().with_clock(Arc::new(ManualClock::new()));
        let registry = Registry::with_options(options);
        let latency = if is_native {
            register(&registry, NativeBuckets::new(3, 0.001..=900.0)).unwrap()
        } else {
            registry.register_histogram("latency", "Latency.", &[], Some(&BOUNDS)).unwrap()
        };
        [0.0, 0.5, 7.0, 1e6].into_iter().for_each(|value| latency.observe(&[], value).unwrap());
        let mut pages = [Vec::new(), Vec::new(), Vec::new()];
        PrometheusText.encode(&registry.snapshot(), &mut pages[0]);
        OpenMetricsText.encode(&registry.snapshot(), &mut pages[1]);
        let identity = Identity::new("block", "instance", "node").with_boot_id("00");
        Documents::new(Arc::new(registry), identity).write_json(None, &mut pages[2]);
        pages.map(|page| String::from_utf8(page).unwrap())
    });
    assert_eq!(shown[0], shown[1]);
}

/// Prometheus refuses a page whose native buckets don't add up to the count.
#[test]
fn every_page_adds_up_while_threads_observe() {
    let registry = Registry::new();
    let latency = register(&registry, NativeBuckets::new(3, 0.001..=900.0)).unwrap().with(&[]).unwrap();
    let (each, over) = (200_000, AtomicBool::new(false));
    let observed = thread::scope(|scope| {
        let threads = [1.0, 1.25].map(|factor| {
            let (latency, over) = (&latency, &over);
            scope.spawn(move || {
                let values = (0..each).map(|i| f64::from(i % 1_000) * factor);
                values
                    .take_while(|_| !over.load(Ordering::Relaxed))
                    .map(|value| latency.observe(value))
                    .count()
            })
        });
        let mut before = 0;
        for _ in 0..200 {
            let shown = decoded(&registry);
            let sides = [
                (&shown.positive_span, &shown.positive_delta),
                (&shown.negative_span, &shown.negative_delta),
            ];
            let in_buckets: i64 =
                sides.map(|(spans, deltas)| buckets(spans, deltas).values().sum::<i64>()).iter().sum();
            assert_eq!(shown.sample_count, in_buckets as u64 + shown.zero_count);
            assert_eq!(shown.bucket.last().unwrap().cumulative_count, shown.sample_count);
            assert!(shown.bucket.is_sorted_by_key(|bucket| bucket.cumulative_count));
            assert!(shown.sample_count >= before);
            before = shown.sample_count;
        }
        over.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
    });
    assert_eq!((decoded(&registry).sample_count, latency.count()), (observed as u64, observed as u64));
}
