//! The JSON document. No rival has one; people gather from `prometheus` and build a `serde_json` map.

use crate::contest::{Contender, Contest, Job, Role, Unit};
use crate::scrapes::{self, SMALL};
use aios_metrics::{Documents, Identity};
use prometheus::proto::{Metric, MetricFamily, MetricType};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

/// One document into a buffer that is used again.
#[must_use]
pub fn write(title: &'static str) -> Contest {
    let registry = scrapes::ours::filled(SMALL).0;
    let ours = Arc::new(Documents::new(Arc::new(registry), Identity::new("block", "instance", "node")));
    let by_hand = scrapes::prometheus::filled(SMALL);
    let mut document = Vec::new();
    ours.write_json(None, &mut document);
    let document = Arc::new(document);
    Contest {
        title,
        about: "6,000 counters and 2,000 gauges with 3 labels and 2,002 lines of histograms as one JSON object, into \
                a buffer that is used again. No rival crate has such a document: beside us stands what people write \
                by hand.",
        unit: Unit::Milliseconds,
        threads: &[1],
        first: 1,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                let documents = ours.clone();
                buffered(move |document| documents.write_json(None, document))
            }),
            Contender::new(Role::Rival, "prometheus + serde_json::Map", move |_| {
                let registry = by_hand.clone();
                buffered(move |document| {
                    let mut samples = Map::new();
                    for family in registry.gather() {
                        add_family(&family, &mut samples);
                    }
                    serde_json::to_writer(document, &samples).expect("serializes");
                })
            }),
            Contender::new(Role::Floor, "*floor: copying our document*", move |_| {
                let from = document.clone();
                buffered(move |document| document.extend_from_slice(black_box(&from)))
            }),
        ],
    }
}

fn buffered(work: impl Fn(&mut Vec<u8>) + 'static) -> Job {
    let mut document = Vec::new();
    Box::new(move |times| {
        for _ in 0..times {
            document.clear();
            work(black_box(&mut document));
        }
    })
}

fn add_family(family: &MetricFamily, samples: &mut Map<String, Value>) {
    let name = family.name();
    for metric in family.get_metric() {
        let labels = labels(metric);
        match family.get_field_type() {
            MetricType::COUNTER => {
                samples.insert(format!("{name}{{{labels}}}"), metric.get_counter().value().into());
            }
            MetricType::GAUGE => {
                samples.insert(format!("{name}{{{labels}}}"), metric.get_gauge().value().into());
            }
            _ => {
                let histogram = metric.get_histogram();
                for bucket in histogram.get_bucket() {
                    let key = format!("{name}_bucket{{{labels},le={}}}", bucket.upper_bound());
                    samples.insert(key, bucket.cumulative_count().into());
                }
                let count = histogram.get_sample_count();
                samples.insert(format!("{name}_bucket{{{labels},le=+Inf}}"), count.into());
                samples.insert(format!("{name}_sum{{{labels}}}"), histogram.get_sample_sum().into());
                samples.insert(format!("{name}_count{{{labels}}}"), count.into());
            }
        }
    }
}

fn labels(metric: &Metric) -> String {
    let mut labels = String::new();
    for label in metric.get_label() {
        let comma = if labels.is_empty() { "" } else { "," };
        write!(labels, "{comma}{}={}", label.name(), label.value()).expect("a string takes everything");
    }
    labels
}
