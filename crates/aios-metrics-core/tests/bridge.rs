//! Registries of `prometheus-client` attached to ours, and ours collected by theirs.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/awkward.rs"]
mod awkward;
#[path = "support/foreign.rs"]
mod foreign;
#[path = "support/log.rs"]
mod log;
#[path = "support/model.rs"]
mod model;
#[allow(dead_code, reason = "golden pages go through promtool")]
#[path = "support/outside.rs"]
mod outside;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use aios_metrics_core::{Attach, Registry, Selection, Snapshot, Source};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry as Theirs;

use crate::foreign::{Labels, attached, counter, failing, gauge, histogram, labels, one};
use crate::foreign::{openmetrics, rejected, their_page};
use crate::outside::parse_pages;

#[test]
fn integers_and_floats_stay_exact() {
    let ours = Registry::new();
    ours.register_counter("largest_total", "2^64 - 1", &[]).unwrap().inc_by(&[], u64::MAX).unwrap();
    ours.register_gauge("third", "A third", &[]).unwrap().set(&[], 1.0 / 3.0).unwrap();
    let mut theirs = Theirs::default();
    theirs.register_collector(Box::new(ours));
    let page = their_page(&theirs);
    assert!(page.contains("\nlargest_total 18446744073709551615\n"), "{page}");
    assert!(page.contains("\nthird 0.3333333333333333\n"), "{page}");

    let back = attached(theirs);
    let page = openmetrics(&back);
    assert!(page.contains("\nlargest_total 18446744073709551615\n"), "{page}");
    assert!(page.contains("\nthird 0.3333333333333333\n"), "{page}");
    assert_eq!(rejected(&back), BTreeMap::new());
}

#[test]
fn nothing_of_every_kind_is_rejected() {
    let ours = attached(foreign::every_kind());
    assert_eq!(rejected(&ours), BTreeMap::new());
}

/// Each bad metric between two good ones.
#[test]
fn one_bad_metric_spoils_only_itself() {
    let mut pages = Vec::new();
    let mut check = |reasons: &[(&str, f64)], add: &dyn Fn(&mut Theirs)| {
        let mut theirs = Theirs::default();
        theirs.register("before", "In order", counter(1));
        add(&mut theirs);
        theirs.register("behind", "In order", counter(2));
        let ours = attached(theirs);
        ours.register_gauge("ours", "Ours", &[]).unwrap().set(&[], 17.0).unwrap();
        let page = openmetrics(&ours);
        let expected = reasons.iter().map(|&(reason, count)| (reason.to_owned(), count)).collect();
        assert_eq!(rejected(&ours), expected, "{page}");
        assert!(page.contains("\nbefore_total 1\n") && page.contains("\nbehind_total 2\n"), "{page}");
        assert!(page.contains("\nours 17\n") && page.ends_with("# EOF\n"), "{page}");
        pages.push(("openmetrics", page.clone()));
        page
    };
    let labelled =
        |name: &'static str| move |theirs: &mut Theirs| theirs.register("bad", "Bad", one([(name, "x")], 1));
    for name in ["queue size", "queue\nsize", "9lives", "", "a-b", "größe"] {
        check(&[("name", 1.0)], &|theirs| theirs.register(name, "Bad", gauge(1.0)));
    }
    check(&[("syntax", 1.0)], &|theirs| theirs.register("a\n# EOF\nb", "Bad", gauge(1.0)));
    for name in ["a-b", "", "1a", "__name__", "__a", "a\"b", "ä"] {
        check(&[("label", 1.0)], &labelled(name));
    }
    check(&[("label", 1.0), ("syntax", 1.0)], &labelled("a\nb"));
    check(&[("label", 1.0)], &|theirs| {
        theirs.register("bad", "Bad", one([("a", "x"), ("a", "y")], 1));
    });
    for name in ["ours", "rolling"] {
        check(&[("conflict", 1.0)], &|theirs| theirs.register(name, "Taken", gauge(1.0)));
    }
    let page = check(&[("conflict", 1.0)], &|theirs| {
        theirs.register("twice", "First", gauge(1.0));
        theirs.register("twice", "Second", counter(1));
    });
    assert!(page.contains("\ntwice 1\n"));
    // The histogram has the name as well, whatever the alphabet says.
    let page = check(&[("conflict", 1.0)], &|theirs| {
        theirs.register("times_count", "First", gauge(1.0));
        theirs.register("times", "Second", histogram(&[1.0], &[0.5]));
    });
    assert!(page.contains("\ntimes_count 1\n") && !page.contains("bucket{"), "{page}");
    check(&[("duplicate", 1.0)], &|theirs| {
        theirs.register("twice", "First", gauge(1.0));
        theirs.register("twice", "Second", gauge(1.0));
    });
    check(&[("duplicate", 1.0)], &|theirs| {
        let family = one([("a", "1"), ("b", "2")], 1);
        drop(family.get_or_create_owned(&labels([("b", "2"), ("a", "1")])));
        theirs.register("twin", "In another order", family);
    });
    check(&[("buckets", 1.0)], &|theirs| {
        theirs.register("unsorted", "Bad", histogram(&[2.0, 1.0], &[0.5]));
    });
    check(&[("buckets", 1.0)], &|theirs| {
        let shards = [(("shard".into(), "a".into()), [1.0]), (("shard".into(), "b".into()), [2.0])];
        for (label, bounds) in shards {
            theirs.sub_registry_with_label(label).register("spread", "Bad", histogram(&bounds, &[0.5]));
        }
    });
    check(&[("value", 1.0)], &|theirs| {
        let below = Counter::<f64, AtomicU64>::default();
        below.inc_by(-1.0);
        theirs.register("below", "Bad", below);
    });
    let page = check(&[("syntax", 2.0)], &|theirs| {
        theirs.register("forging", "Help\n# HELP forged Bad\n# TYPE other gauge\nother 1", counter(1));
    });
    assert!(!page.contains("forg"), "{page}");
    for (strict, (_, page)) in parse_pages(&pages).iter().zip(&pages) {
        assert!(strict.is_ok(), "{strict:?}\n{page}");
    }
}

#[test]
fn exemplars_come_along_and_one_that_is_bad_spoils_only_itself() {
    struct Text(String);
    impl Attach for Text {
        fn encode(&self, out: &mut String) -> fmt::Result {
            out.push_str(&self.0);
            Ok(())
        }
    }
    let good = concat!(
        "# HELP jobs Jobs.\n# TYPE jobs counter\n",
        "jobs_total{kind=\"a\"} 17 # {trace_id=\"4bf9\"} 2 1.5\n",
        "jobs_total{kind=\"b\"} 18\n",
        "# HELP wait Wait.\n# TYPE wait histogram\n",
        "wait_sum 3.5\n",
        "wait_count 3\n",
        "wait_bucket{le=\"1.0\"} 1 # {a=\"x # {y}\",b=\"\"} 0.5\n",
        "wait_bucket{le=\"2.0\"} 1\n",
        "wait_bucket{le=\"+Inf\"} 3 # {} 2.5 3\n",
    );
    let ours = attached(Text(good.to_owned()));
    assert_eq!(rejected(&ours), BTreeMap::new());
    let page = openmetrics(&ours);
    for line in good.lines().filter(|line| line.contains("} ") && line.contains('#')) {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }

    let long = format!(" # {{id=\"{}\"}} 1", "x".repeat(127));
    let bad = good
        .replace(" # {trace_id=\"4bf9\"} 2 1.5", &long)
        .replace(" # {} 2.5 3", " # {} many")
        .replace("wait_sum 3.5", "wait_sum 3.5 # {} 1");
    let gauge = "# HELP level Level.\n# TYPE level gauge\nlevel 1 # {} 1\n";
    let ours = attached(Text(bad + gauge));
    let page = openmetrics(&ours);
    assert_eq!(rejected(&ours), [("exemplar".to_owned(), 4.0)].into());
    for line in ["jobs_total{kind=\"a\"} 17", "wait_bucket{le=\"+Inf\"} 3", "wait_sum 3.5", "level 1"] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }
    assert!(page.contains("\"} 0.5\n"), "{page}");
    for strict in parse_pages(&[("openmetrics", page.clone())]) {
        assert!(strict.is_ok(), "{strict:?}\n{page}");
    }
}

#[test]
fn what_their_page_can_not_show_of_ours_is_counted() {
    let ours = Registry::new();
    ours.register_self_metrics().unwrap();
    ours.register_histogram("shift", "Around 0", &[], Some(&[-1.0, 1.0])).unwrap();
    let change = ours.register_histogram("change", "Up and down", &["of"], Some(&[1.0])).unwrap();
    change.observe(&["up"], 0.5).unwrap();
    change.observe(&["down"], -0.5).unwrap();
    let mut theirs = Theirs::default();
    theirs.register_collector(Box::new(ours.clone()));
    let (page, lines) = log::collect(|| their_page(&theirs));
    assert!(page.contains("change_sum{of=\"up\"} 0.5") && !page.contains("of=\"down\""), "{page}");
    assert!(!page.contains("# TYPE shift"), "{page}");
    let shown = openmetrics(&ours);
    let counted = "\naios_metrics_attached_rejected_total{reason=\"collector\"} 2\n";
    assert!(shown.contains(counted), "{shown}");
    assert_eq!(lines.len(), 1, "{lines:?}");
}

/// A line break in help is no reason to leave anything out.
#[test]
fn help_may_be_any_text() {
    let mut theirs = Theirs::default();
    theirs.register("jobs", "One\ntwo\njobs_total 17\n# EOF\n# TYPE jobs_total gauge\n", counter(1));
    let ours = attached(theirs);
    let page = openmetrics(&ours);
    let head = "# HELP jobs One\\ntwo\\njobs_total 17\\n# EOF\\n# TYPE jobs_total gauge\\n.\njobs_total 1\n";
    assert!(page.contains(head), "{page}");
    assert_eq!(rejected(&ours), BTreeMap::new());
}

#[test]
fn a_counter_has_its_ending_once() {
    let mut theirs = Theirs::default();
    theirs.register("a_total", "Registered with the ending", counter(1));
    theirs.register("b", "Without", counter(2));
    theirs.register("_total", "Nothing else", counter(3));
    let page = openmetrics(&attached(theirs));
    assert!(page.contains("\n# TYPE a counter\n") && page.contains("\na_total 1\n"), "{page}");
    assert!(page.contains("\nb_total 2\n") && !page.contains("a_total_total"), "{page}");
}

#[test]
fn a_failing_encoder_costs_what_follows_in_its_registry_only() {
    let ours = attached(failing(foreign::native_only()));
    let mut other = Theirs::default();
    other.register("other", "In another registry", counter(1));
    ours.attach(other);
    let page = openmetrics(&ours);
    assert!(page.contains("\nbefore_total 1\n") && page.contains("\nother_total 1\n"), "{page}");
    assert!(!page.contains("failing") && !page.contains("behind"), "{page}");
    assert_eq!(rejected(&ours), [("encoder".to_owned(), 1.0)].into());
}

#[test]
fn a_panic_costs_what_follows_in_its_registry_only() {
    let ours = attached(failing(foreign::panicking()));
    for _ in 0..2 {
        let page = openmetrics(&ours);
        assert!(page.contains("\nbefore_total 1\n") && page.ends_with("# EOF\n"), "{page}");
        assert!(!page.contains("failing") && !page.contains("behind"), "{page}");
    }
    assert_eq!(rejected(&ours), [("panic".to_owned(), 1.0)].into());
}

#[test]
fn each_reason_is_said_once() {
    let ours = attached(foreign::all_bad());
    let (_, lines) = log::collect(|| openmetrics(&ours));
    let first = "WARN aios_metrics metric \"9lives\" of an attached registry is left out, or a part of it: \
                 expected a letter, `_` or `:`, then letters, digits, `_` or `:`. Said once for this reason; \
                 aios_metrics_attached_rejected_total counts on.";
    assert!(lines.iter().any(|line| line.starts_with("WARN aios_metrics metric \"queue\"")), "{lines:#?}");
    assert_eq!(lines.len(), rejected(&ours).len(), "{lines:#?}");
    assert_eq!(log::collect(|| openmetrics(&ours)).1, Vec::<String>::new());

    let mut theirs = Theirs::default();
    theirs.register("9lives", "Bad", gauge(1.0));
    let (_, lines) = log::collect(|| openmetrics(&attached(theirs)));
    assert_eq!(lines, [first]);
}

#[test]
fn our_families_have_precedence_whenever_they_are_registered() {
    let mut theirs = Theirs::default();
    theirs.register("jobs", "Theirs", counter(1));
    theirs.register("latency_count", "Theirs", gauge(1.0));
    let ours = attached(theirs);
    assert!(openmetrics(&ours).contains("# HELP jobs Theirs.\njobs_total 1\n"));

    ours.register_counter("jobs_total", "Ours", &[]).unwrap();
    let page = openmetrics(&ours);
    assert!(page.contains("# HELP jobs Ours\njobs_total 0\n") && !page.contains("Theirs.\njobs"), "{page}");
    ours.register_histogram("latency", "Ours", &[], None).unwrap();
    let page = openmetrics(&ours);
    assert!(page.contains("latency_count 0\n") && !page.contains("Theirs"), "{page}");
    assert_eq!(rejected(&ours), [("conflict".to_owned(), 2.0)].into());

    assert!(ours.unregister("jobs"));
    let page = openmetrics(&ours);
    assert!(page.contains("# HELP jobs Theirs.\njobs_total 1\n") && !page.contains("Ours\njobs"), "{page}");
}

#[test]
fn what_is_registered_or_changed_later_is_seen() {
    let theirs = Arc::new(Mutex::new(Theirs::default()));
    let ours = attached(Arc::clone(&theirs));
    let jobs = Family::<Labels, Counter>::default();
    theirs.lock().unwrap().register("jobs", "Jobs", jobs.clone());
    assert!(!openmetrics(&ours).contains("jobs"), "a family without a series");
    jobs.get_or_create_owned(&labels([("kind", "a")])).inc();
    assert!(openmetrics(&ours).contains("jobs_total{kind=\"a\"} 1\n"));
    // Series of one family need not have the same labels.
    jobs.get_or_create_owned(&labels([("status", "b"), ("kind", "a")])).inc_by(2);
    let page = openmetrics(&ours);
    assert!(page.contains("jobs_total{status=\"b\",kind=\"a\"} 2\n"), "{page}");
    assert!(page.contains("jobs_total{kind=\"a\"} 1\n"), "{page}");
    jobs.clear();
    assert!(!openmetrics(&ours).contains("jobs"));

    let times = Family::<Labels, Histogram>::new_with_constructor(|| histogram(&[1.0], &[]));
    theirs.lock().unwrap().register("times", "Times", times.clone());
    times.get_or_create_owned(&labels([])).observe(0.5);
    assert!(openmetrics(&ours).contains("times_bucket{le=\"1.0\"} 1\n"));
    assert_eq!(rejected(&ours), BTreeMap::new());
}

#[test]
fn a_registry_may_be_shared_in_any_way() {
    let registry = |name: &str| {
        let mut registry = Theirs::default();
        registry.register(name, "A counter", counter(1));
        registry
    };
    let ours = Registry::new();
    ours.attach(registry("plain"));
    ours.attach(Arc::new(registry("arc")));
    let poisoned = Arc::new(Mutex::new(registry("poisoned")));
    let thread = {
        let poisoned = Arc::clone(&poisoned);
        std::thread::spawn(move || {
            let _guard = poisoned.lock().unwrap();
            panic!("a panic of a test, under the lock");
        })
    };
    assert!(thread.join().is_err() && poisoned.is_poisoned());
    ours.attach(Arc::clone(&poisoned));
    ours.attach(Arc::new(RwLock::new(registry("read"))));
    let page = openmetrics(&ours);
    for name in ["plain", "arc", "poisoned", "read"] {
        assert!(page.contains(&format!("\n{name}_total 1\n")), "{page}");
    }
}

#[test]
fn the_same_family_of_two_registries_stands_once() {
    let ours = Registry::new();
    for shard in ["a", "b"] {
        let label = [("shard".into(), shard.into())];
        let mut theirs = Theirs::with_labels(label.into_iter());
        theirs.register("moved", format!("Of shard {shard}"), counter(1));
        ours.attach(theirs);
    }
    let expected = "# TYPE moved counter\n# HELP moved Of shard a.\nmoved_total{shard=\"a\"} 1\n\
                    moved_total{shard=\"b\"} 1\n# EOF\n";
    assert_eq!(openmetrics(&ours), expected);
}

/// Each on the page of the other, and neither twice on its own.
#[test]
fn both_ways_at_once() {
    let ours = attached(Theirs::default());
    ours.register_gauge("ours", "Ours", &[]).unwrap().set(&[], 1.0).unwrap();
    let theirs = Arc::new({
        let mut theirs = Theirs::default();
        theirs.register("theirs", "Theirs", gauge(2.0));
        theirs.register_collector(Box::new(ours.clone()));
        theirs
    });
    ours.attach(Arc::clone(&theirs));
    for page in [openmetrics(&ours), their_page(&theirs)] {
        assert_eq!(page.matches("\nours 1").count(), 1, "{page}");
        assert_eq!(page.matches("\ntheirs 2").count(), 1, "{page}");
        let strict = parse_pages(&[("openmetrics", page.clone())]).remove(0);
        assert!(strict.is_ok(), "{strict:?}\n{page}");
    }
    assert_eq!(rejected(&ours), BTreeMap::new());
}

#[test]
fn a_selection_holds_for_attached_families_too() {
    let mut theirs = Theirs::default();
    theirs.register("jobs", "Jobs", Counter::<u64>::default());
    theirs.register("build", "Build", Info::new([("version", "1")]));
    let ours = Registry::new();
    ours.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    ours.attach(theirs);
    let mut snapshot = Snapshot::samples_only();
    let mut filled = |selection: Selection| -> Vec<String> {
        snapshot.select(selection);
        ours.snapshot_into(&mut snapshot);
        snapshot.families().map(|family| family.descriptor().exposed_name().to_owned()).collect()
    };
    assert_eq!(filled(Selection::of(["jobs_total"])), ["jobs_total"]);
    assert_eq!(filled(Selection::of(["build_info", "queue_size"])), ["build_info", "queue_size"]);
    assert_eq!(filled(Selection::all()), ["build_info", "jobs_total", "queue_size"]);
}

#[test]
fn pages_can_be_made_by_many_threads() {
    let ours = Arc::new(attached(foreign::every_kind()));
    let expected = openmetrics(&ours);
    std::thread::scope(|scope| {
        let pages: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..50).map(|_| openmetrics(&ours)).all(|page| page == expected)))
            .collect();
        assert!(pages.into_iter().all(|same| same.join().unwrap()));
    });
}
