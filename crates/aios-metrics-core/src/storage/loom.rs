//! Models of the storage: threads that come and go and add, a reader that adds up.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::limbo::Limbo;
use super::local::{self, STORAGE};
use super::slab::CHUNK;
use super::{Reader, Section, add_shared, add_shared_f64};
use crate::sync::model::{check, race};
use crate::sync::{AtomicUsize, Ordering};

/// The total of a cell, read as a scrape reads it: from the list of slabs on.
fn total(id: u32) -> u128 {
    Reader::default().sum(&STORAGE, id)
}

fn total_f64(id: u32) -> f64 {
    Reader::default().sum_f64(&STORAGE, id)
}

/// Two readings of a total that is `end` at last.
fn read_twice(id: u32, end: u128) {
    let (first, second) = (total(id), total(id));
    assert!(first <= second && second <= end, "{first}, then {second} of {end}");
}

#[test]
fn chunks_that_appear_are_zero_or_what_was_added() {
    check(|| {
        // In a directory of their own the first, in that of the first the second.
        let ids = [(); 3].map(|()| STORAGE.take(CHUNK as u32));
        let add = move || assert!(ids[1..].iter().all(|&id| local::add(id, 7)));
        race([Box::new(add)], move || {
            let seen = [2, 1].map(|chunk| total(ids[chunk]));
            assert!([[0, 0], [0, 7], [7, 7]].contains(&seen), "{seen:?}");
            let later = [1, 2].map(|chunk| total(ids[chunk]));
            assert!(later[0] >= seen[1] && later[1] >= seen[0], "{seen:?}, then {later:?}");
        });
        assert_eq!([1, 2].map(|chunk| total(ids[chunk])), [7, 7]);
    });
}

#[test]
fn totals_grow_while_two_threads_attach_and_are_exact_afterwards() {
    check(|| {
        let id = STORAGE.take(1);
        let add = |n| -> Box<dyn FnOnce() + Send> { Box::new(move || assert!(local::add(id, n))) };
        race([add(1), add(2)], move || read_twice(id, 3));
        assert_eq!(total(id), 3);
    });
}

#[test]
fn fractions_of_two_threads_grow_and_are_exact_afterwards() {
    check(|| {
        let id = STORAGE.take(1);
        let add = |n| -> Box<dyn FnOnce() + Send> { Box::new(move || local::add_f64(id, n)) };
        race([add(0.1), add(0.2)], move || {
            let (first, second) = (total_f64(id), total_f64(id));
            assert!(first <= second, "{first}, then {second}");
        });
        assert_eq!(total_f64(id), 0.1 + 0.2);
    });
}

#[test]
fn a_slab_that_is_handed_on_loses_nothing() {
    check(|| {
        let id = STORAGE.take(1);
        let live = |n| -> Box<dyn FnOnce() + Send> {
            Box::new(move || {
                assert!(local::add(id, n));
                local::leave();
            })
        };
        race([live(1), live(2)], move || read_twice(id, 3));
        assert_eq!(total(id), 3);
        assert!(STORAGE.slabs().count() <= 2);
    });
}

#[test]
fn a_thread_that_follows_another_takes_its_slab() {
    check(|| {
        let id = STORAGE.take(1);
        let live = move |n: f64| {
            let thread = thread::spawn(move || {
                local::add_f64(id, n);
                local::leave();
            });
            thread.join().unwrap();
        };
        let one_after_the_other = move || {
            live(0.5);
            live(1.25);
        };
        race([Box::new(one_after_the_other)], move || {
            let mut reader = Reader::default();
            let first = reader.sum_f64(&STORAGE, id);
            reader.refresh();
            let second = reader.sum_f64(&STORAGE, id);
            assert!(first <= second && second <= 1.75, "{first}, then {second}");
        });
        assert_eq!((total_f64(id), STORAGE.slabs().count()), (1.75, 1));
    });
}

#[test]
fn updates_of_a_thread_that_has_left_count() {
    check(|| {
        let id = STORAGE.take(1);
        let end = move || {
            assert!(local::add(id, 1));
            local::leave();
            assert!(local::add(id, 2));
        };
        let next = move || assert!(local::add(id, 4));
        race([Box::new(end), Box::new(next)], move || read_twice(id, 7));
        assert_eq!(total(id), 7);
    });
}

#[test]
fn the_shared_slab_loses_nothing_while_it_is_read() {
    check(|| {
        let (whole, float) = (STORAGE.take(1), STORAGE.take(1));
        let add = |n: u32| -> Box<dyn FnOnce() + Send> {
            Box::new(move || {
                assert!(add_shared(STORAGE.shared_cells(whole).at(0), u64::from(n)));
                add_shared_f64(STORAGE.shared_cells(float).at(0), f64::from(n) / 4.0);
            })
        };
        race([add(1), add(2)], move || read_twice(whole, 3));
        assert_eq!((total(whole), total_f64(float)), (3, 0.75));
    });
}

#[test]
fn cells_are_zero_for_their_next_owner() {
    check(|| {
        let id = STORAGE.take(1);
        assert!(local::add(id, 5));
        STORAGE.give_back(id, 1);
        let take_and_add = || -> Box<dyn FnOnce() + Send> {
            Box::new(|| {
                let id = STORAGE.take(1);
                assert_eq!(total(id), 0);
                assert!(local::add(id, 1));
                assert_eq!(total(id), 1);
            })
        };
        race([take_and_add(), take_and_add()], || ());
    });
}

/// Something with two states of which one is unlinked and destroyed, while a thread looks.
struct Watched {
    current: AtomicUsize,
    states: [UnsafeCell<u32>; 2],
}

// SAFETY: loom watches every access to the cells.
#[allow(unsafe_code)]
unsafe impl Send for Watched {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Arc<Self> {
        Arc::new(Self { current: AtomicUsize::new(0), states: [UnsafeCell::new(1), UnsafeCell::new(1)] })
    }

    /// Looks at the current state in a section.
    #[allow(unsafe_code)]
    fn look(&self) {
        let _section = Section::enter();
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: loom checks that nobody writes at the same time.
        self.states[current].with(|state| assert_eq!(unsafe { *state }, 1, "looked at what was destroyed"));
    }

    /// Unlinks the first state, and destroys it as soon as nobody looks at it.
    #[allow(unsafe_code)]
    fn replace(&self) -> bool {
        self.current.store(1, Ordering::Release);
        let mut limbo = Limbo::new();
        limbo.retire(0_usize);
        for _ in 0..2 {
            for old in limbo.poll(&STORAGE) {
                // SAFETY: loom checks that nobody looks at the same time.
                self.states[old].with_mut(|state| unsafe { *state = 0 });
                return true;
            }
        }
        false
    }
}

#[test]
fn nothing_is_freed_while_a_section_may_see_it() {
    check(|| {
        let watched = Watched::new();
        let (looking, replacing) = (Arc::clone(&watched), Arc::clone(&watched));
        let look = move || {
            looking.look();
            looking.look();
        };
        race([Box::new(look)], move || {
            replacing.replace();
        });
    });
}

#[test]
fn a_thread_without_a_slab_is_waited_for_too() {
    check(|| {
        let watched = Watched::new();
        let (looking, replacing) = (Arc::clone(&watched), Arc::clone(&watched));
        let look = move || {
            local::leave_without_a_slab();
            looking.look();
        };
        race([Box::new(look)], move || {
            replacing.replace();
        });
    });
}

#[test]
fn with_nobody_looking_it_is_freed_at_once() {
    check(|| {
        let watched = Watched::new();
        let before = Arc::clone(&watched);
        thread::spawn(move || before.look()).join().unwrap();
        assert!(watched.replace());
    });
}

#[test]
fn an_outer_section_lasts_as_long_as_it_says() {
    check(|| {
        let watched = Watched::new();
        let (looking, replacing) = (Arc::clone(&watched), Arc::clone(&watched));
        let look = move || {
            let _outer = Section::enter();
            looking.look();
            looking.look();
        };
        race([Box::new(look)], move || {
            replacing.replace();
        });
    });
}
