//! Label values of any text: each stands on both pages and in the document, is read back as it was,
//! and finds its series again.

#![no_main]

use aios_metrics_core::{
    Document, Format, Identity, OpenMetricsText, PrometheusText, Registry, SampleKey, Source,
};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 3] = ["a", "b_2", "c"];

fuzz_target!(|sets: [[&str; 3]; 2]| {
    let registry = Registry::new();
    let family = registry.register_counter("jobs", "Jobs", &NAMES).expect("a family like any");
    for values in &sets {
        family.inc(values).expect("as many values as labels");
    }
    let mut expected = vec![(sets[0].to_vec(), if sets[0] == sets[1] { 2.0 } else { 1.0 })];
    if sets[0] != sets[1] {
        expected.push((sets[1].to_vec(), 1.0));
    }
    let expected: Vec<(Vec<String>, f64)> = expected
        .into_iter()
        .map(|(values, n)| (values.into_iter().map(str::to_owned).collect(), n))
        .collect();

    assert_eq!(on_page(&registry, &PrometheusText), expected);
    assert_eq!(on_page(&registry, &OpenMetricsText), expected);

    let snapshot = registry.snapshot();
    let family = snapshot.families().next().expect("the family");
    for (series, (values, _)) in family.series().zip(&expected) {
        let labels: Vec<(&str, String)> = series.labels().map(|(name, v)| (name, v.into_owned())).collect();
        assert!(labels.iter().zip(NAMES).all(|((name, _), expected)| *name == expected));
        assert_eq!(&labels.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), values);
    }
    assert_eq!(family.series().len(), expected.len());

    let document = Document::collect(&snapshot, &Identity::new("b", "i", "n"), &[]);
    assert_eq!(document.samples.len(), expected.len());
    for ((text, value), (values, number)) in document.samples.iter().zip(&expected) {
        let key: SampleKey = text.parse().expect("a key of ours");
        assert_eq!(&key.to_string(), text);
        assert_eq!(&key.labels.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), values);
        assert_eq!(value.as_f64(), *number);
    }

    for (values, number) in &expected {
        let mut labels: Vec<(&str, &str)> =
            NAMES.into_iter().zip(values.iter().map(String::as_str)).collect();
        assert_eq!(registry.value("jobs_total", &labels), Some(*number));
        labels.rotate_left(1);
        assert_eq!(registry.value("jobs_total", &labels), Some(*number));
    }
});

/// Values of the labels, and the sample's own.
fn on_page(registry: &Registry, format: &impl Format) -> Vec<(Vec<String>, f64)> {
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    let page = std::str::from_utf8(&page).expect("a page is UTF-8");
    page.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

/// A line as the text formats describe it, read byte by byte and not as we write it.
fn sample(line: &str) -> (Vec<String>, f64) {
    let mut rest = line.strip_prefix("jobs_total{").expect("name and labels");
    let mut values = Vec::new();
    for (i, name) in NAMES.into_iter().enumerate() {
        rest = if i > 0 { rest.strip_prefix(',').expect("a comma") } else { rest };
        rest = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix("=\"")).expect("a label");
        let mut value = String::new();
        loop {
            let mut chars = rest.chars();
            let c = chars.next().expect("a closing quote");
            match c {
                '"' => break,
                '\\' => value.push(match chars.next() {
                    Some('n') => '\n',
                    Some(c @ ('"' | '\\')) => c,
                    other => panic!("{other:?} behind a backslash"),
                }),
                c => value.push(c),
            }
            rest = chars.as_str();
        }
        rest = &rest[1..];
        values.push(value);
    }
    let number = rest.strip_prefix("} ").expect("the end of the labels");
    (values, number.parse().expect("a number"))
}
