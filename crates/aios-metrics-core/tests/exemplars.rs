//! Exemplars: kept beside what they explain, bounded, and never in the way of the update itself.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{
    Collect, Descriptor, Documents, Format, Identity, ManualClock, OpenMetricsText, PrometheusText, Registry,
    RegistryOptions, Snapshot, Source,
};

fn page(registry: &Registry, format: &impl Format) -> String {
    let mut page = Vec::new();
    registry.encode(format, &mut page);
    String::from_utf8(page).unwrap()
}

/// What stands behind the sample whose line begins like this.
fn exemplar(page: &str, sample: &str) -> Option<String> {
    let line = page.lines().find(|line| line.starts_with(sample)).unwrap();
    line.split_once(" # ").map(|(_, exemplar)| exemplar.to_owned())
}

#[test]
fn each_bucket_and_each_counter_shows_its_latest() {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::with_options(RegistryOptions::default().with_clock(clock.clone()));
    let latency = registry.register_histogram("latency", "Latency", &["route"], Some(&[0.5, 1.0])).unwrap();
    let jobs = registry.register_counter("jobs_total", "Jobs", &[]).unwrap().with(&[]).unwrap();
    let items = latency.with(&["/items"]).unwrap();
    items.observe_with_exemplar(0.25, &[("trace_id", "first")]);
    items.observe_with_exemplar(0.5, &[("trace_id", "second")]);
    clock.advance(Duration::from_millis(1_500));
    items.observe_with_exemplar(7.0, &[("trace_id", "third"), ("span_id", "a \"b\"")]);
    items.observe(0.75);
    latency.with(&["/other"]).unwrap().observe_with_exemplar(0.75, &[]);
    jobs.inc_by_with_exemplar(2_u64, &[("job", "1")]);
    jobs.inc_by_with_exemplar(0.5, &[("job", "2")]);

    let page = page(&registry, &OpenMetricsText);
    let bucket = |route, le| exemplar(&page, &format!("latency_bucket{{route=\"{route}\",le=\"{le}\"}}"));
    assert_eq!(bucket("/items", "0.5").as_deref(), Some("{trace_id=\"second\"} 0.5 3600"));
    assert_eq!(bucket("/items", "1.0"), None);
    let third = "{trace_id=\"third\",span_id=\"a \\\"b\\\"\"} 7 3601.5";
    assert_eq!(bucket("/items", "+Inf").as_deref(), Some(third));
    assert_eq!(bucket("/other", "1.0").as_deref(), Some("{} 0.75 3601.5"));
    assert_eq!(exemplar(&page, "jobs_total ").as_deref(), Some("{job=\"2\"} 0.5 3601.5"));
    assert!(page.contains("\njobs_total 2.5 # "), "{page}");
}

#[test]
fn what_is_too_long_or_misnamed_is_refused_and_the_update_counts() {
    let registry = Registry::new();
    registry.register_self_metrics().unwrap();
    let latency = registry.register_histogram("latency", "", &[], None).unwrap().with(&[]).unwrap();
    let jobs = registry.register_counter("jobs_total", "", &[]).unwrap().with(&[]).unwrap();
    let long = "x".repeat(121);
    latency.observe_with_exemplar(1.0, &[("trace_id", &long)]);
    latency.observe_with_exemplar(1.0, &[("trace id", "x")]);
    jobs.inc_by_with_exemplar(1_u64, &[("id", "x"), ("id", "y")]);
    assert_eq!((latency.count(), jobs.get()), (2, 1.0));
    let refused = |reason: &str| {
        let page = page(&registry, &PrometheusText);
        let sample = format!("aios_metrics_rejected_updates_total{{reason=\"{reason}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&sample)?.parse::<u64>().ok())
    };
    assert_eq!(refused("exemplar"), Some(3));

    // What is no observation has no exemplar either, and is refused as such.
    latency.observe_with_exemplar(f64::NAN, &[("trace_id", "x")]);
    jobs.inc_by_with_exemplar(-1.0, &[("trace_id", "x")]);
    assert_eq!(refused("exemplar"), Some(3));
    assert_eq!(refused("histogram_value"), Some(1));
    assert!(!page(&registry, &OpenMetricsText).contains(" # {"));

    latency.observe_with_exemplar(1.0, &[("trace_id", &long[1..])]);
    assert!(page(&registry, &OpenMetricsText).contains(" # {trace_id=\"xxx"));
}

#[test]
fn text_004_and_the_document_are_as_without() {
    let registries = [false, true].map(|with_exemplars| {
        let options = RegistryOptions::default().with_clock(Arc::new(ManualClock::new()));
        let registry = Registry::with_options(options);
        let latency = registry.register_histogram("latency", "", &[], None).unwrap().with(&[]).unwrap();
        let jobs = registry.register_counter("jobs_total", "", &[]).unwrap().with(&[]).unwrap();
        if with_exemplars {
            latency.observe_with_exemplar(1.0, &[("trace_id", "x")]);
            jobs.inc_by_with_exemplar(1_u64, &[("trace_id", "x")]);
        } else {
            latency.observe(1.0);
            jobs.inc();
        }
        registry
    });
    let shown = registries.map(|registry| {
        let mut document = Vec::new();
        let identity = Identity::new("block", "instance", "node").with_boot_id("00");
        Documents::new(Arc::new(registry.clone()), identity).write_json(None, &mut document);
        (page(&registry, &PrometheusText), document)
    });
    assert_eq!(shown[0], shown[1]);
}

struct Pool(Descriptor, Descriptor);

impl Collect for Pool {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.0.clone(), self.1.clone()]
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        let at = Some(Duration::from_millis(1_234));
        snapshot
            .family(&self.0)
            .exemplar(&[("id", "of nothing")], 0.5, at)
            .histogram(&["a"], &[1, 1, 1], 3.0)
            .exemplar(&[("id", "last")], 9.0, at)
            .exemplar(&[("id", "replaced")], 0.5, at)
            .exemplar(&[("id", "first")], 0.75, None)
            .exemplar(&[("id", &"x".repeat(200))], 1.5, None)
            .histogram(&["too", "many"], &[1, 1, 1], 3.0)
            .exemplar(&[("id", "of one that was left out")], 1.5, at)
            .histogram(&["b"], &[1, 1, 1], 3.0)
            .exemplar(&[("id", "middle")], 1.5, at);
        snapshot
            .family(&self.1)
            .counter(&[], 7_u64)
            .exemplar(&[("id", "x")], 2.0, at)
            .counter(&[], -1.0)
            .exemplar(&[("id", "of one that was left out")], 2.0, at);
    }
}

#[test]
fn collectors_add_exemplars_to_their_samples() {
    let registry = Registry::new();
    let waited = Descriptor::histogram("wait", "", &["pool"], &[1.0, 2.0]).unwrap();
    registry.register(Pool(waited, Descriptor::counter("served", "", &[]).unwrap())).unwrap();
    let page = page(&registry, &OpenMetricsText);
    let bucket = |pool, le| exemplar(&page, &format!("wait_bucket{{pool=\"{pool}\",le=\"{le}\"}}"));
    assert_eq!(bucket("a", "1.0").as_deref(), Some("{id=\"first\"} 0.75"));
    assert_eq!(bucket("a", "2.0"), None);
    assert_eq!(bucket("a", "+Inf").as_deref(), Some("{id=\"last\"} 9 1.234"));
    assert_eq!(bucket("b", "2.0").as_deref(), Some("{id=\"middle\"} 1.5 1.234"));
    assert_eq!(exemplar(&page, "served_total ").as_deref(), Some("{id=\"x\"} 2 1.234"));
    assert_eq!(page.matches(" # {").count(), 4, "{page}");
}

#[test]
fn a_snapshot_tells_them_by_bucket() {
    let registry = Registry::new();
    let latency = registry.register_histogram("latency", "", &["route"], Some(&[0.5, 1.0])).unwrap();
    latency.observe(&["/plain"], 0.1).unwrap();
    let items = latency.with(&["/items"]).unwrap();
    items.observe_with_exemplar(9.0, &[("trace_id", "4bf9"), ("note", "a \"b\"\n")]);
    items.observe_with_exemplar(0.1, &[]);
    let snapshot = registry.snapshot();
    let family = snapshot.families().next().unwrap();
    let exemplars: Vec<_> = family.series().map(|series| series.exemplars().collect::<Vec<_>>()).collect();
    assert_eq!(exemplars.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2]);
    let [first, second] = exemplars[1][..] else { panic!("two exemplars") };
    assert_eq!((first.bucket(), first.value(), first.labels().count()), (0, 0.1, 0));
    assert_eq!((second.bucket(), second.value()), (2, 9.0));
    let labels: Vec<_> = second.labels().collect();
    assert_eq!(labels, [("trace_id", "4bf9".into()), ("note", "a \"b\"\n".into())]);
    assert!(snapshot.taken() - second.timestamp().unwrap() < Duration::from_secs(3_600));
}

/// A new series may use the cells of one that was removed, but knows nothing of its exemplars.
#[test]
fn the_exemplars_of_a_removed_series_go_with_it() {
    let registry = Registry::new();
    let latency = registry.register_histogram("latency", "", &["route"], Some(&[1.0])).unwrap();
    let jobs = registry.register_counter("jobs", "", &["number"]).unwrap();
    for number in 0..1_000_u32 {
        let name = number.to_string();
        latency.with(&[&name]).unwrap().observe_with_exemplar(0.5, &[("number", &name)]);
        jobs.with(&[&name]).unwrap().inc_by_with_exemplar(1_u64, &[("number", &name)]);
        if number >= 2 {
            let before = number - 2;
            assert!(
                latency.remove(&[&before.to_string()]).unwrap()
                    && jobs.remove(&[&before.to_string()]).unwrap()
            );
        }
        latency.observe(&["plain"], 0.5).unwrap();
    }
    jobs.clear();
    (0..10).for_each(|number| jobs.inc(&[&format!("new {number}")]).unwrap());
    let page = page(&registry, &OpenMetricsText);
    let shown: Vec<&str> = page.lines().filter(|line| line.contains(" # {")).collect();
    assert_eq!(shown.len(), 2, "{page}");
    assert!(
        shown[0].starts_with("latency_bucket{route=\"998\",le=\"1.0\"} 1 # {number=\"998\"} 0.5 "),
        "{page}"
    );
    assert!(
        shown[1].starts_with("latency_bucket{route=\"999\",le=\"1.0\"} 1 # {number=\"999\"} 0.5 "),
        "{page}"
    );
}
