//! A registry of `prometheus-client` with everything that there is, good and bad.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use aios_metrics_core::{Attach, Format, OpenMetricsText};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) type Labels = Vec<(String, String)>;

pub(crate) fn labels<const N: usize>(labels: [(&str, &str); N]) -> Labels {
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

pub(crate) fn counter(value: u64) -> Counter {
    let counter = Counter::default();
    counter.inc_by(value);
    counter
}

pub(crate) fn gauge(value: f64) -> Gauge<f64, AtomicU64> {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

pub(crate) fn histogram(bounds: &[f64], values: &[f64]) -> Histogram {
    let histogram = Histogram::new(bounds.iter().copied());
    values.iter().for_each(|&value| histogram.observe(value));
    histogram
}

/// A histogram that only their protobuf encoder can write.
pub(crate) fn native_only() -> Histogram {
    Histogram::new_native(NativeHistogramConfig::default())
}

/// A family with one series, so that its order is known.
pub(crate) fn one<const N: usize>(of: [(&str, &str); N], value: u64) -> Family<Labels, Counter> {
    let family = Family::<Labels, Counter>::default();
    family.get_or_create_owned(&labels(of)).inc_by(value);
    family
}

/// A metric that is written by a function.
pub(crate) struct Custom(pub(crate) MetricType, pub(crate) fn(MetricEncoder<'_>) -> fmt::Result);

impl EncodeMetric for Custom {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        (self.1)(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").finish_non_exhaustive()
    }
}

/// Metrics that are made when they are asked for.
#[derive(Debug)]
struct Pool;

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let served = ConstCounter::new(7_u64);
        served.encode(encoder.encode_descriptor(
            "served",
            "Constant counter",
            None,
            served.metric_type(),
        )?)?;
        let idle = ConstGauge::new(-3_i64);
        idle.encode(encoder.encode_descriptor("idle", "Constant gauge", None, idle.metric_type())?)?;
        let mut wait = encoder.encode_descriptor("wait", "", Some(&Unit::Seconds), MetricType::Histogram)?;
        // Without a bucket up to infinity, which its count stands for.
        wait.encode_family(&[("queue", "a")])?.encode_histogram::<NoLabelSet>(
            2.5,
            4,
            &[(0.5, 1), (1.0, 2)],
            None,
        )
    }
}

/// Every kind of metric that the crate has.
pub(crate) fn every_kind() -> Registry {
    let mut registry = Registry::default();
    registry.register("requests", "A counter", counter((1 << 53) + 1));
    registry.register("jobs_total", "Registered with the ending", counter(2));
    let fractions = Counter::<f64, AtomicU64>::default();
    fractions.inc_by(0.25);
    registry.register_with_unit("cpu", "Fractions, and a unit", Unit::Seconds, fractions);
    let traced = CounterWithExemplar::<Labels>::default();
    traced.inc_by(5, Some(labels([("trace_id", "3a")])), Some(UNIX_EPOCH + Duration::from_millis(1_500)));
    registry.register("traced", "With an exemplar", traced);
    registry.register("level", "A whole gauge", {
        let level = Gauge::<i64>::default();
        level.set(-17);
        level
    });
    registry.register("ratio", "A gauge", gauge(0.1));
    registry.register("never", "Not a number", gauge(f64::NAN));
    registry.register("endless", "Beyond all numbers", gauge(f64::INFINITY));
    registry.register_with_unit(
        "latency",
        "A histogram",
        Unit::Seconds,
        histogram(&[0.25, 1.0, 10.0], &[0.1, 0.25, 0.5, 100.0]),
    );
    let sizes = HistogramWithExemplars::<Labels>::new([1.0, 1024.0].into_iter());
    sizes.observe(512.0, Some(labels([("trace_id", "4 # {b}")])), None);
    registry.register_with_unit("size", "With exemplars", Unit::Bytes, sizes);
    registry.register("bucketless", "A histogram of one bucket", histogram(&[], &[0.5, 1.5]));
    registry.register("build", "An info", Info::new(labels([("version", "1.4.2"), ("commit", "a\"b")])));
    registry.register("system_info", "An info with the ending", Info::new(labels([("os", "Linux")])));
    registry.register("thing", "Unknown", Custom(MetricType::Unknown, |mut e| e.encode_gauge(&2.5_f64)));
    registry.register("silent", "Without a series", Family::<Labels, Counter>::default());
    registry.register("quoted", "Help with \"quotes\", a \\ and\nline\n# breaks", counter(1));
    let awkward = "C:\\jobs \"Ä\"\n{a=b}, # {} 1";
    registry.register("awkward", "Label values", one([("text", awkward), ("empty", "")], 1));
    registry.register_collector(Box::new(Pool));

    let worker = registry.sub_registry_with_prefix("worker");
    worker.register_with_unit("wait", "In a sub-registry", Unit::Other("ticks".to_owned()), gauge(1.0));
    worker.register_collector(Box::new(Pool));
    for shard in ["a", "b"] {
        let shard = registry.sub_registry_with_label(("shard".into(), shard.into()));
        shard.register("moved", "In two sub-registries", counter(3));
        shard.register("held", "In two, labelled", one([("kind", "x")], 4));
        shard.register("took", "In two, with buckets", histogram(&[0.5], &[1.0]));
        shard.register("place", "In two, an info without labels of its own", Info::new(labels([])));
        shard.register("sent", "In two, labelled with nothing", one([], 5));
    }
    registry
}

/// What a page can't show, beside two metrics that are in order; all but what makes the encoder fail.
pub(crate) fn all_bad() -> Registry {
    let mut registry = Registry::default();
    registry.register("good_first", "In order", counter(1));
    registry.register("queue size", "A name with a space", counter(1));
    registry.register("queue\nsize", "A name with a line break", counter(1));
    registry.register("9lives", "A name with a digit", gauge(1.0));
    registry.register("", "No name", gauge(1.0));
    registry.register("ours", "Taken by our registry", gauge(1.0));
    registry.register("rolling", "A key of the document", gauge(1.0));
    registry.register("taken", "First of two", gauge(1.0));
    registry.register("taken", "Of another kind", counter(1));
    registry.register("taken", "Of the same kind, the same series again", gauge(2.0));
    registry.register("taken_sum", "In order", gauge(1.0));
    registry.register("zz_sums", "In order", gauge(1.0));
    registry.register("zz_sums_count", "In order", gauge(1.0));
    registry.register("spread", "A histogram, whose names the next one has", histogram(&[1.0], &[0.5]));
    registry.register("spread_count", "Taken by a histogram", gauge(1.0));
    registry.register("bad_label", "A dash", one([("a-b", "x")], 1));
    registry.register("bad_label_2", "A line break", one([("a\nb", "x")], 1));
    registry.register("forged_label", "No harm is done", one([("a=\"1\",b", "x")], 1));
    registry.register("bad_label_3", "A quote", one([("a\"b", "x")], 1));
    registry.register("bad_label_4", "Reserved", one([("__name__", "x")], 1));
    registry.register("bad_label_5", "Twice", one([("a", "x"), ("a", "y")], 1));
    registry.register("bad_label_6", "No name", one([("", "x")], 1));
    let le = Family::<Labels, Histogram>::new_with_constructor(|| histogram(&[1.0], &[0.5]));
    drop(le.get_or_create_owned(&labels([("le", "x")])));
    registry.register("bad_label_7", "The histogram's own", le);
    registry.register("negative", "A counter below 0", {
        let counter = Counter::<f64, AtomicU64>::default();
        counter.inc_by(-1.0);
        counter
    });
    registry.register("unsorted", "Buckets in no order", histogram(&[2.0, 1.0], &[0.5]));
    registry.register("lost", "More in the buckets than there are", {
        Custom(MetricType::Histogram, |mut e| {
            e.encode_histogram::<NoLabelSet>(1.0, 1, &[(1.0, 2), (f64::INFINITY, 0)], None)
        })
    });
    registry.register("twin", "A label set", one([("a", "1"), ("b", "2")], 1));
    registry.register("twin", "The same in another order", one([("b", "2"), ("a", "1"), ("c", "")], 1));
    registry.register("mistyped", "A counter that writes a gauge", {
        Custom(MetricType::Counter, |mut e| e.encode_gauge(&1_i64))
    });
    registry.register("help", "A line\n# HELP forged of help", counter(1));
    registry.register("good_last", "In order", counter(1));
    registry
}

/// Two metrics around one at which the encoder fails.
pub(crate) fn failing(in_the_middle: impl prometheus_client::registry::Metric) -> Registry {
    let mut registry = Registry::default();
    registry.register("before", "In order", counter(1));
    registry.register("failing", "The encoder fails here", in_the_middle);
    registry.register("behind", "Never written", counter(1));
    registry
}

/// A metric that panics after its first line.
pub(crate) fn panicking() -> Custom {
    Custom(MetricType::Gauge, |mut encoder| {
        encoder.encode_gauge(&1_i64)?;
        panic!("a metric of a test that panics")
    })
}

pub(crate) fn encode(registry: &aios_metrics_core::Registry, format: &impl Format) -> String {
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    String::from_utf8(page).unwrap()
}

pub(crate) fn openmetrics(registry: &aios_metrics_core::Registry) -> String {
    encode(registry, &OpenMetricsText)
}

/// The page of one of their registries, as they write it.
pub(crate) fn their_page(registry: &Registry) -> String {
    let mut page = String::new();
    text::encode(&mut page, registry).unwrap();
    page
}

pub(crate) fn attached(registry: impl Attach) -> aios_metrics_core::Registry {
    let ours = aios_metrics_core::Registry::new();
    ours.register_self_metrics().unwrap();
    ours.attach(registry);
    ours
}

/// What was left out in a snapshot, by reason.
pub(crate) fn rejected(registry: &aios_metrics_core::Registry) -> BTreeMap<String, f64> {
    let count = |page: &str| -> BTreeMap<String, f64> {
        let lines = page
            .lines()
            .filter_map(|line| line.strip_prefix("aios_metrics_attached_rejected_total{reason=\""));
        lines
            .map(|line| line.split_once("\"} ").unwrap())
            .map(|(reason, count)| (reason.to_owned(), count.parse().unwrap()))
            .collect()
    };
    let before = count(&openmetrics(registry));
    let mut after = count(&openmetrics(registry));
    after.iter_mut().for_each(|(reason, count)| *count -= before[reason]);
    after.retain(|_, count| *count > 0.0);
    after
}
