//! Idle series leave the page, and come back.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::sync::Arc;
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
