//! Models of the look-up: searches while entries, items and nodes are added.

#![allow(unsafe_code)]

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::append::AppendList;
use super::node::{Block, Nodes};
use super::table::Table;
use crate::descriptor::Descriptor;
use crate::metric::series::Series;
use crate::storage::local::STORAGE;
use crate::storage::pointers::Pointers;
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
    fn insert(&self, table: &Table, index: usize) {
        // SAFETY: nobody looks before it is inserted.
        self.0[index].with_mut(|cell| unsafe { *cell = 10 + index as u64 });
        table.insert(index, HASH, index as u64, |_| HASH);
    }

    fn find(&self, table: &Table, index: usize) -> Option<u64> {
        // SAFETY: written before it was inserted, and never again.
        let read = |payload: u64| self.0[payload as usize].with(|cell| unsafe { *cell });
        table.find(HASH, |payload| read(payload) == 10 + index as u64)
    }
}

#[test]
fn an_entry_is_found_while_the_table_grows() {
    check(|| {
        let shared = Arc::new((Table::new(), Payloads(std::array::from_fn(|_| UnsafeCell::new(0)))));
        shared.1.insert(&shared.0, 0);
        let (inserting, searching) = (Arc::clone(&shared), Arc::clone(&shared));
        let insert = move || {
            let (table, payloads) = &*inserting;
            // The first of them takes a larger table, the second has room there.
            payloads.insert(table, 1);
            payloads.insert(table, 2);
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
fn two_threads_that_miss_create_one_series() {
    check(|| {
        let descriptor = Descriptor::counter("jobs_total", "Jobs", &["status"]).unwrap();
        let series = Arc::new(Series::new(descriptor, 10, Arc::default()));
        let creating = [(); 2].map(|()| {
            let series = Arc::clone(&series);
            thread::spawn(move || series.with_values(&["ok"]).unwrap().cell())
        });
        let cells = creating.map(|thread| thread.join().unwrap());
        assert_eq!((cells[0], series.len()), (cells[1], 1));
    });
}

#[test]
fn past_the_cap_two_threads_share_one_overflow_series() {
    check(|| {
        let descriptor = Descriptor::counter("jobs_total", "Jobs", &["status"]).unwrap();
        let series = Arc::new(Series::new(descriptor, 1, Arc::default()));
        let creating = ["a", "b"].map(|value| {
            let series = Arc::clone(&series);
            thread::spawn(move || series.with_values(&[value]).unwrap().cell())
        });
        let cells = creating.map(|thread| thread.join().unwrap());
        assert_ne!(cells[0], cells[1]);
        assert_eq!((series.len(), series.overflowed()), (2, 1));
    });
}

#[test]
fn a_series_that_is_found_has_its_cells() {
    check(|| {
        // What is taken next begins a chunk that nobody has touched yet.
        for _ in 0..12 {
            STORAGE.take(1);
        }
        let descriptor = Descriptor::gauge("queue", "Queue", &["name"]).unwrap();
        let series = Arc::new(Series::new(descriptor, 10, Arc::default()));
        let (creating, finding) = (Arc::clone(&series), Arc::clone(&series));
        let create = move || {
            creating.with_values(&["a"]).unwrap();
        };
        race([Box::new(create)], move || {
            if let Some(node) = finding.existing(&[("name", "a")]) {
                assert_eq!(node.text(), b"{name=\"a\"}");
                STORAGE.shared_cells(node.cell())[0].store(1, Ordering::Relaxed);
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
        let descriptor = Descriptor::counter("seconds_total", "Seconds", &[]).unwrap();
        let series = Arc::new(Series::new(descriptor, 10, Arc::default()));
        let adding = [(); 2].map(|()| {
            let series = Arc::clone(&series);
            thread::spawn(move || {
                let node = series.with_values(&[]).unwrap();
                let cell = node.float().unwrap_or_else(|| series.float_cell(node));
                // A thread that is ending would add here.
                crate::storage::add_shared_f64(&STORAGE.shared_cells(cell)[0], 0.5);
                cell
            })
        });
        let cells = adding.map(|thread| thread.join().unwrap());
        assert_eq!(cells[0], cells[1]);
        let total = crate::storage::Reader::default().sum_f64(&STORAGE, cells[0]);
        assert_eq!(total, 1.0);
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
fn a_list_shows_whole_items_in_order_while_it_grows() {
    check(|| {
        let list = Arc::new(AppendList::new());
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
            let len = walking.len();
            let values: Vec<u64> = walking.iter().map(|item| item.load(Ordering::Relaxed)).collect();
            assert!(len <= values.len() && values.len() <= 3 && values[0] == 0);
            assert!(values[1..].iter().all(|value| [10, 20].contains(value)));
        });
        assert_eq!(list.iter().map(|item| item.load(Ordering::Relaxed)).sum::<u64>(), 30);
    });
}

#[test]
fn a_walk_over_the_nodes_sees_whole_nodes_while_more_are_laid_down() {
    check(|| {
        let nodes = Arc::new(Nodes::new());
        let (pushing, walking) = (Arc::clone(&nodes), Arc::clone(&nodes));
        let push = move || {
            // The second does not fit the first block.
            let long = [b'x'; 600];
            for (cell, text) in [(5, b"{a=\"1\"}".as_slice()), (6, &long), (7, b"{a=\"3\"}")] {
                pushing.push(u64::from(cell), cell, text, false);
            }
        };
        race([Box::new(push)], move || {
            let cells = walking.blocks().flat_map(Block::nodes).map(|(node, _)| {
                // The one part of a node that loom watches: read before it was made, this fails.
                assert_eq!(node.float(), None);
                assert_eq!(node.text().len(), if node.cell() == 6 { 600 } else { 7 });
                node.cell()
            });
            let seen: Vec<u32> = cells.collect();
            assert!([5, 6, 7].starts_with(&seen), "{seen:?}");
        });
        assert_eq!(nodes.blocks().flat_map(Block::nodes).count(), 3);
    });
}

#[test]
fn a_node_whose_place_is_found_is_whole() {
    check(|| {
        let shared = Arc::new((Table::new(), Nodes::new()));
        let (creating, finding) = (Arc::clone(&shared), Arc::clone(&shared));
        let create = move || {
            let (table, nodes) = &*creating;
            for cell in 0..2 {
                let place = nodes.push(HASH, cell, b"{a=\"1\"}", false);
                table.insert(cell as usize, HASH, place, |place| nodes.node(place).hash());
            }
        };
        race([Box::new(create)], move || {
            let (table, nodes) = &*finding;
            let found = table.find(HASH, |place| {
                let node = nodes.node(place);
                node.float().is_none() && node.cell() == 1
            });
            assert!(found.is_none_or(|place| nodes.node(place).text() == b"{a=\"1\"}"));
        });
    });
}
