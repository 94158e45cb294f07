//! Updates and readings by name, and series that are removed, beside a plain map: what is refused, which
//! series are reached, what they add up to, and where updates go past the cap.

#![no_main]

use std::collections::BTreeMap;

use aios_metrics_core::{
    Counter, Family, Gauge, Histogram, Registry, RegistryOptions, Source, UpdateError, Value,
};
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
    Remove,
    /// Keeps the series whose first value has another length.
    Retain(u8),
    Clear,
}

#[derive(Arbitrary, Debug)]
struct Step<'a> {
    name: u8,
    labels: Vec<(u8, &'a str)>,
    /// Whether to leave the labels as they are, or to give each of the family's the next value.
    fitting: bool,
    call: Call,
}

/// A family, to remove series of.
enum Handle {
    Counter(Family<Counter>),
    Gauge(Family<Gauge>),
    Histogram(Family<Histogram>),
}

impl Handle {
    fn register(registry: &Registry, (names, kind, labels): (&[&str], Kind, &[&str])) -> Self {
        match kind {
            Kind::Counter => Self::Counter(registry.register_counter(names[0], "Help", labels).expect("new")),
            Kind::Gauge => Self::Gauge(registry.register_gauge(names[0], "Help", labels).expect("new")),
            Kind::Histogram => {
                let family = registry.register_histogram(names[0], "Help", labels, Some(&[1.0, 4.0]));
                Self::Histogram(family.expect("new"))
            }
        }
    }

    fn remove(&self, values: &[&str]) -> bool {
        let removed = match self {
            Self::Counter(family) => family.remove(values),
            Self::Gauge(family) => family.remove(values),
            Self::Histogram(family) => family.remove(values),
        };
        removed.expect("as many values as labels")
    }

    fn retain(&self, length: u8) {
        let keep =
            |labels: aios_metrics_core::Labels<'_>| keeps(labels.iter().next().map(|(_, v)| v), length);
        match self {
            Self::Counter(family) => family.retain(keep),
            Self::Gauge(family) => family.retain(keep),
            Self::Histogram(family) => family.retain(keep),
        }
    }

    fn clear(&self) {
        match self {
            Self::Counter(family) => family.clear(),
            Self::Gauge(family) => family.clear(),
            Self::Histogram(family) => family.clear(),
        }
    }
}

fn keeps(first: Option<impl AsRef<str>>, length: u8) -> bool {
    first.is_none_or(|value| value.as_ref().len() != usize::from(length))
}

/// A family as it should be: recorded values by label values.
#[derive(Default)]
struct Model {
    series: BTreeMap<Vec<String>, (u64, f64)>,
    /// Whether there is a series that was made for what found no room; it takes none itself.
    overflow: bool,
}

impl Model {
    /// The series for these values, created if need be; past the cap, the one for all others.
    fn series(&mut self, mut values: Vec<String>) -> &mut (u64, f64) {
        let full = self.series.len() >= CAP + usize::from(self.overflow);
        if full && !self.series.contains_key(&values) {
            values.fill(OVERFLOW.to_owned());
            self.overflow |= !self.series.contains_key(&values);
        }
        self.series.entry(values).or_default()
    }

    fn retain(&mut self, keep: impl Fn(&[String]) -> bool) {
        self.series.retain(|values, recorded| match &values[..] {
            // A metric without labels begins at zero again at once.
            [] => {
                *recorded = if keep(&[]) { *recorded } else { Default::default() };
                true
            }
            values => keep(values),
        });
        self.overflow &= self.series.keys().any(|values| values.iter().all(|value| value == OVERFLOW));
    }
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(CAP));
    let mut models: [Model; 4] = Default::default();
    let handles = FAMILIES.map(|family| Handle::register(&registry, family));
    models[1].series(Vec::new());
    for step in &steps {
        run(&registry, &handles, &mut models, step);
    }
    compare(&registry, &models);
});

fn run(registry: &Registry, handles: &[Handle; 4], models: &mut [Model; 4], step: &Step<'_>) {
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
                let series = models[at].series.get(&values)?;
                Some(if FAMILIES[at].1 == Kind::Histogram { series.0 as f64 } else { series.1 })
            });
            if family.is_some() {
                assert_eq!(registry.value(name, &labels), known, "{name} {labels:?}");
            }
        }
        Call::Remove => {
            if let Some((at, values)) = family.zip(values) {
                let given: Vec<&str> = values.iter().map(String::as_str).collect();
                assert_eq!(handles[at].remove(&given), models[at].series.contains_key(&values), "{given:?}");
                models[at].retain(|known| *known != values);
            }
        }
        Call::Retain(length) => {
            if let Some(at) = family {
                handles[at].retain(length);
                models[at].retain(|values| keeps(values.first(), length));
            }
        }
        Call::Clear => {
            if let Some(at) = family {
                handles[at].clear();
                models[at].retain(|_| false);
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
        assert_eq!(family.series().len(), models[at].series.len(), "{name}");
        for series in family.series() {
            let values: Vec<String> = series.labels().map(|(_, value)| value.into_owned()).collect();
            let expected = models[at].series.get(&values).unwrap_or_else(|| panic!("{name} {values:?}"));
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
