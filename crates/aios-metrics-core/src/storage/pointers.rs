//! A list of pointers that grows without moving: readers take no lock.

#![allow(unsafe_code)]

use std::ptr;

use crate::sync::{AtomicPtr, Ordering};

/// Entries of the first bucket; each further bucket holds twice as many as the one before.
const FIRST: usize = if cfg!(loom) { 1 } else { 8 };
/// With 8 entries in the first bucket, room for 2^22 entries and more.
const BUCKETS: usize = if cfg!(loom) { 3 } else { 20 };

/// Pointers by index, null where none was set.
///
/// Entries lie in buckets that double in size, so that an index is found by its leading zeros and
/// no entry ever moves. The pointers are not owned.
pub(crate) struct Pointers<T> {
    buckets: [AtomicPtr<AtomicPtr<T>>; BUCKETS],
}

impl<T> Pointers<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { buckets: [const { AtomicPtr::new(ptr::null_mut()) }; BUCKETS] }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())) }
    }

    /// The pointer at `index`; what it points at was written before it was set.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> *mut T {
        let (bucket, offset) = locate(index);
        let entries = self.buckets[bucket].load(Ordering::Acquire);
        if entries.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: a bucket that was published has `FIRST << bucket` entries and lives as long as
        // self, and `locate` keeps the offset below that.
        unsafe { (*entries.add(offset)).load(Ordering::Acquire) }
    }

    /// Sets the pointer at `index`. One caller at a time; `index` is below 8 x 2^20 - 8.
    pub(crate) fn set(&self, index: usize, pointer: *mut T) {
        let (bucket, offset) = locate(index);
        let mut entries = self.buckets[bucket].load(Ordering::Acquire);
        if entries.is_null() {
            let fresh: Box<[AtomicPtr<T>]> =
                (0..FIRST << bucket).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
            entries = Box::into_raw(fresh).cast();
            self.buckets[bucket].store(entries, Ordering::Release);
        }
        // SAFETY: as in `get`.
        unsafe { (*entries.add(offset)).store(pointer, Ordering::Release) }
    }

    /// Every pointer that is set, in the order of the indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = *mut T> {
        let published =
            (0..BUCKETS).filter(|&bucket| !self.buckets[bucket].load(Ordering::Acquire).is_null());
        published
            .flat_map(|bucket| {
                let start = FIRST * ((1 << bucket) - 1);
                start..start + (FIRST << bucket)
            })
            .map(|index| self.get(index))
            .filter(|pointer| !pointer.is_null())
    }
}

impl<T> Drop for Pointers<T> {
    fn drop(&mut self) {
        for (bucket, entries) in self.buckets.iter().enumerate() {
            let entries = entries.load(Ordering::Acquire);
            if !entries.is_null() {
                // SAFETY: the box that `set` made, of this length, and nobody else has it any more.
                drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(entries, FIRST << bucket)) });
            }
        }
    }
}

/// The bucket of an index and the place in it.
#[inline]
fn locate(index: usize) -> (usize, usize) {
    let shifted = index + FIRST;
    let bucket = (shifted.ilog2() - FIRST.ilog2()) as usize;
    (bucket, shifted - (FIRST << bucket))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let list = Pointers::<u32>::new();
        let mut values: Vec<u32> = (0..1_000).collect();
        for (index, value) in values.iter_mut().enumerate() {
            assert!(list.get(index).is_null());
            list.set(index, value);
        }
        // SAFETY: the values outlive the list.
        assert!((0..1_000).all(|index| unsafe { *list.get(index) } == index as u32));
        assert_eq!(list.iter().count(), 1_000);
    }
}
