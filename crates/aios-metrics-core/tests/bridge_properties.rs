//! Properties of both directions between registries of `prometheus-client` and ours: random metrics
//! and random text, judged by Python's strict parser.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/awkward.rs"]
mod awkward;
#[path = "support/foreign.rs"]
mod foreign;
#[path = "support/model.rs"]
mod model;
#[allow(dead_code, reason = "golden pages go through promtool")]
#[path = "support/outside.rs"]
mod outside;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

use aios_metrics_core::{Attach, Kind, PrometheusText, Registry, Source, Value};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry as Theirs;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::foreign::{Labels, attached, encode, openmetrics, their_page};
use crate::model::{Key, Model, Number, models};
use crate::outside::{Page, parse_pages};

/// Registries drawn at random, other ones each time.
fn random_models(count: usize) -> Vec<Model> {
    let mut runner = TestRunner::default();
    (0..count).map(|_| models().new_tree(&mut runner).unwrap().current()).collect()
}

/// One of their registries in which the model has happened.
fn theirs(model: &Model) -> Theirs {
    let mut registry = Theirs::default();
    for family in &model.0 {
        let (name, help) = (&family.name, &family.help);
        let pairs = |values: &[String]| -> Labels {
            family.labels.iter().map(|&name| name.to_owned()).zip(values.iter().cloned()).collect()
        };
        match family.kind {
            Kind::Counter => {
                let counters = Family::<Labels, Counter<f64, AtomicU64>>::default();
                for (values, recorded) in &family.series {
                    let counter = counters.get_or_create_owned(&pairs(values));
                    for &amount in recorded {
                        counter.inc_by(amount);
                    }
                }
                registry.register(name, help, counters);
            }
            Kind::Gauge => {
                let gauges = Family::<Labels, Gauge<f64, AtomicU64>>::default();
                for (values, recorded) in &family.series {
                    let gauge = gauges.get_or_create_owned(&pairs(values));
                    for &value in recorded {
                        gauge.set(value);
                    }
                }
                registry.register(name, help, gauges);
            }
            _ => {
                let bounds = family.bounds.clone();
                let make = move || Histogram::new(bounds.iter().copied());
                let histograms = Family::<Labels, Histogram, _>::new_with_constructor(make);
                for (values, recorded) in &family.series {
                    let histogram = histograms.get_or_create_owned(&pairs(values));
                    recorded.iter().for_each(|&value| histogram.observe(value));
                }
                registry.register(name, help, histograms);
            }
        }
    }
    registry
}

fn samples(page: &Page, text: &str) -> BTreeMap<Key, Number> {
    let found: BTreeMap<_, _> = page.samples.iter().cloned().collect();
    assert_eq!(found.len(), page.samples.len(), "a sample stands twice in\n{text}");
    found
}

/// Python's parsers strip white space around help.
fn stripped(help: &str) -> &str {
    help.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

#[test]
fn attached_metrics_are_read_back_as_they_were_recorded() {
    let models = random_models(300);
    let pages: Vec<_> = models
        .iter()
        .flat_map(|model| {
            let ours = Registry::new();
            ours.attach(theirs(model));
            [("text", encode(&ours, &PrometheusText)), ("openmetrics", openmetrics(&ours))]
        })
        .collect();
    for (i, (result, (format, text))) in parse_pages(&pages).iter().zip(&pages).enumerate() {
        let page = result.as_ref().unwrap_or_else(|error| panic!("{format}: {error}\n{text}"));
        let model = &models[i / 2];
        let expected = if *format == "openmetrics" { model.openmetrics_samples() } else { model.samples() };
        assert_eq!(samples(page, text), expected, "{format} page\n{text}");
        // Families without a series are not written by their encoder.
        let shown = || model.0.iter().filter(|family| !family.series.is_empty());
        assert_eq!(page.families.len(), shown().count(), "families of\n{text}");
        for family in shown() {
            let (help, kind) = &page.families[&family.name];
            assert_eq!(kind, family.kind.as_str());
            assert_eq!(stripped(help), stripped(&format!("{}.", family.help)), "in\n{text}");
        }
    }
}

#[test]
fn their_page_shows_ours() {
    let models = random_models(300);
    let pages: Vec<_> = models
        .iter()
        .flat_map(|model| {
            let ours = model.registry();
            let mut theirs = Theirs::default();
            theirs.register_collector(Box::new(ours.clone()));
            [("openmetrics", their_page(&theirs)), ("openmetrics", openmetrics(&ours))]
        })
        .collect();
    let parsed = parse_pages(&pages);
    for (both, (texts, model)) in parsed.chunks(2).zip(pages.chunks(2).zip(&models)) {
        let page = |i: usize| both[i].as_ref().unwrap_or_else(|error| panic!("{error}\n{}", texts[i].1));
        let (theirs, ours) = (page(0), page(1));
        let text = &texts[0].1;
        // Without `_sum` there is nothing on theirs, and on ours there are buckets.
        let below_zero = |family: &model::Family| family.kind == Kind::Histogram && family.bounds[0] < 0.0;
        let mut expected = samples(ours, &texts[1].1);
        for family in model.0.iter().filter(|family| family.kind == Kind::Histogram) {
            for (values, recorded) in &family.series {
                if below_zero(family) || recorded.iter().sum::<f64>() < 0.0 {
                    for (key, _) in family.samples(values, recorded) {
                        expected.remove(&key);
                    }
                }
            }
        }
        assert_eq!(samples(theirs, text), expected, "{text}");
        for family in model.0.iter().filter(|family| !below_zero(family)) {
            assert_eq!(theirs.families.get(&family.name), ours.families.get(&family.name), "{text}");
        }
    }
}

/// A value in digits: a total of 2 is 2, with or without fractions on the way.
fn exactly(value: Value<'_>) -> String {
    match value {
        Value::Whole(whole) => whole.to_string(),
        Value::Float(float) => float.to_string(),
        histogram => format!("{histogram:?}"),
    }
}

/// There and back: ours, on theirs, on ours again.
#[test]
fn what_went_through_both_is_the_same() {
    for model in random_models(100) {
        let mut theirs = Theirs::default();
        theirs.register_collector(Box::new(model.registry()));
        let back = Registry::new();
        back.attach(theirs);
        let ours = model.registry();
        let (there, here) = (back.snapshot(), ours.snapshot());
        let here = here.families().filter(|family| {
            let lowest = family.descriptor().bounds().first();
            lowest.is_none_or(|&lowest| lowest >= 0.0)
        });
        for (there, here) in there.families().zip(here) {
            assert_eq!(there.descriptor().name(), here.descriptor().name());
            assert_eq!(there.descriptor().kind(), here.descriptor().kind());
            let negative = |value| matches!(value, Value::Histogram { sum, .. } if sum < 0.0);
            let here: Vec<_> = here.series().filter(|series| !negative(series.value())).collect();
            assert_eq!(there.series().len(), here.len());
            for (there, here) in there.series().zip(here) {
                assert_eq!(there.label_text(), here.label_text());
                assert_eq!(exactly(there.value()), exactly(here.value()));
            }
        }
    }
}

/// OpenMetrics text, and what may have become of it.
struct Text(String);

impl Attach for Text {
    fn encode(&self, out: &mut String) -> fmt::Result {
        out.push_str(&self.0);
        Ok(())
    }
}

/// A text of lines that mean something, in any order, cut anywhere.
fn texts() -> impl Strategy<Value = String> {
    let whole = their_page(&foreign::every_kind()) + &their_page(&foreign::all_bad());
    let lines: Vec<String> = whole.lines().map(|line| format!("{line}\n")).collect();
    let starts: Vec<usize> =
        (0..lines.len()).filter(|&i| lines[i].starts_with("# HELP")).chain([lines.len()]).collect();
    let families: Vec<String> = starts.windows(2).map(|pair| lines[pair[0]..pair[1]].concat()).collect();
    let parts = prop_oneof![
        6 => prop::sample::select(families),
        2 => prop::sample::select(lines),
        1 => awkward::awkward(),
        1 => prop::sample::select(vec![
            "# HELP ", "# TYPE ", "# UNIT ", "\n", "jobs", "{", "}", "le=\"", "\",", " # {} 1 1", " 1e400", "_total",
        ]).prop_map(str::to_owned),
    ];
    let cut = |part: &str, from: usize, to: usize| -> String {
        let chars = part.chars().count() + 1;
        part.chars().skip(from % chars).take(to % chars).collect()
    };
    let part = (parts, any::<usize>(), any::<usize>(), 0..4_u8)
        .prop_map(move |(part, from, to, whole)| if whole > 0 { part } else { cut(&part, from, to) });
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in any::<String>()) {
        prop_assert!(openmetrics(&attached(Text(text))).ends_with("# EOF\n"));
    }

    #[test]
    fn any_text_of_known_parts_can_be_read(text in texts()) {
        prop_assert!(openmetrics(&attached(Text(text))).ends_with("# EOF\n"));
    }
}

/// Whatever is attached, our page is a valid one.
#[test]
fn the_page_is_valid_whatever_is_attached() {
    let mut runner = TestRunner::default();
    let any = texts();
    let texts: Vec<String> = (0..400).map(|_| any.new_tree(&mut runner).unwrap().current()).collect();
    let pages: Vec<_> =
        texts.iter().map(|text| ("openmetrics", openmetrics(&attached(Text(text.clone()))))).collect();
    for ((result, (_, page)), text) in parse_pages(&pages).iter().zip(&pages).zip(&texts) {
        assert!(result.is_ok(), "{result:?}\n--- page\n{page}\n--- attached\n{text}");
    }
    let samples =
        |page: &String| page.lines().filter(|l| !l.starts_with('#') && !l.starts_with("aios_")).count();
    let shown = pages.iter().map(|(_, page)| samples(page)).sum::<usize>();
    assert!(shown > 1_000, "some of what is attached is in order, {shown} samples");
}
