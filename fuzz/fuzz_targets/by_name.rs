//! Updates and readings by name, beside a plain map: which are refused, which series they reach, what
//! they add up to, and where they go past the cap.

#![no_main]

use std::collections::BTreeMap;

use aios_metrics_core::{Registry, RegistryOptions, Source, UpdateError, Value};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

const CAP: usize = 6;
const OVERFLOW: &str = "__overflow__";

/// What is registered, by the names that reach it.
const FAMILIES: [(&[&str], Kind, &[&str]); 4] = [
    (&["jobs", "jobs_total"], Kind::Counter, &["a", "b"]),
    (&["plain", "plain_total"], Kind::Counter, &[]),
    (&["depth"], Kind::Gauge, &["a"]),
    (&["size"], Kind::Histogram, &["a", "b", "c"]),
];

/// Names that reach nothing stand among them.
const NAMES: [&str; 9] =
    ["jobs", "jobs_total", "plain", "plain_total", "depth", "size", "size_count", "jobs_total_total", ""];
const LABELS: [&str; 5] = ["a", "b", "c", "d", ""];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Whole(u16),
    /// In quarters, which add up exactly.
    Fraction(i16),
    Invalid(bool),
    Set(i16),
    Observe(i16),
    Handle(u8),
    Read,
}

#[derive(Arbitrary, Debug)]
struct Step<'a> {
    name: u8,
    labels: Vec<(u8, &'a str)>,
    /// Whether to leave the labels as they are, or to give each of the family's the next value.
    fitting: bool,
    call: Call,
}

/// A family as it should be: recorded values by label values.
#[derive(Default)]
struct Model(BTreeMap<Vec<String>, (u64, f64)>);

impl Model {
    /// The series for these values, created if need be; past the cap, the one for all others.
    fn series(&mut self, values: Vec<String>) -> &mut (u64, f64) {
        let full = !self.0.contains_key(&values) && self.0.len() >= CAP;
        let values = if full { vec![OVERFLOW.to_owned(); values.len()] } else { values };
        self.0.entry(values).or_default()
    }
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(CAP));
    let mut models: [Model; 4] = Default::default();
    for (names, kind, labels) in FAMILIES {
        match kind {
            Kind::Counter => drop(registry.register_counter(names[0], "Help", labels).expect("new")),
            Kind::Gauge => drop(registry.register_gauge(names[0], "Help", labels).expect("new")),
            Kind::Histogram => {
                drop(registry.register_histogram(names[0], "Help", labels, Some(&[1.0, 4.0])).expect("new"));
            }
        }
    }
    models[1].series(Vec::new());
    for step in &steps {
        run(&registry, &mut models, step);
    }
    compare(&registry, &models);
});

fn run(registry: &Registry, models: &mut [Model; 4], step: &Step<'_>) {
    let name = NAMES[usize::from(step.name) % NAMES.len()];
    let family = FAMILIES.iter().position(|(names, ..)| names.contains(&name));
    let mut labels: Vec<(&str, &str)> = step
        .labels
        .iter()
        .map(|(label, value)| (LABELS[usize::from(*label) % LABELS.len()], *value))
        .collect();
    if step.fitting
        && let Some(at) = family
    {
        let value = |i: usize| step.labels.get(i).map_or("", |(_, value)| *value);
        labels = FAMILIES[at].2.iter().enumerate().map(|(i, label)| (*label, value(i))).collect();
        if !labels.is_empty() {
            let by = usize::from(step.name) % labels.len();
            labels.rotate_left(by);
        }
    }
    // The values in the order of registration, if the labels are those of the family.
    let values = family.and_then(|at| values(FAMILIES[at].2, &labels));
    let of_kind = |kind| family.filter(|at| FAMILIES[*at].1 == kind);
    let expect = |kind, result: Result<(), UpdateError>| {
        match (&result, of_kind(kind), &values) {
            (Ok(()), Some(_), Some(_)) => {}
            (Err(UpdateError::UnknownMetric { .. }), ..) if family.is_none() => {}
            (Err(UpdateError::WrongKind { .. }), None, _) if family.is_some() => {}
            (Err(UpdateError::Labels(_)), Some(_), None) => {}
            _ => panic!("{result:?} for {name} {labels:?}"),
        }
        of_kind(kind).zip(values.clone()).filter(|_| result.is_ok())
    };
    match step.call {
        Call::Whole(n) => {
            let result = registry.increment_counter(name, &labels, u64::from(n));
            if let Some((at, values)) = expect(Kind::Counter, result) {
                models[at].series(values).1 += f64::from(n);
            }
        }
        Call::Fraction(quarters) if quarters >= 0 => {
            let result = registry.increment_counter(name, &labels, f64::from(quarters) / 4.0);
            if let Some((at, values)) = expect(Kind::Counter, result) {
                models[at].series(values).1 += f64::from(quarters) / 4.0;
            }
        }
        Call::Fraction(quarters) => {
            assert!(registry.increment_counter(name, &labels, f64::from(quarters) / 4.0).is_err());
        }
        Call::Invalid(infinite) => {
            let value = if infinite { f64::INFINITY } else { f64::NAN };
            assert!(registry.increment_counter(name, &labels, value).is_err());
            assert!(registry.observe_histogram(name, value, &labels).is_err());
        }
        Call::Set(value) => {
            let result = registry.set_gauge(name, f64::from(value), &labels);
            if let Some((at, values)) = expect(Kind::Gauge, result) {
                models[at].series(values).1 = f64::from(value);
            }
        }
        Call::Observe(value) => {
            let result = registry.observe_histogram(name, f64::from(value), &labels);
            if let Some((at, values)) = expect(Kind::Histogram, result) {
                let series = models[at].series(values);
                *series = (series.0 + 1, series.1 + f64::from(value));
            }
        }
        Call::Handle(n) => match registry.counter(name, &labels) {
            Ok(counter) => {
                counter.inc_by(u64::from(n));
                let (at, values) = expect(Kind::Counter, Ok(())).expect("a counter");
                models[at].series(values).1 += f64::from(n);
            }
            Err(error) => drop(expect(Kind::Counter, Err(error))),
        },
        Call::Read => {
            let known = family.zip(values).and_then(|(at, values)| {
                let series = models[at].0.get(&values)?;
                Some(if FAMILIES[at].1 == Kind::Histogram { series.0 as f64 } else { series.1 })
            });
            if family.is_some() {
                assert_eq!(registry.value(name, &labels), known, "{name} {labels:?}");
            }
        }
    }
}

/// Labels that a metric without any is given are dropped.
fn values(names: &[&str], labels: &[(&str, &str)]) -> Option<Vec<String>> {
    if !names.is_empty() && names.len() != labels.len() {
        return None;
    }
    let value =
        |name: &&str| labels.iter().find(|(label, _)| label == name).map(|(_, value)| (*value).to_owned());
    names.iter().map(value).collect()
}

/// Every series of the registry is one of the model's, with its value, and the other way round.
fn compare(registry: &Registry, models: &[Model; 4]) {
    let snapshot = registry.snapshot();
    for family in snapshot.families() {
        let name = family.descriptor().name();
        let at = FAMILIES.iter().position(|(names, ..)| names.contains(&name)).expect("registered");
        assert_eq!(family.series().len(), models[at].0.len(), "{name}");
        for series in family.series() {
            let values: Vec<String> = series.labels().map(|(_, value)| value.into_owned()).collect();
            let expected = models[at].0.get(&values).unwrap_or_else(|| panic!("{name} {values:?}"));
            let found = match series.value() {
                Value::Whole(whole) => (0, whole as f64),
                Value::Float(float) => (0, float),
                Value::Histogram { buckets, sum } => (buckets.iter().sum(), sum),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, *expected, "{name} {values:?}");
        }
    }
}
