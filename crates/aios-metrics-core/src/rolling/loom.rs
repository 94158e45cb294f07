//! Models of a rolling metric: a writer that passes from one time slot to the next while a reader
//! adds up the ring and the writer's slot.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::RollingMetric;
use super::slot::{Batch, CELLS, Slot};
use crate::clock::ManualClock;
use crate::storage::local;
use crate::sync::model::{check, race};
use crate::sync::{AtomicU64, lock};

/// Values of which no two sums are equal, so that a sum tells which of them are in it.
const VALUES: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// The count and sum of everything.
fn read(metric: &RollingMetric) -> (u64, f64) {
    let [(total, _)] = metric.0.totals([metric.window()]);
    (total.count, total.sum)
}

/// The same by a reader that lets others run once it holds the ring and before it looks at slots:
/// loom by itself lets a thread that is about to try a lock wait for it, so that it never fails.
fn read_slowly(metric: &RollingMetric) -> (u64, f64) {
    let (mut begun, mut total) = (false, (0, 0.0));
    metric.0.read(|batch| {
        if !std::mem::replace(&mut begun, true) {
            thread::yield_now();
        }
        if batch.count > 0 {
            total = (total.0 + batch.count, total.1 + batch.sum);
        }
    });
    total
}

/// How many of the values are in a reading: always the first ones, each once.
fn prefix((count, sum): (u64, f64)) -> usize {
    let len = count as usize;
    assert_eq!(sum, VALUES[..len].iter().sum::<f64>(), "of {len} values");
    len
}

fn metric() -> (Arc<ManualClock>, RollingMetric) {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(Duration::from_secs(30), clock.clone());
    (clock, metric)
}

/// Two readings: each shows the first values, each once, and the second no less than the first.
fn read_twice(metric: &RollingMetric) {
    let (first, second) = (prefix(read(metric)), prefix(read(metric)));
    assert!(first <= second, "{first}, then {second}");
}

#[test]
fn a_reader_sees_whole_observations_inside_a_time_slot() {
    check(|| {
        let (_, metric) = metric();
        let (writer, reader) = (metric.clone(), metric.clone());
        let write = move || VALUES[..2].iter().for_each(|&value| writer.add(value));
        race([Box::new(write)], move || read_twice(&reader));
        assert_eq!(read(&metric), (2, 3.0));
    });
}

#[test]
fn every_observation_counts_once_while_a_time_slot_ends() {
    check(|| {
        let (clock, metric) = metric();
        metric.add(VALUES[0]);
        clock.advance(Duration::from_secs(1));
        let reader = metric.clone();
        let reading = thread::spawn(move || assert!([1, 2].contains(&prefix(read_slowly(&reader)))));
        // Where the reader comes first and yields, the first is set aside; else it is folded.
        thread::yield_now();
        metric.add(VALUES[1]);
        reading.join().unwrap();
        assert_eq!(read(&metric), (2, 3.0));
    });
}

#[test]
fn what_waits_in_the_backlog_is_folded_by_the_next_thread() {
    check(|| {
        let (clock, metric) = metric();
        // While somebody holds the ring a writer sets its batches aside, more than there is room for.
        let ring = lock(&metric.0.ring);
        let writer = metric.clone();
        let turned = clock.clone();
        let writing = thread::spawn(move || {
            for &value in &VALUES[..3] {
                writer.add(value);
                turned.advance(Duration::from_secs(1));
            }
            local::leave();
        });
        writing.join().unwrap();
        drop(ring);
        assert_eq!(read(&metric), (3, 7.0));
        let reader = metric.clone();
        let reading = thread::spawn(move || assert!([3, 4].contains(&prefix(read_slowly(&reader)))));
        thread::yield_now();
        metric.add(VALUES[3]);
        reading.join().unwrap();
        assert_eq!(read(&metric), (4, 15.0));
        let all = metric.window();
        assert_eq!((metric.min(all), metric.max(all)), (Some(1.0), Some(8.0)));
    });
}

#[test]
fn two_writers_and_a_reader_count_everything_once() {
    check(|| {
        let (clock, metric) = metric();
        metric.add(1.0);
        clock.advance(Duration::from_secs(1));
        let write = |value| -> Box<dyn FnOnce() + Send> {
            let writer = metric.clone();
            Box::new(move || writer.add(value))
        };
        let reader = metric.clone();
        race([write(2.0), write(4.0)], move || {
            let (count, sum) = read(&reader);
            assert!([(1, 1.0), (2, 3.0), (2, 5.0), (3, 7.0)].contains(&(count, sum)), "{count}, {sum}");
        });
        assert_eq!(read(&metric), (3, 7.0));
    });
}

/// The sequence lock by itself, with a writer that changes everything that a reader looks at.
#[test]
fn a_reader_never_mixes_two_states_of_a_slot() {
    check(|| {
        let cells: Arc<[AtomicU64; CELLS]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
        Slot(&cells).set_aside(1, 1.0);
        let (writer, reader) = (Arc::clone(&cells), Arc::clone(&cells));
        let write = move || Slot(&writer).set_aside(2, 2.0);
        race([Box::new(write)], move || {
            let mut seen = Batch::NONE;
            Slot(&reader).read(|batch| seen.merge(batch));
            let seen = (seen.count, seen.sum, seen.min, seen.max);
            assert!([(1, 1.0, 1.0, 1.0), (2, 3.0, 1.0, 2.0)].contains(&seen), "{seen:?}");
        });
    });
}
