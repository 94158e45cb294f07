//! A registry described by data: what is registered and recorded, and the samples that must come out.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use aios_metrics_core::{Kind, Registry};
use proptest::prelude::*;

use crate::awkward::awkward;

/// A sample's name and its labels.
pub(crate) type Key = (String, BTreeMap<String, String>);

/// The samples of a series with these label values, in which this was recorded.
pub(crate) type SamplesOf = fn(&Family, &[String], &[f64]) -> Vec<(Key, Number)>;

/// The number of a sample. Whole numbers are exact.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(u64),
    Float(f64),
}

impl PartialEq for Number {
    /// A `NaN` equals a `NaN`; a whole number equals a float that is exactly the same.
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Whole(whole), Self::Float(float)) | (Self::Float(float), Self::Whole(whole)) => {
                float >= 0.0 && float < u64::MAX as f64 && float as u64 == whole && float.fract() == 0.0
            }
        }
    }
}

/// Families, each under a name of its own.
#[derive(Clone, Debug)]
pub(crate) struct Model(pub(crate) Vec<Family>);

#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// The name without `_total`.
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) bounds: Vec<f64>,
    /// What each series gets; by label values, in this order.
    pub(crate) series: Vec<(Vec<String>, Vec<f64>)>,
}

impl Family {
    /// The name that samples carry.
    pub(crate) fn exposed(&self) -> String {
        if self.kind == Kind::Counter { format!("{}_total", self.name) } else { self.name.clone() }
    }

    fn labelled(&self, suffix: &str, values: &[String]) -> Key {
        let labels = self.labels.iter().map(|&label| label.to_owned()).zip(values.iter().cloned());
        (self.exposed() + suffix, labels.collect())
    }

    /// The samples of one series, in the order of the page.
    pub(crate) fn samples(&self, values: &[String], recorded: &[f64]) -> Vec<(Key, Number)> {
        let key = |suffix| self.labelled(suffix, values);
        match self.kind {
            Kind::Counter => vec![(key(""), total(recorded))],
            Kind::Gauge => vec![(key(""), Number::Float(recorded.last().copied().unwrap_or(0.0)))],
            _ => {
                let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
                let bucket = |bound: f64| {
                    let mut key = key("_bucket");
                    key.1.insert("le".to_owned(), bound_text(bound));
                    (key, Number::Whole(recorded.iter().filter(|&&value| value <= bound).count() as u64))
                };
                let sum = (key("_sum"), Number::Float(recorded.iter().sum()));
                let count = (key("_count"), Number::Whole(recorded.len() as u64));
                bounds.map(bucket).chain([sum, count]).collect()
            }
        }
    }

    /// The same as OpenMetrics shows them: bounds or sums below 0 are without `_sum` and `_count`.
    pub(crate) fn openmetrics_samples(&self, values: &[String], recorded: &[f64]) -> Vec<(Key, Number)> {
        let mut samples = self.samples(values, recorded);
        if self.kind == Kind::Histogram && (self.bounds[0] < 0.0 || recorded.iter().sum::<f64>() < 0.0) {
            samples.truncate(samples.len() - 2);
        }
        samples
    }

    /// Registers the family, then records by name, by family and by handle in turn.
    pub(crate) fn record(&self, registry: &Registry) {
        let labels = self.labels.as_slice();
        for (values, recorded) in &self.series {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let mut pairs: Vec<(&str, &str)> = labels.iter().copied().zip(values.iter().copied()).collect();
            for (i, &value) in recorded.iter().enumerate() {
                pairs.reverse();
                self.record_one(registry, &values, &pairs, i % 3, value);
            }
        }
    }

    fn record_one(
        &self,
        registry: &Registry,
        values: &[&str],
        pairs: &[(&str, &str)],
        way: usize,
        value: f64,
    ) {
        let labels = self.labels.as_slice();
        match self.kind {
            Kind::Counter => {
                let family = registry.register_counter(&self.name, "", labels).unwrap();
                match way {
                    0 if value.fract() == 0.0 => {
                        registry.increment_counter(&self.exposed(), pairs, value as u64).unwrap();
                    }
                    0 => registry.increment_counter(&self.name, pairs, value).unwrap(),
                    1 => family.inc_by(values, value).unwrap(),
                    _ => family.with(values).unwrap().inc_by(value),
                }
            }
            Kind::Gauge => match way {
                0 => registry.set_gauge(&self.name, value, pairs).unwrap(),
                1 => registry.register_gauge(&self.name, "", labels).unwrap().set(values, value).unwrap(),
                _ => registry.gauge(&self.name, pairs).unwrap().set(value),
            },
            _ => match way {
                0 => registry.observe_histogram(&self.name, value, pairs).unwrap(),
                1 => registry
                    .register_histogram(&self.name, "", labels, Some(&self.bounds))
                    .unwrap()
                    .observe(values, value)
                    .unwrap(),
                _ => registry.histogram(&self.name, pairs).unwrap().observe(value),
            },
        }
    }

    fn register(&self, registry: &Registry) {
        match self.kind {
            Kind::Counter => drop(registry.register_counter(&self.name, &self.help, &self.labels).unwrap()),
            Kind::Gauge => drop(registry.register_gauge(&self.name, &self.help, &self.labels).unwrap()),
            _ => drop(
                registry
                    .register_histogram(&self.name, &self.help, &self.labels, Some(&self.bounds))
                    .unwrap(),
            ),
        }
    }
}

impl Model {
    /// A registry in which all of it has happened.
    pub(crate) fn registry(&self) -> Registry {
        let registry = Registry::new();
        self.0.iter().for_each(|family| family.register(&registry));
        self.0.iter().for_each(|family| family.record(&registry));
        registry
    }

    /// Every sample that text 0.0.4 and the document must show.
    pub(crate) fn samples(&self) -> BTreeMap<Key, Number> {
        self.each(Family::samples)
    }

    /// Every sample that OpenMetrics must show.
    pub(crate) fn openmetrics_samples(&self) -> BTreeMap<Key, Number> {
        self.each(Family::openmetrics_samples)
    }

    fn each(&self, of_series: SamplesOf) -> BTreeMap<Key, Number> {
        let of_family = |family: &Family| -> Vec<_> {
            family.series.iter().flat_map(|(values, recorded)| of_series(family, values, recorded)).collect()
        };
        let samples: Vec<_> = self.0.iter().flat_map(of_family).collect();
        let count = samples.len();
        let samples: BTreeMap<_, _> = samples.into_iter().collect();
        assert_eq!(samples.len(), count, "the model has a sample twice");
        samples
    }
}

/// As `le` shows a bound: always a float.
fn bound_text(bound: f64) -> String {
    if bound == f64::INFINITY { "+Inf".to_owned() } else { format!("{bound:?}") }
}

/// Amounts are eighths below 2^45, so every sum is exact.
fn total(recorded: &[f64]) -> Number {
    let sum: f64 = recorded.iter().sum();
    if sum.fract() == 0.0 { Number::Whole(sum as u64) } else { Number::Float(sum) }
}

const LABELS: &[&[&str]] = &[&[], &["a"], &["route", "_b"], &["b", "a", "C3"]];

/// Registries of up to five families with awkward help and label values.
pub(crate) fn models() -> impl Strategy<Value = Model> {
    prop::collection::vec(family(), 0..5).prop_map(|mut families| {
        // A letter for each keeps their names apart, `x_count` and the like included.
        for (family, letter) in families.iter_mut().zip('a'..) {
            family.name.insert(0, letter);
        }
        Model(families)
    })
}

fn family() -> impl Strategy<Value = Family> {
    let kinds = prop::sample::select(vec![Kind::Counter, Kind::Gauge, Kind::Histogram]);
    (kinds, "[a-zA-Z0-9_:]{0,8}", awkward(), prop::sample::select(LABELS)).prop_flat_map(
        |(kind, name, help, labels)| {
            let values = prop::collection::vec(awkward(), labels.len());
            let recorded = prop::collection::vec(number(kind), 1..5);
            (prop::collection::vec((values, recorded), 0..4), bounds()).prop_map(
                move |(mut series, bounds)| {
                    let mut seen = BTreeSet::new();
                    series.retain(|(values, _)| seen.insert(values.clone()));
                    if labels.is_empty() && series.is_empty() {
                        series.push((Vec::new(), Vec::new()));
                    }
                    let name = name.trim_end_matches("_total").to_owned();
                    Family { name, help: help.clone(), kind, labels: labels.to_vec(), bounds, series }
                },
            )
        },
    )
}

fn number(kind: Kind) -> BoxedStrategy<f64> {
    let eighth = |n: i64| n as f64 / 8.0;
    match kind {
        Kind::Counter => {
            prop_oneof![(0_i64..1_000).prop_map(eighth), (0_i64..1 << 45).prop_map(|n| n as f64)].boxed()
        }
        Kind::Gauge => any::<f64>().boxed(),
        _ => (-800_i64..800).prop_map(eighth).boxed(),
    }
}

fn bounds() -> impl Strategy<Value = Vec<f64>> {
    let bound = prop_oneof![-20_i32..20, 0_i32..1_000_000];
    prop::collection::btree_set(bound, 1..6)
        .prop_map(|bounds| bounds.into_iter().map(|n| f64::from(n) / 8.0).collect())
}
