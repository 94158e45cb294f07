//! Every wire format against files that were read by eye: the same registry as text 0.0.4, as
//! OpenMetrics 1.0, as protobuf and as a document, compared whole.
//!
//! `UPDATE_GOLDEN=1 cargo test -p aios-metrics-core --test golden` writes the files anew; look at
//! what changed before you commit it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/dump.rs"]
mod dump;
#[path = "support/foreign.rs"]
mod foreign;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::format::Protobuf;
use aios_metrics_core::{
    Collect, Descriptor, Documents, Identity, ManualClock, NativeBuckets, OpenMetricsText, PrometheusText,
    RegisterError, Registry, RegistryOptions, RollingOptions, Section, Snapshot,
};
use serde_json::{Value, json};

use crate::dump::dump;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn an_empty_registry() {
    check("empty", &registry());
}

#[test]
fn counters() -> Outcome {
    let registry = registry();
    registry.register_counter("untouched_total", "Stands at 0 from the beginning", &[])?;
    registry.register_counter("jobs", "Registered without the ending", &[])?.inc_by(&[], 3_u64)?;
    let beyond = registry.register_counter("beyond_floats_total", "2^53 + 1, which no float holds", &[])?;
    beyond.inc_by(&[], (1_u64 << 53) + 1)?;
    registry.register_counter("largest_total", "2^64 - 1", &[])?.inc_by(&[], u64::MAX)?;
    let fractions = registry.register_counter("seconds_total", "Fractions beside whole amounts", &[])?;
    fractions.inc_by(&[], 0.25)?;
    fractions.inc_by(&[], 2_u64)?;
    registry.register_counter("huge_total", "Above every u64", &[])?.inc_by(&[], 1e300)?;
    registry.register_counter("silent_total", "Labelled, and without a series", &["status"])?;
    let requests = registry.register_counter("requests_total", "Two labels", &["method", "code"])?;
    // The order on the page is that of creation, not of the alphabet.
    requests.inc(&["POST", "201"])?;
    requests.inc_by(&["GET", "200"], 2_u64)?;
    requests.with(&["GET", "404"])?;
    check("counters", &registry);
    Ok(())
}

#[test]
fn gauges() -> Outcome {
    let registry = registry();
    registry.register_gauge("queue_length", "Unlabelled", &[])?.set(&[], 17.0)?;
    registry.register_gauge("untouched", "Stands at 0 from the beginning", &[])?;
    registry.register_gauge("silent", "Labelled, and without a series", &["shard"])?;
    let numbers = registry.register_gauge("number", "Numbers of every form", &["form"])?;
    for (form, value) in [
        ("zero", 0.0),
        ("minus_zero", -0.0),
        ("negative", -17.0),
        ("tenth", 0.1),
        ("tiny", 1e-7),
        ("least", f64::MIN_POSITIVE),
        ("largest_whole", 9_007_199_254_740_991.0),
        ("two_to_53", 9_007_199_254_740_992.0),
        ("huge", 1e300),
        ("nan", f64::NAN),
        ("plus_infinity", f64::INFINITY),
        ("minus_infinity", f64::NEG_INFINITY),
    ] {
        numbers.set(&[form], value)?;
    }
    check("gauges", &registry);
    Ok(())
}

#[test]
fn histograms() -> Outcome {
    let registry = registry();
    registry.register_histogram("untouched_seconds", "Default buckets", &[], None)?;
    let plain = registry.register_histogram("plain_seconds", "Unlabelled", &[], Some(&[0.25, 1.0, 10.0]))?;
    for value in [0.1, 0.25, 0.5, 1.0, 2.0, 100.0] {
        plain.observe(&[], value)?;
    }
    let labelled = registry.register_histogram(
        "labelled_bytes",
        "Labelled, with +Inf given",
        &["method", "code"],
        Some(&[1e-6, 1.0, 1e6, 1e21, f64::INFINITY]),
    )?;
    labelled.observe(&["GET", "200"], 0.5)?;
    labelled.observe(&["PUT", "a\"b"], 3.0)?;
    registry.register_histogram("silent_seconds", "Labelled, and without a series", &["method"], None)?;
    let celsius =
        registry.register_histogram("change_celsius", "A negative bound", &[], Some(&[-5.0, 0.0, 5.0]))?;
    celsius.observe(&[], -7.5)?;
    celsius.observe(&[], 6.0)?;
    let drift =
        registry.register_histogram("drift_seconds", "A negative sum", &["peer"], Some(&[0.0, 1.0]))?;
    drift.observe(&["behind"], -2.0)?;
    drift.observe(&["ahead"], 2.0)?;
    check("histograms", &registry);
    Ok(())
}

#[test]
fn exemplars() -> Outcome {
    let (registry, clock) = registry_and_clock();
    let requests = registry.register_counter("requests_total", "Requests", &["code"])?;
    requests.inc(&["404"])?;
    requests.with(&["200"])?.inc_by_with_exemplar(2_u64, &[("trace_id", "4bf92f3577b34da6")]);
    clock.advance(Duration::from_micros(1_234_567));
    registry
        .register_counter("seconds_total", "Unlabelled", &[])?
        .with(&[])?
        .inc_by_with_exemplar(0.1, &[("text", "a \"quoted\" \\ text\nof two lines"), ("größe", "refused")]);
    registry
        .register_counter("bytes_total", "Unlabelled", &[])?
        .with(&[])?
        .inc_by_with_exemplar(0.1, &[("text", "a \"quoted\" \\ text\nof two lines"), ("size", "größer")]);
    let latency =
        registry.register_histogram("latency_seconds", "Latency", &["route"], Some(&[0.25, 1.0, 10.0]))?;
    latency.observe(&["/plain"], 0.5)?;
    let items = latency.with(&["/items"])?;
    for (value, id) in [(0.125, "first"), (3.0, "second"), (1e3, "third")] {
        items.observe_with_exemplar(value, &[("trace_id", id), ("span_id", "00f067aa")]);
    }
    items.observe_with_exemplar(3.5, &[]);
    check("exemplars", &registry);
    Ok(())
}

#[test]
fn native_histograms() -> Outcome {
    let registry = registry();
    let native = NativeBuckets::new(2, 0.01..=100.0);
    registry.register_native_histogram("untouched_seconds", "Unlabelled", &[], Some(&[1.0]), native)?;
    let latency = registry.register_native_histogram(
        "latency_seconds",
        "Neighbours, gaps, and what is out of range",
        &["route"],
        Some(&[0.25, 1.0]),
        native,
    )?;
    let items = latency.with(&["/items"])?;
    for value in [0.0, 0.005, 0.25, 0.25, 0.5, 1.0, 1.0, 1.0, 1.3, 20.0, 1e6, -1.0] {
        items.observe(value);
    }
    items.observe_with_exemplar(0.3, &[("trace_id", "4bf92f3577b34da6")]);
    let change = registry.register_native_histogram(
        "change_celsius",
        "Both sides of 0, merged",
        &[],
        Some(&[-1.0, 0.0, 1.0]),
        NativeBuckets::new(3, 0.5..=100.0).with_negative(true).with_max_buckets(6),
    )?;
    for value in [-50.0, -3.0, -1.1, -0.9, 0.0, 0.9, 1.1, 3.0, 50.0, 51.0] {
        change.observe(&[], value)?;
    }
    check("native", &registry);
    Ok(())
}

#[test]
fn created_timestamps() -> Outcome {
    let clock = Arc::new(ManualClock::new());
    let options = RegistryOptions::default().with_clock(clock.clone()).with_created_timestamps(true);
    let registry = Registry::with_options(options);
    registry.register_counter("untouched_total", "Unlabelled", &[])?;
    let jobs = registry.register_counter("jobs_total", "Labelled", &["status"])?;
    clock.advance(Duration::from_micros(1_700_000_000_123_999));
    jobs.inc_by(&["ok"], 2_u64)?;
    jobs.with(&["failed"])?.inc_by_with_exemplar(0.5, &[("trace_id", "4bf92f3577b34da6")]);
    registry.register_gauge("queue_length", "A gauge has none", &["queue"])?.set(&["first"], 3.0)?;
    let celsius = registry.register_histogram("change_celsius", "No sum", &["room"], Some(&[-5.0, 5.0]))?;
    clock.advance(Duration::from_secs(1));
    celsius.observe(&["\"cellar\""], -7.5)?;
    registry.register_histogram("latency_seconds", "Latency", &[], Some(&[0.25]))?.observe(&[], 0.5)?;
    check("created", &registry);
    Ok(())
}

#[test]
fn label_values() -> Outcome {
    let registry = registry();
    let events = registry.register_counter("events_total", "Awkward label values", &["kind", "text"])?;
    for (kind, text) in [
        ("empty", ""),
        ("quote", "say \"hi\""),
        ("backslash", r"C:\new"),
        ("newline", "one\ntwo"),
        ("backslash_n", "one\\ntwo"),
        ("trailing_backslash", "end\\"),
        ("utf8", "Größe 日本 🦀"),
        ("braces", "{a=b}"),
        ("comma", "a,b"),
        ("equals", "a=b"),
        ("space", " a b "),
        ("hash", "# EOF"),
        ("tab_and_return", "a\tb\rc"),
        ("control", "\u{0}\u{1f}\u{7f}"),
        ("le", "le=\"1.0\""),
    ] {
        events.inc(&[kind, text])?;
    }
    let empty = registry.register_gauge("empty_labels", "Nothing but empty values", &["a", "b"])?;
    empty.set(&["", ""], 1.0)?;
    check("label_values", &registry);
    Ok(())
}

#[test]
fn help() -> Outcome {
    let registry = registry();
    for (name, help) in [
        ("help_backslash", r"A path: C:\new"),
        ("help_empty", ""),
        ("help_hash", "# EOF"),
        ("help_newline", "First line\nsecond line"),
        ("help_quote", "The \"quoted\" part"),
        ("help_utf8", "Größe in µs 🦀"),
    ] {
        registry.register_gauge(name, help, &[])?;
    }
    check("help", &registry);
    Ok(())
}

#[test]
fn a_collector() -> Outcome {
    let registry = registry();
    registry.register(Pool::new()?)?;
    registry.register_gauge("queue_length", "Registered beside the collector", &[])?;
    check("collector", &registry);
    Ok(())
}

#[test]
fn an_attached_registry() -> Outcome {
    let registry = registry();
    registry.register_gauge("queue_length", "Registered beside what is attached", &[])?;
    registry.attach(foreign::every_kind());
    check("attached", &registry);
    Ok(())
}

#[test]
fn an_attached_registry_in_which_much_is_wrong() -> Outcome {
    let registry = registry();
    registry.register_self_metrics()?;
    registry.register_gauge("ours", "Ours, which has precedence", &[])?.set(&[], 17.0)?;
    registry.attach(foreign::all_bad());
    registry.attach(foreign::failing(foreign::native_only()));
    check("attached_bad", &registry);
    Ok(())
}

#[test]
fn rolling_summaries_and_sections() -> Outcome {
    let (registry, clock) = registry_and_clock();
    registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.5, 0.999]))?;
    for (seconds, value) in [(500, 4.0), (200, 1.0), (30, 0.5), (0, 0.25)] {
        registry.observe_rolling("latency", value)?;
        registry.observe_custom_rolling("model \"a\"", "inference_ms", value * 10.0)?;
        clock.advance(Duration::from_secs(seconds));
    }
    registry.rolling_with("never_observed", RollingOptions::default().with_quantiles([0.99]))?;
    registry.observe_custom_rolling("cache", "hit_ratio", 1.0)?;
    registry.observe_custom_rolling("cache", "Größe", 2.0)?;
    registry.register_gauge("latency", "Replaced when summaries stand at top level", &[])?.set(&[], 3.0)?;
    check_document("rolling", &registry, |documents| documents.with_section(Arc::new(Hardware)));
    check_document("rolling_flat", &registry, |documents| {
        documents.with_section(Arc::new(Hardware)).with_flat_rolling(true)
    });
    Ok(())
}

/// A clock that stands still, so that timestamps and windows are the same each time.
fn registry() -> Registry {
    registry_and_clock().0
}

fn registry_and_clock() -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::with_options(RegistryOptions::default().with_clock(clock.clone())), clock)
}

/// Compares the three pages and the document with the files of that name.
#[track_caller]
fn check(name: &str, registry: &Registry) {
    let (mut text, mut openmetrics, mut protobuf) = (Vec::new(), Vec::new(), Vec::new());
    registry.encode(&PrometheusText, &mut text);
    registry.encode(&OpenMetricsText, &mut openmetrics);
    registry.encode(&Protobuf, &mut protobuf);
    compare(&format!("{name}.prometheus.txt"), &String::from_utf8(text).unwrap());
    compare(&format!("{name}.openmetrics.txt"), &String::from_utf8(openmetrics).unwrap());
    compare(&format!("{name}.protobuf.txt"), &dump(&protobuf));
    check_document(name, registry, |documents| documents);
}

/// Compares the document with the file of that name.
#[track_caller]
fn check_document(name: &str, registry: &Registry, adjust: impl FnOnce(Documents) -> Documents) {
    let mut json = Vec::new();
    let identity = Identity::new("block-1", "instance-\"42\"", "Knoten-ß")
        .with_boot_id("00112233445566778899aabbccddeeff");
    adjust(Documents::new(Arc::new(registry.clone()), identity)).write_json(Some(7), &mut json);
    compare(&format!("{name}.document.json"), &one_entry_a_line(&String::from_utf8(json).unwrap()));
}

#[track_caller]
fn compare(file: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("tests/golden/{file}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert!(
        actual == expected,
        "tests/golden/{file} differs; UPDATE_GOLDEN=1 writes it anew.\n--- expected\n{expected}\n--- actual\n{actual}"
    );
}

/// Breaks the line behind each comma of the outer objects, where a line break means nothing.
fn one_entry_a_line(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    for c in json.chars() {
        assert!(c != '\n', "a document is one line");
        out.push(c);
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth <= 2 => out.push('\n'),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    out.push('\n');
    out
}

struct Pool {
    size: Descriptor,
    served: Descriptor,
    waited: Descriptor,
}

impl Pool {
    fn new() -> Result<Self, RegisterError> {
        Ok(Self {
            size: Descriptor::gauge("pool_size", "Connections by state", &["state"])?,
            served: Descriptor::counter("pool_served_total", "Connections handed out", &[])?,
            waited: Descriptor::histogram("pool_wait_seconds", "Time until one is free", &[], &[0.1, 1.0])?,
        })
    }
}

impl Collect for Pool {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.size.clone(), self.served.clone(), self.waited.clone()]
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.family(&self.size).gauge(&["idle"], 3.0).gauge(&["in \"use\""], 5.5);
        snapshot.family(&self.served).counter(&[], (1_u64 << 53) + 1);
        snapshot.family(&self.waited).histogram(&[], &[4, 2, 1], 3.5);
    }
}

struct Hardware;

impl Section for Hardware {
    fn name(&self) -> &str {
        "hardware"
    }

    fn read(&self) -> Option<Value> {
        Some(json!({"loadAverage": 0.5, "cores": 2, "name": "a \"machine\""}))
    }
}
