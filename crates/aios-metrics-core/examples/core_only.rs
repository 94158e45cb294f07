//! The core without any network: register, update, render pages, append documents to a file.
//!
//! `cargo run --example core_only` counts the words of this file.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;

use aios_metrics_core::{
    Documents, Identity, JsonLinesSink, OpenMetricsText, Payload, PrometheusText, Registry,
};

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    let words = registry.register_counter("words_total", "Words, by their length", &["length"])?;
    let longest = registry.register_gauge("longest_word_bytes", "The longest word so far", &[])?.with(&[])?;
    let lines = registry.register_histogram("line_words", "Words in a line", &[], Some(&[0.0, 5.0, 10.0]))?;
    let lines = lines.with(&[])?;

    let path = std::env::temp_dir().join(format!("core-only-{}.jsonl", std::process::id()));
    let mut sink = JsonLinesSink::open(&path)?;
    let documents = Documents::new(Arc::new(registry.clone()), Identity::new("words", "words-1", "here"));
    let mut sequence = 0;

    for (number, line) in include_str!("core_only.rs").lines().enumerate() {
        let mut count = 0;
        for word in line.split_whitespace() {
            words.inc(&[if word.len() > 6 { "long" } else { "short" }])?;
            longest.set(longest.get().max(word.len() as f64));
            count += 1;
        }
        lines.observe(f64::from(count));
        registry.observe_rolling("line_words", count.into())?;

        if number % 20 == 0 {
            let mut json = Vec::new();
            documents.write_json(Some(sequence), &mut json);
            sink.append(&[Payload::new(sequence, json)])?;
            sequence += 1;
        }
    }

    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    println!("As Prometheus' text format 0.0.4:\n\n{}", String::from_utf8(page)?);

    let mut page = Vec::new();
    registry.encode(&OpenMetricsText, &mut page);
    println!("As OpenMetrics 1.0:\n\n{}", String::from_utf8(page)?);

    let document = documents.collect();
    println!("As a document: {} samples, {} rolling", document.samples.len(), document.rolling.len());
    let written = std::fs::read_to_string(&path)?;
    println!("{} documents are in {}", written.lines().count(), path.display());
    std::fs::remove_file(path)?;
    Ok(())
}
