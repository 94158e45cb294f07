//! Our pages in the hands of independent parsers: Python's `prometheus_client` (the strict one for
//! OpenMetrics, the lax one for text 0.0.4) and `promtool check metrics`.
//!
//! They need a Python with `prometheus-client` and a `promtool`; without them they fail, and say
//! what to install.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/awkward.rs"]
mod awkward;
#[path = "support/model.rs"]
mod model;
#[path = "support/outside.rs"]
mod outside;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Format, ManualClock, OpenMetricsText, PrometheusText, Registry, RegistryOptions};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::awkward::awkward;
use crate::model::{Model, Number, models};
use crate::outside::{Exemplar, Page, parse_pages, promtool};

fn encode(registry: &Registry, format: &impl Format) -> String {
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    String::from_utf8(page).unwrap()
}

/// Registries drawn at random, other ones each time.
fn random_models(count: usize) -> Vec<Model> {
    let mut runner = TestRunner::default();
    (0..count).map(|_| models().new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn both_formats_are_read_back_as_they_were_recorded() {
    // All in one run of Python: starting it takes far longer than parsing a page.
    let models = random_models(400);
    let formats = |registry: Registry| {
        [("text", encode(&registry, &PrometheusText)), ("openmetrics", encode(&registry, &OpenMetricsText))]
    };
    let pages: Vec<(&str, String)> = models.iter().map(Model::registry).flat_map(formats).collect();
    for (i, (result, (format, text))) in parse_pages(&pages).iter().zip(&pages).enumerate() {
        let page = result.as_ref().unwrap_or_else(|error| panic!("{format}: {error}\n{text}"));
        check_page(&models[i / 2], format, page, text);
    }
}

fn check_page(model: &Model, format: &str, page: &Page, text: &str) {
    let expected = if format == "openmetrics" { model.openmetrics_samples() } else { model.samples() };
    let count = page.samples.len();
    let found: BTreeMap<_, _> = page.samples.iter().cloned().collect();
    assert_eq!(found.len(), count, "a sample stands twice in\n{}", text);
    assert_eq!(&found, &expected, "{} page\n{}", format, text);

    assert_eq!(page.families.len(), model.0.len(), "families of\n{}", text);
    for family in &model.0 {
        // The parser of text 0.0.4 takes `_total` off a counter's name itself.
        let Some((help, kind)) = page.families.get(&family.name) else {
            panic!("no family {:?} in\n{text}", family.name);
        };
        assert_eq!(kind, family.kind.as_str());
        // Python's parsers strip white space around help.
        let stripped =
            |help: &str| help.trim_matches(|c: char| c.is_whitespace() || c.is_control()).to_owned();
        assert_eq!(stripped(help), stripped(&family.help), "help of {} in\n{}", &family.name, text);
    }
}

#[test]
fn every_golden_page_is_accepted() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = || std::fs::read_to_string(&path).unwrap();
        if name.ends_with(".prometheus.txt") {
            let verdict = promtool(&text());
            assert!(verdict.parsed, "{name}: {}", verdict.says);
            pages.push(("text", text()));
        } else if name.ends_with(".openmetrics.txt") {
            pages.push(("openmetrics", text()));
        }
    }
    assert!(pages.len() >= 14, "found {} golden pages", pages.len());
    for (result, (format, text)) in parse_pages(&pages).iter().zip(&pages) {
        assert!(result.is_ok(), "{format}: {result:?}\n{text}");
    }
}

#[test]
fn numbers_beyond_floats_are_read_back_exactly() {
    let registry = Registry::new();
    let total = registry.register_counter("events_total", "Events", &[]).unwrap();
    total.inc_by(&[], (1_u64 << 53) + 1).unwrap();
    let pages =
        [("text", encode(&registry, &PrometheusText)), ("openmetrics", encode(&registry, &OpenMetricsText))];
    for page in parse_pages(&pages) {
        let samples = page.unwrap().samples;
        assert!(matches!(samples[..], [(_, Number::Whole(9_007_199_254_740_993))]), "{samples:?}");
    }
}

#[test]
fn times_of_creation_are_read_back() {
    let clock = Arc::new(ManualClock::new());
    let options = RegistryOptions::default().with_clock(clock.clone()).with_created_timestamps(true);
    let registry = Registry::with_options(options);
    let jobs = registry.register_counter("jobs_total", "Jobs", &["number"]).unwrap();
    let seconds = registry.register_histogram("job_seconds", "Time", &["number"], Some(&[1.0])).unwrap();
    registry.register_gauge("queue", "Queue", &[]).unwrap();
    for number in 0..100 {
        jobs.inc(&[&number.to_string()]).unwrap();
        seconds.observe(&[&number.to_string()], 0.5).unwrap();
        clock.advance(Duration::from_millis(100));
    }
    let page = encode(&registry, &OpenMetricsText);
    let samples = parse_pages(&[("openmetrics", page)]).remove(0).unwrap().samples;
    let created = samples.into_iter().filter(|((name, _), _)| name.ends_with("_created"));
    let created: BTreeMap<_, _> = created.collect();
    assert_eq!(created.len(), 200);
    for ((_, labels), time) in created {
        let number: f64 = labels["number"].parse().unwrap();
        assert_eq!(time, Number::Float((36_000.0 + number) / 10.0));
    }
    assert!(!encode(&registry, &PrometheusText).contains("_created"));
}

/// With awkward texts as labels, but without quotes: in exemplars the parser takes escaped quotes for
/// real ones.
#[test]
fn exemplars_are_read_back_as_they_were_given() {
    let registry =
        Registry::with_options(RegistryOptions::default().with_clock(Arc::new(ManualClock::new())));
    let jobs = registry.register_counter("jobs_total", "Jobs", &["number"]).unwrap();
    let seconds = registry.register_histogram("job_seconds", "Time", &["number"], Some(&[1.0])).unwrap();
    let mut runner = TestRunner::default();
    let mut text = || awkward().new_tree(&mut runner).unwrap().current().replace('"', "'");
    let texts: Vec<String> = (0..400).map(|_| text()).collect();
    for (number, text) in texts.iter().enumerate() {
        let (number, value) = (number.to_string(), number as f64 / 8.0);
        let labels = [("trace_id", number.as_str()), ("text", text.as_str())];
        jobs.with(&[&number]).unwrap().inc_by_with_exemplar(value, &labels);
        seconds.with(&[&number]).unwrap().observe_with_exemplar(value, &labels);
    }
    let page = encode(&registry, &OpenMetricsText);
    let parsed = parse_pages(&[("openmetrics", page.clone())]).remove(0);
    let exemplars = parsed.unwrap_or_else(|error| panic!("{error}\n{page}")).exemplars;
    let mut found = 0;
    for ((name, labels), exemplar) in exemplars {
        let number = labels["number"].clone();
        let text = texts[number.parse::<usize>().unwrap()].clone();
        let value = number.parse::<f64>().unwrap() / 8.0;
        let its_own = name == "jobs_total" || labels["le"] == if value <= 1.0 { "1.0" } else { "+Inf" };
        let fits = "trace_id".len() + number.len() + "text".len() + text.chars().count() <= 128;
        let labels = [("trace_id".to_owned(), number), ("text".to_owned(), text)];
        let expected =
            Exemplar { labels: labels.into(), value: Number::Float(value), at: Some(Number::Whole(3_600)) };
        assert_eq!(exemplar, (its_own && fits).then_some(expected), "{name} in\n{page}");
        found += usize::from(exemplar.is_some());
    }
    assert!(found > 400, "{found} exemplars");
}

#[test]
fn promtool_reads_awkward_pages() {
    for model in random_models(40) {
        let page = encode(&model.registry(), &PrometheusText);
        let verdict = promtool(&page);
        assert!(verdict.parsed, "{}\n{page}", verdict.says);
    }
}

#[test]
fn promtool_has_nothing_to_say_about_well_named_metrics_and_our_own() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let jobs = registry.register_counter("jobs_processed", "Jobs processed", &["status"]).unwrap();
    jobs.inc(&["ok"]).unwrap();
    registry.register_gauge("queue_size", "Jobs that wait", &[]).unwrap().set(&[], 17.0).unwrap();
    registry
        .register_gauge("cache_hits_ratio", "NaN before the first hit", &[])
        .unwrap()
        .set(&[], f64::NAN)
        .unwrap();
    let latency = registry.register_histogram("job_latency_seconds", "Latency", &["route"], None).unwrap();
    latency.observe(&["/a \"b\" \\ \n"], 0.2).unwrap();
    let page = encode(&registry, &PrometheusText);
    let verdict = promtool(&page);
    assert!(verdict.parsed && verdict.says.is_empty(), "{}\n{page}", verdict.says);
}

#[test]
fn promtool_is_heard_when_it_complains() {
    assert!(!promtool("jobs{ 1\n").parsed);
    assert!(promtool("# HELP jobs Jobs\n# TYPE jobs counter\njobs 1\n").says.contains("_total"));
}
