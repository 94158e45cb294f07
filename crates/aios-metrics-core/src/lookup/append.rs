//! A list that only grows: readers take no lock.

#![allow(unsafe_code)]

use crate::storage::pointers::Pointers;
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Items in the order in which they were pushed; an item never moves while the list lives.
pub(crate) struct AppendList<T> {
    items: Pointers<T>,
    len: AtomicUsize,
    push: Mutex<()>,
}

// SAFETY: the list owns its items, so it is as `Send` as they are.
unsafe impl<T: Send + Sync> Send for AppendList<T> {}
// SAFETY: shared references to the list give shared references to the items, nothing more.
unsafe impl<T: Send + Sync> Sync for AppendList<T> {}

impl<T> AppendList<T> {
    pub(crate) fn new() -> Self {
        Self { items: Pointers::new(), len: AtomicUsize::new(0), push: Mutex::new(()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: null, or a box that `push` made; items live as long as the list.
        unsafe { self.items.get(index).as_ref() }
    }

    /// Appends an item and returns its index.
    pub(crate) fn push(&self, item: T) -> usize {
        let item = Box::into_raw(Box::new(item));
        let _one_at_a_time = lock(&self.push);
        let index = self.len();
        self.items.set(index, item);
        self.len.store(index + 1, Ordering::Release);
        index
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<T> Drop for AppendList<T> {
    fn drop(&mut self) {
        for item in self.items.iter() {
            // SAFETY: a box that `push` made, and nobody else has the list any more.
            drop(unsafe { Box::from_raw(item) });
        }
    }
}

impl<T> std::fmt::Debug for AppendList<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppendList").field("len", &self.len()).finish()
    }
}
