//! Idle series leave the page, and come back.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aios_metrics_core::{ManualClock, PrometheusText, Registry, RegistryOptions};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

fn registry() -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::with_options(RegistryOptions::default().with_clock(clock.clone())), clock)
}

/// The samples of the page; making it judges what is idle.
fn samples(registry: &Registry) -> Vec<String> {
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn a_series_that_is_idle_is_removed_and_begins_at_zero() {
    let (registry, clock) = registry();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap().expire_after(HOUR);
    jobs.inc_by(&["idle"], 5_u64).unwrap();
    jobs.inc(&["busy"]).unwrap();
    assert_eq!(samples(&registry).len(), 2);
    for _ in 0..59 {
        clock.advance(MINUTE);
        jobs.inc(&["busy"]).unwrap();
        assert_eq!(samples(&registry).len(), 2);
    }
    clock.advance(MINUTE);
    jobs.inc(&["busy"]).unwrap();
    assert_eq!(samples(&registry), [r#"jobs_total{by="busy"} 61"#]);
    assert_eq!(registry.value("jobs_total", &[("by", "idle")]), None);
    jobs.inc(&["idle"]).unwrap();
    assert_eq!(samples(&registry), [r#"jobs_total{by="busy"} 61"#, r#"jobs_total{by="idle"} 1"#]);
}

#[test]
fn with_a_handle_it_is_hidden_and_comes_back_with_its_total() {
    let (registry, clock) = registry();
    let sizes =
        registry.register_histogram("sizes", "Sizes", &["by"], Some(&[1.0])).unwrap().expire_after(HOUR);
    let handle = sizes.with(&["held"]).unwrap();
    handle.observe(0.5);
    assert_eq!(samples(&registry).len(), 4);
    clock.advance(HOUR);
    assert_eq!(samples(&registry), [""; 0]);
    assert_eq!(registry.value("sizes", &[("by", "held")]), Some(1.0), "hidden, and there");
    handle.observe(3.0);
    let shown = samples(&registry);
    assert_eq!(shown[2..], [r#"sizes_sum{by="held"} 3.5"#, r#"sizes_count{by="held"} 2"#]);
    // Found by its values it comes back as well.
    clock.advance(HOUR);
    assert_eq!(samples(&registry), [""; 0]);
    sizes.observe(&["held"], 0.5).unwrap();
    assert_eq!(samples(&registry).last().unwrap(), r#"sizes_count{by="held"} 3"#);
    // Without a handle it begins anew.
    drop(handle);
    clock.advance(HOUR);
    assert_eq!(samples(&registry), [""; 0]);
    sizes.observe(&["held"], 0.5).unwrap();
    assert_eq!(samples(&registry).last().unwrap(), r#"sizes_count{by="held"} 1"#);
}

#[test]
fn setting_a_gauge_is_a_change_whatever_the_value() {
    let (registry, clock) = registry();
    let queue = registry.register_gauge("queue", "Queue", &["by"]).unwrap().expire_after(HOUR);
    let handle = queue.with(&["handle"]).unwrap();
    for _ in 0..3 {
        handle.set(1.0);
        queue.set(&["family"], 1.0).unwrap();
        registry.set_gauge("queue", 1.0, &[("by", "name")]).unwrap();
        assert_eq!(samples(&registry).len(), 3);
        clock.advance(HOUR - MINUTE);
    }
    handle.add(0.0);
    assert_eq!(samples(&registry).len(), 3);
    clock.advance(MINUTE);
    assert_eq!(samples(&registry), [r#"queue{by="handle"} 1"#]);
    clock.advance(HOUR - MINUTE);
    assert_eq!(samples(&registry), [""; 0]);
    handle.inc();
    assert_eq!(samples(&registry), [r#"queue{by="handle"} 2"#]);
}

#[test]
fn a_metric_without_labels_is_hidden() {
    let (registry, clock) = registry();
    let jobs = registry.register_counter("jobs_total", "Jobs", &[]).unwrap().expire_after(HOUR);
    jobs.inc(&[]).unwrap();
    assert_eq!(samples(&registry), ["jobs_total 1"]);
    clock.advance(HOUR);
    assert_eq!(samples(&registry), [""; 0]);
    jobs.inc(&[]).unwrap();
    assert_eq!(samples(&registry), ["jobs_total 2"]);
}

#[test]
fn a_new_series_makes_room_for_itself_without_any_scrape() {
    let (registry, clock) = registry();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    let jobs = jobs.expire_after(HOUR).set_max_series(100);
    for number in 0..2_000 {
        clock.advance(MINUTE * 2);
        jobs.inc(&[&number.to_string()]).unwrap();
    }
    assert_eq!(registry.value("jobs_total", &[("by", "__overflow__")]), None);
    assert_eq!(registry.value("jobs_total", &[("by", "1999")]), Some(1.0));
    let shown = samples(&registry).len();
    assert!((30..=45).contains(&shown), "{shown} series of the last hour");
}

#[test]
fn other_families_keep_their_idle_series() {
    let (registry, clock) = registry();
    registry.register_counter("kept_total", "Kept", &["by"]).unwrap().inc(&["a"]).unwrap();
    registry.register_counter("idle_total", "Idle", &["by"]).unwrap().expire_after(HOUR).inc(&["a"]).unwrap();
    for _ in 0..3 {
        samples(&registry);
        clock.advance(HOUR);
    }
    assert_eq!(samples(&registry), [r#"kept_total{by="a"} 1"#]);
}

#[test]
fn any_duration_will_do() {
    let (registry, clock) = registry();
    let never = registry.register_counter("never_total", "Never", &["by"]).unwrap();
    let at_once = registry.register_counter("at_once_total", "At once", &["by"]).unwrap();
    never.expire_after(Duration::MAX).inc(&["a"]).unwrap();
    at_once.expire_after(Duration::ZERO).inc(&["a"]).unwrap();
    at_once.inc(&["b"]).unwrap();
    let both = [r#"at_once_total{by="a"} 1"#, r#"at_once_total{by="b"} 1"#, r#"never_total{by="a"} 1"#];
    assert_eq!(samples(&registry), both);
    at_once.inc(&["a"]).unwrap();
    assert_eq!(samples(&registry), [r#"at_once_total{by="a"} 2"#, r#"never_total{by="a"} 1"#]);
    clock.advance(100 * HOUR);
    never.inc(&["b"]).unwrap();
    assert_eq!(samples(&registry), [r#"never_total{by="a"} 1"#, r#"never_total{by="b"} 1"#]);
}

#[test]
fn a_family_at_its_cap_has_room_again_without_any_scrape() {
    let (registry, clock) = registry();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
    let jobs = jobs.expire_after(HOUR).set_max_series(10);
    for number in 0..20 {
        jobs.inc(&[&number.to_string()]).unwrap();
    }
    assert_eq!(registry.value("jobs_total", &[("by", "__overflow__")]), Some(10.0));
    // Seen first, and then seen to be idle.
    for _ in 0..2 {
        clock.advance(HOUR);
        jobs.inc(&["late"]).unwrap();
    }
    assert_eq!(registry.value("jobs_total", &[("by", "late")]), Some(1.0));
}

/// Series expire as soon as two snapshots have seen the same of them, while threads use them: by handles that
/// are kept, whose totals stay exact, and by values, whose series come and go and hold their own amounts only.
#[test]
fn totals_are_exact_while_series_expire_and_come_back() {
    const WRITERS: u64 = 4;
    let rounds: u64 =
        std::env::var("AIOS_METRICS_TEST_ROUNDS").map_or(10_000, |rounds| rounds.parse().unwrap());
    let (registry, clock) = registry();
    let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap().expire_after(MINUTE);
    let queue = registry.register_gauge("queue", "Queue", &["by"]).unwrap().expire_after(MINUTE);
    let sizes = registry.register_histogram("sizes", "Sizes", &["by"], Some(&[1.0])).unwrap();
    let sizes = sizes.expire_after(MINUTE);
    let done = &AtomicBool::new(false);
    thread::scope(|scope| {
        let write = |thread: u64| {
            let (jobs, queue, sizes, clock) = (&jobs, &queue, &sizes, &clock);
            move || {
                let kept = format!("kept by {thread}");
                let (job, size) = (jobs.with(&[&kept]).unwrap(), sizes.with(&[&kept]).unwrap());
                for round in 0..rounds {
                    // What is shown of a series is a multiple of its number.
                    let number = 2 + round % 13;
                    let name = number.to_string();
                    jobs.inc_by(&[&name], number).unwrap();
                    queue.set(&[&name], number as f64).unwrap();
                    if round % 8 == thread {
                        jobs.with(&[&name]).unwrap().inc_by(number as f64 / 2.0);
                        sizes.observe(&[&name], number as f64).unwrap();
                    }
                    if round % 4 == thread {
                        job.inc();
                        job.inc_by(0.5);
                        size.observe(1.0);
                    }
                    match round % 128 {
                        // Some removals meet what has expired just before.
                        17 => drop(jobs.remove(&[&name]).unwrap()),
                        19 => clock.advance(MINUTE),
                        _ => {}
                    }
                }
                (job, size)
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|thread| scope.spawn(write(thread))).collect();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        check_page(&samples(&registry));
                        clock.advance(MINUTE);
                    }
                })
            })
            .collect();
        let kept: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        assert!(readers.into_iter().all(|reader| reader.join().is_ok()));
        for (thread, kept) in (0..WRITERS).zip(kept) {
            let (job, size) = kept.unwrap();
            let times = (0..rounds).filter(|round| round % 4 == thread).count() as u64;
            assert_eq!((job.get(), size.count(), size.sum()), (times as f64 * 1.5, times, times as f64));
            // Whether it is hidden or not, it is there.
            let by = format!("kept by {thread}");
            assert_eq!(registry.value("jobs_total", &[("by", &by)]), Some(times as f64 * 1.5));
        }
    });
    // Nothing is left of the others some time after, and what they had is used again.
    for _ in 0..4 {
        samples(&registry);
        clock.advance(MINUTE);
    }
    assert_eq!(samples(&registry), [""; 0]);
    for number in 2..15 {
        assert_eq!(jobs.with(&[&number.to_string()]).unwrap().get(), 0.0);
    }
}

/// Each series stands once, and holds what belongs to it.
fn check_page(samples: &[String]) {
    let page: HashMap<&str, f64> = samples
        .iter()
        .map(|sample| sample.rsplit_once(' ').unwrap())
        .map(|(key, value)| (key, value.parse().unwrap()))
        .collect();
    assert_eq!(page.len(), samples.len(), "a series stands twice");
    for (key, value) in page {
        let by = key.split('"').nth(1).unwrap();
        let Ok(number) = by.parse::<f64>() else { continue };
        let fits = match key.split('{').next().unwrap() {
            "jobs_total" => value % (number / 2.0) == 0.0,
            "queue" => value == 0.0 || value == number,
            "sizes_sum" => value % number == 0.0,
            _ => true,
        };
        assert!(fits, "{key} is {value}");
    }
}
