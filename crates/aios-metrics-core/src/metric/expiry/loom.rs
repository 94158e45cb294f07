//! Models of expiry: a series that is found idle while somebody has just found it as well.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualClock;
use crate::descriptor::Descriptor;
use crate::metric::series::{Series, total};
use crate::metric::{Held, Total};
use crate::registry::RegistryOptions;
use crate::storage::local;
use crate::storage::{Reader, Section};
use crate::sync::model::{check, race};

const HOUR: Duration = Duration::from_secs(3_600);

/// A family with the series "a", of which 5 is the total and which is idle.
fn idle() -> Arc<Series> {
    let clock = Arc::new(ManualClock::new());
    let descriptor = Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap();
    let options = RegistryOptions::default().with_clock(clock.clone());
    let series = Arc::new(Series::new(descriptor, &options, Arc::default()));
    series.expire_after(HOUR);
    add(&series, 5);
    series.tidy_up();
    clock.advance(HOUR);
    series
}

fn add(series: &Series, n: u64) {
    let section = Section::enter();
    local::add(series.with_values(&section, &["a"]).unwrap().run().cell, n);
}

fn hold(series: &Arc<Series>) -> Held {
    let find =
        |series: &Series, section: &Section| series.with_values(section, &["a"]).map(|node| node.run());
    Held::new(series, series.hold(find).unwrap())
}

/// What is there of the series in the end.
fn value(series: &Series) -> Option<Total> {
    (0..2).for_each(|_| series.tidy_up());
    let section = Section::enter();
    let run = series.existing(&section, &[("by", "a")])?.run();
    Some(total(&mut Reader::default(), run))
}

#[test]
fn an_update_that_meets_an_expiry_counts() {
    check(|| {
        let series = idle();
        let (updating, expiring) = (Arc::clone(&series), Arc::clone(&series));
        race([Box::new(move || add(&updating, 3))], move || {
            expiring.tidy_up();
            expiring.tidy_up();
        });
        let value = value(&series);
        assert!([Some(Total::Whole(8)), Some(Total::Whole(3))].contains(&value), "{value:?}");
    });
}

#[test]
fn it_counts_beside_one_that_has_created_the_series_anew() {
    check(|| {
        let series = idle();
        let (updating, expiring) = (Arc::clone(&series), Arc::clone(&series));
        race([Box::new(move || add(&updating, 3))], move || {
            expiring.tidy_up();
            add(&expiring, 1);
        });
        let value = value(&series);
        assert!([Some(Total::Whole(9)), Some(Total::Whole(4))].contains(&value), "{value:?}");
        assert_eq!((series.nodes().places().count(), series.len()), (1, 1));
    });
}

#[test]
fn a_handle_that_is_taken_meanwhile_is_of_a_series_that_is_there() {
    check(|| {
        let series = idle();
        let (holding, expiring) = (Arc::clone(&series), Arc::clone(&series));
        let take = move || {
            let held = hold(&holding);
            local::add(held.run().cell, 3);
        };
        race([Box::new(take)], move || {
            expiring.tidy_up();
            expiring.tidy_up();
        });
        let value = value(&series);
        assert!([Some(Total::Whole(8)), Some(Total::Whole(3))].contains(&value), "{value:?}");
    });
}

#[test]
fn what_was_done_with_the_last_handle_is_seen() {
    check(|| {
        let series = idle();
        let held = hold(&series);
        let expiring = Arc::clone(&series);
        let write = move || {
            local::add(held.run().cell, 3);
            drop(held);
        };
        race([Box::new(write)], move || {
            expiring.tidy_up();
            expiring.tidy_up();
        });
        assert_eq!(value(&series), Some(Total::Whole(8)));
    });
}
