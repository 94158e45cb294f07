//! Series that expire while they are found, updated, removed and created anew.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::descriptor::Descriptor;
use crate::lookup::node::Node;
use crate::metric::Found;
use crate::native::NativeBuckets;
use crate::registry::RegistryOptions;
use crate::storage::Section;

const HOUR: Duration = Duration::from_secs(3_600);

fn series(descriptor: Descriptor) -> (Series, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let options = RegistryOptions::default().with_clock(clock.clone());
    let series = Series::new(descriptor, &options, Arc::default());
    series.expire_after(HOUR);
    (series, clock)
}

fn find_or_create(series: &Series, section: &Section) -> Run {
    series.with_values(section, &["a"]).map(Node::run).expect("one value for one label")
}

/// Lets the series with the value "a" expire while a section is open in which it was found; then
/// `update` is what the finder does with it.
fn expire_under(series: &Series, clock: &ManualClock, update: impl FnOnce(Run)) {
    let section = Section::enter();
    let found = find_or_create(series, &section);
    // Another thread, as this one is in a section.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            series.tidy_up();
            clock.advance(HOUR);
            series.tidy_up();
            series.tidy_up();
        });
    });
    assert!(series.existing(&section, &[("by", "a")]).is_none());
    update(found);
}

fn run(series: &Series) -> Option<Run> {
    series.existing(&Section::enter(), &[("by", "a")]).map(Node::run)
}

#[test]
fn an_update_of_a_series_that_expires_meanwhile_brings_it_back() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    let before = {
        let section = Section::enter();
        let run = find_or_create(&series, &section);
        local::add(run.cell, 5);
        run
    };
    expire_under(&series, &clock, |found| {
        local::add(found.cell, 2);
    });
    assert_eq!((run(&series), series.len()), (None, 0));
    series.tidy_up();
    let back = run(&series).unwrap();
    assert_eq!((back, series.len()), (before, 1));
    assert_eq!(total(&mut Reader::default(), back), Total::Whole(7));
    // It can be held again, and expire again.
    let found = |series: &Series, section: &Section| series.with_values(section, &["a"]).map(Node::run);
    let (_, control) = series.hold(found).unwrap();
    assert!(!control.release());
    series.tidy_up();
    clock.advance(HOUR);
    series.tidy_up();
    series.tidy_up();
    assert_eq!(run(&series), None);
}

#[test]
fn one_that_comes_back_when_it_is_created_is_there_once() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    expire_under(&series, &clock, |found| {
        local::add(found.cell, 2);
        // Another one, which the creation finds to be idle; removing it, it looks at what waits.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                series.with_values(&Section::enter(), &["b"]).unwrap();
                series.tidy_up();
                clock.advance(HOUR);
            });
        });
    });
    let section = Section::enter();
    let run = find_or_create(&series, &section);
    assert_eq!(total(&mut Reader::default(), run), Total::Whole(2));
    assert_eq!((series.nodes.places().count(), series.len()), (1, 1));
}

#[test]
fn what_was_removed_does_not_come_back() {
    let removals: [fn(&Series); 3] = [
        |series| assert_eq!(series.remove(&["a"]), Ok(true)),
        |series| series.clear(),
        |series| series.retain(|labels| labels.get("by").unwrap() != "a"),
    ];
    for remove in removals {
        let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
        expire_under(&series, &clock, |found| {
            local::add(found.cell, 2);
            remove(&series);
        });
        series.tidy_up();
        assert_eq!((run(&series), series.len()), (None, 0));
    }
}

#[test]
fn removing_what_has_expired_finds_nothing() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    expire_under(&series, &clock, |_| assert_eq!(series.remove(&["a"]), Ok(false)));
}

#[test]
fn retaining_keeps_what_is_to_come_back() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    expire_under(&series, &clock, |found| {
        local::add(found.cell, 2);
        series.retain(|labels| labels.get("by").unwrap() == "a");
    });
    series.tidy_up();
    assert_eq!(total(&mut Reader::default(), run(&series).unwrap()), Total::Whole(2));
}

#[test]
fn it_is_added_to_the_one_that_was_created_meanwhile() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    expire_under(&series, &clock, |found| {
        local::add(found.cell, 2);
        series.add_fraction(found, 0.25);
        let section = Section::enter();
        let new = find_or_create(&series, &section);
        assert_ne!(new, found);
        local::add(new.cell, 1);
    });
    series.tidy_up();
    assert_eq!(total(&mut Reader::default(), run(&series).unwrap()), Total::Float(3.25));
    assert_eq!(series.len(), 1);
}

#[test]
fn so_are_the_observations_of_a_histogram() {
    let native = NativeBuckets::new(0, 1.0..=8.0);
    let descriptor = Descriptor::native_histogram("sizes", "Sizes", &["by"], &[1.0], native).unwrap();
    let (series, clock) = series(descriptor);
    expire_under(&series, &clock, |found| {
        histogram::observe(Found { series: &series, run: found }, 0.5);
        histogram::observe(Found { series: &series, run: found }, 2.5);
        let section = Section::enter();
        let new = find_or_create(&series, &section);
        histogram::observe(Found { series: &series, run: new }, 7.0);
    });
    series.tidy_up();
    let (reader, run) = (&mut Reader::default(), run(&series).unwrap());
    assert_eq!((histogram::count(reader, &series, run), histogram::sum(reader, &series, run)), (3, 10.0));
    assert_eq!(reader.sum(&STORAGE, run.cell), 1);
    // Behind the sum: those up to 1, up to 2, up to 4, up to 8.
    assert_eq!([3, 4, 5, 6].map(|at| reader.sum(&STORAGE, run.cell + at)), [1, 0, 1, 1]);
}

#[test]
fn a_gauge_that_is_set_to_the_same_meanwhile_comes_back() {
    let (series, clock) = series(Descriptor::gauge("queue", "Queue", &["by"]).unwrap());
    expire_under(&series, &clock, |found| gauge::set(&series, found, 0.0));
    series.tidy_up();
    assert!(run(&series).is_some());
}

/// The value of a gauge that expires and is created anew, after `update` was done to both.
fn gauge_of_new(update: impl FnOnce(&Series, Run, Run)) -> f64 {
    let (series, clock) = series(Descriptor::gauge("queue", "Queue", &["by"]).expect("a descriptor"));
    expire_under(&series, &clock, |found| {
        let new = find_or_create(&series, &Section::enter());
        update(&series, found, new);
    });
    series.tidy_up();
    f64::from_bits(gauge::word(run(&series).expect("the new one")).load(Ordering::Relaxed))
}

#[test]
fn a_gauge_that_was_only_created_takes_what_was_set_meanwhile() {
    assert_eq!(gauge_of_new(|series, found, _| gauge::set(series, found, 5.0)), 5.0);
}

#[test]
fn one_that_was_set_keeps_its_value_even_if_that_is_zero() {
    let value = gauge_of_new(|series, found, new| {
        gauge::set(series, found, 5.0);
        gauge::set(series, new, 0.0);
        // Judging it takes the note of that.
        std::thread::scope(|scope| {
            scope.spawn(|| series.tidy_up());
        });
    });
    assert_eq!(value, 0.0);
}

#[test]
fn who_creates_series_does_not_keep_a_reader_from_showing_them() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    let held = {
        let found = |series: &Series, section: &Section| series.with_values(section, &["a"]).map(Node::run);
        series.hold(found).unwrap().0
    };
    series.tidy_up();
    clock.advance(HOUR);
    series.tidy_up();
    let is_shown = || series.nodes.places().all(|(_, node)| node.is_shown());
    assert!(!is_shown());
    local::add(held.cell, 1);
    let changes = lock(&series.changes);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| series.tidy_up());
        while !reader.is_finished() && try_lock(&series.expiry).is_some() {
            std::thread::yield_now();
        }
        drop(changes);
        reader.join().unwrap();
    });
    assert!(is_shown());
}

#[test]
fn the_first_fraction_needs_no_lock_of_those_who_create_series() {
    let (series, _) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    let run = find_or_create(&series, &Section::enter());
    let _changes = lock(&series.changes);
    series.add_fraction(run, 0.5);
    assert_eq!(total(&mut Reader::default(), run), Total::Float(0.5));
}

#[test]
fn what_is_kept_to_judge_series_goes_with_them() {
    let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
    let create = |count: u32| {
        let section = Section::enter();
        for number in 0..count {
            series.with_values(&section, &[&number.to_string()]).unwrap();
        }
    };
    create(10_000);
    series.tidy_up();
    let kept = || {
        let since = &lock(&series.expiry).since;
        (since.len(), since.capacity())
    };
    assert_eq!(kept().0, 10_000);
    series.clear();
    create(10);
    series.tidy_up();
    assert!(kept().0 == 10 && kept().1 < 100, "{:?}", kept());
    // Their control words are those of series that are gone; since when those were idle doesn't count.
    series.clear();
    series.tidy_up();
    clock.advance(HOUR);
    create(10);
    series.tidy_up();
    assert_eq!(series.len(), 10);
}
