//! Names, labels and buckets that can't be registered, and what is registered already.

use aios_metrics_core::{Descriptor, Registry};

use crate::collectors::Fixed;
use crate::{page, says};

#[test]
fn names_that_prometheus_does_not_accept_are_refused() {
    let registry = Registry::new();
    for name in ["", "queue size", "1st", "größe", "a-b", "a.b", "a\n", "_total "] {
        says(
            registry.register_gauge(name, "", &[]),
            &format!(
                "metric name {name:?} is invalid: expected a letter, `_` or `:`, then letters, digits, `_` or `:`"
            ),
        );
    }
    // A counter is refused by the name as it was given.
    says(
        registry.register_counter("_total", "", &[]),
        "metric name \"_total\" is invalid: expected a letter, `_` or `:`, then letters, digits, `_` or `:`",
    );
    says(
        registry.register_counter("queue size_total", "", &[]),
        "metric name \"queue size_total\" is invalid: expected a letter, `_` or `:`, then letters, digits, `_` or `:`",
    );
    for label in ["", "a b", "1st", "größe", "a:b", "a-b"] {
        says(
            registry.register_counter("jobs_total", "", &["ok", label]),
            &format!(
                "label name {label:?} of metric \"jobs_total\" is invalid: expected a letter or `_`, then letters, \
                 digits or `_`"
            ),
        );
    }
    assert_eq!(page(&registry), "");
}

#[test]
fn reserved_and_repeated_labels_are_refused() {
    let registry = Registry::new();
    let reserved = |metric: &str, label: &str| {
        format!(
            "label name {label:?} of metric {metric:?} is reserved: names that begin with `__` and, on a histogram, \
             `le` belong to the format"
        )
    };
    says(registry.register_gauge("workers", "", &["__name__"]), &reserved("workers", "__name__"));
    says(registry.register_histogram("wait", "", &["a", "le"], None), &reserved("wait", "le"));
    says(
        registry.register_gauge("workers", "", &["a", "b", "a"]),
        "label name \"a\" stands twice on metric \"workers\": each label once",
    );
    assert_eq!(page(&registry), "");
    // Elsewhere `le` is a label like any other.
    registry.register_gauge("workers", "", &["le"]).unwrap();
}

const KEYS: [&str; 11] = [
    "blockId",
    "instanceId",
    "nodeId",
    "type",
    "timestamp",
    "schemaVersion",
    "bootId",
    "sequence",
    "hardware",
    "rolling",
    "custom",
];

#[test]
fn the_keys_of_the_document_are_no_names_of_metrics() {
    let registry = Registry::new();
    for key in KEYS {
        let message =
            format!("metric name {key:?} is reserved: the document uses {key:?} as a key of its own");
        says(registry.register_gauge(key, "", &[]), &message);
        says(registry.register_counter(key, "", &[]), &message);
        says(registry.register_histogram(key, "", &[], None), &message);
        says(registry.register(Fixed(Descriptor::gauge(key, "", &[]).unwrap())), &message);
    }
    assert_eq!(page(&registry), "");
}

#[test]
fn buckets_that_cannot_be_used_are_refused() {
    let registry = Registry::new();
    let register = |bounds: &[f64]| registry.register_histogram("wait_seconds", "", &[], Some(bounds));
    let problem = |problem: &str| format!("buckets of histogram \"wait_seconds\" are invalid: {problem}");
    let empty = problem("no bound was given, expected at least one finite bound");
    says(register(&[]), &empty);
    says(register(&[f64::INFINITY]), &empty);
    says(register(&[2.0, 1.5]), &problem("bound 1.5 follows 2, expected strictly ascending bounds"));
    says(register(&[1.0, 2.0, 2.0]), &problem("bound 2 follows 2, expected strictly ascending bounds"));
    says(
        register(&[1.0, f64::INFINITY, f64::INFINITY]),
        &problem("bound inf is not usable, expected finite numbers (`+Inf` is added)"),
    );
    for bound in [f64::NAN, f64::NEG_INFINITY] {
        says(
            register(&[bound, 1.0]),
            &problem(&format!("bound {bound} is not usable, expected finite numbers (`+Inf` is added)")),
        );
    }
    let many: Vec<f64> = (0..1_001).map(f64::from).collect();
    says(register(&many), &problem("1001 bounds were given, expected at most 1000"));
    assert_eq!(page(&registry), "");
    register(&many[1..]).unwrap().observe(&[], 999.5).unwrap();
    assert!(page(&registry).contains("wait_seconds_bucket{le=\"1000.0\"} 1\n"));
}

#[test]
fn infinity_is_added_where_it_is_absent() {
    let registry = Registry::new();
    registry.register_histogram("wait", "", &[], Some(&[1.0])).unwrap().observe(&[], 2.0).unwrap();
    registry
        .register_histogram("wait", "", &[], Some(&[1.0, f64::INFINITY]))
        .unwrap()
        .observe(&[], 2.0)
        .unwrap();
    assert_eq!(page(&registry).matches("wait_bucket{le=\"+Inf\"} 2\n").count(), 1);
}

#[test]
fn the_same_again_is_the_same_family_and_the_first_help_stays() {
    let registry = Registry::new();
    let first = registry.register_counter("jobs_total", "The first help", &["status"]).unwrap();
    let again = registry.register_counter("jobs_total", "Another help", &["status"]).unwrap();
    first.inc(&["ok"]).unwrap();
    again.inc(&["ok"]).unwrap();
    registry.register_histogram("wait", "Wait", &[], None).unwrap();
    registry.register_histogram("wait", "", &[], None).unwrap();
    let page = page(&registry);
    assert!(page.contains("# HELP jobs_total The first help\n"), "{page}");
    assert!(page.contains("jobs_total{status=\"ok\"} 2\n") && !page.contains("Another"), "{page}");
    assert_eq!(page.matches("# TYPE ").count(), 2);
}

#[test]
fn jobs_and_jobs_total_are_one_counter() {
    let registry = Registry::new();
    let short = registry.register_counter("jobs", "Jobs", &[]).unwrap();
    let long = registry.register_counter("jobs_total", "", &[]).unwrap();
    short.inc(&[]).unwrap();
    long.inc(&[]).unwrap();
    registry.increment_counter("jobs", &[], 1_u64).unwrap();
    registry.increment_counter("jobs_total", &[], 1_u64).unwrap();
    registry.counter("jobs", &[]).unwrap().inc();
    assert_eq!((registry.value("jobs", &[]), registry.value("jobs_total", &[])), (Some(5.0), Some(5.0)));
    assert_eq!(page(&registry), "# HELP jobs_total Jobs\n# TYPE jobs_total counter\njobs_total 5\n");
}

#[test]
fn whatever_would_share_an_exposed_name_is_a_conflict() {
    let registry = Registry::new();
    registry.register_histogram("wait", "Wait", &["route"], Some(&[0.5, 1.0])).unwrap();
    registry.register_counter("jobs", "Jobs", &["status", "queue"]).unwrap();
    registry.register_gauge("workers", "Workers", &[]).unwrap();
    let before = page(&registry);
    let conflict = |name: &str, existing: &str, requested: &str| {
        format!(
            "metric {name:?} is already registered as {existing}; it can't be registered again as {requested}"
        )
    };
    let wait = "histogram \"wait\" with labels [\"route\"] and buckets [0.5, 1.0]";
    let jobs = "counter \"jobs_total\" with labels [\"status\", \"queue\"]";
    let workers = "gauge \"workers\" with labels []";

    // Other labels, another order of them, other buckets, another kind.
    says(
        registry.register_counter("jobs_total", "", &["status"]),
        &conflict("jobs_total", jobs, "counter \"jobs_total\" with labels [\"status\"]"),
    );
    says(
        registry.register_counter("jobs_total", "", &["queue", "status"]),
        &conflict("jobs_total", jobs, "counter \"jobs_total\" with labels [\"queue\", \"status\"]"),
    );
    says(
        registry.register_histogram("wait", "", &["route"], Some(&[0.5])),
        &conflict("wait", wait, "histogram \"wait\" with labels [\"route\"] and buckets [0.5]"),
    );
    says(
        registry.register_counter("workers", "", &[]),
        &conflict("workers", workers, "counter \"workers_total\" with labels []"),
    );
    // Names that only samples carry.
    for suffix in ["_bucket", "_sum", "_count", "_created"] {
        let name = format!("wait{suffix}");
        let requested = format!("gauge {name:?} with labels []");
        says(registry.register_gauge(&name, "", &[]), &conflict(&name, wait, &requested));
    }
    for name in ["jobs", "jobs_total", "jobs_created"] {
        let requested = format!("gauge {name:?} with labels []");
        says(registry.register_gauge(name, "", &[]), &conflict(name, jobs, &requested));
    }
    // And the other way round: the histogram comes second.
    registry.register_gauge("size_sum", "", &[]).unwrap();
    says(
        registry.register_histogram("size", "", &[], Some(&[1.0])),
        &conflict(
            "size_sum",
            "gauge \"size_sum\" with labels []",
            "histogram \"size\" with labels [] and buckets [1.0]",
        ),
    );
    says(
        registry.register(Fixed(Descriptor::gauge("workers", "", &[]).unwrap())),
        &conflict("workers", workers, workers),
    );
    assert_eq!(page(&registry).replace("# HELP size_sum \n# TYPE size_sum gauge\nsize_sum 0\n", ""), before);
}
