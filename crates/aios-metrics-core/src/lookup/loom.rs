//! Models of the look-up: searches while entries, items and nodes are added.

#![allow(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::thread;

use super::list::List;
use super::node::Run;
use super::table::{Outgrown, Table};
use crate::descriptor::Descriptor;
use crate::metric::control::Control;
use crate::metric::exemplar::Exemplars;
use crate::metric::series::{Series, total};
use crate::metric::{Held, Total};
use crate::registry::RegistryOptions;
use crate::storage::local::{self, STORAGE};
use crate::storage::pointers::Pointers;
use crate::storage::{Reader, Section};
use crate::sync::model::{check, race};
use crate::sync::{AtomicU64, Ordering};

/// What entries of a table stand for: memory that is written once, before its entry is inserted.
struct Payloads([UnsafeCell<u64>; 3]);

// SAFETY: loom watches every access to the cells.
unsafe impl Send for Payloads {}
// SAFETY: as above.
unsafe impl Sync for Payloads {}

/// All in one place of the table, so that each search passes by the others.
const HASH: u64 = 0;

impl Payloads {
    /// The caller keeps what was outgrown, since nobody is in a section here.
    fn insert(&self, table: &Table, index: usize) -> Option<Outgrown> {
        // SAFETY: nobody looks before it is inserted.
        self.0[index].with_mut(|cell| unsafe { *cell = 10 + index as u64 });
        table.insert(HASH, index as u64, |_| HASH)
    }

    fn find(&self, table: &Table, index: usize) -> Option<u64> {
        // SAFETY: written before it was inserted, and never again.
        let read = |payload: u64| self.0[payload as usize].with(|cell| unsafe { *cell });
        table.candidates(HASH).find(|&payload| read(payload) == 10 + index as u64)
    }
}

#[test]
fn an_entry_is_found_while_the_table_grows() {
    check(|| {
        let shared = Arc::new((Table::new(), Payloads(std::array::from_fn(|_| UnsafeCell::new(0)))));
        drop(shared.1.insert(&shared.0, 0));
        let (inserting, searching) = (Arc::clone(&shared), Arc::clone(&shared));
        let outgrown = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = Arc::clone(&outgrown);
        let insert = move || {
            let (table, payloads) = &*inserting;
            // The first of them takes a larger table, the second has room there.
            let first = payloads.insert(table, 1);
            let second = payloads.insert(table, 2);
            keep.lock().unwrap().extend([first, second]);
        };
        race([Box::new(insert)], move || {
            let (table, payloads) = &*searching;
            assert_eq!(payloads.find(table, 0), Some(0));
            let newest = payloads.find(table, 2);
            assert!([None, Some(2)].contains(&newest));
            if newest.is_some() {
                assert_eq!(payloads.find(table, 1), Some(1));
            }
        });
        let (table, payloads) = &*shared;
        assert!((0..3).all(|index| payloads.find(table, index) == Some(index as u64)));
    });
}

#[test]
fn an_entry_in_the_place_of_another_is_found_and_the_rest_stays() {
    check(|| {
        let shared = Arc::new((Table::new(), Payloads(std::array::from_fn(|_| UnsafeCell::new(0)))));
        let outgrown = [0, 1].map(|index| shared.1.insert(&shared.0, index));
        let (changing, searching) = (Arc::clone(&shared), Arc::clone(&shared));
        let change = move || {
            let (table, payloads) = &*changing;
            table.remove(HASH, 0);
            assert!(payloads.insert(table, 2).is_none());
        };
        race([Box::new(change)], move || {
            let (table, payloads) = &*searching;
            assert_eq!(payloads.find(table, 1), Some(1));
            let (new, old) = (payloads.find(table, 2), payloads.find(table, 0));
            assert!(new.is_none() || old.is_none(), "the removal comes first");
        });
        let (table, payloads) = &*shared;
        assert_eq!([0, 1, 2].map(|index| payloads.find(table, index)), [None, Some(1), Some(2)]);
        drop(outgrown);
    });
}

/// A family of counters with one label.
fn jobs(max_series: usize) -> Arc<Series> {
    let descriptor = Descriptor::counter("jobs_total", "Jobs", &["status"]).unwrap();
    let options = RegistryOptions::default().with_max_series(max_series);
    Arc::new(Series::new(descriptor, &options, Arc::default()))
}

fn find_or_create(series: &Series, value: &str) -> Run {
    series.with_values(&Section::enter(), &[value]).unwrap().run()
}

/// Looks a series up and adds to it, as an update by label values does.
fn add(series: &Series, value: &str, n: u64) {
    let section = Section::enter();
    local::add(series.with_values(&section, &[value]).unwrap().run().cell, n);
}

fn value(series: &Series, value: &str) -> Option<Total> {
    let section = Section::enter();
    let run = series.existing(&section, &[("status", value)])?.run();
    Some(total(&mut Reader::default(), run))
}

fn hold(series: &Arc<Series>, value: &str) -> Held {
    let find =
        |series: &Series, section: &Section| series.with_values(section, &[value]).map(|node| node.run());
    Held::new(series, series.hold(find).unwrap())
}

#[test]
fn a_series_that_is_seen_tells_when_it_was_created() {
    check(|| {
        let descriptor = Descriptor::counter("jobs_total", "Jobs", &["status"]).unwrap();
        let options = RegistryOptions::default().with_created_timestamps(true);
        let series = Arc::new(Series::new(descriptor, &options, Arc::default()));
        let (creating, reading) = (Arc::clone(&series), Arc::clone(&series));
        let create = move || {
            find_or_create(&creating, "ok");
        };
        race([Box::new(create)], move || {
            let _section = Section::enter();
            for (_, node) in reading.nodes().places() {
                assert!(reading.created(node.run()).unwrap().load(Ordering::Relaxed) > 0);
            }
        });
    });
}

#[test]
fn an_exemplar_of_cells_that_are_used_again_is_that_of_their_new_owner() {
    check(|| {
        let exemplars = Arc::new(Exemplars::new());
        let put = |exemplars: &Exemplars, value| exemplars.put(1, value, Duration::ZERO, &[]);
        put(&exemplars, 1.0);
        let (reusing, reading) = (Arc::clone(&exemplars), Arc::clone(&exemplars));
        let reuse = move || {
            reusing.forget(0..2);
            put(&reusing, 2.0);
        };
        race([Box::new(reuse)], move || drop(reading.hold()));
        let held = exemplars.hold();
        let found = held.iter().flat_map(|held| held.of_run(0, 2)).map(|(_, exemplar)| exemplar.value);
        assert!(found.into_iter().all(|value| value == 2.0));
    });
}

#[test]
fn two_threads_that_miss_create_one_series() {
    check(|| {
        let series = jobs(10);
        let creating = [(); 2].map(|()| {
            let series = Arc::clone(&series);
            thread::spawn(move || find_or_create(&series, "ok"))
        });
        let runs = creating.map(|thread| thread.join().unwrap());
        assert_eq!((runs[0], series.len()), (runs[1], 1));
    });
}

#[test]
fn past_the_cap_two_threads_share_one_overflow_series() {
    check(|| {
        let series = jobs(1);
        let creating = ["a", "b"].map(|value| {
            let series = Arc::clone(&series);
            thread::spawn(move || find_or_create(&series, value))
        });
        let runs = creating.map(|thread| thread.join().unwrap());
        assert_ne!(runs[0], runs[1]);
        assert_eq!((series.len(), series.overflowed()), (2, 1));
    });
}

#[test]
fn a_series_that_is_found_has_its_cells() {
    check(|| {
        // What is taken next begins a chunk that nobody has touched yet.
        for _ in 0..12 {
            STORAGE.take_words_up_to(1, 1);
        }
        let descriptor = Descriptor::gauge("queue", "Queue", &["name"]).unwrap();
        let series = Arc::new(Series::new(descriptor, &RegistryOptions::default(), Arc::default()));
        let (creating, finding) = (Arc::clone(&series), Arc::clone(&series));
        let create = move || {
            find_or_create(&creating, "a");
        };
        race([Box::new(create)], move || {
            let section = Section::enter();
            if let Some(node) = finding.existing(&section, &[("name", "a")]) {
                assert_eq!(node.text(), b"{name=\"a\"}");
                STORAGE.word(node.run().cell).store(1, Ordering::Relaxed);
            }
        });
    });
}

#[test]
fn the_first_two_fractions_of_a_series_share_one_cell() {
    check(|| {
        for _ in 0..11 {
            STORAGE.take(1);
        }
        let series = jobs(10);
        let adding = [(); 2].map(|()| {
            let series = Arc::clone(&series);
            thread::spawn(move || {
                let control = Control::new(find_or_create(&series, "a").control);
                let cell = control.float().unwrap_or_else(|| series.float_cell(control));
                // A thread that is ending would add here.
                crate::storage::add_shared_f64(STORAGE.shared_cells(cell).at(0), 0.5);
                cell
            })
        });
        let cells = adding.map(|thread| thread.join().unwrap());
        assert_eq!(cells[0], cells[1]);
        assert_eq!(Reader::default().sum_f64(&STORAGE, cells[0]), 1.0);
    });
}

#[test]
fn an_update_that_meets_a_removal_is_in_the_old_series_or_in_a_new_one() {
    check(|| {
        let series = jobs(10);
        find_or_create(&series, "a");
        let (updating, removing) = (Arc::clone(&series), Arc::clone(&series));
        race([Box::new(move || add(&updating, "a", 3))], move || {
            assert!(removing.remove(&["a"]).unwrap());
            // The cells of the old one, once nobody has them any more.
            add(&removing, "b", 1);
            add(&removing, "c", 2);
        });
        assert!([None, Some(Total::Whole(3))].contains(&value(&series, "a")));
        assert_eq!(
            (value(&series, "b"), value(&series, "c")),
            (Some(Total::Whole(1)), Some(Total::Whole(2)))
        );
    });
}

#[test]
fn a_search_is_whole_while_series_go_and_their_blocks_are_rewritten() {
    check(|| {
        let series = jobs(10);
        // Long enough that each has a block of its own.
        let long = "x".repeat(600);
        for value in ["a", &long, "b"] {
            add(&series, value, 1);
        }
        let (searching, removing) = (Arc::clone(&series), Arc::clone(&series));
        race([Box::new(move || assert_eq!(value(&searching, "b"), Some(Total::Whole(1))))], move || {
            removing.remove(&[&long]).unwrap();
            removing.remove(&["a"]).unwrap();
            removing.tidy_up();
        });
        assert_eq!(value(&series, "b"), Some(Total::Whole(1)));
        assert_eq!(series.len(), 1);
    });
}

#[test]
fn a_walk_is_whole_while_series_go_and_others_take_their_cells() {
    check(|| {
        let series = jobs(10);
        add(&series, "a", 1);
        add(&series, "b", 2);
        let (walking, removing) = (Arc::clone(&series), Arc::clone(&series));
        let walk = move || {
            let section = Section::enter();
            let reader = &mut Reader::default();
            for (_, node) in walking.nodes().places() {
                let (run, text) = (node.run(), node.text());
                let value = total(reader, run);
                let expected = match text {
                    b"{status=\"a\"}" => 1,
                    b"{status=\"b\"}" => 2,
                    _ => 0,
                };
                assert_eq!(value, Total::Whole(expected), "{}", String::from_utf8_lossy(text));
            }
            drop(section);
        };
        race([Box::new(walk)], move || {
            removing.remove(&["a"]).unwrap();
            find_or_create(&removing, "c");
            find_or_create(&removing, "d");
        });
        assert_eq!(series.len(), 3);
    });
}

#[test]
fn a_handle_that_is_dropped_while_its_series_goes_writes_nothing_elsewhere() {
    check(|| {
        let series = jobs(10);
        let held = hold(&series, "a");
        let (writing, removing) = (Arc::clone(&series), Arc::clone(&series));
        let write = move || {
            local::add(held.run().cell, 5);
            drop(held);
            drop(writing);
        };
        race([Box::new(write)], move || {
            removing.remove(&["a"]).unwrap();
            add(&removing, "b", 1);
            add(&removing, "c", 2);
        });
        add(&series, "d", 3);
        let values = ["a", "b", "c", "d"].map(|of| value(&series, of));
        assert_eq!(values, [None, Some(Total::Whole(1)), Some(Total::Whole(2)), Some(Total::Whole(3))]);
    });
}

#[test]
fn a_handle_taken_while_its_series_goes_is_of_one_that_is_there_or_was() {
    check(|| {
        let series = jobs(10);
        find_or_create(&series, "a");
        let (holding, removing) = (Arc::clone(&series), Arc::clone(&series));
        let take = move || {
            let held = hold(&holding, "a");
            local::add(held.run().cell, 5);
            assert_eq!(total(&mut Reader::default(), held.run()), Total::Whole(5));
        };
        race([Box::new(take)], move || {
            removing.remove(&["a"]).unwrap();
            removing.tidy_up();
            add(&removing, "b", 1);
        });
        assert!([None, Some(Total::Whole(5))].contains(&value(&series, "a")));
        assert_eq!(value(&series, "b"), Some(Total::Whole(1)));
    });
}

#[test]
fn the_last_who_has_a_series_frees_it() {
    check(|| {
        let control = STORAGE.take_words_up_to(1, 1).0;
        let control = move || Control::new(control);
        assert!(control().acquire());
        let freed = Arc::new(AtomicU64::new(0));
        let free = |by: bool, freed: &AtomicU64| {
            freed.fetch_add(u64::from(by), Ordering::Relaxed);
        };
        let (handle, other, remover) = (Arc::clone(&freed), Arc::clone(&freed), Arc::clone(&freed));
        let hold = move || {
            if control().acquire() {
                free(control().release(), &other);
            }
        };
        race([Box::new(move || free(control().release(), &handle)), Box::new(hold)], move || {
            control().unlink();
            free(control().abandon(), &remover);
        });
        assert_eq!(freed.load(Ordering::Relaxed), 1);
    });
}

/// Memory that is written once, before a pointer to it is set.
struct Pointed {
    pointers: Pointers<UnsafeCell<u32>>,
    values: [UnsafeCell<u32>; 3],
}

// SAFETY: loom watches every access to the cells.
unsafe impl Send for Pointed {}
// SAFETY: as above.
unsafe impl Sync for Pointed {}

#[test]
fn a_pointer_that_is_set_leads_to_what_was_written() {
    check(|| {
        // The second and the third share a bucket.
        let values = [0_u32; 3].map(UnsafeCell::new);
        let shared = Arc::new(Pointed { pointers: Pointers::new(), values });
        let (setting, getting) = (Arc::clone(&shared), Arc::clone(&shared));
        let set = move || {
            for (index, value) in setting.values.iter().enumerate() {
                // SAFETY: nobody looks before it is set.
                value.with_mut(|value| unsafe { *value = 7 });
                setting.pointers.set(index, std::ptr::from_ref(value).cast_mut());
            }
        };
        race([Box::new(set)], move || {
            let seen = [2, 1, 0].map(|index| {
                // SAFETY: null, or one of the values, which live as long as the pointers.
                let value = unsafe { getting.pointers.get(index).as_ref() };
                // SAFETY: written before it was set, and never again.
                value.map(|value| value.with(|value| unsafe { *value }))
            });
            assert!(seen.iter().flatten().all(|value| *value == 7), "{seen:?}");
            assert!(seen.is_sorted(), "set in order, seen from the end: {seen:?}");
        });
        assert_eq!(shared.pointers.iter().count(), 3);
    });
}

#[test]
fn a_list_shows_whole_items_while_it_grows() {
    check(|| {
        let list = Arc::new(List::new());
        list.push(AtomicU64::new(0));
        let push = |value| -> Box<dyn FnOnce() + Send> {
            let list = Arc::clone(&list);
            Box::new(move || {
                let place = list.push(AtomicU64::new(value));
                assert_eq!(list.get(place).map(|item| item.load(Ordering::Relaxed)), Some(value));
            })
        };
        let walking = Arc::clone(&list);
        race([push(10), push(20)], move || {
            let end = walking.end();
            let values: Vec<u64> = walking.iter().map(|item| item.load(Ordering::Relaxed)).collect();
            assert!(end <= values.len() && values.len() <= 3 && values[0] == 0);
            assert!(values[1..].iter().all(|value| [10, 20].contains(value)));
        });
        assert_eq!(list.iter().map(|item| item.load(Ordering::Relaxed)).sum::<u64>(), 30);
    });
}
