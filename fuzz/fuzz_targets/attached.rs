//! Attached registries: whatever text they write, what is shown of it is a page that can be read as one
//! of theirs again, with the same samples.

#![no_main]

use std::fmt;

use aios_metrics_core::{Attach, Document, Identity, OpenMetricsText, PrometheusText, Registry, Source};
use libfuzzer_sys::fuzz_target;

struct Text(String);

impl Attach for Text {
    fn encode(&self, out: &mut String) -> fmt::Result {
        out.push_str(&self.0);
        Ok(())
    }
}

fuzz_target!(|text: &str| {
    let first = Registry::new();
    first.attach(Text(text.to_owned()));
    let page = page(&first);
    let second = Registry::new();
    second.attach(Text(as_theirs(&page)));
    let (second, first_page) = (page_of(&second), samples(&page));
    let again = samples(&second);
    // With observations below zero the format has no sum and no count, and theirs are nothing without.
    let whole = |line: &&&str| !line.contains("_bucket{");
    assert!(again.iter().filter(whole).eq(first_page.iter().filter(whole)), "{page}{second}");
    assert!(again.iter().all(|line| first_page.contains(line)), "{page}{second}");

    let mut plain = Vec::new();
    first.encode(&PrometheusText, &mut plain);
    assert!(std::str::from_utf8(&plain).is_ok());
    let document = Document::collect(&first.snapshot(), &Identity::new("b", "i", "n"), &[]);
    let json = serde_json::to_string(&document).expect("a document is JSON");
    assert_eq!(serde_json::from_str::<Document>(&json).expect("it is a document"), document);
});

/// The page, twice from the same registry, since what is known of the first reading is used again.
fn page(registry: &Registry) -> String {
    let first = page_of(registry);
    assert_eq!(page_of(registry), first);
    first
}

fn page_of(registry: &Registry) -> String {
    let mut page = Vec::new();
    registry.encode(&OpenMetricsText, &mut page);
    let page = String::from_utf8(page).expect("a page is UTF-8");
    assert!(page.ends_with("# EOF\n"));
    page
}

/// The page with HELP ahead of TYPE and UNIT, as they write it.
fn as_theirs(page: &str) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    let mut typed = 0;
    for at in 0..lines.len() {
        if lines[at].starts_with("# TYPE ") {
            typed = at;
        } else if lines[at].starts_with("# HELP ") {
            lines[typed..=at].rotate_right(1);
        }
    }
    lines.join("\n") + "\n"
}

/// Types and samples. Help is escaped by us and not by them.
fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with("# TYPE ") || !line.starts_with('#')).collect()
}
