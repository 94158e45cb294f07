//! What allocates nothing: updates of series that exist, and readings into memory that has grown.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod counting;

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::format::Protobuf;
use aios_metrics_core::{
    Documents, Identity, ManualClock, NativeBuckets, OpenMetricsText, PrometheusText, Registry,
    RegistryOptions, RollingMetric, RollingOptions, Source,
};
use counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// Runs once to create what has to be created, and then counts over many runs.
fn assert_none(what: &str, mut run: impl FnMut()) {
    run();
    assert_eq!(allocations(|| (0..100).for_each(|_| run())), 0, "{what}");
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn an_update_on_a_handle_allocates_nothing() {
    let registry = Registry::new();
    let counter = registry.register_counter("jobs_total", "Jobs", &[]).unwrap().with(&[]).unwrap();
    let gauge = registry.register_gauge("queue", "Queue", &[]).unwrap().with(&[]).unwrap();
    let histogram = registry.register_histogram("latency", "Latency", &[], None).unwrap().with(&[]).unwrap();
    assert_none("whole amounts", || counter.inc_by(3_u64));
    assert_none("fractions", || counter.inc_by(0.5));
    assert_none("refused amounts", || counter.inc_by(-1.0));
    assert_none("gauge", || {
        gauge.set(3.0);
        gauge.add(1.0);
        gauge.dec();
        drop(gauge.track_in_flight());
    });
    assert_none("histogram", || {
        histogram.observe(0.3);
        histogram.observe(f64::NAN);
        histogram.start_timer().stop();
    });
    let native = NativeBuckets::new(3, 0.001..=900.0).with_max_buckets(2);
    let native = registry.register_native_histogram("native", "Native", &[], None, native).unwrap();
    let native = native.with(&[]).unwrap();
    assert_none("native histogram", || {
        [0.0, 0.3, -1.0, 1e6].into_iter().for_each(|value| native.observe(value))
    });
    assert_none("exemplars", || {
        counter.inc_by_with_exemplar(1_u64, &[("trace_id", "4bf92f3577b34da6")]);
        histogram
            .observe_with_exemplar(0.3, &[("trace_id", "4bf92f3577b34da6"), ("text", "a \"quoted\" one")]);
        histogram.observe_with_exemplar(0.3, &[("not a name", "x")]);
    });
    assert_none("clones", || drop((counter.clone(), gauge.clone(), histogram.clone())));
}

/// Label sets of up to 12 labels, plain, long, and with everything that is escaped.
fn label_sets() -> Vec<(Vec<String>, Vec<String>)> {
    let names = |count| (0..count).map(|i| format!("label_{i}")).collect::<Vec<_>>();
    let values: [fn(usize) -> String; 3] = [
        |i| format!("value-{i}"),
        |i| "long ".repeat(20 * (i + 1)),
        |i| format!("a \"quoted\" \\ back{i}slash\nand {} lines\n", i),
    ];
    let sets = [1, 2, 3, 8, 12]
        .into_iter()
        .flat_map(|count| values.map(|value| (names(count), (0..count).map(value).collect::<Vec<_>>())));
    sets.collect()
}

#[test]
fn an_update_by_labels_of_a_series_that_exists_allocates_nothing() {
    for (number, (names, values)) in label_sets().into_iter().enumerate() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let registry = Registry::new();
        let counters = registry.register_counter("jobs_total", "Jobs", &names).unwrap();
        let gauges = registry.register_gauge("queue", "Queue", &names).unwrap();
        let histograms = registry.register_histogram("latency", "Latency", &names, None).unwrap();
        let other: Vec<&str> = vec!["another \\ series"; names.len()];
        counters.inc(&other).unwrap();

        let what = |by: &str| format!("{by}, label set {number}");
        assert_none(&what("by family"), || {
            counters.inc(&values).unwrap();
            counters.inc_by(&values, 0.5).unwrap();
            gauges.set(&values, 1.0).unwrap();
            histograms.observe(&values, 1.0).unwrap();
            drop(counters.with(&values).unwrap());
        });

        let in_order: Labels<'_> = names.iter().copied().zip(values.iter().copied()).collect();
        let mut reversed = in_order.clone();
        reversed.reverse();
        let mut shuffled = in_order.clone();
        shuffled.rotate_left(names.len() / 2);
        shuffled.swap(0, names.len() - 1);
        for (order, labels) in [("in order", &in_order), ("reversed", &reversed), ("shuffled", &shuffled)] {
            assert_none(&what(order), || {
                registry.increment_counter("jobs", labels, 1_u64).unwrap();
                registry.increment_counter("jobs_total", labels, 0.5).unwrap();
                registry.set_gauge("queue", 1.0, labels).unwrap();
                registry.observe_histogram("latency", 1.0, labels).unwrap();
            });
        }
        assert_eq!(registry.value("latency", &in_order), Some(404.0));
    }
}

#[test]
fn an_update_past_the_cap_allocates_nothing() {
    use aios_metrics_core::RegistryOptions;
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(1));
    let jobs = registry.register_counter("jobs_total", "Jobs", &["name"]).unwrap();
    jobs.inc(&["first"]).unwrap();
    assert_none("overflow", || jobs.inc(&["one \"more\""]).unwrap());
}

#[test]
fn a_rolling_observation_allocates_nothing() {
    let registry = Registry::new();
    let alone = RollingMetric::new(Duration::from_secs(900));
    let handle = registry.rolling("latency").unwrap();
    assert_none("by handle", || {
        alone.add(1.0);
        handle.add(1.0);
        alone.add(f64::NAN);
    });
    assert_none("by name", || {
        registry.observe_rolling("latency", 1.0).unwrap();
        registry.observe_rolling_with_window("latency", 1.0, Duration::from_secs(60)).unwrap();
        registry.observe_custom_rolling("model", "latency", 1.0).unwrap();
    });
    assert_none("reading", || {
        let minute = Duration::from_secs(60);
        assert!(handle.average(minute) + handle.rate(minute) + handle.current() > 0.0);
        assert!(handle.count(None) > 0 && handle.max(minute) == Some(1.0));
    });
}

#[test]
fn an_observation_for_quantiles_allocates_nothing() {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::with_options(RegistryOptions::default().with_clock(clock.clone()));
    let quantiles = RollingOptions::default().with_quantiles([0.5, 0.999]);
    let metric = registry.rolling_with("latency", quantiles).unwrap();
    let mut number = 0;
    assert_none("adding, also where values are new and where time slots end", || {
        number += 1;
        metric.add(1.7_f64.powi(number % 90 - 45));
        registry.observe_rolling("latency", -f64::from(number)).unwrap();
        clock.advance(Duration::from_secs(7));
    });
    let minute = Duration::from_secs(60);
    assert_none("reading", || assert!(metric.quantile(0.9, minute).is_some()));
}

/// A registry with something of everything, values that are escaped included.
fn full_registry() -> Registry {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status", "name"]).unwrap();
    let latency = registry.register_histogram("latency", "Latency", &["path"], None).unwrap();
    let native = NativeBuckets::new(3, 0.001..=900.0).with_max_buckets(2).with_negative(true);
    let native = registry.register_native_histogram("native", "Native", &["path"], None, native).unwrap();
    let queue = registry.register_gauge("queue", "Queue", &[]).unwrap();
    for i in 0..100 {
        jobs.inc(&["ok", &format!("job {i}")]).unwrap();
        jobs.inc_by(&["a \"quoted\" \\ text\n", &format!("{{job={i},}}")], 0.5).unwrap();
        latency.observe(&[&format!("/a/{i}\n")], 0.125).unwrap();
        native.observe(&[&format!("/a/{i}\n")], f64::from(i)).unwrap();
        let with_exemplar = latency.with(&[&format!("/b/{i}")]).unwrap();
        with_exemplar.observe_with_exemplar(0.25, &[("trace_id", "4bf92f3577b34da6")]);
    }
    queue.set(&[], 17.5).unwrap();
    registry.observe_rolling("latency", 0.5).unwrap();
    let quantiles = RollingOptions::default().with_quantiles([0.5, 0.999]);
    registry.custom_rolling_with("model", "inference", quantiles).unwrap();
    registry.observe_custom_rolling("model", "inference", 0.5).unwrap();
    registry
}

#[test]
fn a_repeated_scrape_into_a_used_buffer_allocates_nothing() {
    let registry = full_registry();
    let mut page = Vec::new();
    assert_none("text 0.0.4", || {
        page.clear();
        registry.encode(&PrometheusText, &mut page);
    });
    assert_none("OpenMetrics", || {
        page.clear();
        registry.encode(&OpenMetricsText, &mut page);
    });
    assert_none("protobuf", || {
        page.clear();
        registry.encode(&Protobuf, &mut page);
    });
    let mut snapshot = registry.snapshot();
    assert_none("snapshot", || registry.snapshot_into(&mut snapshot));
}

/// A hundred series take no more allocations than one, and so does the encoder of the registry.
#[test]
fn an_attached_registry_costs_allocations_by_family_only() {
    use aios_metrics_core::prometheus_client::metrics::{counter::Counter, family::Family};
    use aios_metrics_core::prometheus_client::registry;
    let jobs = Family::<[(&str, String); 2], Counter>::default();
    let mut theirs = registry::Registry::default();
    theirs.register("jobs", "Jobs", jobs.clone());
    let ours = full_registry();
    ours.attach(theirs);
    let mut page = Vec::new();
    let mut of_one_page = |series: usize| {
        for i in 0..series {
            jobs.get_or_create_owned(&[("name", format!("job \"{i}\"")), ("status", "ok".to_owned())]).inc();
        }
        let mut encode = || {
            page.clear();
            ours.encode(&OpenMetricsText, &mut page);
        };
        encode();
        allocations(encode)
    };
    let with_one = of_one_page(1);
    assert!(with_one < 20, "{with_one} allocations");
    assert!(of_one_page(1_000) <= with_one);
}

#[test]
fn a_repeated_document_into_a_used_buffer_allocates_nothing() {
    let documents = Documents::new(Arc::new(full_registry()), Identity::new("block", "instance", "node"));
    let mut json = Vec::with_capacity(1 << 20);
    assert_none("document", || {
        json.clear();
        documents.write_json(Some(7), &mut json);
    });
}
