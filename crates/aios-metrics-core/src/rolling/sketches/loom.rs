//! Models of the sketches of a rolling metric. A sketch has two bins here.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::super::quantile::Quantile;
use super::super::sketch::{Bin, Counts, Sketch, Total};
use super::{Sketches, nanoseconds};
use crate::storage::local;
use crate::sync::lock;
use crate::sync::model::{check, race};

const SLOT: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(60);
const START: Duration = Duration::from_secs(3_600);

/// Values in bins that follow each other.
const VALUES: [f64; 4] = [1.0, 1.01, 1.03, 1.05];

fn sketches() -> Arc<Sketches> {
    Arc::new(Sketches::new(WINDOW, Quantile::new(0.5).into_iter().collect()))
}

fn count(total: &Total) -> u64 {
    let magnitudes = total.range().magnitudes();
    let counts = magnitudes.map(|magnitude| total.counts(magnitude)).map(|c: Counts| c.positive + c.negative);
    total.zeros() + counts.sum::<u64>()
}

/// How many observations a reader finds after so many slots.
fn read(sketches: &Sketches, slots: u32) -> u64 {
    let [total] = sketches.totals(START + SLOT * slots, [WINDOW]);
    count(&total)
}

/// The same by a reader that lets others run once it holds the ring: loom by itself lets a thread
/// that is about to try a lock wait for it, so that it never fails.
fn read_slowly(sketches: &Sketches, slots: u32) -> u64 {
    let mut ring = lock(&sketches.ring);
    thread::yield_now();
    let [total] = sketches.add_up(&mut ring, nanoseconds(START + SLOT * slots), [WINDOW]);
    count(&total)
}

fn assert_all(sketches: &Sketches, slots: u32, expected: u64) {
    assert_eq!(read(sketches, slots), expected);
    // Whoever adds next folds everything, and then as much is in the ring and in the sketches.
    sketches.add(START + SLOT * (slots + 1), 0.0);
    assert_eq!(read(sketches, slots + 1), expected + 1);
}

#[test]
fn readers_see_whole_observations_and_never_fewer_than_before() {
    check(|| {
        let sketches = sketches();
        let (writer, reader) = (sketches.clone(), sketches.clone());
        let write = move || VALUES[..2].iter().for_each(|&value| writer.add(START, value));
        race([Box::new(write)], move || {
            let (first, second) = (read(&reader, 0), read(&reader, 0));
            assert!(first <= second && second <= 2, "{first}, then {second}");
        });
        assert_all(&sketches, 0, 2);
    });
}

#[test]
fn joined_bins_are_read_as_one_or_as_two() {
    check(|| {
        let sketches = sketches();
        let (writer, reader) = (sketches.clone(), sketches.clone());
        let write = move || {
            for value in [VALUES[0], VALUES[1], VALUES[2]] {
                writer.add(START, value);
            }
        };
        race([Box::new(write)], move || {
            let [total] = reader.totals(START, [WINDOW]);
            let bins: Vec<u64> = total.range().magnitudes().map(|m| total.counts(m).positive).collect();
            let known: [&[u64]; 5] = [&[], &[1], &[1, 1], &[2], &[2, 1]];
            assert!(known.contains(&&bins[..]), "{bins:?}");
        });
        assert_all(&sketches, 0, 3);
    });
}

#[test]
fn every_observation_counts_once_while_a_time_slot_ends() {
    check(|| {
        let sketches = sketches();
        sketches.add(START, VALUES[0]);
        let reader = sketches.clone();
        let reading = thread::spawn(move || assert!([1, 2].contains(&read_slowly(&reader, 1))));
        // Where the reader comes first and yields, the first sketch waits; else it is folded.
        thread::yield_now();
        sketches.add(START + SLOT, VALUES[1]);
        reading.join().unwrap();
        assert_all(&sketches, 1, 2);
    });
}

#[test]
fn what_waits_is_folded_by_a_later_observation() {
    check(|| {
        let sketches = sketches();
        // While somebody holds the ring more slots end than there are sketches.
        let ring = lock(&sketches.ring);
        let writer = sketches.clone();
        let writing = thread::spawn(move || {
            for slots in 0..3 {
                writer.add(START + SLOT * slots, VALUES[0]);
                writer.add(START + SLOT * slots, VALUES[1]);
            }
            local::leave();
        });
        writing.join().unwrap();
        drop(ring);
        assert_eq!(read(&sketches, 2), 6);
        // The next owner of the slab goes on with what it finds.
        let reader = sketches.clone();
        let reading = thread::spawn(move || assert!([6, 7].contains(&read_slowly(&reader, 2))));
        thread::yield_now();
        sketches.add(START + SLOT * 2, VALUES[1]);
        reading.join().unwrap();
        assert_all(&sketches, 2, 7);
    });
}

#[test]
fn two_writers_and_a_reader_count_everything_once() {
    check(|| {
        let sketches = sketches();
        sketches.add(START, VALUES[0]);
        let write = |value| -> Box<dyn FnOnce() + Send> {
            let writer = sketches.clone();
            Box::new(move || writer.add(START + SLOT, value))
        };
        let reader = sketches.clone();
        race([write(VALUES[1]), write(VALUES[3])], move || {
            let seen = read(&reader, 1);
            assert!((1..=3).contains(&seen), "{seen}");
        });
        assert_all(&sketches, 1, 3);
    });
}

#[test]
fn a_thread_that_is_ending_counts_in_the_ring() {
    check(|| {
        let sketches = sketches();
        let writer = sketches.clone();
        let write = move || {
            local::leave();
            writer.add(START, VALUES[0]);
            local::leave();
            writer.add(START, -VALUES[0]);
        };
        let reader = sketches.clone();
        race([Box::new(write)], move || assert!(read(&reader, 0) <= 2));
        assert_all(&sketches, 0, 2);
        assert_eq!(Bin::of(0.0).value(), 0.0);
    });
}
