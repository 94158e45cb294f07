//! What holds for every registry: the streamed document is the serialized one, every sample stands
//! once with its value, totals are what was added, and labels are told apart by name and value.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/awkward.rs"]
mod awkward;
#[path = "support/model.rs"]
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aios_metrics_core::{
    Document, Documents, Format, Identity, OpenMetricsText, PrometheusText, Registry, RollingOptions,
    SampleKey, SampleValue, Section, Source,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::awkward::awkward;
use crate::model::{Family, Key, Number, SamplesOf, models};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

fn page(registry: &Registry, format: &impl Format) -> String {
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    String::from_utf8(page).unwrap()
}

#[derive(Clone, Debug)]
struct Part(String, Option<Json>);

impl Section for Part {
    fn name(&self) -> &str {
        &self.0
    }

    fn read(&self) -> Option<Json> {
        self.1.clone()
    }
}

/// Values of every form that JSON has.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        awkward().prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(awkward(), inner, 0..3)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

const TAKEN: &[&str] =
    &["hardware", "blockId", "rolling", "sequence", "a", "a_count", "a_sum", "b_total", "a{a=}", "build"];

/// What a rolling metric may show; those with more digits than are kept are rounded.
fn quantiles() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![0.0..=1.0, prop::sample::select(vec![0.5, 0.999, 1.0])], 0..4)
}

/// Sections and rolling metrics, some under the names of the document's own keys or of samples.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![awkward(), prop::sample::select(TAKEN).prop_map(str::to_owned)]
}

prop_compose! {
    fn parts()(parts in prop::collection::vec((names(), prop::option::of(json())), 0..4)) -> Vec<Part> {
        parts.into_iter().map(|(name, value)| Part(name, value)).collect()
    }
}

fn documents(registry: Registry, parts: Vec<Part>, identity: &Identity) -> Documents {
    let documents = Documents::new(Arc::new(registry), identity.clone());
    parts.into_iter().fold(documents, |documents, part| documents.with_section(Arc::new(part)))
}

prop_compose! {
    fn identities()(block in awkward(), instance in awkward(), node in awkward()) -> Identity {
        Identity::new(block, instance, node)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_streamed_document_is_the_serialized_one(
        model in models(),
        parts in parts(),
        rolling in prop::collection::vec((awkward(), names(), any::<f64>(), quantiles()), 0..4),
        identity in identities(),
        flat in any::<bool>(),
        sequence in prop::option::of(any::<u64>()),
    ) {
        let registry = model.registry();
        for (category, name, value, quantiles) in rolling {
            let options = RollingOptions::default().with_quantiles(quantiles);
            let _ = registry.rolling_with(&name, options.clone());
            let _ = registry.custom_rolling_with(&category, &name, options);
            // Some names and values are refused, which is not what this is about.
            let _ = registry.observe_rolling(&name, value);
            let _ = registry.observe_custom_rolling(&category, &name, value);
        }
        let documents = documents(registry, parts, &identity).with_flat_rolling(flat);
        let mut streamed = Vec::new();
        documents.write_json(sequence, &mut streamed);
        let text = String::from_utf8(streamed).unwrap();
        prop_assert!(!text.contains('\n'));

        let document: Document = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&serde_json::to_string(&document).unwrap(), &text);
        prop_assert_eq!(document.sequence, sequence);
        prop_assert_eq!(&document.block_id, &identity.block_id);
        prop_assert_eq!(&document.boot_id, &identity.boot_id);
        // No key stands twice: as many colons behind keys as a map has entries.
        let entries: serde_json::Map<String, Json> = serde_json::from_str(&text).unwrap();
        let keys = document.samples.len() + document.sections.len() + 9 + usize::from(sequence.is_some());
        prop_assert_eq!(entries.len(), keys);
    }

    #[test]
    fn a_document_shows_every_sample_once_with_its_value(model in models(), identity in identities()) {
        let registry = model.registry();
        let document = Document::collect(&registry.snapshot(), &identity, &[]);
        let mut found = BTreeMap::new();
        for (text, value) in &document.samples {
            let key: SampleKey = text.parse().unwrap();
            prop_assert_eq!(&key.to_string(), text);
            let number = match *value {
                SampleValue::Whole(whole) => Number::Whole(whole),
                other => Number::Float(other.as_f64()),
            };
            let key: Key = (key.name, key.labels.into_iter().collect());
            prop_assert!(found.insert(key, number).is_none(), "{} stands twice", text);
        }
        let mut expected = model.samples();
        for number in expected.values_mut() {
            if let Number::Float(float) = number && !float.is_finite() {
                *number = Number::Float(f64::NAN);
            }
        }
        prop_assert_eq!(&found, &expected);
        for ((name, labels), number) in &expected {
            let labels: Vec<(&str, &str)> = labels.iter().rev().map(|(l, v)| (l.as_str(), v.as_str())).collect();
            prop_assert_eq!(document.sample(name, &labels).map(Number::Float), Some(as_float(*number)));
        }
    }

    #[test]
    fn a_page_shows_every_sample_once_in_the_order_of_creation(mut model in models()) {
        let registry = model.registry();
        model.0.sort_by(|a, b| a.name.cmp(&b.name));
        let of_model = |samples: SamplesOf| -> Vec<(String, Number)> {
            let of_series = |family: &Family, (values, recorded): &(Vec<String>, Vec<f64>)| -> Vec<_> {
                samples(family, values, recorded).into_iter().map(|(key, n)| (opening(family, &key), n)).collect()
            };
            model.0.iter().flat_map(|f| f.series.iter().flat_map(move |series| of_series(f, series))).collect()
        };
        let text = page(&registry, &PrometheusText);
        prop_assert_eq!(sample_lines(&text), of_model(Family::samples), "{}", text);
        let text = page(&registry, &OpenMetricsText);
        prop_assert_eq!(sample_lines(&text), of_model(Family::openmetrics_samples), "{}", text);
    }

    #[test]
    fn by_name_the_order_of_labels_does_not_matter(values in [awkward(), awkward(), awkward()], order in Just([0, 1, 2]).prop_shuffle()) {
        let registry = Registry::new();
        let labels = ["x", "y", "z"];
        let family = registry.register_counter("orders_total", "Orders", &labels).unwrap();
        let pairs: Vec<(&str, &str)> = order.iter().map(|&i: &usize| (labels[i], &*values[i])).collect();
        registry.increment_counter("orders_total", &pairs, 2_u64).unwrap();
        let in_order = values.each_ref().map(String::as_str);
        family.inc(&in_order).unwrap();
        prop_assert_eq!(family.with(&in_order).unwrap().get(), 3.0);
        prop_assert_eq!(registry.value("orders_total", &pairs), Some(3.0));
        let snapshot = registry.snapshot();
        prop_assert_eq!(snapshot.families().next().unwrap().series().len(), 1);
    }

    #[test]
    fn label_sets_are_told_apart(a in [awkward(), awkward()], b in [awkward(), awkward()]) {
        let registry = Registry::new();
        let family = registry.register_counter("pairs_total", "Pairs", &["x", "y"]).unwrap();
        let (a, b) = (a.each_ref().map(String::as_str), b.each_ref().map(String::as_str));
        family.inc_by(&a, 1_u64).unwrap();
        family.inc_by(&b, 10_u64).unwrap();
        let expected = if a == b { (11.0, 11.0) } else { (1.0, 10.0) };
        prop_assert_eq!((family.with(&a).unwrap().get(), family.with(&b).unwrap().get()), expected);
        for series in registry.snapshot().families().next().unwrap().series() {
            let labels: Vec<_> = series.labels().map(|(name, value)| (name, value.into_owned())).collect();
            let is = |values: [&str; 2]| labels == [("x", values[0].to_owned()), ("y", values[1].to_owned())];
            prop_assert!(is(a) || is(b), "{:?}", labels);
        }
    }

    #[test]
    fn totals_are_what_was_added(operations in prop::collection::vec(operations(), 0..200)) {
        let registry = Registry::new();
        let family = registry.register_counter("work_total", "Work", &["kind", "who"]).unwrap();
        let mut oracle: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        let mut handles = BTreeMap::new();
        for (way, (kind, who), amount) in &operations {
            let values = [*kind, *who];
            let whole = (amount.fract() == 0.0).then_some(*amount as u64);
            match (way, whole) {
                (0, Some(n)) => registry.increment_counter("work", &[("kind", kind), ("who", who)], n).unwrap(),
                (0, None) => registry.increment_counter("work_total", &[("who", who), ("kind", kind)], *amount).unwrap(),
                (1, Some(n)) => family.inc_by(&values, n).unwrap(),
                (1, None) => family.inc_by(&values, *amount).unwrap(),
                (_, _) => handles.entry(values).or_insert_with(|| family.with(&values).unwrap()).inc_by(*amount),
            }
            *oracle.entry((*kind, *who)).or_default() += amount;
        }
        for (&(kind, who), &total) in &oracle {
            prop_assert_eq!(registry.value("work_total", &[("kind", kind), ("who", who)]), Some(total));
        }
        let snapshot = registry.snapshot();
        prop_assert_eq!(snapshot.families().next().unwrap().series().len(), oracle.len());
    }

    #[test]
    fn whole_and_fractional_amounts_mix(wholes in prop::collection::vec(0_u64..1 << 40, 0..20), eighths in prop::collection::vec(0_u32..64, 0..20)) {
        let counter = Registry::new().register_counter("mixed_total", "Mixed", &[]).unwrap().with(&[]).unwrap();
        wholes.iter().for_each(|&n| counter.inc_by(n));
        eighths.iter().for_each(|&n| counter.inc_by(f64::from(n) / 8.0));
        let eighths: u32 = eighths.iter().sum();
        prop_assert_eq!(counter.get(), wholes.iter().sum::<u64>() as f64 + f64::from(eighths) / 8.0);
    }
}

/// A way to update, label values, and an amount in eighths.
fn operations() -> impl Strategy<Value = (u8, (&'static str, &'static str), f64)> {
    let values =
        prop::sample::select(&["", "a", "b", "ab", "\"", "\\", "\\\"", ",", "a,b", "\n", "é", "{}"][..]);
    let amount = prop_oneof![(0_u32..100).prop_map(f64::from), (0_u32..800).prop_map(|n| f64::from(n) / 8.0)];
    (0_u8..3, (values.clone(), values), amount)
}

fn as_float(number: Number) -> Number {
    match number {
        Number::Whole(whole) => Number::Float(whole as f64),
        float => float,
    }
}

/// What stands in front of the number of a sample, escaped the plain way.
fn opening(family: &Family, (name, labels): &Key) -> String {
    let escaped = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let ordered = family.labels.iter().copied().chain(["le"]);
    let pairs: Vec<String> = ordered
        .filter_map(|label| labels.get(label).map(|value| format!("{label}=\"{}\"", escaped(value))))
        .collect();
    if pairs.is_empty() { name.clone() } else { format!("{name}{{{}}}", pairs.join(",")) }
}

/// The samples of a page, each cut in front of its number.
fn sample_lines(page: &str) -> Vec<(String, Number)> {
    let number =
        |text: &str| text.parse().map(Number::Whole).unwrap_or_else(|_| Number::Float(text.parse().unwrap()));
    page.split('\n')
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(opening, value)| (opening.to_owned(), number(value)))
        .collect()
}

#[test]
fn a_sample_gives_way_to_what_has_exactly_its_key() {
    let registry = Registry::new();
    let jobs = registry.register_gauge("jobs", "Jobs", &["kind"]).unwrap();
    jobs.set(&["a"], 1.0).unwrap();
    jobs.set(&["b\"\n"], 2.0).unwrap();
    registry.register_histogram("wait", "Wait", &[], Some(&[1.0])).unwrap();
    registry.observe_rolling("jobs{kind=a}", 3.0).unwrap();
    registry.observe_rolling("wait_count", 4.0).unwrap();
    registry.observe_rolling("jobs", 5.0).unwrap();
    let parts = [
        ("wait_sum", Some(Json::from("said"))),
        ("jobs{kind=\"b\\\"\\n\"}", None),
        ("number", Some(Json::from(7))),
    ];
    let parts = parts.map(|(name, value)| Part(name.to_owned(), value)).to_vec();
    let document =
        documents(registry, parts, &Identity::new("b", "i", "n")).with_flat_rolling(true).collect();

    let samples: Vec<&str> = document.samples.keys().map(String::as_str).collect();
    let expected = ["jobs{kind=\"b\\\"\\n\"}", "wait_bucket{le=1.0}", "wait_bucket{le=+Inf}", "number"];
    assert_eq!(samples, expected);
    let sections: Vec<&str> = document.sections.keys().map(String::as_str).collect();
    assert_eq!(sections, ["wait_sum", "jobs", "jobs{kind=a}", "wait_count"]);
}

/// As many labels as are put in order, and more than that.
#[test]
fn labels_in_another_order_are_the_same_series() {
    for count in [1, 2, 16, 17, 40] {
        let names: Vec<String> = (0..count).map(|i| format!("label_{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let registry = Registry::new();
        registry.register_counter("jobs_total", "Jobs", &names).unwrap();
        let mut labels: Vec<(&str, &str)> = names.iter().map(|name| (*name, &name[6..])).collect();
        registry.increment_counter("jobs_total", &labels, 1_u64).unwrap();
        for turn in 0..count {
            labels.rotate_left(turn);
            labels.reverse();
            registry.increment_counter("jobs_total", &labels, 1_u64).unwrap();
        }
        assert_eq!(registry.value("jobs_total", &labels), Some(count as f64 + 1.0));
        labels[0].0 = "another";
        assert!(registry.increment_counter("jobs_total", &labels, 1_u64).is_err());
        if count > 1 {
            // One twice, and so another one not at all.
            labels[0].0 = labels[1].0;
            assert!(registry.increment_counter("jobs_total", &labels, 1_u64).is_err());
        }
    }
}

/// Words of 4, 8 and 16 bytes are what values are hashed and compared by.
#[test]
fn values_of_any_length_are_series_of_their_own() {
    let text = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    let even = "a".repeat(text.len());
    for count in 1..=5 {
        let names: Vec<String> = (0..count).map(|i| format!("label_{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let registry = Registry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs", &names).unwrap();
        // Each prefix of two texts in the last place, and in the first one where that is another.
        let values: BTreeSet<Vec<&str>> = [text, &even]
            .into_iter()
            .flat_map(|text| (0..text.len()).map(move |len| &text[..len]))
            .flat_map(|value| {
                [0, count - 1].map(|at| (0..count).map(|i| if i == at { value } else { "" }).collect())
            })
            .collect();
        for values in &values {
            let labels: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().copied()).collect();
            jobs.inc(values).unwrap();
            registry.increment_counter("jobs_total", &labels, 1_u64).unwrap();
            jobs.with(values).unwrap().inc();
            assert_eq!(registry.value("jobs_total", &labels), Some(3.0), "{values:?}");
            // A byte more or less is another series.
            let longer = format!("{}a", values[count - 1]);
            let mut others = values.clone();
            others[count - 1] = &longer;
            jobs.inc_by(&others, 0_u64).unwrap();
        }
        jobs.clear();
        for values in &values {
            jobs.inc(values).unwrap();
        }
        let mut page = Vec::new();
        registry.encode(&PrometheusText, &mut page);
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.lines().filter(|line| line.ends_with(" 1")).count(), values.len());
    }
}
