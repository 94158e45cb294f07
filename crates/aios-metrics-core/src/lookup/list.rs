//! A list whose items never move: readers take no lock.

#![allow(unsafe_code)]

use crate::storage::limbo::Unlinked;
use crate::storage::pointers::Pointers;
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Items by index. An item stays where it is until it is taken out, which leaves its place to the
/// next one.
pub(crate) struct List<T> {
    items: Pointers<T>,
    /// Places that were ever taken.
    end: AtomicUsize,
    /// Places that are free again. Held while the list changes.
    free: Mutex<Vec<usize>>,
}

// SAFETY: the list owns its items, so it is as `Send` as they are.
unsafe impl<T: Send + Sync> Send for List<T> {}
// SAFETY: shared references to the list give shared references to the items, nothing more.
unsafe impl<T: Send + Sync> Sync for List<T> {}

impl<T> List<T> {
    pub(crate) fn new() -> Self {
        Self { items: Pointers::new(), end: AtomicUsize::new(0), free: Mutex::new(Vec::new()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.end.load(Ordering::Acquire) - lock(&self.free).len()
    }

    /// The index behind the last place.
    pub(crate) fn end(&self) -> usize {
        self.end.load(Ordering::Acquire)
    }

    /// The item at an index. In a section, where items are taken out.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: null, or a box that `push` made; an item that is taken out lives until the
        // sections of all readers have ended.
        unsafe { self.items.get(index).as_ref() }
    }

    /// Adds an item and returns its index.
    pub(crate) fn push(&self, item: T) -> usize {
        let item = Box::into_raw(Box::new(item));
        let mut free = lock(&self.free);
        if let Some(index) = free.pop() {
            self.items.set(index, item);
            return index;
        }
        let index = self.end.load(Ordering::Relaxed);
        self.items.set(index, item);
        self.end.store(index + 1, Ordering::Release);
        index
    }

    /// Takes an item out, to be dropped when the sections of all readers have ended.
    #[must_use = "readers may still look at it"]
    pub(crate) fn take(&self, index: usize) -> Option<Unlinked<T>> {
        let mut free = lock(&self.free);
        // SAFETY: null, or a box that `push` made, and the list has it no more; the caller drops it
        // when no section that was open now is open any more.
        let item = unsafe { Unlinked::new(self.items.get(index)) }?;
        self.items.set(index, std::ptr::null_mut());
        free.push(index);
        Some(item)
    }

    /// The items, in the order of their places. In a section, where items are taken out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.end()).filter_map(|index| self.get(index))
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        for item in self.items.iter() {
            // SAFETY: a box that `push` made, and nobody else has the list any more.
            drop(unsafe { Box::from_raw(item) });
        }
    }
}

impl<T> std::fmt::Debug for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").field("len", &self.len()).finish()
    }
}
